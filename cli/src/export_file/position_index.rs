//! What an export by position has at each position, and its lines product by product.
//!
//! It is in an unnamed SQLite database, a temporary file that is gone with the process: memory does not grow with the export.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use event_store::verify::{Chain, FaultKind, LineBatch, LinePlace, ProductReport};
use futures::Stream;
use futures::stream;
use ledger_log::tree::{RightEdge, TreeHash, entry_hash};
use ledger_log::{LogCheckpoint, SignedNote};
use sqlite::rusqlite::{self, Connection, Row, params};
use tokio::task::spawn_blocking;

use super::line::{ExportLine, read};
use super::{ExportFile, in_order};
use crate::counts::counted;
use crate::progress;

/// The longest entry that a bundle can hold.
const LONGEST_ENTRY: usize = 65_535;

/// Faults of the file that are named.
const MOST_FAULTS: usize = 100;

const SCHEMA: &str = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
CREATE TABLE lines (position INTEGER PRIMARY KEY, product_id TEXT, number INTEGER, offset INTEGER, length INTEGER, entry BLOB);
BEGIN";

const SORT: &str =
    "CREATE INDEX by_product ON lines (product_id, position) WHERE product_id IS NOT NULL; COMMIT";

/// The index of an export by position.
pub(crate) struct PositionIndex {
    connection: Arc<Mutex<Connection>>,
    /// The checkpoint of the first line.
    pub(crate) checkpoint: Option<ExportedCheckpoint>,
    /// How many positions there are.
    pub(crate) positions: u64,
    /// How many of them have a commit.
    pub(crate) commits: u64,
    faults: Vec<String>,
}

/// A checkpoint as an export has it: nobody has checked yet who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExportedCheckpoint {
    /// The note.
    pub(crate) note: String,
    /// What it says.
    pub(crate) says: LogCheckpoint,
}

/// What an export has at a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexedPosition {
    /// The position.
    pub(crate) position: u64,
    /// Where the line of its commit is; none for a position without a commit.
    pub(crate) commit: Option<LinePlace>,
    /// The entry of the log; none if the line cannot be read.
    pub(crate) entry: Option<Vec<u8>>,
}

impl PositionIndex {
    /// Reads the whole export, and compares its root with that of its checkpoint.
    pub(super) async fn of(export: &ExportFile) -> anyhow::Result<Self> {
        let connection = Connection::open("").context("no temporary database can be made")?;
        connection.execute_batch(SCHEMA)?;
        let mut reading = IndexReading::default();
        let bar = progress::bytes(export.length);
        let take = |lines: Vec<ExportLine>, places: &[LinePlace]| {
            lines
                .into_iter()
                .zip(places)
                .try_for_each(|(line, place)| reading.take(line, *place, &connection))
        };
        let lines = |batch: &LineBatch| -> Vec<ExportLine> { batch.texts().map(read).collect() };
        in_order(export.in_file_order(), |batch| batch.bytes, lines, take, &bar).await?;
        bar.finish_and_clear();
        reading.end(connection)
    }

    /// The places of the lines of commits, products in order of id, those of a product by position.
    pub(super) fn by_product(
        &self,
        limit: usize,
    ) -> impl Stream<Item = anyhow::Result<Vec<LinePlace>>> + Send + use<> {
        let connection = self.connection.clone();
        stream::try_unfold(Some((String::new(), -1_i64)), move |after| {
            let connection = connection.clone();
            async move {
                let Some((product, position)) = after else { return Ok(None) };
                let rows =
                    spawn_blocking(move || page_of_products(&locked(&connection), &product, position, limit));
                let rows = rows.await??;
                let next = rows.last().filter(|_| rows.len() == limit);
                let next = next.map(|(product, position, _)| (product.clone(), *position));
                Ok(Some((rows.into_iter().map(|(.., place)| place).collect(), next)))
            }
        })
    }

