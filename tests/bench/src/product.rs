//! The workload of every system: a product is created, then changed back and forth, one event per command. All drivers in Rust
//! use the ledger's decisions, events and state; the metadata of an event is stored with it.

use std::collections::BTreeMap;

use commands::product::{Command, NewProduct, Patch, Pricing, decide};
use schema::{Currency, Details, Facts, Price, ProductEvent};

/// Two descriptions of 114 characters.
const EVEN: &str = "Universal fit, well-vented, lightweight, snap-on visor. Sold in three sizes; the strap is replaceable. Colour: red";
const ODD: &str = "Universal fit, well-vented, lightweight, snap-on visor. Sold in three sizes; strap and pads are spare. No case ...";

/// The metadata by name.
pub type Metadata = BTreeMap<String, String>;

/// The kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Its price changes; with its metadata the event has about 330 bytes.
    Price,
    /// Its description changes; the event alone has about 330 bytes.
    Description,
    /// Its price changes, and nothing is stored about the event. The ledger cannot do that.
    PriceAlone,
}

impl Work {
    /// Its name in the results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Price => "a price changes",
            Self::Description => "a description changes",
            Self::PriceAlone => "a price changes, no metadata",
        }
    }

    /// The command that leads to event `n` of a product; the first creates it.
    ///
    /// # Errors
    /// None for these texts.
    pub fn command(self, n: u64) -> anyhow::Result<Command> {
        let even = n.is_multiple_of(2);
        let price = Price::parse(if even { "33.6442" } else { "34.99" })?;
        let description = (self == Self::Description).then(|| if even { EVEN } else { ODD }.to_owned());
        if n > 1 {
            return Ok(Command::Patch(match description {
                Some(description) => Patch { description: Some(Some(description)), ..Patch::default() },
                None => Patch { price: Some(price), ..Patch::default() },
            }));
        }
        Ok(Command::Create(NewProduct {
            name: "Sport-100 Helmet, Red".into(),
            price,
            currency: None,
            default_currency: Currency::parse("USD")?,
            details: Details {
                sku: Some("HL-U509-R".into()),
                category: Some("Accessories / Helmets".into()),
                description,
                attributes: None,
            },
        }))
    }

    /// The metadata of event `n`, as in a commit of the ledger except for the times.
    #[must_use]
    pub fn metadata(self, n: u64) -> Metadata {
        let all = [
            ("event_id", format!("01M843RTVG91GMC8P2{n:08}")),
            ("actor", ACTOR.to_owned()),
            ("correlation_id", CORRELATION.to_owned()),
            ("causation_id", format!("01M843RTVE149V1HW2{n:08}")),
        ];
        let known = all.into_iter().filter(|_| self != Self::PriceAlone);
        known.map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Events 1 to `n` of a product with the state after each.
    pub fn story(self, n: u64) -> impl Iterator<Item = anyhow::Result<(u64, ProductEvent, Facts)>> {
        (1..=n).scan(None, move |facts: &mut Option<Facts>, sequence| {
            let step = || {
                let event = event(facts.as_ref(), &self.command(sequence)?)?;
                anyhow::Ok((sequence, event.clone(), Facts::after(facts.clone(), &event)?))
            };
            let step = step();
            if let Ok((_, _, after)) = &step {
                *facts = Some(after.clone());
            }
            Some(step)
        })
    }
}

/// A token's `sub`.
pub const ACTOR: &str = "0b9c7a52-1f6e-4a0d-8f8e-5d2c3b4a6978";
/// The correlation id of all commands.
pub const CORRELATION: &str = "01M843RTVE149V1HW2J5DF8KZM";

/// The id of a product: 26 characters, as the ledger makes them.
#[must_use]
pub fn id(system: &str, configuration: &str, work: Work, events: u64) -> String {
    let of =
        |text: &str, most| text.chars().filter(char::is_ascii_alphanumeric).take(most).collect::<String>();
    let name = format!("{}{}", of(system, 10), of(configuration, 8)).to_uppercase();
    format!("{name:0<18}{}{events:07}", work as u8)
}

/// The event of a command on the current product.
///
/// # Errors
/// The command is rejected.
pub fn event(before: Option<&Facts>, command: &Command) -> anyhow::Result<ProductEvent> {
    let mut events = decide(before, command, &Pricing::default())?;
    anyhow::ensure!(events.len() == 1, "{} events", events.len());
    Ok(events.remove(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(value: &impl serde::Serialize) -> usize {
        serde_json::to_vec(value).unwrap().len()
    }

    #[test]
    fn an_event_has_about_330_bytes_with_its_metadata_or_alone() {
        for n in [2, 3] {
            let of = |work: Work| work.story(n).last().unwrap().unwrap().1;
            let price = bytes(&of(Work::Price)) + bytes(&Work::Price.metadata(n));
            assert!((300..=340).contains(&price), "{price} bytes");
            let description = bytes(&of(Work::Description));
            assert!((300..=340).contains(&description), "{description} bytes");
            assert!(Work::PriceAlone.metadata(n).is_empty());
        }
    }
}
