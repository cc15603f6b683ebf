//! The response of the query function to API Gateway: status, headers and body, and its cost.

use loopback::{FunctionProcess, TableServer, changed};
use serde_json::{Value, json};

use crate::given::{batch, get, invoke, projector, query_api, recorded, reply, tables};

/// The query function on projected views.
async fn projected() -> (FunctionProcess, TableServer) {
    let tables = tables().await;
    let projector = projector(&tables).start().await;
    invoke(&projector, &batch()).await;
    let _ = tables.take_requests();
    (query_api(&tables).start().await, tables)
}

fn operations(tables: &TableServer) -> Vec<String> {
    tables.take_requests().into_iter().map(|request| request.operation).collect()
}

/// The event with another header.
fn with_header(mut event: Value, name: &str, value: &str) -> Value {
    event["headers"][name] = json!(value);
    event["multiValueHeaders"][name] = json!([value]);
    event
}

#[tokio::test]
async fn a_product_is_one_request_and_unchanged_it_has_no_body() {
    let (queries, tables) = projected().await;
    let product = reply(&queries, &get("helmet")).await;
    assert_eq!((product.status, product.header("etag")), (200, Some("\"2\"")));
    assert_eq!(product.header("content-type"), Some("application/json"));
    assert_eq!(product.header("x-correlation-id"), Some("order-8"));
    assert_eq!((&product.body["id"], &product.body["price"]), (&json!("helmet"), &json!("34.99")));
    // The line-up of the views is kept for a while.
    assert_eq!(operations(&tables), ["GetItem", "GetItem"]);
    let known = reply(&queries, &with_header(get("helmet"), "If-None-Match", "\"2\"")).await;
    assert_eq!((known.status, &known.body), (304, &Value::Null));
    assert_eq!(operations(&tables), ["GetItem"]);
}

#[tokio::test]
async fn a_list_takes_its_parameters_as_the_client_meant_them() {
    let (queries, _tables) = projected().await;
    let list = reply(&queries, &recorded("list-products")).await;
    assert_eq!(list.status, 200, "{list:?}");
    let products = list.body["products"].as_array().unwrap();
    let names: Vec<_> = products.iter().map(|product| product["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Sport-100, Red & Blue"]);
    let twice = json!(["1", "2"]);
    let twice = changed(recorded("list-products"), "/multiValueQueryStringParameters/limit", twice);
    reply(&queries, &twice).await.problem("malformed", 400, "order-8");
}

