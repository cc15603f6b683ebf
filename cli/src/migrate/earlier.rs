//! The file of an earlier build: tables of an embedded `DynamoDB`, each item as JSON with its types. Read, never written.
//!
//! Its form never changes: `tests/data/former.sql.gz` is a file that the earlier build wrote.

use std::path::Path;

use anyhow::{Context, bail};
use event_store::Parked;
use event_store::receipts::{EventPublication, without_gaps};
use publisher::CONSUMER;
use publisher::bus::local::RetainedEntry;
use schema::settings::Tables;
use schema::{ProductId, PublicationRecord, StoredCommit};
use serde_json::{Map, Number, Value};
use sqlite::rusqlite::{Connection, OpenFlags, OptionalExtension, Rows, Statement, params};

/// The sort key of a product's publication cursor; greater than every sequence.
const CURSOR: u64 = 1 << 53;

/// A group of commits ends with the one that reaches this many bytes.
const GROUP_BYTES: usize = 8 << 20;

/// The file, opened for reading.
pub(super) struct EarlierStore {
    connection: Connection,
    tables: Tables,
}

impl EarlierStore {
    /// Opens `file`, whose tables have the names of `tables`.
    pub(super) fn open(file: &Path, tables: Tables) -> anyhow::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let unreadable = || format!("{} cannot be read", file.display());
        let connection = Connection::open_with_flags(file, flags).with_context(unreadable)?;
        for table in [&tables.events, &tables.receipts, &tables.parking, &tables.bus] {
            let known = connection
                .query_row("SELECT 1 FROM _tables WHERE table_name = ?1", [table], |_| Ok(()))
                .optional()
                .with_context(unreadable)?;
            if known.is_none() {
                bail!(
                    "{} has no table {table}; set LEDGER_*_TABLE as for the server that wrote it",
                    file.display()
                );
            }
        }
        Ok(Self { connection, tables })
    }

    /// How many commits there are.
    pub(super) fn count(&self) -> anyhow::Result<u64> {
        let query = format!("SELECT count(*) FROM {}", quoted(&self.tables.events));
        Ok(self.connection.query_row(&query, [], |row| row.get(0))?)
    }

    /// The commits in the order of their positions: by time of recording, then product id by bytes, then sequence. SQLite
    /// sorts them, in temporary files if they are many.
    pub(super) fn commits(&self) -> anyhow::Result<Statement<'_>> {
        let query = format!(
            "SELECT item_json FROM {} ORDER BY json_extract(item_json, '$.recorded_at.S'), \
             json_extract(item_json, '$.product_id.S'), CAST(json_extract(item_json, '$.sequence.N') AS INTEGER)",
            quoted(&self.tables.events)
        );
        Ok(self.connection.prepare(&query)?)
    }

    /// The publication records of the next product after a key, with its key.
    pub(super) fn receipts_after(
        &self,
        after: &str,
    ) -> anyhow::Result<Option<(String, Vec<EventPublication>)>> {
        let table = quoted(&self.tables.receipts);
        let next = format!("SELECT min(pk) FROM {table} WHERE pk > ?1");
        let next: Option<String> =
            self.connection.prepare_cached(&next)?.query_row([after], |row| row.get(0))?;
        let Some(key) = next else { return Ok(None) };
        let query = format!("SELECT item_json FROM {table} WHERE pk = ?1 ORDER BY sk");
        let mut statement = self.connection.prepare_cached(&query)?;
        let items = statement.query_map([&key], |row| row.get::<_, String>(0))?;
        let (mut published, mut records) = (0, Vec::new());
        for text in items {
            let mut item = item(&text?)?;
            let product: ProductId = field(&mut item, "product_id")?;
            let sequence: u64 = field(&mut item, "sequence")?;
            if sequence == CURSOR {
                published = field(&mut item, "published")?;
            } else {
                let outcome: PublicationRecord = serde_json::from_value(item.into()).with_context(|| {
                    format!("the receipt of {product}, sequence {sequence} cannot be read")
                })?;
                records.push(EventPublication { product, sequence, outcome });
            }
        }
        Ok(Some((key, without_gaps(records, published))))
    }

    /// The parking rows of the publisher. Those of the projector are not migrated: the views are rebuilt, and park products
    /// again.
    pub(super) fn parked(&self) -> anyhow::Result<Vec<Parked>> {
        let query = format!("SELECT item_json FROM {} ORDER BY pk, sk", quoted(&self.tables.parking));
        let mut statement = self.connection.prepare(&query)?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
        let rows = rows
            .map(|text| serde_json::from_value(item(&text?)?.into()).context("a parking row cannot be read"));
        let rows: Vec<Parked> = rows.collect::<anyhow::Result<_>>()?;
        Ok(rows.into_iter().filter(|row| row.consumer == CONSUMER).collect())
    }

    /// The next entries of the local buses after a key, with the key of the last.
    pub(super) fn entries_after(&self, after: &ItemKey, limit: usize) -> anyhow::Result<Entries> {
        let query = format!(
            "SELECT pk, sk, item_json FROM {} WHERE (pk, sk) > (?1, ?2) ORDER BY pk, sk LIMIT ?3",
            quoted(&self.tables.bus)
        );
        let mut statement = self.connection.prepare_cached(&query)?;
        let rows = statement.query_map(params![after.0, after.1, limit], |row| {
            Ok(((row.get(0)?, row.get(1)?), row.get::<_, String>(2)?))
        })?;
        let (mut last, mut entries): Entries = (None, Vec::new());
        for row in rows {
            let (key, text) = row?;
            last = Some(key);
            let mut item = item(&text)?;
            let bus: String = field(&mut item, "bus")?;
            let bus_event: String = field(&mut item, "bus_event")?;
            let event_id = bus_event.rsplit('#').next().unwrap_or_default().to_owned();
            let (position, detail_type) = (field(&mut item, "position")?, field(&mut item, "detail_type")?);
            let entry = RetainedEntry { position, event_id, detail_type, entry: field(&mut item, "entry")? };
            match entries.last_mut() {
                Some((last, entries)) if *last == bus => entries.push(entry),
                _ => entries.push((bus, vec![entry])),
            }
        }
        Ok((last, entries))
    }
}

