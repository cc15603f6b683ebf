//! `GET /commits`: every selected commit once and in order, beside its receipts; waits that end; CSV.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use event_store::receipts::{EventPublication, PublicationPosition};
use event_store::{FeedReader, Journal, MemoryJournal, MemoryReceipts, Receipts, StoreError};
use projections::http::feed::{FeedApi, routes};
use schema::{ProductId, PublicationReceipt, PublicationRecord, fixtures};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use web::{Actor, ClockAndIds, finish};

use crate::given::{Deed, Life, answered, asked};

struct Feed {
    router: Router,
    journal: Arc<MemoryJournal>,
    receipts: Arc<MemoryReceipts>,
    reader: FeedReader,
    stop: watch::Sender<bool>,
}

/// An empty feed.
fn feed() -> Feed {
    let (journal, receipts) = (Arc::<MemoryJournal>::default(), Arc::<MemoryReceipts>::default());
    let (stop, stopping) = watch::channel(false);
    let reader = FeedReader::with_blocks_of(journal.clone(), 8);
    let api =
        FeedApi { feed: reader.clone(), journal: journal.clone(), receipts: receipts.clone(), stopping };
    Feed { router: finish(routes(api), ClockAndIds::system()), journal, receipts, reader, stop }
}

/// Lives of products, recorded in turn: the first commit of each, then the second, and so on.
async fn filled(products: usize, commits: usize) -> (Feed, Vec<Life>) {
    let feed = feed();
    let deeds: Vec<Deed> = (1..commits).map(|n| Deed::Rename(format!("Hat {n}"))).collect();
    let lives: Vec<Life> = (0..products).map(|n| Life::of(&format!("p{n}"), &deeds)).collect();
    for place in 0..commits {
        for life in &lives {
            feed.journal.append(&life.commits[place].1).await.unwrap();
        }
    }
    (feed, lives)
}

impl Feed {
    async fn walk(&self, query: &str, next_is: &str) -> Vec<Value> {
        let (mut met, mut next) = (Vec::new(), None);
        loop {
            let place = next.map_or(String::new(), |next: u64| format!("&{next_is}={next}"));
            let (status, page) = asked(&self.router, &format!("/commits?{query}{place}")).await;
            assert_eq!(status, 200, "{query}: {page}");
            met.extend(page["commits"].as_array().unwrap().iter().cloned());
            assert!(met.len() < 10_000, "{query}: the walk does not end");
            next = page["next"].as_u64();
            if next.is_none() {
                return met;
            }
        }
    }

    async fn positions(&self, query: &str) -> Vec<u64> {
        self.walk(query, "after").await.iter().map(|entry| entry["position"].as_u64().unwrap()).collect()
    }

    async fn csv(&self, uri: &str) -> Response<Bytes> {
        answered(&self.router, Request::get(uri).header("accept", "text/csv")).await
    }
}

