//! Invalid input gets the status of the interface and all faults at once, and nothing is written.

use serde_json::json;

use super::front::{Answer, Front, HELMET};

fn pointers(answer: &Answer) -> Vec<&str> {
    let errors = answer.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    errors.iter().map(|fault| fault["pointer"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn every_broken_rule_is_named_by_its_pointer() {
    let front = Front::in_memory();
    let long = |n: usize| "x".repeat(n);
    let attributes =
        |n: usize| (0..n).map(|n| (n.to_string(), json!("v"))).collect::<serde_json::Map<_, _>>();
    for (body, expected) in [
        (json!({}), vec!["/name", "/price"]),
        (
            json!({"name": "", "price": "-1", "currency": "usd", "id": "x", "version": 3}),
            vec!["/name", "/price", "/currency", "/id"],
        ),
        (
            json!({"version": "3", "status": "gone", "created_at": "then", "updated_at": 7, "colour": "red"}),
            vec!["/name", "/price", "/version", "/status", "/created_at", "/updated_at", "/colour"],
        ),
        (json!({"name": " \t ", "price": -1}), vec!["/name", "/price"]),
        (json!({"name": "a\u{7}b", "price": "1"}), vec!["/name"]),
        (json!({"name": long(201), "price": "1234567890123"}), vec!["/name", "/price"]),
        (json!({"name": 5, "price": true}), vec!["/name", "/price"]),
        (json!({"name": null, "price": null}), vec!["/name", "/price"]),
        (
            json!({"name": "a", "price": "1", "sku": long(65), "category": long(201)}),
            vec!["/sku", "/category"],
        ),
        (
            json!({"name": "a", "price": "1", "sku": "a\nb", "description": "a\u{0}b"}),
            vec!["/sku", "/description"],
        ),
        (json!({"name": "a", "price": "1", "description": long(4001)}), vec!["/description"]),
        (json!({"name": "a", "price": "1", "attributes": []}), vec!["/attributes"]),
        (
            json!({"name": "a", "price": "1", "attributes": {"a/b~c": 1, "": "x"}}),
            vec!["/attributes/", "/attributes/a~1b~0c"],
        ),
        (json!({"name": "a", "price": "1", "attributes": {"k": long(2001)}}), vec!["/attributes/k"]),
        (
            json!({"name": "a", "price": "1", "attributes": {long(129): "x"}}),
            vec![&*format!("/attributes/{}", long(129))],
        ),
        (json!({"name": "a", "price": "1", "attributes": attributes(51)}), vec!["/attributes"]),
        (json!({"name": "a", "price": "1", "occurred_at": "yesterday"}), vec!["/occurred_at"]),
        (json!({"name": "a", "price": "1", "occurred_at": "2999-01-01T00:00:00Z"}), vec!["/occurred_at"]),
        (json!(["name"]), vec![""]),
        (json!("name"), vec![""]),
    ] {
        let answer = front.send("PUT /products/p", &[], &body.to_string()).await;
        assert_eq!(answer.refusal(), (422, "invalid"), "{body}");
        let mut named = pointers(&answer);
        named.sort_unstable();
        let mut expected = expected;
        expected.sort_unstable();
        assert_eq!(named, expected, "{body}");
    }
    let twice = front.send("PUT /products/p", &[], r#"{"name":"a","price":"1","price":"2"}"#).await;
    assert_eq!((twice.refusal(), pointers(&twice)), ((422, "invalid"), vec!["/price"]));
    assert!(front.commits("p").await.is_empty());
}

#[tokio::test]
async fn limits_are_limits_and_not_one_less() {
    let front = Front::in_memory();
    let attributes: serde_json::Map<_, _> =
        (0..50).map(|n| (format!("{n:0128}"), json!("é".repeat(500)))).collect();
    let body = json!({"name": "é".repeat(200), "price": "999999999999.9999", "sku": "s".repeat(64),
        "category": "c".repeat(200), "description": "a\r\n\tb".repeat(800)});
    assert_eq!(front.send("PUT /products/p", &[], &body.to_string()).await.status, 201);
    let answer = front.send("PATCH /products/p", &[], &json!({"attributes": attributes}).to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let longest = json!({"attributes": {format!("{:0128}", 7): "é".repeat(2_000)}});
    assert_eq!(front.send("PATCH /products/p", &[], &longest.to_string()).await.status, 200);
    let one_more = front.send("PATCH /products/p", &[], r#"{"attributes":{"one more":"x"}}"#).await;
    assert_eq!((one_more.refusal(), pointers(&one_more)), ((422, "invalid"), vec!["/attributes"]));
    let longest = "A-Za-z0.~_".repeat(7)[..64].to_owned();
    assert_eq!(front.send(&format!("PUT /products/{longest}"), &[], HELMET).await.status, 201);
}

#[tokio::test]
async fn a_merge_patch_removes_optional_fields_only() {
    let front = Front::in_memory();
    front.send("PUT /products/p", &[], HELMET).await;
    let refused = front.send("PATCH /products/p", &[], r#"{"name":null,"price":null,"currency":null}"#).await;
    assert_eq!(pointers(&refused), ["/name", "/price", "/currency"]);
    let headers = [("content-type", "application/merge-patch+json; charset=utf-8")];
    let removed =
        front.send("PATCH /products/p", &headers, r#"{"sku":null,"attributes":{"color":null}}"#).await;
    assert_eq!(removed.status, 200);
    let state = &front.commits("p").await[1].0["state"];
    assert_eq!((state.get("sku"), state.get("attributes")), (None, None));
    assert_eq!(state["category"], "Accessories / Helmets");
}

#[tokio::test]
async fn what_is_not_json_of_the_right_type_is_refused() {
    let front = Front::in_memory();
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    for body in
        ["{", "nonsense", "{\"name\":\"a\u{1}\"}", r#"{"name":"\ud800","price":1}"#, "{} {}", "\u{feff}{}"]
    {
        let answer = front.send("PUT /products/p", &[], body).await;
        assert!(
            [(400, "malformed"), (422, "invalid")].contains(&answer.refusal()),
            "{body}: {}",
            answer.body
        );
        assert!(answer.status == 400 || body.contains("ud800"), "{body}");
    }
    let nested = front.send("PUT /products/p", &[], &format!(r#"{{"name":{deep},"price":1}}"#)).await;
    assert!(nested.status.is_client_error());
    for content_type in ["text/plain", "application/jsonx", "application/x-www-form-urlencoded", ""] {
        let answer = front.send("PUT /products/p", &[("content-type", content_type)], HELMET).await;
        assert_eq!(answer.refusal(), (415, "unsupported-media-type"), "{content_type}");
    }
    let patch_type = [("content-type", "application/merge-patch+json")];
    assert_eq!(front.send("PUT /products/p", &patch_type, HELMET).await.status, 415);
    assert_eq!(front.send("PUT /products/p", &[], "").await.status, 415);
    for encoding in ["gzip", "br, identity", "identity, gzip", "compress", "é"] {
        let answer = front.send("PUT /products/p", &[("content-encoding", encoding)], HELMET).await;
        assert_eq!(answer.refusal(), (415, "unsupported-media-type"), "{encoding}");
    }
    assert!(front.commits("p").await.is_empty());
    for (path, encoding) in
        [("PUT /products/p", "identity"), ("PUT /products/q", "Identity,"), ("PUT /products/r", "")]
    {
        assert_eq!(
            front.send(path, &[("content-encoding", encoding)], HELMET).await.status,
            201,
            "{encoding}"
        );
    }
    let bare = front.send("DELETE /products/p", &[("content-encoding", "gzip")], "").await;
    assert_eq!(bare.status, 200, "without a body there is nothing to decode");
}

#[tokio::test]
async fn a_body_over_64_kilobytes_is_refused_however_large() {
    let front = Front::in_memory();
    for size in [64 * 1024 + 1, 1024 * 1024, 3 * 1024 * 1024] {
        let body = format!(r#"{{"name":"a","price":1,"description":"{}"}}"#, "x".repeat(size));
        assert_eq!(
            front.send("PUT /products/p", &[], &body).await.refusal(),
            (413, "body-too-large"),
            "{size}"
        );
    }
    let fits = format!("{}{}", HELMET, " ".repeat(64 * 1024 - HELMET.len()));
    assert_eq!(front.send("PUT /products/p", &[], &fits).await.status, 201);
}

#[tokio::test]
async fn ids_and_queries_of_wrong_form_are_refused() {
    let front = Front::in_memory();
    let long = format!("PUT /products/{}", "x".repeat(65));
    for request in [
        "PUT /products/a%20b",
        "PUT /products/%2e%2e",
        "PUT /products/.",
        "PUT /products/a%00",
        "PUT /products/%ff",
        "PUT /products/%C3%A9",
        &long,
        "PUT /products/p?x=1",
        "POST /products?occurred_at=2020-01-01T00:00:00Z",
    ] {
        assert_eq!(front.send(request, &[], HELMET).await.refusal(), (400, "malformed"), "{request}");
    }
    for request in
        ["DELETE /products/p?occurred_at=no", "DELETE /products/p?other=1", "POST /products/p/restore?%ff=1"]
    {
        assert_eq!(front.send(request, &[], "").await.refusal(), (400, "malformed"), "{request}");
    }
    let future = front.send("DELETE /products/p?occurred_at=2999-01-01T00:00:00Z", &[], "").await;
    assert_eq!(future.refusal(), (422, "invalid"));
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_so() {
    let front = Front::in_memory();
    assert_eq!(front.send("PUT /nothing", &[], "").await.refusal(), (404, "not-found"));
    let answer = front.send("PUT /products", &[], HELMET).await;
    assert_eq!((answer.refusal(), answer.header("allow")), ((405, "method-not-allowed"), "POST"));
    assert_eq!(answer.body["instance"], "/products");
}

#[tokio::test]
async fn an_empty_sku_or_category_counts_as_left_out() {
    let front = Front::in_memory();
    let created =
        front.send("PUT /products/p", &[], r#"{"name":"n","price":"1","sku":"","category":""}"#).await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(front.commits("p").await[0].0["state"].get("sku"), None);
    front.send("PUT /products/p", &[], HELMET).await;
    let unchanged = front.send("PATCH /products/p", &[], r#"{"sku":"","category":""}"#).await;
    assert_eq!((unchanged.status.as_u16(), &unchanged.body["events"]), (200, &json!([])));
    front.send("PUT /products/p", &[], r#"{"name":"n","price":"1","sku":"","description":""}"#).await;
    let state = front.commits("p").await.pop().unwrap().0["state"].clone();
    assert_eq!((state.get("sku"), state.get("category"), &state["description"]), (None, None, &json!("")));
}

#[tokio::test]
async fn further_zeros_of_a_price_change_nothing() {
    let front = Front::in_memory();
    assert_eq!(front.send("PUT /products/p", &[], r#"{"name":"n","price":"34.000000"}"#).await.status, 201);
    let same = front.send("PATCH /products/p", &[], r#"{"price":34.00000000000000000000}"#).await;
    assert_eq!((same.status.as_u16(), &same.body["events"]), (200, &json!([])));
    let more = front.send("PATCH /products/p", &[], r#"{"price":"34.000001"}"#).await;
    assert_eq!((more.refusal(), pointers(&more)), ((422, "invalid"), vec!["/price"]));
}

#[tokio::test]
async fn of_very_many_errors_a_hundred_are_listed() {
    let front = Front::in_memory();
    let body: serde_json::Map<_, _> = (0..5_700).map(|n| (format!("{n}"), json!(1))).collect();
    let answer = front.send("PATCH /products/p", &[], &json!(body).to_string()).await;
    assert_eq!(answer.refusal(), (422, "invalid"));
    let errors = answer.body["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 101);
    assert_eq!(errors[100], json!({"pointer": "", "detail": "5600 more errors are not listed"}));
    assert!(answer.body.to_string().len() < 16_000);
}
