//! What operators do: find and repair what never arrived, publish again, rebuild a view while the ledger is in use.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::beneath;
use crate::scenario::{Ledger, printed};

#[tokio::test]
async fn a_product_that_nobody_heard_of_is_found_and_repaired() {
    let mut ledger = Ledger::start();
    ledger.send("PUT", "/products/known", r#"{"name":"n","price":"1"}"#).await;
    ledger.bus(|entries| entries.len() == 1).await;
    ledger.until("/products/known", |status, _| status == 200).await;
    while !ledger.operate(&["reconcile"]).status.success() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ledger.terminate();
    beneath::append_unnoticed(&ledger, "lost").await;
    ledger.restart();
    let found = ledger.operate(&["reconcile", "--json"]);
    assert_eq!(found.status.code(), Some(1), "{}", printed(&found));
    let line: Value =
        serde_json::from_slice(found.stdout.split(|byte| *byte == b'\n').next().unwrap()).unwrap();
    assert_eq!((&line["product_id"], &line["version"]), (&"lost".into(), &1.into()));
    assert_eq!(line["behind"].as_array().unwrap().len(), 3, "{line}");
    assert_eq!(ledger.get("/products/lost").await.0, 404);
    let repaired = ledger.operate(&["reconcile", "--repair"]);
    assert!(repaired.status.success(), "{}", printed(&repaired));
    assert_eq!(ledger.get("/products/lost").await.0, 200);
    assert_eq!(ledger.bus(|entries| entries.len() == 2).await[1]["resources"][0], "lost");
    assert!(ledger.operate(&["reconcile"]).status.success());
}

#[tokio::test]
async fn operators_are_answered_also_where_no_server_runs() {
    let mut ledger = Ledger::start();
    ledger.send("PUT", "/products/p", r#"{"name":"n","price":"1"}"#).await;
    ledger.terminate();
    let listed = ledger.operate(&["parked", "list"]);
    assert!(
        listed.status.success() && printed(&listed).contains("nothing is parked"),
        "{}",
        printed(&listed)
    );
    let repaired = ledger.operate(&["reconcile", "--repair"]);
    assert!(repaired.status.success(), "{}", printed(&repaired));
    assert!(ledger.operate(&["reconcile"]).status.success());
    for arguments in [["reconcile"], ["parked"], ["replay"]] {
        let directory = tempfile::tempdir().unwrap();
        let output =
            crate::scenario::program().args(arguments).arg("--data").arg(directory.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", printed(&output));
    }
}

#[tokio::test]
async fn a_replay_is_marked_keeps_ids_and_leaves_the_receipts_as_they_were() {
    let ledger = Ledger::start();
    for n in 1..=3 {
        ledger.send("PUT", "/products/p", &format!(r#"{{"name":"{n}","price":"1"}}"#)).await;
    }
    ledger.send("PUT", "/products/q", r#"{"name":"n","price":"1"}"#).await;
    let first = ledger.bus(|entries| entries.len() == 4).await;
    let published = |page: &Value| {
        page["commits"].as_array().unwrap().iter().all(|commit| !commit["receipts"][0].is_null())
    };
    let before = ledger.until("/products/p/history", |_, page| published(page)).await;
    let output = ledger.operate(&["replay", "--product", "p"]);
    assert!(output.status.success() && printed(&output).contains("3 events"), "{}", printed(&output));
    let all = ledger.bus(|entries| entries.len() == 7).await;
    let original: Vec<&Value> = first.iter().filter(|entry| entry["resources"][0] == "p").collect();
    for (entry, original) in all[4..].iter().zip(original) {
        let (metadata, first) = (&entry["detail"]["metadata"], &original["detail"]["metadata"]);
        assert_eq!((&metadata["event_id"], &metadata["sequence"]), (&first["event_id"], &first["sequence"]));
        assert!(metadata["replay"]["id"].is_string() && metadata["replay"]["requested_at"].is_string());
        assert!(first["replay"].is_null());
    }
    assert_eq!(ledger.get("/products/p/history").await.1, before);
    let elsewhere = ledger.operate(&["replay", "--bus", "another"]);
    assert!(elsewhere.status.success(), "{}", printed(&elsewhere));
    let future = ledger.operate(&["replay", "--from", "2999-01-01T00:00:00Z"]);
    assert!(printed(&future).contains("0 events"), "{}", printed(&future));
    assert_eq!(ledger.bus(|entries| entries.len() == 7).await.len(), 7);
}

/// Writes about 50 commands a second until told to stop, and says how many were recorded.
async fn write_steadily(http: reqwest::Client, url: String, stop: Arc<AtomicBool>) -> u64 {
    let mut turns = tokio::time::interval(Duration::from_millis(20));
    let mut recorded = 0;
    while !stop.load(Ordering::Relaxed) {
        turns.tick().await;
        let request =
            http.put(format!("{url}/products/p{}", recorded % 40)).header("content-type", "application/json");
        let body = format!(r#"{{"name":"{recorded}","price":"{}"}}"#, recorded % 9 + 1);
        recorded += u64::from(request.body(body).send().await.unwrap().status().is_success());
    }
    recorded
}

/// Reads products until told to stop; an older version than before is a fault.
async fn never_read_older(http: reqwest::Client, url: String, stop: Arc<AtomicBool>) {
    let mut seen = [0_u64; 40];
    while !stop.load(Ordering::Relaxed) {
        for (n, seen) in seen.iter_mut().enumerate() {
            let answer = http.get(format!("{url}/products/p{n}")).send().await.unwrap();
            if answer.status() == 200 {
                let version = answer.json::<Value>().await.unwrap()["version"].as_u64().unwrap();
                assert!(version >= *seen, "p{n} showed version {version} after {seen}");
                *seen = version;
            } else {
                assert_eq!(*seen, 0, "p{n} vanished");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_rebuilt_under_constant_writes_ends_equal_to_the_ledger_and_never_shows_older() {
    let ledger = Ledger::start();
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn(write_steadily(ledger.http.clone(), ledger.url.clone(), stop.clone()));
    let reader = tokio::spawn(never_read_older(ledger.http.clone(), ledger.url.clone(), stop.clone()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    for view in ["products", "prices"] {
        let mut rebuild = ledger.operator(&["rebuild", view, "--overlap", "6"]);
        let rebuild = tokio::task::spawn_blocking(move || rebuild.output().unwrap());
        let output = rebuild.await.unwrap();
        assert!(output.status.success(), "{}", printed(&output));
    }
    stop.store(true, Ordering::Relaxed);
    reader.await.unwrap();
    assert!(writer.await.unwrap() > 0);
    for view in ["products", "prices"] {
        let output = ledger.operate(&["rebuild", view, "--dry-run", "--json"]);
        assert!(output.status.success(), "{}", printed(&output));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&report["differing"], &report["products"]), (&0.into(), &40.into()), "{report}");
    }
}
