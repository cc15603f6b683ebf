//! The thread that owns the database: jobs run one at a time in the order they were sent. A panic in one of them ends the
//! thread for good, so that no job runs on an unknown state.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};

use tokio::sync::oneshot;

/// Enough for the library's recursive parsers of expressions and nested values.
const STACK_BYTES: usize = 8 << 20;

/// Runs a job and sends its result; false after a panic, whose message it has stored.
type Job<S> = Box<dyn FnOnce(&mut S, &OnceLock<String>) -> bool + Send>;

/// The engine panicked. Whether the request was applied is unknown, and every later one fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine failed ({0})")]
pub struct EngineFailed(pub(crate) String);

/// A handle to the thread that owns an `S`; the thread ends when it is dropped.
pub(crate) struct EngineThread<S> {
    jobs: Sender<Job<S>>,
    failed: Arc<OnceLock<String>>,
}

impl<S> fmt::Debug for EngineThread<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineThread").field("failed", &self.failed.get()).finish_non_exhaustive()
    }
}

impl<S: Send + 'static> EngineThread<S> {
    /// Moves `state` to a new thread.
    pub(crate) fn start(name: &str, state: S) -> std::io::Result<Self> {
        let (jobs, waiting) = channel();
        let failed = Arc::new(OnceLock::new());
        let report = failed.clone();
        std::thread::Builder::new()
            .name(name.to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || serve(state, &waiting, &report))?;
        Ok(Self { jobs, failed })
    }

    /// Runs `job` on the thread. A job that was sent runs even if its caller has stopped waiting.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut S) -> T + Send + 'static,
    ) -> Result<T, EngineFailed> {
        let (answer, answered) = oneshot::channel();
        let job: Job<S> = Box::new(move |state, failed| {
            let value = catch_unwind(AssertUnwindSafe(|| job(state)))
                .map_err(|panic| EngineFailed(failed.get_or_init(|| reason(panic.as_ref())).clone()));
            let goes_on = value.is_ok();
            // The caller may have stopped waiting.
            drop(answer.send(value));
            goes_on
        });
        // A thread that has ended drops the job, and with it the sender of the result.
        drop(self.jobs.send(job));
        answered.await.unwrap_or_else(|_| Err(EngineFailed(self.failed.get().cloned().unwrap_or_default())))
    }
}

fn serve<S>(mut state: S, jobs: &Receiver<Job<S>>, failed: &OnceLock<String>) {
    while let Ok(job) = jobs.recv() {
        if !job(&mut state, failed) {
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
