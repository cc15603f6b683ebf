//! Settings from the environment, with the same names in every program.
//!
//! The promise: an invalid setting ends the start with one line that names it.

use crate::message::MessageSource;
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
    /// The order of all commits.
    pub log: String,
    /// What the sequencer of the log has to look at.
    pub log_feed: String,
}

/// How the log of a ledger in `DynamoDB` is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudLogSettings {
    /// The bucket of S3 with its files; without one there is no log.
    pub bucket: Option<String>,
    /// The id or ARN of the key of KMS that signs it.
    pub key_id: Option<String>,
    /// The id or ARN of the key before it, which signs too for a while.
    pub former_key_id: Option<String>,
    /// For how many days.
    pub overlap_days: u16,
    /// The verifier key of the key before it, if that is lost.
    pub lost_key: Option<String>,
    /// Its name.
    pub origin: Option<String>,
    /// How long what never changes of its files is locked.
    pub retention: Option<String>,
    /// Seconds between two checkpoints at least.
    pub interval: u32,
}

/// The settings of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The tables.
    pub tables: Tables,
    /// The `EventBridge` bus; the local bus if left out.
    pub event_bus: Option<String>,
    /// What kind of bus that is.
    pub event_bus_kind: BusKind,
    /// The most entries of a request to it.
    pub event_bus_entries: usize,
    /// What protects the event table, as it was deployed; `None`: it is not checked.
    pub events_protection: Option<String>,
    /// The same of the log table.
    pub log_protection: Option<String>,
    /// `Source` of every message.
    pub event_source: String,
    /// The currency of a new product whose command names none.
    pub default_currency: Currency,
    /// The orders of LIST that are maintained.
    pub orders: Orders,
    /// The log.
    pub log: CloudLogSettings,
}

/// The two kinds of buses that `EventBridge` has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusKind {
    /// The one with rules, which promises no order of delivery.
    Classic,
    /// The one with subscribers, which keeps the order of a product for those that ask for it.
    Fifo,
}

impl BusKind {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "classic" => Some(Self::Classic),
            "fifo" => Some(Self::Fifo),
            _ => None,
        }
    }

    /// The most entries that a request may have.
    #[must_use]
    pub const fn most_entries(self) -> usize {
        match self {
            Self::Classic => 10,
            Self::Fifo => 100,
        }
    }
}

/// Whether this is the ARN of a FIFO bus, `arn:aws:events:REGION:ACCOUNT:event-busv2/NAME/ID`.
#[must_use]
pub fn is_fifo_bus(name: &str) -> bool {
    let parts: Vec<&str> = name.splitn(6, ':').collect();
    let ["arn", partition, "events", region, account, resource] = parts[..] else { return false };
    let ["event-busv2", name, id] = resource.split('/').collect::<Vec<_>>()[..] else { return false };
    let lower = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let words = |text: &str| text.split('-').all(|word| !word.is_empty() && lower(word));
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    partition
        .strip_prefix("aws")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-') && words(&rest[1..]))
        && region.starts_with(|first: char| first.is_ascii_lowercase())
        && words(region)
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && (1..=256).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(is_name)
        && id.len() == 25
        && lower(id)
}

/// A variable of the environment with a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The value if it is left out; `None` if that has a meaning of its own.
    pub default: Option<&'static str>,
    /// What it sets.
    pub effect: &'static str,
    /// What reads it.
    pub read_by: &'static str,
}

/// Servers, commands and functions that work on `DynamoDB`.
const ON_DYNAMODB: &str = "`serve --dynamodb aws`, operators' commands without `--data`, functions";
/// Whatever appends commits or answers queries.
const ON_EVERY_STORE: &str = "`serve`, operators' commands, functions";
/// What reads the files of a log in a bucket.
const LOG_READERS: &str = "`serve --dynamodb aws`, the functions `sequencer` and `query-api`";
/// What writes and signs a log in a bucket.
const LOG_WRITERS: &str = "`serve --dynamodb aws`, the function `sequencer`";
/// What keeps state of its own on `DynamoDB` because AWS does not run it.
const LOCAL: &str = "`serve --dynamodb aws`";

