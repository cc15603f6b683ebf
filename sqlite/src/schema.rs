//! The schema of a file: its application id, its version, and the text of every table, index and trigger.
//!
//! The promise: a file that differs from its schema is refused, with an error that names the difference.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, Transaction};

use crate::error::OpenError;

/// The schema of one file.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// The name of the file in its directory.
    pub file: &'static str,
    /// `PRAGMA application_id`: whose file it is. Stored. Never change.
    pub application_id: i32,
    /// The statements of each version, which upgrade the one before it; the first ones create the file. Stored. Never change one; add
    /// another.
    pub versions: &'static [&'static str],
}

/// The version of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The file is empty.
    Empty,
    /// An earlier version; 0 where somebody has removed it.
    Older(i32),
    /// The newest version that this build knows.
    Current,
}

impl Schema {
    /// The newest version.
    #[must_use]
    pub fn newest(&self) -> i32 {
        i32::try_from(self.versions.len()).unwrap_or(i32::MAX)
    }

    /// The version of the file of `connection`.
    ///
    /// # Errors
    /// [`OpenError::Damaged`] for a file of another program, [`OpenError::Newer`] for one of a later build.
    pub fn version(&self, file: &Path, connection: &Connection) -> Result<Version, OpenError> {
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        let application_id = pragma("application_id").map_err(OpenError::not_opened(file))?;
        let found = pragma("user_version").map_err(OpenError::not_opened(file))?;
        let known = self.newest();
        if (application_id, found) == (0, 0) && objects(connection).is_ok_and(|objects| objects.is_empty()) {
            return Ok(Version::Empty);
        }
        if application_id != self.application_id {
            let reason = format!("its application id is {application_id:#x}, not {:#x}", self.application_id);
            return Err(OpenError::Damaged { file: file.to_owned(), reason });
        }
        match found {
            _ if found > known => Err(OpenError::Newer { file: file.to_owned(), found, known }),
            _ if found < 0 => {
                let reason = format!("its version is {found}");
                Err(OpenError::Damaged { file: file.to_owned(), reason })
            }
            _ if found < known => Ok(Version::Older(found)),
            _ => Ok(Version::Current),
        }
    }

    /// Compares the file of `connection` with `version` of this schema.
    ///
    /// # Errors
    /// [`OpenError::Schema`] names the first table, index or trigger that is missing, changed or unknown.
    pub fn compare(&self, file: &Path, connection: &Connection, version: i32) -> Result<(), OpenError> {
        let expected = self.expected(version).map_err(OpenError::not_opened(file))?;
        let found = objects(connection).map_err(OpenError::not_opened(file))?;
        let differs = |difference| Err(OpenError::Schema { file: file.to_owned(), difference });
        // A table comes before its indexes, which are missing with it.
        let (tables, others): (Vec<_>, Vec<_>) = expected.iter().partition(|((kind, _), _)| kind == "table");
        for (name, text) in tables.into_iter().chain(others) {
            match found.get(name) {
                None => return differs(format!("{} {} is missing", name.0, name.1)),
                Some(found) if found != text => {
                    return differs(format!("{} {} has another text", name.0, name.1));
                }
                Some(_) => {}
            }
        }
        match found.keys().find(|name| !expected.contains_key(*name)) {
            Some((kind, name)) => differs(format!("{kind} {name} does not belong there")),
            None => Ok(()),
        }
    }

    /// Upgrades from version `from` (0: an empty file) to the newest one.
    ///
    /// # Errors
    /// The error of SQLite; roll back.
    pub fn apply(&self, transaction: &Transaction<'_>, from: i32) -> rusqlite::Result<()> {
        let skipped = usize::try_from(from).unwrap_or(0);
        for statements in &self.versions[skipped.min(self.versions.len())..] {
            transaction.execute_batch(statements)?;
        }
        transaction.pragma_update(None, "application_id", self.application_id)?;
        transaction.pragma_update(None, "user_version", self.newest())
    }

    fn expected(&self, version: i32) -> rusqlite::Result<Objects> {
        let connection = Connection::open_in_memory()?;
        for statements in self.versions.iter().take(usize::try_from(version).unwrap_or(0)) {
            connection.execute_batch(statements)?;
        }
        objects(&connection)
    }
}

/// Kind and name of each table, index and trigger, and its text.
type Objects = BTreeMap<(String, String), Option<String>>;

fn objects(connection: &Connection) -> rusqlite::Result<Objects> {
    let mut statement = connection.prepare("SELECT type, name, sql FROM sqlite_schema")?;
    let rows = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
    rows.collect()
}
