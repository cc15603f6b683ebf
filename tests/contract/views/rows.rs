//! The version of a row only increases: what comes late, twice or out of order changes nothing.

use futures::future::join_all;
use projections::views::Generation;
use projections::views::RowOrder;
use proptest::prelude::*;
use schema::{Product, fixtures};

use super::{FIRST, PutProduct, ViewStore, deleted, ids_in, named, product, put};
use crate::given::commits::{LAST, awkward_ids, life};
use crate::given::for_all;

cases! { dyn projections::Views, [memory sqlite dynamodb];
    a_product_that_was_not_written_has_no_row
    the_first_version_is_newer_than_nothing
    every_version_of_a_life_reads_back_as_written
    a_product_with_awkward_texts_reads_back_as_written
    a_large_product_reads_back_as_written
    a_newer_version_replaces_the_row
    versions_may_be_left_out
    the_same_version_is_stale
    the_same_version_is_stale_also_with_another_content
    an_older_version_is_stale_and_changes_nothing
    the_greatest_version_is_a_version_like_any_other
    versions_are_compared_as_numbers
    a_deleted_product_keeps_its_row
    an_older_version_does_not_bring_a_deleted_product_back
    awkward_ids_are_different_products
    a_row_is_there_when_the_store_is_opened_again
    versions_are_still_compared_when_the_store_is_opened_again
    in_any_order_the_newest_version_wins
    of_many_concurrent_writes_the_newest_version_wins
    of_many_concurrent_writes_of_one_version_one_wins
    concurrent_writes_of_products_do_not_affect_each_other
}

async fn get(views: &ViewStore, id: &str) -> Option<Product> {
    views.get(FIRST, &fixtures::id(id)).await.unwrap()
}

async fn a_product_that_was_not_written_has_no_row(views: &ViewStore) {
    put(&**views, &[product("p1", 1)]).await;
    for unknown in ["p", "P1", "p10", "lineup"] {
        assert_eq!(get(views, unknown).await, None, "{unknown}");
    }
}

async fn the_first_version_is_newer_than_nothing(views: &ViewStore) {
    assert!(views.put(FIRST, &product("p", 1)).await.unwrap());
    assert!(views.put(FIRST, &product("q", 7)).await.unwrap());
}

async fn every_version_of_a_life_reads_back_as_written(views: &ViewStore) {
    for (commit, _) in life(&fixtures::id("p")) {
        views.put(FIRST, &commit.state).await.unwrap();
        assert_eq!(get(views, "p").await, Some(commit.state.clone()));
    }
}

async fn a_product_with_awkward_texts_reads_back_as_written(views: &ViewStore) {
    let names = [
        "Größe Ὀδυσσεύς 🚲",
        "'; DROP TABLE products; --",
        "\u{1f6b2}\u{10ffff}",
        "a\tb\u{7f}\"\\",
        "e\u{301}é",
    ];
    for (n, name) in (1..).zip(names) {
        put(&**views, &[named("p", n, name)]).await;
        assert_eq!(get(views, "p").await, Some(named("p", n, name)));
    }
}

async fn a_large_product_reads_back_as_written(views: &ViewStore) {
    let mut large = named("p", 1, &"名".repeat(200));
    large.facts.details.description = Some("é".repeat(90_000));
    put(&**views, &[large.clone()]).await;
    assert!(get(views, "p").await == Some(large));
}

async fn a_newer_version_replaces_the_row(views: &ViewStore) {
    for version in 1..=6 {
        let newer = named("p", version, &format!("Helmet {version}"));
        assert!(views.put(FIRST, &newer).await.unwrap());
        assert_eq!(get(views, "p").await, Some(newer));
    }
}

async fn versions_may_be_left_out(views: &ViewStore) {
    for version in [2, 5, 6, 100] {
        assert!(views.put(FIRST, &product("p", version)).await.unwrap());
    }
    assert_eq!(get(views, "p").await, Some(product("p", 100)));
}

async fn the_same_version_is_stale(views: &ViewStore) {
    put(&**views, &[product("p", 3)]).await;
    assert!(!views.put(FIRST, &product("p", 3)).await.unwrap());
}

async fn the_same_version_is_stale_also_with_another_content(views: &ViewStore) {
    put(&**views, &[named("p", 3, "first")]).await;
    assert!(!views.put(FIRST, &named("p", 3, "second")).await.unwrap());
    assert_eq!(get(views, "p").await, Some(named("p", 3, "first")));
}

async fn an_older_version_is_stale_and_changes_nothing(views: &ViewStore) {
    put(&**views, &[named("p", 9, "newest")]).await;
    for version in [1, 2, 8] {
        assert!(!views.put(FIRST, &named("p", version, "old")).await.unwrap());
        assert_eq!(get(views, "p").await, Some(named("p", 9, "newest")));
        for order in RowOrder::ALL {
            assert_eq!(ids_in(&**views, order).await, ["p"], "{order:?}");
        }
    }
}

