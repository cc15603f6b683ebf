//! A look-up finds exactly the active products with its value, in the order of their ids or names, and every active product
//! with a category has one place among the categories.

use std::collections::BTreeSet;

use projections::views::{
    CategoryPlace, Generation, Lookup, LookupField, PositionRange, RowOrder, SHARDS, Slice, shard_of,
};
use projections::{MemoryViews, Views};
use proptest::collection::vec;
use proptest::prelude::*;
use schema::{Orders, Product, ProductId, fixtures};

use super::{FIRST, PutProduct, ViewStore, deleted, named, of_one_shard, product, put, whole};
use crate::given::commits::awkward_ids;
use crate::given::for_all;

cases! { dyn projections::Views, [memory sqlite dynamodb];
    an_empty_view_finds_nothing_and_has_no_categories
    a_product_is_found_by_its_sku_and_its_category_in_both_orders
    a_value_is_compared_whole_and_byte_by_byte
    products_with_one_value_are_ordered_by_id_or_by_name
    any_text_can_be_looked_up
    the_longest_values_and_names_are_found
    a_product_without_the_value_is_not_found
    a_changed_value_is_found_and_the_old_one_is_not
    a_cleared_value_is_not_found
    a_change_of_the_price_leaves_what_is_found
    a_deleted_product_is_not_found_until_it_is_restored
    a_removed_product_is_not_found
    a_late_version_moves_nothing_that_is_found
    a_replaced_row_is_found_by_its_new_values
    what_is_found_is_in_the_slice_of_its_shard_only
    slices_of_one_row_find_each_product_once_in_both_directions
    a_range_leaves_out_what_is_outside_it
    generations_are_looked_up_apart
    a_look_up_has_the_orders_that_are_kept_and_no_others
    categories_come_in_byte_order_with_each_product_once
    categories_continue_behind_a_product_and_behind_a_category
    portions_of_one_place_give_each_product_once
    products_are_read_by_id_once_each_deleted_ones_included
    more_products_than_one_request_takes_are_read_by_id
    look_ups_continue_when_the_store_is_opened_again
    any_writes_are_found_as_in_memory
}

const ORDERS: [RowOrder; 2] = [RowOrder::Id, RowOrder::Name];

fn with(id: &str, version: u64, sku: Option<&str>, category: Option<&str>) -> Product {
    let mut product = product(id, version);
    product.facts.details.sku = sku.map(str::to_owned);
    product.facts.details.category = category.map(str::to_owned);
    product
}

fn sku(value: &str) -> Lookup {
    Lookup { field: LookupField::Sku, value: value.into() }
}

fn category(value: &str) -> Lookup {
    Lookup { field: LookupField::Category, value: value.into() }
}

async fn found_in(
    views: &dyn Views,
    generation: Generation,
    lookup: &Lookup,
    order: RowOrder,
) -> Vec<String> {
    let mut rows = Vec::new();
    for shard in 0..SHARDS {
        let portion = views.find(generation, lookup, &whole(shard, order)).await.unwrap();
        assert!(portion.exhausted);
        assert!(portion.rows.is_sorted_by(|one, other| one.position < other.position), "{portion:?}");
        assert!(portion.rows.iter().all(|row| shard_of(&row.id) == shard), "{portion:?}");
        rows.extend(portion.rows);
    }
    rows.sort_by(|one, other| one.position.cmp(&other.position));
    rows.iter().map(|row| row.id.to_string()).collect()
}

/// What is found, which is the same set in both orders; in the order of ids.
async fn found(views: &dyn Views, lookup: &Lookup) -> Vec<String> {
    let by_id = found_in(views, FIRST, lookup, RowOrder::Id).await;
    let by_name: BTreeSet<String> =
        found_in(views, FIRST, lookup, RowOrder::Name).await.into_iter().collect();
    assert_eq!(by_name.into_iter().collect::<Vec<_>>(), by_id, "{lookup:?}");
    by_id
}

