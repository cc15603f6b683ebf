//! `If-Match` and `If-None-Match` let a client change only the version that it knows.

use serde_json::json;

use super::front::{Front, HELMET};

#[tokio::test]
async fn another_version_is_refused_with_what_was_missed() {
    let front = Front::in_memory();
    front.send("PUT /products/p", &[], HELMET).await;
    front.send("PUT /products/p", &[], r#"{"name":"Cap","price":"9"}"#).await;
    front.send("PATCH /products/p", &[], r#"{"price":"8"}"#).await;
    let current = [("if-match", "\"5\"")];
    assert_eq!(front.send("PATCH /products/p", &current, r#"{"price":"7"}"#).await.status, 200);
    for (known, missed) in [(1, vec![2, 3, 4, 5, 6]), (2, vec![3, 4, 5, 6]), (5, vec![6]), (9, vec![])] {
        let etag = format!("\"{known}\"");
        let answer = front.send("PATCH /products/p", &[("if-match", &etag)], r#"{"price":"1"}"#).await;
        assert_eq!(answer.refusal(), (412, "precondition-failed"));
        assert_eq!(answer.body["current_version"], 6);
        let sequences: Vec<_> =
            answer.body["missed"].as_array().unwrap().iter().map(|event| event["sequence"].clone()).collect();
        assert_eq!(json!(sequences), json!(missed), "{known}");
    }
    let answer = front.send("DELETE /products/p", &[("if-match", "\"5\"")], "").await;
    let missed = &answer.body["missed"][0];
    assert_eq!((&missed["type"], &missed["data"]["price"]), (&json!("ProductPriceChanged"), &json!("7.00")));
}

#[tokio::test]
async fn a_list_holds_if_it_names_the_version_and_a_weak_tag_is_a_tag() {
    let front = Front::in_memory();
    front.send("PUT /products/p", &[], HELMET).await;
    for (version, condition) in
        [(2, "W/\"1\""), (3, "\"7\", \"2\""), (4, "\"1\",W/\"2\" ,, \"3\""), (5, "W/\"4\",")]
    {
        let body = format!(r#"{{"price":"{version}"}}"#);
        let answer = front.send("PATCH /products/p", &[("if-match", condition)], &body).await;
        assert_eq!((answer.status.as_u16(), &answer.body["version"]), (200, &json!(version)), "{condition}");
    }
    let lines = [("if-match", "\"1\""), ("if-match", "\"5\"")];
    assert_eq!(front.send("PATCH /products/p", &lines, r#"{"price":"6"}"#).await.status, 200);
    // What was missed counts from the newest version that the client knows.
    let stale =
        front.send("PATCH /products/p", &[("if-match", "\"9\", \"4\", W/\"2\"")], r#"{"price":"7"}"#).await;
    assert_eq!(stale.refusal(), (412, "precondition-failed"));
    let missed = stale.body["missed"].as_array().unwrap();
    assert_eq!(missed.iter().map(|event| event["sequence"].as_u64().unwrap()).collect::<Vec<_>>(), [5, 6]);
}

#[tokio::test]
async fn a_version_that_does_not_exist_yet_is_said_to_be_one() {
    let front = Front::in_memory();
    front.send("PUT /products/p", &[], HELMET).await;
    for (headers, body) in [
        (vec![("if-match", "\"999\"")], r#"{"price":"7"}"#),
        (vec![("if-match", "\"1000\", \"999\"")], r#"{"price":"7"}"#),
        (vec![], r#"{"price":"7","version":999}"#),
    ] {
        let answer = front.send("PATCH /products/p", &headers, body).await;
        assert_eq!(answer.refusal(), (412, "precondition-failed"));
        assert_eq!((&answer.body["current_version"], &answer.body["missed"]), (&json!(1), &json!([])));
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.starts_with("Version 999 does not exist yet; the newest one is 1."), "{detail}");
    }
}

#[tokio::test]
async fn a_command_that_would_change_nothing_is_still_bound_to_its_version() {
    let front = Front::in_memory();
    front.send("PUT /products/p", &[], HELMET).await;
    let answer = front.send("PUT /products/p", &[("if-match", "\"7\"")], HELMET).await;
    assert_eq!(answer.refusal(), (412, "precondition-failed"));
}

#[tokio::test]
async fn a_star_asks_whether_the_product_exists_and_a_deleted_one_does_not() {
    let front = Front::in_memory();
    let (exists, absent) = ([("if-match", "*")], [("if-none-match", "*")]);
    for condition in [exists, [("if-match", "\"3\"")]] {
        let unknown = front.send("PUT /products/p", &condition, HELMET).await;
        assert_eq!(unknown.refusal(), (412, "precondition-failed"));
        assert_eq!(unknown.body["current_version"], json!(null));
        let detail = unknown.body["detail"].as_str().unwrap();
        assert!(detail.starts_with("No product has this id. To create it, "), "{detail}");
    }
    assert_eq!(front.send("PUT /products/p", &absent, HELMET).await.status, 201);
    assert_eq!(front.send("PUT /products/p", &absent, HELMET).await.refusal(), (412, "precondition-failed"));
    assert_eq!(front.send("PATCH /products/p", &exists, r#"{"price":1}"#).await.status, 200);
    front.send("DELETE /products/p", &[], "").await;
    assert_eq!(front.send("PUT /products/p", &exists, HELMET).await.refusal(), (412, "precondition-failed"));
    let restored = front.send("PUT /products/p", &absent, HELMET).await;
    assert_eq!(
        (restored.status.as_u16(), &restored.body["events"][0]["type"]),
        (200, &json!("ProductRestored"))
    );
}

#[tokio::test]
async fn a_precondition_of_wrong_form_is_refused() {
    let front = Front::in_memory();
    for (request, name, value) in [
        ("PUT /products/p", "if-match", "1"),
        ("PUT /products/p", "if-match", "\"x\""),
        ("PUT /products/p", "if-match", "w/\"1\""),
        ("PUT /products/p", "if-match", "W/ \"1\""),
        ("PUT /products/p", "if-match", "\"01\""),
        ("PUT /products/p", "if-match", "\"1\", 2"),
        ("PUT /products/p", "if-match", "\"1\" \"2\""),
        ("PUT /products/p", "if-match", "*, \"2\""),
        ("PUT /products/p", "if-match", ","),
        ("PUT /products/p", "if-match", "\"99999999999999999999\""),
        ("PUT /products/p", "if-match", ""),
        ("PUT /products/p", "if-none-match", "\"1\""),
        ("POST /products", "if-match", "*"),
    ] {
        let answer = front.send(request, &[(name, value)], HELMET).await;
        assert_eq!(answer.refusal(), (400, "malformed"), "{request} {name}: {value}");
    }
    let both = front.send("PUT /products/p", &[("if-match", "*"), ("if-none-match", "*")], HELMET).await;
    assert_eq!(both.refusal(), (400, "malformed"));
    assert!(front.commits("p").await.is_empty());
}
