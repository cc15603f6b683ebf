//! The local bus on SQLite: one row per entry, appended in the transaction that keeps its receipt.

use async_trait::async_trait;
use event_store::StoreError;
use schema::Clock;
use sqlite::rusqlite::{self, Connection, OptionalExtension, params};
use sqlite::{Access, Database};
use tokio::sync::watch;

use super::{Delivered, KEPT, Kept, LocalBus, delivered};
use crate::bus::{Answer, Bus, BusError, Entry, Remedy, is_sendable};

/// Entries are dropped this many at a time.
const DROPPED_TOGETHER: u64 = 256;

/// Buses in the table `bus` of a file.
pub struct SqliteBus {
    database: Database,
    clock: Clock,
    kept: u64,
}

impl std::fmt::Debug for SqliteBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteBus").field("database", &self.database).finish_non_exhaustive()
    }
}

/// What a row holds besides its position; `None` is an entry that was refused.
struct Row {
    bus: String,
    detail_type: String,
    form: Delivered,
}

impl SqliteBus {
    /// The buses of `database`; `clock` gives the entries their time.
    #[must_use]
    pub fn new(database: Database, clock: Clock) -> Self {
        Self { database, clock, kept: KEPT }
    }

    /// Puts entries of the bus `bus` there as they were elsewhere: for `migrate`.
    ///
    /// # Errors
    /// [`StoreError`]: none of them is there.
    pub async fn bring(&self, bus: String, entries: Vec<Kept>) -> Result<(), StoreError> {
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

    /// The same, keeping another number of entries per bus.
    #[must_use]
    pub fn keeping(self, kept: u64) -> Self {
        Self { kept, ..self }
    }
}

#[async_trait]
impl Bus for SqliteBus {
    async fn put(&self, entries: &[Entry]) -> Result<Vec<Answer>, BusError> {
        is_sendable(entries)?;
        let (mut answers, mut rows) = (Vec::new(), Vec::new());
        for entry in entries {
            match delivered(entry, (self.clock)()) {
                Err(refusal) => answers.push(Answer::Refused(refusal)),
                Ok(form) => {
                    answers.push(Answer::Accepted { receipt_id: form.id.clone() });
                    rows.push(Row { bus: entry.bus.clone(), detail_type: entry.detail_type.clone(), form });
                }
            }
        }
        let kept = self.kept;
        let access = Access::Joined(self.database.clone());
        let written =
            access.write(move |connection| rows.iter().try_for_each(|row| append(connection, row, kept)));
        match written.await {
            Ok(()) => Ok(answers),
            Err(error) => Err(BusError::new(Remedy::SendAgain, "InternalFailure", error.to_string())),
        }
    }
}

fn append(connection: &Connection, row: &Row, kept: u64) -> rusqlite::Result<()> {
    let position: u64 = connection
        .prepare_cached("SELECT 1 + ifnull(max(position), 0) FROM bus WHERE bus = ?1")?
        .query_row([&row.bus], |row| row.get(0))?;
    connection
        .prepare_cached(
            "INSERT INTO bus (bus, position, event_id, detail_type, entry) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![row.bus, position, row.form.event_id, row.detail_type, row.form.json])?;
    if position.is_multiple_of(DROPPED_TOGETHER) && position > kept {
        connection
            .prepare_cached("DELETE FROM bus WHERE bus = ?1 AND position <= ?2")?
            .execute(params![row.bus, position - kept])?;
    }
    Ok(())
}

#[async_trait]
impl LocalBus for SqliteBus {
    async fn after(&self, bus: &str, position: u64, limit: u16) -> Result<Vec<Kept>, StoreError> {
        let bus = bus.to_owned();
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        let kept = self.database.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT position, event_id, detail_type, entry FROM bus WHERE bus = ?1 AND position > ?2 \
                 ORDER BY position LIMIT ?3",
            )?;
            let kept = statement.query_map(params![bus, position, limit], |row| {
                Ok(Kept {
                    position: row.get(0)?,
                    event_id: row.get(1)?,
                    detail_type: row.get(2)?,
                    entry: row.get(3)?,
                })
            });
            kept?.collect::<rusqlite::Result<Vec<_>>>()
        });
        Ok(kept.await?)
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
            statement.query_row([event_id, bus], |row| row.get(0)).optional()
        });
        Ok(position?)
    }

    fn appended(&self) -> watch::Receiver<u64> {
        self.database.committed()
    }
}
