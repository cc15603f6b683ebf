//! Interruption by SIGINT or SIGTERM: a command stops at once and says what became of its work.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
#[derive(Clone, Copy)]
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

/// For an import, which says itself how far it is once it has begun to send.
pub(crate) const IMPORTED_IN_PART: Interruption = Interruption { says: "nothing was sent", code: 1 };

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
        self.ends_saying(work, move |says| says)
    }

    /// The same; `says` tells what became of the work, given what is usually said. An empty text is not printed.
    pub(crate) fn ends_saying<'a>(
        self,
        work: impl Future<Output = anyhow::Result<ExitCode>> + 'a,
        says: impl FnOnce(&'static str) -> &'static str + Send + 'static,
    ) -> LocalBoxFuture<'a, anyhow::Result<ExitCode>> {
        self.end(work, says).boxed_local()
    }

    async fn end(
        self,
        work: impl Future<Output = anyhow::Result<ExitCode>>,
        says: impl FnOnce(&'static str) -> &'static str + Send + 'static,
    ) -> anyhow::Result<ExitCode> {
        let (tell, told) = oneshot::channel();
        // Before the work begins, not when the task below does: the work may be visible earlier.
        let signals = Signals::listen()?;
        let has_stopped = Arc::new(AtomicBool::new(false));
        let stopped = has_stopped.clone();
        let watching = tokio::spawn(async move {
            signals.received().await;
            // Work that holds its thread, in a write that nobody reads, cannot be dropped; nor may a report wait so for ever.
            std::thread::spawn(move || {
                std::thread::sleep(GRACE);
                if !stopped.load(Ordering::Relaxed) {
                    std::process::exit(i32::from(self.code))
                }
            });
            // What says how far a bar is comes first: a bar that is cleared is at its end.
            let says = says(self.says);
            progress::clear();
            if !says.is_empty() {
                out::message(format_args!("ledger: stopped: {says}"));
            }
            // If nobody listens, the work has just ended.
            let _ = tell.send(());
        });
        let ended = tokio::select! {
            ended = work => {
                watching.abort();
                ended
            }
            _ = told => Ok(ExitCode::from(self.code)),
        };
        has_stopped.store(true, Ordering::Relaxed);
        ended
    }
}
