//! The invariants after every fault, once all consumers have caught up.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::Told;
use crate::scenario::{Ledger, arrivals, json, printed, program};
use crate::store::{LEDGER, LOG, PUBLISHING, VIEWS, texts};

/// All consumers catch up within this time.
const CATCHES_UP_WITHIN: Duration = Duration::from_mins(2);

/// Panics with the violated invariant.
pub async fn assert_whole(ledger: &Ledger, told: &Told) {
    until_caught_up(ledger).await;
    let commits = commits(ledger);
    clients_were_told_the_truth(&commits, told);
    no_sequence_is_missing(&commits);
    for proof in [
        &["verify", "--receipts", "--views"][..],
        &["rebuild", "products", "--dry-run"],
        &["rebuild", "prices", "--dry-run"],
    ] {
        let output = ledger.operate(proof);
        assert_eq!(output.status.code(), Some(0), "{proof:?}: {}", printed(&output));
    }
    everything_is_published(ledger, &commits).await;
    each_event_has_one_receipt_and_is_once_on_the_bus(ledger, &commits);
    the_consumers_stand_at_the_newest_commit(ledger);
    the_log_has_every_commit(ledger, commits.len()).await;
}

/// The log is whole, and holds each commit once, as outsiders see it; unless none is kept.
async fn the_log_has_every_commit(ledger: &Ledger, commits: usize) {
    let log = ledger.data.join(LOG);
    if !log.exists() {
        return;
    }
    let (began, size) = (Instant::now(), commits.to_string());
    loop {
        let checkpoint = std::fs::read_to_string(log.join("checkpoint")).unwrap();
        if checkpoint.lines().nth(1) == Some(&size) {
            break;
        }
        assert!(began.elapsed() < CATCHES_UP_WITHIN, "{size} commits are never logged: {checkpoint}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let files = tempfile::tempdir().unwrap();
    let (key, export) = (files.path().join("vkey"), files.path().join("export"));
    std::fs::write(&key, ledger.operate(&["log", "key"]).stdout).unwrap();
    std::fs::write(&export, ledger.operate(&["export"]).stdout).unwrap();
    let mut verify = program();
    verify.args(["log", "verify"]).arg(log).arg("--key").arg(key).arg("--export").arg(export);
    let output = verify.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
}

/// Waits until `reconcile` lists nothing and nothing is parked.
pub async fn until_caught_up(ledger: &Ledger) {
    let began = Instant::now();
    loop {
        let (behind, parked) = (ledger.operate(&["reconcile"]), ledger.operate(&["parked", "--json"]));
        if behind.status.code() == Some(0) && parked.stdout.is_empty() {
            assert!(printed(&behind).contains(" 0 behind, "), "{}", printed(&behind));
            return;
        }
        let said = || printed(&behind) + &printed(&parked);
        assert!(began.elapsed() < CATCHES_UP_WITHIN, "never caught up: {}", said());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// All commits, as exported.
pub fn commits(ledger: &Ledger) -> Vec<Value> {
    let exported = ledger.operate(&["export"]);
    assert_eq!(exported.status.code(), Some(0), "{}", String::from_utf8_lossy(&exported.stderr));
    String::from_utf8(exported.stdout).unwrap().lines().map(json).collect()
}

/// Nothing acknowledged is lost, nothing is applied twice, nothing rejected is recorded.
fn clients_were_told_the_truth(commits: &[Value], told: &Told) {
    let mut keys = HashMap::new();
    for commit in commits {
        if let Some(key) = commit["metadata"]["idempotency_key"].as_str() {
            assert!(keys.insert(key.to_owned(), commit).is_none(), "{key} was recorded twice");
        }
    }
    for (key, receipt) in told.recorded.lock().unwrap().iter() {
        let commit = keys.get(key).unwrap_or_else(|| panic!("{key} was acknowledged and is lost"));
        for field in ["product_id", "commit_id", "hash", "recorded_at"] {
            assert_eq!(receipt[field], commit[field], "{key}: the receipt's {field}");
        }
        assert_eq!(receipt["version"], next(commit) - 1, "{key}: the receipt's version");
    }
    for key in told.not_recorded.lock().unwrap().iter() {
        assert!(!keys.contains_key(key), "{key} was refused or changed nothing, and is recorded");
    }
}

fn no_sequence_is_missing(commits: &[Value]) {
    let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
    for commit in commits {
        let product = commit["product_id"].as_str().unwrap();
        let expected = expected.entry(product).or_insert(1);
        assert_eq!(commit["sequence"], *expected, "{product}: a gap or an overlap");
        *expected = next(commit);
    }
}

/// Every event is on the bus at least once, in order per product, each time under the same id.
async fn everything_is_published(ledger: &Ledger, commits: &[Value]) {
    let mut events: BTreeMap<(String, u64), &Value> = BTreeMap::new();
    for commit in commits {
        let product = commit["product_id"].as_str().unwrap();
        for (sequence, event) in
            (commit["sequence"].as_u64().unwrap()..).zip(commit["events"].as_array().unwrap())
        {
            events.insert((product.to_owned(), sequence), &event["event_id"]);
        }
    }
    let entries = ledger.bus(|entries| arrivals(entries).1 >= events.len()).await;
    for entry in &entries {
        let metadata = &entry["detail"]["metadata"];
        let product = metadata["product_id"].as_str().unwrap();
        let event = (product.to_owned(), metadata["sequence"].as_u64().unwrap());
        assert_eq!(Some(&&metadata["event_id"]), events.get(&event), "{event:?}: another event id");
    }
    for (product, sequences) in arrivals(&entries).0 {
        let all: Vec<u64> = events.keys().filter(|(of, _)| *of == product).map(|(_, n)| *n).collect();
        assert_eq!(sequences, all, "{product}: lost, or out of order");
    }
}

/// On the rows: an entry and its receipt are written together, so a fault leaves both or neither.
fn each_event_has_one_receipt_and_is_once_on_the_bus(ledger: &Ledger, commits: &[Value]) {
    let events = commits.iter().flat_map(|commit| commit["events"].as_array().unwrap());
    let ids = sorted(events.map(|event| event["event_id"].as_str().unwrap().to_owned()).collect());
    assert_eq!(sorted(texts(&ledger.data, PUBLISHING, "SELECT event_id FROM bus")), ids, "the bus");
    let receipts = "SELECT json_extract(record, '$.event_id') FROM receipts WHERE is_receipt";
    assert_eq!(sorted(texts(&ledger.data, PUBLISHING, receipts)), ids, "the receipts");
}

/// Positions have no gap, and projector and publisher have handled all of them.
fn the_consumers_stand_at_the_newest_commit(ledger: &Ledger) {
    let query = "SELECT position || ' ' || hash FROM commits ORDER BY position";
    let commits = texts(&ledger.data, LEDGER, query);
    for (position, commit) in commits.iter().enumerate() {
        assert!(commit.starts_with(&format!("{position} ")), "{commit} at {position}");
    }
    for file in [VIEWS, PUBLISHING] {
        let checkpoint = texts(&ledger.data, file, "SELECT position || ' ' || hash FROM checkpoints");
        assert_eq!(
            checkpoint.iter().collect::<Vec<_>>(),
            commits.last().iter().copied().collect::<Vec<_>>(),
            "{file}"
        );
    }
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

fn next(commit: &Value) -> u64 {
    commit["sequence"].as_u64().unwrap() + commit["events"].as_array().unwrap().len() as u64
}