/// The two parts of an item's key.
pub(super) type ItemKey = (String, String);
/// The last key, and the entries of each bus.
type Entries = (Option<ItemKey>, Vec<(String, Vec<RetainedEntry>)>);

/// The next commits of [`EarlierStore::commits`].
pub(super) fn group(rows: &mut Rows<'_>, limit: usize) -> anyhow::Result<Vec<StoredCommit>> {
    let (mut commits, mut bytes) = (Vec::new(), 0);
    while commits.len() < limit && bytes < GROUP_BYTES {
        let Some(row) = rows.next()? else { break };
        let text: String = row.get(0)?;
        bytes += text.len();
        commits.push(StoredCommit(item(&text)?));
    }
    Ok(commits)
}

fn quoted(table: &str) -> String {
    format!("\"{}\"", table.replace('"', "\"\""))
}

fn field<T: serde::de::DeserializeOwned>(item: &mut Map<String, Value>, name: &str) -> anyhow::Result<T> {
    let value = item.remove(name).with_context(|| format!("an item has no {name}"))?;
    serde_json::from_value(value).with_context(|| format!("the {name} of an item cannot be read"))
}

/// An item without its types.
fn item(text: &str) -> anyhow::Result<Map<String, Value>> {
    let Value::Object(fields) = serde_json::from_str(text).context("an item is no JSON")? else {
        bail!("an item is no JSON object");
    };
    fields.into_iter().map(|(name, typed)| Ok((name, plain(typed)?))).collect()
}

/// A value without its type.
fn plain(typed: Value) -> anyhow::Result<Value> {
    let typed = if let Value::Object(typed) = typed { typed } else { Map::new() };
    let one = typed.into_iter().next().context("a value of an item has no type")?;
    Ok(match (one.0.as_str(), one.1) {
        ("S", Value::String(text)) => text.into(),
        ("N", Value::String(digits)) => number(&digits)?.into(),
        ("BOOL", Value::Bool(value)) => value.into(),
        ("NULL", Value::Bool(true)) => Value::Null,
        ("L", Value::Array(values)) => {
            values.into_iter().map(plain).collect::<anyhow::Result<Vec<_>>>()?.into()
        }
        ("M", Value::Object(fields)) => {
            let fields = fields.into_iter().map(|(name, value)| Ok((name, plain(value)?)));
            fields.collect::<anyhow::Result<Map<_, _>>>()?.into()
        }
        (kind, _) => bail!("an item holds a value of the type {kind}, which this ledger never wrote"),
    })
}

fn number(digits: &str) -> anyhow::Result<Number> {
    serde_json::from_str(digits).with_context(|| format!("{digits} is no number"))
}