async fn the_greatest_version_is_a_version_like_any_other(views: &ViewStore) {
    put(&**views, &[product("p", LAST - 1)]).await;
    assert!(views.put(FIRST, &product("p", LAST)).await.unwrap());
    assert!(!views.put(FIRST, &product("p", LAST - 1)).await.unwrap());
    assert_eq!(get(views, "p").await, Some(product("p", LAST)));
}

async fn versions_are_compared_as_numbers(views: &ViewStore) {
    put(&**views, &[product("p", 9)]).await;
    assert!(views.put(FIRST, &product("p", 10)).await.unwrap());
    assert!(!views.put(FIRST, &product("p", 9)).await.unwrap());
}

async fn a_deleted_product_keeps_its_row(views: &ViewStore) {
    put(&**views, &[product("p", 1), deleted("p", 2)]).await;
    assert_eq!(get(views, "p").await, Some(deleted("p", 2)));
}

async fn an_older_version_does_not_bring_a_deleted_product_back(views: &ViewStore) {
    put(&**views, &[product("p", 1), deleted("p", 3), product("p", 2)]).await;
    assert_eq!(get(views, "p").await, Some(deleted("p", 3)));
    assert_eq!(ids_in(&**views, RowOrder::Id).await, [""; 0]);
}

async fn awkward_ids_are_different_products(views: &ViewStore) {
    for (n, id) in (1..).zip(awkward_ids()) {
        put(&**views, &[product(id.as_str(), n)]).await;
    }
    for (n, id) in (1..).zip(awkward_ids()) {
        assert_eq!(get(views, id.as_str()).await, Some(product(id.as_str(), n)));
    }
}

async fn a_row_is_there_when_the_store_is_opened_again(views: &ViewStore) {
    put(&**views, &[product("p", 1), deleted("q", 4)]).await;
    let again = views.opened_again(views.orders()).await;
    assert_eq!(get(&again, "p").await, Some(product("p", 1)));
    assert_eq!(get(&again, "q").await, Some(deleted("q", 4)));
    assert_eq!(ids_in(&*again, RowOrder::Name).await, ["p"]);
}

async fn versions_are_still_compared_when_the_store_is_opened_again(views: &ViewStore) {
    put(&**views, &[product("p", 5)]).await;
    let again = views.opened_again(views.orders()).await;
    assert!(!again.put(FIRST, &product("p", 4)).await.unwrap());
    assert!(again.put(FIRST, &product("p", 6)).await.unwrap());
}

/// Seven states of a product, some of them deleted.
fn states() -> Vec<Product> {
    let state = |version| {
        if version % 3 == 0 { deleted("p", version) } else { named("p", version, &format!("{version}")) }
    };
    (1..=7).map(state).collect()
}

async fn in_any_order_the_newest_version_wins(views: &ViewStore) {
    let generation = std::sync::atomic::AtomicU32::new(100);
    for_all(25, Just(states()).prop_shuffle(), async |states| {
        let generation = Generation(generation.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let mut newest = 0;
        for state in &states {
            let written = views.put(generation, state).await.unwrap();
            assert_eq!(written, state.version > newest);
            newest = newest.max(state.version);
        }
        let seen = views.get(generation, &fixtures::id("p")).await.unwrap();
        assert_eq!(seen, Some(named("p", 7, "7")));
    });
}

async fn of_many_concurrent_writes_the_newest_version_wins(views: &ViewStore) {
    let puts = states().into_iter().rev().chain(states()).map(|state| {
        let views = views.shared();
        tokio::spawn(async move { views.put(FIRST, &state).await.unwrap() })
    });
    join_all(puts.collect::<Vec<_>>()).await.into_iter().for_each(|put| assert!(put.is_ok()));
    assert_eq!(get(views, "p").await, Some(named("p", 7, "7")));
    assert_eq!(ids_in(&**views, RowOrder::Name).await, ["p"]);
}

async fn of_many_concurrent_writes_of_one_version_one_wins(views: &ViewStore) {
    let puts = (0..12).map(|n| {
        let views = views.shared();
        tokio::spawn(async move { views.put(FIRST, &named("p", 1, &format!("{n}"))).await.unwrap() })
    });
    let written = join_all(puts.collect::<Vec<_>>()).await;
    assert_eq!(written.into_iter().filter(|put| *put.as_ref().unwrap()).count(), 1);
}

async fn concurrent_writes_of_products_do_not_affect_each_other(views: &ViewStore) {
    let puts = (0..20).map(|n| {
        let views = views.shared();
        tokio::spawn(async move {
            for version in [2, 1, 3] {
                views.put(FIRST, &product(&format!("p{n:02}"), version)).await.unwrap();
            }
        })
    });
    join_all(puts.collect::<Vec<_>>()).await.into_iter().for_each(Result::unwrap);
    let expected: Vec<_> = (0..20).map(|n| format!("p{n:02}")).collect();
    for order in RowOrder::ALL {
        let mut ids = ids_in(&**views, order).await;
        ids.sort();
        assert_eq!(ids, expected, "{order:?}");
    }
}
