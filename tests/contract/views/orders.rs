//! A product has its own position in each order that is kept, a deleted one among the changes only.

use projections::views::RowOrder;
use schema::Orders;
use schema::fixtures;

use super::{
    FIRST, ViewStore, all_ids, changed, deleted, ids_in, named, priced, product, put, rows_in, whole,
};
use crate::given::commits::awkward_ids;

cases! { dyn projections::Views, [memory sqlite dynamodb];
    a_product_is_in_each_order_at_its_position
    the_order_of_ids_is_by_bytes
    names_are_ordered_in_lower_case
    a_shorter_name_comes_before_a_longer_one
    products_of_one_name_are_ordered_by_id
    prices_are_ordered_by_currency_and_then_as_numbers
    products_of_one_price_are_ordered_by_id
    changes_are_ordered_by_moment
    products_that_changed_at_one_moment_are_ordered_by_id
    a_renamed_product_leaves_its_old_position
    a_product_with_a_new_price_leaves_its_old_position
    a_change_moves_a_product_in_the_order_of_changes
    a_price_change_leaves_the_other_positions
    a_deleted_product_is_only_in_the_order_of_changes
    a_product_first_seen_deleted_is_only_in_the_order_of_changes
    a_restored_product_is_back_in_every_order
    a_stale_version_moves_nothing
    a_removed_product_is_in_no_order
    names_longer_than_an_index_key_keep_their_ends_apart
    the_orders_are_those_that_were_asked_for
    an_order_that_is_not_kept_has_no_slices
    what_is_not_kept_leaves_the_kept_orders_whole
    rows_are_stored_whatever_orders_are_kept
}

async fn a_product_is_in_each_order_at_its_position(views: &ViewStore) {
    put(&**views, &[product("p", 1)]).await;
    for order in RowOrder::ALL {
        let rows = rows_in(&**views, FIRST, order).await;
        assert_eq!(rows.len(), 1, "{order:?}");
        assert_eq!(Some(&rows[0].position), order.position(&product("p", 1)).as_ref());
        assert_eq!(rows[0].product, product("p", 1));
    }
}

async fn the_order_of_ids_is_by_bytes(views: &ViewStore) {
    let mut ids = awkward_ids();
    for id in &ids {
        put(&**views, &[product(id.as_str(), 1)]).await;
    }
    ids.sort();
    assert!(ids_in(&**views, RowOrder::Id).await.iter().eq(ids.iter().map(schema::ProductId::as_str)));
}

async fn names_are_ordered_in_lower_case(views: &ViewStore) {
    for (id, name) in
        [("1", "banana"), ("2", "Apple"), ("3", "cherry"), ("4", "ÄPFEL"), ("5", "äpfel"), ("6", "Zoo")]
    {
        put(&**views, &[named(id, 1, name)]).await;
    }
    assert_eq!(ids_in(&**views, RowOrder::Name).await, ["2", "1", "3", "6", "4", "5"]);
}

async fn a_shorter_name_comes_before_a_longer_one(views: &ViewStore) {
    for (id, name) in [("z", "Hat"), ("a", "Hat 1"), ("b", "Hats"), ("c", "Ha"), ("d", "Hat\t")] {
        put(&**views, &[named(id, 1, name)]).await;
    }
    assert_eq!(ids_in(&**views, RowOrder::Name).await, ["c", "z", "d", "a", "b"]);
}

async fn products_of_one_name_are_ordered_by_id(views: &ViewStore) {
    for id in ["b", "a", "B", "ab", "a-"] {
        put(&**views, &[named(id, 1, if id == "b" { "HELMET" } else { "Helmet" })]).await;
    }
    assert_eq!(ids_in(&**views, RowOrder::Name).await, ["B", "a", "a-", "ab", "b"]);
}

async fn prices_are_ordered_by_currency_and_then_as_numbers(views: &ViewStore) {
    let prices = [
        ("1", "10", "USD"),
        ("2", "9", "USD"),
        ("3", "0.0001", "USD"),
        ("4", "100", "USD"),
        ("5", "5000", "EUR"),
        ("6", "9.99", "USD"),
        ("7", "999999999", "JPY"),
    ];
    for (id, price, currency) in prices {
        put(&**views, &[priced(id, 1, price, currency)]).await;
    }
    assert_eq!(ids_in(&**views, RowOrder::Price).await, ["5", "7", "3", "2", "6", "1", "4"]);
}

