//! Keeps events from a bus that does not exist, which would accept them and lose them.
//!
//! Its promise: nothing is sent to a bus that is known not to exist. Whether it exists is asked before the first entry, and again
//! as soon as the last answer is five minutes old, or a minute where it was that there is none; the schedule for parked products
//! asks more often. Only the answer that it does not exist holds events back: a question that is
//! refused, or not answered, is a warning, because publishing must depend neither on a further permission nor on the control
//! plane of the bus.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::{Bus, BusEntry, BusError, BusPresence, EntryOutcome, Remedy};

/// How long it counts that a bus exists, or that this is not known.
const FRESH: Duration = Duration::from_mins(5);

/// How long it counts that it does not, so that events go on soon after it was created.
const FRESH_IF_MISSING: Duration = Duration::from_mins(1);

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// A bus, and what is known of the existence of each that was sent to.
pub struct BusGuard {
    bus: Arc<dyn Bus>,
    known: Mutex<HashMap<String, LastAnswer>>,
}

/// The last answer about a bus.
#[derive(Debug, Clone, Copy)]
struct LastAnswer {
    is_missing: bool,
    asked: Instant,
    /// When it was last found to exist.
    existed: Option<Instant>,
}

impl LastAnswer {
    fn is_fresh(&self) -> bool {
        self.asked.elapsed() < if self.is_missing { FRESH_IF_MISSING } else { FRESH }
    }
}

impl BusGuard {
    /// The guard of a bus.
    #[must_use]
    pub fn new(bus: Arc<dyn Bus>) -> Self {
        Self { bus, known: Mutex::default() }
    }

    /// Asks and remembers whether a bus exists; no longer than two seconds.
    async fn ask(&self, name: &str, before: Option<LastAnswer>) -> (BusPresence, LastAnswer) {
        let presence = presence_in_time(&*self.bus, name).await;
        let asked = Instant::now();
        let existed = before.and_then(|before| before.existed);
        let answer = match &presence {
            BusPresence::Exists => LastAnswer { is_missing: false, asked, existed: Some(asked) },
            BusPresence::Missing => LastAnswer { is_missing: true, asked, existed },
            // What was known before still counts.
            BusPresence::Unknown(_) => {
                LastAnswer { is_missing: before.is_some_and(|before| before.is_missing), asked, existed }
            }
        };
        log(name, &presence, before, answer);
        (presence, answer)
    }

    /// Whether the bus is known not to exist; asks first if the last answer is too old.
    async fn is_missing(&self, name: &str) -> bool {
        let mut known = self.known.lock().await;
        let before = known.get(name).copied();
        if let Some(fresh) = before.filter(LastAnswer::is_fresh) {
            return fresh.is_missing;
        }
        let (_, answer) = self.ask(name, before).await;
        known.insert(name.to_owned(), answer);
        answer.is_missing
    }
}

#[async_trait]
impl Bus for BusGuard {
    async fn put(&self, entries: &[BusEntry]) -> Result<Vec<EntryOutcome>, BusError> {
        if let Some(first) = entries.first()
            && self.is_missing(&first.bus).await
        {
            return Err(missing(&first.bus));
        }
        self.bus.put(entries).await
    }

    fn max_entries(&self) -> usize {
        self.bus.max_entries()
    }

    /// Asks, however new the last answer is.
    async fn presence(&self, name: &str) -> BusPresence {
        let mut known = self.known.lock().await;
        let before = known.get(name).copied();
        let (presence, answer) = self.ask(name, before).await;
        known.insert(name.to_owned(), answer);
        presence
    }
}

/// Whether a bus exists; not known where that is not answered in two seconds.
pub async fn presence_in_time(bus: &dyn Bus, name: &str) -> BusPresence {
    let answer = timeout(PATIENCE, bus.presence(name)).await;
    answer.unwrap_or_else(|_| BusPresence::Unknown("no answer in two seconds".to_owned()))
}

fn missing(name: &str) -> BusError {
    let message = format!(
        "there is no bus {name}; create it, or correct LEDGER_EVENT_BUS: events wait, because a classic bus that does not exist \
         would accept and lose them"
    );
    BusError::new(Remedy::Repair, "ResourceNotFoundException", message)
}

