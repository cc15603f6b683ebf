//! The positions of LIST against what they stand for: every pair of awkward products is in the order of its sort values, and a
//! range has those products and no others that its filter, or its place in a walk, means.

use std::cmp::Ordering;

use projections::catalogue::ListQuery;
use projections::views::{PositionRange, RowOrder};
use schema::{Currency, Price, Product, Status, fixtures};

use crate::given::Life;

/// Prefixes of each other, letters with several cases, the greatest character there is, and names as long as a position
/// keeps and longer.
fn names() -> Vec<String> {
    let short = [
        "a",
        "A b",
        "a\u{7f}",
        "ab",
        "ß",
        "İ",
        "ος",
        "ΟΣ",
        "οσα",
        "ΟΣΑ",
        "ος α",
        "οτ",
        "自",
        "\u{10ffff}",
        "\u{10ffff}a",
    ];
    let long = [
        ("x", 899),
        ("x", 900),
        ("X", 901),
        ("é", 450),
        ("éx", 301),
        ("\u{10ffff}", 225),
        ("\u{10ffff}", 300),
    ];
    short.into_iter().map(str::to_owned).chain(long.map(|(text, times)| text.repeat(times))).collect()
}

fn products() -> Vec<Product> {
    let longest = "z".repeat(64);
    let ids = ["B", "B0", "B0~", "-", "~", longest.as_str()];
    let prices = ["0", "0.0001", "9.99", "10", "10.0001", "999999999999.9999"];
    let mut products = Vec::new();
    for (n, name) in names().iter().enumerate() {
        for (m, id) in ids.iter().enumerate() {
            let mut product = Life::begins(id, name, "1").newest().state.clone();
            product.facts.money = fixtures::money(prices[(n + m) % prices.len()], ["EUR", "USD"][n % 2]);
            product.updated_at = fixtures::at(&format!("2026-11-2{}T00:00:00Z", n % 4));
            products.push(product);
        }
    }
    products
}

/// The first 900 bytes of the lower-case name, in whole characters.
fn folded(product: &Product) -> String {
    let mut name = product.facts.name.to_lowercase();
    while name.len() > 900 {
        name.pop();
    }
    name
}

fn by_meaning(order: RowOrder, one: &Product, other: &Product) -> Ordering {
    let money = |product: &Product| (product.facts.money.currency().code(), product.facts.money.price());
    let values = match order {
        RowOrder::Id => Ordering::Equal,
        RowOrder::Name => folded(one).cmp(&folded(other)),
        RowOrder::Price => money(one).cmp(&money(other)),
        RowOrder::Changes => one.updated_at.cmp(&other.updated_at),
    };
    values.then_with(|| one.id.cmp(&other.id))
}

fn listed(order: RowOrder, products: &[Product]) -> Vec<(&Product, String)> {
    products.iter().map(|product| (product, order.position(product).unwrap())).collect()
}

#[test]
fn positions_are_in_the_order_of_their_values_and_a_walk_goes_on_behind_each() {
    let products = products();
    for order in RowOrder::ALL {
        let listed = listed(order, &products);
        for (one, position) in &listed {
            assert!(PositionRange::all().contains(position), "{order:?} {position}");
            let [after, before] =
                [false, true].map(|descending| PositionRange::all().behind(position, descending));
            for (other, there) in &listed {
                let expected = by_meaning(order, other, one);
                assert_eq!(there.cmp(position), expected, "{order:?} {there} {position}");
                assert_eq!(after.contains(there), expected.is_gt(), "{order:?} {there} after {position}");
                assert_eq!(before.contains(there), expected.is_lt(), "{order:?} {there} before {position}");
                let range = PositionRange { from: position.clone(), to: there.clone() };
                assert_eq!(range.is_empty(), expected.is_lt(), "{order:?} {position} to {there}");
            }
        }
    }
}

#[test]
fn a_prefix_finds_the_names_that_begin_with_it_in_any_case() {
    let products = products();
    let listed = listed(RowOrder::Name, &products);
    for prefix in
        names().iter().flat_map(|name| [1, 2, 3, 200].map(|n| name.chars().take(n).collect::<String>()))
    {
        let range = PositionRange::name_prefix(&prefix);
        let folded_prefix = prefix.to_lowercase();
        // At the end of the prefix, Σ can be either of two letters in the name.
        let other = prefix.strip_suffix('Σ').map(|stem| format!("{}σ", stem.to_lowercase()));
        for (product, position) in &listed {
            let name = folded(product);
            let expected = name.starts_with(&folded_prefix)
                || other.as_ref().is_some_and(|other| name.starts_with(other));
            assert_eq!(range.contains(position), expected, "{name} by {prefix}");
        }
    }
    assert_eq!(PositionRange::name_prefix(""), PositionRange::all());
}

#[test]
fn a_range_of_prices_has_both_of_its_ends_and_one_of_time_its_beginning() {
    let products = products();
    let price = |text: &str| Price::parse(text).unwrap();
    for currency in ["EUR", "USD", "GBP"].map(|code| Currency::parse(code).unwrap()) {
        for (least, most) in [
            (None, None),
            (Some("9.99"), None),
            (None, Some("10")),
            (Some("0.0001"), Some("10")),
            (Some("10"), Some("9.99")),
        ] {
            let (least, most) = (least.map(price), most.map(price));
            let range = PositionRange::prices(currency, least, most);
            for (product, position) in listed(RowOrder::Price, &products) {
                let money = product.facts.money;
                let inside = least.is_none_or(|least| money.price() >= least)
                    && most.is_none_or(|most| money.price() <= most);
                assert_eq!(
                    range.contains(&position),
                    money.currency() == currency && inside,
                    "{position} {range:?}"
                );
            }
        }
    }
    let moment = fixtures::at("2026-11-22T00:00:00Z");
    for (product, position) in listed(RowOrder::Changes, &products) {
        assert_eq!(
            PositionRange::since(moment).contains(&position),
            product.updated_at >= moment,
            "{position}"
        );
    }
}

#[test]
fn a_deleted_product_has_a_position_by_time_alone() {
    let mut product = Life::begins("p", "Helmet", "1").newest().state.clone();
    for (status, expected) in [(Status::Active, [true; 4]), (Status::Deleted, [false, false, false, true])] {
        product.facts.status = status;
        assert_eq!(RowOrder::ALL.map(|order| order.position(&product).is_some()), expected);
    }
}

#[test]
fn the_cursor_of_every_position_is_read_again_where_its_range_has_it() {
    let products = products();
    for order in RowOrder::ALL {
        let query =
            |range| ListQuery { order, deleted: false, descending: false, range, lookups: Vec::new() };
        for (_, position) in listed(order, &products) {
            let all = query(PositionRange::all());
            assert_eq!(all.position(&all.cursor(&position)), Ok(position.clone()), "{order:?}");
            let [before, behind] =
                [true, false].map(|descending| query(PositionRange::all().behind(&position, descending)));
            for other in [before, behind] {
                assert!(other.position(&other.cursor(&position)).is_err(), "{order:?} {position}");
            }
            for text in [format!("{position}\u{1}"), format!("{}{position}", "x".repeat(965))] {
                assert!(all.position(&all.cursor(&text)).is_err(), "{order:?} {text}");
            }
        }
    }
}