/// All places among the categories, of all shards.
async fn places(views: &dyn Views, generation: Generation, limit: usize) -> Vec<(String, String)> {
    let mut places = Vec::new();
    for shard in 0..SHARDS {
        let mut after = CategoryPlace::default();
        loop {
            let portion = views.categories(generation, shard, &after, limit).await.unwrap();
            assert!(portion.rows.len() <= limit);
            // Each with the key of its own row.
            let of_shard: Vec<CategoryPlace> =
                portion.rows.into_iter().map(|row| row.checked().unwrap()).collect();
            assert!(of_shard.is_sorted_by(|one, other| one < other), "{of_shard:?}");
            assert!(of_shard.iter().all(|place| *place > after), "{of_shard:?}");
            let last = of_shard.last().cloned();
            places.extend(of_shard.into_iter().map(|place| (place.category, place.id)));
            match last.filter(|_| !portion.exhausted) {
                Some(last) => after = last,
                None => break,
            }
        }
    }
    places.sort();
    places
}

async fn categories_of(views: &dyn Views) -> Vec<String> {
    let mut categories: Vec<String> =
        places(views, FIRST, 1_000).await.into_iter().map(|(category, _)| category).collect();
    categories.dedup();
    categories
}

async fn an_empty_view_finds_nothing_and_has_no_categories(views: &ViewStore) {
    for lookup in [sku("HL-U509-R"), category("Accessories / Helmets")] {
        assert_eq!(found(&**views, &lookup).await, [""; 0]);
    }
    assert_eq!(categories_of(&**views).await, [""; 0]);
    assert_eq!(views.get_all(FIRST, &[fixtures::id("p")]).await.unwrap(), []);
}

async fn a_product_is_found_by_its_sku_and_its_category_in_both_orders(views: &ViewStore) {
    put(&**views, &[product("p", 1)]).await;
    for lookup in [sku("HL-U509-R"), category("Accessories / Helmets")] {
        for order in ORDERS {
            let shard = shard_of(&fixtures::id("p"));
            let portion = views.find(FIRST, &lookup, &whole(shard, order)).await.unwrap();
            let [row] = &portion.rows[..] else { panic!("{portion:?}") };
            assert_eq!((row.id.as_str(), portion.exhausted), ("p", true));
            assert_eq!(Some(&row.position), order.position(&product("p", 1)).as_ref());
        }
    }
}

async fn a_value_is_compared_whole_and_byte_by_byte(views: &ViewStore) {
    for (id, value) in [("1", "HL"), ("2", "HL-1"), ("3", "hl"), ("4", "ä"), ("5", "a\u{308}"), ("6", "HL ")]
    {
        put(&**views, &[with(id, 1, Some(value), Some(value))]).await;
    }
    for (value, id) in [
        ("HL", "1"),
        ("HL-1", "2"),
        ("hl", "3"),
        ("ä", "4"),
        ("a\u{308}", "5"),
        ("HL ", "6"),
        ("H", ""),
        ("Hl", ""),
    ] {
        let expected: Vec<&str> = Some(id).filter(|id| !id.is_empty()).into_iter().collect();
        assert_eq!(found(&**views, &sku(value)).await, expected, "{value}");
        assert_eq!(found(&**views, &category(value)).await, expected, "{value}");
    }
}

async fn products_with_one_value_are_ordered_by_id_or_by_name(views: &ViewStore) {
    for (id, name) in [("b", "Zebra"), ("a", "äpfel"), ("B", "apple"), ("ab", "APPLE"), ("a-", "Öl")] {
        put(&**views, &[named(id, 1, name)]).await;
    }
    for lookup in [sku("HL-U509-R"), category("Accessories / Helmets")] {
        assert_eq!(found_in(&**views, FIRST, &lookup, RowOrder::Id).await, ["B", "a", "a-", "ab", "b"]);
        assert_eq!(found_in(&**views, FIRST, &lookup, RowOrder::Name).await, ["B", "ab", "b", "a", "a-"]);
    }
}

async fn any_text_can_be_looked_up(views: &ViewStore) {
    let texts = ["#", "1#0#x", "\u{10ffff}", "自転車", "👩🏽‍🚒", "مرحبا", "' OR ''='", "%", "x\u{7f}", " "];
    for (n, text) in texts.iter().enumerate() {
        put(&**views, &[with(&format!("p{n:02}"), 1, Some(text), Some(text))]).await;
    }
    for (n, text) in texts.iter().enumerate() {
        let expected = [format!("p{n:02}")];
        assert_eq!(found(&**views, &sku(text)).await, expected, "{text:?}");
        assert_eq!(found(&**views, &category(text)).await, expected, "{text:?}");
    }
    let mut expected = texts.to_vec();
    expected.sort_unstable();
    assert_eq!(categories_of(&**views).await, expected);
    for id in awkward_ids() {
        put(&**views, &[with(id.as_str(), 1, Some("awkward"), Some("awkward"))]).await;
    }
    let mut ids: Vec<String> = awkward_ids().iter().map(ToString::to_string).collect();
    ids.sort();
    assert_eq!(found(&**views, &sku("awkward")).await, ids);
    assert_eq!(found(&**views, &category("awkward")).await, ids);
}

