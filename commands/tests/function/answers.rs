//! The response to API Gateway: status, headers and body of a receipt or a problem, and its cost.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use loopback::changed;
use serde_json::{Value, json};
use web::ProblemKind;

use crate::given::{given, post, recorded, with_body};

const MEBIBYTE: usize = 1024 * 1024;

#[tokio::test]
async fn a_posted_product_is_recorded_once_with_one_request() {
    let given = given().await;
    let first = given.reply(&post()).await;
    assert_eq!(given.operations(), ["ExecuteStatement"]);
    assert_eq!(first.status, 201, "{first:?}");
    assert_eq!(first.header("content-type"), Some("application/json"));
    assert_eq!(first.header("etag"), Some("\"1\""));
    assert_eq!(first.header("x-correlation-id"), Some("order-7"));
    let id = first.body["product_id"].as_str().unwrap();
    assert_eq!(first.header("location"), Some(&*format!("/v1/products/{id}")));
    assert_eq!((&first.body["version"], first.body["hash"].as_str().unwrap().len()), (&json!(1), 64));
    assert_eq!(first.body["events"][0]["type"], "ProductCreated");

    let again = given.reply(&post()).await;
    assert_eq!(given.operations(), ["ExecuteStatement", "Query"]);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!((again.status, again.body), (first.status, first.body));
}

#[tokio::test]
async fn behind_a_domain_with_a_base_path_the_answer_names_paths_below_it() {
    let given = given().await;
    let below = recorded("post-product-base-path");
    let first = given.reply(&below).await;
    assert_eq!(first.status, 201, "{first:?}");
    let id = first.body["product_id"].as_str().unwrap();
    assert_eq!(first.header("location"), Some(&*format!("/shop/products/{id}")));
    // The same command by the address that API Gateway assigns is the same command.
    let again = given.reply(&post()).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")), "{again:?}");
    let wrong = given.reply(&with_body(below, "{}")).await;
    assert_eq!(wrong.problem("invalid", 422, "order-7")["instance"], "/shop/products");
}

#[tokio::test]
async fn a_commit_names_the_token_s_subject_and_the_trace_of_the_invocation() {
    let given = given().await;
    given.reply(&post()).await;
    let item = json!({"TableName": "events", "Limit": 1});
    let (_, found) = given.tables.request("Scan", &item).await;
    let metadata = &found["Items"][0]["metadata"]["M"];
    assert_eq!(metadata["actor"]["S"], "5kek0i61pgkokoob4fsm9fo9it");
    assert_eq!(metadata["correlation_id"]["S"], "order-7");
    assert_eq!(metadata["idempotency_key"]["S"], "k-1");
    assert_eq!(metadata["traceparent"]["S"], "00-5bef4de7ad49b0e87f6ef6c87fc2e700-9a9197af755a6419-01");
}

#[tokio::test]
async fn a_body_that_the_gateway_sends_as_base64_is_the_body_that_the_client_sent() {
    let given = given().await;
    let reply = given.reply(&recorded("put-product-base64")).await;
    assert_eq!((reply.status, &reply.body["product_id"]), (201, &json!("helmet")));
    let item = json!({"TableName": "events", "Limit": 1});
    let (_, found) = given.tables.request("Scan", &item).await;
    assert_eq!(found["Items"][0]["state"]["M"]["name"]["S"], "Casque Müller");
}

