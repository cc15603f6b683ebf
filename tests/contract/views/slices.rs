//! A slice has exactly the rows of its shard inside its range, in order, and tells whether it is exhausted.

use projections::views::{PositionRange, RowOrder, SHARDS, Slice, SlicePage, shard_of};
use schema::{ProductId, fixtures};

use super::{FIRST, PutProduct, ViewStore, named, of_one_shard, priced, product, put, whole};

cases! { dyn projections::Views, [memory sqlite dynamodb];
    a_slice_of_an_empty_view_ends_at_once
    each_product_is_in_the_slice_of_its_shard_only
    a_slice_includes_both_ends_of_its_range
    a_slice_of_one_position_is_its_row
    a_slice_between_two_positions_is_empty
    a_descending_slice_is_the_ascending_one_backwards
    a_descending_slice_begins_at_the_upper_end
    a_slice_is_filled_up_to_its_limit
    a_slice_that_ends_before_its_range_is_not_exhausted
    an_exhausted_slice_has_left_nothing_out
    a_slice_without_a_limit_is_everything
    slices_of_one_row_return_each_row_once_in_both_directions
    slices_return_each_row_once_among_many_ties
    slices_return_each_earlier_row_once_during_concurrent_writes
    a_range_of_names_with_a_prefix_contains_only_those
    a_range_of_prices_contains_one_currency_and_both_ends
    large_rows_are_read_completely
}

async fn sliced(views: &ViewStore, slice: &Slice) -> SlicePage {
    views.slice(FIRST, slice).await.unwrap()
}

fn ids(page: &SlicePage) -> Vec<String> {
    page.rows.iter().map(|row| row.product.id.to_string()).collect()
}