    /// What the export has from a position on.
    pub(crate) fn from(&self, first: u64, limit: usize) -> anyhow::Result<Vec<IndexedPosition>> {
        let connection = locked(&self.connection);
        let mut statement = connection.prepare_cached(
            "SELECT number, offset, length, position, product_id IS NOT NULL, entry FROM lines WHERE position >= ?1 \
             ORDER BY position LIMIT ?2",
        )?;
        let rows = statement.query_map(params![first, limit], |row| {
            let commit = row.get::<_, bool>(4)?.then(|| place(row)).transpose()?;
            Ok(IndexedPosition { position: row.get(3)?, commit, entry: row.get(5)? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// What is wrong with the file beyond its commits.
    pub(super) fn reports(&self) -> impl Iterator<Item = ProductReport> {
        self.faults.iter().map(|what| {
            let mut chain = Chain::of("");
            chain.fault(None, None, FaultKind::FaultyLog { what: what.clone() });
            chain.end()
        })
    }
}

/// How far the reading is.
#[derive(Default)]
struct IndexReading {
    edge: RightEdge,
    checkpoint: Option<ExportedCheckpoint>,
    /// The root over the size of the checkpoint, once it was reached.
    root: Option<TreeHash>,
    /// The first line whose entry cannot be read.
    unreadable: Option<u64>,
    positions: u64,
    commits: u64,
    /// The product of the last commit: a line without one belongs to it.
    product: String,
    faults: Vec<String>,
    more: u64,
}

impl IndexReading {
    fn take(&mut self, line: ExportLine, place: LinePlace, connection: &Connection) -> anyhow::Result<()> {
        let number = place.number;
        let (product, entry) = match line {
            ExportLine::Checkpoint(note) if number == 1 => {
                self.begin(note);
                return Ok(());
            }
            ExportLine::Checkpoint(_) => {
                self.fault(format!("line {number}: a checkpoint can only be the first line"));
                return Ok(());
            }
            ExportLine::Entry { position, entry } => {
                let here = self.positions;
                if position != here {
                    self.fault(format!(
                        "line {number}: it has the position {position} and stands at position {here}"
                    ));
                }
                let fits = entry.filter(|entry| entry.len() <= LONGEST_ENTRY);
                if fits.is_none() {
                    self.fault(format!("line {number}: it has no entry of a log in base64"));
                }
                (None, fits)
            }
            ExportLine::Commit { product, leaf } => {
                self.commits += 1;
                if let Some(product) = product {
                    self.product = product;
                }
                (Some(&self.product), leaf.map(|leaf| leaf.to_bytes().to_vec()))
            }
        };
        let mut insert = connection.prepare_cached("INSERT INTO lines VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
        insert.execute(params![self.positions, product, number, place.offset, place.length, entry])?;
        self.positions += 1;
        match entry {
            Some(entry) => self.edge.push(entry_hash(&entry)),
            None => self.unreadable = self.unreadable.or(Some(number)),
        }
        self.compare();
        Ok(())
    }

    fn begin(&mut self, note: String) {
        let read = SignedNote::read(note.as_bytes()).ok().and_then(|note| LogCheckpoint::read(&note.text));
        match read {
            Some(says) => self.checkpoint = Some(ExportedCheckpoint { note, says }),
            None => self.fault("line 1: it is not the checkpoint of a log".to_owned()),
        }
        self.compare();
    }

    /// Keeps the root where the checkpoint ends.
    fn compare(&mut self) {
        let size = self.checkpoint.as_ref().map(|checkpoint| checkpoint.says.size);
        if self.unreadable.is_none() && size == Some(self.edge.size()) {
            self.root = Some(self.edge.root());
        }
    }

    fn fault(&mut self, what: String) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(what);
        } else {
            self.more += 1;
        }
    }

    fn end(mut self, connection: Connection) -> anyhow::Result<PositionIndex> {
        let Self { positions, commits, .. } = self;
        if let Some(LogCheckpoint { origin, size, root }) = self.checkpoint.as_ref().map(|it| it.says.clone())
        {
            let named = format!("the checkpoint of {origin}");
            match (self.root, self.unreadable) {
                (Some(found), _) if found == root => {}
                (Some(found), _) => {
                    self.fault(format!(
                        "the first {size} positions have the root {found}, {named} names {root}"
                    ));
                }
                (None, Some(line)) => {
                    self.fault(format!(
                        "line {line} cannot be read, so nothing gives the root that {named} names"
                    ));
                }
                (None, None) => {
                    let there = counted(positions, "position");
                    self.fault(format!("{named} covers {size} positions, and the export has {there}"));
                }
            }
        }
        if self.more > 0 {
            self.faults.push(format!("{} of its lines", counted(self.more, "more fault")));
        }
        connection.execute_batch(SORT)?;
        let (connection, faults) = (Arc::new(Mutex::new(connection)), self.faults);
        Ok(PositionIndex { connection, checkpoint: self.checkpoint, positions, commits, faults })
    }
}

fn locked(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

fn place(row: &Row<'_>) -> rusqlite::Result<LinePlace> {
    Ok(LinePlace { number: row.get(0)?, offset: row.get(1)?, length: row.get(2)? })
}

fn page_of_products(
    connection: &Connection,
    product: &str,
    position: i64,
    limit: usize,
) -> anyhow::Result<Vec<(String, i64, LinePlace)>> {
    let mut statement = connection.prepare_cached(
        "SELECT number, offset, length, product_id, position FROM lines WHERE product_id IS NOT NULL \
         AND (product_id, position) > (?1, ?2) ORDER BY product_id, position LIMIT ?3",
    )?;
    let rows = statement
        .query_map(params![product, position, limit], |row| Ok((row.get(3)?, row.get(4)?, place(row)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
