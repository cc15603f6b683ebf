//! A consistent copy of a file, even while another process writes to it.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use crate::database::Database;
use crate::error::Error;

/// Between two attempts while the file is locked.
const PAUSE: Duration = Duration::from_millis(50);

impl Database {
    /// Copies what is committed into the file `to`, with a full sync. It is one read transaction, so no writer waits.
    ///
    /// # Errors
    /// [`Error`]: the copy is incomplete; remove it.
    pub async fn copy(&self, to: &Path) -> Result<(), Error> {
        let to = to.to_owned();
        let copied = self.read(move |connection| {
            let mut copy = Connection::open(to)?;
            {
                let backup = Backup::new(connection, &mut copy)?;
                // All pages at once: if another process writes between two steps, the copy begins again.
                while backup.step(-1)? != StepResult::Done {
                    std::thread::sleep(PAUSE);
                }
            }
            copy.close().map_err(|(_, error)| error)
        });
        copied.await
    }
}
