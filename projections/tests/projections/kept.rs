//! A catalogue that does not keep every order, and one that was never filled.

use std::sync::Arc;

use aws_config::retry::RetryConfig;
use engine::probe::{Faults, InjectedFault, Matching};
use event_store::MemoryJournal;
use projections::views::{Generation, Generations, View};
use projections::{MemoryViews, Views};
use schema::Orders;

use crate::given::{
    Life, PutProduct, asked, front, setting, tables, tables_keeping, unwatched, views_keeping,
};

#[tokio::test]
async fn an_order_that_is_not_kept_is_refused_by_name_and_the_others_are_answered() {
    let orders = Orders::parse("id,name").unwrap();
    let tables = tables_keeping(orders).await;
    let adapters: [Arc<dyn Views>; 2] =
        [Arc::new(MemoryViews::keeping(orders)), Arc::new(views_keeping(&tables, orders))];
    for views in adapters {
        views.put(Generation(1), &Life::of("p", &[]).newest().state).await.unwrap();
        let front = front(views);
        for query in
            ["", "?sort=id", "?sort=name&name_prefix=hel", "?sku=HL-U509-R&sort=name", "?id_prefix=p"]
        {
            let (status, page) = asked(&front, &format!("/products{query}")).await;
            assert_eq!((status, page["products"][0]["id"].as_str()), (200, Some("p")), "{query} {page}");
        }
        for query in [
            "sort=price&currency=USD",
            "sort=price",
            "sort=updated_at&include=deleted",
            "sort=updated_at",
            "sku=HL-U509-R&sort=price",
        ] {
            let (status, problem) = asked(&front, &format!("/products?{query}")).await;
            assert_eq!(status, 400, "{query} {problem}");
            assert_eq!(problem["type"], "urn:product-ledger:problem:malformed", "{query}");
            assert_eq!(problem["errors"][0]["pointer"], "sort", "{query} {problem}");
        }
    }
}

/// An order that is kept later needs no rebuild: its positions are stored, and `DynamoDB` fills the new index from them.
#[tokio::test]
async fn rows_written_before_an_order_was_kept_are_in_it() {
    let config = tables().await;
    let before = views_keeping(&config, Orders::parse("id").unwrap());
    before.put(Generation(1), &Life::of("p", &[]).newest().state).await.unwrap();
    let front = front(Arc::new(views_keeping(&config, Orders::default())));
    for query in ["sort=name", "sort=price&currency=USD", "sort=updated_at", "sku=HL-U509-R&sort=name"] {
        let (_, page) = asked(&front, &format!("/products?{query}")).await;
        assert_eq!(page["products"][0]["id"], "p", "{query} {page}");
    }
}

#[tokio::test]
async fn a_catalogue_that_was_never_filled_is_unavailable_and_not_empty() {
    let views = Arc::<MemoryViews>::default();
    views.put(Generation(1), &Life::of("p", &[]).newest().state).await.unwrap();
    let generations = views.generations().await.unwrap();
    let begun = Generations { filled: false, ..Generations::default() };
    views.change_generations(&generations.with(View::Products, begun)).await.unwrap();
    let unfilled = front(views.clone());
    for (path, expected) in [
        ("/products", 503),
        ("/products?sort=name", 503),
        ("/products?sku=HL-U509-R", 503),
        ("/categories", 503),
        ("/products/q", 503),
        ("/products/p", 200),
    ] {
        assert_eq!(asked(&unfilled, path).await.0, expected, "{path}");
    }
    let generations = views.generations().await.unwrap();
    views.change_generations(&generations.with(View::Products, Generations::default())).await.unwrap();
    let filled = front(views);
    for (path, expected) in [("/products", 200), ("/categories", 200), ("/products/q", 404)] {
        assert_eq!(asked(&filled, path).await.0, expected, "{path}");
    }
}

/// A product table that was lost and recreated: from the first attempt to fill it, no query is told that it is empty.
#[tokio::test]
async fn a_first_rebuild_that_is_cut_short_leaves_a_catalogue_that_says_so_and_the_next_one_ends_that() {
    let (config, faults) = Faults::inject(&tables().await);
    let config = config.to_builder().retry_config(RetryConfig::disabled()).build();
    let setting = setting(&config, Arc::<MemoryJournal>::default());
    let life = Life::of("p", &[]);
    life.recorded_in(&*setting.journal).await;
    let status = async || asked(&front(setting.views.clone()), "/products").await.0;
    assert_eq!(status().await, 200, "nobody has looked yet");
    let rows = Matching::operation("PutItem").when(|request| request.body["Item"]["key"]["S"] != "lineup");
    faults.add(rows.always(), InjectedFault::FailBefore);
    for _ in 0..2 {
        assert!(setting.rebuild(View::Products).run(&unwatched()).await.is_err());
        assert_eq!(status().await, 503);
    }
    faults.clear();
    setting.rebuild(View::Products).run(&unwatched()).await.unwrap();
    assert_eq!(status().await, 200);
    assert!(setting.generations(View::Products).await.filled);
}

#[tokio::test]
async fn a_rebuild_of_a_view_with_rows_or_of_an_empty_ledger_makes_nothing_unavailable() {
    for with_rows in [true, false] {
        let (config, faults) = Faults::inject(&tables().await);
        let config = config.to_builder().retry_config(RetryConfig::disabled()).build();
        let setting = setting(&config, Arc::<MemoryJournal>::default());
        if with_rows {
            setting.recorded(&Life::of("p", &[])).await;
        }
        // The rebuild begins, and then cannot go on.
        faults.add(Matching::operation("PutItem").nth(2).times(1_000), InjectedFault::FailBefore);
        let _ = setting.rebuild(View::Products).run(&unwatched()).await;
        faults.clear();
        assert!(setting.generations(View::Products).await.filled, "{with_rows}");
        assert_eq!(asked(&front(setting.views.clone()), "/products").await.0, 200, "{with_rows}");
    }
}
