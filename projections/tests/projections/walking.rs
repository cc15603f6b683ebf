//! LIST over 5,000 products in many scripts, compared with a plain sort: every order and filter gives each product once and
//! in order, at every page size, while other products change, appear and disappear.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use fastrand::Rng;
use projections::Views;
use projections::views::Generation;
use rust_decimal::Decimal;
use schema::{Product, Status, fixtures};
use serde_json::Value;

use crate::given::generator::{changed, products};
use crate::given::{PutProduct, asked, fill, front, tables, views_of};

const SEED: u64 = 20_261_123;
const PRODUCTS: usize = 5_000;

/// The sort key of a product, ascending.
type Key = (String, Decimal);

/// A query and its expected result, filtered and sorted in the test.
struct Query {
    text: &'static str,
    chosen: fn(&Product) -> bool,
    key: fn(&Product) -> Key,
}

const QUERIES: [Query; 17] = [
    Query { text: "sort=id", chosen: live, key: by_id },
    Query { text: "sort=name", chosen: live, key: by_name },
    Query { text: "sort=updated_at", chosen: live, key: by_time },
    Query { text: "sort=updated_at&include=deleted", chosen: |_| true, key: by_time },
    Query { text: "sort=price&currency=USD", chosen: |p| priced(p, "USD"), key: by_price },
    Query { text: "sort=price&currency=JPY", chosen: |p| priced(p, "JPY"), key: by_price },
    Query {
        text: "sort=price&currency=KWD&min_price=0.0001&max_price=34.99",
        chosen: |p| priced(p, "KWD") && between(p, "0.0001", "34.99"),
        key: by_price,
    },
    Query {
        text: "sort=price&currency=EUR&min_price=999999999999.9999",
        chosen: |p| priced(p, "EUR") && between(p, "999999999999.9999", "999999999999.9999"),
        key: by_price,
    },
    // A dotted capital I, and a word of Greek capitals of which the last letter has two small forms.
    Query { text: "sort=name&name_prefix=HEL", chosen: |p| begins(p, &["hel"]), key: by_name },
    Query { text: "sort=name&name_prefix=%C4%B0", chosen: |p| begins(p, &["i\u{307}"]), key: by_name },
    Query {
        text: "sort=name&name_prefix=%CE%9F%CE%94%CE%9F%CE%A3",
        chosen: |p| begins(p, &["οδος", "οδοσ"]),
        key: by_name,
    },
    Query {
        text: "sort=updated_at&include=deleted&updated_since=2025-11-13T03:13:21%2B01:00",
        chosen: |p| p.updated_at >= fixtures::at("2025-11-13T02:13:21.000Z"),
        key: by_time,
    },
    Query { text: "sku=HL-U509", chosen: |p| has(p, Some("HL-U509"), None), key: by_id },
    Query { text: "sku=HL-U509&sort=name", chosen: |p| has(p, Some("HL-U509"), None), key: by_name },
    Query { text: "category=Helmets&sort=id", chosen: |p| has(p, None, Some("Helmets")), key: by_id },
    Query {
        text: "category=%E8%87%AA%E8%BB%A2%E8%BB%8A&sort=name",
        chosen: |p| has(p, None, Some("自転車")),
        key: by_name,
    },
    Query {
        text: "category=Helmets&sort=name&name_prefix=HEL",
        chosen: |p| has(p, None, Some("Helmets")) && begins(p, &["hel"]),
        key: by_name,
    },
];

fn text(text: String) -> Key {
    (text, Decimal::ZERO)
}

fn live(product: &Product) -> bool {
    product.facts.status == Status::Active
}

fn priced(product: &Product, currency: &str) -> bool {
    live(product) && product.facts.money.currency().code() == currency
}

fn by_id(product: &Product) -> Key {
    text(product.id.to_string())
}

