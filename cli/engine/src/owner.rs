//! The thread that owns a database: requests come in over a channel, one runs at a time, and a panic of one of them
//! ends the thread for good, so that nobody goes on with a state nobody knows.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::sync::{oneshot, watch};

/// Room for the engine's recursive readers of expressions and nested values.
const STACK_BYTES: usize = 8 << 20;

type Job<H> = Box<dyn FnOnce(&mut H) + Send>;

enum Message<H> {
    Run(Job<H>),
    Close,
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
    messages: Sender<Message<H>>,
    state: watch::Receiver<State>,
}

impl<H> fmt::Debug for Owner<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owner").field("state", &*self.state.borrow()).finish_non_exhaustive()
    }
}

impl<H: Send + 'static> Owner<H> {
    /// Hands `held` to a thread of its own.
    pub(crate) fn start(name: &str, held: H) -> std::io::Result<Self> {
        let (messages, inbox) = channel();
        let (report, state) = watch::channel(State::Open);
        std::thread::Builder::new()
            .name(name.to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || serve(held, &inbox, &report))?;
        Ok(Self { messages, state })
    }

    /// Runs `job` on the thread. A job that was sent runs, also when nobody waits for its answer any more.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut H) -> T + Send + 'static,
    ) -> Result<T, Ended> {
        let (answer, answered) = oneshot::channel();
        let job: Job<H> = Box::new(move |held| drop(answer.send(job(held))));
        if self.messages.send(Message::Run(job)).is_ok()
            && let Ok(value) = answered.await
        {
            return Ok(value);
        }
        Err(self.ended().await)
    }

    /// Lets the thread finish what was sent so far and release what it owns, and waits for that.
    pub(crate) async fn close(&self) {
        drop(self.messages.send(Message::Close));
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

fn serve<H>(mut held: H, inbox: &Receiver<Message<H>>, report: &watch::Sender<State>) {
    while let Ok(Message::Run(job)) = inbox.recv() {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| job(&mut held))) {
            report.send_replace(State::Failed(reason(panic.as_ref())));
            return;
        }
    }
    // Before the report, so that whoever waited for it may open the same files again.
    drop(held);
    report.send_replace(State::Closed);
}

fn reason(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn jobs_run_in_the_order_they_were_sent() {
        let owner = Owner::start("numbers", Vec::new()).unwrap();
        let (first, second) =
            tokio::join!(owner.run(|seen: &mut Vec<u8>| seen.push(1)), owner.run(|seen| seen.push(2)));
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(owner.run(|seen| seen.clone()).await.unwrap(), [1, 2]);
    }

    #[tokio::test]
    async fn a_panic_fails_its_request_and_every_later_one_and_is_seen() {
        let owner = Owner::start("doomed", ()).unwrap();
        let failed = Ended::Failed("out of luck".to_owned());
        assert_eq!(owner.run(|()| panic!("out of luck")).await, Err::<(), _>(failed.clone()));
        assert_eq!(owner.run(|()| 1).await, Err(failed.clone()));
        assert_eq!(owner.ended().await, failed);
    }

    #[tokio::test]
    async fn closing_releases_what_was_owned_and_may_be_repeated() {
        let (alive, gone) = oneshot::channel::<()>();
        let owner = Owner::start("closed", alive).unwrap();
        owner.close().await;
        assert!(gone.await.is_err());
        owner.close().await;
        assert_eq!(owner.run(|_| 1).await, Err(Ended::Closed));
    }
}