#[tokio::test]
async fn every_command_takes_its_body_as_base64_as_the_gateway_sends_it_where_all_types_are_binary() {
    let given = given().await;
    let (merge, body) = ("application/merge-patch+json", r#"{"name":"Müller","price":"1"}"#);
    for (method, resource, path, kind, body, status, version) in [
        ("PUT", "/products/{id}", "/products/p", "application/json", body, 201, 1),
        ("PATCH", "/products/{id}", "/products/p", merge, r#"{"price":"2"}"#, 200, 2),
        ("DELETE", "/products/{id}", "/products/p", "application/json", "", 200, 3),
        ("POST", "/products/{id}/restore", "/products/p/restore", "application/json", "", 200, 4),
        ("POST", "/products", "/products", "application/json", body, 201, 1),
    ] {
        let mut event = with_body(post(), &STANDARD.encode(body));
        event["isBase64Encoded"] = json!(true);
        (event["httpMethod"], event["resource"], event["path"]) =
            (json!(method), json!(resource), json!(path));
        event["pathParameters"] = if resource == path { Value::Null } else { json!({"id": "p"}) };
        event["requestContext"]["path"] = json!(format!("/v1{path}"));
        event["multiValueHeaders"]["Content-Type"] = json!([kind]);
        event["multiValueHeaders"]["Idempotency-Key"] = json!([format!("{method}{path}")]);
        let reply = given.reply(&event).await;
        assert_eq!(
            (reply.status, &reply.body["version"]),
            (status, &json!(version)),
            "{method} {path}: {reply:?}"
        );
    }
}

#[tokio::test]
async fn without_an_authorizer_or_the_scope_nothing_is_asked_of_the_table() {
    let given = given().await;
    let nobody = given.reply(&recorded("post-without-claims")).await;
    nobody.problem("unauthorized", 401, "order-7");
    assert_eq!(nobody.header("www-authenticate"), Some("Bearer"));

    let scope = "/requestContext/authorizer/claims/scope";
    let reader = given.reply(&changed(post(), scope, json!("products/read"))).await;
    reader.problem("forbidden", 403, "order-7");
    let challenge = r#"Bearer error="insufficient_scope", scope="products/write""#;
    assert_eq!(reader.header("www-authenticate"), Some(challenge));

    let no_actor = given.reply(&changed(post(), "/requestContext/authorizer", Value::Null)).await;
    no_actor.problem("unauthorized", 401, "order-7");
    assert_eq!(given.operations(), [""; 0]);
}

#[tokio::test]
async fn a_request_that_cannot_be_carried_out_is_a_problem_that_names_its_faults() {
    let given = given().await;
    let unknown = given.reply(&recorded("unknown-path")).await;
    assert_eq!(unknown.problem("not-found", 404, "order-7")["instance"], "/v1/orders");

    let text = given.reply(&changed(post(), "/multiValueHeaders/Content-Type", json!(["text/plain"]))).await;
    text.problem("unsupported-media-type", 415, "order-7");

    let cut = given.reply(&with_body(post(), r#"{"name":"#)).await;
    cut.problem("malformed", 400, "order-7");

    let empty = given.reply(&changed(post(), "/body", Value::Null)).await;
    empty.problem("malformed", 400, "order-7");

    let wrong = given.reply(&with_body(post(), r#"{"name":"","colour":"red"}"#)).await;
    let faults = wrong.problem("invalid", 422, "order-7")["errors"].as_array().unwrap();
    let pointers: Vec<_> = faults.iter().map(|fault| fault["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/name", "/price", "/colour"]);

    let not_base64 = given.reply(&changed(post(), "/isBase64Encoded", json!(true))).await;
    // Whose conversation it is cannot be read either.
    let made = not_base64.header("x-correlation-id").unwrap_or_default();
    not_base64.problem("malformed", 400, made);
    assert_eq!(made.len(), 26);

    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(5 * MEBIBYTE));
    given.reply(&with_body(post(), &large)).await.problem("body-too-large", 413, "order-7");
    assert_eq!(given.operations(), [""; 0]);
}

#[tokio::test]
async fn a_table_that_does_not_answer_is_a_problem_that_says_when_to_come_again() {
    let given = given().await;
    given.tables.throttle(|_| true);
    let reply = given.reply(&post()).await;
    let (slug, _, status) = ProblemKind::Unavailable.parts();
    reply.problem(slug, status.as_u16().into(), "order-7");
    assert!(reply.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);

    given.tables.recover();
    assert_eq!(given.reply(&post()).await.status, 201);
}
