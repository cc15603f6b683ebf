//! `GET /products?as_of=T` and `?in_force=T`: the catalogue of another time, the same as product by product, at the cost of a page.

use std::sync::Arc;

use axum::Router;
use axum::http::Request;
use engine::probe::RequestRecorder;
use event_store::{DynamoJournal, Journal, MemoryJournal, MemoryReceipts};
use projections::http::QueryApi;
use projections::prices::FoldedCommit;
use projections::views::Generation;
use projections::{PriceLog, Views};
use schema::{Timestamp, fixtures};
use serde_json::{Value, json};
use web::Actor;

use crate::given::prices::Act::{Delete, Price, Restore};
use crate::given::prices::{day, priced_life};
use crate::given::{
    Deed, Front, Life, PutProduct, answered, asked, finished, front_over, noon, prices_of, tables, views_of,
};

const FIRST: Generation = Generation(1);

/// Lives that are created, renamed, deleted and restored at different times.
fn lives() -> Vec<Life> {
    let deeds = [
        Deed::Rename("Hat".into()),
        Deed::DeleteOrRestore,
        Deed::RenameAndReprice("Cap".into(), "5".into()),
        Deed::Reprice("7".into(), "EUR"),
        Deed::DeleteOrRestore,
    ];
    (0..17).map(|n| Life::of(&format!("p{n:02}"), &deeds[..n % 6])).collect()
}

/// The lives in all stores.
async fn front_with(lives: &[Life]) -> Front {
    let front = front_over(MemoryJournal::default());
    for life in lives {
        life.recorded_in(&*front.journal).await;
        front.views.put(FIRST, &life.newest().state).await.unwrap();
        let commits: Vec<FoldedCommit> =
            life.commits.iter().map(|(commit, _)| FoldedCommit::of(commit)).collect();
        front.prices.fold(FIRST, &life.id, &commits).await.unwrap();
    }
    front
}

