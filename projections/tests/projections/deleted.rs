//! LIST by time among many deleted products: a page reads no more than a thousand rows of a shard, so it may be empty, and
//! following `next` reaches every product.

use std::collections::HashMap;
use std::sync::Arc;

use engine::probe::RequestRecorder;
use projections::MemoryViews;
use projections::views::Generation;
use schema::Product;
use serde_json::json;

use crate::given::{PutProduct, asked, fill, front, tables, views_of};

/// `count` products one after the other in time, all deleted but the one at `live`.
fn products(count: usize, live: usize) -> impl Iterator<Item = Product> {
    (0..count).map(move |n| {
        let millis = 1_763_000_000_000 + i64::try_from(n).unwrap();
        let moment = json!(chrono::DateTime::from_timestamp_millis(millis).unwrap());
        let status = if n == live { "active" } else { "deleted" };
        let product = json!({
            "id": format!("p{n:06}"), "name": "Helmet", "price": "34.99", "currency": "USD", "status": status,
            "version": 2, "created_at": moment, "updated_at": moment,
        });
        serde_json::from_value(product).unwrap()
    })
}

/// The ids of each page of a walk.
async fn walk(front: &axum::Router, query: &str) -> Vec<Vec<String>> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = asked(front, &format!("/products?sort=updated_at&{query}{cursor}")).await;
        assert_eq!(status, 200, "{page}");
        let ids = page["products"].as_array().unwrap().iter();
        pages.push(ids.map(|product| product["id"].as_str().unwrap().to_owned()).collect());
        let Some(next) = page["next"].as_str() else { return pages };
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test]
async fn a_product_behind_a_hundred_thousand_deleted_ones_is_reached_in_both_orders() {
    const COUNT: usize = 100_001;
    for (order, live) in [("asc", COUNT - 1), ("desc", 0)] {
        let views = MemoryViews::default();
        for product in products(COUNT, live) {
            views.put(Generation(1), &product).await.unwrap();
        }
        let pages = walk(&front(Arc::new(views)), &format!("order={order}&limit=50")).await;
        // Four shards of a thousand rows a page, of which no two end at the same row.
        assert!((25..=30).contains(&pages.len()), "{order} {}", pages.len());
        let (last, empty) = pages.split_last().unwrap();
        assert_eq!(*last, [format!("p{live:06}")], "{order}");
        assert!(empty.iter().all(Vec::is_empty), "{order}");
    }
}

#[tokio::test]
async fn a_page_on_dynamodb_looks_at_a_thousand_rows_of_a_shard_and_no_more() {
    const COUNT: usize = 6_001;
    let tables = tables().await;
    fill(&tables, &products(COUNT, COUNT - 1).collect::<Vec<_>>()).await;
    let (config, recorder) = RequestRecorder::record(&tables);
    let front = front(Arc::new(views_of(&config)));
    asked(&front, "/products?limit=1").await;
    recorder.clear();
    let (_, page) = asked(&front, "/products?sort=updated_at&limit=50").await;
    assert_eq!(page["products"], json!([]));
    assert!(page["next"].is_string(), "an empty page says that it goes on");
    let mut looked_at: HashMap<String, u64> = HashMap::new();
    let seen = recorder.take();
    for recorded in &seen {
        let body = &recorded.request.body;
        let shard = body["ExpressionAttributeValues"][":partition"]["S"].as_str().unwrap().to_owned();
        *looked_at.entry(shard).or_default() += body["Limit"].as_u64().unwrap();
    }
    assert!(looked_at.values().all(|rows| *rows <= 1_000), "{looked_at:?}");
    assert!(looked_at.values().any(|rows| *rows == 1_000), "{looked_at:?}");
    assert!(seen.len() <= 28, "twice as many rows with each request: {}", seen.len());

    let pages = walk(&front, "limit=50").await;
    assert_eq!(pages.last().unwrap(), &[format!("p{:06}", COUNT - 1)]);
    let all = walk(&front, "limit=100&include=deleted").await;
    assert_eq!(all.iter().map(Vec::len).sum::<usize>(), COUNT);
}

#[tokio::test]
async fn a_page_may_be_short_and_its_next_leads_behind_what_it_looked_at() {
    let views = MemoryViews::default();
    for live in [products(40, 7), products(40, 30)] {
        // The second time the same products are older commits, but for the one that lives.
        for product in live.filter(|product| product.facts.status == schema::Status::Active) {
            views.put(Generation(1), &product).await.unwrap();
        }
    }
    for product in products(40, 40) {
        views.put(Generation(1), &product).await.unwrap();
    }
    let front = front(Arc::new(views));
    assert_eq!(walk(&front, "limit=1").await, [vec!["p000007"], vec!["p000030"], Vec::new()]);
    assert_eq!(walk(&front, "limit=2").await, [vec!["p000007", "p000030"], Vec::new()]);
    assert_eq!(walk(&front, "limit=3").await, [vec!["p000007", "p000030"]]);
}