fn log(name: &str, presence: &BusPresence, before: Option<LastAnswer>, now: LastAnswer) {
    let was_missing = before.is_some_and(|before| before.is_missing);
    match presence {
        BusPresence::Missing if !was_missing => {
            let seconds = now.existed.map(|existed| existed.elapsed().as_secs());
            tracing::error!(target: "ledger::publisher",
                bus = name,
                existed_seconds_ago = seconds,
                "the bus does not exist: events wait until it does. What it has accepted since it was last there may be lost; \
                 publish it again with `ledger replay --from`"
            );
        }
        BusPresence::Exists if was_missing => {
            tracing::warn!(target: "ledger::publisher", bus = name, "the bus exists again; what waited is published");
        }
        BusPresence::Unknown(reason) => {
            tracing::warn!(target: "ledger::publisher", bus = name, reason, "whether the bus exists cannot be determined");
        }
        BusPresence::Missing | BusPresence::Exists => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex as StdMutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::MemoryBus;
    use super::*;

    /// A bus that answers this about itself, `None` not at all.
    struct Asked {
        answer: StdMutex<Option<BusPresence>>,
        questions: AtomicUsize,
        accepting: MemoryBus,
    }

    #[async_trait]
    impl Bus for Asked {
        async fn put(&self, entries: &[BusEntry]) -> Result<Vec<EntryOutcome>, BusError> {
            self.accepting.put(entries).await
        }

        async fn presence(&self, _: &str) -> BusPresence {
            self.questions.fetch_add(1, Ordering::Relaxed);
            let answer = self.answer.lock().unwrap().clone();
            match answer {
                Some(answer) => answer,
                None => std::future::pending().await,
            }
        }
    }

    struct Given {
        bus: Arc<Asked>,
        guard: BusGuard,
    }

    impl Given {
        fn answering(answer: Option<BusPresence>) -> Self {
            let answer = StdMutex::new(answer);
            let bus =
                Arc::new(Asked { answer, questions: AtomicUsize::new(0), accepting: MemoryBus::default() });
            Self { guard: BusGuard::new(bus.clone()), bus }
        }

        fn answers(&self, answer: BusPresence) {
            *self.bus.answer.lock().unwrap() = Some(answer);
        }

        fn questions(&self) -> usize {
            self.bus.questions.load(Ordering::Relaxed)
        }

        /// Whether an entry for a bus was passed on.
        async fn passes(&self, bus: &str) -> bool {
            let entry = BusEntry {
                source: "s".into(),
                detail_type: "t".into(),
                bus: bus.into(),
                resources: Vec::new(),
                deduplication_id: "e".into(),
                detail: "{}".into(),
                trace_header: None,
            };
            let before = self.bus.accepting.len();
            let sent = self.guard.put(&[entry]).await;
            if let Err(error) = &sent {
                assert_eq!(error.remedy, Remedy::Repair);
                assert_eq!(error.refusal.code, "ResourceNotFoundException");
                assert!(error.refusal.message.contains("there is no bus "), "{}", error.refusal.message);
            }
            assert_eq!(sent.is_ok(), self.bus.accepting.len() > before);
            sent.is_ok()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_bus_is_asked_for_before_the_first_entry_and_again_after_five_minutes() {
        let given = Given::answering(Some(BusPresence::Exists));
        for _ in 0..3 {
            assert!(given.passes("a").await);
        }
        assert_eq!(given.questions(), 1);
        tokio::time::advance(FRESH).await;
        given.answers(BusPresence::Missing);
        assert!(!given.passes("a").await);
        assert!(!given.passes("a").await);
        assert_eq!(given.questions(), 2);
        assert!(!given.passes("b").await, "another bus is asked for by itself");
        assert_eq!(given.questions(), 3);
        tokio::time::advance(FRESH_IF_MISSING).await;
        given.answers(BusPresence::Exists);
        assert!(given.passes("a").await);
        assert_eq!(given.questions(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_the_guard_renews_what_it_knows() {
        let given = Given::answering(Some(BusPresence::Missing));
        assert!(!given.passes("a").await);
        given.answers(BusPresence::Exists);
        assert!(!given.passes("a").await, "the last answer is new");
        assert_eq!(given.guard.presence("a").await, BusPresence::Exists);
        assert!(given.passes("a").await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_without_an_answer_holds_nothing_back_and_forgets_nothing() {
        let refused = BusPresence::Unknown("AccessDeniedException".into());
        for unknown in [Some(refused), None] {
            let given = Given::answering(unknown.clone());
            let begun = Instant::now();
            assert!(given.passes("a").await);
            assert!(begun.elapsed() <= PATIENCE);
            given.answers(BusPresence::Missing);
            tokio::time::advance(FRESH).await;
            assert!(!given.passes("a").await);
            *given.bus.answer.lock().unwrap() = unknown;
            tokio::time::advance(FRESH).await;
            assert!(!given.passes("a").await, "it was missing when that could be asked last");
        }
    }
}