async fn products_of_one_price_are_ordered_by_id(views: &ViewStore) {
    for id in ["b", "a", "B", "ab"] {
        put(&**views, &[priced(id, 1, if id == "a" { "10" } else { "10.00" }, "USD")]).await;
    }
    assert_eq!(ids_in(&**views, RowOrder::Price).await, ["B", "a", "ab", "b"]);
}

async fn changes_are_ordered_by_moment(views: &ViewStore) {
    for (id, at) in [
        ("1", "2026-01-01T00:00:00.010Z"),
        ("2", "2026-01-01T00:00:00.009Z"),
        ("3", "2025-12-31T23:59:59.999Z"),
        ("4", "0999-01-01T00:00:00Z"),
    ] {
        put(&**views, &[changed(id, 1, at)]).await;
    }
    assert_eq!(ids_in(&**views, RowOrder::Changes).await, ["4", "3", "2", "1"]);
}

async fn products_that_changed_at_one_moment_are_ordered_by_id(views: &ViewStore) {
    for id in ["b", "a", "B", "ab"] {
        put(&**views, &[changed(id, 1, "2026-01-01T00:00:00Z")]).await;
    }
    assert_eq!(ids_in(&**views, RowOrder::Changes).await, ["B", "a", "ab", "b"]);
}

async fn a_renamed_product_leaves_its_old_position(views: &ViewStore) {
    put(&**views, &[named("p", 1, "a"), named("q", 1, "b"), named("p", 2, "c")]).await;
    let rows = rows_in(&**views, FIRST, RowOrder::Name).await;
    let names: Vec<_> = rows.iter().map(|row| row.product.facts.name.as_str()).collect();
    assert_eq!(names, ["b", "c"]);
}

async fn a_product_with_a_new_price_leaves_its_old_position(views: &ViewStore) {
    put(&**views, &[priced("p", 1, "1", "USD"), priced("q", 1, "2", "USD"), priced("p", 2, "3", "USD")])
        .await;
    assert_eq!(ids_in(&**views, RowOrder::Price).await, ["q", "p"]);
    put(&**views, &[priced("p", 3, "3", "EUR")]).await;
    assert_eq!(ids_in(&**views, RowOrder::Price).await, ["p", "q"]);
}

async fn a_change_moves_a_product_in_the_order_of_changes(views: &ViewStore) {
    put(&**views, &[changed("p", 1, "2026-01-01T00:00:00Z"), changed("q", 1, "2026-01-02T00:00:00Z")]).await;
    assert_eq!(ids_in(&**views, RowOrder::Changes).await, ["p", "q"]);
    put(&**views, &[changed("p", 2, "2026-01-03T00:00:00Z")]).await;
    assert_eq!(ids_in(&**views, RowOrder::Changes).await, ["q", "p"]);
}

async fn a_price_change_leaves_the_other_positions(views: &ViewStore) {
    put(&**views, &[priced("p", 1, "1", "USD"), priced("q", 1, "2", "USD")]).await;
    put(&**views, &[priced("p", 2, "3", "USD")]).await;
    for order in [RowOrder::Id, RowOrder::Name] {
        let rows = rows_in(&**views, FIRST, order).await;
        let seen: Vec<_> = rows.into_iter().map(|row| row.product).collect();
        assert_eq!(seen, [priced("p", 2, "3", "USD"), priced("q", 1, "2", "USD")], "{order:?}");
    }
}

async fn a_deleted_product_is_only_in_the_order_of_changes(views: &ViewStore) {
    put(&**views, &[product("p", 1), product("q", 1), deleted("p", 2)]).await;
    for order in [RowOrder::Id, RowOrder::Name, RowOrder::Price] {
        assert_eq!(ids_in(&**views, order).await, ["q"], "{order:?}");
    }
    assert_eq!(ids_in(&**views, RowOrder::Changes).await, ["p", "q"]);
}