async fn the_longest_values_and_names_are_found(views: &ViewStore) {
    let (longest, id) = ("\u{10ffff}".repeat(200), "~".repeat(64));
    let code: String = longest.chars().take(64).collect();
    let mut product = with(&id, 1, Some(&code), Some(&longest));
    product.facts.name.clone_from(&longest);
    put(&**views, &[product]).await;
    for lookup in [sku(&code), category(&longest)] {
        assert_eq!(found(&**views, &lookup).await, [id.as_str()]);
        for order in ORDERS {
            let slice = Slice { descending: true, ..whole(shard_of(&fixtures::id(&id)), order) };
            assert_eq!(views.find(FIRST, &lookup, &slice).await.unwrap().rows.len(), 1);
        }
    }
    assert_eq!(places(&**views, FIRST, 1).await, [(longest, id)]);
}

async fn a_product_without_the_value_is_not_found(views: &ViewStore) {
    put(&**views, &[with("p", 1, None, Some("c")), with("q", 1, Some("s"), None), with("r", 1, None, None)])
        .await;
    assert_eq!(found(&**views, &sku("s")).await, ["q"]);
    assert_eq!(found(&**views, &category("c")).await, ["p"]);
    assert_eq!(places(&**views, FIRST, 10).await, [("c".to_owned(), "p".to_owned())]);
}

async fn a_changed_value_is_found_and_the_old_one_is_not(views: &ViewStore) {
    put(&**views, &[with("p", 1, Some("s1"), Some("c1")), with("p", 2, Some("s2"), Some("c1"))]).await;
    assert_eq!(found(&**views, &sku("s1")).await, [""; 0]);
    assert_eq!(found(&**views, &sku("s2")).await, ["p"]);
    assert_eq!(found(&**views, &category("c1")).await, ["p"]);
    put(&**views, &[with("p", 3, Some("s2"), Some("c2"))]).await;
    assert_eq!(found(&**views, &category("c1")).await, [""; 0]);
    assert_eq!(found(&**views, &category("c2")).await, ["p"]);
    assert_eq!(categories_of(&**views).await, ["c2"]);
    // And in the order of names at the new name alone.
    put(&**views, &[with("q", 1, Some("s2"), Some("c2"))]).await;
    let mut renamed = with("p", 4, Some("s2"), Some("c2"));
    renamed.facts.name = "Zebra".into();
    put(&**views, &[renamed]).await;
    for lookup in [sku("s2"), category("c2")] {
        assert_eq!(found_in(&**views, FIRST, &lookup, RowOrder::Name).await, ["q", "p"]);
    }
}

async fn a_cleared_value_is_not_found(views: &ViewStore) {
    put(&**views, &[with("p", 1, Some("s"), Some("c")), with("p", 2, None, Some("c"))]).await;
    assert_eq!(found(&**views, &sku("s")).await, [""; 0]);
    assert_eq!(found(&**views, &category("c")).await, ["p"]);
    put(&**views, &[with("p", 3, None, None)]).await;
    assert_eq!(found(&**views, &category("c")).await, [""; 0]);
    assert_eq!(categories_of(&**views).await, [""; 0]);
}

async fn a_change_of_the_price_leaves_what_is_found(views: &ViewStore) {
    put(&**views, &[with("p", 1, Some("s"), Some("c"))]).await;
    let mut dearer = with("p", 2, Some("s"), Some("c"));
    dearer.facts.money = fixtures::money("99", "EUR");
    put(&**views, &[dearer]).await;
    for lookup in [sku("s"), category("c")] {
        assert_eq!(found(&**views, &lookup).await, ["p"]);
    }
    assert_eq!(places(&**views, FIRST, 10).await.len(), 1);
}

