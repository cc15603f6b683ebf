//! The whole ledger with a bus outside: everything arrives there, also after the bus was away.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::moto_server::Moto;
use crate::scenario::{Ledger, adventure_works, expected, json, printed, repository};

const BUS: &str = "product-ledger";

/// The server with the bus of `moto`.
fn ledger_on(moto: &Moto) -> Ledger {
    let url = moto.config().endpoint_url().unwrap().to_owned();
    Ledger::start_with(
        &["--retry-parked-every", "1"],
        &[
            ("LEDGER_EVENT_BUS", BUS),
            ("AWS_ENDPOINT_URL_EVENTBRIDGE", &url),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "AKID"),
            ("AWS_SECRET_ACCESS_KEY", "SECRET"),
        ],
    )
}

/// What arrives until there are `count` messages.
async fn delivered(moto: &Moto, count: usize) -> Vec<Value> {
    let mut messages = Vec::new();
    while messages.len() < count {
        messages.extend(moto.delivered(BUS).await);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    messages
}

#[tokio::test]
async fn an_import_arrives_at_the_queue_as_its_schema_says_and_every_receipt_is_the_buss_own() {
    let Some(mut moto) = Moto::find() else { return };
    moto.start().await;
    moto.create_bus(BUS).await;
    let ledger = ledger_on(&moto);
    let imported = ledger.import(&adventure_works()).output().unwrap();
    assert!(imported.status.success(), "{}", printed(&imported));
    let messages = delivered(&moto, 696).await;
    assert_eq!(messages.len(), 696);
    let mut schemas = BTreeMap::new();
    let mut ids: BTreeMap<(String, u64), Value> = BTreeMap::new();
    let mut sequences: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for message in &messages {
        let name = match message["detail-type"].as_str().unwrap() {
            "PRODUCT_CREATED" => "ProductCreated",
            "PRODUCT_PRICE_CHANGED" => "ProductPriceChanged",
            "PRODUCT_DELETED" => "ProductDeleted",
            other => panic!("{other} is not in the file"),
        };
        let schema = schemas.entry(name).or_insert_with(|| {
            let path = repository().join(format!("schema/json/messages/{name}.v1.json"));
            jsonschema::validator_for(&json(&std::fs::read_to_string(path).unwrap())).unwrap()
        });
        assert!(schema.is_valid(&message["detail"]), "{message}");
        let metadata = &message["detail"]["metadata"];
        let key =
            (metadata["product_id"].as_str().unwrap().to_owned(), metadata["sequence"].as_u64().unwrap());
        sequences.entry(key.0.clone()).or_default().push(key.1);
        ids.insert(key, message["id"].clone());
    }
    for (product, commits) in ledger.histories(expected().into_keys()).await {
        assert_eq!(sequences[&product], (1..=commits.len() as u64).collect::<Vec<_>>(), "{product}");
        for commit in commits {
            let key = (product.clone(), commit["sequence"].as_u64().unwrap());
            // The receipt is written after the bus has accepted the event.
            let path = format!("/products/{product}/history?after={}", key.1 - 1);
            let page = ledger.until(&path, |_, page| !page["commits"][0]["receipts"][0].is_null()).await;
            assert_eq!(page["commits"][0]["receipts"][0]["receipt_id"], ids[&key], "{key:?}");
        }
    }
}

#[tokio::test]
async fn a_bus_that_was_away_longer_than_the_retries_gets_everything_when_it_is_back() {
    let Some(mut moto) = Moto::find() else { return };
    let ledger = ledger_on(&moto);
    ledger.send("PUT", "/products/p", r#"{"name":"a","price":"1"}"#).await;
    ledger.send("PATCH", "/products/p", r#"{"price":"2"}"#).await;
    loop {
        let listed = ledger.operate(&["parked", "list", "--json"]);
        if let Some(row) = String::from_utf8_lossy(&listed.stdout).lines().next() {
            let row = json(row);
            assert_eq!((&row["consumer"], &row["retryable"]), (&"publisher".into(), &true.into()), "{row}");
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    let (_, history) = ledger.get("/products/p/history").await;
    assert_eq!(history["commits"][0]["receipts"][0]["receipt_id"], "", "{history}");
    moto.start().await;
    moto.create_bus(BUS).await;
    let messages = delivered(&moto, 2).await;
    let sequences: Vec<_> =
        messages.iter().map(|message| message["detail"]["metadata"]["sequence"].clone()).collect();
    assert_eq!(sequences, [1, 2]);
    ledger
        .until("/products/p/history", |_, page| {
            page["commits"][1]["receipts"][0]["receipt_id"].as_str().is_some_and(|id| !id.is_empty())
        })
        .await;
    while !ledger.operate(&["parked", "list", "--json"]).stdout.is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}
