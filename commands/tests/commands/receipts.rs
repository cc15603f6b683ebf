//! Each command returns its receipt and writes what the interface says.

use event_store::chain::hash_of;
use serde_json::json;

use super::front::{Front, HELMET};

#[tokio::test]
async fn a_put_creates_with_every_field_and_answers_201_with_receipt_etag_and_location() {
    let front = Front::in_memory();
    let answer = front.send("PUT /products/helmet", &[("x-correlation-id", "order-7")], HELMET).await;
    assert_eq!(answer.status, 201);
    assert_eq!((answer.header("etag"), answer.header("location")), ("\"1\"", "/products/helmet"));
    assert_eq!(answer.header("x-correlation-id"), "order-7");
    let commit = front.commits("helmet").await.remove(0);
    assert_eq!(
        answer.body,
        json!({"product_id": "helmet", "version": 1, "commit_id": commit.0["commit_id"],
        "recorded_at": commit.0["recorded_at"], "hash": hash_of(&commit).unwrap(),
        "events": [{"event_id": commit.0["events"][0]["event_id"], "type": "ProductCreated", "sequence": 1}]})
    );
    assert_eq!(
        commit.0["events"][0]["data"],
        json!({"name": "Sport-100 Helmet, Red", "price": "33.6442",
        "currency": "USD", "sku": "HL-U509-R", "category": "Accessories / Helmets", "attributes": {"color": "Red"}})
    );
    assert_eq!(commit.0["state"]["created_at"], commit.0["recorded_at"]);
    assert_eq!(commit.0["metadata"]["correlation_id"], "order-7");
    assert_eq!(commit.0["metadata"]["actor"], "anonymous");
    assert_eq!(commit.0["metadata"]["occurred_at"], commit.0["recorded_at"]);
}

#[tokio::test]
async fn a_post_makes_an_id() {
    let front = Front::in_memory();
    let answer = front.send("POST /products", &[], HELMET).await;
    assert_eq!(answer.status, 201);
    let id = answer.body["product_id"].as_str().unwrap();
    assert_eq!(id.len(), 26);
    assert_eq!(answer.header("location"), format!("/products/{id}"));
}

#[tokio::test]
async fn a_life_is_told_in_commits_each_linked_to_the_one_before() {
    let front = Front::in_memory();
    let steps = [
        ("PUT /products/p", HELMET, 201, json!(["ProductCreated"])),
        (
            "PUT /products/p",
            r#"{"name":"Cap","price":"9"}"#,
            200,
            json!(["ProductRenamed", "ProductPriceChanged", "ProductDetailsChanged"]),
        ),
        ("PATCH /products/p", r#"{"sku":"C-1"}"#, 200, json!(["ProductDetailsChanged"])),
        ("PATCH /products/p", r#"{"sku":"C-1","price":"9.00"}"#, 200, json!([])),
        ("DELETE /products/p?occurred_at=2026-01-01T00:00:00Z", "", 200, json!(["ProductDeleted"])),
        ("DELETE /products/p", "", 200, json!([])),
        ("POST /products/p/restore", "", 200, json!(["ProductRestored"])),
        ("DELETE /products/p", "", 200, json!(["ProductDeleted"])),
        (
            "PUT /products/p",
            r#"{"name":"Cap","price":"10"}"#,
            200,
            json!(["ProductRestored", "ProductPriceChanged", "ProductDetailsChanged"]),
        ),
    ];
    let mut version = 0;
    for (request, body, status, events) in steps {
        let answer = front.send(request, &[], body).await;
        let types: Vec<_> =
            answer.body["events"].as_array().unwrap().iter().map(|event| event["type"].clone()).collect();
        version += types.len();
        assert_eq!((answer.status.as_u16(), json!(types)), (status, events), "{request} {body}");
        assert_eq!(answer.body["version"], version, "{request}");
        assert_eq!(answer.header("etag"), format!("\"{version}\""));
    }
    let commits = front.commits("p").await;
    let mut previous = "0".repeat(64);
    let mut next = 1;
    for commit in &commits {
        assert_eq!(commit.text("previous_hash").unwrap(), previous);
        assert_eq!(commit.sequence().unwrap(), next);
        previous = hash_of(commit).unwrap().to_string();
        next += commit.0["events"].as_array().unwrap().len() as u64;
    }
    assert_eq!(commits.len(), 7);
    assert_eq!(commits[3].0["metadata"]["occurred_at"], "2026-01-01T00:00:00.000Z");
    assert_eq!(commits[3].0["state"]["status"], "deleted");
}

#[tokio::test]
async fn a_command_that_changes_nothing_answers_with_the_present_commit() {
    let front = Front::in_memory();
    let first = front.send("PUT /products/p", &[], HELMET).await;
    let again = front.send("PUT /products/p", &[], HELMET).await;
    assert_eq!(again.status, 200);
    for field in ["version", "commit_id", "hash", "recorded_at"] {
        assert_eq!(again.body[field], first.body[field], "{field}");
    }
    assert_eq!(again.body["events"], json!([]));
    assert_eq!(front.commits("p").await.len(), 1);
}

#[tokio::test]
async fn what_a_product_refuses_has_a_status_and_a_type() {
    let front = Front::in_memory();
    front.send("PUT /products/gone", &[], HELMET).await;
    front.send("DELETE /products/gone", &[], "").await;
    front.send("PUT /products/there", &[], HELMET).await;
    for (request, body, refusal) in [
        ("PATCH /products/unknown", "{}", (404, "product-not-found")),
        ("DELETE /products/unknown", "", (404, "product-not-found")),
        ("POST /products/unknown/restore", "", (404, "product-not-found")),
        ("PATCH /products/gone", "{}", (409, "product-deleted")),
        ("POST /products/there/restore", "", (409, "product-not-deleted")),
    ] {
        assert_eq!(front.send(request, &[], body).await.refusal(), refusal, "{request}");
    }
}

#[tokio::test]
async fn the_time_of_recording_never_runs_backwards_within_a_product() {
    let front = Front::in_memory();
    let early = Front::over(front.journal.clone());
    for n in 0..5 {
        front.send("PUT /products/p", &[], &format!(r#"{{"name":"{n}","price":"1"}}"#)).await;
    }
    // Another process whose clock is behind.
    early.send("PUT /products/p", &[], r#"{"name":"late","price":"1"}"#).await;
    let times: Vec<_> = front
        .commits("p")
        .await
        .iter()
        .map(|commit| commit.text("recorded_at").unwrap().to_owned())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(times[4], times[5]);
}

#[tokio::test]
async fn trace_context_is_taken_over_when_it_is_well_formed() {
    let front = Front::in_memory();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    front.send("PUT /products/a", &[("traceparent", trace)], HELMET).await;
    front.send("PUT /products/b", &[("traceparent", "nonsense")], HELMET).await;
    assert_eq!(front.commits("a").await[0].0["metadata"]["traceparent"], trace);
    assert_eq!(front.commits("b").await[0].0["metadata"].get("traceparent"), None);
}