async fn a_deleted_product_is_not_found_until_it_is_restored(views: &ViewStore) {
    put(&**views, &[product("p", 1), product("q", 1), deleted("p", 2), deleted("r", 1)]).await;
    for lookup in [sku("HL-U509-R"), category("Accessories / Helmets")] {
        assert_eq!(found(&**views, &lookup).await, ["q"]);
    }
    assert_eq!(places(&**views, FIRST, 10).await.len(), 1);
    put(&**views, &[product("p", 3)]).await;
    for lookup in [sku("HL-U509-R"), category("Accessories / Helmets")] {
        assert_eq!(found(&**views, &lookup).await, ["p", "q"]);
    }
    assert_eq!(places(&**views, FIRST, 10).await.len(), 2);
}

async fn a_removed_product_is_not_found(views: &ViewStore) {
    put(&**views, &[product("p", 1), product("q", 1)]).await;
    views.remove(FIRST, "p").await.unwrap();
    for lookup in [sku("HL-U509-R"), category("Accessories / Helmets")] {
        assert_eq!(found(&**views, &lookup).await, ["q"]);
    }
    assert_eq!(places(&**views, FIRST, 10).await.len(), 1);
    assert_eq!(views.get_all(FIRST, &[fixtures::id("p")]).await.unwrap(), []);
}

async fn a_late_version_moves_nothing_that_is_found(views: &ViewStore) {
    put(&**views, &[with("p", 5, Some("s"), Some("c")), with("p", 4, Some("late"), None), deleted("p", 3)])
        .await;
    assert_eq!(found(&**views, &sku("s")).await, ["p"]);
    assert_eq!(found(&**views, &sku("late")).await, [""; 0]);
    assert_eq!(places(&**views, FIRST, 10).await, [("c".to_owned(), "p".to_owned())]);
}

async fn a_replaced_row_is_found_by_its_new_values(views: &ViewStore) {
    use projections::views::ProductRow;
    let row = |product: Product| ProductRow { product, hash: None };
    let there = row(with("p", 3, Some("there"), Some("there")));
    views.show(FIRST, &there).await.unwrap();
    assert!(views.replace(FIRST, &there, &row(with("p", 2, Some("by"), None))).await.unwrap());
    assert_eq!(found(&**views, &sku("by")).await, ["p"]);
    assert_eq!(found(&**views, &sku("there")).await, [""; 0]);
    assert_eq!(categories_of(&**views).await, [""; 0]);
}

async fn what_is_found_is_in_the_slice_of_its_shard_only(views: &ViewStore) {
    for n in 0..30 {
        put(&**views, &[product(&format!("p{n}"), 1)]).await;
    }
    // Checks the shard of each row.
    assert_eq!(found(&**views, &sku("HL-U509-R")).await.len(), 30);
    assert_eq!(found(&**views, &category("Accessories / Helmets")).await.len(), 30);
    for shard in 0..SHARDS {
        let portion = views.categories(FIRST, shard, &CategoryPlace::default(), 100).await.unwrap();
        let ids = portion.rows.iter().map(|row| fixtures::id(&row.place.id));
        assert!(ids.into_iter().all(|id| shard_of(&id) == shard));
    }
}

async fn slices_of_one_row_find_each_product_once_in_both_directions(views: &ViewStore) {
    let ids = of_one_shard(7);
    for (n, id) in ids.iter().enumerate() {
        put(&**views, &[named(id.as_str(), 1, ["Hat", "hat", "Ärmel"][n % 3])]).await;
    }
    for lookup in [sku("HL-U509-R"), category("Accessories / Helmets")] {
        for (order, descending) in [(RowOrder::Id, false), (RowOrder::Id, true), (RowOrder::Name, true)] {
            let (mut range, mut met) = (PositionRange::all(), Vec::new());
            loop {
                let slice = Slice { shard: 0, order, range: range.clone(), descending, limit: 1 };
                let portion = views.find(FIRST, &lookup, &slice).await.unwrap();
                let Some(row) = portion.rows.last() else { break };
                met.push(row.clone());
                range = range.behind(&row.position, descending);
                if range.is_empty() {
                    break;
                }
            }
            let in_order = |one: &str, other: &str| if descending { one > other } else { one < other };
            assert!(met.is_sorted_by(|one, other| in_order(&one.position, &other.position)), "{met:?}");
            assert_eq!(met.len(), ids.len(), "{lookup:?} {order:?} {descending}");
        }
    }
}

