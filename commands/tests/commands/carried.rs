//! A client may send back the whole product as it read it: what a command cannot change must be that of the product.

use serde_json::{Value, json};

use super::front::{Front, HELMET};

/// The product as GET answers it.
async fn product(front: &Front) -> Value {
    let mut state = front.commits("p").await.pop().unwrap().0["state"].clone();
    state.as_object_mut().unwrap().remove("schema_version");
    state
}

/// The product as it was read, with some fields changed.
fn with(read: &Value, changes: &Value) -> String {
    let mut body = read.clone();
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body.to_string()
}

#[tokio::test]
async fn a_product_that_was_read_is_sent_back_with_a_change() {
    let front = Front::in_memory();
    front.send("PUT /products/p", &[], HELMET).await;
    for (request, changes) in [
        ("PUT /products/p", json!({"name": "Cap"})),
        ("PATCH /products/p", json!({"price": "9.5"})),
        ("PATCH /products/p", json!({"sku": "C-1", "updated_at": null})),
    ] {
        let read = product(&front).await;
        let mut body = serde_json::from_str::<Value>(&with(&read, &changes)).unwrap();
        body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let answer = front.send(request, &[], &body.to_string()).await;
        let version = read["version"].as_u64().unwrap() + 1;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["version"]),
            (200, &json!(version)),
            "{}",
            answer.body
        );
    }
    let same = product(&front).await.to_string();
    for request in ["PUT /products/p", "PATCH /products/p"] {
        assert_eq!(front.send(request, &[], &same).await.body["events"], json!([]), "{request}");
    }
    // A moment is the same in any offset.
    let elsewhere = product(&front).await["updated_at"].as_str().unwrap().replace('Z', "+00:00");
    let body = json!({"updated_at": elsewhere, "price": "1"}).to_string();
    assert_eq!(front.send("PATCH /products/p", &[], &body).await.status, 200);
}

#[tokio::test]
async fn a_stale_field_is_a_failed_precondition() {
    let front = Front::in_memory();
    front.send("PUT /products/p", &[], HELMET).await;
    let read = product(&front).await;
    front.send("PATCH /products/p", &[], r#"{"price":"9"}"#).await;
    let stale = |name: &str| json!({"price": "8", name: read[name]}).to_string();
    for (name, missed) in [("version", vec![2]), ("updated_at", vec![]), ("price_occurred_at", vec![])] {
        for request in ["PATCH /products/p", "PUT /products/p"] {
            let mut body: Value = serde_json::from_str(&stale(name)).unwrap();
            body["name"] = "n".into();
            let answer = front.send(request, &[], &body.to_string()).await;
            assert_eq!(answer.refusal(), (412, "precondition-failed"), "{request} {name}");
            assert_eq!(answer.body["current_version"], 2);
            let events = answer.body["missed"].as_array().unwrap().iter();
            let sequences: Vec<_> = events.map(|event| event["sequence"].as_u64().unwrap()).collect();
            assert_eq!(sequences, missed, "{name}");
        }
    }
    // The header says which version it was.
    let answer = front.send("PATCH /products/p", &[("if-match", "\"1\"")], &stale("updated_at")).await;
    assert_eq!(answer.body["missed"].as_array().unwrap().len(), 1);
    // The version of the body counts even if the header holds.
    let answer = front.send("PATCH /products/p", &[("if-match", "\"2\"")], &stale("version")).await;
    assert_eq!(
        (answer.refusal(), answer.body["missed"].as_array().unwrap().len()),
        ((412, "precondition-failed"), 1)
    );
    assert_eq!(front.commits("p").await.len(), 2);
}

#[tokio::test]
async fn a_wrong_field_is_named_and_nothing_is_written() {
    let front = Front::in_memory();
    front.send("PUT /products/p", &[], HELMET).await;
    for (changes, pointers) in [
        (json!({"id": "q"}), vec!["/id"]),
        (json!({"status": "deleted"}), vec!["/status"]),
        (json!({"created_at": "2020-01-01T00:00:00Z"}), vec!["/created_at"]),
        (json!({"status": "deleted", "created_at": "2020-01-01T00:00:00Z"}), vec!["/status", "/created_at"]),
        (json!({"version": null}), vec!["/version"]),
    ] {
        let body = with(&product(&front).await, &changes);
        for request in ["PUT /products/p", "PATCH /products/p"] {
            let answer = front.send(request, &[], &body).await;
            assert_eq!(answer.refusal(), (422, "invalid"), "{request} {changes}");
            let errors = answer.body["errors"].as_array().unwrap().iter();
            assert_eq!(errors.map(|error| error["pointer"].as_str().unwrap()).collect::<Vec<_>>(), pointers);
        }
    }
    let created = front.send("POST /products", &[], &with(&product(&front).await, &json!({}))).await;
    assert_eq!((created.refusal(), created.body["errors"].as_array().unwrap().len()), ((422, "invalid"), 6));
    assert_eq!(front.commits("p").await.len(), 1);
}

#[tokio::test]
async fn of_a_product_that_does_not_exist_nothing_was_read() {
    let front = Front::in_memory();
    let body = |name: &str, value: Value| json!({"name": "n", "price": "1", name: value}).to_string();
    for headers in [&[][..], &[("if-none-match", "*")]] {
        let stale = front.send("PUT /products/p", headers, &body("version", json!(3))).await;
        assert_eq!((stale.refusal(), &stale.body["missed"]), ((412, "precondition-failed"), &json!([])));
        let detail = stale.body["detail"].as_str().unwrap();
        assert!(detail.starts_with("No product has this id. To create it, "), "{detail}");
        let wrong = front.send("PUT /products/p", headers, &body("status", json!("active"))).await;
        assert_eq!(wrong.refusal(), (422, "invalid"));
        let errors = &wrong.body["errors"];
        assert_eq!((errors.as_array().unwrap().len(), &errors[0]["pointer"]), (1, &json!("/status")));
        let detail = errors[0]["detail"].as_str().unwrap();
        assert!(detail.contains("no product has this id"), "{detail}");
    }
    assert_eq!(front.send("PUT /products/p", &[], &body("id", json!("p"))).await.status, 201);
    // Of one that exists the client is told so, though it wanted none to exist.
    let exists = front.send("PUT /products/p", &[("if-none-match", "*")], &body("version", json!(1))).await;
    assert_eq!(
        (exists.refusal(), &exists.body["current_version"]),
        ((412, "precondition-failed"), &json!(1))
    );
}

#[tokio::test]
async fn a_repeated_command_is_recognised_though_its_version_is_stale_by_then() {
    let front = Front::in_memory();
    front.send("PUT /products/p", &[], HELMET).await;
    let key = [("idempotency-key", "k-1")];
    let body = r#"{"price":"9","version":1}"#;
    let first = front.send("PATCH /products/p", &key, body).await;
    let again = front.send("PATCH /products/p", &key, body).await;
    assert_eq!((first.status.as_u16(), &again.body), (200, &first.body));
    assert_eq!(again.header("idempotency-replayed"), "true");
}