const EVENTS: Variable = on_dynamodb("LEDGER_EVENTS_TABLE", "ledger-events", "event table");
const PRODUCTS: Variable = on_dynamodb("LEDGER_PRODUCTS_TABLE", "ledger-products", "table of the catalogue");
const PRICES: Variable = on_dynamodb("LEDGER_PRICES_TABLE", "ledger-prices", "table of the price histories");
const RECEIPTS: Variable =
    on_dynamodb("LEDGER_RECEIPTS_TABLE", "ledger-receipts", "table of publication receipts");
const PARKING: Variable = on_dynamodb("LEDGER_PARKING_TABLE", "ledger-parking", "table of parked products");
const CHECKPOINTS: Variable = Variable {
    read_by: LOCAL,
    ..on_dynamodb(
        "LEDGER_CHECKPOINTS_TABLE",
        "ledger-checkpoints",
        "table of the stream readers' checkpoints",
    )
};
const BUS: Variable = Variable {
    read_by: LOCAL,
    ..on_dynamodb(
        "LEDGER_BUS_TABLE",
        "ledger-bus",
        "table of the local bus, unless `LEDGER_EVENT_BUS` is set",
    )
};
const LOG: Variable =
    on_dynamodb("LEDGER_LOG_TABLE", "ledger-log", "table with the order of all commits, insert-only");
const LOG_FEED: Variable = on_dynamodb(
    "LEDGER_LOG_FEED_TABLE",
    "ledger-log-feed",
    "table with what the sequencer of the log has to look at",
);
const LOG_BUCKET: Variable = Variable {
    name: "LEDGER_LOG_BUCKET",
    default: None,
    effect: "bucket of S3 with the files of the log; without it there is an order of all commits and no log",
    read_by: LOG_READERS,
};
const LOG_KEY_ID: Variable = Variable {
    name: "LEDGER_LOG_KEY_ID",
    default: None,
    effect: "id or ARN of the key of KMS that signs the log, of the key spec `ECC_NIST_EDWARDS25519`",
    read_by: LOG_WRITERS,
};
const LOG_FORMER_KEY_ID: Variable = Variable {
    name: "LEDGER_LOG_FORMER_KEY_ID",
    default: None,
    effect: "id or ARN of the key that `LEDGER_LOG_KEY_ID` replaces, which signs too as long as `LEDGER_LOG_OVERLAP` says; without it the log's key is not replaced, and a former key signs no longer",
    read_by: LOG_WRITERS,
};
const LOG_OVERLAP: Variable = Variable {
    name: "LEDGER_LOG_OVERLAP",
    default: Some("30"),
    effect: "for how many days from its replacement on the former key signs too, 0 to 3650; 0: it ends at once",
    read_by: LOG_WRITERS,
};
const LOG_LOST_KEY: Variable = Variable {
    name: "LEDGER_LOG_LOST_KEY",
    default: None,
    effect: "verifier key of the log that is lost: `LEDGER_LOG_KEY_ID` replaces it without its signature",
    read_by: LOG_WRITERS,
};
const LOG_ORIGIN: Variable = Variable {
    name: "LEDGER_LOG_ORIGIN",
    default: None,
    effect: "name of the log, such as `ledger.example.com/log`, which it keeps, also for `metadata.log_origin` of messages; a data directory's log gives its own name",
    read_by: "`serve --dynamodb aws`, `replay` without `--data`, the functions `publisher`, `query-api` and `sequencer`",
};
const LOG_RETENTION: Variable = Variable {
    name: "LEDGER_LOG_RETENTION",
    default: None,
    effect: "how long full tiles, full bundles and kept checkpoints are locked (S3 Object Lock): `COMPLIANCE:DAYS` or `GOVERNANCE:DAYS`; if unset, not at all",
    read_by: LOG_WRITERS,
};
const LOG_INTERVAL: Variable = Variable {
    name: "LEDGER_LOG_INTERVAL",
    default: Some("10"),
    effect: "the least time between two signed checkpoints, in seconds, 1 to 3600; the function publishes at each batch of its stream",
    read_by: LOCAL,
};
const EVENT_BUS: Variable = Variable {
    name: "LEDGER_EVENT_BUS",
    default: None,
    effect: "name or ARN of the EventBridge bus, which must exist; without it messages go to the local bus",
    read_by: "`serve --dynamodb aws`, `replay`, the function `publisher`",
};
const EVENT_BUS_KIND: Variable = Variable {
    name: "LEDGER_EVENT_BUS_KIND",
    default: Some("classic"),
    effect: "what `LEDGER_EVENT_BUS` is: `classic`, a bus with rules, or `fifo`, the ARN of a custom event bus with subscribers, which keeps the order of a product",
    read_by: "`serve`, `replay`, the function `publisher`",
};
const EVENT_BUS_ENTRIES: Variable = Variable {
    name: "LEDGER_EVENT_BUS_ENTRIES",
    default: Some("10"),
    effect: "the most entries of a request to `LEDGER_EVENT_BUS`, 1 to 10, of a FIFO bus 1 to 100; each is of another product",
    read_by: "`serve`, `replay`, the function `publisher`",
};
const EVENTS_PROTECTION: Variable = Variable {
    name: "LEDGER_EVENTS_PROTECTION",
    default: None,
    effect: "what protects the event table, as the stack deploys it: `{\"policy\":…,\"deletion_protection\":…}`; without it that is not checked",
    read_by: "the function `publisher`",
};
const LOG_PROTECTION: Variable = Variable {
    name: "LEDGER_LOG_PROTECTION",
    default: None,
    effect: "what protects the log table, likewise, with `\"stream\":false`",
    read_by: "the function `sequencer`",
};
const EVENT_SOURCE: Variable = Variable {
    name: "LEDGER_EVENT_SOURCE",
    default: Some("product-ledger.products"),
    effect: "`source` of every message",
    read_by: ON_EVERY_STORE,
};
const DEFAULT_CURRENCY: Variable = Variable {
    name: "LEDGER_DEFAULT_CURRENCY",
    default: Some("USD"),
    effect: "currency of a new product whose command names none",
    read_by: "`serve`, the function `command-api`",
};
const ORDERS: Variable = Variable {
    name: "LEDGER_ORDERS",
    default: Some("id,name,price,updated_at"),
    effect: "orders of LIST that are maintained; must include `id`",
    read_by: ON_EVERY_STORE,
};

