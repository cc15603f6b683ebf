//! The cost of reading and projecting in requests and capacity, independent of the size of the catalogue.

use std::collections::HashMap;
use std::sync::Arc;

use engine::probe::{RecordedRequest, RequestRecorder};
use event_store::MemoryJournal;
use event_store::parking::MemoryParking;
use projections::Views;
use projections::views::{Generation, SHARDS, shard_of};
use schema::fixtures;

use crate::given::{Deed, Life, PutProduct, asked, batch, front, projector, tables, views_of};

/// Every request asks for its consumed capacity.
fn cost(seen: &[RecordedRequest]) -> f64 {
    seen.iter().map(|recorded| recorded.capacity().unwrap()).sum()
}

fn operations(seen: &[RecordedRequest]) -> Vec<&str> {
    seen.iter().map(|recorded| recorded.request.operation.as_str()).collect()
}

/// Query routes over this many products, and the recorder of their requests.
async fn catalogue_of(products: usize) -> (axum::Router, RequestRecorder) {
    let (config, recorder) = RequestRecorder::record(&tables().await);
    let views = views_of(&config);
    for n in 0..products {
        let product = Life::begins(&format!("p{n:05}"), &format!("Helmet {n}"), "34.99");
        views.put(Generation(1), &product.newest().state).await.unwrap();
    }
    let front = front(Arc::new(views));
    // The first query reads the generations, which are kept for 5 seconds.
    asked(&front, "/products/p00000").await;
    recorder.clear();
    (front, recorder)
}

#[tokio::test]
async fn a_get_is_one_request_of_half_a_unit_at_any_size_of_the_catalogue() {
    for products in [10, 500] {
        let (front, recorder) = catalogue_of(products).await;
        let (status, _) = asked(&front, "/products/p00003").await;
        assert_eq!(status, 200);
        let seen = recorder.take();
        assert_eq!(operations(&seen), ["GetItem"]);
        assert!((cost(&seen) - 0.5).abs() < f64::EPSILON);
    }
}

#[tokio::test]
async fn a_page_costs_about_one_query_a_shard_and_the_same_in_a_tenfold_catalogue() {
    let mut costs = Vec::new();
    for products in [150, 1500] {
        let (front, recorder) = catalogue_of(products).await;
        for query in ["sort=id", "sort=name&order=desc", "sort=price&currency=USD", "sort=updated_at"] {
            let (_, page) = asked(&front, &format!("/products?limit=100&{query}")).await;
            assert_eq!(page["products"].as_array().unwrap().len(), 100);
            let seen = recorder.take();
            assert!(operations(&seen).iter().all(|operation| *operation == "Query"), "{seen:?}");
            let most = usize::from(SHARDS) + 2;
            assert!((4..=most).contains(&seen.len()), "{query} {}", seen.len());
            for recorded in &seen {
                assert!(recorded.request.body["Limit"].as_u64().unwrap() <= 36);
            }
            costs.push((products, query, cost(&seen)));
        }
    }
    for (small, large) in costs[..4].iter().zip(&costs[4..]) {
        let ratio = large.2 / small.2;
        assert!((0.7..1.4).contains(&ratio), "{small:?} {large:?}");
    }
}

#[tokio::test]
async fn a_page_of_one_is_one_query_a_shard() {
    let (front, recorder) = catalogue_of(30).await;
    for cursor in ["", "&sort=name", "&sort=id&order=desc"] {
        asked(&front, &format!("/products?limit=1{cursor}")).await;
        assert_eq!(recorder.take_operations(), vec!["Query"; usize::from(SHARDS)]);
    }
}

/// A product is in its shard by chance: in the worst case, all of a page are in the same one.
#[tokio::test]
async fn a_shard_that_has_the_whole_page_is_asked_for_its_share_of_what_is_missing_until_the_page_is_full() {
    let (config, recorder) = RequestRecorder::record(&tables().await);
    let views = views_of(&config);
    let ids = (0..).map(|n| fixtures::id(&format!("p{n:05}"))).filter(|id| shard_of(id) == 0);
    for id in ids.take(150) {
        views.put(Generation(1), &Life::begins(id.as_str(), "Helmet", "34.99").newest().state).await.unwrap();
    }
    let front = front(Arc::new(views));
    // The first query reads the generations, which are kept for 5 seconds.
    asked(&front, "/products/p00000").await;
    recorder.clear();
    let (_, page) = asked(&front, "/products?limit=100").await;
    assert_eq!(page["products"].as_array().unwrap().len(), 100);
    let mut limits: HashMap<String, Vec<u64>> = HashMap::new();
    for recorded in recorder.take() {
        let body = &recorded.request.body;
        let shard = body["ExpressionAttributeValues"][":partition"]["S"].as_str().unwrap().to_owned();
        limits.entry(shard).or_default().push(body["Limit"].as_u64().unwrap());
    }
    let (full, empty): (Vec<_>, Vec<_>) = limits.into_values().partition(|limits| limits.len() > 1);
    assert_eq!(empty, [[36], [36], [36]]);
    // A quarter of what is missing of 101 rows, and two standard deviations of that.
    assert_eq!(full, [[36, 25, 16, 10, 8, 4, 2]]);
}

#[tokio::test]
async fn the_generations_are_read_again_after_five_seconds() {
    let (config, recorder) = RequestRecorder::record(&tables().await);
    let (router, time) = crate::given::front_with_time(Arc::new(views_of(&config)));
    let mut reads = Vec::new();
    for millis in [0, 4_999, 5_000, 9_999, 10_000, 0] {
        time.set(millis);
        asked(&router, "/products/p").await;
        reads.push(recorder.take().len());
    }
    assert_eq!(reads, [2, 1, 2, 1, 2, 2]);
}

#[tokio::test]
async fn a_batch_writes_each_product_once_and_reads_only_the_generations() {
    let (config, recorder) = RequestRecorder::record(&tables().await);
    let views = Arc::new(views_of(&config));
    let projector =
        projector(views.clone(), Arc::<MemoryJournal>::default(), Arc::<MemoryParking>::default());
    let deeds: Vec<Deed> = (0..99).map(|n| Deed::Reprice(format!("{}", n + 40), "USD")).collect();
    let lives: Vec<Life> = (0..10).map(|n| Life::of(&format!("p{n}"), &deeds)).collect();
    let records = (0..100).flat_map(|commit| lives.iter().map(move |life| life.record(commit)));
    projector.project(batch(records.collect())).await;
    let mut operations = recorder.take_operations();
    assert_eq!(operations.remove(0), "GetItem");
    assert_eq!(operations, vec!["PutItem"; 10]);
    for life in &lives {
        let product = views.get(Generation(1), &life.id).await.unwrap().unwrap();
        assert_eq!(product.version, 100);
    }
}

#[tokio::test]
async fn an_empty_batch_makes_no_request() {
    let (config, recorder) = RequestRecorder::record(&tables().await);
    let projector = projector(
        Arc::new(views_of(&config)),
        Arc::<MemoryJournal>::default(),
        Arc::<MemoryParking>::default(),
    );
    projector.project(batch(Vec::new())).await;
    assert!(recorder.take().is_empty());
}