async fn a_product_first_seen_deleted_is_only_in_the_order_of_changes(views: &ViewStore) {
    put(&**views, &[deleted("p", 5)]).await;
    for order in RowOrder::ALL {
        let expected: &[&str] = if order == RowOrder::Changes { &["p"] } else { &[] };
        assert_eq!(ids_in(&**views, order).await, expected, "{order:?}");
    }
}

async fn a_restored_product_is_back_in_every_order(views: &ViewStore) {
    put(&**views, &[product("p", 1), deleted("p", 2), named("p", 3, "Hat")]).await;
    for order in RowOrder::ALL {
        let rows = rows_in(&**views, FIRST, order).await;
        assert_eq!(rows.into_iter().map(|row| row.product).collect::<Vec<_>>(), [named("p", 3, "Hat")]);
    }
}

async fn a_stale_version_moves_nothing(views: &ViewStore) {
    put(&**views, &[named("p", 5, "b"), named("q", 1, "c"), named("p", 4, "d"), deleted("p", 3)]).await;
    assert_eq!(ids_in(&**views, RowOrder::Name).await, ["p", "q"]);
    assert_eq!(ids_in(&**views, RowOrder::Id).await, ["p", "q"]);
}

async fn a_removed_product_is_in_no_order(views: &ViewStore) {
    put(&**views, &[product("p", 1), product("q", 1)]).await;
    views.remove(FIRST, "p").await.unwrap();
    for order in RowOrder::ALL {
        assert_eq!(ids_in(&**views, order).await, ["q"], "{order:?}");
    }
}

async fn names_longer_than_an_index_key_keep_their_ends_apart(views: &ViewStore) {
    let long = |last: &str| format!("{}{last}", "\u{10ffff}".repeat(199));
    for (id, last) in [("b", "a"), ("a", "b"), ("c", "c")] {
        put(&**views, &[named(id, 1, &long(last))]).await;
    }
    let mut ids = ids_in(&**views, RowOrder::Name).await;
    ids.sort();
    assert_eq!(ids, ["a", "b", "c"]);
}

async fn the_orders_are_those_that_were_asked_for(views: &ViewStore) {
    assert_eq!(views.orders(), Orders::default());
    for text in ["id", "id,name", "id,price,updated_at"] {
        let orders = Orders::parse(text).unwrap();
        assert_eq!(views.another(orders).await.orders(), orders);
    }
}

async fn an_order_that_is_not_kept_has_no_slices(views: &ViewStore) {
    for text in ["id", "id,name", "id,price", "id,updated_at"] {
        let orders = Orders::parse(text).unwrap();
        let views = views.another(orders).await;
        put(&*views, &[product("p", 1)]).await;
        for order in RowOrder::ALL {
            let slice = views.slice(FIRST, &whole(0, order)).await;
            assert_eq!(slice.is_ok(), orders.keep(order.sort()), "{order:?} of {text}");
        }
    }
}

async fn what_is_not_kept_leaves_the_kept_orders_whole(views: &ViewStore) {
    for text in ["id", "id,name", "id,price", "id,updated_at"] {
        let orders = Orders::parse(text).unwrap();
        let views = views.another(orders).await;
        put(&*views, &[named("p", 1, "b"), named("q", 1, "a"), named("p", 2, "0"), deleted("r", 1)]).await;
        for order in RowOrder::ALL.into_iter().filter(|order| orders.keep(order.sort())) {
            let expected = if order == RowOrder::Changes { 3 } else { 2 };
            assert_eq!(ids_in(&*views, order).await.len(), expected, "{order:?} of {text}");
        }
    }
}

async fn rows_are_stored_whatever_orders_are_kept(views: &ViewStore) {
    for text in ["id", "id,name", "id,name,price,updated_at"] {
        let views = views.another(Orders::parse(text).unwrap()).await;
        put(&*views, &[product("p", 1), deleted("q", 2), priced("p", 2, "7", "EUR")]).await;
        assert_eq!(all_ids(&*views, FIRST, 10).await, ["p", "q"]);
        let seen = views.get(FIRST, &fixtures::id("p")).await.unwrap();
        assert_eq!(seen, Some(priced("p", 2, "7", "EUR")));
    }
}
