//! The whole ledger with an external bus: every event arrives there, even after an outage of the bus.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use futures::future::join_all;
use loopback::{AcceptedEvent, BusServer, FifoBusServer, Presence, PutFault};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::moto_server::Moto;
use crate::scenario::{Ledger, PATIENCE, adventure_works, expected, json, printed, program, repository};

const BUS: &str = "product-ledger";

/// A proxy in front of a bus: while it is closed it hangs up, while it is open it forwards.
struct OutageProxy {
    url: String,
    open: Arc<AtomicBool>,
}

impl OutageProxy {
    async fn closed_before(moto: &Moto) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (open, opened) = (Arc::new(AtomicBool::new(false)), moto.url().replace("http://", ""));
        let is_open = open.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                if is_open.load(Ordering::Relaxed) {
                    let mut bus = TcpStream::connect(&opened).await.unwrap();
                    tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut bus).await });
                }
            }
        });
        Self { url, open }
    }
}

/// A slow bus.
struct SlowBus {
    url: String,
    /// The most requests that it had at once.
    most: Arc<AtomicUsize>,
    /// Its messages, as a rule delivers them.
    messages: Arc<Mutex<Vec<Value>>>,
}

impl SlowBus {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let bus = Self { url, most: Arc::default(), messages: Arc::default() };
        let (now, most, messages) = (Arc::new(AtomicUsize::new(0)), bus.most.clone(), bus.messages.clone());
        let put = async move |headers: HeaderMap, body: Bytes| {
            if headers.get("x-amz-target").is_some_and(|target| target == "AWSEvents.DescribeEventBus") {
                return axum::Json(json!({"Name": BUS}));
            }
            most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(100)).await;
            now.fetch_sub(1, Ordering::Relaxed);
            let request: Value = serde_json::from_slice(&body).unwrap();
            let mut messages = messages.lock().unwrap();
            let accepted = request["Entries"].as_array().unwrap().iter().map(|entry| {
                let id = format!("accepted-{}", messages.len());
                let detail = json(entry["Detail"].as_str().unwrap());
                messages.push(json!({"id": id, "detail-type": entry["DetailType"], "detail": detail}));
                json!({"EventId": id})
            });
            let accepted: Vec<Value> = accepted.collect();
            axum::Json(json!({"FailedEntryCount": 0, "Entries": accepted}))
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(put)).await });
        bus
    }
}