/// All pages.
async fn walk(router: &Router, query: &str, limit: usize) -> Vec<Value> {
    let (mut met, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = asked(router, &format!("/products?{query}&limit={limit}{cursor}")).await;
        assert_eq!(status, 200, "{page}");
        let products = page["products"].as_array().unwrap();
        assert!(products.len() <= limit);
        met.extend(products.iter().cloned());
        let Some(next) = page["next"].as_str() else { return met };
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test]
async fn the_catalogue_of_a_moment_has_each_product_as_it_was_recorded_then() {
    let lives = lives();
    let front = front_with(&lives).await;
    let moments: std::collections::BTreeSet<Timestamp> =
        lives.iter().flat_map(|life| life.commits.iter().map(|(commit, _)| commit.recorded_at)).collect();
    assert!(moments.len() >= 5, "{moments:?}");
    let early = fixtures::at("2020-01-01T00:00:00Z");
    let (mut sizes, mut left_out) = (Vec::new(), 0);
    for moment in moments.into_iter().chain([early]) {
        let mut expected = Vec::new();
        for life in &lives {
            let (status, product) =
                asked(&front.router, &format!("/products/{}?as_of={moment}", life.id)).await;
            if status == 200 {
                expected.push(product);
            } else {
                left_out += 1;
            }
        }
        for limit in [1, 3, 17, 100] {
            assert_eq!(walk(&front.router, &format!("as_of={moment}"), limit).await, expected, "{moment}");
        }
        sizes.push(expected.len());
    }
    assert!(sizes.last() == Some(&0) && sizes.iter().max() > Some(&10) && left_out > 10, "{sizes:?}");
}

#[tokio::test]
async fn the_catalogue_in_force_has_the_price_of_the_time_and_the_present_name() {
    let mut life = priced_life(
        "02-01",
        &[
            ("04-01", Price("12")),
            ("03-01", Price("8")),
            ("05-01", Delete),
            ("07-01", Restore),
            ("08-01", Price("9")),
        ],
    );
    life.goes_on(&Deed::Rename("Cap".into()));
    let deleted = Life { id: fixtures::id("gone"), ..priced_life("01-01", &[]) };
    let mut gone = Life { id: deleted.id.clone(), commits: Vec::new() };
    gone.commit_at(Some(day("01-15")), vec![deleted.commits[0].0.events[0].event.clone()]);
    gone.goes_on_at(Some(day("03-15")), &Deed::DeleteOrRestore);
    let front = front_with(&[life.clone(), gone.clone()]).await;
    let in_force = async |date: &str| {
        let all = walk(&front.router, &format!("in_force=2026-{date}T00:00:00Z"), 1).await;
        let told = |product: &Value| {
            let text = |name: &str| product[name].as_str().unwrap().to_owned();
            assert_eq!(product["status"], "active");
            format!("{} {} {}", text("id"), text("price"), &text("price_occurred_at")[5..10])
        };
        all.iter().map(told).collect::<Vec<_>>().join(", ")
    };
    for (date, expected) in [
        ("01-14", ""),
        ("01-15", "gone 10.00 01-15"),
        ("02-01", "gone 10.00 01-15, p 10.00 02-01"),
        ("03-14", "gone 10.00 01-15, p 8.00 03-01"),
        ("03-15", "p 8.00 03-01"),
        ("04-30", "p 12.00 04-01"),
        ("05-01", ""),
        ("06-30", ""),
        // Restored, with the price that was stated in April.
        ("07-01", "p 12.00 04-01"),
        ("08-01", "p 9.00 08-01"),
    ] {
        assert_eq!(in_force(date).await, expected, "{date}");
    }
    let (_, page) = asked(&front.router, "/products?in_force=2026-03-20T00:00:00Z").await;
    let mut now = serde_json::to_value(&life.newest().state).unwrap();
    now["price"] = json!("8.00");
    now["price_occurred_at"] = json!("2026-03-01T00:00:00.000Z");
    assert_eq!(page, json!({"products": [now], "next": null}), "the other fields are those of now");
}

#[tokio::test]
async fn a_price_history_that_is_behind_its_product_is_read_on_from_the_commits() {
    let life = priced_life("02-01", &[("03-01", Price("8"))]);
    let front = front_over(MemoryJournal::default());
    life.recorded_in(&*front.journal).await;
    front.views.put(FIRST, &life.newest().state).await.unwrap();
    front.prices.fold(FIRST, &life.id, &[FoldedCommit::of(&life.commits[0].0)]).await.unwrap();
    let (_, page) = asked(&front.router, "/products?in_force=2026-03-02T00:00:00Z").await;
    assert_eq!(page["products"][0]["price"], "8.00");
}

#[tokio::test]
async fn auditors_alone_ask_for_it_and_it_goes_with_the_order_by_id_alone() {
    let front = front_with(&lives()).await;
    let moment = "2026-11-23T11:10:29Z";
    for name in ["as_of", "in_force"] {
        for (scope, status) in [("products/read", 403), ("products/audit", 200)] {
            let actor = Actor { name: "somebody".into(), scopes: Some(vec![scope.to_owned()]) };
            let request = Request::get(format!("/products?{name}={moment}")).extension(actor);
            assert_eq!(answered(&front.router, request).await.status(), status, "{name} {scope}");
        }
        for (query, pointer) in [
            ("sort=name", "sort"),
            ("order=desc", "order"),
            ("sku=x", "sku"),
            ("id_prefix=p", "id_prefix"),
            ("include=deleted", "include"),
            ("cursor=abcdefghijkl", "cursor"),
            ("limit=101", "limit"),
        ] {
            let (status, problem) = asked(&front.router, &format!("/products?{name}={moment}&{query}")).await;
            assert_eq!((status, &problem["errors"][0]["pointer"]), (400, &json!(pointer)), "{query}");
        }
        let (status, _) = asked(&front.router, &format!("/products?{name}={moment}&sort=id&order=asc")).await;
        assert_eq!(status, 200);
        let (_, page) = asked(&front.router, &format!("/products?{name}={moment}&limit=1")).await;
        let cursor = page["next"].as_str().unwrap();
        let other = format!("/products?{name}=2026-11-23T11:10:28Z&limit=1&cursor={cursor}");
        assert_eq!(asked(&front.router, &other).await.0, 400, "a cursor belongs to one time");
    }
    let both = format!("/products?as_of={moment}&in_force={moment}");
    assert_eq!(asked(&front.router, &both).await.0, 400);
}

#[tokio::test]
async fn as_csv_it_has_the_rows_of_its_products() {
    let lives = lives();
    let front = front_with(&lives).await;
    let moment = lives[5].commits[1].0.recorded_at;
    for query in [format!("as_of={moment}"), format!("in_force={moment}")] {
        let expected: Vec<String> = walk(&front.router, &query, 100)
            .await
            .iter()
            .map(|product| {
                let text = |name: &str| product[name].as_str().unwrap_or_default().to_owned();
                let quoted = |text: String| if text.contains(',') { format!("\"{text}\"") } else { text };
                let fields = ["id", "sku", "name", "category", "price", "currency", "status"]
                    .map(|name| quoted(text(name)));
                format!(
                    "{},{},{},{}",
                    fields.join(","),
                    product["version"],
                    text("updated_at"),
                    text("description")
                )
            })
            .collect();
        for limit in ["limit=4", "limit=10000", "all=true"] {
            let (mut uri, mut met) = (format!("/products?{query}&{limit}"), Vec::new());
            loop {
                let response = answered(&front.router, Request::get(&uri).header("accept", "text/csv")).await;
                assert_eq!(response.status(), 200);
                let text = std::str::from_utf8(response.body()).unwrap();
                met.extend(text.lines().skip(1).map(str::to_owned));
                let Some(link) = response.headers().get("link") else { break };
                let link = link.to_str().unwrap().strip_prefix('<').unwrap();
                uri = link.strip_suffix(">; rel=\"next\"").unwrap().to_owned();
            }
            assert_eq!(met, expected, "{query}&{limit}");
        }
    }
}

#[tokio::test]
async fn a_page_of_a_table_looks_at_no_more_products_than_its_limit() {
    let front = front_with(&lives()).await;
    let uri = "/products?as_of=2020-01-01T00:00:00Z&limit=5";
    let response = answered(&front.router, Request::get(uri).header("accept", "text/csv")).await;
    let text = std::str::from_utf8(response.body()).unwrap();
    assert_eq!(text.lines().count(), 1, "none of them was there");
    let link = response.headers()["link"].to_str().unwrap();
    assert!(link.starts_with("</products?as_of=2020-01-01T00:00:00Z&limit=5&cursor="), "{link}");
    let (_, page) = asked(&front.router, uri).await;
    let next = page["next"].as_str().unwrap();
    assert!(link.contains(next), "as JSON it ends behind the same product");
}

/// A catalogue on tables of which each product has three commits, and the routes on it.
async fn on_tables(products: usize) -> (Router, RequestRecorder, Timestamp) {
    let (config, recorder) = RequestRecorder::record(&tables().await);
    let client = event_store::metering::client(&config);
    event_store::table::create(&client, "events", event_store::TABLE).await.unwrap();
    let (journal, views, prices) =
        (DynamoJournal::new(client, "events"), views_of(&config), prices_of(&config));
    let mut middle = None;
    for n in 0..products {
        let mut life = Life::of(&format!("p{n:04}"), &[Deed::Reprice("5".into(), "USD")]);
        middle = Some(life.newest().recorded_at);
        life.goes_on(&if n % 5 == 0 { Deed::DeleteOrRestore } else { Deed::Rename("Cap".into()) });
        for (_, commit) in &life.commits {
            journal.append(commit).await.unwrap();
        }
        views.put(FIRST, &life.newest().state).await.unwrap();
        let commits: Vec<FoldedCommit> =
            life.commits.iter().map(|(commit, _)| FoldedCommit::of(commit)).collect();
        prices.fold(FIRST, &life.id, &commits).await.unwrap();
    }
    let router = finished(QueryApi {
        views: Arc::new(views) as Arc<dyn Views>,
        prices: Arc::new(prices),
        journal: Arc::new(journal),
        receipts: Arc::<MemoryReceipts>::default(),
        clock: noon(),
        stopping: None,
    });
    // The first query reads the generations, which are kept for 5 seconds of a clock that stands.
    asked(&router, "/products?limit=1").await;
    recorder.clear();
    (router, recorder, middle.unwrap())
}

#[tokio::test]
async fn a_page_costs_the_same_among_60_products_and_among_600() {
    let mut costs = Vec::new();
    for products in [60, 600] {
        let (router, recorder, middle) = on_tables(products).await;
        let newest = fixtures::at("2026-11-24T00:00:00Z");
        let mut cost = Vec::new();
        // What has changed since costs a search, of three commits here one read more.
        for (query, found, most) in [
            (format!("as_of={newest}"), 16, 8 + 20),
            (format!("as_of={middle}"), 20, 8 + 20 * 3),
            (format!("in_force={newest}"), 20, 8 + 1 + 20),
        ] {
            let (status, page) = asked(&router, &format!("/products?{query}&limit=20")).await;
            assert_eq!((status, page["next"].is_string()), (200, true), "{page}");
            let seen = recorder.take();
            let operations = ["Query", "BatchGetItem", "ExecuteStatement"];
            assert!(seen.iter().all(|recorded| operations.contains(&recorded.request.operation.as_str())));
            let shown = page["products"].as_array().unwrap().len();
            println!("{query} of {products}: {} requests for {shown} products", seen.len());
            if !query.starts_with("in_force") {
                assert_eq!(shown, found, "{query}");
            }
            assert!(seen.len() <= most, "{query}: {} requests", seen.len());
            let units: f64 = seen.iter().filter_map(engine::probe::RecordedRequest::capacity).sum();
            cost.push((seen.len(), units));
        }
        costs.push(cost);
    }
    assert_eq!(costs[0], costs[1]);
}
