//! SIGINT and SIGTERM. An operator's command that is asked to stop does so at once, and says what became of its work.

use std::process::ExitCode;
use std::time::Duration;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use server::signals::Signals;
use tokio::sync::oneshot;

use crate::{CANNOT, out};

/// How long work has to let go of its thread.
const GRACE: Duration = Duration::from_secs(1);

/// What an interruption of a command means.
pub(crate) struct Interruption {
    says: &'static str,
    code: u8,
}

/// A verification that says nothing of the ledger.
pub(crate) const NOT_CHECKED: Interruption =
    Interruption { says: "not everything was checked; faults that were found stand above", code: CANNOT };

/// An export that is not there.
pub(crate) const NOT_WRITTEN: Interruption =
    Interruption { says: "the export is not complete; run it again", code: CANNOT };

/// A copy that is not there.
pub(crate) const NOT_COPIED: Interruption =
    Interruption { says: "there is no copy; run it again", code: CANNOT };

/// What goes on where it was when it is run again, as its record in the ledger demands.
pub(crate) const UNFINISHED: Interruption =
    Interruption { says: "not everything was brought in; run it again, it goes on", code: CANNOT };

/// What was done until then stays, and what is read is as it was.
pub(crate) const IN_PART: Interruption =
    Interruption { says: "what was done until now stays done, the rest was not; run it again", code: 1 };

impl Interruption {
    /// The end of `work`, or of its interruption, whichever comes first; then the work is dropped where it is.
    pub(crate) fn ends<'a>(
        self,
        work: impl Future<Output = anyhow::Result<ExitCode>> + 'a,
    ) -> LocalBoxFuture<'a, anyhow::Result<ExitCode>> {
        self.end(work).boxed_local()
    }

    async fn end(self, work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
        let (tell, told) = oneshot::channel();
        // From here on, and not from when the task below begins: the work may be seen before that.
        let signals = Signals::listen()?;
        let watching = tokio::spawn(async move {
            signals.asked().await;
            out::tell(format_args!("ledger: stopped: {}", self.says));
            // Nobody listens: the work ended in this moment.
            let _ = tell.send(());
            // The work may hold its thread, in a write to somebody who does not read: then it cannot be dropped.
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
