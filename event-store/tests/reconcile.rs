//! The rounds of the scheduled reconcile, with a consumer that the tests decide about: wherever runs end, every product is met.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use event_store::reconcile::{
    ComparedProduct, FinishedRound, GRACE, ReconcileLimits, ReconcileResult, ReconcileRun,
    ReconciledConsumer, Round, StateTally,
};
use event_store::{Journal, MemoryJournal, MemoryRounds, Reconciler, Rounds, StoreError, seal};
use schema::{Clock, StoredCommit, Timestamp, fixtures};
use serde_json::json;
use telemetry::usage;

const NAME: &str = "publisher";
const MINUTE: Duration = Duration::from_mins(1);
/// Far above what a test spends.
const ANY: ReconcileLimits =
    ReconcileLimits { units: 1e9, every: Duration::from_hours(24), again: Duration::from_hours(1) };

/// What the consumer does with a product.
type Decide = Box<dyn Fn(&str) -> Deed + Send + Sync>;

enum Deed {
    /// It takes this long and then has this result.
    Takes(Duration, ReconcileResult),
    Fails,
}

/// A consumer that costs one unit for each product.
struct Consumer {
    decide: Mutex<Decide>,
    /// The products that it was asked for, also those that were not waited for.
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl ReconciledConsumer for Consumer {
    fn consumers(&self) -> Vec<&'static str> {
        vec![NAME]
    }

    async fn reconcile(&self, product: &ComparedProduct<'_>) -> Result<Vec<ReconcileResult>, StoreError> {
        self.asked.lock().unwrap().push(product.id.to_string());
        usage::spent(1.0);
        let deed = (self.decide.lock().unwrap())(product.id.as_str());
        match deed {
            Deed::Takes(time, result) => {
                tokio::time::sleep(time).await;
                Ok(vec![result])
            }
            Deed::Fails => Err(StoreError::new("it does not answer".into())),
        }
    }
}

struct Given {
    journal: Arc<MemoryJournal>,
    rounds: Arc<MemoryRounds>,
    consumer: Consumer,
    millis: Arc<AtomicI64>,
}

impl Given {
    /// A ledger with the products `p0` to `pN`, and a consumer that lacks nothing.
    async fn products(count: usize) -> Self {
        let given = Self {
            journal: Arc::default(),
            rounds: Arc::default(),
            consumer: Consumer { decide: Mutex::new(Box::new(|_| agrees())), asked: Mutex::default() },
            millis: Arc::new(AtomicI64::new(fixtures::at("2026-11-23T05:20:00Z").millis())),
        };
        for n in 0..count {
            given.append(&format!("p{n:04}"), |_| {}).await;
        }
        given
    }

    async fn append(&self, product: &str, change: impl FnOnce(&mut StoredCommit)) {
        let created = vec![fixtures::helmet_created()];
        let (_, mut stored) = seal(fixtures::commit_after(None, &fixtures::id(product), created)).unwrap();
        change(&mut stored);
        self.journal.append(&stored).await.unwrap();
    }

    fn clock(&self) -> Clock {
        let millis = self.millis.clone();
        Arc::new(move || {
            let at = Duration::from_millis(millis.load(Ordering::Relaxed).cast_unsigned());
            Timestamp::new((std::time::UNIX_EPOCH + at).into()).unwrap()
        })
    }

    fn later(&self, by: Duration) {
        self.millis.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::Relaxed);
    }

    fn decide(&self, decide: impl Fn(&str) -> Deed + Send + Sync + 'static) {
        *self.consumer.decide.lock().unwrap() = Box::new(decide);
    }

    async fn run(&self, limits: ReconcileLimits, time_left: Duration) -> Result<ReconcileRun, StoreError> {
        let reconciler = Reconciler::new(NAME, self.journal.clone(), self.rounds.clone(), self.clock());
        reconciler.limits(limits).run(&self.consumer, time_left).await
    }

    async fn last(&self) -> FinishedRound {
        self.rounds.load(NAME).await.unwrap().1.last.unwrap()
    }
}

fn agrees() -> Deed {
    Deed::Takes(Duration::ZERO, ReconcileResult::Agrees)
}

