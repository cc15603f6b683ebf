//! Interruption by SIGINT or SIGTERM: a command stops at once and says what became of its work.

use std::process::ExitCode;
use std::time::Duration;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use server::signals::Signals;
use tokio::sync::oneshot;

use crate::exit::CANNOT;
use crate::{out, progress};

/// How long work may still hold its thread.
const GRACE: Duration = Duration::from_secs(1);

/// The outcome of a command that is interrupted.
pub(crate) struct Interruption {
    says: &'static str,
    code: u8,
}

/// For a verification, which then says nothing about the ledger.
pub(crate) const NOT_CHECKED: Interruption =
    Interruption { says: "not everything was checked; faults found so far are above", code: CANNOT };

/// For an export, which is then incomplete.
pub(crate) const NOT_WRITTEN: Interruption =
    Interruption { says: "the export is not complete; run it again", code: CANNOT };

/// For a copy, which then does not exist.
pub(crate) const NOT_COPIED: Interruption =
    Interruption { says: "there is no copy; run it again", code: CANNOT };

/// For a command that goes on where it stopped when it is run again.
pub(crate) const UNFINISHED: Interruption =
    Interruption { says: "not everything was written; run it again to go on", code: CANNOT };

/// For a command whose finished parts stay done.
pub(crate) const IN_PART: Interruption =
    Interruption { says: "what was done so far stays done, the rest was not done; run it again", code: 1 };

/// For an import. A line that was sent and not answered is found by the import that continues.
pub(crate) const IMPORTED_IN_PART: Interruption = Interruption {
    says: "not all lines were sent; the same command with the same input continues this import",
    code: 1,
};

/// For a dry run, which says nothing about the lines that it has not checked.
pub(crate) const NOT_REHEARSED: Interruption =
    Interruption { says: "not every line was checked; nothing was sent", code: CANNOT };

/// For a command that goes on until it is interrupted.
pub(crate) const ENDED: Interruption = Interruption { says: "", code: 0 };

impl Interruption {
    /// Waits for the end of `work` or for an interruption, which drops the work.
    pub(crate) fn ends<'a>(
        self,
        work: impl Future<Output = anyhow::Result<ExitCode>> + 'a,
    ) -> LocalBoxFuture<'a, anyhow::Result<ExitCode>> {
        self.end(work).boxed_local()
    }

    async fn end(self, work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
        let (tell, told) = oneshot::channel();
        // Before the work begins, not when the task below does: the work may be visible earlier.
        let signals = Signals::listen()?;
        let watching = tokio::spawn(async move {
            signals.received().await;
            progress::clear();
            if !self.says.is_empty() {
                out::message(format_args!("ledger: stopped: {}", self.says));
            }
            // If nobody listens, the work has just ended.
            let _ = tell.send(());
            // Work that holds its thread, in a write that nobody reads, cannot be dropped.
            tokio::time::sleep(GRACE).await;
            std::process::exit(i32::from(self.code))
        });
        tokio::select! {
            ended = work => {
                watching.abort();
                ended
            }
            _ = told => Ok(ExitCode::from(self.code)),
        }
    }
}
