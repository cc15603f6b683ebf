//! The local bus on SQLite: one row per entry, appended in the transaction that writes its receipt.

use async_trait::async_trait;
use event_store::StoreError;
use schema::Clock;
use sqlite::rusqlite::{self, Connection, OptionalExtension, params};
use sqlite::{Access, Database, in_row};
use tokio::sync::watch;

use super::delivery::{DeliveredEntry, delivered};
use super::{LocalBus, RETAINED, RetainedEntry};
use crate::bus::{Acceptance, Bus, BusEntry, BusError, EntryOutcome, Remedy, check_request};

/// How many entries are deleted together.
const DELETE_BATCH: u64 = 256;

/// Buses in the table `bus` of a file.
pub struct SqliteBus {
    database: Database,
    clock: Clock,
    retained: u64,
}

impl std::fmt::Debug for SqliteBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteBus").field("database", &self.database).finish_non_exhaustive()
    }
}

/// A row without its position.
struct Row {
    bus: String,
    detail_type: String,
    form: DeliveredEntry,
}

impl SqliteBus {
    /// The buses of `database`; `clock` sets the time of the entries.
    #[must_use]
    pub fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock, retained: RETAINED }
    }

    /// Writes entries of the bus `bus` with the positions and forms they had elsewhere: for `migrate`.
    ///
    /// # Errors
    /// [`StoreError`]: none of them was written; try again later.
    pub async fn bring(&self, bus: String, entries: Vec<RetainedEntry>) -> Result<(), StoreError> {
        let access = Access::Committed(self.database.clone());
        let brought = access.write(move |connection| {
            let mut statement = connection.prepare_cached(
                "INSERT INTO bus (bus, position, event_id, detail_type, entry) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            entries.iter().try_for_each(|entry| {
                let (event, kind) = (&entry.event_id, &entry.detail_type);
                statement.execute(params![bus, entry.position, event, kind, entry.entry]).map(drop)
            })
        });
        Ok(brought.await?)
    }

    /// The same, retaining another number of entries per bus.
    #[must_use]
    pub fn retaining(self, retained: u64) -> Self {
        Self { retained, ..self }
    }
}

#[async_trait]
impl Bus for SqliteBus {
    async fn put(&self, entries: &[BusEntry]) -> Result<Vec<EntryOutcome>, BusError> {
        check_request(entries)?;
        let (mut answers, mut rows) = (Vec::new(), Vec::new());
        for entry in entries {
            match delivered(entry, (self.clock)()) {
                Err(refusal) => answers.push(EntryOutcome::Refused(refusal)),
                Ok(form) => {
                    answers.push(EntryOutcome::Accepted(Acceptance::unnumbered(&form.id)));
                    rows.push(Row { bus: entry.bus.clone(), detail_type: entry.detail_type.clone(), form });
                }
            }
        }
        let retained = self.retained;
        let access = Access::Joined(self.database.clone());
        let written =
            access.write(move |connection| rows.iter().try_for_each(|row| append(connection, row, retained)));
        match written.await {
            Ok(()) => Ok(answers),
            Err(error) => Err(BusError::new(Remedy::SendAgain, "InternalFailure", error.to_string())),
        }
    }
}

/// The position of an entry, the first column; another than this bus gives cannot be read.
fn position(row: &rusqlite::Row<'_>, bus: &str) -> rusqlite::Result<u64> {
    let position: i64 = row.get(0)?;
    row.get(0).map_err(in_row(|| key(bus, position)))
}

/// An entry of a bus.
fn retained(row: &rusqlite::Row<'_>, bus: &str) -> rusqlite::Result<RetainedEntry> {
    let position = position(row, bus)?;
    let read = || {
        Ok(RetainedEntry { position, event_id: row.get(1)?, detail_type: row.get(2)?, entry: row.get(3)? })
    };
    read().map_err(in_row(|| key(bus, position.cast_signed())))
}

/// The key of a row, as errors name it.
fn key(bus: &str, position: i64) -> String {
    format!("the row {bus:?}, {position} of the table bus")
}

fn append(connection: &Connection, row: &Row, retained: u64) -> rusqlite::Result<()> {
    let position: u64 = connection
        .prepare_cached("SELECT 1 + ifnull(max(position), 0) FROM bus WHERE bus = ?1")?
        .query_row([&row.bus], |row| row.get(0))?;
    connection
        .prepare_cached(
            "INSERT INTO bus (bus, position, event_id, detail_type, entry) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![row.bus, position, row.form.event_id, row.detail_type, row.form.json])?;
    if position.is_multiple_of(DELETE_BATCH) && position > retained {
        connection
            .prepare_cached("DELETE FROM bus WHERE bus = ?1 AND position <= ?2")?
            .execute(params![row.bus, position - retained])?;
    }
    Ok(())
}

#[async_trait]
impl LocalBus for SqliteBus {
    async fn after(&self, bus: &str, position: u64, limit: u16) -> Result<Vec<RetainedEntry>, StoreError> {
        let bus = bus.to_owned();
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        let retained = self.database.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT position, event_id, detail_type, entry FROM bus WHERE bus = ?1 AND position > ?2 \
                 ORDER BY position LIMIT ?3",
            )?;
            let retained = statement.query_map(params![bus, position, limit], |row| retained(row, &bus));
            retained?.collect::<rusqlite::Result<Vec<_>>>()
        });
        Ok(retained.await?)
    }

    async fn newest(&self, bus: &str) -> Result<u64, StoreError> {
        let newest = self.database.peek(|connection| {
            connection
                .prepare_cached("SELECT ifnull(max(position), 0) FROM bus WHERE bus = ?1")?
                .query_row([bus], |row| row.get(0))
        });
        Ok(newest?)
    }

    async fn position_of(&self, bus: &str, event_id: &str) -> Result<Option<u64>, StoreError> {
        let position = self.database.peek(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT position FROM bus WHERE event_id = ?1 AND bus = ?2 ORDER BY position LIMIT 1",
            )?;
            statement.query_row([event_id, bus], |row| position(row, bus)).optional()
        });
        Ok(position?)
    }

    fn appended(&self) -> watch::Receiver<u64> {
        self.database.committed()
    }
}
