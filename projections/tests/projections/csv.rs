//! Listings as CSV: the same entries in the same order as the pages of JSON, page by page by `Link` or in one answer.

use std::sync::Arc;

use axum::Router;
use axum::http::Request;
use engine::probe::RequestRecorder;
use event_store::receipts::EventPublication;
use event_store::{DynamoJournal, Journal, MemoryJournal, MemoryReceipts, Receipts};
use projections::http::QueryApi;
use projections::views::Generation;
use projections::{DynamoPriceLog, Views};
use schema::{PublicationReceipt, PublicationRecord, fixtures};
use serde_json::Value;

use crate::given::prices::Act::{Delete, Price};
use crate::given::prices::priced_life;
use crate::given::{
    Deed, Life, PutProduct, answered, asked, finished, front, front_over, noon, prices_of, tables, views_of,
};

/// The lines of a page without the header, and where the next one is.
async fn page(router: &Router, uri: &str) -> (Vec<String>, Option<String>) {
    let response = answered(router, Request::get(uri).header("accept", "text/csv")).await;
    let text = String::from_utf8(response.body().to_vec()).unwrap();
    assert_eq!(response.status(), 200, "{uri}: {text}");
    assert_eq!(response.headers()["content-type"], "text/csv; charset=utf-8");
    let link = response.headers().get("link").map(|link| {
        let link = link.to_str().unwrap().strip_prefix('<').unwrap();
        link.strip_suffix(">; rel=\"next\"").unwrap().to_owned()
    });
    (text.lines().skip(1).map(str::to_owned).collect(), link)
}

/// The lines of all pages, and how many pages there are.
async fn walk(router: &Router, uri: &str) -> (Vec<String>, usize) {
    let (mut lines, mut next) = page(router, uri).await;
    let mut pages = 1;
    while let Some(uri) = next {
        let (further, behind) = page(router, &uri).await;
        (next, pages) = (behind, pages + 1);
        lines.extend(further);
    }
    (lines, pages)
}

async fn header(router: &Router, uri: &str) -> String {
    let response = answered(router, Request::get(uri).header("accept", "text/csv")).await;
    std::str::from_utf8(response.body()).unwrap().lines().next().unwrap().to_owned()
}

/// A catalogue of `count` products, of which every tenth is deleted.
async fn catalogue(count: usize) -> Router {
    let given = front_over(MemoryJournal::default());
    for n in 0..count {
        let mut product = Life::of("p", &[]).newest().state.clone();
        product.id = fixtures::id(&format!("p{n:05}"));
        product.facts.name = format!("Helmet {n:05}");
        if n % 10 == 9 {
            product.facts.status = schema::Status::Deleted;
        }
        given.views.put(Generation(1), &product).await.unwrap();
    }
    given.router
}

#[tokio::test]
async fn products_stand_in_rows_in_the_order_of_the_list() {
    let given = front_over(MemoryJournal::default());
    let mut product = Life::of("p", &[]).newest().state.clone();
    product.facts.name = "=1+1, \"x\"".into();
    product.facts.details.sku = Some("-5".into());
    product.facts.details.description = Some("two\nlines".into());
    given.views.put(Generation(1), &product).await.unwrap();
    let response = answered(&given.router, Request::get("/products").header("accept", "text/csv")).await;
    let (id, facts) = (&product.id, &product.facts);
    let (price, currency) = (facts.money.price(), facts.money.currency());
    let category = facts.details.category.clone().unwrap_or_default();
    assert_eq!(
        std::str::from_utf8(response.body()).unwrap(),
        format!(
            "product_id,sku,name,category,price,currency,status,version,recorded_at,description\r\n\
             {id},'-5,\"'=1+1, \"\"x\"\"\",{category},{price},{currency},active,{},{},\"two\nlines\"\r\n",
            product.version, product.updated_at
        )
    );
}