#[tokio::test]
async fn behind_a_domain_with_a_base_path_every_route_is_below_it() {
    let (queries, _tables) = projected().await;
    let below = |resource: &str, id: Value, path: &str| {
        let mut event = changed(recorded("get-product-base-path"), "/resource", json!(resource));
        event["requestContext"]["resourcePath"] = json!(resource);
        event["pathParameters"] = id;
        event["requestContext"]["path"] = json!(path);
        changed(event, "/path", json!(path))
    };
    let product = reply(&queries, &recorded("get-product-base-path")).await;
    assert_eq!((product.status, &product.body["id"]), (200, &json!("helmet")), "{product:?}");
    let missing = below("/products/{id}", json!({"id": "no-such"}), "/shop/products/no-such");
    let missing = reply(&queries, &missing).await;
    assert_eq!(missing.problem("product-not-found", 404, "order-8")["instance"], "/shop/products/no-such");
    let history = below("/products/{id}/history", json!({"id": "helmet"}), "/shop/products/helmet/history");
    reply(&queries, &history).await.problem("forbidden", 403, "order-8");
    for (resource, servers) in [("/shop/openapi.json", "/shop"), ("/openapi.json", "")] {
        let document = reply(&queries, &below("/openapi.json", Value::Null, resource)).await;
        let expected = if servers.is_empty() { "." } else { servers };
        assert_eq!((document.status, &document.body["servers"]), (200, &json!([{"url": expected}])));
    }
    let told = reply(&queries, &below("/ui/config.json", Value::Null, "/shop/ui/config.json")).await;
    assert_eq!(
        (told.status, &told.body["base"], &told.body["mode"]),
        (200, &json!("/shop"), &json!("token"))
    );
    let features = told.body["features"].as_array().unwrap().iter().map(|name| name.as_str().unwrap());
    // No bucket is named for the log.
    let orders = "orders:id,name,price,updated_at";
    let expected = ["commits", "days", "as_of", "in_force", "status", "csv", "sku", "categories", orders];
    assert_eq!(features.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn an_unknown_parameter_is_refused_on_every_route() {
    let (queries, _tables) = projected().await;
    let unknown = json!({"unknown": ["1"]});
    // But for the page, whose answer is not JSON.
    for path in ["/health", "/openapi.json", "/docs/start.js", "/products", "/products/helmet"] {
        let asked = changed(get("helmet"), "/path", json!(path));
        let refused =
            reply(&queries, &changed(asked, "/multiValueQueryStringParameters", unknown.clone())).await;
        let problem = refused.problem("malformed", 400, "order-8");
        assert_eq!(problem["errors"][0]["pointer"], "unknown", "{path}");
    }
}

#[tokio::test]
async fn missing_scopes_are_refused_and_public_routes_are_open() {
    let (queries, tables) = projected().await;
    let nobody = reply(&queries, &recorded("without-claims")).await;
    nobody.problem("unauthorized", 401, "order-8");
    assert_eq!(nobody.header("www-authenticate"), Some("Bearer"));
    let scope = "/requestContext/authorizer/claims/scope";
    let reader = changed(recorded("history"), scope, json!("products/read"));
    reply(&queries, &reader).await.problem("forbidden", 403, "order-8");
    let public = changed(recorded("without-claims"), "/path", json!("/health"));
    assert_eq!(reply(&queries, &public).await.status, 200);
    assert_eq!(operations(&tables), [""; 0]);
}

#[tokio::test]
async fn missing_or_unavailable_products_are_problems() {
    let (queries, tables) = projected().await;
    let unknown = reply(&queries, &get("no-such")).await;
    assert_eq!(unknown.problem("product-not-found", 404, "order-8")["instance"], "/v1/products/no-such");
    let path = changed(get("helmet"), "/path", json!("/orders/1"));
    reply(&queries, &path).await.problem("not-found", 404, "order-8");
    let post = changed(get("helmet"), "/httpMethod", json!("POST"));
    let post = reply(&queries, &post).await;
    post.problem("method-not-allowed", 405, "order-8");
    assert_eq!(post.header("allow"), Some("GET,HEAD"));
    tables.throttle(|_| true);
    let away = reply(&queries, &get("helmet")).await;
    away.problem("unavailable", 503, "order-8");
    assert!(away.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
}

#[tokio::test]
async fn the_status_tells_the_parked_products_and_the_settings_and_leaves_open_what_it_cannot_know() {
    let (queries, tables) = projected().await;
    let row = json!({"consumer": {"S": "publisher"}, "product_id": {"S": "helmet"}, "from_sequence": {"N": "2"},
        "reason": {"S": "too large"}, "retryable": {"BOOL": false}, "parked_at": {"S": "2026-11-30T00:00:00.000Z"},
        "attempts": {"N": "1"}});
    assert_eq!(tables.request("PutItem", &json!({"TableName": "parking", "Item": row})).await.0, 200);
    let asked = |event: Value| {
        let event = changed(changed(event, "/path", json!("/status")), "/resource", json!("/status"));
        changed(event, "/pathParameters", Value::Null)
    };
    let _ = tables.take_requests();
    let status = reply(&queries, &asked(recorded("history"))).await;
    assert_eq!(status.status, 200, "{status:?}");
    assert_eq!(
        status.body["parked"],
        json!([{"product_id": "helmet", "consumer": "publisher", "sequence": 2, "reason": "too large", "retryable": false,
                "since": "2026-11-30T00:00:00.000Z", "next_try": null}])
    );
    // None has a position yet, and there is no bucket for the log.
    assert_eq!(status.body["commits"], 0);
    for unknown in ["products", "log", "tampering", "commands", "refused"] {
        assert_eq!(status.body[unknown], Value::Null, "{unknown}");
    }
    let settings = status.body["settings"].as_array().unwrap();
    assert!(
        settings.contains(&json!({"name": "LEDGER_EVENTS_TABLE", "value": "events", "from": "variable"}))
    );
    let asked_for = operations(&tables);
    assert!(
        asked_for.iter().all(|operation| ["Query", "GetItem"].contains(&operation.as_str())),
        "{asked_for:?}"
    );
    let reader =
        changed(recorded("history"), "/requestContext/authorizer/claims/scope", json!("products/read"));
    reply(&queries, &asked(reader)).await.problem("forbidden", 403, "order-8");
}

#[tokio::test]
async fn the_history_has_every_commit_and_no_receipt_where_nothing_was_published() {
    let (queries, _tables) = projected().await;
    let history = reply(&queries, &recorded("history")).await;
    let commits = history.body["commits"].as_array().unwrap();
    assert_eq!(commits.len(), 2, "{history:?}");
    assert!(commits.iter().all(|commit| commit["receipts"] == json!([null])), "{history:?}");
}
