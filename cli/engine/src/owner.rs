//! The thread that owns a database: requests wait in an inbox, one runs at a time, and a panic of one of them
//! ends the thread for good, so that nobody goes on with a state nobody knows.
//!
//! What it wrote is settled for several requests at once: those that wait already run first, and none of them is answered
//! before all of them are on disk.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::{oneshot, watch};

use crate::inbox::{Inbox, Lane};

/// How many requests are settled together at most. Whoever waits for an answer cannot ask again meanwhile, so more would
/// only make clients and engine wait for each other by turns.
const TOGETHER: usize = 16;

/// Room for the engine's recursive readers of expressions and nested values.
const STACK_BYTES: usize = 8 << 20;

/// Runs a request and gives back what sends its answer.
type Job<H> = Box<dyn FnOnce(&mut H) -> Answer + Send>;

type Answer = Box<dyn FnOnce() + Send>;

/// What a thread can own.
pub(crate) trait Held: Send + 'static {
    /// Whether something was written that [`Held::settle`] has to make durable before anybody hears of it.
    fn is_unsettled(&self) -> bool {
        false
    }

    /// Makes durable what was written.
    ///
    /// # Errors
    /// Why it is not; nobody can tell then what is on disk, so the thread ends.
    fn settle(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Open,
    Closed,
    Failed(String),
}

/// Why a request to the engine has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Ended {
    /// The engine was closed; open it again.
    #[error("the embedded engine is closed; open it again")]
    Closed,
    /// The engine panicked; whether the request was applied is unknown. End the process and start it again.
    #[error("the embedded engine failed ({0}); end this process and start it again, its file is safe")]
    Failed(String),
}

/// A handle on the thread that owns an `H`.
pub(crate) struct Owner<H> {
    inbox: Arc<Inbox<Job<H>>>,
    state: watch::Receiver<State>,
}

impl<H> fmt::Debug for Owner<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owner").field("state", &*self.state.borrow()).finish_non_exhaustive()
    }
}

impl<H: Held> Owner<H> {
    /// Hands `held` to a thread of its own.
    pub(crate) fn start(name: &str, held: H) -> std::io::Result<Self> {
        let inbox = Arc::new(Inbox::new());
        let (report, state) = watch::channel(State::Open);
        let requests = inbox.clone();
        std::thread::Builder::new()
            .name(name.to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || serve(held, &requests, &report))?;
        Ok(Self { inbox, state })
    }

    /// Runs `job` on the thread. A job that was sent runs, also when nobody waits for its answer any more.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        job: impl FnOnce(&mut H) -> T + Send + 'static,
    ) -> Result<T, Ended> {
        let (answer, answered) = oneshot::channel();
        let job: Job<H> = Box::new(move |held| {
            let value = job(held);
            Box::new(move || drop(answer.send(value)))
        });
        self.inbox.send(lane, job);
        match answered.await {
            Ok(value) => Ok(value),
            Err(_) => Err(self.ended().await),
        }
    }

    /// Lets the thread finish what was sent so far and release what it owns, and waits for that.
    pub(crate) async fn close(&self) {
        self.inbox.close();
        self.ended().await;
    }

    /// Waits until the thread has ended.
    pub(crate) async fn ended(&self) -> Ended {
        let mut state = self.state.clone();
        match state.wait_for(|state| *state != State::Open).await.as_deref() {
            Ok(State::Failed(reason)) => Ended::Failed(reason.clone()),
            Ok(State::Open | State::Closed) | Err(_) => Ended::Closed,
        }
    }
}

impl<H> Drop for Owner<H> {
    fn drop(&mut self) {
        self.inbox.close();
    }
}

fn serve<H: Held>(mut held: H, inbox: &Inbox<Job<H>>, report: &watch::Sender<State>) {
    while let Some(job) = inbox.next() {
        let failed = match catch_unwind(AssertUnwindSafe(|| together(&mut held, job, inbox))) {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => format!("what was written may not be on disk: {error}"),
            Err(panic) => reason(panic.as_ref()),
        };
        report.send_replace(State::Failed(failed));
        inbox.end();
        return;
    }
    // Before the report, so that whoever waited for it may open the same files again.
    drop(held);
    report.send_replace(State::Closed);
}

/// Runs a request and those that wait behind it, as long as there is something to settle, then answers all of them.
fn together<H: Held>(held: &mut H, first: Job<H>, inbox: &Inbox<Job<H>>) -> std::io::Result<()> {
    let mut answers = vec![first(held)];
    while held.is_unsettled()
        && answers.len() < TOGETHER
        && let Some(job) = inbox.waits()
    {
        answers.push(job(held));
    }
    held.settle()?;
    for answer in answers {
        answer();
    }
    Ok(())
}

fn reason(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests;
