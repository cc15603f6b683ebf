//! Events as API Gateway sends them, and the routes' responses to them.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue};
use axum::routing::any;
use serde_json::json;
use web::{AllowedOrigin, RequestContext as Asked};

use super::*;

const MINUTE: Duration = Duration::from_mins(1);

const TRACE: &str =
    "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:a:0";

/// Answers with what it received.
async fn seen(asked: Asked, uri: axum::http::Uri, headers: HeaderMap, body: String) -> Response {
    let both: Vec<&str> = headers.get_all("x-two").iter().map(|value| value.to_str().unwrap()).collect();
    let said = json!({"actor": asked.actor.name, "uri": uri.to_string(), "two": both, "body": body,
        "traceparent": asked.traceparent, "correlation_id": asked.correlation_id});
    ([("location", "/products/p")], Json(said)).into_response()
}

fn event(changes: &Value) -> Value {
    let mut event = json!({
        "httpMethod": "PUT", "resource": "/products/{id}", "pathParameters": {"id": "p"}, "path": "/products/p",
        "headers": null, "multiValueHeaders": {"X-Two": ["1", "2"], "X-Correlation-Id": ["c-1"]},
        "queryStringParameters": null, "multiValueQueryStringParameters": null,
        "body": null, "isBase64Encoded": false,
        "requestContext": {
            "path": "/prod/products/p", "stage": "prod",
            "authorizer": {"claims": {"sub": "s-1", "scope": "products/write", "token_use": "access"}}
        }
    });
    for (name, value) in changes.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

async fn answer_to(event: Value) -> (i64, HeaderMap, Value) {
    answer_of(&PageRules::new(Vec::new(), true), event).await
}

async fn answer_of(pages: &PageRules, event: Value) -> (i64, HeaderMap, Value) {
    let routes = Router::new().route("/products/{id}", any(seen)).route("/health", any(seen));
    let is_open = |path: &str| path == "/products/open";
    let routes = layered(routes, pages, ClockAndIds::system(), is_open);
    let answer = answered(&routes, serde_json::from_value(event).unwrap(), Some(TRACE), MINUTE).await;
    let body = serde_json::to_value(answer.body).unwrap();
    let body = serde_json::from_str(body.as_str().unwrap_or("null")).unwrap_or(body);
    (answer.status_code, answer.multi_value_headers, body)
}

#[tokio::test]
async fn a_request_arrives_with_everything_the_client_sent_and_who_the_authorizer_says_it_is() {
    let sent = json!({"body": "{\"name\":\"\u{e9}\"}", "path": "/products/p q",
        "multiValueQueryStringParameters": {"a b": ["1&2", "\u{e9}"], "c": [""]}});
    let (status, headers, seen) = answer_to(event(&sent)).await;
    assert_eq!(status, 200);
    assert_eq!(headers["x-correlation-id"], "c-1");
    let expected = json!({"actor": "s-1", "uri": "/products/p%20q?a%20b=1%262&a%20b=%C3%A9&c=",
        "two": ["1", "2"], "body": "{\"name\":\"\u{e9}\"}", "correlation_id": "c-1",
        "traceparent": "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01"});
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_body_in_base64_is_decoded_and_a_damaged_one_is_a_problem() {
    let (_, _, seen) = answer_to(event(&json!({"body": "e30=", "isBase64Encoded": true}))).await;
    assert_eq!(seen["body"], "{}");
    let (status, headers, problem) = answer_to(event(&json!({"body": "!", "isBase64Encoded": true}))).await;
    assert_eq!((status, &problem["type"]), (400, &json!("urn:product-ledger:problem:malformed")));
    assert_eq!(problem["instance"], "/prod/products/p");
    assert_eq!(headers["content-type"], "application/problem+json");
}

#[tokio::test]
async fn an_open_path_needs_no_authorizer_and_knows_whoever_has_one() {
    for (path, authorizer, status, actor) in [
        ("/products/open", Value::Null, 200, Actor::unknown().name),
        ("/products/open", json!({"principalId": "s"}), 200, "s".to_owned()),
        ("/products/shut", Value::Null, 401, String::new()),
    ] {
        let context = json!({"path": path, "authorizer": authorizer});
        let (answered, _, seen) = answer_to(event(&json!({"path": path, "requestContext": context}))).await;
        assert_eq!(
            (answered, seen["actor"].as_str().unwrap_or_default()),
            (status, actor.as_str()),
            "{path}"
        );
    }
}

/// The event with this path in it and in its context.
fn at(path: &Value, sent: &Value) -> Value {
    event(&json!({"path": path, "requestContext": {"path": sent, "authorizer": {"principalId": "s"}}}))
}

#[tokio::test]
async fn paths_in_answers_begin_with_what_the_client_s_url_has_before_the_route() {
    for (path, sent, before) in [
        ("/products/p", json!("/v1/products/p"), "/v1"),
        ("/products/p", json!("/products/p"), ""),
        ("/shop/products/p", json!("/shop/products/p"), "/shop"),
        ("/a/b/products/p", json!("/a/b/products/p"), "/a/b"),
        ("/products/products/p", json!("/products/products/p"), "/products"),
        ("/sh op/products/p", json!("/sh%20op/products/p"), "/sh%20op"),
        ("//evil.example.com/products/p", json!("//evil.example.com/products/p"), "/evil.example.com"),
        ("//products/p", json!("/v1//products/p"), "/v1"),
        ("//products/p", json!("//products/p"), ""),
        ("/shop/products/p", Value::Null, "/shop"),
        ("/products/p", Value::Null, ""),
    ] {
        let (status, headers, seen) = answer_to(at(&json!(path), &sent)).await;
        assert_eq!((status, &seen["uri"]), (200, &json!("/products/p")), "{path} {sent}");
        assert_eq!(headers["location"], format!("{before}/products/p"), "{path} {sent}");
        let mut nobody = at(&json!(path), &sent);
        nobody["requestContext"]["authorizer"] = Value::Null;
        let (status, _, problem) = answer_to(nobody).await;
        assert_eq!(
            (status, &problem["instance"]),
            (401, &json!(format!("{before}/products/p"))),
            "{path} {sent}"
        );
    }
}

#[tokio::test]
async fn the_stage_is_found_where_one_path_is_decoded_and_the_other_is_not() {
    for (path, sent) in [("/products/a b", "/v1/products/a%20b"), ("/products/a%20b", "/v1/products/a b")] {
        let mut event = at(&json!(path), &json!(sent));
        event["pathParameters"]["id"] = json!("a b");
        let (status, headers, seen) = answer_to(event).await;
        assert_eq!((status, &seen["uri"]), (200, &json!("/products/a%20b")), "{path}");
        assert_eq!(headers["location"], "/v1/products/p", "{path}");
    }
}

#[tokio::test]
async fn an_event_that_names_no_resource_has_the_stage_alone_before_its_route() {
    for (resource, sent, before) in [
        (Value::Null, "/v1/products/p", "/v1"),
        (Value::Null, "/products/p", ""),
        (json!("/orders"), "/v1/products/p", "/v1"),
        (json!("/orders"), "/elsewhere", ""),
    ] {
        let mut event = at(&json!("/products/p"), &json!(sent));
        event["resource"] = resource;
        assert_eq!(answer_to(event).await.1["location"], format!("{before}/products/p"), "{sent}");
    }
}

#[tokio::test]
async fn what_is_public_is_below_the_base_path_too_and_nothing_else_is() {
    let public = json!({"resource": "/health", "pathParameters": null, "path": "/shop/health",
        "requestContext": {"path": "/shop/health"}});
    assert_eq!(answer_to(event(&public)).await.0, 200);
    let root = json!({"resource": "/", "pathParameters": null, "path": "/shop",
        "requestContext": {"path": "/shop"}});
    let (status, _, problem) = answer_to(event(&root)).await;
    assert_eq!(
        (status, &problem["instance"]),
        (404, &json!("/shop/")),
        "a function does not answer at the root"
    );
    // A base path that is named like a public route opens nothing.
    let nobody = json!({"path": "/health/products/p", "requestContext": {"path": "/health/products/p"}});
    assert_eq!(answer_to(event(&nobody)).await.0, 401);
}

#[tokio::test]
async fn where_a_member_with_several_values_is_null_the_single_ones_count() {
    let single = json!({"multiValueHeaders": null, "headers": {"X-Two": "1", "x-correlation-id": "c-2"},
        "queryStringParameters": {"a b": "1&2", "c": ""}});
    let (status, headers, seen) = answer_to(event(&single)).await;
    assert_eq!((status, &headers["x-correlation-id"]), (200, &HeaderValue::from_static("c-2")));
    assert_eq!((&seen["two"], &seen["uri"]), (&json!(["1"]), &json!("/products/p?a%20b=1%262&c=")));
    let both = json!({"headers": {"X-Two": "2"}, "queryStringParameters": {"a": "2"},
        "multiValueQueryStringParameters": {"a": ["1", "2"]}});
    let (_, _, seen) = answer_to(event(&both)).await;
    assert_eq!((&seen["two"], &seen["uri"]), (&json!(["1", "2"]), &json!("/products/p?a=1&a=2")));
}

#[tokio::test]
async fn another_payload_format_is_a_problem_that_an_http_api_can_pass_on() {
    let routes = layered(Router::new(), &PageRules::new(Vec::new(), true), ClockAndIds::system(), |_| false);
    for (path, instance) in [("/shop/products/p", "/shop/products/p"), ("/products/p q", "/")] {
        let other = json!({"version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
            "headers": {"origin": "https://shop.example.com"}, "isBase64Encoded": false,
            "requestContext": {"http": {"method": "GET", "path": path}, "stage": "$default"}});
        let answer = answered(&routes, serde_json::from_value(other).unwrap(), None, MINUTE).await;
        assert_eq!(answer.status_code, 500);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert!(answer.multi_value_headers.is_empty(), "an HTTP API does not know them");
        let Some(aws_lambda_events::encodings::Body::Text(body)) = answer.body else { panic!("no text") };
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(problem["type"], "urn:product-ledger:problem:internal");
        assert_eq!(problem["instance"], instance);
        assert!(problem["detail"].as_str().unwrap().contains("payload format 2.0"), "{problem}");
    }
}

#[test]
fn an_event_that_is_no_request_is_none_and_format_1_0_may_name_itself() {
    for other in
        [json!({}), json!({"version": "1.0"}), json!({"httpMethod": "GET"}), json!({"path": "/health"})]
    {
        assert!(serde_json::from_value::<GatewayEvent>(other.clone()).is_err(), "{other}");
    }
    let named = serde_json::from_value(event(&json!({"version": "1.0"}))).unwrap();
    assert!(matches!(named, GatewayEvent::Request(_)));
}

#[tokio::test]
async fn without_an_authorizer_only_what_is_public_is_answered() {
    let nobody = json!({"requestContext": {"path": "/prod/products/p"}});
    let (status, headers, _) = answer_to(event(&nobody)).await;
    assert_eq!((status, headers["www-authenticate"].to_str().unwrap()), (401, "Bearer"));
    let mut public = event(&nobody);
    (public["path"], public["resource"]) = (json!("/health"), json!("/health"));
    assert_eq!(answer_to(public).await.0, 200);
}

#[tokio::test]
async fn the_members_of_a_problem_are_sent_in_the_order_of_the_interface() {
    let routes = finish_authenticated(|routes| routes, Router::new(), ClockAndIds::system());
    let answer = answered(&routes, serde_json::from_value(event(&json!({}))).unwrap(), None, MINUTE).await;
    let Some(aws_lambda_events::encodings::Body::Text(body)) = answer.body else { panic!("no text") };
    let members = ["type", "title", "status", "detail", "instance", "correlation_id"];
    let places: Vec<_> = members.iter().map(|name| body.find(&format!("\"{name}\":")).unwrap()).collect();
    assert!(places.is_sorted() && places[0] == 1, "{body}");
}

#[tokio::test]
async fn nothing_a_gateway_could_pass_on_ends_the_process() {
    for odd in [
        json!({"path": ""}),
        json!({"path": "products"}),
        json!({"path": "/products/%zz%"}),
        json!({"path": "/products/\u{0}\u{e9}\u{1F600}\\^|`"}),
        json!({"httpMethod": "NO SUCH"}),
        json!({"multiValueHeaders": {"no name": ["x"]}}),
        json!({"multiValueHeaders": {"x-two": ["line\nbreak"]}}),
        json!({"requestContext": null}),
        json!({"requestContext": {"authorizer": {"claims": []}}}),
    ] {
        let (status, _, _) = answer_to(event(&odd)).await;
        assert!((200..500).contains(&status), "{odd}: {status}");
    }
}

/// An event of a page of this origin.
fn of_page(method: &str, origin: &str) -> Value {
    event(&json!({"httpMethod": method, "multiValueHeaders": {
        "Host": ["abc.execute-api.eu-central-1.amazonaws.com"], "Origin": [origin],
        "Access-Control-Request-Method": ["PUT"]}}))
}

#[tokio::test]
async fn pages_of_other_origins_are_refused_and_no_preflight_is_answered_without_the_setting() {
    for method in ["GET", "PUT", "OPTIONS"] {
        let (status, headers, problem) = answer_to(of_page(method, "https://shop.example.com")).await;
        assert_eq!((status, &problem["type"]), (403, &json!("urn:product-ledger:problem:foreign-origin")));
        assert!(!headers.contains_key("access-control-allow-origin"), "{method}");
    }
    let own = "https://abc.execute-api.eu-central-1.amazonaws.com";
    assert_eq!(answer_to(of_page("PUT", own)).await.0, 200, "the documentation's own page");
}

#[tokio::test]
async fn pages_of_an_allowed_origin_get_preflights_without_a_token_and_read_every_answer() {
    let origin = "https://shop.example.com";
    let pages = PageRules::new(AllowedOrigin::list(origin).unwrap(), true);
    let without_token = json!({"path": "/prod/products/p", "stage": "prod"});
    let mut preflight = of_page("OPTIONS", origin);
    preflight["requestContext"] = without_token.clone();
    let (status, headers, _) = answer_of(&pages, preflight).await;
    assert_eq!((status, &headers["access-control-allow-origin"]), (204, &HeaderValue::from_static(origin)));
    assert!(headers["access-control-allow-headers"].to_str().unwrap().contains("Authorization"));
    let mut refused = of_page("PUT", origin);
    refused["requestContext"] = without_token;
    for (event, expected) in [(of_page("PUT", origin), 200), (refused, 401)] {
        let (status, headers, _) = answer_of(&pages, event).await;
        assert_eq!(
            (status, &headers["access-control-allow-origin"]),
            (expected, &HeaderValue::from_static(origin))
        );
        assert!(headers["access-control-expose-headers"].to_str().unwrap().contains("ETag"));
    }
    assert_eq!(answer_of(&pages, of_page("GET", "https://evil.example.com")).await.0, 403);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_answered_before_the_invocation_ends() {
    let silent = any(|| async { std::future::pending::<Response>().await });
    let routes = layered(
        Router::new().route("/products/{id}", silent),
        &PageRules::new(Vec::new(), true),
        ClockAndIds::system(),
        |_| false,
    );
    for (method, detail) in [("PUT", "It is not known whether"), ("GET", "The answer takes too long")] {
        let call = serde_json::from_value(event(&json!({"httpMethod": method}))).unwrap();
        let begun = Instant::now();
        let answer = answered(&routes, call, None, 15 * (MINUTE / 60));
        let answer = tokio::time::timeout(MINUTE, answer).await.expect("an answer");
        assert_eq!((answer.status_code, begun.elapsed()), (503, 14 * (MINUTE / 60)));
        assert_eq!(answer.multi_value_headers["retry-after"], "1");
        let body = serde_json::to_value(answer.body).unwrap().to_string();
        assert!(body.contains(detail) && body.contains("c-1"), "{body}");
    }
}
