//! LIST: following the pages gives every product exactly once, in order, for every sort, direction, filter and page size.

use std::sync::Arc;

use projections::MemoryViews;
use projections::views::Generation;
use schema::{Product, fixtures};
use serde_json::Value;

use crate::given::{Deed, Life, PutProduct, asked, front, tables, views_of};

const NAMES: [&str; 13] = [
    "Sport-100 Helmet, Red",
    "sport-100 helmet, blue",
    "Ärmel",
    "ärmelkanal",
    "Ωmega",
    "ΟΔΟΣ",
    "Οδοσήμανση",
    "ΟΔΟΣΗΜΑΝΣΗ",
    "зима",
    "ЗИМА Lang",
    "自転車",
    "İstanbul",
    "🚲",
];

/// Ids that are prefixes of each other, on both sides of a step of one character.
const NESTED: [&str; 6] = ["B", "B0", "B0-", "B0~", "B0zz", "B1"];

/// 71 products; times, names and prices repeat; every thirteenth is deleted.
fn catalogue() -> Vec<Product> {
    (0..65_usize)
        .map(|n| {
            let mut life = Life::begins(
                &format!("{}{n:03}", ["A", "a", "~", "-"][n % 4]),
                NAMES[n % NAMES.len()],
                &format!("{}.{:02}", [1, 10, 9, 100_000_000_000_u64][n % 4], n % 7),
            );
            for _ in 0..n % 3 {
                life.goes_on(&Deed::Reprice(format!("{}", 200 + n), ["EUR", "JPY"][n % 2]));
            }
            if n % 13 == 0 {
                life.commit(vec![fixtures::helmet_deleted()]);
            }
            life.newest().state.clone()
        })
        .chain(NESTED.map(|id| Life::begins(id, "Helmet", "1").newest().state.clone()))
        .collect()
}

/// The expected result, sorted and filtered in the test.
fn expected(
    products: &[Product],
    chosen: impl Fn(&Product) -> bool,
    key: impl Fn(&Product) -> (String, rust_decimal::Decimal),
) -> Vec<String> {
    let mut chosen: Vec<&Product> = products.iter().filter(|product| chosen(product)).collect();
    chosen.sort_by_key(|product| (key(product), product.id.clone()));
    chosen.iter().map(|product| product.id.to_string()).collect()
}

fn active(product: &Product) -> bool {
    product.facts.status == schema::Status::Active
}

fn by_text(text: String) -> (String, rust_decimal::Decimal) {
    (text, rust_decimal::Decimal::ZERO)
}

fn by_price(product: &Product) -> (String, rust_decimal::Decimal) {
    (String::new(), product.facts.money.price().amount())
}

fn lower(product: &Product) -> (String, rust_decimal::Decimal) {
    by_text(product.facts.name.to_lowercase())
}

fn updated(product: &Product) -> (String, rust_decimal::Decimal) {
    by_text(product.updated_at.to_string())
}

fn priced(product: &Product, currency: &str) -> bool {
    active(product) && product.facts.money.currency().code() == currency
}

async fn walk(front: &axum::Router, query: &str, limit: usize) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = asked(front, &format!("/products?{query}&limit={limit}{cursor}")).await;
        assert_eq!(status, 200, "{query} {cursor}: {page}");
        let products = page["products"].as_array().unwrap();
        assert!(products.len() <= limit);
        ids.extend(products.iter().map(|product| product["id"].as_str().unwrap().to_owned()));
        match &page["next"] {
            Value::String(next) => cursor = format!("&cursor={next}"),
            Value::Null => return ids,
            other => panic!("{other}"),
        }
        assert!(!products.is_empty(), "{query} {cursor}");
    }
}

/// Every query and its expected ids.
fn expectations(all: &[Product]) -> Vec<(&'static str, Vec<String>)> {
    vec![
        ("sort=id", expected(all, active, |product| by_text(product.id.to_string()))),
        ("sort=name", expected(all, active, lower)),
        ("sort=updated_at", expected(all, active, updated)),
        ("sort=updated_at&include=deleted", expected(all, |_| true, updated)),
        ("sort=price&currency=USD", expected(all, |p| priced(p, "USD"), by_price)),
        ("sort=price&currency=JPY", expected(all, |p| priced(p, "JPY"), by_price)),
        ("sort=price&currency=CHF", Vec::new()),
        (
            "sort=price&currency=USD&min_price=9.01&max_price=10.03",
            expected(all, |p| priced(p, "USD") && (901..=1003).contains(&cents(p)), by_price),
        ),
        (
            "sort=price&currency=EUR&min_price=210",
            expected(all, |p| priced(p, "EUR") && cents(p) >= 21_000, by_price),
        ),
        ("sort=price&currency=USD&min_price=10&max_price=9", Vec::new()),
        (
            "sort=name&name_prefix=SPORT-100%20Helmet",
            expected(all, |p| active(p) && lower(p).0.starts_with("sport-100 helmet"), lower),
        ),
        (
            "sort=name&name_prefix=%C3%84rm",
            expected(all, |p| active(p) && lower(p).0.starts_with("ärm"), lower),
        ),
        (
            "sort=updated_at&updated_since=2025-11-13T02:13:22Z",
            expected(all, |p| active(p) && *updated(p).0 >= *"2025-11-13T02:13:22.000Z", updated),
        ),
    ]
}