#[tokio::test]
async fn a_bus_elsewhere_has_to_answer_at_most_four_requests_at_once() {
    let bus = SlowBus::start().await;
    let ledger = ledger_on(&bus.url);
    let puts = (0..100).map(|n| {
        let path = format!("/products/p{n}");
        let ledger = &ledger;
        async move { ledger.send("PUT", &path, r#"{"name":"n","price":"1"}"#).await.0 }
    });
    assert_eq!(join_all(puts).await, [201; 100]);
    published(&ledger, 100).await;
    assert!((1..=4).contains(&bus.most.load(Ordering::Relaxed)), "{:?}", bus.most);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_bus_does_not_exist_does_not_start_and_leaves_no_directory() {
    let bus = BusServer::serve().await;
    bus.is(Presence::Missing);
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut command = program();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data).envs(settings(bus.url()));
    let output = command.output().unwrap();
    let text = printed(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("LEDGER_EVENT_BUS=product-ledger: there is no such bus in us-east-1"), "{text}");
    assert_eq!(text.trim().lines().count(), 1, "{text}");
    assert!(!data.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_may_not_ask_whether_its_bus_exists_warns_and_publishes() {
    let bus = BusServer::serve().await;
    bus.is(Presence::Refused("AccessDeniedException"));
    let ledger = ledger_on(bus.url());
    ledger.send("PUT", "/products/p", r#"{"name":"a","price":"1"}"#).await;
    published(&ledger, 1).await;
    assert_eq!(bus.accepted().len(), 1);
    let warned = ledger.log().into_iter().any(|line| {
        line["bus"] == BUS
            && line["reason"].as_str().is_some_and(|why| why.starts_with("AccessDeniedException"))
    });
    assert!(warned);
}

/// Waits until the metrics have this line.
async fn figures_say(ledger: &Ledger, line: &str) {
    let started = Instant::now();
    loop {
        let figures = ledger.http.get(format!("{}/metrics", ledger.url)).send().await.unwrap();
        if figures.text().await.unwrap().lines().any(|there| there == line) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{line} never came");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_is_removed_gets_nothing_more_until_it_is_created_again() {
    let bus = BusServer::serve().await;
    let ledger = ledger_on(bus.url());
    ledger.send("PUT", "/products/p", r#"{"name":"a","price":"1"}"#).await;
    published(&ledger, 1).await;
    bus.is(Presence::Missing);
    figures_say(&ledger, "ledger_bus_missing 1").await;
    ledger.send("PATCH", "/products/p", r#"{"price":"2"}"#).await;
    figures_say(&ledger, r#"ledger_parked_products{consumer="publisher"} 1"#).await;
    let (_, history) = ledger.get("/products/p/history?after=1").await;
    let receipt = &history["commits"][0]["receipts"][0];
    assert_eq!(
        (&receipt["receipt_id"], &receipt["details"]["error_code"]),
        (&json!(""), &json!("ResourceNotFoundException"))
    );
    let mut replay = ledger.operator(&["replay", "--all"]);
    let replay = replay.envs(settings(bus.url())).output().unwrap();
    assert_eq!(replay.status.code(), Some(2), "{}", printed(&replay));
    assert!(
        printed(&replay).contains("there is no bus product-ledger; nothing was published"),
        "{}",
        printed(&replay)
    );
    assert_eq!(bus.accepted().len(), 1);

    bus.is(Presence::Exists);
    published(&ledger, 2).await;
    assert_eq!(bus.accepted().len(), 2);
    figures_say(&ledger, "ledger_bus_missing 0").await;
    figures_say(&ledger, r#"ledger_parked_products{consumer="publisher"} 0"#).await;
}

/// The settings that lead to the bus at `url`.
fn settings(url: &str) -> [(&str, &str); 5] {
    [
        ("LEDGER_EVENT_BUS", BUS),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", url),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "SECRET"),
    ]
}

/// The server with the bus at `url`.
fn ledger_on(url: &str) -> Ledger {
    Ledger::start_with(&["--retry-parked-every", "1"], &settings(url))
}

/// Waits until the bus accepted `count` events, without a request to the bus, which is slow and has enough to do.
async fn published(ledger: &Ledger, count: u32) {
    let started = Instant::now();
    loop {
        let figures = ledger.http.get(format!("{}/metrics", ledger.url)).send().await.unwrap();
        let figures = figures.text().await.unwrap();
        let accepted = figures.lines().filter(|line| line.starts_with("ledger_events_published_total{"));
        let accepted: f64 = accepted.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum();
        if accepted >= f64::from(count) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{accepted} of {count} events were accepted");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// What arrives until there are `count` different events.
async fn delivered(moto: &Moto, count: usize) -> Vec<Value> {
    let (mut messages, mut events, started) = (Vec::new(), BTreeSet::new(), Instant::now());
    while events.len() < count {
        assert!(started.elapsed() < PATIENCE, "{} of {count} events came", events.len());
        for message in moto.delivered(BUS).await {
            events.insert(message["detail"]["metadata"]["event_id"].to_string());
            messages.push(message);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    messages
}

#[tokio::test]
async fn an_import_arrives_at_the_queue_as_its_schema_says_and_every_receipt_is_the_buss_own() {
    let Some(mut moto) = Moto::find() else { return };
    moto.start().await;
    moto.create_bus(BUS).await;
    let ledger = ledger_on(&moto.url());
    let directory = tempfile::tempdir().unwrap();
    let (file, commands) = (directory.path().join("commands.ndjson"), whole_lives());
    std::fs::write(&file, commands.concat()).unwrap();
    let imported = ledger.import(&file).output().unwrap();
    assert!(imported.status.success(), "{}", printed(&imported));
    published(&ledger, u32::try_from(commands.len()).unwrap()).await;
    let messages = delivered(&moto, commands.len()).await;
    assert_eq!(arrived_whole(&ledger, &messages).await.len(), 4);
}

#[tokio::test]
async fn a_file_of_six_years_arrives_at_a_bus_elsewhere_as_its_schema_says_and_with_its_receipts() {
    let bus = SlowBus::start().await;
    let ledger = ledger_on(&bus.url);
    let imported = ledger.import(&adventure_works()).output().unwrap();
    assert!(imported.status.success(), "{}", printed(&imported));
    published(&ledger, 696).await;
    let messages = bus.messages.lock().unwrap().clone();
    assert!(arrived_whole(&ledger, &messages).await.iter().eq(expected().keys()));
}

/// Each message is as its schema says, each product's events are all there and in order, and each has the receipt of the
/// bus; answers the products.
async fn arrived_whole(ledger: &Ledger, messages: &[Value]) -> BTreeSet<String> {
    let mut schemas = BTreeMap::new();
    let mut arrived: BTreeMap<String, Vec<(u64, &Value)>> = BTreeMap::new();
    for message in messages {
        let name = event_name(message);
        let schema = schemas.entry(name).or_insert_with(|| {
            let path = repository().join(format!("schema/json/messages/{name}.v1.json"));
            jsonschema::validator_for(&json(&std::fs::read_to_string(path).unwrap())).unwrap()
        });
        assert!(schema.is_valid(&message["detail"]), "{message}");
        let metadata = &message["detail"]["metadata"];
        let product = metadata["product_id"].as_str().unwrap().to_owned();
        arrived.entry(product).or_default().push((metadata["sequence"].as_u64().unwrap(), &message["id"]));
    }
    for (product, commits) in ledger.histories(arrived.keys().cloned()).await {
        let arrived = &arrived[&product];
        let first =
            (1..).zip(commits).find(|(sequence, _)| !arrived.iter().any(|(there, _)| there == sequence));
        assert!(first.is_none(), "{product}: {first:?} is missing");
        assert!(arrived.is_sorted_by_key(|(sequence, _)| sequence), "{product}: {arrived:?}");
        for sequence in arrived.iter().map(|(sequence, _)| *sequence).collect::<BTreeSet<_>>() {
            // The receipt is written after the bus has accepted the event.
            let path = format!("/products/{product}/history?after={}", sequence - 1);
            let page = ledger.until(&path, |_, page| !page["commits"][0]["receipts"][0].is_null()).await;
            let receipt = &page["commits"][0]["receipts"][0];
            let ids: Vec<_> =
                arrived.iter().filter(|(there, _)| *there == sequence).map(|(_, id)| *id).collect();
            assert!(ids.contains(&&receipt["receipt_id"]), "{product} {sequence}: {receipt} {ids:?}");
            // Sent once, so there once; again only if the bus did not answer in time.
            assert!(
                ids.len() as u64 <= receipt["attempts"].as_u64().unwrap(),
                "{product} {sequence}: {receipt} {ids:?}"
            );
        }
    }
    arrived.into_keys().collect()
}

/// What the file commands of some products that are created, changed and deleted, in the order of the file. Four of them:
/// the emulated bus computes so long for an entry that forty at once would take longer than an answer may.
fn whole_lives() -> Vec<String> {
    let text = std::fs::read_to_string(adventure_works()).unwrap();
    let of = |line: &str| json(line)["product_id"].as_str().unwrap().to_owned();
    let lives = expected().into_iter().filter(|(_, (commands, deleted))| *commands == 3 && *deleted);
    let products: Vec<String> = lives.map(|(product, _)| product).take(4).collect();
    text.lines().filter(|line| products.contains(&of(line))).map(|line| format!("{line}\n")).collect()
}

/// Name of the schema of a message's event.
fn event_name(message: &Value) -> &'static str {
    match message["detail-type"].as_str().unwrap() {
        "PRODUCT_CREATED" => "ProductCreated",
        "PRODUCT_PRICE_CHANGED" => "ProductPriceChanged",
        "PRODUCT_DELETED" => "ProductDeleted",
        other => panic!("{other} is not in the file"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_was_away_longer_than_the_retries_gets_everything_when_it_is_back() {
    let Some(mut moto) = Moto::find() else { return };
    moto.start().await;
    moto.create_bus(BUS).await;
    let proxy = OutageProxy::closed_before(&moto).await;
    let ledger = ledger_on(&proxy.url);
    ledger.send("PUT", "/products/p", r#"{"name":"a","price":"1"}"#).await;
    ledger.send("PATCH", "/products/p", r#"{"price":"2"}"#).await;
    loop {
        let listed = ledger.operate(&["parked", "list", "--json"]);
        if let Some(row) = String::from_utf8_lossy(&listed.stdout).lines().next() {
            let row = json(row);
            assert_eq!((&row["consumer"], &row["retryable"]), (&"publisher".into(), &true.into()), "{row}");
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let (_, history) = ledger.get("/products/p/history").await;
    assert_eq!(history["commits"][0]["receipts"][0]["receipt_id"], "", "{history}");
    proxy.open.store(true, Ordering::Relaxed);
    let messages = delivered(&moto, 2).await;
    let sequences: Vec<_> =
        messages.iter().map(|message| message["detail"]["metadata"]["sequence"].clone()).collect();
    assert_eq!(sequences, [1, 2]);
    ledger
        .until("/products/p/history", |_, page| {
            page["commits"][1]["receipts"][0]["receipt_id"].as_str().is_some_and(|id| !id.is_empty())
        })
        .await;
    while !ledger.operate(&["parked", "list", "--json"]).stdout.is_empty() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The settings that lead to a FIFO bus.
fn fifo_settings(bus: &FifoBusServer) -> [(&str, &str); 7] {
    [
        ("LEDGER_EVENT_BUS", FifoBusServer::ARN),
        ("LEDGER_EVENT_BUS_KIND", "fifo"),
        ("LEDGER_EVENT_BUS_ENTRIES", "20"),
        ("AWS_ENDPOINT_URL_EVENTBRIDGEV2", bus.url()),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "SECRET"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_a_fifo_bus_publishes_in_order_and_a_replay_is_no_repetition() {
    let bus = FifoBusServer::serve().await;
    let ledger = Ledger::start_with(&["--retry-parked-every", "1"], &fifo_settings(&bus));
    bus.fail_requests(|n| (n % 3 == 1).then_some(PutFault::AnswerLost));
    ledger.send("PUT", "/products/p", r#"{"name":"a","price":"1"}"#).await;
    for price in 2..=5 {
        ledger.send("PATCH", "/products/p", &format!("{{\"price\":\"{price}\"}}")).await;
    }
    published(&ledger, 5).await;
    let sequences = |events: &[AcceptedEvent]| -> Vec<u64> {
        events.iter().map(|event| event.detail()["metadata"]["sequence"].as_u64().unwrap()).collect()
    };
    let events = bus.group("p");
    assert_eq!(sequences(&events), [1, 2, 3, 4, 5]);
    for (event, place) in events.iter().zip(0..) {
        let path = format!("/products/p/history?after={place}&limit=1");
        let page = ledger.until(&path, |_, page| !page["commits"][0]["receipts"][0].is_null()).await;
        let receipt = &page["commits"][0]["receipts"][0];
        assert_eq!(
            (&receipt["receipt_id"], &receipt["bus_sequence"], &receipt["bus"]),
            (&json!(event.id), &json!(event.number), &json!(FifoBusServer::ARN))
        );
    }
    let mut replay = ledger.operator(&["replay", "--product", "p"]);
    let replay = replay.envs(fifo_settings(&bus)).output().unwrap();
    assert!(replay.status.success(), "{}", printed(&replay));
    assert_eq!(sequences(&bus.group("p")), [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_fifo_bus_does_not_exist_or_is_none_does_not_start() {
    let bus = FifoBusServer::serve().await;
    bus.is_missing(true);
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    for (name, said) in [
        (
            FifoBusServer::ARN,
            "there is no such bus in us-east-1; create it or correct the name, because no event",
        ),
        ("product-ledger", "with LEDGER_EVENT_BUS_KIND=fifo it must be the ARN of a custom event bus"),
    ] {
        let mut command = program();
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
        let output = command.envs(fifo_settings(&bus)).env("LEDGER_EVENT_BUS", name).output().unwrap();
        let text = printed(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(said), "{text}");
        assert_eq!(text.trim().lines().count(), 1, "{text}");
        assert!(!data.exists());
    }
}
