//! A slow reader gets every finding and the end, and holds up nothing but the work.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::http::Method;
use event_store::receipts::{EventPublication, PublicationPosition};
use event_store::{Receipts, StoreError, seal};
use futures::StreamExt;
use publisher::CatchUpOutcome;
use schema::settings::Settings;
use schema::{ProductId, PublicationRecord, fixtures};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use web::ClockAndIds;

use super::answer::{OperatorError, WAITING, answer};
use super::protocol::{AnswerLine, OperatorRequest, Reconcile, RetryParked};
use super::*;
use crate::backend::Backend;
use crate::stop::StopSignal;
use crate::system::System;

const FINDINGS: usize = 5 * WAITING;

/// Work with many findings and counters.
#[derive(Serialize, Deserialize)]
struct Count;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Counted {
    Found(usize),
    Counter(usize),
}

impl OperatorRequest for Count {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/count";
    type Progress = Counted;
    type Done = usize;
}

/// The answer of that work, and how many findings it has sent.
fn found(stopping: StopSignal) -> (AnswerLines<Count>, Arc<AtomicUsize>) {
    let told = Arc::<AtomicUsize>::default();
    let so_far = told.clone();
    let response = answer::<Count, _>(stopping, async move |progress| {
        for n in 0..FINDINGS {
            progress.finding(Counted::Found(n)).await;
            progress.counter(Counted::Counter(n));
            so_far.fetch_add(1, Ordering::Relaxed);
        }
        Ok::<_, OperatorError>(FINDINGS)
    });
    let bytes = response.into_body().into_data_stream().map(|bytes| bytes.map_err(Into::into));
    (AnswerLines::new(bytes, None), told)
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_told_every_finding_and_the_end() {
    let (_running, stopping) = watch::channel(false);
    let (mut lines, told) = found(stopping);
    let mut read = Vec::new();
    let done = loop {
        // Longer than the minute that a server that stops waits for one that reads nothing.
        sleep(Duration::from_mins(2)).await;
        let waiting = told.load(Ordering::Relaxed).saturating_sub(read.len());
        assert!(waiting <= WAITING, "{waiting}");
        match lines.next().await.unwrap().expect("an end") {
            AnswerLine::Progress(Counted::Found(n)) => read.push(n),
            AnswerLine::Progress(Counted::Counter(_)) => {}
            AnswerLine::Done(done) => break done,
            AnswerLine::Refused(reason) | AnswerLine::Failed(reason) => panic!("{reason}"),
        }
    };
    assert_eq!(done, FINDINGS);
    assert_eq!(read, (0..FINDINGS).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn work_that_waits_for_a_reader_that_is_gone_ends() {
    let (running, stopping) = watch::channel(false);
    let (lines, _) = found(stopping);
    sleep(Duration::from_secs(1)).await;
    drop(lines);
    // Nobody holds the other end once the work is dropped.
    timeout(Duration::from_secs(1), running.closed()).await.unwrap();
}

/// A server that stops leaves the work, and waits a minute for who reads nothing.
#[tokio::test(start_paused = true)]
async fn work_that_waits_for_a_reader_ends_when_the_server_stops() {
    let (running, stopping) = watch::channel(false);
    let (lines, _) = found(stopping);
    sleep(Duration::from_secs(1)).await;
    running.send(true).unwrap();
    timeout(Duration::from_secs(61), running.closed()).await.unwrap();
    drop(lines);
}

/// Receipts that take a moment.
struct Slow(Arc<dyn Receipts>);

#[async_trait]
impl Receipts for Slow {
    async fn position(&self, product: &ProductId) -> Result<PublicationPosition, StoreError> {
        sleep(Duration::from_millis(10)).await;
        self.0.position(product).await
    }

    async fn of(
        &self,
        product: &ProductId,
        from: u64,
        to: u64,
    ) -> Result<Vec<(u64, PublicationRecord)>, StoreError> {
        self.0.of(product, from, to).await
    }

    async fn record(&self, records: &[EventPublication]) -> Result<(), StoreError> {
        self.0.record(records).await
    }
}

/// Nobody follows this ledger, so that of every product everything is behind.
async fn ledger(products: &BTreeSet<String>) -> Arc<System> {
    let (settings, clock_and_ids) = (Settings::read(|_| None).unwrap(), ClockAndIds::system());
    let mut backend = Backend::in_memory(&settings.orders, &clock_and_ids.clock);
    backend.publisher.receipts = Arc::new(Slow(backend.publisher.receipts));
    for product in products {
        let unsealed = fixtures::commit_after(None, &fixtures::id(product), vec![fixtures::helmet_created()]);
        backend.journal.append(&seal(unsealed).unwrap().1).await.unwrap();
    }
    Arc::new(System::new(backend, None, settings, clock_and_ids))
}

/// Every product that a line names, read long after the work began.
async fn named<O: OperatorRequest>(
    system: &Arc<System>,
    operation: &O,
    product: fn(O::Progress) -> String,
) -> BTreeSet<String> {
    let lines = ask_here(system.clone(), operation).await.unwrap();
    sleep(Duration::from_mins(2)).await;
    let mut named = BTreeSet::new();
    lines.done(|line| named.extend([product(line)])).await.unwrap();
    named
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_gets_every_product_of_a_reconciliation_and_a_retry() {
    let products: BTreeSet<_> = (0..FINDINGS).map(|n| format!("p{n}")).collect();
    let system = ledger(&products).await;
    assert_eq!(named(&system, &Reconcile { repair: false }, |found| found.product_id).await, products);
    let ids = products.iter().map(|product| fixtures::id(product)).collect();
    let retry = RetryParked { products: ids, all: false };
    assert_eq!(named(&system, &retry, |retried| retried.product_id.to_string()).await, products);
}

/// Bringing a product up to date locks it.
#[tokio::test(start_paused = true)]
async fn a_repair_that_waits_for_a_reader_blocks_no_publication() {
    let products: BTreeSet<_> = (0..FINDINGS).map(|n| format!("p{n}")).collect();
    let system = ledger(&products).await;
    let lines = ask_here(system.clone(), &Reconcile { repair: true }).await.unwrap();
    sleep(Duration::from_hours(1)).await;
    let last = fixtures::id(products.last().unwrap());
    let published = system.publisher.publish_product(&last, Duration::from_mins(1)).await;
    assert!(matches!(published, Ok(CatchUpOutcome::UpTo(1))), "{published:?}");
    assert_eq!(lines.done(|_| {}).await.unwrap().left, 0);
}

/// What the wire and `--json` have had from the beginning.
#[test]
fn the_json_of_requests_and_answers_stays() {
    use serde_json::json;
    let kept = |value: serde_json::Value, again: serde_json::Value| assert_eq!(value, again);
    kept(json!(protocol::ListParked), json!(null));
    for found in [
        json!({"product_id": "p", "version": 2, "behind": ["x"]}),
        json!({"product_id": "p", "version": 2, "behind": [], "differs": ["x"], "remedy": ["ledger verify"]}),
        json!({"product_id": "p", "version": 2, "behind": [], "differs": ["x"], "repaired": false,
            "not_published": null, "left": ["x"], "remedy": ["ledger rebuild products"]}),
        json!({"product_id": "p", "version": 2, "behind": ["x"], "repaired": true, "not_published": "no"}),
    ] {
        kept(json!(serde_json::from_value::<protocol::Discrepancy>(found.clone()).unwrap()), found);
    }
    for replayed in [
        json!({"events": 1, "left": []}),
        json!({"events": 1, "left": [{"product_id": "p", "from_sequence": 2, "reason": "x"}], "replay": "01"}),
    ] {
        kept(json!(serde_json::from_value::<protocol::ReplayReport>(replayed.clone()).unwrap()), replayed);
    }
    for progress in
        [json!({"phase": "dropping the old", "commits": 0}), json!({"phase": "building", "commits": 7})]
    {
        kept(json!(serde_json::from_value::<protocol::RebuildProgress>(progress.clone()).unwrap()), progress);
    }
    let report = json!({"generation": null, "commits": 3, "products": 2, "differing": 1, "dropped": 0,
        "differences": [{"product_id": "p", "difference": "x"}], "unreadable": [{"product_id": "p", "reason": "x"}]});
    kept(json!(serde_json::from_value::<protocol::RebuildReport>(report.clone()).unwrap()), report);
    let end = |line: AnswerLine<(), u8>| json!(line);
    kept(end(AnswerLine::Progress(())), json!({"progress": null}));
    kept(end(AnswerLine::Done(1)), json!({"done": 1}));
    kept(end(AnswerLine::Refused("x".into())), json!({"refused": "x"}));
    kept(end(AnswerLine::Failed("x".into())), json!({"failed": "x"}));
}