#[tokio::test]
async fn links_lead_through_all_products_once_in_every_order() {
    let router = catalogue(2_500).await;
    for query in ["", "sort=name&order=desc&", "sort=updated_at&include=deleted&", "sort=price&currency=USD&"]
    {
        let (lines, pages) = walk(&router, &format!("/products?{query}limit=700")).await;
        let mut listed = Vec::new();
        let mut cursor = String::new();
        loop {
            let (_, page) = asked(&router, &format!("/products?{query}limit=100{cursor}")).await;
            let ids = page["products"].as_array().unwrap().iter();
            listed.extend(ids.map(|product| product["id"].as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        let shown: Vec<&str> = lines.iter().map(|line| line.split(',').next().unwrap()).collect();
        assert_eq!(shown, listed, "{query}");
        assert!(pages >= 4, "{query} {pages}");
        // Without a limit, up to 10,000 products are in one page.
        assert_eq!(walk(&router, &format!("/products?{query}")).await, (lines.clone(), 1));
        let everything = answered(
            &router,
            Request::get(format!("/products?{query}all=true")).header("accept", "text/csv"),
        );
        let everything = everything.await;
        assert_eq!(everything.headers()["content-disposition"], "attachment; filename=\"products.csv\"");
        let text = std::str::from_utf8(everything.body()).unwrap();
        assert_eq!(text.lines().skip(1).collect::<Vec<_>>(), lines);
    }
}

#[tokio::test]
async fn among_many_deleted_products_a_page_ends_and_its_link_leads_on() {
    let given = front_over(MemoryJournal::default());
    for n in 0..9_000 {
        let mut product = Life::of("p", &[]).newest().state.clone();
        product.id = fixtures::id(&format!("p{n:05}"));
        if n > 0 {
            product.facts.status = schema::Status::Deleted;
        }
        given.views.put(Generation(1), &product).await.unwrap();
    }
    let (lines, pages) = walk(&given.router, "/products?sort=updated_at&order=desc").await;
    assert_eq!(lines.len(), 1);
    assert!(pages > 1, "a page reads a thousand rows of a shard");
}

#[tokio::test]
async fn what_goes_with_csv_alone_or_not_together_is_refused() {
    let router = catalogue(1).await;
    for path in ["/products", "/products/p00000/history", "/products/p00000/prices"] {
        let of = async |query: &str, accept: &str| {
            let uri = format!("{path}?{query}");
            let response = answered(&router, Request::get(uri).header("accept", accept)).await;
            let problem: Value = serde_json::from_slice(response.body()).unwrap_or_default();
            (response.status().as_u16(), problem["errors"][0]["pointer"].as_str().map(str::to_owned))
        };
        for (query, accept, pointer) in [
            ("all=true", "application/json", "all"),
            ("all=false", "text/csv", "all"),
            ("all=true&limit=5", "text/csv", "all"),
            ("limit=10001", "text/csv", "limit"),
            ("limit=0", "text/csv", "limit"),
            ("limit=1001", "*/*", "limit"),
        ] {
            assert_eq!(of(query, accept).await, (400, Some(pointer.to_owned())), "{path} {query} {accept}");
        }
    }
    // A function answers with a whole body.
    let router = front(Arc::<projections::MemoryViews>::default());
    let response = answered(&router, Request::get("/products?all=true").header("accept", "text/csv")).await;
    assert_eq!(response.status(), 400);
}

#[tokio::test]
async fn the_rows_of_a_history_are_those_of_the_feed_without_positions() {
    let given = front_over(MemoryJournal::default());
    let mut life = Life::begins("p", "=1+1", "33.6442");
    life.goes_on(&Deed::RenameAndReprice("Cap".into(), "5".into()));
    life.goes_on(&Deed::DeleteOrRestore);
    life.recorded_in(&*given.journal).await;
    let (first, _) = &life.commits[0];
    let outcome = PublicationRecord::Receipt(PublicationReceipt {
        event_id: first.events[0].event_id.to_string(),
        receipt_id: "r".into(),
        bus_sequence: None,
        bus: "local".into(),
        published_at: fixtures::at("2026-01-01T00:00:00Z"),
        attempts: 1,
        hash: first.hash.clone(),
    });
    let record = EventPublication { product: life.id.clone(), sequence: 1, outcome };
    given.receipts.record(&[record]).await.unwrap();
    let uri = "/products/p/history";
    assert_eq!(
        header(&given.router, uri).await,
        "recorded_at,occurred_at,actor,product_id,sequence,commit_id,type,field,from,to,currency,correlation_id,\
         published_at,hash"
    );
    let (lines, _) = walk(&given.router, uri).await;
    let (at, id, hash) = (first.recorded_at, first.commit_id, &first.hash);
    let correlation = &first.metadata.correlation_id;
    assert_eq!(
        lines[0],
        format!(
            "{at},{at},anonymous,p,1,{id},ProductCreated,name,,'=1+1,,{correlation},2026-01-01T00:00:00.000Z,{hash}"
        )
    );
    let events: Vec<&str> = lines.iter().map(|line| line.split(',').nth(6).unwrap()).collect();
    assert_eq!(events.last(), Some(&"ProductDeleted"));
    // A commit is never divided.
    let (line_by_line, pages) = walk(&given.router, &format!("{uri}?limit=1")).await;
    assert_eq!((line_by_line, pages), (lines, 3));
}

#[tokio::test]
async fn the_periods_of_a_timeline_stand_in_rows() {
    let life = priced_life("01-01", &[("02-01", Price("8")), ("03-01", Delete)]);
    let given = front_over(MemoryJournal::default());
    life.recorded_in(&*given.journal).await;
    let uri = format!("/products/{}/prices", life.id);
    assert_eq!(header(&given.router, &uri).await, "price,currency,from,to,sequence");
    let expected = [
        "10.00,USD,2026-01-01T00:00:00.000Z,2026-02-01T00:00:00.000Z,1",
        "8.00,USD,2026-02-01T00:00:00.000Z,2026-03-01T00:00:00.000Z,2",
    ];
    for (query, pages) in [("", 1), ("?limit=1", 2)] {
        let (lines, walked) = walk(&given.router, &format!("{uri}{query}")).await;
        assert_eq!((lines, walked), (expected.map(str::to_owned).to_vec(), pages));
    }
    let in_force = format!("{uri}?as_of=2026-01-15T00:00:00Z&limit=1");
    let (lines, _) = walk(&given.router, &in_force).await;
    assert_eq!(lines, ["10.00,USD,2026-01-01T00:00:00.000Z,,1"]);
    let (_, page) = asked(&given.router, &format!("{uri}?limit=1")).await;
    assert_eq!(page["timeline"].as_array().unwrap().len(), 1);
    let next = page["next"].as_str().unwrap();
    let (_, page) = asked(&given.router, &format!("{uri}?limit=1&next={next}")).await;
    assert_eq!((&page["timeline"][0]["price"], &page["next"]), (&Value::from("8.00"), &Value::Null));
}

#[tokio::test]
async fn on_dynamodb_a_page_of_a_thousand_commits_costs_a_request_for_each_hundred_and_the_receipts() {
    let (config, recorder) = RequestRecorder::record(&tables().await);
    let client = event_store::metering::client(&config);
    event_store::table::create(&client, "events", event_store::TABLE).await.unwrap();
    let journal = DynamoJournal::new(client, "events");
    let deeds: Vec<Deed> = (1..1_100).map(|n| Deed::Rename(format!("Hat {n}"))).collect();
    let life = Life::of("p", &deeds);
    for (_, commit) in &life.commits {
        journal.append(commit).await.unwrap();
    }
    let prices: DynamoPriceLog = prices_of(&config);
    let router = finished(QueryApi {
        views: Arc::new(views_of(&config)) as Arc<dyn Views>,
        prices: Arc::new(prices),
        journal: Arc::new(journal),
        receipts: Arc::<MemoryReceipts>::default(),
        clock: noon(),
        stopping: None,
    });
    recorder.clear();
    let (mut after, mut met) = (0, 0);
    for commits in [850..=1_000, 100..=250] {
        let (status, page) = asked(&router, &format!("/products/p/history?limit=1000&after={after}")).await;
        assert_eq!(status, 200);
        let shown = page["commits"].as_array().unwrap().len();
        assert!(commits.contains(&shown), "{shown}: a page is cut at 1 MB");
        met += shown;
        let requests = recorder.take().len();
        assert!(requests <= shown / 100 + 2, "{requests} for {shown}");
        after = page["next"].as_u64().unwrap_or_default();
    }
    assert_eq!((met, after), (1_100, 0));
}
