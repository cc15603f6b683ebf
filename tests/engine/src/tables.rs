//! What the engine's thread owns: the database, and what the library that answers for DynamoDB leaves undone.

use dynoxide::Database;
use dynoxide::storage::Storage;
use serde_json::Value;

use crate::dispatch::{self, Answer};
use crate::stream;

pub(crate) struct Tables {
    database: Database,
    /// A second connection to the same database: `Database` gives no way to its SQL.
    storage: Storage,
}

impl Tables {
    /// Opens the database at `path`, creating it when it is new.
    pub(crate) fn open(path: &str) -> dynoxide::Result<Self> {
        let storage = Storage::new(path)?;
        // Before the `Database` opens, so that no write ever runs without it.
        stream::create_index(&storage)?;
        Ok(Self { database: Database::new(path)?, storage })
    }

    pub(crate) fn request(&self, operation: &str, body: &[u8]) -> Answer {
        let answer = dispatch::answer(&self.database, operation, body);
        if operation == "DeleteTable"
            && answer.is_success()
            && let Err(error) = self.forget_stream(body)
        {
            return Answer::error(500, error.error_type(), &error.to_string());
        }
        answer
    }

    fn forget_stream(&self, body: &[u8]) -> dynoxide::Result<()> {
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        request["TableName"].as_str().map_or(Ok(()), |table| stream::forget(&self.storage, table))
    }
}
