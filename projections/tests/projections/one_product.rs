//! `GET /products/{id}`: the newest version with its entity tag, never older than the client asks for.

use std::sync::Arc;

use axum::http::{Request, StatusCode, header};
use event_store::MemoryJournal;
use projections::views::Generation;
use schema::fixtures;
use serde_json::json;

use crate::given::{Deed, Front, Life, PutProduct, answered, asked, front_over};

async fn shown(front: &Front, life: &Life, commit: usize) {
    let product = &life.commits[commit].0.state;
    front.views.put(Generation(1), product).await.unwrap();
}

#[tokio::test]
async fn a_product_is_answered_as_the_interface_shows_it() {
    let front = front_over(MemoryJournal::default());
    let mut life = Life::begins("p", "Helmet", "33.6442");
    life.goes_on(&Deed::Rename("Hat".into()));
    shown(&front, &life, 1).await;
    let (status, product) = asked(&front.router, "/products/p").await;
    assert_eq!(status, 200);
    assert_eq!(
        product,
        json!({
            "id": "p", "name": "Hat", "price": "33.6442", "currency": "USD", "sku": "HL-U509-R",
            "category": "Accessories / Helmets", "attributes": {"color": "Red"}, "status": "active", "price_occurred_at": "2025-11-13T02:13:21.000Z", "version": 2,
            "created_at": "2025-11-13T02:13:21.000Z", "updated_at": "2025-11-13T02:13:22.000Z",
        })
    );
}

#[tokio::test]
async fn the_client_that_has_the_version_gets_304() {
    let front = front_over(MemoryJournal::default());
    let life = Life::of("p", &[Deed::Rename("Hat".into())]);
    shown(&front, &life, 1).await;
    for (given, status) in [
        ("\"2\"", StatusCode::NOT_MODIFIED),
        ("W/\"2\"", StatusCode::NOT_MODIFIED),
        ("\"1\", \"2\"", StatusCode::NOT_MODIFIED),
        ("*", StatusCode::NOT_MODIFIED),
        ("\"1\"", StatusCode::OK),
        ("2", StatusCode::OK),
    ] {
        let request = Request::get("/products/p").header(header::IF_NONE_MATCH, given);
        let response = answered(&front.router, request).await;
        assert_eq!(response.status(), status, "{given}");
        assert_eq!(response.headers()[header::ETAG], "\"2\"", "{given}");
        let empty = response.into_body().is_empty();
        assert_eq!(empty, status == StatusCode::NOT_MODIFIED, "{given}");
    }
}

#[tokio::test]
async fn unknown_and_deleted_products_are_told_apart() {
    let front = front_over(MemoryJournal::default());
    let mut life = Life::begins("p", "Helmet", "1");
    life.commit(vec![fixtures::helmet_deleted()]);
    let (status, unknown) = asked(&front.router, "/products/p").await;
    assert_eq!((status, unknown.get("deleted_at")), (404, None));
    shown(&front, &life, 1).await;
    for uri in ["/products/p", "/products/p?min_version=2"] {
        let (status, deleted) = asked(&front.router, uri).await;
        assert_eq!(status, 404);
        assert_eq!(deleted["type"], unknown["type"]);
        assert_eq!(deleted["deleted_at"], "2025-11-13T02:13:22.000Z");
        assert_eq!(deleted["version"], 2);
    }
}

#[tokio::test]
async fn a_client_reads_its_own_write_though_the_view_lags() {
    let front = front_over(MemoryJournal::default());
    let mut life = Life::of("p", &[Deed::Rename("Hat".into()), Deed::Rename("Cap".into())]);
    life.recorded_in(&*front.journal).await;
    let (status, _) = asked(&front.router, "/products/p").await;
    assert_eq!(status, 404);
    for (seen, min_version, version) in [(None, 1, 3), (Some(0), 1, 1), (Some(0), 2, 3), (Some(0), 3, 3)] {
        if let Some(commit) = seen {
            shown(&front, &life, commit).await;
        }
        let (status, product) = asked(&front.router, &format!("/products/p?min_version={min_version}")).await;
        assert_eq!((status, &product["version"]), (200, &json!(version)), "{min_version}");
    }
    let (status, problem) = asked(&front.router, "/products/p?min_version=4").await;
    assert_eq!((status, &problem["current_version"]), (409, &json!(3)));
    assert_eq!(problem["type"], "urn:product-ledger:problem:version-not-reached");
    let (status, _) = asked(&front.router, "/products/q?min_version=1").await;
    assert_eq!(status, 404);

    life.commits.drain(..3);
    let mut deleted = Life::of("p", &[Deed::Rename("Hat".into()), Deed::Rename("Cap".into())]);
    deleted.commit(vec![fixtures::helmet_deleted()]);
    deleted.commits.drain(..3);
    deleted.recorded_in(&*front.journal).await;
    let (status, problem) = asked(&front.router, "/products/p?min_version=4").await;
    assert_eq!((status, &problem["version"]), (404, &json!(4)));
}

#[tokio::test]
async fn what_a_query_cannot_mean_is_refused() {
    let front = front_over(MemoryJournal::default());
    for uri in [
        "/products/p?min_version=-1",
        "/products/p?min_version=1.5",
        "/products/p?min_version=+1",
        "/products/p?min_version=99999999999999999999",
        "/products/p?min_version=",
        "/products/p?version_min=1",
        "/products/bad%20id",
        "/products/%FF",
        &format!("/products/{}", "x".repeat(65)),
    ] {
        let (status, problem) = asked(&front.router, uri).await;
        assert_eq!(status, 400, "{uri} {problem}");
        let named = uri.split_once('?').map(|(_, query)| query.split('=').next().unwrap());
        assert_eq!(problem["errors"][0]["pointer"].as_str(), named, "{uri}");
    }
}

#[tokio::test]
async fn a_view_that_does_not_answer_is_a_503_with_retry_after() {
    let dead = crate::given::no_table();
    let router = crate::given::front(Arc::new(dead));
    for uri in ["/products/p", "/products"] {
        let response = answered(&router, Request::get(uri)).await;
        assert_eq!(response.status(), 503, "{uri}");
        assert!(response.headers().contains_key(header::RETRY_AFTER), "{uri}");
    }
}
