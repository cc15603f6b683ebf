//! What a platform can do at every await point, decided by one seeded generator: time passes, calls fail, answers get
//! lost, processes die. The same seed decides the same.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;

tokio::task_local! {
    /// Of the process that runs now, if it can die.
    static DEATH: Arc<Notify>;
}

/// What becomes of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    /// Nothing happens, and an error is answered.
    Fails,
    /// It happens, and an error is answered.
    AnswerLost,
}

/// The faults of one run.
pub struct Chaos {
    state: Mutex<State>,
}

struct State {
    rng: fastrand::Rng,
    fault_free: bool,
    rates: Rates,
    trace: u64,
    seen: BTreeMap<&'static str, u64>,
}

/// Out of a thousand, each drawn anew for every seed, so that some runs are mild and some are not.
struct Rates {
    fails: u32,
    answer_lost: u32,
    dies: u32,
    slow: u32,
}

impl Chaos {
    pub fn new(seed: u64) -> Arc<Self> {
        let mut rng = fastrand::Rng::with_seed(seed);
        let heavy = if rng.u32(0..4) == 0 { 4 } else { 1 };
        let rates = Rates {
            fails: heavy * rng.u32(0..80),
            answer_lost: rng.u32(0..80),
            dies: rng.u32(0..25),
            slow: rng.u32(0..100),
        };
        let state =
            State { rng, fault_free: false, rates, trace: 0xcbf2_9ce4_8422_2325, seen: BTreeMap::new() };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// No more faults from now on.
    pub fn stop_faults(&self) {
        self.state().fault_free = true;
    }

    /// Whether a fault that happens in `rate` of a thousand cases happens; never after [`Chaos::stop_faults`].
    pub fn happens(&self, what: &'static str, rate: u32) -> bool {
        self.state().happens(what, rate)
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

    /// A call of a port: it may take long, fail, take effect with its answer lost, and its caller may die before or after.
    pub async fn call<T, E>(
        &self,
        effect: impl Future<Output = Result<T, E>>,
        error: impl FnOnce() -> E,
    ) -> Result<T, E> {
        let fate = self.fate();
        self.pass().await;
        if fate == Fate::Fails {
            return Err(error());
        }
        let done = effect.await;
        self.pass().await;
        if fate == Fate::AnswerLost { Err(error()) } else { done }
    }

    /// Time passes, and whoever waits may die.
    pub async fn pass(&self) {
        let (pause, dies) = {
            let mut state = self.state();
            let slow = state.rates.slow;
            let most = if state.happens("slow", slow) { 30_000 } else { 20 };
            let pause = Duration::from_millis(state.rng.u64(0..most));
            let dies = state.rates.dies;
            (pause, DEATH.try_with(|_| ()).is_ok() && state.happens("death", dies))
        };
        tokio::time::sleep(pause).await;
        if dies && let Ok(death) = DEATH.try_with(Arc::clone) {
            death.notify_one();
            std::future::pending::<()>().await;
        }
    }

    /// A number that is the same for the same decisions.
    pub fn trace(&self) -> u64 {
        self.state().trace
    }

    /// How often each thing happened.
    pub fn seen(&self) -> BTreeMap<&'static str, u64> {
        self.state().seen.clone()
    }

    fn fate(&self) -> Fate {
        let mut state = self.state();
        let (fails, lost) = (state.rates.fails, state.rates.answer_lost);
        if state.happens("call failed", fails) {
            Fate::Fails
        } else if state.happens("answer lost", lost) {
            Fate::AnswerLost
        } else {
            Fate::Done
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn happens(&mut self, what: &'static str, rate: u32) -> bool {
        let happens = !self.fault_free && self.rng.u32(0..1_000) < rate;
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

/// Runs a process until it ends, or dies at one of its await points: then whatever it was doing is gone.
pub async fn process<T>(work: impl Future<Output = T>) -> Option<T> {
    let death = Arc::new(Notify::new());
    tokio::select! {
        biased;
        () = death.notified() => None,
        done = DEATH.scope(death.clone(), work) => Some(done),
    }
}
