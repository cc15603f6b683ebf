//! Every row of a generation is returned once, deleted products included, page by page.

use projections::views::Generation;
use schema::fixtures;

use super::{FIRST, PutProduct, ViewStore, all_ids, deleted, product, put};
use crate::given::commits::awkward_ids;

cases! { dyn projections::Views, [memory sqlite dynamodb];
    a_view_without_rows_has_an_empty_page
    every_row_is_returned_once_in_pages_of_any_size
    deleted_products_are_among_the_rows
    rows_are_returned_as_written
    rows_end_when_the_last_page_is_exactly_full
    rows_without_a_limit_are_all_rows
    rows_with_awkward_ids_are_all_returned
    the_generations_are_no_row
    a_page_of_rows_can_be_read_again
    paging_through_rows_continues_when_the_store_is_opened_again
    earlier_rows_are_returned_once_during_concurrent_writes
    a_row_removed_during_a_walk_hides_no_other
}

async fn a_view_without_rows_has_an_empty_page(views: &ViewStore) {
    views.put(Generation(2), &product("p", 1)).await.unwrap();
    assert_eq!(all_ids(&**views, FIRST, 10).await, [""; 0]);
}

async fn every_row_is_returned_once_in_pages_of_any_size(views: &ViewStore) {
    let expected: Vec<_> = (0..23).map(|n| format!("p{n:02}")).collect();
    for id in &expected {
        put(&**views, &[product(id, 1), product(id, 2)]).await;
    }
    for limit in [1, 2, 7, 22, 23, 24] {
        assert_eq!(all_ids(&**views, FIRST, limit).await, expected, "pages of {limit}");
    }
}

async fn deleted_products_are_among_the_rows(views: &ViewStore) {
    put(&**views, &[product("p", 1), deleted("q", 1), deleted("p", 2)]).await;
    assert_eq!(all_ids(&**views, FIRST, 10).await, ["p", "q"]);
}

async fn rows_are_returned_as_written(views: &ViewStore) {
    put(&**views, &[deleted("p", 7)]).await;
    assert_eq!(views.rows(FIRST, None, 10).await.unwrap().products, [deleted("p", 7)]);
}

async fn rows_end_when_the_last_page_is_exactly_full(views: &ViewStore) {
    put(&**views, &["a", "b", "c", "d"].map(|id| product(id, 1))).await;
    for limit in [1, 2, 4] {
        assert_eq!(all_ids(&**views, FIRST, limit).await, ["a", "b", "c", "d"]);
    }
}

async fn rows_without_a_limit_are_all_rows(views: &ViewStore) {
    put(&**views, &["a", "b"].map(|id| product(id, 1))).await;
    assert_eq!(all_ids(&**views, FIRST, usize::MAX).await, ["a", "b"]);
}

async fn rows_with_awkward_ids_are_all_returned(views: &ViewStore) {
    let mut expected: Vec<_> = awkward_ids().iter().map(ToString::to_string).collect();
    for id in &expected {
        put(&**views, &[product(id, 1)]).await;
    }
    expected.sort();
    assert_eq!(all_ids(&**views, FIRST, 5).await, expected);
}

async fn the_generations_are_no_row(views: &ViewStore) {
    let mut generations = views.generations().await.unwrap();
    generations.revision = 1;
    views.change_generations(&generations).await.unwrap();
    put(&**views, &[product("lineup", 1)]).await;
    assert_eq!(all_ids(&**views, FIRST, 1).await, ["lineup"]);
}

async fn a_page_of_rows_can_be_read_again(views: &ViewStore) {
    put(&**views, &["a", "b", "c", "d", "e"].map(|id| product(id, 1))).await;
    let first = views.rows(FIRST, None, 2).await.unwrap();
    let second = views.rows(FIRST, first.next.clone(), 2).await.unwrap();
    assert_eq!(views.rows(FIRST, first.next, 2).await.unwrap(), second);
    assert!(first.products.iter().all(|product| !second.products.contains(product)));
}

async fn paging_through_rows_continues_when_the_store_is_opened_again(views: &ViewStore) {
    put(&**views, &["a", "b", "c", "d", "e"].map(|id| product(id, 1))).await;
    let first = views.rows(FIRST, None, 2).await.unwrap();
    let again = views.opened_again(views.orders()).await;
    let rest = again.rows(FIRST, first.next, 100).await.unwrap();
    let mut ids: Vec<_> =
        first.products.iter().chain(&rest.products).map(|product| product.id.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["a", "b", "c", "d", "e"]);
}

async fn earlier_rows_are_returned_once_during_concurrent_writes(views: &ViewStore) {
    for n in 0..30 {
        put(&**views, &[product(&format!("p{n:02}"), 1)]).await;
    }
    let shared = views.shared();
    let writer = tokio::spawn(async move {
        for n in 0..30 {
            shared.put(FIRST, &product(&format!("p{n:02}x"), 1)).await.unwrap();
            shared.put(FIRST, &product(&format!("p{n:02}"), 2)).await.unwrap();
        }
    });
    let met = all_ids(&**views, FIRST, 3).await;
    writer.await.unwrap();
    assert!(met.is_sorted_by(|one, other| one < other), "{met:?}");
    assert!((0..30).all(|n| met.contains(&format!("p{n:02}"))), "{met:?}");
}

async fn a_row_removed_during_a_walk_hides_no_other(views: &ViewStore) {
    put(&**views, &["a", "b", "c", "d", "e"].map(|id| product(id, 1))).await;
    let first = views.rows(FIRST, None, 2).await.unwrap();
    let last = first.products.last().unwrap().id.clone();
    views.remove(FIRST, last.as_str()).await.unwrap();
    let rest = views.rows(FIRST, first.next, 100).await.unwrap();
    assert_eq!(rest.products.len(), 3);
    assert_eq!(views.get(FIRST, &fixtures::id(last.as_str())).await.unwrap(), None);
}