/// Every variable that [`Settings`] reads.
pub const VARIABLES: [Variable; 25] = [
    EVENTS,
    PRODUCTS,
    PRICES,
    RECEIPTS,
    PARKING,
    CHECKPOINTS,
    BUS,
    LOG,
    LOG_FEED,
    LOG_BUCKET,
    LOG_KEY_ID,
    LOG_FORMER_KEY_ID,
    LOG_OVERLAP,
    LOG_LOST_KEY,
    LOG_ORIGIN,
    LOG_RETENTION,
    LOG_INTERVAL,
    EVENT_BUS,
    EVENT_BUS_KIND,
    EVENT_BUS_ENTRIES,
    EVENTS_PROTECTION,
    LOG_PROTECTION,
    EVENT_SOURCE,
    DEFAULT_CURRENCY,
    ORDERS,
];

const fn on_dynamodb(name: &'static str, default: &'static str, effect: &'static str) -> Variable {
    Variable { name, default: Some(default), effect, read_by: ON_DYNAMODB }
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
        let value = |variable: Variable| {
            lookup(variable.name).unwrap_or_else(|| variable.default.unwrap_or_default().to_owned())
        };
        let table = |variable: Variable| table(variable.name, value(variable));
        let currency = value(DEFAULT_CURRENCY);
        let default_currency = Currency::parse(&currency)
            .map_err(|error| wrong(DEFAULT_CURRENCY.name, &currency, error.to_string()))?;
        let kept = value(ORDERS);
        let optional = |variable: Variable, most| {
            lookup(variable.name).map(|value| named(variable.name, value, most)).transpose()
        };
        let interval = value(LOG_INTERVAL);
        let seconds = interval.parse().ok().filter(|seconds| (1..=3600).contains(seconds));
        let seconds =
            seconds.ok_or_else(|| wrong(LOG_INTERVAL.name, &interval, "must be 1 to 3600 seconds".into()))?;
        let overlap = value(LOG_OVERLAP);
        let days = overlap.parse().ok().filter(|days| (0..=3650).contains(days));
        let days = days.ok_or_else(|| wrong(LOG_OVERLAP.name, &overlap, "must be 0 to 3650 days".into()))?;
        let event_source = named(EVENT_SOURCE.name, value(EVENT_SOURCE), 256)?;
        let event_bus = optional(EVENT_BUS, 1_011)?;
        let event_bus_kind = bus_kind(&value(EVENT_BUS_KIND), event_bus.as_deref(), &event_source)?;
        let event_bus_entries = bus_entries(&value(EVENT_BUS_ENTRIES), event_bus_kind)?;
        let orders = Orders::parse(&kept).map_err(|error| wrong(ORDERS.name, &kept, error.to_string()))?;
        Ok(Self {
            tables: Tables {
                events: table(EVENTS)?,
                products: table(PRODUCTS)?,
                prices: table(PRICES)?,
                receipts: table(RECEIPTS)?,
                parking: table(PARKING)?,
                checkpoints: table(CHECKPOINTS)?,
                bus: table(BUS)?,
                log: table(LOG)?,
                log_feed: table(LOG_FEED)?,
            },
            event_bus,
            event_bus_kind,
            event_bus_entries,
            events_protection: lookup(EVENTS_PROTECTION.name),
            log_protection: lookup(LOG_PROTECTION.name),
            event_source,
            default_currency,
            orders,
            log: CloudLogSettings {
                bucket: optional(LOG_BUCKET, 63)?,
                key_id: optional(LOG_KEY_ID, 2_048)?,
                former_key_id: optional(LOG_FORMER_KEY_ID, 2_048)?,
                overlap_days: days,
                lost_key: optional(LOG_LOST_KEY, 512)?,
                origin: optional(LOG_ORIGIN, 200)?,
                retention: optional(LOG_RETENTION, 32)?,
                interval: seconds,
            },
        })
    }

    /// What all messages name as their source.
    #[must_use]
    pub fn message_source(&self) -> MessageSource {
        MessageSource { name: self.event_source.clone(), log_origin: self.log.origin.clone() }
    }
}

