//! The thread that owns a database: requests run one at a time in the order they came, and a panic of one of them ends the
//! thread for good, so that nobody goes on with a state nobody knows.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};

use tokio::sync::oneshot;

/// Room for the engine's recursive readers of expressions and nested values.
const STACK_BYTES: usize = 8 << 20;

/// Runs a request and answers it; false after a panic, whose reason it has left.
type Job<H> = Box<dyn FnOnce(&mut H, &OnceLock<String>) -> bool + Send>;

/// The engine panicked; whether the request was applied is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine failed ({0})")]
pub struct Ended(pub(crate) String);

/// A handle on the thread that owns an `H`; the thread ends when it is dropped.
pub(crate) struct Owner<H> {
    jobs: Sender<Job<H>>,
    failed: Arc<OnceLock<String>>,
}

impl<H> fmt::Debug for Owner<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owner").field("failed", &self.failed.get()).finish_non_exhaustive()
    }
}

impl<H: Send + 'static> Owner<H> {
    /// Hands `held` to a thread of its own.
    pub(crate) fn start(name: &str, held: H) -> std::io::Result<Self> {
        let (jobs, waiting) = channel();
        let failed = Arc::new(OnceLock::new());
        let report = failed.clone();
        std::thread::Builder::new()
            .name(name.to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || serve(held, &waiting, &report))?;
        Ok(Self { jobs, failed })
    }

    /// Runs `job` on the thread. A job that was sent runs, also when nobody waits for its answer any more.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut H) -> T + Send + 'static,
    ) -> Result<T, Ended> {
        let (answer, answered) = oneshot::channel();
        let job: Job<H> = Box::new(move |held, failed| {
            let value = catch_unwind(AssertUnwindSafe(|| job(held)))
                .map_err(|panic| Ended(failed.get_or_init(|| reason(panic.as_ref())).clone()));
            let goes_on = value.is_ok();
            // Whoever waited may be gone.
            drop(answer.send(value));
            goes_on
        });
        // A thread that has ended drops the job, and with it the way to answer.
        drop(self.jobs.send(job));
        answered.await.unwrap_or_else(|_| Err(Ended(self.failed.get().cloned().unwrap_or_default())))
    }
}

fn serve<H>(mut held: H, jobs: &Receiver<Job<H>>, failed: &OnceLock<String>) {
    while let Ok(job) = jobs.recv() {
        if !job(&mut held, failed) {
            return;
        }
    }
}

fn reason(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests;
