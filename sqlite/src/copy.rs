//! A copy of a file as it is at one moment, also while another process writes to it.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use crate::database::Database;
use crate::error::Error;

/// Between two tries where the file is locked.
const PAUSE: Duration = Duration::from_millis(50);

impl Database {
    /// Copies what is committed into the file `to`, synced in full. It is one transaction, so a writer waits for nothing.
    ///
    /// # Errors
    /// [`Error`]: the copy is not whole.
    pub async fn copy(&self, to: &Path) -> Result<(), Error> {
        let to = to.to_owned();
        let copied = self.read(move |connection| {
            let mut copy = Connection::open(to)?;
            {
                let backup = Backup::new(connection, &mut copy)?;
                // All pages at once: between two steps another process may write, and the copy would begin again.
                while backup.step(-1)? != StepResult::Done {
                    std::thread::sleep(PAUSE);
                }
            }
            copy.close().map_err(|(_, error)| error)
        });
        copied.await
    }
}
