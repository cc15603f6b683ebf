//! More clients than the server's limits allow: it answers or rejects, never fails, and keeps what it acknowledged.
//!
//! The test is short. `just load` runs the long one: `LOAD_SECONDS`, `LOAD_CLIENTS` and `LOAD_REQUESTS` bound it, `LOAD_URL`
//! and `LOAD_PID` name a server that runs already.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::Value;

use crate::scenario::Ledger;

/// How long a client that was turned away waits; far less than it is asked to, so that the load stays high.
const BACK_OFF: Duration = Duration::from_millis(50);

/// How much load.
#[derive(Clone, Copy)]
struct Load {
    clients: u64,
    /// All clients together send no more.
    requests: u64,
    time: Duration,
}

/// What one client saw.
#[derive(Default)]
struct Seen {
    by_status: BTreeMap<u16, u64>,
    /// Microseconds of each request that was let in.
    took: Vec<u64>,
    /// Version and hash of every commit that was acknowledged, by product.
    acknowledged: BTreeMap<String, BTreeMap<u64, Value>>,
}

/// One client: three queries to one command, until the time or the requests are used up.
async fn client(http: reqwest::Client, url: String, n: u64, load: Load, sent: Arc<AtomicU64>) -> Seen {
    let (mut seen, started) = (Seen::default(), Instant::now());
    for turn in 0.. {
        if started.elapsed() > load.time || sent.fetch_add(1, Ordering::Relaxed) >= load.requests {
            break;
        }
        let product = format!("p-{}", (n * 7 + turn) % (load.clients * 2));
        let path = format!("{url}/products/{product}");
        let request = match turn % 4 {
            0 => http
                .put(path)
                .header("content-type", "application/json")
                .body(format!(r#"{{"name":"{n}-{turn}","price":"1"}}"#)),
            1 => http.get(format!("{url}/products?limit=20")),
            2 => http.get(format!("{path}/history?limit=5")),
            _ => http.get(path),
        };
        let asked = Instant::now();
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        *seen.by_status.entry(status).or_default() += 1;
        let come_again = response.headers().contains_key("retry-after");
        let body: Value = response.json().await.unwrap();
        match status {
            // A race that was lost ten times is told so, and is no failure.
            200 | 201 | 404 | 409 => {
                seen.took.push(u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX));
            }
            503 => {
                assert!(come_again, "503 without Retry-After: {body}");
                tokio::time::sleep(BACK_OFF).await;
            }
            _ => panic!("{status}: {body}"),
        }
        if turn % 4 == 0 && status < 300 {
            let version = body["version"].as_u64().unwrap();
            seen.acknowledged.entry(product).or_default().insert(version, body["hash"].clone());
        }
    }
    seen
}

/// Kilobytes of memory that a process has resident.
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

/// Applies a load: what all clients saw, and samples of the memory, the last one after the load.
async fn apply(http: &reqwest::Client, url: &str, process: u32, load: Load) -> (Seen, Vec<u64>) {
    let sent = Arc::new(AtomicU64::new(0));
    let clients = (0..load.clients).map(|n| client(http.clone(), url.to_owned(), n, load, sent.clone()));
    let mut clients = tokio::spawn(join_all(clients.map(tokio::spawn)));
    let mut samples = Vec::new();
    let mut turns = tokio::time::interval(load.time / 12);
    let all = loop {
        tokio::select! {
            all = &mut clients => break all.unwrap(),
            _ = turns.tick() => samples.push(resident(process)),
        }
    };
    samples.push(resident(process));
    let mut whole = Seen::default();
    for seen in all.into_iter().map(Result::unwrap) {
        for (status, count) in seen.by_status {
            *whole.by_status.entry(status).or_default() += count;
        }
        whole.took.extend(seen.took);
        for (product, commits) in seen.acknowledged {
            whole.acknowledged.entry(product).or_default().extend(commits);
        }
    }
    whole.took.sort_unstable();
    (whole, samples)
}

/// Everything that was acknowledged is in the ledger.
async fn assert_kept(ledger: &Ledger, seen: &Seen) {
    for (product, acknowledged) in &seen.acknowledged {
        let history = ledger.history(product).await.into_iter();
        let kept: BTreeMap<u64, Value> = history
            .map(|commit| (commit["state"]["version"].as_u64().unwrap(), commit["hash"].clone()))
            .collect();
        for (version, hash) in acknowledged {
            assert_eq!(kept.get(version), Some(hash), "version {version} of {product}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_clients_than_places_are_answered_or_told_to_come_again_and_nothing_acknowledged_is_lost() {
    let ledger = Ledger::start_with(&["--max-requests", "4"], &[]);
    let load = Load { clients: 32, requests: 800, time: Duration::from_mins(1) };
    let (seen, _) = apply(&ledger.http, &ledger.url, ledger.id(), load).await;
    assert_eq!(seen.by_status.values().sum::<u64>(), load.requests, "{:?}", seen.by_status);
    assert!(seen.by_status.contains_key(&503), "nobody was turned away: {:?}", seen.by_status);
    assert!(!seen.acknowledged.is_empty(), "{:?}", seen.by_status);
    assert_kept(&ledger, &seen).await;
}

fn given(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |value| value.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute of the whole machine: just load"]
async fn a_minute_of_mixed_load() {
    let ledger = Ledger::start();
    let (url, process) = match std::env::var("LOAD_URL") {
        Ok(url) => (url, u32::try_from(given("LOAD_PID", 0)).unwrap()),
        Err(_) => (ledger.url.clone(), ledger.id()),
    };
    let load = Load {
        clients: given("LOAD_CLIENTS", 256),
        requests: given("LOAD_REQUESTS", 200_000),
        time: Duration::from_secs(given("LOAD_SECONDS", 60)),
    };
    let (seen, memory) = apply(&ledger.http, &url, process, load).await;
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a rank"
        )]
        let rank = (seen.took.len() as f64 * share) as usize;
        Duration::from_micros(seen.took[rank.min(seen.took.len() - 1)])
    };
    println!("clients {}, answers by status {:?}", load.clients, seen.by_status);
    println!(
        "of those let in: p50 {:?}, p90 {:?}, p99 {:?}, longest {:?}",
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
    println!("resident kB over time: {memory:?}");
    assert!(seen.by_status.keys().all(|status| *status < 500 || *status == 503));
    let half = memory[memory.len() / 2];
    let last = memory[memory.len() - 1];
    assert!(last < half + half / 4, "memory grows: {memory:?}");
}
