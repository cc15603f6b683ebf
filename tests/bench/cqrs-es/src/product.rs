//! The aggregate of the peer: a product is created and its price changes. A price is a plain decimal with the same checks as in
//! the ledger; setting the same price creates no event.

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent, EventEnvelope, View};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A product, which is also its view.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Product {
    pub name: String,
    pub price: String,
    pub sku: Option<String>,
    pub category: Option<String>,
    #[serde(default)]
    pub attributes: Map<String, Value>,
    pub is_created: bool,
}

/// What a client may ask for.
#[derive(Debug)]
pub enum Command {
    Create(Details),
    ChangePrice(Price),
}

/// The body of a creation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Details {
    pub name: String,
    pub price: String,
    pub sku: Option<String>,
    pub category: Option<String>,
    #[serde(default)]
    pub attributes: Map<String, Value>,
}

/// The body of a price change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    pub price: String,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    Created(Details),
    PriceChanged { price: String, previous_price: String },
}

/// Why a command is refused.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    #[error("a price is a plain decimal: up to 12 digits, then optionally a point and up to 4 digits")]
    NoPrice,
    #[error("a name has 1 to 200 characters")]
    NoName,
    #[error("the product exists")]
    Exists,
    #[error("there is no such product")]
    Unknown,
}

impl DomainEvent for Event {
    fn event_type(&self) -> String {
        match self {
            Self::Created(_) => "Created".to_owned(),
            Self::PriceChanged { .. } => "PriceChanged".to_owned(),
        }
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}

impl Aggregate for Product {
    type Command = Command;
    type Error = Refusal;
    type Event = Event;
    type Services = ();

    const TYPE: &'static str = "product";

    async fn handle(&mut self, command: Command, (): &(), sink: &EventSink<Self>) -> Result<(), Refusal> {
        if let Some(event) = self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Created(Details { name, price, sku, category, attributes }) => {
                *self = Self { name, price, sku, category, attributes, is_created: true };
            }
            Event::PriceChanged { price, .. } => self.price = price,
        }
    }
}

impl Product {
    fn decide(&self, command: Command) -> Result<Option<Event>, Refusal> {
        match command {
            Command::Create(_) if self.is_created => Err(Refusal::Exists),
            Command::Create(details) => {
                check(&details.price)?;
                let characters = details.name.chars().count();
                if !(1..=200).contains(&characters) {
                    return Err(Refusal::NoName);
                }
                Ok(Some(Event::Created(details)))
            }
            Command::ChangePrice(_) if !self.is_created => Err(Refusal::Unknown),
            Command::ChangePrice(Price { price }) => {
                check(&price)?;
                let previous_price = self.price.clone();
                Ok((price != previous_price).then_some(Event::PriceChanged { price, previous_price }))
            }
        }
    }
}

impl View<Self> for Product {
    fn update(&mut self, event: &EventEnvelope<Self>) {
        self.apply(event.payload.clone());
    }
}

fn check(price: &str) -> Result<(), Refusal> {
    let (whole, part) = price.split_once('.').unwrap_or((price, "0"));
    let digits = |text: &str, most: usize| {
        (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if digits(whole, 12) && digits(part, 4) { Ok(()) } else { Err(Refusal::NoPrice) }
}

#[cfg(test)]
mod tests {
    use cqrs_es::test::TestFramework;

    use super::*;

    fn helmet() -> Details {
        let (name, price) = ("Helmet".to_owned(), "33.6442".to_owned());
        Details { name, price, sku: None, category: None, attributes: Map::new() }
    }

    fn change(price: &str) -> Command {
        Command::ChangePrice(Price { price: price.to_owned() })
    }

    #[test]
    fn a_new_price_is_an_event_with_the_one_before() {
        let changed = Event::PriceChanged { price: "34.99".to_owned(), previous_price: "33.6442".to_owned() };
        TestFramework::<Product>::with(())
            .given(vec![Event::Created(helmet())])
            .when(change("34.99"))
            .then_expect_events(vec![changed]);
    }

    #[test]
    fn the_same_price_is_no_event() {
        TestFramework::<Product>::with(())
            .given(vec![Event::Created(helmet())])
            .when(change("33.6442"))
            .then_expect_events(vec![]);
    }

    #[test]
    fn what_is_no_plain_decimal_is_refused() {
        for price in ["", "-1", "1e3", "1.", ".5", "1.23456", "1234567890123", "1,5"] {
            assert_eq!(check(price), Err(Refusal::NoPrice), "{price:?}");
        }
        for price in ["0", "1.5", "123456789012.3456"] {
            assert_eq!(check(price), Ok(()), "{price:?}");
        }
    }

    #[test]
    fn a_product_is_created_once_and_changed_afterwards() {
        let created = Product { is_created: true, ..Product::default() };
        assert_eq!(created.decide(Command::Create(helmet())), Err(Refusal::Exists));
        assert_eq!(Product::default().decide(change("1")), Err(Refusal::Unknown));
    }
}