/// Whether the product is listed with this SKU and in this category, where they are given.
fn has(product: &Product, sku: Option<&str>, category: Option<&str>) -> bool {
    let details = &product.facts.details;
    let is = |wanted: Option<&str>, value: &Option<String>| {
        wanted.is_none_or(|wanted| value.as_deref() == Some(wanted))
    };
    live(product) && is(sku, &details.sku) && is(category, &details.category)
}

fn between(product: &Product, least: &str, most: &str) -> bool {
    let amount = product.facts.money.price().amount();
    (least.parse().unwrap()..=most.parse().unwrap()).contains(&amount)
}

fn begins(product: &Product, with: &[&str]) -> bool {
    let name = product.facts.name.to_lowercase();
    live(product) && with.iter().any(|prefix| name.starts_with(prefix))
}

/// The lower-cased name, cut like an index key: whole characters, at most 900 bytes.
fn by_name(product: &Product) -> Key {
    let mut bytes = 0;
    let within = |letter: &char| {
        bytes += letter.len_utf8();
        bytes <= 900
    };
    text(product.facts.name.to_lowercase().chars().take_while(within).collect())
}

fn by_price(product: &Product) -> Key {
    (String::new(), product.facts.money.price().amount())
}

fn by_time(product: &Product) -> Key {
    (String::new(), product.updated_at.millis().into())
}

impl Query {
    fn expected(&self, products: &[Product], descending: bool) -> Vec<String> {
        let mut chosen: Vec<&Product> = products.iter().filter(|product| (self.chosen)(product)).collect();
        chosen.sort_by_cached_key(|product| ((self.key)(product), product.id.as_str().to_owned()));
        if descending {
            chosen.reverse();
        }
        chosen.iter().map(|product| product.id.to_string()).collect()
    }

    fn path(&self, descending: bool, limit: usize) -> String {
        let order = if descending { "desc" } else { "asc" };
        format!("/products?{}&order={order}&limit={limit}", self.text)
    }
}

/// One page: its ids and its `next`.
async fn page(front: &axum::Router, path: &str, cursor: Option<&str>) -> (Vec<String>, Option<String>) {
    let cursor = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
    let (status, page) = asked(front, &format!("{path}{cursor}")).await;
    assert_eq!(status, 200, "{path}{cursor}: {page}");
    let ids = page["products"].as_array().unwrap().iter();
    let ids: Vec<String> = ids.map(|product| product["id"].as_str().unwrap().to_owned()).collect();
    // What was found may be somewhere else by the time it is read.
    assert!(!ids.is_empty() || page["next"] == Value::Null || path.contains("limit=100"), "{path}{cursor}");
    (ids, page["next"].as_str().map(str::to_owned))
}

