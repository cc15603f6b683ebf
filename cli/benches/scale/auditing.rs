//! What auditors and operators wait for: export, verify and rebuild of a whole ledger, beside a bare parallel read of the same
//! table, with the memory each needs at its peak.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use cli::system::{Reach, System};
use engine::Engine;
use futures::{StreamExt, stream};
use projections::rebuild::Rebuild;
use projections::views::View;
use schema::http::Edge;
use schema::settings::Settings;

use crate::commits::EVENTS_TABLE;
use crate::filled::{LENGTH, fill};
use crate::results::{Results, number, real};
use crate::server::run;

const COMMAND: &str = "cargo bench -p cli --bench scale -- auditing 20000 100000";

pub fn measure(sizes: &[usize]) {
    let sizes = if sizes.is_empty() { &[20_000, 100_000] } else { sizes };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut rates = Results::new("auditing", "Work through a whole ledger", "events/s", "events");
    for size in sizes {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        runtime.block_on(fill(&data, *size));
        let scanned = runtime.block_on(scan(&data, *size));
        let queried = runtime.block_on(query(&data, *size));
        rates.point("bare read, one Scan", real(*size), real(*size) / scanned.as_secs_f64());
        rates.point("bare read, 16 Queries at once", real(*size), real(*size) / queried.as_secs_f64());
        let bare = scanned.min(queried);
        let mut tell = |what: &str, taken: Duration, peak: Option<f64>| {
            rates.point(what, real(*size), real(*size) / taken.as_secs_f64());
            let share = bare.as_secs_f64() / taken.as_secs_f64() * 100.0;
            rates.note(&format!("share of the faster bare read, {what}, {size} events"), number(share));
            if let Some(peak) = peak {
                rates.note(&format!("MiB at the peak, {what}, {size} events"), number(peak));
            }
        };
        let file = directory.path().join("ledger.ndjson");
        let (place, file) = (data.to_str().unwrap(), file.to_str().unwrap());
        for (what, arguments) in [
            ("export", ["export", "-o", file, "--data", place].as_slice()),
            ("verify --data", &["verify", "--data", place]),
            ("verify --file", &["verify", "--file", file]),
        ] {
            let (taken, peak) = run(arguments);
            tell(what, taken, Some(peak));
        }
        for view in [View::Products, View::Prices] {
            let taken = runtime.block_on(rebuild(&data, view, *size));
            tell(&format!("rebuild {}", view.name()), taken, None);
        }
    }
    rates.tell(COMMAND);
}

/// Every item by `Scan`, page after page, by the SDK alone.
async fn scan(data: &Path, events: usize) -> Duration {
    let engine = Engine::open_read_only(data).unwrap();
    let client = Client::new(&engine.sdk_config());
    let started = Instant::now();
    let (mut read, mut next) = (0, None);
    loop {
        let request = client.scan().table_name(EVENTS_TABLE).limit(1_000).set_exclusive_start_key(next);
        let page = request.send().await.unwrap();
        read += page.items().len();
        next = page.last_evaluated_key;
        if next.is_none() {
            assert_eq!(read, events);
            return started.elapsed();
        }
    }
}

/// Every item by one `Query` per product, as many at once as a rebuild or a verification has, by the SDK alone.
async fn query(data: &Path, events: usize) -> Duration {
    let engine = Engine::open_read_only(data).unwrap();
    let client = Client::new(&engine.sdk_config());
    let started = Instant::now();
    let read: usize = stream::iter(0..events / LENGTH)
        .map(|product| {
            let product = AttributeValue::S(format!("product-{product:07}"));
            let request = client.query().table_name(EVENTS_TABLE).limit(100);
            let request = request.key_condition_expression("product_id = :product");
            let request = request.expression_attribute_values(":product", product).send();
            tokio::spawn(async move { request.await.unwrap().items().len() })
        })
        .buffer_unordered(16)
        .map(Result::unwrap)
        .fold(0, |sum, read| async move { sum + read })
        .await;
    assert_eq!(read, events);
    started.elapsed()
}

/// Builds a view beside an equal one, compares both with the event table, switches to it and drops the old one; no time for
/// readers to notice.
async fn rebuild(data: &Path, view: View, events: usize) -> Duration {
    let engine = Engine::open(data).unwrap();
    let settings = Settings::read(|_| None).unwrap();
    let system = Arc::new(System::new(&Reach::embedded(&engine, None), settings, Edge::system()));
    let found = system.read_models.iter().find(|projection| projection.view() == view).cloned();
    let rebuild = Rebuild {
        views: system.views.clone(),
        projection: found.unwrap(),
        journal: system.reading.clone(),
        overlap: Duration::ZERO,
        pause: Duration::ZERO,
    };
    // The first one builds the view that the second one then finds in order.
    rebuild.run(&|_| {}).await.unwrap();
    let started = Instant::now();
    let report = rebuild.run(&|_| {}).await.unwrap();
    let taken = started.elapsed();
    assert_eq!((report.commits, report.differing), (u64::try_from(events).unwrap(), 0));
    engine.close().await;
    taken
}