/// The prefix of every variable of the ledger.
const PREFIX: &str = "LEDGER_";

/// A variable of the environment that looks like a setting, but is none.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownVariable {
    /// Its name.
    pub name: String,
    /// The known name that was probably meant.
    pub similar: Option<&'static str>,
}

/// The ledger's variables among `names` that nothing reads: neither [`Settings`] nor the program, which reads `others`.
pub fn unknown(names: impl IntoIterator<Item = String>, others: &[&'static str]) -> Vec<UnknownVariable> {
    let known: Vec<&'static str> =
        VARIABLES.iter().map(|variable| variable.name).chain(others.iter().copied()).collect();
    let unknown =
        names.into_iter().filter(|name| name.starts_with(PREFIX) && !known.contains(&name.as_str()));
    let mut unknown: Vec<UnknownVariable> = unknown
        .map(|name| {
            let similar = nearest(&name, &known);
            UnknownVariable { name, similar }
        })
        .collect();
    unknown.sort_by(|a, b| a.name.cmp(&b.name));
    unknown
}

/// The known name that differs from this one in the fewest letters, if these are few for a name of its length: any two words
/// of three letters differ in three.
fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let word = |name: &str| name.trim_start_matches(PREFIX).len();
    let near = known.iter().filter_map(|known| {
        let (edits, letters) = (strsim::osa_distance(known, name), word(name).min(word(known)));
        (edits <= (letters / LETTERS_PER_EDIT).clamp(1, MOST_EDITS)).then_some((edits, *known))
    });
    near.min_by_key(|(edits, _)| *edits).map(|(_, known)| known)
}

/// How many letters may be wrong, missing, too many or swapped for a name to be called similar.
const MOST_EDITS: usize = 3;

/// A name, without the prefix, has as many letters for each that may differ.
const LETTERS_PER_EDIT: usize = 3;

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

/// The kind of the bus, which the form of its name and the source of messages have to fit.
fn bus_kind(kind: &str, bus: Option<&str>, source: &str) -> Result<BusKind, WrongSetting> {
    const ARN: &str = "the ARN of a custom event bus, arn:aws:events:REGION:ACCOUNT:event-busv2/NAME/ID";
    let parsed = BusKind::parse(kind)
        .ok_or_else(|| wrong(EVENT_BUS_KIND.name, kind, "must be classic or fifo".into()))?;
    match (parsed, bus) {
        (BusKind::Classic, Some(bus)) if bus.contains(":event-busv2/") => {
            Err(wrong(EVENT_BUS.name, bus, "is a FIFO bus: set LEDGER_EVENT_BUS_KIND=fifo".into()))
        }
        (BusKind::Classic, Some(bus)) => named(EVENT_BUS.name, bus.to_owned(), 256).map(|_| parsed),
        (BusKind::Fifo, None) => {
            Err(wrong(EVENT_BUS_KIND.name, kind, format!("LEDGER_EVENT_BUS is not set: it must be {ARN}")))
        }
        (BusKind::Fifo, Some(bus)) if !is_fifo_bus(bus) => {
            Err(wrong(EVENT_BUS.name, bus, format!("with LEDGER_EVENT_BUS_KIND=fifo it must be {ARN}")))
        }
        (BusKind::Fifo, Some(_)) if source.starts_with("aws.") => {
            Err(wrong(EVENT_SOURCE.name, source, "a FIFO bus takes no source that begins with aws.".into()))
        }
        _ => Ok(parsed),
    }
}

