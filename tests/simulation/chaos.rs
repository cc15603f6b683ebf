//! Fault injection at every await point, driven by one seeded generator: calls are slow or fail, answers get lost, processes
//! are killed. The same seed gives the same faults.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;

tokio::task_local! {
    /// Kills the current process, if it can be killed.
    static KILL: Arc<Notify>;
}

/// The fault of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CallFault {
    None,
    /// The call has no effect and returns an error.
    Fails,
    /// The call takes effect and returns an error.
    AnswerLost,
}

/// The faults of one run.
pub struct Chaos {
    state: Mutex<State>,
}

struct State {
    rng: fastrand::Rng,
    stopped: bool,
    rates: Rates,
    trace: u64,
    seen: BTreeMap<&'static str, u64>,
}

/// Rates in thousandths, drawn for every seed, so that runs differ in how many faults they have.
struct Rates {
    fails: u32,
    answer_lost: u32,
    killed: u32,
    slow: u32,
}

impl Chaos {
    pub fn new(seed: u64) -> Arc<Self> {
        let mut rng = fastrand::Rng::with_seed(seed);
        let heavy = if rng.u32(0..4) == 0 { 4 } else { 1 };
        let rates = Rates {
            fails: heavy * rng.u32(0..80),
            answer_lost: rng.u32(0..80),
            killed: rng.u32(0..25),
            slow: rng.u32(0..100),
        };
        let state = State { rng, stopped: false, rates, trace: 0xcbf2_9ce4_8422_2325, seen: BTreeMap::new() };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// Stops all faults.
    pub fn stop(&self) {
        self.state().stopped = true;
    }

    /// Whether a fault with this rate in thousandths happens; never after [`Chaos::stop`].
    pub fn happens(&self, what: &'static str, rate: u32) -> bool {
        self.state().happens(what, rate)
    }

    /// Notes that the processes of the run have come into each other's way.
    pub fn note(&self, what: &'static str) {
        *self.state().seen.entry(what).or_default() += 1;
    }

    /// A number below `end`.
    pub fn below(&self, end: usize) -> usize {
        let mut state = self.state();
        let number = state.rng.usize(0..end);
        state.note(number as u64);
        number
    }

    /// 128 random bits.
    pub fn bits(&self) -> u128 {
        self.state().rng.u128(..)
    }

    /// A call of a port: it may be slow, fail, or take effect with its answer lost, and its caller may be killed before or after.
    pub async fn call<T, E>(
        &self,
        effect: impl Future<Output = Result<T, E>>,
        error: impl FnOnce() -> E,
    ) -> Result<T, E> {
        let fault = self.call_fault();
        self.pause().await;
        if fault == CallFault::Fails {
            return Err(error());
        }
        let done = effect.await;
        self.pause().await;
        if fault == CallFault::AnswerLost { Err(error()) } else { done }
    }

    /// Lets some time pass; the waiting process may be killed.
    pub async fn pause(&self) {
        let (pause, is_killed) = {
            let mut state = self.state();
            let slow = state.rates.slow;
            let most = if state.happens("slow", slow) { 30_000 } else { 20 };
            let pause = Duration::from_millis(state.rng.u64(0..most));
            let killed = state.rates.killed;
            (pause, KILL.try_with(|_| ()).is_ok() && state.happens("process killed", killed))
        };
        tokio::time::sleep(pause).await;
        if is_killed && let Ok(kill) = KILL.try_with(Arc::clone) {
            kill.notify_one();
            std::future::pending::<()>().await;
        }
    }

    /// A hash of all random decisions so far.
    pub fn trace(&self) -> u64 {
        self.state().trace
    }

    /// How often each fault happened.
    pub fn seen(&self) -> BTreeMap<&'static str, u64> {
        self.state().seen.clone()
    }

    fn call_fault(&self) -> CallFault {
        let mut state = self.state();
        let (fails, lost) = (state.rates.fails, state.rates.answer_lost);
        if state.happens("call failed", fails) {
            CallFault::Fails
        } else if state.happens("answer lost", lost) {
            CallFault::AnswerLost
        } else {
            CallFault::None
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn happens(&mut self, what: &'static str, rate: u32) -> bool {
        let happens = !self.stopped && self.rng.u32(0..1_000) < rate;
        if happens {
            *self.seen.entry(what).or_default() += 1;
        }
        self.note(u64::from(happens));
        happens
    }

    fn note(&mut self, decision: u64) {
        self.trace = (self.trace ^ decision).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(7);
    }
}

/// Runs a process until it ends; `None` if it was killed at one of its await points.
pub async fn process<T>(work: impl Future<Output = T>) -> Option<T> {
    let kill = Arc::new(Notify::new());
    tokio::select! {
        biased;
        () = kill.notified() => None,
        done = KILL.scope(kill.clone(), work) => Some(done),
    }
}
