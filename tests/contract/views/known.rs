//! The products that a view knows: the ids of each shard in order, deleted products included, in portions.

use projections::views::{Generation, SHARDS, shard_of};
use schema::{Orders, ProductId, fixtures};

use super::{FIRST, PutProduct, ViewStore, deleted, product, put};
use crate::given::commits::awkward_ids;

cases! { dyn projections::Views, [memory sqlite dynamodb];
    an_empty_view_knows_no_product
    active_and_deleted_products_are_known_in_order
    a_product_is_known_once_whatever_becomes_of_it
    products_of_other_generations_are_not_known
    awkward_ids_are_known
    a_removed_row_is_not_known
    products_are_known_when_the_store_is_opened_again
    products_are_known_whatever_orders_are_kept
    active_and_deleted_products_are_counted_if_any_are
}

/// The ids of all shards, each in portions; every portion has an id, is in order and of its shard.
async fn known(views: &dyn projections::Views, generation: Generation, limit: usize) -> Vec<ProductId> {
    let mut all = Vec::new();
    for shard in 0..SHARDS {
        let mut met: Vec<ProductId> = Vec::new();
        loop {
            let after = met.last().map_or("", |last| last.as_str()).to_owned();
            let portion = views.known(generation, shard, &after, limit).await.unwrap();
            assert!(portion.rows.len() <= limit && (portion.exhausted || !portion.rows.is_empty()));
            met.extend(portion.rows);
            if portion.exhausted {
                break;
            }
        }
        assert!(met.is_sorted_by(|one, next| one < next), "{met:?}");
        assert!(met.iter().all(|id| shard_of(id) == shard));
        all.extend(met);
    }
    all.sort();
    all
}

fn ids(texts: &[&str]) -> Vec<ProductId> {
    texts.iter().map(|id| fixtures::id(id)).collect()
}

async fn an_empty_view_knows_no_product(views: &ViewStore) {
    assert_eq!(known(&**views, FIRST, 5).await, []);
}

async fn active_and_deleted_products_are_known_in_order(views: &ViewStore) {
    let expected: Vec<ProductId> = (0..60).map(|n| fixtures::id(&format!("p{n:02}"))).collect();
    for (n, id) in expected.iter().enumerate() {
        // Runs of active ones, of deleted ones, and both in turn.
        let is_deleted = if n < 30 { n / 10 == 1 } else { n % 2 == 1 };
        put(&**views, &[if is_deleted { deleted(id.as_str(), 1) } else { product(id.as_str(), 1) }]).await;
    }
    for limit in [1, 2, 3, 7, 100] {
        assert_eq!(known(&**views, FIRST, limit).await, expected, "{limit}");
    }
}

async fn a_product_is_known_once_whatever_becomes_of_it(views: &ViewStore) {
    let story = [product("p", 1), deleted("p", 2), product("p", 3), deleted("p", 4)];
    for version in story {
        put(&**views, &[version]).await;
        assert_eq!(known(&**views, FIRST, 1).await, ids(&["p"]));
    }
}

async fn products_of_other_generations_are_not_known(views: &ViewStore) {
    views.put(Generation(2), &product("p", 1)).await.unwrap();
    views.put(Generation(2), &deleted("q", 1)).await.unwrap();
    views.put(Generation(12), &deleted("r", 1)).await.unwrap();
    assert_eq!(known(&**views, FIRST, 5).await, []);
    assert_eq!(known(&**views, Generation(2), 1).await, ids(&["p", "q"]));
}

async fn awkward_ids_are_known(views: &ViewStore) {
    let mut expected: Vec<ProductId> = awkward_ids();
    expected.sort();
    for (n, id) in expected.iter().enumerate() {
        put(&**views, &[if n % 2 == 0 { product(id.as_str(), 1) } else { deleted(id.as_str(), 1) }]).await;
    }
    assert_eq!(known(&**views, FIRST, 2).await, expected);
}

async fn a_removed_row_is_not_known(views: &ViewStore) {
    put(&**views, &[product("p", 1), deleted("q", 1), deleted("r", 1)]).await;
    views.remove(FIRST, "q").await.unwrap();
    assert_eq!(known(&**views, FIRST, 5).await, ids(&["p", "r"]));
}

async fn products_are_known_when_the_store_is_opened_again(views: &ViewStore) {
    put(&**views, &[product("p", 1), deleted("q", 1)]).await;
    let again = views.opened_again(views.orders()).await;
    put(&*again, &[deleted("p", 2)]).await;
    assert_eq!(known(&*again, FIRST, 1).await, ids(&["p", "q"]));
}

async fn products_are_known_whatever_orders_are_kept(views: &ViewStore) {
    for text in ["id", "id,name"] {
        let views = views.another(Orders::parse(text).unwrap()).await;
        put(&*views, &[product("p", 1), deleted("q", 1)]).await;
        assert_eq!(known(&*views, FIRST, 5).await, ids(&["p", "q"]));
    }
}

async fn active_and_deleted_products_are_counted_if_any_are(views: &ViewStore) {
    put(&**views, &[product("a", 1), product("b", 1), deleted("c", 1), product("b", 2), deleted("a", 2)])
        .await;
    views.put(Generation(2), &product("d", 1)).await.unwrap();
    let counted = views.counted(FIRST).await.unwrap();
    assert!(counted.is_none_or(|counted| counted == [1, 2]), "{counted:?}");
    assert!(views.counted(Generation(3)).await.unwrap().is_none_or(|counted| counted == [0, 0]));
}
