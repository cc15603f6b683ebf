//! The commits to restore, in the order of their positions: that of the export if it has one, else by time of recording, then product
//! id by bytes, then sequence.
//!
//! They are in an unnamed SQLite database, a temporary file that SQLite sorts and removes at the end of the process: memory
//! does not grow with the export.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Context;
use event_store::receipts::{EventPublication, RestoreMark};
use event_store::verify::{LineLocation, LinePlace};
use schema::{Hash, ProductId, PublicationReceipt, PublicationRecord};
use sqlite::rusqlite::{self, Connection, OptionalExtension, params};

use crate::exit::Refused;
use crate::receipts::ReceiptLine;

const SCHEMA: &str = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
CREATE TABLE found (recorded_at TEXT, product_id TEXT, sequence INTEGER, hash TEXT, offset INTEGER, length INTEGER);
CREATE TABLE heads (product_id TEXT PRIMARY KEY, version INTEGER, hash TEXT) WITHOUT ROWID;
CREATE TABLE receipts (product_id TEXT, sequence INTEGER, receipt TEXT, PRIMARY KEY (product_id, sequence)) WITHOUT ROWID;
BEGIN";

const SORT: &str = "COMMIT;
CREATE TABLE pending AS SELECT hash, offset, length FROM found ORDER BY recorded_at, product_id, sequence;
DROP TABLE found";

/// The commits and receipts to restore.
pub(super) struct RestorePlan {
    connection: Connection,
    /// Commits to write.
    pub(super) pending: u64,
    /// Commits that the ledger already holds.
    pub(super) there: u64,
    /// Positions of the export that the ledger already holds, if the export has positions.
    pub(super) held: u64,
    /// The product that has commits to write.
    ended: Option<String>,
    /// Whether receipts were given.
    receipts: bool,
}

/// The place of a commit in the export, and its hash.
pub(super) struct PendingCommit {
    pub(super) hash: String,
    pub(super) place: LinePlace,
}

impl RestorePlan {
    pub(super) fn new() -> anyhow::Result<Self> {
        let connection = Connection::open("").context("no temporary database can be made")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self { connection, pending: 0, there: 0, held: 0, ended: None, receipts: false })
    }

    /// Reads the receipts of `file`.
    pub(super) fn receipts(&mut self, file: &Path) -> anyhow::Result<()> {
        let unreadable = || format!("{} cannot be read", file.display());
        let lines = BufReader::new(File::open(file).with_context(unreadable)?).lines();
        let mut statement = self.connection.prepare("INSERT OR REPLACE INTO receipts VALUES (?1, ?2, ?3)")?;
        for (number, line) in (1..).zip(lines) {
            let line = line.with_context(unreadable)?;
            let read: ReceiptLine = serde_json::from_str(&line)
                .with_context(|| format!("{}, line {number} is not a receipt", file.display()))?;
            let receipt = serde_json::to_string(&read.receipt)?;
            statement.execute(params![read.product_id.as_str(), read.sequence, receipt])?;
        }
        self.receipts = true;
        Ok(())
    }

    /// Adds the next commit of the export, with the hash of the commit that the ledger has in its place.
    pub(super) fn take(&mut self, place: &LineLocation, there: Option<&str>) -> anyhow::Result<()> {
        let (product, sequence) = (&place.product_id, place.sequence);
        let refused =
            |what: &str| Err(Refused(format!("product {product}, sequence {sequence}: {what}")).into());
        match there {
            Some(hash) if hash != place.hash => return refused("the ledger holds another commit"),
            Some(_) if self.ended.as_ref() == Some(product) => {
                return refused("the ledger holds it, but not all commits before it");
            }
            Some(_) => self.there += 1,
            None => {
                self.pending += 1;
                if self.ended.as_ref() != Some(product) {
                    self.ended = Some(product.clone());
                }
                let mut insert =
                    self.connection.prepare_cached("INSERT INTO found VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
                let (at, line) = (&place.recorded_at, place.place);
                insert.execute(params![at, product, sequence, place.hash, line.offset, line.length])?;
            }
        }
        self.take_events(place)
    }

    /// Adds the events of the next commit, whose place in the ledger is known otherwise.
    pub(super) fn take_events(&mut self, place: &LineLocation) -> anyhow::Result<()> {
        let (product, sequence) = (&place.product_id, place.sequence);
        let version = sequence + place.events.len() as u64 - 1;
        let mut head = self.connection.prepare_cached("INSERT OR REPLACE INTO heads VALUES (?1, ?2, ?3)")?;
        head.execute(params![product, version, place.hash])?;
        for (sequence, event) in (sequence..).zip(&place.events).filter(|_| self.receipts) {
            let Some(receipt) = self.receipt(product, sequence)? else { continue };
            if receipt.event_id != *event || receipt.hash.as_str() != place.hash {
                let what =
                    format!("product {product}, sequence {sequence}: the receipt is that of another event");
                return Err(Refused(what).into());
            }
        }
        Ok(())
    }

    fn receipt(&self, product: &str, sequence: u64) -> anyhow::Result<Option<PublicationReceipt>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT receipt FROM receipts WHERE product_id = ?1 AND sequence = ?2")?;
        let text =
            statement.query_row(params![product, sequence], |row| row.get::<_, String>(0)).optional()?;
        Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
    }

    /// The ledger holds the positions of the export below `held`; so many commits are left.
    pub(super) fn place_from(&mut self, held: u64, pending: u64) {
        (self.held, self.pending) = (held, pending);
    }

    /// Fixes the order of the commits, after the last was added.
    pub(super) fn sort(&self) -> anyhow::Result<()> {
        Ok(self.connection.execute_batch(SORT)?)
    }

    /// The next commits to write, after this many.
    pub(super) fn next(&self, after: u64, limit: usize) -> anyhow::Result<Vec<PendingCommit>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT hash, offset, length FROM pending WHERE rowid > ?1 ORDER BY rowid LIMIT ?2",
        )?;
        let rows = statement.query_map(params![after, limit], |row| {
            let place = LinePlace { number: 0, offset: row.get(1)?, length: row.get(2)? };
            Ok(PendingCommit { hash: row.get(0)?, place })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The next products after one, each with the mark of its last event.
    pub(super) fn heads(&self, after: &str, limit: usize) -> anyhow::Result<Vec<(ProductId, RestoreMark)>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT product_id, version, hash FROM heads WHERE product_id > ?1 ORDER BY product_id LIMIT ?2",
        )?;
        let rows = statement.query_map(params![after, limit], |row| {
            Ok((row.get::<_, String>(0)?, row.get(1)?, row.get::<_, String>(2)?))
        })?;
        rows.map(|row| {
            let (product, sequence, hash) = row?;
            let hash: Hash = serde_json::from_value(hash.into())?;
            Ok((ProductId::new(product)?, RestoreMark { sequence, hash }))
        })
        .collect()
    }

    /// The receipts of a product's events up to `version`.
    pub(super) fn receipts_of(
        &self,
        product: &ProductId,
        version: u64,
    ) -> anyhow::Result<Vec<EventPublication>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT sequence, receipt FROM receipts WHERE product_id = ?1 AND sequence BETWEEN 1 AND ?2 ORDER BY sequence",
        )?;
        let rows = statement.query_map(params![product.as_str(), version], |row| {
            Ok((row.get(0)?, row.get::<_, String>(1)?))
        })?;
        rows.map(|row| {
            let (sequence, text) = row?;
            let outcome = PublicationRecord::Receipt(serde_json::from_str(&text)?);
            Ok(EventPublication { product: product.clone(), sequence, outcome })
        })
        .collect()
    }
}
