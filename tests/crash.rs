//! Killed at any moment, the server goes on where it stopped: no acknowledged command is lost, and no event is missing
//! on the bus.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::scenario::{Ledger, adventure_works, arrivals, assert_complete, expected, printed};

/// Sends commands to a product of its own, one after the other, until the server is gone: the hashes it acknowledged.
async fn write_until_gone(http: reqwest::Client, url: String, product: String) -> Vec<Value> {
    let mut acknowledged = Vec::new();
    for n in 0.. {
        let request =
            http.put(format!("{url}/products/{product}")).header("content-type", "application/json");
        let Ok(response) = request.body(format!(r#"{{"name":"{n}","price":"1"}}"#)).send().await else {
            break;
        };
        let Ok(receipt) = response.json::<Value>().await else {
            break;
        };
        acknowledged.push(receipt["hash"].clone());
    }
    acknowledged
}

/// How many commands this process has answered.
async fn answered(ledger: &Ledger) -> usize {
    let figures = ledger.http.get(format!("{}/metrics", ledger.url)).send().await.unwrap();
    let figures = figures.text().await.unwrap();
    let commands = figures.lines().filter(|line| line.starts_with("ledger_commands_total{"));
    commands.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum()
}

#[tokio::test]
async fn killed_in_the_middle_of_an_import_nothing_acknowledged_is_lost_and_nothing_is_missing() {
    let mut ledger = Ledger::start();
    for kill in 1..=3 {
        let mut import =
            ledger.import(&adventure_works()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let product = format!("own-{kill}");
        let writer = tokio::spawn(write_until_gone(ledger.http.clone(), ledger.url.clone(), product.clone()));
        // Far enough to be inside the file, each time further. The bus may be a second behind, and the file at its end by then.
        while answered(&ledger).await < 120 * kill {}
        ledger.kill();
        assert_eq!(import.wait().unwrap().code(), Some(1), "the import ended before the kill");
        let acknowledged = writer.await.unwrap();
        ledger.restart();
        let kept: Vec<Value> =
            ledger.history(&product).await.iter().map(|commit| commit["hash"].clone()).collect();
        assert!(
            !acknowledged.is_empty() && kept.starts_with(&acknowledged),
            "kept {} of {}",
            kept.len(),
            acknowledged.len()
        );
    }
    let output = ledger.import(&adventure_works()).output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    let own: usize =
        ledger.histories((1..=3).map(|kill| format!("own-{kill}"))).await.values().map(Vec::len).sum();
    for (product, commits) in ledger.histories(expected().into_keys()).await {
        let sequences: Vec<u64> = commits.iter().map(|commit| commit["sequence"].as_u64().unwrap()).collect();
        assert_eq!(sequences, (1..=expected()[&product].0 as u64).collect::<Vec<_>>(), "{product}");
    }
    let entries = ledger.bus(|entries| arrivals(entries).1 >= 696 + own).await;
    assert_complete(&entries);
    while ledger.list(100).await.len() != 406 + 3 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_command_that_was_acknowledged_is_there_after_a_kill_and_so_is_its_key() {
    let mut ledger = Ledger::start();
    let send = async |ledger: &Ledger| {
        let request = ledger.http.post(format!("{}/products", ledger.url)).header("idempotency-key", "k");
        let request = request.header("content-type", "application/json").body(r#"{"name":"n","price":"1"}"#);
        request.send().await.unwrap().json::<Value>().await.unwrap()
    };
    let receipt = send(&ledger).await;
    ledger.kill();
    ledger.restart();
    assert_eq!(send(&ledger).await, receipt);
    let path = format!("/products/{}", receipt["product_id"].as_str().unwrap());
    ledger.until(&path, |status, _| status == 200).await;
}

#[tokio::test]
async fn asked_to_stop_it_finishes_and_ends_with_success() {
    let mut ledger = Ledger::start();
    ledger.send("PUT", "/products/p", r#"{"name":"n","price":"1"}"#).await;
    // An open stream must not hold up the end.
    let mut open = ledger.http.get(format!("{}/events?from=start", ledger.url)).send().await.unwrap();
    assert!(open.chunk().await.unwrap().is_some());
    assert_eq!(ledger.terminate(), Some(0));
    ledger.restart();
    assert_eq!(ledger.get("/products/p?min_version=1").await.0, 200);
}
