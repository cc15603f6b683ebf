//! Example responses of the query routes for the OpenAPI document.

use serde_json::{Value, json};

const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const HEAD: &str = "a3b10ca7fc91864701e0bfc7f0c62b69a607e55855a6d7e8fff21cffa39beffc";

pub(super) fn product() -> Value {
    json!({"id": "helmet", "name": "Sport-100 Helmet, Red", "price": "33.6442", "currency": "USD",
           "sku": "HL-U509-R", "category": "Accessories / Helmets", "attributes": {"color": "Red"},
           "status": "active", "price_occurred_at": "2026-11-23T11:10:28.270Z", "version": 1,
           "created_at": "2026-11-23T11:10:28.270Z", "updated_at": "2026-11-23T11:10:28.270Z"})
}

pub(super) fn page() -> Value {
    json!({"products": [product()], "next": "Oj03CEUXIQxzMDFjOTAxZTMtNDMyMy00OGVkLWFiOWUtOWJmZGEyOGJkZWY2"})
}

pub(super) fn categories() -> Value {
    json!({"categories": [{"category": "Accessories / Helmets", "products": 3}], "next": null})
}

pub(in crate::http) fn feed() -> Value {
    let mut commit = history()["commits"][0].clone();
    let receipts = commit["receipts"].take();
    if let Some(fields) = commit.as_object_mut() {
        fields.remove("receipts");
    }
    json!({"commits": [{"position": 0, "retroactive": false, "receipts": receipts, "commit": commit}],
           "next": null, "newest": 0})
}

pub(in crate::http) fn messages() -> Value {
    let metadata = json!({
        "event_id": "01M841K9DEZSCMB07FHNWPHHBZ", "event_name": "PRODUCT_DELETED", "event_version": "v1",
        "event_source": "product-ledger.products", "product_id": "helmet", "sequence": 2,
        "commit_id": "01M841K9DC3M5ZQYPS2Y3BRKSE", "hash": HEAD,
        "created_at": "2026-11-23T11:10:28.288Z", "occurred_at": "2026-11-23T11:10:28.288Z",
        "correlation_id": "order-4711", "causation_id": "01M841K9DC3M5ZQYPS2Y3BRKSE", "actor": "anonymous"
    });
    let mut product = product();
    product["status"] = json!("deleted");
    product["version"] = json!(2);
    json!({"messages": [{"sequence": 2, "source": "product-ledger.products", "detail-type": "PRODUCT_DELETED",
                         "resources": ["helmet"], "detail": {"metadata": metadata, "data": {"product": product}}}],
           "next": null})
}

pub(super) const PAGE_AS_CSV: &str = "product_id,sku,name,category,price,currency,status,version,recorded_at,description\r\n\
     helmet,HL-U509-R,\"Sport-100 Helmet, Red\",Accessories / Helmets,33.6442,USD,active,1,2026-11-23T11:10:28.270Z,\r\n";

pub(super) const PRICES_AS_CSV: &str = "price,currency,from,to,sequence\r\n\
     33.6442,USD,2026-11-01T00:00:00.000Z,2026-11-23T11:10:28.288Z,1\r\n\
     34.99,USD,2026-11-23T11:10:28.288Z,2026-11-27T00:00:00.000Z,2\r\n\
     29.99,USD,2026-11-27T00:00:00.000Z,,3\r\n";

pub(in crate::http) fn feed_as_csv() -> String {
    with_columns("position,retroactive,", "0,false,")
}

pub(super) fn history_as_csv() -> String {
    with_columns("", "")
}

/// The rows of a commit behind other columns.
fn with_columns(names: &str, values: &str) -> String {
    let rows = [("name", "\"Sport-100 Helmet, Red\"", ""), ("price", "33.6442", "USD")];
    let row = |(field, to, currency): (&str, &str, &str)| {
        format!(
            "{values}2026-11-23T11:10:28.270Z,2026-11-23T11:10:28.270Z,anonymous,helmet,1,01M841K9DC3M5ZQYPS2Y3BRKSE,\
             ProductCreated,{field},,{to},{currency},order-4711,2026-11-23T11:10:28.281Z,{HEAD}\r\n"
        )
    };
    let header = "recorded_at,occurred_at,actor,product_id,sequence,commit_id,type,field,from,to,currency,\
                  correlation_id,published_at,hash\r\n";
    format!("{names}{header}{}", rows.map(row).concat())
}

pub(super) fn history() -> Value {
    let data = json!({"name": "Sport-100 Helmet, Red", "price": "33.6442", "currency": "USD"});
    let mut state = data.clone();
    for (name, value) in [
        ("schema_version", json!(2)),
        ("id", json!("helmet")),
        ("status", json!("active")),
        ("price_occurred_at", json!("2026-11-23T11:10:28.270Z")),
        ("version", json!(1)),
        ("created_at", json!("2026-11-23T11:10:28.270Z")),
        ("updated_at", json!("2026-11-23T11:10:28.270Z")),
    ] {
        state[name] = value;
    }
    let event_id = "01M841K9DEZSCMB07FHNWPHHBZ";
    let receipt = json!({"event_id": event_id, "receipt_id": "01M841K9DKQ8T0A6S7V3M2X1YZ", "bus": "local",
           "published_at": "2026-11-23T11:10:28.281Z", "attempts": 1, "hash": HEAD});
    json!({"commits": [{
        "product_id": "helmet", "sequence": 1, "commit_id": "01M841K9DC3M5ZQYPS2Y3BRKSE",
        "recorded_at": "2026-11-23T11:10:28.270Z",
        "events": [{"event_id": event_id, "type": "ProductCreated", "schema_version": 1, "data": data}],
        "state": state,
        "metadata": {"actor": "anonymous", "correlation_id": "order-4711",
                     "causation_id": "01M841K9DC3M5ZQYPS2Y3BRKSE", "occurred_at": "2026-11-23T11:10:28.270Z"},
        "previous_hash": GENESIS, "hash": HEAD, "receipts": [receipt]}],
        "next": null})
}

pub(super) fn prices() -> Value {
    json!({"currency": "USD", "current": "29.99", "version": 3,
           "lowest_30_days": {"price": "33.6442", "since": "2026-11-01T00:00:00.000Z"},
           "reduction": {"is_reduction": true, "since": "2026-11-27T00:00:00.000Z",
                         "series_since": "2026-11-27T00:00:00.000Z"},
           "reference": {"price": "33.6442", "since": "2026-11-01T00:00:00.000Z",
                         "from": "2026-10-28T00:00:00.000Z", "to": "2026-11-27T00:00:00.000Z", "days": 30},
           "timeline": [
               {"price": "33.6442", "currency": "USD", "from": "2026-11-01T00:00:00.000Z",
                "to": "2026-11-23T11:10:28.288Z", "sequence": 1},
               {"price": "34.99", "currency": "USD", "from": "2026-11-23T11:10:28.288Z",
                "to": "2026-11-27T00:00:00.000Z", "sequence": 2},
               {"price": "29.99", "currency": "USD", "from": "2026-11-27T00:00:00.000Z", "to": null, "sequence": 3}],
           "next": null})
}

pub(super) fn verifications() -> Value {
    json!({
        "valid": {"value": {"valid": true, "commits": 1, "events": 1, "head": HEAD}},
        "damaged": {"value": {"valid": false, "commits": 1, "events": 1, "head": HEAD, "faults": [
            {"product_id": "helmet", "sequence": 1, "fault": "changed", "detail": format!(
                "the commit is not what was hashed: it carries {HEAD}, its content gives {GENESIS}")}]}},
    })
}
