//! The database that the engine's thread owns, with what the library beneath it does not do: index stream records, and
//! delete a table's stream with the table.

use dynoxide::Database;
use dynoxide::storage::Storage;
use serde_json::Value;

use crate::dispatch::{self, WireResponse};
use crate::stream;

pub(crate) struct EngineDatabase {
    database: Database,
    /// A second connection to the same database: `Database` does not expose its SQL.
    storage: Storage,
}

impl EngineDatabase {
    /// Opens the database at `path`; creates it if it does not exist.
    pub(crate) fn open(path: &str) -> dynoxide::Result<Self> {
        let storage = Storage::new(path)?;
        // Before `Database` opens, so that no write runs without the index.
        stream::create_index(&storage)?;
        Ok(Self { database: Database::new(path)?, storage })
    }

    pub(crate) fn request(&self, operation: &str, body: &[u8]) -> WireResponse {
        let answer = dispatch::answer(&self.database, operation, body);
        if operation == "DeleteTable"
            && answer.is_success()
            && let Err(error) = self.forget_stream(body)
        {
            return WireResponse::error(500, error.error_type(), &error.to_string());
        }
        answer
    }

    fn forget_stream(&self, body: &[u8]) -> dynoxide::Result<()> {
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        request["TableName"].as_str().map_or(Ok(()), |table| stream::forget(&self.storage, table))
    }
}