fn texts(ids: &[ProductId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

async fn put_ids(views: &ViewStore, ids: &[ProductId]) {
    for id in ids {
        put(&**views, &[product(id.as_str(), 1)]).await;
    }
}

fn by_id(from: &ProductId, to: &ProductId) -> Slice {
    Slice { range: PositionRange { from: from.to_string(), to: to.to_string() }, ..whole(0, RowOrder::Id) }
}

async fn a_slice_of_an_empty_view_ends_at_once(views: &ViewStore) {
    for order in RowOrder::ALL {
        for descending in [false, true] {
            let page = sliced(views, &Slice { descending, ..whole(0, order) }).await;
            assert_eq!(page, SlicePage { exhausted: true, ..SlicePage::default() });
        }
    }
}

async fn each_product_is_in_the_slice_of_its_shard_only(views: &ViewStore) {
    for n in 0..30 {
        put(&**views, &[product(&format!("p{n}"), 1)]).await;
    }
    for order in RowOrder::ALL {
        let mut met = 0;
        for shard in 0..SHARDS {
            let page = sliced(views, &whole(shard, order)).await;
            assert!(page.rows.iter().all(|row| shard_of(&row.product.id) == shard));
            met += page.rows.len();
        }
        assert_eq!(met, 30, "{order:?}");
    }
}

async fn a_slice_includes_both_ends_of_its_range(views: &ViewStore) {
    let all = of_one_shard(9);
    put_ids(views, &all).await;
    assert_eq!(ids(&sliced(views, &by_id(&all[2], &all[5])).await), texts(&all[2..=5]));
}

async fn a_slice_of_one_position_is_its_row(views: &ViewStore) {
    let all = of_one_shard(3);
    put_ids(views, &all).await;
    let page = sliced(views, &by_id(&all[1], &all[1])).await;
    assert_eq!((ids(&page), page.exhausted), (texts(&all[1..2]), true));
}

async fn a_slice_between_two_positions_is_empty(views: &ViewStore) {
    let all = of_one_shard(2);
    put_ids(views, &all).await;
    let between = PositionRange { from: format!("{}!", all[0]), to: format!("{}~", all[0]) };
    let page = sliced(views, &Slice { range: between, ..whole(0, RowOrder::Id) }).await;
    assert_eq!(page, SlicePage { exhausted: true, ..SlicePage::default() });
}

async fn a_descending_slice_is_the_ascending_one_backwards(views: &ViewStore) {
    put_ids(views, &of_one_shard(7)).await;
    for order in RowOrder::ALL {
        let ascending = sliced(views, &whole(0, order)).await;
        let mut descending = sliced(views, &Slice { descending: true, ..whole(0, order) }).await;
        descending.rows.reverse();
        assert_eq!(
            (descending.rows, descending.exhausted),
            (ascending.rows, ascending.exhausted),
            "{order:?}"
        );
    }
}

async fn a_descending_slice_begins_at_the_upper_end(views: &ViewStore) {
    let all = of_one_shard(9);
    put_ids(views, &all).await;
    let slice = Slice { descending: true, limit: 2, ..by_id(&all[1], &all[6]) };
    assert_eq!(ids(&sliced(views, &slice).await), [all[6].to_string(), all[5].to_string()]);
}

async fn a_slice_is_filled_up_to_its_limit(views: &ViewStore) {
    let all = of_one_shard(6);
    put_ids(views, &all).await;
    for limit in 1..=7 {
        let page = sliced(views, &Slice { limit, ..whole(0, RowOrder::Id) }).await;
        assert_eq!(ids(&page), texts(&all[..limit.min(6)]), "{limit}");
    }
}

async fn a_slice_that_ends_before_its_range_is_not_exhausted(views: &ViewStore) {
    put_ids(views, &of_one_shard(6)).await;
    for order in RowOrder::ALL {
        for limit in 1..=5 {
            let slice = Slice { limit, descending: limit % 2 == 0, ..whole(0, order) };
            assert!(!sliced(views, &slice).await.exhausted, "{limit} of {order:?}");
        }
    }
}

async fn an_exhausted_slice_has_left_nothing_out(views: &ViewStore) {
    let all = of_one_shard(6);
    put_ids(views, &all).await;
    let mut ended = 0;
    for limit in 1..=8 {
        let page = sliced(views, &Slice { limit, ..by_id(&all[1], &all[4]) }).await;
        if page.exhausted {
            assert_eq!(ids(&page), texts(&all[1..=4]), "{limit}");
            ended += 1;
        }
    }
    assert!(ended >= 4, "with room to spare every store knows");
}

async fn a_slice_without_a_limit_is_everything(views: &ViewStore) {
    let all = of_one_shard(5);
    put_ids(views, &all).await;
    let page = sliced(views, &Slice { limit: usize::MAX, ..whole(0, RowOrder::Id) }).await;
    assert_eq!((ids(&page), page.exhausted), (texts(&all), true));
}

/// Follows a slice to its end, as LIST does.
async fn followed(views: &ViewStore, order: RowOrder, descending: bool, limit: usize) -> Vec<String> {
    let (mut met, mut range) = (Vec::new(), PositionRange::all());
    loop {
        let page = sliced(views, &Slice { shard: 0, order, range: range.clone(), descending, limit }).await;
        met.extend(ids(&page));
        assert!(met.len() <= 60, "the walk does not end");
        let Some(last) = page.rows.last().filter(|_| !page.exhausted) else { return met };
        range = range.behind(&last.position, descending);
        if range.is_empty() {
            return met;
        }
    }
}

async fn slices_of_one_row_return_each_row_once_in_both_directions(views: &ViewStore) {
    let all = of_one_shard(7);
    put_ids(views, &all).await;
    for order in RowOrder::ALL {
        assert_eq!(followed(views, order, false, 1).await, texts(&all), "{order:?}");
        let mut backwards = followed(views, order, true, 1).await;
        backwards.reverse();
        assert_eq!(backwards, texts(&all), "{order:?}");
    }
}

async fn slices_return_each_row_once_among_many_ties(views: &ViewStore) {
    let all = of_one_shard(12);
    for (n, id) in all.iter().enumerate() {
        put(&**views, &[named(id.as_str(), 1, ["Hat", "hat", "HAT", "Hats"][n % 4])]).await;
    }
    for limit in [1, 2, 3, 11, 12] {
        for descending in [false, true] {
            let mut met = followed(views, RowOrder::Name, descending, limit).await;
            met.sort();
            assert_eq!(met, texts(&all), "{limit}");
        }
    }
}

async fn slices_return_each_earlier_row_once_during_concurrent_writes(views: &ViewStore) {
    let all = of_one_shard(60);
    let (earlier, later): (Vec<_>, Vec<_>) = all.into_iter().enumerate().partition(|(n, _)| n % 2 == 0);
    let earlier: Vec<ProductId> = earlier.into_iter().map(|(_, id)| id).collect();
    put_ids(views, &earlier).await;
    let shared = views.shared();
    let writer = tokio::spawn(async move {
        for (_, id) in later {
            shared.put(FIRST, &product(id.as_str(), 1)).await.unwrap();
        }
    });
    let met = followed(views, RowOrder::Id, false, 3).await;
    writer.await.unwrap();
    assert!(met.is_sorted_by(|one, other| one < other), "{met:?}");
    assert!(earlier.iter().all(|id| met.contains(&id.to_string())), "{met:?}");
}

async fn a_range_of_names_with_a_prefix_contains_only_those(views: &ViewStore) {
    let names = ["Hat", "Hats", "hat 2", "Ha", "Hau", "HAT\u{10ffff}", "Hab", "that"];
    for (id, name) in of_one_shard(8).iter().zip(names) {
        put(&**views, &[named(id.as_str(), 1, name)]).await;
    }
    let slice = Slice { range: PositionRange::name_prefix("hat"), ..whole(0, RowOrder::Name) };
    let page = sliced(views, &slice).await;
    let found: Vec<_> = page.rows.iter().map(|row| row.product.facts.name.as_str()).collect();
    assert_eq!(found, ["Hat", "hat 2", "Hats", "HAT\u{10ffff}"]);
}

async fn a_range_of_prices_contains_one_currency_and_both_ends(views: &ViewStore) {
    let prices = [
        ("5", "EUR"),
        ("5", "USD"),
        ("4.99", "USD"),
        ("10", "USD"),
        ("10.01", "USD"),
        ("7", "JPY"),
        ("9", "USD"),
    ];
    for (id, (price, currency)) in of_one_shard(7).iter().zip(prices) {
        put(&**views, &[priced(id.as_str(), 1, price, currency)]).await;
    }
    let (least, most) = (fixtures::money("5", "USD"), fixtures::money("10", "USD"));
    let range = PositionRange::prices(least.currency(), Some(least.price()), Some(most.price()));
    let page = sliced(views, &Slice { range, ..whole(0, RowOrder::Price) }).await;
    let found: Vec<_> = page.rows.iter().map(|row| row.product.facts.money.price().to_string()).collect();
    assert_eq!(found, ["5.00", "9.00", "10.00"]);
}

/// Together they are larger than a response of any store, so a slice may end early, but never without telling.
async fn large_rows_are_read_completely(views: &ViewStore) {
    let all = of_one_shard(8);
    for id in &all {
        let mut large = product(id.as_str(), 1);
        large.facts.details.description = Some("x".repeat(200_000));
        put(&**views, &[large]).await;
    }
    assert_eq!(followed(views, RowOrder::Id, false, 100).await, texts(&all));
    assert_eq!(followed(views, RowOrder::Changes, true, 100).await.len(), 8);
}
