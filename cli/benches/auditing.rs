//! What an auditor waits for: export and verify of ledgers of two sizes, beside a bare read of the same table, with the
//! memory each needs at its peak.
//!
//! `cargo bench -p cli --bench auditing`; the sizes in events may be given: `-- 20000 200000`.
#![expect(clippy::unwrap_used, reason = "a measurement fails by panicking")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use engine::Engine;
use event_store::{DynamoJournal, Journal, seal};
use futures::StreamExt;
use schema::product::ProductPriceChanged;
use schema::{Commit, ProductEvent, fixtures};

const EVENTS_TABLE: &str = "ledger-events";

/// Events, and so commits, of each product.
const LENGTH: usize = 10;

fn main() {
    let given: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let sizes = if given.is_empty() { vec![20_000, 200_000] } else { given };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!("| events | what | seconds | events/s | share of the bare read | peak memory |");
    println!("|---|---|---|---|---|---|");
    for size in sizes {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        runtime.block_on(fill(&data, size));
        let (seconds, read) = runtime.block_on(bare_read(&data));
        assert_eq!(read, size);
        tell(size, "bare read (Scan)", seconds, seconds, None);
        let file = directory.path().join("ledger.ndjson");
        let (data, file) = (data.to_str().unwrap(), file.to_str().unwrap());
        for (what, arguments) in [
            ("export", ["export", "-o", file, "--data", data].as_slice()),
            ("verify --data", &["verify", "--data", data]),
            ("verify --file", &["verify", "--file", file]),
        ] {
            let (taken, peak) = run(arguments);
            tell(size, what, taken, seconds, Some(peak));
        }
    }
}

fn tell(events: usize, what: &str, seconds: f64, bare: f64, peak: Option<u64>) {
    let peak = peak.map_or_else(String::new, |kib| {
        format!("{:.1} MiB", Duration::from_secs(kib).as_secs_f64() / 1024.0)
    });
    let rate = f64::from(u32::try_from(events).unwrap()) / seconds;
    println!("| {events} | {what} | {seconds:.1} | {rate:.0} | {:.0} % | {peak} |", bare / seconds * 100.0);
}

/// A ledger of products with [`LENGTH`] commits each.
async fn fill(data: &Path, events: usize) {
    let engine = Engine::open(data).unwrap();
    let client = Client::new(&engine.sdk_config());
    for (table, shape) in
        [(EVENTS_TABLE, event_store::TABLE), ("ledger-receipts", event_store::receipts::TABLE)]
    {
        event_store::table::create(&client, table, shape).await.unwrap();
    }
    let journal = Arc::new(DynamoJournal::new(client, EVENTS_TABLE));
    let products = futures::stream::iter(0..events / LENGTH);
    products.for_each_concurrent(16, |product| story(journal.clone(), product)).await;
    engine.close().await;
}

/// A product is created and becomes dearer again and again.
async fn story(journal: Arc<DynamoJournal>, product: usize) {
    let id = fixtures::id(&format!("product-{product:06}"));
    let mut before: Option<Commit> = None;
    for n in 0..LENGTH {
        let event = match &before {
            None => fixtures::helmet_created(),
            Some(commit) => ProductEvent::ProductPriceChanged(ProductPriceChanged {
                money: fixtures::money(&format!("{}.99", 40 + n), "USD"),
                previous_price: commit.state.facts.money.price(),
                previous_currency: commit.state.facts.money.currency(),
            }),
        };
        let (commit, stored) = seal(fixtures::commit_after(before.as_ref(), &id, vec![event])).unwrap();
        journal.append(&stored).await.unwrap();
        before = Some(commit);
    }
}

/// Every item of the table by `Scan`, page after page, by the SDK alone.
async fn bare_read(data: &Path) -> (f64, usize) {
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
            return (started.elapsed().as_secs_f64(), read);
        }
    }
}

/// Runs the program: seconds, and the most memory it held, in KiB.
fn run(arguments: &[&str]) -> (f64, u64) {
    let started = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ledger"));
    let mut process = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", process.id());
    let mut peak = 0;
    loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let held = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = held.and_then(|held| held.split_whitespace().next()?.parse().ok()).unwrap_or(peak);
        if let Some(ended) = process.try_wait().unwrap() {
            assert!(ended.success(), "{arguments:?}: {ended}");
            return (started.elapsed().as_secs_f64(), peak);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
