//! Reads: a client's own writes at once, those of others soon, and never a deleted product.

use crate::scenario::Ledger;

#[tokio::test]
async fn a_changed_price_shows_at_once_with_its_version_and_soon_without() {
    let ledger = Ledger::start();
    ledger.send("PUT", "/products/p", r#"{"name":"Helmet","price":"33.6442"}"#).await;
    let (_, receipt) = ledger.send("PATCH", "/products/p", r#"{"price":34.99}"#).await;
    let (status, product) = ledger.get(&format!("/products/p?min_version={}", receipt["version"])).await;
    assert_eq!((status, &product["price"], &product["version"]), (200, &"34.99".into(), &2.into()));
    ledger.until("/products/p", |_, product| product["price"] == "34.99").await;
    let listed = ledger.until("/products", |_, page| page["products"][0]["price"] == "34.99").await;
    assert_eq!(listed["products"][0], product);
}

#[tokio::test]
async fn a_version_that_does_not_exist_yet_is_a_conflict_that_names_the_present_one() {
    let ledger = Ledger::start();
    ledger.send("PUT", "/products/p", r#"{"name":"Helmet","price":"1"}"#).await;
    let (status, problem) = ledger.get("/products/p?min_version=2").await;
    assert_eq!((status, &problem["current_version"]), (409, &1.into()));
    assert_eq!(ledger.get("/products/unknown?min_version=1").await.0, 404);
}

#[tokio::test]
async fn prices_and_history_are_as_new_as_the_client_s_own_write() {
    let ledger = Ledger::start();
    let (_, mut receipt) = ledger.send("PUT", "/products/p", r#"{"name":"Helmet","price":"100"}"#).await;
    for (method, path, body, price) in [
        ("PATCH", "", r#"{"price":"80"}"#, Some("80.00")),
        ("DELETE", "", "", None),
        ("POST", "/restore", "", Some("80.00")),
        ("PATCH", "", r#"{"name":"Hat"}"#, Some("80.00")),
    ] {
        (_, receipt) = ledger.send(method, &format!("/products/p{path}"), body).await;
        let version = receipt["version"].as_u64().unwrap();
        let (status, prices) = ledger.get(&format!("/products/p/prices?min_version={version}")).await;
        assert_eq!((status, &prices["version"], prices["current"].as_str()), (200, &version.into(), price));
        let (status, history) = ledger.get(&format!("/products/p/history?min_version={version}")).await;
        let newest = history["commits"].as_array().unwrap().last().unwrap();
        assert_eq!((status, &newest["hash"]), (200, &receipt["hash"]));
        for part in ["prices", "history"] {
            let later = format!("/products/p/{part}?min_version={}", version + 1);
            let (status, problem) = ledger.get(&later).await;
            assert_eq!((status, &problem["current_version"]), (409, &version.into()), "{later}");
        }
    }
    let recorded_at = receipt["recorded_at"].as_str().unwrap();
    let (_, known) = ledger.get(&format!("/products/p/prices?known_at={recorded_at}")).await;
    assert_eq!((&known["version"], &known["reduction"]["is_reduction"]), (&5.into(), &false.into()));
}

#[tokio::test]
async fn an_etag_saves_the_body() {
    let ledger = Ledger::start();
    ledger.send("PUT", "/products/p", r#"{"name":"Helmet","price":"1"}"#).await;
    ledger.until("/products/p", |status, _| status == 200).await;
    let get = |etag: &'static str| {
        ledger.http.get(format!("{}/products/p", ledger.url)).header("if-none-match", etag).send()
    };
    let unchanged = get("\"1\"").await.unwrap();
    assert_eq!((unchanged.status().as_u16(), unchanged.headers()["etag"].to_str().unwrap()), (304, "\"1\""));
    assert_eq!(get("\"2\"").await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_deleted_product_says_since_when_and_comes_back_when_restored() {
    let ledger = Ledger::start();
    ledger.send("PUT", "/products/p", r#"{"name":"Helmet","price":"1"}"#).await;
    let (_, receipt) = ledger.send("DELETE", "/products/p", "").await;
    let (status, problem) = ledger.get("/products/p?min_version=2").await;
    assert_eq!(status, 404);
    let text = problem.to_string();
    assert!(text.contains(receipt["recorded_at"].as_str().unwrap()) && text.contains('2'), "{text}");
    ledger.send("POST", "/products/p/restore", "").await;
    assert_eq!(ledger.get("/products/p?min_version=3").await.0, 200);
}
