//! A cursor is valid for its query only: changed by one character, or used with another sort, order or filter, it is refused.

use std::sync::Arc;

use projections::MemoryViews;
use projections::views::Generation;
use proptest::prelude::*;

use crate::given::{Life, PutProduct, asked, front};

const QUERIES: [&str; 19] = [
    "sort=id",
    "sort=id&order=desc",
    "sort=name",
    "sort=name&order=desc",
    "sort=name&name_prefix=hel",
    "sort=price&currency=USD",
    "sort=price&currency=EUR",
    "sort=price&currency=USD&min_price=0.5",
    "sort=price&currency=USD&max_price=2",
    "sort=updated_at",
    "sort=updated_at&include=deleted",
    "sort=updated_at&updated_since=2020-01-01T00:00:00Z",
    "sort=id&id_prefix=p",
    "sku=HL-U509-R",
    "sku=HL-U509-R&sort=name",
    "category=Accessories%20/%20Helmets",
    "category=Accessories%20/%20Helmets&order=desc",
    "category=Accessories%20/%20Helmets&sort=name&name_prefix=hel",
    "sku=HL-U509-R&category=Accessories%20/%20Helmets",
];

async fn catalogue() -> axum::Router {
    let views = MemoryViews::default();
    for n in 0..5 {
        let product = Life::begins(&format!("p{n}"), "Helmet", "1").newest().state.clone();
        views.put(Generation(1), &product).await.unwrap();
    }
    front(Arc::new(views))
}

#[tokio::test]
async fn a_cursor_of_another_sort_order_or_filter_is_refused() {
    let front = catalogue().await;
    for made_for in QUERIES {
        let (_, page) = asked(&front, &format!("/products?{made_for}&limit=2")).await;
        let Some(cursor) = page["next"].as_str() else {
            assert_eq!(made_for, "sort=price&currency=EUR", "{page}");
            continue;
        };
        for used_with in QUERIES {
            let (status, answer) = asked(&front, &format!("/products?{used_with}&cursor={cursor}")).await;
            let expected = if used_with == made_for { 200 } else { 400 };
            assert_eq!(status, expected, "{made_for} {used_with} {answer}");
        }
    }
}

#[tokio::test]
async fn a_cursor_changed_in_any_place_is_refused() {
    let front = catalogue().await;
    let (_, page) = asked(&front, "/products?limit=2&sort=name").await;
    let cursor = page["next"].as_str().unwrap();
    for place in 0..cursor.len() {
        for other in ["A", "z", "_", ""] {
            if other == &cursor[place..=place] {
                continue;
            }
            let made_up = format!("{}{other}{}", &cursor[..place], &cursor[place + 1..]);
            let (status, problem) = asked(&front, &format!("/products?sort=name&cursor={made_up}")).await;
            assert_eq!(status, 400, "{made_up}");
            assert_eq!(problem["type"], "urn:product-ledger:problem:malformed");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_makes_up_a_cursor(cursor in "[A-Za-z0-9_=.-]{0,60}") {
        let selection = projections::catalogue::ListQuery {
            order: projections::views::RowOrder::Id,
            deleted: false,
            descending: false,
            range: projections::views::PositionRange::all(),
            lookups: Vec::new(),
        };
        prop_assert!(selection.position(&cursor).is_err());
    }
}

#[tokio::test]
async fn what_a_query_cannot_mean_is_refused_and_named() {
    let front = catalogue().await;
    for (query, named) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=+5", "limit"),
        ("limit=ten", "limit"),
        ("limit=5&limit=5", "twice"),
        ("cursor=", "cursor"),
        ("cursor=%00", "cursor"),
        ("colour=red", "colour"),
        ("sort=colour", "sort"),
        ("sort=name&order=up", "order"),
        ("sort=price", "currency"),
        ("sort=price&currency=usd", "currency"),
        ("sort=price&currency=USD&min_price=-1", "min_price"),
        ("sort=price&currency=USD&max_price=1e3", "max_price"),
        ("currency=USD", "currency"),
        ("sort=name&min_price=1", "min_price"),
        ("sort=id&name_prefix=a", "name_prefix"),
        ("sort=name&name_prefix=a%01b", "name_prefix"),
        ("sort=name&updated_since=2020-01-01T00:00:00Z", "updated_since"),
        ("sort=updated_at&updated_since=yesterday", "updated_since"),
        ("sort=id&include=deleted", "include"),
        ("sort=updated_at&include=all", "include"),
        ("sku=", "sku"),
        ("sku=a%00b", "sku"),
        ("sku=a&sku=b", "twice"),
        ("category=", "category"),
        ("category=a%0Ab", "category"),
        ("sku=a&sort=price", "sort"),
        ("sku=a&sort=price&currency=USD", "sort"),
        ("category=a&sort=updated_at", "sort"),
        ("category=a&sort=updated_at&include=deleted", "sort"),
        ("sku=a&include=deleted", "include"),
        ("category=a&sort=name&include=deleted", "include"),
        ("sku=a&updated_since=2020-01-01T00:00:00Z", "updated_since"),
        ("category=a&currency=USD", "currency"),
        ("category=a&sort=id&name_prefix=a", "name_prefix"),
        ("id_prefix=", "id_prefix"),
        ("id_prefix=a%2Fb", "id_prefix"),
        ("sort=name&id_prefix=a", "id_prefix"),
    ] {
        let (status, problem) = asked(&front, &format!("/products?{query}")).await;
        assert_eq!(status, 400, "{query}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(named), "{query}: {detail}");
    }
}
