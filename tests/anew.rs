//! The newest commit of a product is removed in the store, and the next command records its version again: the ledger
//! decides, every view and subscriber gets the new commit, and a warning and a metric report it.

use serde_json::Value;

use crate::beneath;
use crate::scenario::{Ledger, printed};

/// A ledger whose `p` has three versions that are shown and published.
async fn without_anything_removed() -> Ledger {
    let ledger = Ledger::start();
    for price in ["1", "2", "3"] {
        ledger.send("PUT", "/products/p", &format!(r#"{{"name":"n","price":"{price}"}}"#)).await;
    }
    ledger.bus(|entries| entries.len() == 3).await;
    ledger.until("/products/p", |_, product| product["version"] == 3).await;
    ledger.until("/products/p/prices", |_, prices| prices["current"] == "3.00").await;
    ledger.until("/products/p/history?after=2", |_, page| has_receipt(&page["commits"][0])).await;
    ledger
}

fn has_receipt(commit: &Value) -> bool {
    commit["receipts"][0]["published_at"].is_string()
}

async fn is_recorded_anew(ledger: &Ledger) {
    let (status, receipt) = ledger.send("PATCH", "/products/p", r#"{"price":"77"}"#).await;
    assert_eq!((status, &receipt["version"]), (200, &3.into()), "the version is used again");
    let at_once = ledger.get("/products/p/history?after=2").await.1["commits"][0].clone();
    assert!(
        at_once["receipts"][0].is_null() || at_once["receipts"][0]["hash"] == at_once["hash"],
        "{at_once}"
    );
    ledger.until("/products/p", |_, product| product["price"] == "77.00").await;
    ledger.until("/products/p/prices", |_, prices| prices["current"] == "77.00").await;
    let entries = ledger.bus(|entries| entries.len() == 4).await;
    let metadata = &entries[3]["detail"]["metadata"];
    assert_eq!((&metadata["sequence"], &metadata["hash"]), (&3.into(), &receipt["hash"]));
    let history =
        ledger.until("/products/p/history?after=2", |_, page| has_receipt(&page["commits"][0])).await;
    let published = &history["commits"][0]["receipts"][0];
    assert_eq!((&published["hash"], &published["event_id"]), (&receipt["hash"], &metadata["event_id"]));
    let warnings = || {
        let log = ledger.log().into_iter();
        let anew = log.filter(|line| {
            line["message"].as_str().is_some_and(|text| text.starts_with("a version was recorded anew"))
        });
        anew.map(|line| (line["level"].clone(), line["what"].clone())).collect::<Vec<_>>()
    };
    for what in ["products", "prices", "publication"] {
        assert!(warnings().contains(&("WARN".into(), what.into())), "{what}: {:?}", warnings());
    }
    let metrics =
        ledger.http.get(format!("{}/metrics", ledger.url)).send().await.unwrap().text().await.unwrap();
    for (consumer, times) in [("projector", 2), ("publisher", 1)] {
        let name = format!(r#"ledger_tampering_total{{consumer="{consumer}",operation="MODIFY"}} "#);
        let counted = metrics.lines().find_map(|line| line.strip_prefix(&name)?.parse::<u32>().ok());
        // A batch that is repeated, or a catching up beside it, counts again what it sees.
        assert!(counted.is_some_and(|counted| counted >= times), "{name}{times} in {metrics}");
    }
    // The product goes on.
    ledger.send("PATCH", "/products/p", r#"{"price":"78"}"#).await;
    ledger.until("/products/p", |_, product| product["price"] == "78.00").await;
    ledger.bus(|entries| entries.len() == 5).await;
}

#[tokio::test]
async fn a_version_that_is_recorded_anew_while_the_server_runs_is_shown_and_published() {
    let ledger = without_anything_removed().await;
    beneath::remove_newest(&ledger, "p").await;
    is_recorded_anew(&ledger).await;
}

#[tokio::test]
async fn a_version_that_is_recorded_anew_after_a_start_is_shown_and_published() {
    let mut ledger = without_anything_removed().await;
    assert_eq!(ledger.terminate(), Some(0));
    beneath::remove_newest(&ledger, "p").await;
    ledger.restart();
    is_recorded_anew(&ledger).await;
}

/// All its commits are gone and its receipts are not.
#[tokio::test]
async fn a_product_whose_commits_are_gone_is_named_by_its_receipts() {
    let mut ledger = without_anything_removed().await;
    assert_eq!(ledger.terminate(), Some(0));
    for _ in 1..=3 {
        beneath::remove_newest(&ledger, "p").await;
    }
    let verify = ledger.operate(&["verify", "--receipts"]);
    let said = printed(&verify);
    assert_eq!(verify.status.code(), Some(1), "{said}");
    let named = said.lines().any(|line| line.starts_with("product p: cut_off: the receipts"));
    assert!(named, "{said}");
}