#[tokio::test]
async fn every_sort_and_filter_gives_each_product_once_in_order_whatever_the_page_size() {
    let products = catalogue();
    let views = views_of(&tables().await);
    for product in &products {
        views.put(Generation(1), product).await.unwrap();
    }
    let front = front(Arc::new(views));
    for (query, expected) in expectations(&products) {
        for limit in [1, 7, 100] {
            assert_eq!(walk(&front, query, limit).await, expected, "{query} {limit}");
            let mut backwards = walk(&front, &format!("{query}&order=desc"), limit).await;
            backwards.reverse();
            assert_eq!(backwards, expected, "{query} {limit} backwards");
        }
    }
}

fn cents(product: &Product) -> u128 {
    let cents = product.facts.money.price().amount() * rust_decimal::Decimal::from(100);
    cents.trunc().try_into().unwrap()
}

#[tokio::test]
async fn a_name_is_found_by_each_of_its_prefixes() {
    let views = views_of(&tables().await);
    for (n, name) in NAMES.iter().enumerate() {
        let life = Life::begins(&format!("p{n}"), name, "1");
        views.put(Generation(1), &life.newest().state).await.unwrap();
    }
    let front = front(Arc::new(views));
    for (n, name) in NAMES.iter().enumerate() {
        for end in (1..=name.len()).filter(|end| name.is_char_boundary(*end)) {
            let prefix: Vec<String> = name[..end].bytes().map(|byte| format!("%{byte:02X}")).collect();
            let prefix = prefix.concat();
            let found = walk(&front, &format!("sort=name&name_prefix={prefix}"), 100).await;
            assert!(found.contains(&format!("p{n}")), "{name} by {}", &name[..end]);
        }
    }
}

#[tokio::test]
async fn what_does_not_change_is_seen_once_while_everything_around_it_does() {
    let views = Arc::new(views_of(&tables().await));
    let front = front(views.clone());
    let steady: Vec<String> = (0..60).map(|n| format!("p{n:03}-steady")).collect();
    for id in &steady {
        let product = Life::begins(id, id, "1").newest().state.clone();
        views.put(Generation(1), &product).await.unwrap();
    }
    for sort in ["sort=id", "sort=name", "sort=updated_at", "sort=price&currency=USD"] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        for round in 0_usize.. {
            // Born before, at and behind the reader, renamed past it and deleted.
            for n in 0..6 {
                let id = format!("p{:03}-{sort}{round}", n * 11).replace(['=', '&'], ".");
                let mut life = Life::begins(&id, &id, "1");
                views.put(Generation(1), &life.newest().state).await.unwrap();
                life.goes_on(&Deed::Rename(format!("p{:03}", 60 - n * 11)));
                views.put(Generation(1), &life.newest().state).await.unwrap();
                if round % 2 == 0 {
                    life.commit(vec![fixtures::helmet_deleted()]);
                    views.put(Generation(1), &life.newest().state).await.unwrap();
                }
            }
            let (_, page) = asked(&front, &format!("/products?{sort}&limit=7{cursor}")).await;
            let ids = page["products"].as_array().unwrap().iter();
            let ids = ids.map(|product| product["id"].as_str().unwrap().to_owned());
            seen.extend(ids.filter(|id| id.ends_with("steady")));
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen, steady, "{sort}");
    }
}

#[tokio::test]
async fn a_page_of_large_products_is_cut_near_a_megabyte() {
    let views = views_of(&tables().await);
    let mut expected = Vec::new();
    for n in 0..60 {
        let mut product = Life::begins(&format!("p{n:02}"), "Helmet", "1").newest().state.clone();
        let pairs = (0..50).map(|pair| (format!("{pair}"), "ö".repeat(500)));
        product.facts.details.attributes = Some(pairs.collect());
        views.put(Generation(1), &product).await.unwrap();
        expected.push(product.id.to_string());
    }
    let front = front(Arc::new(views));
    let (_, page) = asked(&front, "/products?limit=100").await;
    let bytes = page.to_string().len();
    assert!((1_000_000..1_150_000).contains(&bytes), "{bytes}");
    assert!(page["next"].is_string());
    assert_eq!(walk(&front, "sort=id", 100).await, expected);
}

#[tokio::test]
async fn a_page_ends_with_the_product_that_reaches_a_megabyte() {
    let views = Arc::<MemoryViews>::default();
    for n in 0..20 {
        let mut product = Life::begins(&format!("p{n:02}"), "", "1").newest().state.clone();
        let rest = serde_json::to_vec(&product).unwrap().len();
        product.facts.name = "x".repeat(64 * 1024 - rest);
        views.put(Generation(1), &product).await.unwrap();
    }
    let (_, page) = asked(&front(views), "/products?limit=20").await;
    assert_eq!(page["products"].as_array().unwrap().len(), 16);
    assert!(page["next"].is_string());
}
