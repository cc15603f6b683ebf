//! The cost of a page of LIST does not depend on the size of the catalogue: the same pages of 500 and of 50,000 products take
//! the same requests and the same capacity.

use std::sync::Arc;

use engine::probe::{RecordedRequest, RequestRecorder};
use projections::catalogue::ListQuery;
use projections::views::{PositionRange, RowOrder};
use schema::Product;
use serde_json::json;

use crate::given::{asked, fill, front, tables, views_of};

/// Each has the products of the small catalogue first.
const QUERIES: [&str; 5] =
    ["sort=id", "sort=name", "sort=price&currency=USD", "sort=updated_at", "sort=updated_at&include=deleted"];

const PAGES: usize = 4;

/// The cost of the pages of one walk.
#[derive(Debug, Default, PartialEq)]
struct Cost {
    requests: Vec<usize>,
    units: Vec<f64>,
}

/// `count` products, of which the first 500 come before all others in every order, as in the small catalogue.
fn products(count: usize) -> Vec<Product> {
    let moment = |millis: usize| {
        let millis = 1_763_000_000_000 + i64::try_from(millis).unwrap();
        json!(chrono::DateTime::from_timestamp_millis(millis).unwrap())
    };
    let product = |n: usize| {
        json!({
            "id": format!("p{n:05}"), "name": format!("Helmet {n:05}"), "price": format!("{n}.99"),
            "currency": "USD", "status": "active",
            "version": 1, "created_at": moment(n), "updated_at": moment(n),
        })
    };
    (0..count).map(|n| serde_json::from_value(product(n)).unwrap()).collect()
}

async fn costs(count: usize) -> Vec<Cost> {
    let tables = tables().await;
    fill(&tables, &products(count)).await;
    let (config, recorder) = RequestRecorder::record(&tables);
    let front = front(Arc::new(views_of(&config)));
    // The first query reads the generations, which are kept for 5 seconds of a clock that stands.
    asked(&front, "/products?limit=1").await;
    recorder.clear();
    let mut costs = Vec::new();
    for query in QUERIES {
        let (mut cost, mut cursor) = (Cost::default(), String::new());
        for _ in 0..PAGES {
            let (_, page) = asked(&front, &format!("/products?{query}&limit=100{cursor}")).await;
            assert_eq!(page["products"].as_array().unwrap().len(), 100);
            cursor = format!("&cursor={}", page["next"].as_str().unwrap());
            let seen = recorder.take();
            assert!(seen.iter().all(|recorded| recorded.request.operation == "Query"));
            cost.requests.push(seen.len());
            cost.units.push(seen.iter().filter_map(RecordedRequest::capacity).sum());
        }
        costs.push(cost);
    }
    the_last_page_costs_no_more(&front, &recorder, count).await;
    costs
}

/// A page near the end costs the same as one at the beginning.
async fn the_last_page_costs_no_more(front: &axum::Router, recorder: &RequestRecorder, count: usize) {
    let walk = ListQuery {
        order: RowOrder::Id,
        deleted: false,
        descending: false,
        range: PositionRange::all(),
        lookups: Vec::new(),
    };
    let cursor = walk.cursor(&format!("p{:05}", count - 200));
    let (_, page) = asked(front, &format!("/products?limit=100&cursor={cursor}")).await;
    assert_eq!(page["products"][0]["id"], format!("p{:05}", count - 199));
    let seen = recorder.take();
    assert!((4..=6).contains(&seen.len()), "{count} {}", seen.len());
    let units: f64 = seen.iter().filter_map(RecordedRequest::capacity).sum();
    assert!((4.0..=12.0).contains(&units), "{count} {units}");
}

#[tokio::test]
async fn a_page_costs_the_same_among_500_products_and_among_50000() {
    let (small, large) = (costs(500).await, costs(50_000).await);
    for ((query, small), large) in QUERIES.iter().zip(&small).zip(&large) {
        // Shown with --nocapture: the figures of decision 0016.
        println!("{query}: {small:?} of 500, {large:?} of 50,000");
        assert_eq!(small, large, "{query}");
        for (requests, units) in small.requests.iter().zip(&small.units) {
            assert!((4..=6).contains(requests), "{query} {small:?}");
            assert!((4.0..=12.0).contains(units), "{query} {small:?}");
        }
    }
}
