//! Settings from the environment, with the same names in every program.
//!
//! The promise: an invalid setting ends the start with one line that names it.

use crate::{Currency, Orders};

/// Names of the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// The event table.
    pub events: String,
    /// The product view.
    pub products: String,
    /// The price histories.
    pub prices: String,
    /// Publication receipts and failures.
    pub receipts: String,
    /// Parked products.
    pub parking: String,
    /// Checkpoints of the local event source mapping.
    pub checkpoints: String,
    /// The local bus.
    pub bus: String,
}

/// The settings of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The tables.
    pub tables: Tables,
    /// The `EventBridge` bus; the local bus if left out.
    pub event_bus: Option<String>,
    /// `Source` of every message.
    pub event_source: String,
    /// The currency of a new product whose command names none.
    pub default_currency: Currency,
    /// The orders of LIST that are maintained.
    pub orders: Orders,
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{name}={value:?}: {reason}")]
pub struct WrongSetting {
    name: &'static str,
    value: String,
    reason: String,
}

impl Settings {
    /// Reads the settings through `lookup`, which returns the value of a variable.
    ///
    /// # Errors
    /// [`WrongSetting`]: correct the variable it names.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, WrongSetting> {
        let or_default = |name, default: &str| lookup(name).unwrap_or_else(|| default.to_owned());
        let table = |name, default| table(name, or_default(name, default));
        let currency = or_default("LEDGER_DEFAULT_CURRENCY", "USD");
        let default_currency = Currency::parse(&currency)
            .map_err(|error| wrong("LEDGER_DEFAULT_CURRENCY", &currency, error.to_string()))?;
        let kept = or_default("LEDGER_ORDERS", "id,name,price,updated_at");
        let orders =
            Orders::parse(&kept).map_err(|error| wrong("LEDGER_ORDERS", &kept, error.to_string()))?;
        let event_source = or_default("LEDGER_EVENT_SOURCE", "product-ledger.products");
        Ok(Self {
            tables: Tables {
                events: table("LEDGER_EVENTS_TABLE", "ledger-events")?,
                products: table("LEDGER_PRODUCTS_TABLE", "ledger-products")?,
                prices: table("LEDGER_PRICES_TABLE", "ledger-prices")?,
                receipts: table("LEDGER_RECEIPTS_TABLE", "ledger-receipts")?,
                parking: table("LEDGER_PARKING_TABLE", "ledger-parking")?,
                checkpoints: table("LEDGER_CHECKPOINTS_TABLE", "ledger-checkpoints")?,
                bus: table("LEDGER_BUS_TABLE", "ledger-bus")?,
            },
            event_bus: lookup("LEDGER_EVENT_BUS")
                .map(|bus| named("LEDGER_EVENT_BUS", bus, 256))
                .transpose()?,
            event_source: named("LEDGER_EVENT_SOURCE", event_source, 256)?,
            default_currency,
            orders,
        })
    }
}

/// `DynamoDB`'s rule for table names.
fn table(name: &'static str, value: String) -> Result<String, WrongSetting> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if (3..=255).contains(&value.len()) && value.bytes().all(allowed) {
        return Ok(value);
    }
    Err(wrong(name, &value, "a table name is 3 to 255 of a-z A-Z 0-9 _ . -".into()))
}

fn named(name: &'static str, value: String, most: usize) -> Result<String, WrongSetting> {
    if (1..=most).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(value);
    }
    Err(wrong(name, &value, format!("must have 1 to {most} visible ASCII characters")))
}

fn wrong(name: &'static str, value: &str, reason: String) -> WrongSetting {
    WrongSetting { name, value: value.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Result<Settings, WrongSetting> {
        Settings::read(|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn everything_has_a_default() {
        let settings = Settings::read(|_| None).unwrap();
        assert_eq!(settings.tables.events, "ledger-events");
        assert_eq!(settings.event_bus, None);
        assert_eq!(settings.orders, Orders::default());
        assert_eq!(settings.event_source, "product-ledger.products");
    }

    #[test]
    fn a_wrong_setting_is_one_line_that_names_it() {
        for (name, value) in [
            ("LEDGER_DEFAULT_CURRENCY", "usd"),
            ("LEDGER_EVENTS_TABLE", "no spaces"),
            ("LEDGER_EVENTS_TABLE", "ab"),
            ("LEDGER_EVENT_BUS", ""),
            ("LEDGER_EVENT_SOURCE", "a\nb"),
            ("LEDGER_ORDERS", "id,sku"),
            ("LEDGER_ORDERS", "name"),
            ("LEDGER_ORDERS", ""),
        ] {
            let line = with(name, value).unwrap_err().to_string();
            assert!(line.starts_with(name) && !line.contains('\n'), "{line}");
        }
    }
}