async fn a_range_leaves_out_what_is_outside_it(views: &ViewStore) {
    let ids = of_one_shard(6);
    for id in &ids {
        put(&**views, &[product(id.as_str(), 1)]).await;
    }
    let range = PositionRange { from: ids[1].to_string(), to: ids[3].to_string() };
    let slice = Slice { range, ..whole(0, RowOrder::Id) };
    for lookup in [sku("HL-U509-R"), category("Accessories / Helmets")] {
        let rows = views.find(FIRST, &lookup, &slice).await.unwrap().rows;
        assert_eq!(rows.into_iter().map(|row| row.id).collect::<Vec<_>>(), ids[1..=3]);
    }
}

async fn generations_are_looked_up_apart(views: &ViewStore) {
    put(&**views, &[with("p", 1, Some("s"), Some("one"))]).await;
    // One number begins with the other.
    for generation in [Generation(2), Generation(12)] {
        views.put(generation, &with("q", 1, Some("s"), Some("two"))).await.unwrap();
        assert_eq!(found_in(&**views, generation, &sku("s"), RowOrder::Name).await, ["q"]);
        assert_eq!(places(&**views, generation, 10).await, [("two".to_owned(), "q".to_owned())]);
        let read = views.get_all(generation, &["p", "q"].map(fixtures::id)).await.unwrap();
        assert_eq!(read.len(), 1);
    }
    assert_eq!(found(&**views, &sku("s")).await, ["p"]);
    assert_eq!(found(&**views, &category("two")).await, [""; 0]);
    assert_eq!(categories_of(&**views).await, ["one"]);
}

async fn a_look_up_has_the_orders_that_are_kept_and_no_others(views: &ViewStore) {
    for text in ["id", "id,name", "id,price,updated_at"] {
        let orders = Orders::parse(text).unwrap();
        let views = views.another(orders).await;
        put(&*views, &[product("p", 1)]).await;
        for lookup in [sku("HL-U509-R"), category("Accessories / Helmets")] {
            for order in RowOrder::ALL {
                let found = views.find(FIRST, &lookup, &whole(shard_of(&fixtures::id("p")), order)).await;
                let kept = ORDERS.contains(&order) && orders.keep(order.sort());
                assert_eq!(
                    found.map(|portion| portion.rows.len()).ok(),
                    kept.then_some(1),
                    "{order:?} of {text}"
                );
            }
        }
        assert_eq!(places(&*views, FIRST, 10).await.len(), 1, "{text}");
    }
}

async fn categories_come_in_byte_order_with_each_product_once(views: &ViewStore) {
    let categories = ["b", "a", "B", "a b", "ab", "a/", "ä", "😀"];
    for n in 0..40 {
        put(&**views, &[with(&format!("p{n:02}"), 1, None, Some(categories[n % categories.len()]))]).await;
    }
    let mut sorted = categories.to_vec();
    sorted.sort_unstable();
    assert_eq!(categories_of(&**views).await, sorted);
    let mut ids: Vec<String> = places(&**views, FIRST, 1_000).await.into_iter().map(|(_, id)| id).collect();
    ids.sort();
    assert_eq!(ids, (0..40).map(|n| format!("p{n:02}")).collect::<Vec<_>>());
}

async fn categories_continue_behind_a_product_and_behind_a_category(views: &ViewStore) {
    let ids = of_one_shard(6);
    for (id, category) in ids.iter().zip(["a", "a", "a", "a ", "ab", "b"]) {
        put(&**views, &[with(id.as_str(), 1, None, Some(category))]).await;
    }
    let behind = async |after: CategoryPlace| -> Vec<String> {
        let portion = views.categories(FIRST, 0, &after, 10).await.unwrap();
        assert!(portion.exhausted);
        portion.rows.into_iter().map(|row| row.place.id).collect()
    };
    let texts = |ids: &[ProductId]| -> Vec<String> { ids.iter().map(ToString::to_string).collect() };
    assert_eq!(behind(CategoryPlace::default()).await, texts(&ids));
    let place =
        |category: &str, id: &ProductId| CategoryPlace { category: category.into(), id: id.to_string() };
    assert_eq!(behind(place("a", &ids[0])).await, texts(&ids[1..]));
    assert_eq!(behind(place("a", &ids[2])).await, texts(&ids[3..]));
    assert_eq!(behind(CategoryPlace::behind("a".into())).await, texts(&ids[3..]));
    assert_eq!(behind(CategoryPlace::behind("ab".into())).await, texts(&ids[5..]));
    assert_eq!(behind(CategoryPlace::behind("b".into())).await, [""; 0]);
    // Neither has to exist.
    assert_eq!(behind(CategoryPlace::behind("aa".into())).await, texts(&ids[4..]));
    assert_eq!(behind(place("ab", &fixtures::id("-"))).await, texts(&ids[4..]));
}

