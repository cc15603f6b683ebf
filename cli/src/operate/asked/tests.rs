//! Whoever reads slowly reads every finding and the end, and holds up nothing but the work.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use event_store::receipts::{Position, Record};
use event_store::{Receipts, Unavailable, seal};
use publisher::CaughtUp;
use schema::settings::Settings;
use schema::{ProductId, PublicationRecord, fixtures};
use tokio::time::{sleep, timeout};
use web::ClockAndIds;

use super::*;
use crate::backend::Backend;
use crate::operate::routes;
use crate::system::System;

const FINDINGS: usize = 5 * WAITING;

/// The answer of work that has so many findings, and a counter for each.
fn found(stopping: Stop) -> (Lines, Arc<AtomicUsize>) {
    let told = Arc::<AtomicUsize>::default();
    let so_far = told.clone();
    let response = answer(stopping, async move |progress| {
        for n in 0..FINDINGS {
            progress.found(&json!({"found": n})).await;
            progress.tell(&json!({"so_far": n}));
            so_far.fetch_add(1, Ordering::Relaxed);
        }
        Ok::<_, Undone>(FINDINGS)
    });
    let bytes = response.into_body().into_data_stream().map(|bytes| bytes.map_err(Into::into));
    (Lines::new(bytes), told)
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
        let line = lines.next().await.unwrap().expect("an end");
        if let Some(done) = line.get("done") {
            break done.clone();
        }
        read.extend(line["progress"]["found"].as_u64());
    };
    assert_eq!(done, FINDINGS);
    assert_eq!(read, (0..FINDINGS as u64).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn work_that_waits_for_a_reader_who_is_gone_ends() {
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
    async fn position(&self, product: &ProductId) -> Result<Position, Unavailable> {
        sleep(Duration::from_millis(10)).await;
        self.0.position(product).await
    }

    async fn of(
        &self,
        product: &ProductId,
        from: u64,
        to: u64,
    ) -> Result<Vec<(u64, PublicationRecord)>, Unavailable> {
        self.0.of(product, from, to).await
    }

    async fn record(&self, records: &[Record]) -> Result<(), Unavailable> {
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

#[tokio::test(start_paused = true)]
async fn no_product_of_a_reconciliation_or_a_retry_is_kept_from_a_slow_reader() {
    let products: BTreeSet<_> = (0..FINDINGS).map(|n| format!("p{n}")).collect();
    let system = ledger(&products).await;
    for (path, question) in
        [("/reconcile", json!({"repair": false})), ("/parked/retry", json!({"products": products}))]
    {
        let (_running, stopping) = watch::channel(false);
        let lines = here(routes(system.clone(), stopping), "POST", path, &question).await.unwrap();
        sleep(Duration::from_mins(2)).await;
        let mut named = BTreeSet::new();
        let done = lines.done(|line| named.extend(line["product_id"].as_str().map(str::to_owned)));
        done.await.unwrap();
        assert_eq!(named, products, "{path}");
    }
}

/// Whoever brings a product up to date has the turn at it.
#[tokio::test(start_paused = true)]
async fn a_repair_that_waits_for_a_reader_keeps_nobody_from_publishing() {
    let products: BTreeSet<_> = (0..FINDINGS).map(|n| format!("p{n}")).collect();
    let system = ledger(&products).await;
    let (_running, stopping) = watch::channel(false);
    let question = json!({"repair": true});
    let lines = here(routes(system.clone(), stopping), "POST", "/reconcile", &question).await.unwrap();
    sleep(Duration::from_hours(1)).await;
    let last = fixtures::id(products.last().unwrap());
    let published = system.publisher.publish_product(&last, Duration::from_mins(1)).await;
    assert!(matches!(published, Ok(CaughtUp::UpTo(1))), "{published:?}");
    assert_eq!(lines.done(|_| {}).await.unwrap()["left"], 0);
}