fn bus_entries(entries: &str, kind: BusKind) -> Result<usize, WrongSetting> {
    let most = kind.most_entries();
    let parsed = entries.parse().ok().filter(|entries| (1..=most).contains(entries));
    parsed.ok_or_else(|| wrong(EVENT_BUS_ENTRIES.name, entries, format!("must be 1 to {most}")))
}

fn wrong(name: &'static str, value: &str, reason: String) -> WrongSetting {
    WrongSetting { name, value: value.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Result<Settings, WrongSetting> {
        with_all(&[(name, value)])
    }

    fn with_all(values: &[(&str, &str)]) -> Result<Settings, WrongSetting> {
        Settings::read(|asked| Some(values.iter().find(|(name, _)| *name == asked)?.1.to_owned()))
    }

    const ARN: &str = "arn:aws:events:eu-central-1:123456789012:event-busv2/ledger/abcdefghijklmno0123456789";

    #[test]
    fn everything_has_a_default() {
        let settings = Settings::read(|_| None).unwrap();
        assert_eq!((settings.event_bus_kind, settings.event_bus_entries), (BusKind::Classic, 10));
        assert_eq!(settings.tables.events, "ledger-events");
        assert_eq!(settings.event_bus, None);
        assert_eq!(settings.orders, Orders::default());
        assert_eq!(settings.event_source, "product-ledger.products");
    }

    #[test]
    fn every_variable_that_is_read_is_listed_and_the_other_way_round() {
        let read = std::cell::RefCell::new(Vec::new());
        Settings::read(|name| {
            read.borrow_mut().push(name.to_owned());
            None
        })
        .unwrap();
        let mut read = read.into_inner();
        let mut listed: Vec<String> = VARIABLES.iter().map(|variable| variable.name.to_owned()).collect();
        read.sort();
        listed.sort();
        assert_eq!(read, listed);
    }

    #[test]
    fn a_variable_that_nothing_reads_is_found_with_the_name_that_was_probably_meant() {
        let names = ["LEDGER_EVNETS_TABLE", "LEDGER_ORDERS", "LEDGER_URL", "HOME", "LEDGER_PRETTY_OUTPUT"];
        let found = unknown(names.map(str::to_owned), &["LEDGER_URL"]);
        let found: Vec<_> = found.iter().map(|unknown| (unknown.name.as_str(), unknown.similar)).collect();
        assert_eq!(
            found,
            [("LEDGER_EVNETS_TABLE", Some("LEDGER_EVENTS_TABLE")), ("LEDGER_PRETTY_OUTPUT", None)]
        );
    }

    #[test]
    fn only_a_near_name_is_taken_for_the_one_that_was_meant() {
        let others = ["LEDGER_URL", "LEDGER_TOKEN"];
        for (name, meant) in [
            ("LEDGER_FOO", None),
            ("LEDGER_ULR", Some("LEDGER_URL")),
            ("LEDGER_UR", Some("LEDGER_URL")),
            ("LEDGER_URI", Some("LEDGER_URL")),
            ("LEDGER_LINK", None),
            ("LEDGER_TOKENS", Some("LEDGER_TOKEN")),
            ("LEDGER_BROKEN", None),
            ("LEDGER_EVENTBUS", Some("LEDGER_EVENT_BUS")),
            ("LEDGER_", None),
        ] {
            let found = unknown([name.to_owned()], &others);
            assert_eq!(found, [UnknownVariable { name: name.to_owned(), similar: meant }]);
        }
    }

    #[test]
    fn a_wrong_setting_is_one_line_that_names_it() {
        for (name, value) in [
            ("LEDGER_DEFAULT_CURRENCY", "usd"),
            ("LEDGER_EVENTS_TABLE", "no spaces"),
            ("LEDGER_EVENTS_TABLE", "ab"),
            ("LEDGER_EVENT_BUS", ""),
            ("LEDGER_EVENT_BUS", ARN),
            ("LEDGER_EVENT_BUS_KIND", "FIFO"),
            ("LEDGER_EVENT_BUS_KIND", "fifo"),
            ("LEDGER_EVENT_BUS_ENTRIES", "0"),
            ("LEDGER_EVENT_BUS_ENTRIES", "11"),
            ("LEDGER_EVENT_BUS_ENTRIES", "many"),
            ("LEDGER_EVENT_SOURCE", "a\nb"),
            ("LEDGER_LOG_ORIGIN", "a b"),
            ("LEDGER_ORDERS", "id,sku"),
            ("LEDGER_ORDERS", "name"),
            ("LEDGER_ORDERS", ""),
            ("LEDGER_LOG_TABLE", "a"),
            ("LEDGER_LOG_BUCKET", ""),
            ("LEDGER_LOG_ORIGIN", "two words"),
            ("LEDGER_LOG_INTERVAL", "0"),
            ("LEDGER_LOG_INTERVAL", "3601"),
            ("LEDGER_LOG_INTERVAL", "soon"),
            ("LEDGER_LOG_OVERLAP", "3651"),
            ("LEDGER_LOG_OVERLAP", "-1"),
            ("LEDGER_LOG_LOST_KEY", "two words"),
        ] {
            let line = with(name, value).unwrap_err().to_string();
            assert!(line.starts_with(name) && !line.contains('\n'), "{line}");
        }
    }

    #[test]
    fn a_fifo_bus_is_named_by_its_arn_and_takes_up_to_a_hundred_entries() {
        let fifo = |bus: &str, more: (&str, &str)| {
            with_all(&[("LEDGER_EVENT_BUS_KIND", "fifo"), ("LEDGER_EVENT_BUS", bus), more])
        };
        for entries in ["1", "100"] {
            let settings = fifo(ARN, ("LEDGER_EVENT_BUS_ENTRIES", entries)).unwrap();
            assert_eq!(settings.event_bus_kind, BusKind::Fifo);
            assert_eq!(settings.event_bus_entries.to_string(), entries);
        }
        let line = |bus: &str, more| fifo(bus, more).unwrap_err().to_string();
        assert!(line(ARN, ("LEDGER_EVENT_BUS_ENTRIES", "101")).contains("must be 1 to 100"));
        assert!(line(ARN, ("LEDGER_EVENT_SOURCE", "aws.products")).starts_with("LEDGER_EVENT_SOURCE"));
        let said = line("ledger", ("", ""));
        assert!(said.starts_with("LEDGER_EVENT_BUS=\"ledger\": with LEDGER_EVENT_BUS_KIND=fifo"), "{said}");
    }

    #[test]
    fn the_arn_of_a_fifo_bus_has_the_form_that_the_service_names() {
        for (arn, is_one) in [
            (ARN.to_owned(), true),
            (ARN.replace("arn:aws:", "arn:aws-us-gov:"), true),
            (ARN.replace("/ledger/", "/A.b_c-1/"), true),
            (ARN.replace("/ledger/", &format!("/{}/", "n".repeat(256))), true),
            (ARN.replace("/ledger/", &format!("/{}/", "n".repeat(257))), false),
            (ARN.replace("/ledger/", "/-ledger/"), false),
            (ARN.replace("/ledger/", "//"), false),
            (ARN.replace("arn:aws:", "arn:awsome:"), false),
            (ARN.replace("arn:aws:", "arn:aws-:"), false),
            (ARN.replace("eu-central-1", "eu--1"), false),
            (ARN.replace("eu-central-1", "1-eu"), false),
            (ARN.replace("123456789012", "12345678901"), false),
            (ARN.replace("event-busv2", "event-bus"), false),
            (ARN.replace("0123456789", "012345678"), false),
            (ARN.replace("0123456789", "012345678A"), false),
            (format!("{ARN}/more"), false),
            ("arn:aws:events:eu-central-1:123456789012:event-bus/ledger".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(is_fifo_bus(&arn), is_one, "{arn}");
        }
    }
}