fn text(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

fn receipt(life: &Life, commit: usize, event: usize) -> PublicationRecord {
    let (commit, _) = &life.commits[commit];
    PublicationRecord::Receipt(PublicationReceipt {
        event_id: commit.events[event].event_id.to_string(),
        receipt_id: "r".into(),
        bus_sequence: None,
        bus: "local".into(),
        published_at: fixtures::at("2026-01-01T00:00:00Z"),
        attempts: 1,
        hash: commit.hash.clone(),
    })
}

#[tokio::test]
async fn each_commit_stands_at_its_position_as_it_was_hashed_beside_its_receipts() {
    let (feed, lives) = filled(3, 3).await;
    let records = [(0, 1), (2, 3)].map(|(life, sequence): (usize, u64)| {
        let outcome = receipt(&lives[life], usize::try_from(sequence).unwrap() - 1, 0);
        EventPublication { product: lives[life].id.clone(), sequence, outcome }
    });
    for record in &records {
        feed.receipts.record(std::slice::from_ref(record)).await.unwrap();
    }
    let (status, page) = asked(&feed.router, "/commits").await;
    assert_eq!((status, &page["next"], &page["newest"]), (200, &Value::Null, &json!(8)));
    for (position, entry) in page["commits"].as_array().unwrap().iter().enumerate() {
        let (_, stored) = &lives[position % 3].commits[position / 3];
        assert_eq!(entry["commit"], Value::Object(stored.0.clone()));
        assert_eq!((&entry["position"], &entry["retroactive"]), (&json!(position), &json!(false)));
        let receipts = match position {
            0 => json!([records[0].outcome]),
            8 => json!([records[1].outcome]),
            _ => json!([null]),
        };
        assert_eq!(entry["receipts"], receipts, "{position}");
        assert!(entry.get("missing").is_none());
    }
}

#[tokio::test]
async fn the_receipts_are_for_auditors_and_the_feed_for_subscribers_too() {
    let (feed, _) = filled(1, 1).await;
    let with = async |scopes: &[&str]| {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let actor = Actor { name: "somebody".into(), scopes: Some(scopes) };
        let response = answered(&feed.router, Request::get("/commits").extension(actor)).await;
        (response.status().as_u16(), serde_json::from_slice::<Value>(response.body()).unwrap())
    };
    for (scopes, receipts) in [(["products/audit"], true), (["products/subscribe"], false)] {
        let (status, page) = with(&scopes).await;
        assert_eq!((status, page["commits"][0].get("receipts").is_some()), (200, receipts), "{scopes:?}");
    }
    assert_eq!(with(&["products/read", "products/write"]).await.0, 403);
}

/// Receipts that count how often they are read.
#[derive(Default)]
struct CountedReceipts {
    kept: MemoryReceipts,
    ranges: AtomicUsize,
    positions: AtomicUsize,
}

#[async_trait]
impl Receipts for CountedReceipts {
    async fn position(&self, product: &ProductId) -> Result<PublicationPosition, StoreError> {
        self.positions.fetch_add(1, Ordering::Relaxed);
        self.kept.position(product).await
    }

    async fn of(
        &self,
        product: &ProductId,
        from: u64,
        to: u64,
    ) -> Result<Vec<(u64, PublicationRecord)>, StoreError> {
        assert!(to - from < 50, "receipts of other pages are read");
        self.ranges.fetch_add(1, Ordering::Relaxed);
        self.kept.of(product, from, to).await
    }

    async fn record(&self, records: &[EventPublication]) -> Result<(), StoreError> {
        self.kept.record(records).await
    }
}

#[tokio::test]
async fn receipts_cost_a_read_for_each_run_of_commits_of_a_product() {
    let (feed, lives) = filled(3, 60).await;
    let receipts = Arc::<CountedReceipts>::default();
    for life in &lives {
        let records = (0..60).zip(1..).map(|(commit, sequence)| {
            let outcome = receipt(life, commit, 0);
            EventPublication { product: life.id.clone(), sequence, outcome }
        });
        receipts.record(&records.collect::<Vec<_>>()).await.unwrap();
    }
    let (journal, stopping) = (feed.journal.clone(), watch::channel(false).1);
    let api = FeedApi { feed: feed.reader.clone(), journal, receipts: receipts.clone(), stopping };
    let router = finish(routes(api), ClockAndIds::system());
    for (query, runs) in [("limit=90", 3), ("product=p1&limit=40", 1), ("limit=1&order=desc", 1)] {
        let (_, page) = asked(&router, &format!("/commits?{query}")).await;
        assert!(
            page["commits"].as_array().unwrap().iter().all(|entry| entry["receipts"][0]["receipt_id"] == "r")
        );
        assert_eq!(receipts.ranges.swap(0, Ordering::Relaxed), runs, "{query}");
    }
    assert_eq!(receipts.positions.load(Ordering::Relaxed), 0, "everything has its receipt");
    // Commits that lie far apart in their product: nothing between them is read.
    let mut life = lives[0].clone();
    life.commit(vec![fixtures::helmet_deleted()]);
    life.goes_on(&Deed::Rename("Cap".into()));
    for (_, stored) in &life.commits[60..] {
        feed.journal.append(stored).await.unwrap();
    }
    let (_, page) = asked(&router, "/commits?product=p0&type=ProductCreated&type=ProductDeleted").await;
    assert_eq!(page["commits"].as_array().unwrap().len(), 2);
    assert_eq!(receipts.ranges.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn pages_of_any_size_give_every_commit_once_in_both_directions() {
    let (feed, _) = filled(7, 20).await;
    while feed.reader.summarise().await.unwrap() {}
    let expected: Vec<u64> = (0..140).collect();
    for limit in [1, 33, 100] {
        assert_eq!(feed.positions(&format!("limit={limit}")).await, expected, "{limit}");
        let mut met: Vec<u64> = Vec::new();
        for entry in feed.walk(&format!("limit={limit}&order=desc"), "before").await {
            met.push(entry["position"].as_u64().unwrap());
        }
        met.reverse();
        assert_eq!(met, expected, "{limit}, newest first");
    }
    let (_, page) = asked(&feed.router, "/commits?before=5&limit=2").await;
    assert_eq!((&page["commits"][0]["position"], &page["next"]), (&json!(4), &json!(3)));
    let (_, page) = asked(&feed.router, "/commits?after=-1&before=3").await;
    assert_eq!((&page["commits"][2]["position"], &page["next"]), (&json!(2), &Value::Null));
}

#[tokio::test]
async fn filters_are_compared_exactly_and_must_all_hold() {
    let (feed, lives) = filled(3, 4).await;
    let life = &lives[1];
    let (commit, event) = (life.commits[2].0.commit_id, life.commits[3].0.events[0].event_id);
    let correlation = &life.commits[1].0.metadata.correlation_id;
    for (query, expected) in [
        ("product=p1".to_owned(), vec![1, 4, 7, 10]),
        ("product=none".to_owned(), vec![]),
        ("actor=anonymous&limit=3".to_owned(), (0..12).collect()),
        ("actor=Anonymous".to_owned(), vec![]),
        ("type=ProductCreated".to_owned(), vec![0, 1, 2]),
        ("type=ProductCreated&type=ProductRenamed&product=p2".to_owned(), vec![2, 5, 8, 11]),
        ("type=ProductDeleted".to_owned(), vec![]),
        (format!("commit_id={commit}&product=p1"), vec![7]),
        (format!("event_id={event}&product=p1"), vec![10]),
        (format!("correlation_id={correlation}&product=p1"), vec![4]),
        ("from=2025-11-13T02:13:22Z&to=2025-11-13T02:13:23Z".to_owned(), vec![3, 4, 5]),
        ("from=2025-11-13T04:13:22%2B02:00&by=happened".to_owned(), (3..12).collect()),
        ("retroactive=true".to_owned(), vec![]),
    ] {
        assert_eq!(feed.positions(&query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_or_contradicts_itself_is_refused_by_name() {
    let (feed, _) = filled(1, 3).await;
    for (query, pointer) in [
        ("after=-2", "after"),
        ("after=01", "after"),
        ("before=-1", "before"),
        ("order=up", "order"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("wait=21", "wait"),
        ("wait=1&order=desc", "wait"),
        ("after=1&order=desc", "after"),
        ("before=2&order=asc", "before"),
        ("type=PRODUCT_CREATED", "type"),
        ("type=ProductPainted", "type"),
        ("retroactive=false", "retroactive"),
        ("by=occurred", "by"),
        ("from=yesterday", "from"),
        ("from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", "from"),
        ("commit_id=x", "commit_id"),
        ("event_id=", "event_id"),
        ("product=a/b", "product"),
        ("actor=", "actor"),
        ("all=true", "all"),
        ("cursor=x", "cursor"),
    ] {
        let (status, problem) = asked(&feed.router, &format!("/commits?{query}")).await;
        assert_eq!((status, &problem["errors"][0]["pointer"]), (400, &json!(pointer)), "{query}");
    }
    for query in ["all=true&wait=1", "all=true&limit=5", "limit=10001"] {
        assert_eq!(feed.csv(&format!("/commits?{query}")).await.status(), 400, "{query}");
    }
}

#[tokio::test]
async fn a_position_that_does_not_exist_yet_is_a_409_with_the_newest() {
    let (feed, empty) = (filled(1, 3).await.0, feed());
    for (router, after, newest) in [(&feed.router, 3, json!(2)), (&empty.router, 0, Value::Null)] {
        let (status, problem) = asked(router, &format!("/commits?after={after}&wait=20")).await;
        assert_eq!((status, &problem["newest"]), (409, &newest));
        assert_eq!(problem["type"], "urn:product-ledger:problem:position-not-reached");
    }
    let (status, page) = asked(&empty.router, "/commits?after=-1").await;
    assert_eq!((status, page), (200, json!({"commits": [], "next": null, "newest": null})));
}

/// The answer to a request that waits, and how long it waited, in whole seconds of a clock that only moves while it waits.
async fn waited(router: &Router, uri: &str) -> (Value, u64) {
    let begin = Instant::now();
    let (status, page) = timeout(Duration::from_mins(1), asked(router, uri)).await.unwrap();
    assert_eq!(status, 200, "{page}");
    (page, begin.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_the_next_commit_its_bound_or_the_server() {
    let (feed, lives) = filled(1, 3).await;
    let (page, seconds) = waited(&feed.router, "/commits?after=2&wait=20").await;
    assert_eq!((&page["commits"], &page["newest"], seconds), (&json!([]), &json!(2), 20));
    // Nothing newer could be on these pages, or something is already.
    for query in ["after=1&wait=20", "wait=20", "after=2&before=3&wait=20", "after=2&wait=0", "after=2"] {
        assert_eq!(waited(&feed.router, &format!("/commits?{query}")).await.1, 0, "{query}");
    }
    let mut life = lives[0].clone();
    life.goes_on(&Deed::Rename("Cap".into()));
    let appended = async {
        tokio::time::sleep(Duration::from_secs(7)).await;
        feed.journal.append(&life.commits[3].1).await.unwrap();
    };
    let ((page, seconds), ()) = tokio::join!(waited(&feed.router, "/commits?after=2&wait=20"), appended);
    assert_eq!((&page["commits"][0]["position"], seconds), (&json!(3), 7));
    // A newer commit that the filter leaves out ends the wait too: the reader goes on behind it.
    life.goes_on(&Deed::Rename("Hut".into()));
    let appended = async { feed.journal.append(&life.commits[4].1).await.unwrap() };
    let ((page, seconds), ()) =
        tokio::join!(waited(&feed.router, "/commits?after=3&wait=20&actor=nobody"), appended);
    assert_eq!((&page["commits"], &page["newest"], seconds), (&json!([]), &json!(4), 0));
    let stopped = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        feed.stop.send(true).unwrap();
    };
    let ((page, seconds), ()) = tokio::join!(waited(&feed.router, "/commits?after=4&wait=20"), stopped);
    assert_eq!((&page["commits"], seconds), (&json!([]), 3));
}

#[tokio::test]
async fn a_price_of_the_past_makes_its_commit_retroactive() {
    let feed = feed();
    let mut life = Life::of("p", &[]);
    life.commit(vec![fixtures::helmet_price_recorded()]);
    life.recorded_in(&*feed.journal).await;
    let (_, page) = asked(&feed.router, "/commits").await;
    let told: Vec<&Value> =
        page["commits"].as_array().unwrap().iter().map(|entry| &entry["retroactive"]).collect();
    assert_eq!(told, [false, true]);
    assert_eq!(feed.positions("retroactive=true").await, [1]);
}

#[tokio::test]
async fn a_page_of_large_commits_is_cut_near_a_megabyte() {
    let feed = feed();
    let mut life = Life::of("p", &[]);
    for _ in 0..40 {
        life.goes_on(&Deed::Rename("ö".repeat(30_000)));
        life.goes_on(&Deed::Rename("Hat".into()));
    }
    life.recorded_in(&*feed.journal).await;
    let (_, page) = asked(&feed.router, "/commits?limit=100").await;
    assert!(page.to_string().len() < 1_200_000 && page["next"].is_u64());
    assert_eq!(feed.positions("limit=100").await, (0..81).collect::<Vec<_>>());
}

#[tokio::test]
async fn csv_has_a_row_for_each_changed_field_and_no_text_is_a_formula() {
    let feed = feed();
    let mut life = Life::begins("p", "=1+1, \"x\"", "33.6442");
    life.goes_on(&Deed::RenameAndReprice("'Cap".into(), "5".into()));
    life.goes_on(&Deed::DeleteOrRestore);
    life.recorded_in(&*feed.journal).await;
    let outcome = receipt(&life, 0, 0);
    feed.receipts
        .record(&[EventPublication { product: life.id.clone(), sequence: 1, outcome }])
        .await
        .unwrap();
    let response = feed.csv("/commits").await;
    assert_eq!(response.headers()["content-type"], "text/csv; charset=utf-8");
    assert!(response.headers().get("link").is_none());
    let rows: Vec<&str> = text(&response).split("\r\n").collect();
    assert_eq!(
        rows[0],
        "position,retroactive,recorded_at,occurred_at,actor,product_id,sequence,commit_id,type,field,from,to,currency,\
         correlation_id,published_at,hash"
    );
    let (created, changed) = (&life.commits[0].0, &life.commits[1].0);
    let (at, id, hash) = (created.recorded_at, created.commit_id, &created.hash);
    let correlation = &created.metadata.correlation_id;
    assert_eq!(
        rows[1],
        format!(
            "0,false,{at},{at},anonymous,p,1,{id},ProductCreated,name,,\"'=1+1, \"\"x\"\"\",,{correlation},\
             2026-01-01T00:00:00.000Z,{hash}"
        )
    );
    assert!(rows[2].contains(",ProductCreated,price,,33.6442,USD,"), "{}", rows[2]);
    let of_second: Vec<&&str> = rows.iter().filter(|row| row.starts_with("1,")).collect();
    assert_eq!(of_second.len(), 2);
    assert!(of_second[0].contains(&format!(",2,{},ProductRenamed,name,\"'=1+1", changed.commit_id)));
    assert!(of_second[0].contains(",''Cap,,") && of_second[1].contains(",3,"), "{of_second:?}");
    assert!(of_second[1].contains(",price,33.6442,5.00,USD,"), "{of_second:?}");
    let deleted: Vec<&&str> = rows.iter().filter(|row| row.starts_with("2,")).collect();
    assert!(deleted.len() == 1 && deleted[0].contains(",ProductDeleted,,,,,"), "{deleted:?}");
    assert_eq!(rows.last(), Some(&""), "the last row ends like the others");
}

#[tokio::test]
async fn csv_goes_on_at_its_link_or_comes_in_one_answer() {
    let (feed, _) = filled(5, 30).await;
    let (mut uri, mut met, mut pages) = ("/commits?limit=40&type=ProductRenamed".to_owned(), Vec::new(), 0);
    loop {
        let response = feed.csv(&uri).await;
        met.extend(text(&response).lines().skip(1).map(|row| row.split(',').next().unwrap().to_owned()));
        pages += 1;
        let Some(link) = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned()) else {
            break;
        };
        uri = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
    }
    assert_eq!((pages, met), (4, (5..150).map(|n| n.to_string()).collect::<Vec<_>>()));
    let all = feed.csv("/commits?all=true&type=ProductRenamed&order=desc").await;
    assert_eq!(all.headers()["content-disposition"], "attachment; filename=\"commits.csv\"");
    let positions: Vec<String> =
        text(&all).lines().skip(1).map(|row| row.split(',').next().unwrap().to_owned()).collect();
    assert_eq!(positions, (5..150).rev().map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_empty_page_of_csv_has_a_link_if_more_follow() {
    let feed = feed();
    let (_, first) = &Life::of("p", &[]).commits[0];
    for sequence in 1..=10_001_u64 {
        let mut commit = first.clone();
        commit.0.insert("sequence".into(), sequence.into());
        feed.journal.append(&commit).await.unwrap();
    }
    let response = feed.csv("/commits?actor=nobody").await;
    assert_eq!(text(&response).lines().count(), 1);
    assert_eq!(response.headers()["link"], "</commits?actor=nobody&after=9999>; rel=\"next\"");
    // A page of JSON looks at fewer.
    let (_, page) = asked(&feed.router, "/commits?actor=nobody").await;
    assert_eq!((&page["commits"], &page["next"], &page["newest"]), (&json!([]), &json!(999), &json!(10_000)));
}

#[tokio::test]
async fn an_answer_with_everything_that_is_cut_off_does_not_look_whole() {
    // More than one part.
    let (feed, _) = filled(11, 100).await;
    let request = Request::get("/commits?all=true").header("accept", "text/csv").body(Body::empty()).unwrap();
    let response = tower::ServiceExt::oneshot(feed.router.clone(), request).await.unwrap();
    feed.stop.send(true).unwrap();
    assert_eq!(response.status(), 200);
    assert!(axum::body::to_bytes(response.into_body(), usize::MAX).await.is_err());
}

#[tokio::test]
async fn the_days_of_all_commits_are_counted_by_either_time() {
    let feed = feed();
    for (n, day) in ["2026-01-31", "2026-02-01", "2026-02-01"].into_iter().enumerate() {
        let mut life = Life { id: fixtures::id(&format!("p{n}")), commits: Vec::new() };
        let begun = Life::begins("p", "Hat", "1");
        let created = begun.commits[0].0.events[0].event.clone();
        life.commit_at(Some(fixtures::at(&format!("{day}T23:30:00-00:30"))), vec![created]);
        life.recorded_in(&*feed.journal).await;
    }
    let (_, happened) = asked(&feed.router, "/commits/days?by=happened").await;
    // In UTC it is the next day.
    assert_eq!(
        happened,
        json!({"days": [{"day": "2026-02-01", "commits": 1}, {"day": "2026-02-02", "commits": 2}]})
    );
    let (_, recorded) = asked(&feed.router, "/commits/days").await;
    assert_eq!(recorded["days"][0]["commits"], 3);
    for wrong in ["by=other", "from=2026-01-01T00:00:00Z"] {
        assert_eq!(asked(&feed.router, &format!("/commits/days?{wrong}")).await.0, 400, "{wrong}");
    }
    let actor = Actor { name: "somebody".into(), scopes: Some(vec!["products/subscribe".to_owned()]) };
    let request = Request::get("/commits/days").extension(actor);
    assert_eq!(answered(&feed.router, request).await.status(), 403);
    let (late, _) = filled(60, 1).await;
    let (status, problem) = asked(&late.router, "/commits/days").await;
    assert_eq!((status, &problem["type"]), (503, &json!("urn:product-ledger:problem:unavailable")));
    while late.reader.summarise().await.unwrap() {}
    assert_eq!(asked(&late.router, "/commits/days").await.0, 200);
}