fn left() -> Deed {
    let since = fixtures::at("2026-11-20T00:00:00Z");
    Deed::Takes(Duration::ZERO, ReconcileResult::Left { since, reason: "on purpose".into() })
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_with_the_page_in_which_its_units_are_spent_and_the_next_one_goes_on() {
    let given = Given::products(250).await;
    let limits = ReconcileLimits { units: 1.0, ..ANY };
    let mut runs = Vec::new();
    for _ in 0..3 {
        let run = given.run(limits, MINUTE).await.unwrap();
        runs.push((run.compared, run.complete));
    }
    assert_eq!(runs, [(100, false), (100, false), (50, true)]);
    let asked = given.consumer.asked.lock().unwrap().clone();
    assert!(asked.iter().eq((0..250).map(|n| format!("p{n:04}")).collect::<Vec<_>>().iter()), "{asked:?}");
    let last = given.last().await;
    assert_eq!((last.tally.products, last.tally.consumers[NAME].agrees), (250, 250));
}

#[tokio::test(start_paused = true)]
async fn a_round_counts_products_by_their_state_and_none_that_it_cannot_read() {
    let given = Given::products(150).await;
    given.append("deleted", |stored| stored.0["state"]["status"] = "deleted".into()).await;
    given.append("unreadable", |stored| stored.0["state"] = "?".into()).await;
    let limits = ReconcileLimits { units: 1.0, ..ANY };
    let first = given.run(limits, MINUTE).await.unwrap();
    let second = given.run(limits, MINUTE).await.unwrap();
    assert_eq!((first.compared, second.complete), (100, true));
    let tally = given.last().await.tally;
    assert_eq!((tally.products, tally.states), (152, Some(StateTally { active: 150, deleted: 1 })));
}

#[tokio::test(start_paused = true)]
async fn a_round_that_began_before_products_were_counted_by_their_state_tells_no_part_of_them() {
    let given = Given::products(3).await;
    let round = r#"{"after":"p0000","started_at":"2026-11-23T05:10:00.000Z","tally":{"products":1}}"#;
    assert!(given.rounds.save(NAME, 0, &serde_json::from_str(round).unwrap()).await.unwrap());
    assert!(given.run(ANY, MINUTE).await.unwrap().complete);
    let tally = given.last().await.tally;
    assert_eq!((tally.products, tally.states), (3, None));
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_within_its_time_and_no_product_is_left_out_or_counted_twice() {
    let given = Given::products(250).await;
    given.decide(|_| Deed::Takes(Duration::from_secs(3), ReconcileResult::Repaired));
    let (mut runs, mut compared) = (0, 0);
    loop {
        let begun = tokio::time::Instant::now();
        let run = given.run(ANY, Duration::from_secs(20)).await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(16), "{:?}", begun.elapsed());
        (runs, compared) = (runs + 1, compared + run.compared);
        if run.complete {
            break;
        }
    }
    assert!(runs > 5, "{runs}");
    let tally = given.last().await.tally;
    assert_eq!((compared, tally.products, tally.consumers[NAME].repaired), (250, 250, 250));
}

#[tokio::test(start_paused = true)]
async fn a_product_that_takes_longer_than_a_run_is_left_and_the_round_goes_on() {
    let given = Given::products(30).await;
    given.decide(|product| match product {
        "p0007" => Deed::Takes(Duration::from_hours(1), ReconcileResult::Repaired),
        _ => agrees(),
    });
    assert_eq!(given.run(ANY, MINUTE).await.unwrap(), ReconcileRun { compared: 7, complete: false });
    let mut runs = 1;
    while !given.run(ANY, MINUTE).await.unwrap().complete {
        runs += 1;
        assert!(runs < 5, "the round does not end");
    }
    let tally = given.last().await.tally;
    assert_eq!((tally.products, tally.consumers[NAME].left, tally.consumers[NAME].agrees), (30, 1, 29));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_ends_the_run_and_the_next_one_begins_there() {
    let given = Given::products(30).await;
    given.decide(|product| if product == "p0012" { Deed::Fails } else { agrees() });
    assert!(given.run(ANY, MINUTE).await.is_err());
    given.decide(|_| agrees());
    given.consumer.asked.lock().unwrap().clear();
    assert_eq!(given.run(ANY, MINUTE).await.unwrap(), ReconcileRun { compared: 18, complete: true });
    assert_eq!(given.consumer.asked.lock().unwrap()[0], "p0012");
    assert_eq!(given.last().await.tally.products, 30);
}

#[tokio::test(start_paused = true)]
async fn of_two_runs_at_the_same_time_one_counts() {
    let given = Given::products(30).await;
    given.decide(|_| Deed::Takes(Duration::from_secs(1), ReconcileResult::Agrees));
    let (one, other) = tokio::join!(given.run(ANY, MINUTE), given.run(ANY, MINUTE));
    assert_ne!(one.unwrap().complete, other.unwrap().complete);
    assert_eq!(given.last().await.tally.products, 30);
    assert_eq!(given.rounds.load(NAME).await.unwrap().0, 1, "saved once");
}

#[tokio::test(start_paused = true)]
async fn a_round_begins_a_day_after_the_last_one_or_an_hour_where_that_left_something() {
    let given = Given::products(3).await;
    let idle = ReconcileRun::default();
    for (deed, every) in [(agrees as fn() -> Deed, 24), (left, 1)] {
        given.decide(move |_| deed());
        assert!(given.run(ANY, MINUTE).await.unwrap().complete);
        given.later(Duration::from_secs(every * 3_600 - 1));
        assert_eq!(given.run(ANY, MINUTE).await.unwrap(), idle, "{every}");
        given.later(Duration::from_secs(1));
    }
    assert!(given.run(ANY, MINUTE).await.unwrap().complete);
    let oldest = given.last().await.tally.consumers[NAME].oldest;
    assert_eq!(oldest, Some(fixtures::at("2026-11-20T00:00:00Z")));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_compared_is_left_and_named_as_a_case_for_verify() {
    let given = Given::products(2).await;
    given.append("broken", |commit| commit.0["events"] = json!("none")).await;
    given.append("empty", |commit| commit.0["events"] = json!([])).await;
    given.append("x", |commit| commit.0["product_id"] = json!("no id")).await;
    assert_eq!(given.run(ANY, MINUTE).await.unwrap(), ReconcileRun { compared: 5, complete: true });
    let tally = given.last().await.tally;
    assert_eq!((tally.consumers[NAME].left, tally.consumers[NAME].agrees), (3, 2));
}

/// Asks of a product whether a consumer lacks something behind an event.
struct Lacking {
    seen: u64,
    found: Mutex<Vec<Option<Timestamp>>>,
}

#[async_trait]
impl ReconciledConsumer for Lacking {
    fn consumers(&self) -> Vec<&'static str> {
        vec![NAME]
    }

    async fn reconcile(&self, product: &ComparedProduct<'_>) -> Result<Vec<ReconcileResult>, StoreError> {
        let lacks = product.lacks_since(self.seen).await?;
        self.found.lock().unwrap().push(lacks);
        assert!(product.has_reached(product.version).await?);
        assert!(!product.has_reached(product.version + 1).await?);
        Ok(vec![ReconcileResult::Agrees])
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_recorded_a_moment_ago_is_on_its_way_and_does_not_count_as_missing() {
    let given = Given::products(0).await;
    let product = fixtures::id("p");
    let (first, stored) =
        seal(fixtures::commit_after(None, &product, vec![fixtures::helmet_created()])).unwrap();
    given.journal.append(&stored).await.unwrap();
    let both = vec![fixtures::helmet_deleted(), fixtures::helmet_restored()];
    let (second, stored) = seal(fixtures::commit_after(Some(&first), &product, both)).unwrap();
    given.journal.append(&stored).await.unwrap();
    let recorded = second.recorded_at.millis();
    let moment = i64::try_from(GRACE.as_millis()).unwrap();
    for (seen, now, expected) in [
        (1, recorded + moment - 1, None),
        (1, recorded + moment, Some(second.recorded_at)),
        // In the middle of the second commit.
        (2, recorded + moment, Some(second.recorded_at)),
        (0, recorded + moment - 1, Some(first.recorded_at)),
    ] {
        given.millis.store(now, Ordering::Relaxed);
        let lacking = Lacking { seen, found: Mutex::default() };
        let rounds = Arc::<MemoryRounds>::default();
        let reconciler = Reconciler::new(NAME, given.journal.clone(), rounds, given.clock());
        reconciler.run(&lacking, MINUTE).await.unwrap();
        assert_eq!(*lacking.found.lock().unwrap(), [expected], "seen {seen} at {now}");
    }
}

/// Rounds that never answer: not even a load, or no save.
struct SilentRounds {
    loads: bool,
}

#[async_trait]
impl Rounds for SilentRounds {
    async fn load(&self, name: &str) -> Result<(u64, Round), StoreError> {
        if self.loads { MemoryRounds::default().load(name).await } else { std::future::pending().await }
    }

    async fn save(&self, _: &str, _: u64, _: &Round) -> Result<bool, StoreError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_rounds_are_not_answered_ends_within_its_time() {
    let given = Given::products(3).await;
    for loads in [false, true] {
        let reconciler =
            Reconciler::new(NAME, given.journal.clone(), Arc::new(SilentRounds { loads }), given.clock());
        let begun = tokio::time::Instant::now();
        let run = tokio::time::timeout(MINUTE, reconciler.run(&given.consumer, MINUTE)).await;
        assert!(run.unwrap().is_err() && begun.elapsed() < MINUTE, "loads: {loads}");
    }
}
