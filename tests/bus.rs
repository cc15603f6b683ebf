//! What a subscriber of the local bus receives.

use futures::StreamExt;
use serde_json::Value;

use crate::scenario::{Ledger, json};

/// The first `count` server-sent events: id, event, data.
async fn events(
    ledger: &Ledger,
    query: &str,
    last: Option<&str>,
    count: usize,
) -> Vec<(String, String, Value)> {
    let mut request = ledger.http.get(format!("{}/events{query}", ledger.url));
    if let Some(id) = last {
        request = request.header("last-event-id", id);
    }
    let mut bytes = request.send().await.unwrap().bytes_stream();
    let mut text = String::new();
    while text.matches("\n\n").count() < count {
        text.push_str(std::str::from_utf8(&bytes.next().await.unwrap().unwrap()).unwrap());
    }
    let field = |event: &str, name: &str| {
        let value = event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        value.trim().to_owned()
    };
    let event = |event: &str| (field(event, "id:"), field(event, "event:"), json(&field(event, "data:")));
    text.split("\n\n").filter(|event| event.contains("data:")).take(count).map(event).collect()
}

#[tokio::test]
async fn each_event_is_one_entry_as_eventbridge_delivers_it() {
    let ledger = Ledger::start();
    ledger.send("PUT", "/products/p", r#"{"name":"Helmet","price":"33.6442"}"#).await;
    let (_, receipt) = ledger.send("PATCH", "/products/p", r#"{"price":"34.99"}"#).await;
    let heard = events(&ledger, "?from=start", None, 2).await;
    let (id, kind, entry) = &heard[1];
    assert_eq!(
        (id.as_str(), kind.as_str()),
        (receipt["events"][0]["event_id"].as_str().unwrap(), "PRODUCT_PRICE_CHANGED")
    );
    assert_eq!(
        (&entry["detail-type"], &entry["source"]),
        (&"PRODUCT_PRICE_CHANGED".into(), &"product-ledger.products".into())
    );
    assert_eq!(entry["resources"], serde_json::json!(["p"]));
    // What the ledger makes of the commits for whoever missed them is the same.
    let (_, missed) = ledger.get("/products/p/messages").await;
    assert_eq!(missed["next"], Value::Null);
    let missed = missed["messages"].as_array().unwrap();
    assert_eq!(missed.len(), heard.len());
    for (missed, (_, _, sent)) in missed.iter().zip(&heard) {
        assert_eq!(missed["sequence"], sent["detail"]["metadata"]["sequence"]);
        for member in ["source", "detail-type", "resources", "detail"] {
            assert_eq!(missed[member], sent[member], "{member}");
        }
    }
    let detail = &entry["detail"];
    for (name, value) in [
        ("event_id", &receipt["events"][0]["event_id"]),
        ("hash", &receipt["hash"]),
        ("commit_id", &receipt["commit_id"]),
        ("created_at", &receipt["recorded_at"]),
        ("sequence", &2.into()),
        ("event_version", &"v1".into()),
    ] {
        assert_eq!(&detail["metadata"][name], value, "{name}");
    }
    let data = &detail["data"];
    assert_eq!((&data["price"], &data["previous_price"]), (&"34.99".into(), &"33.6442".into()));
    assert_eq!((&data["product"]["price"], &data["product"]["version"]), (&"34.99".into(), &2.into()));
    let schema = crate::scenario::repository().join("schema/json/messages/ProductPriceChanged.v1.json");
    let schema = json(&std::fs::read_to_string(schema).unwrap());
    assert!(jsonschema::is_valid(&schema, detail), "{detail}");
}

#[tokio::test]
async fn the_largest_product_is_published_whole_and_listed() {
    let ledger = Ledger::start();
    ledger.send("PUT", "/products/p", r#"{"name":"n","price":"1"}"#).await;
    // All attributes of the greatest length, in commands of less than 64 KB; the last one has all of them before and after.
    for (letter, from, to) in [("x", 0, 25), ("x", 25, 50), ("y", 0, 25)] {
        let pairs = (from..to).map(|n| (format!("{n:0128}"), letter.repeat(2_000).into()));
        let body = serde_json::json!({"attributes": pairs.collect::<serde_json::Map<_, _>>()});
        let (status, problem) = ledger.send("PATCH", "/products/p", &body.to_string()).await;
        assert_eq!(status, 200, "{problem}");
    }
    let heard = events(&ledger, "?from=start&product=p&type=PRODUCT_DETAILS_CHANGED", None, 3).await;
    let (_, _, entry) = &heard[2];
    let data = &entry["detail"]["data"];
    assert_eq!(data["product"]["attributes"].as_object().unwrap().len(), 50, "nothing is left out");
    assert_eq!(data["previous"]["attributes"].as_object().unwrap().len(), 50);
    assert!(entry.to_string().len() > 300_000);
    let seen = ledger.until("/products?limit=1", |_, page| page["products"][0]["version"] == 4).await;
    assert_eq!(seen["products"][0]["attributes"], data["product"]["attributes"]);
    assert_eq!(ledger.history("p").await.len(), 4);
}

#[tokio::test]
async fn a_reader_resumes_after_the_event_it_saw_last() {
    let ledger = Ledger::start();
    for n in 1..=5 {
        ledger.send("PUT", "/products/p", &format!(r#"{{"name":"{n}","price":"1"}}"#)).await;
    }
    let all = events(&ledger, "?from=start", None, 5).await;
    let rest = events(&ledger, "", Some(&all[1].0), 3).await;
    assert_eq!(rest, all[2..]);
    let unknown = events(&ledger, "", Some("01K00000000000000000000000"), 5).await;
    assert_eq!(unknown, all);
}

#[tokio::test]
async fn without_a_start_only_what_comes_from_now_on_is_heard() {
    let ledger = Ledger::start();
    ledger.send("PUT", "/products/old", r#"{"name":"n","price":"1"}"#).await;
    ledger.bus(|entries| entries.len() == 1).await;
    let response = ledger.http.get(format!("{}/events", ledger.url)).send().await.unwrap();
    let mut bytes = response.bytes_stream();
    ledger.send("PUT", "/products/new", r#"{"name":"n","price":"1"}"#).await;
    let mut text = String::new();
    while !text.contains("data: ") {
        text.push_str(std::str::from_utf8(&bytes.next().await.unwrap().unwrap()).unwrap());
    }
    assert!(text.contains("\"resources\":[\"new\"]") && !text.contains("\"resources\":[\"old\"]"), "{text}");
}