/// All pages; each has at most `limit` products.
async fn walk(
    front: &axum::Router,
    path: &str,
    limit: usize,
    mut cursor: Option<String>,
    pages: usize,
) -> Vec<String> {
    let mut walked = Vec::new();
    for _ in 0..pages {
        let (ids, next) = page(front, path, cursor.as_deref()).await;
        assert!(ids.len() <= limit, "{path}");
        walked.extend(ids);
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    walked
}

async fn catalogue() -> (axum::Router, Arc<dyn Views>, Vec<Product>) {
    let all = products(SEED, PRODUCTS);
    let ids: HashSet<&str> = all.iter().map(|product| product.id.as_str()).collect();
    assert_eq!(ids.len(), PRODUCTS, "the generator made an id twice");
    let config = tables().await;
    fill(&config, &all).await;
    let views: Arc<dyn Views> = Arc::new(views_of(&config));
    (front(views.clone()), views, all)
}

#[tokio::test]
async fn whatever_is_filled_in_is_what_the_adapter_writes() {
    let (filled, written) = (tables().await, tables().await);
    let some = products(SEED, 50);
    fill(&filled, &some).await;
    for product in &some {
        views_of(&written).put(Generation(1), product).await.unwrap();
    }
    let written = items(&written).await;
    for (key, item) in items(&filled).await {
        assert_eq!(Some(&item), written.get(&key), "{key}");
    }
    assert_eq!(written.len(), some.len());
}

async fn items(config: &aws_config::SdkConfig) -> HashMap<String, HashMap<String, AttributeValue>> {
    let client = event_store::metering::client(config);
    let items = client.scan().table_name("products").send().await.unwrap().items.unwrap();
    items.into_iter().map(|item| (item["key"].as_s().unwrap().clone(), item)).collect()
}

#[tokio::test]
async fn five_thousand_products_are_returned_once_each_and_in_order() {
    let (front, _, all) = catalogue().await;
    for query in &QUERIES {
        for descending in [false, true] {
            let expected = query.expected(&all, descending);
            let path = |limit| query.path(descending, limit);
            let whole = walk(&front, &path(100), 100, None, usize::MAX).await;
            assert_eq!(whole, expected, "{}", path(100));
            // Small pages from the second hundred on; the test below walks them to the end.
            let (_, middle) = page(&front, &path(100), None).await;
            let rest = &expected[100.min(expected.len())..];
            if middle.is_some() {
                for (limit, pages) in [(1, 10), (7, 8)] {
                    let walked = walk(&front, &path(limit), limit, middle.clone(), pages).await;
                    assert_eq!(walked, rest[..rest.len().min(limit * pages)], "{}", path(limit));
                }
            }
        }
    }
}

#[tokio::test]
#[ignore = "takes minutes: every page of one product; run it with --ignored"]
async fn five_thousand_products_are_returned_once_each_and_in_order_at_every_page_size() {
    let (front, _, all) = catalogue().await;
    for query in &QUERIES {
        for descending in [false, true] {
            let expected = query.expected(&all, descending);
            for limit in [1, 7, 100] {
                let path = query.path(descending, limit);
                assert_eq!(walk(&front, &path, limit, None, usize::MAX).await, expected, "{path}");
            }
        }
    }
}

/// 100 products that are changed, deleted, restored or new; the others do not change.
struct Unrest {
    random: Rng,
    restless: Vec<Product>,
}

impl Unrest {
    /// The next change, as the projector would write it.
    async fn strikes(&mut self, views: &dyn Views) {
        let which = self.random.usize(0..self.restless.len());
        let after = changed(&mut self.random, &self.restless[which]);
        views.put(Generation(1), &after).await.unwrap();
        self.restless[which] = after;
    }
}

#[tokio::test]
async fn unchanged_products_are_listed_once_and_in_order_while_a_hundred_others_change() {
    let (front, views, mut all) = catalogue().await;
    let born = products(SEED + 1, 33).into_iter().map(|product| Product {
        id: fixtures::id(&format!("born-{}", product.id).chars().take(64).collect::<String>()),
        ..product
    });
    let mut restless: Vec<Product> = all.drain(..67).collect();
    restless.extend(born);
    let moving: HashSet<String> = restless.iter().map(|product| product.id.to_string()).collect();
    assert_eq!(moving.len(), 100);
    let mut unrest = Unrest { random: Rng::with_seed(SEED + 2), restless };
    let queries = QUERIES[..5].iter().chain(&QUERIES[12..16]);
    for (query, descending) in queries.zip([false, true, false, true, true, false, true, true, false]) {
        let path = query.path(descending, 100);
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let (answer, ()) = tokio::join!(page(&front, &path, cursor.as_deref()), async {
                for _ in 0..4 {
                    unrest.strikes(views.as_ref()).await;
                }
            });
            seen.extend(answer.0.into_iter().filter(|id| !moving.contains(id)));
            cursor = answer.1;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, query.expected(&all, descending), "{path}");
    }
    let versions = unrest.restless.iter().filter(|product| product.version > 1).count();
    assert!(versions > 95, "{versions} of the restless were changed");
}