async fn portions_of_one_place_give_each_product_once(views: &ViewStore) {
    for n in 0..20 {
        put(&**views, &[with(&format!("p{n:02}"), 1, None, Some(["a", "b", "a b"][n % 3]))]).await;
    }
    let all = places(&**views, FIRST, 1_000).await;
    assert_eq!(all.len(), 20);
    for limit in [1, 2, 5] {
        assert_eq!(places(&**views, FIRST, limit).await, all, "{limit}");
    }
}

async fn products_are_read_by_id_once_each_deleted_ones_included(views: &ViewStore) {
    put(&**views, &[product("a", 1), deleted("b", 2), product("c", 3)]).await;
    let ids = ["c", "a", "unknown", "b", "a"].map(fixtures::id);
    let mut read = views.get_all(FIRST, &ids).await.unwrap();
    read.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(read, [product("a", 1), deleted("b", 2), product("c", 3)]);
    assert_eq!(views.get_all(FIRST, &[]).await.unwrap(), []);
}

async fn more_products_than_one_request_takes_are_read_by_id(views: &ViewStore) {
    let ids: Vec<ProductId> = (0..230).map(|n| fixtures::id(&format!("p{n:03}"))).collect();
    for id in &ids {
        put(&**views, &[product(id.as_str(), 1)]).await;
    }
    let read = views.get_all(FIRST, &ids).await.unwrap();
    let read: BTreeSet<ProductId> = read.into_iter().map(|product| product.id).collect();
    assert!(read.iter().eq(&ids));
}

async fn look_ups_continue_when_the_store_is_opened_again(views: &ViewStore) {
    put(&**views, &[product("p", 1), product("q", 1)]).await;
    let again = views.opened_again(views.orders()).await;
    put(&*again, &[product("r", 1)]).await;
    for lookup in [sku("HL-U509-R"), category("Accessories / Helmets")] {
        assert_eq!(found(&*again, &lookup).await, ["p", "q", "r"]);
    }
    assert_eq!(places(&*again, FIRST, 10).await.len(), 3);
}

/// Versions of few products, with few values, so that they often meet.
fn steps() -> impl Strategy<Value = Vec<Product>> {
    let value = || proptest::option::of(proptest::sample::select(vec!["a", "ab", "a b", "ä"]));
    let one =
        (0..6_u8, 1..8_u64, value(), value(), 0..4_u8).prop_map(|(id, version, sku, category, kind)| {
            let mut product = with(&format!("p{id}"), version, sku, category);
            match kind {
                0 => product.facts.status = schema::Status::Deleted,
                1 => product.facts.name = format!("Hat {version}"),
                _ => product.facts.money = fixtures::money(&version.to_string(), "USD"),
            }
            product
        });
    vec(one, 1..40)
}

async fn any_writes_are_found_as_in_memory(views: &ViewStore) {
    for_all(10, steps(), async |steps| {
        let (store, model) = (views.another(Orders::default()).await, MemoryViews::default());
        for product in &steps {
            let expected = model.put(FIRST, product).await.unwrap();
            assert_eq!(store.put(FIRST, product).await.unwrap(), expected, "{product:?}");
        }
        for value in ["a", "ab", "a b", "ä"] {
            for (lookup, order) in [sku(value), category(value)]
                .into_iter()
                .flat_map(|one| ORDERS.map(|order| (one.clone(), order)))
            {
                let expected = found_in(&model, FIRST, &lookup, order).await;
                assert_eq!(found_in(&*store, FIRST, &lookup, order).await, expected, "{lookup:?} {order:?}");
            }
        }
        assert_eq!(places(&*store, FIRST, 3).await, places(&model, FIRST, 3).await);
    });
}
