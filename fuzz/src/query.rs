//! The query string of every query route. Properties: the response is a result or a problem; a page respects limit, filter
//! and order, and its cursor continues after it; commits come in one order; a prior price lies in its window.

use std::sync::LazyLock;

use axum::http::{Request, StatusCode, Uri};
use serde_json::Value;

use crate::routes::{TestResponse, TestRoutes, id, json};

static ROUTES: LazyLock<TestRoutes> = LazyLock::new(|| {
    let commands = TestRoutes::of_commands();
    let names = ["Ärmel", "ärmel", "İstanbul", "ΟΔΟΣ", "зима", "自転車", "🚲", "a", "A"];
    let mut products = vec![id("p")];
    for (n, name) in names.iter().enumerate() {
        let (path, currency) = (format!("/products/p{n}"), ["USD", "EUR"][n % 2]);
        let category = ["Hats", "Ärmel"][n / 2 % 2];
        let body = format!(
            r#"{{"name":"{name}","price":"{n}.0{n}","currency":"{currency}","sku":"S","category":"{category}"}}"#
        );
        commands.send(json(Request::put(&path)), body);
        if n % 4 == 3 {
            commands.send(Request::delete(&path), "");
        }
        products.push(id(&format!("p{n}")));
    }
    TestRoutes::of_queries(commands, &products)
});

/// The first byte, a digit in the seeds, selects the route; the rest is the query.
pub fn check(data: &[u8]) -> bool {
    let Some((route, query)) = data.split_first() else {
        return false;
    };
    let Ok(query) = std::str::from_utf8(query) else {
        return false;
    };
    let path = match route.wrapping_sub(b'0') % 9 {
        0 => "/products",
        1 => "/products/p",
        2 => "/products/p3",
        3 => "/products/p/history",
        4 => "/products/p/prices",
        6 => "/categories",
        7 => "/commits",
        8 => "/commits/days",
        _ => "/products/p/verification",
    };
    let Some(answer) = asked(path, query) else {
        return false;
    };
    if answer.status == StatusCode::OK && path == "/products" {
        is_a_page(query, &answer.json);
    }
    if answer.status == StatusCode::OK && path == "/categories" {
        are_categories(query, &answer.json);
    }
    if answer.status == StatusCode::OK && path == "/commits" {
        are_commits(query, &answer.json);
    }
    if answer.status == StatusCode::OK && path.ends_with("prices") {
        are_prices(&answer.json);
    }
    answer.status == StatusCode::OK
}

/// The prior price was in force before the end of its window.
fn are_prices(prices: &Value) {
    assert!(prices["version"].as_u64().is_some_and(|version| version > 0), "{prices}");
    let reference = &prices["reference"];
    if reference.is_null() {
        return;
    }
    let moment = |name: &str| reference[name].as_str().unwrap();
    assert!(moment("from") <= moment("to") && moment("since") < moment("to"), "{reference}");
}

/// Commits come in one order, and the next page continues behind them.
fn are_commits(query: &str, page: &Value) {
    let positions = |page: &Value| -> Vec<u64> {
        page["commits"].as_array().unwrap().iter().map(|entry| entry["position"].as_u64().unwrap()).collect()
    };
    let met = positions(page);
    assert!(met.len() <= 100, "{page}");
    let ascending = met.is_sorted_by(|one, other| one < other);
    assert!(ascending || met.is_sorted_by(|one, other| one > other), "{page}");
    let is_plain = !["after", "before", "order", "%", "#"].iter().any(|part| query.contains(part));
    if let Some(next) = page["next"].as_u64().filter(|_| is_plain) {
        let behind = asked("/commits", &format!("{query}&after={next}")).unwrap();
        assert_eq!(behind.status, StatusCode::OK, "{}", behind.json);
        assert!(positions(&behind.json).iter().all(|position| *position > next), "{}", behind.json);
    }
}

/// Categories come in byte order, each with a product, and the next page continues behind them.
fn are_categories(query: &str, page: &Value) {
    let names = |page: &Value| -> Vec<String> {
        let categories = page["categories"].as_array().unwrap().iter();
        categories.map(|one| one["category"].as_str().unwrap().to_owned()).collect()
    };
    let categories = names(page);
    assert!(categories.is_sorted_by(|one, other| one < other), "{page}");
    assert!(
        page["categories"].as_array().unwrap().iter().all(|one| one["products"].as_u64() > Some(0)),
        "{page}"
    );
    if let Some(next) = page["next"].as_str()
        && !query.contains("cursor")
        && !query.contains('%')
        && !query.contains('#')
    {
        let behind = asked("/categories", &format!("{query}&cursor={next}")).unwrap();
        assert_eq!(behind.status, StatusCode::OK, "{}", behind.json);
        assert!(names(&behind.json).iter().all(|name| Some(name) > categories.last()), "{}", behind.json);
    }
}

/// The response; `None` if this is not a URI.
fn asked(path: &str, query: &str) -> Option<TestResponse> {
    let uri: Uri = format!("{path}?{query}").parse().ok()?;
    Some(ROUTES.send(Request::get(uri), ""))
}

fn is_a_page(query: &str, page: &Value) {
    let products = page["products"].as_array().unwrap();
    assert!(products.len() <= 100);
    if !query.contains("deleted") {
        assert!(products.iter().all(|product| product["status"] == "active"));
    }
    let Some(next) = page["next"].as_str() else {
        return;
    };
    // Of what has the SKU, a page may have nothing that has the category too; of another time, none of the products.
    let may_be_empty = ["category", "as_of", "in_force", "%"].iter().any(|part| query.contains(part));
    assert!(!products.is_empty() || may_be_empty);
    if !query.contains("cursor") && !query.contains('%') && !query.contains('#') {
        let behind = asked("/products", &format!("{query}&cursor={next}")).unwrap();
        assert_eq!(behind.status, StatusCode::OK, "{}", behind.json);
        for product in behind.json["products"].as_array().unwrap() {
            assert!(!products.iter().any(|before| before["id"] == product["id"]), "{product} twice");
        }
    }
}
