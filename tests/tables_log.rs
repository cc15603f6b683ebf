//! The order of all commits on tables of DynamoDB, and the log of it in a bucket, as `serve --dynamodb aws` keeps both.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use event_store::announced::LOG_CONSUMER;
use event_store::{DynamoParking, Parking, ParkingCause};
use loopback::{BucketServer, KeyServer};
use schema::fixtures;
use serde_json::Value;

use crate::scenario::{Ledger, printed, program};

const BODY: &str = r#"{"name":"n","price":"1"}"#;
const ORIGIN: &str = "ledger.example.com/log";

/// A ledger with a log.
pub struct Logged {
    pub ledger: Ledger,
    bucket: BucketServer,
    kms: KeyServer,
}

impl Logged {
    pub async fn start(arguments: &[&str]) -> Self {
        let (bucket, kms) = (BucketServer::serve().await, KeyServer::serve([7; 32]).await);
        let ledger = Ledger::start_with(arguments, &Self::settings(&bucket, &kms));
        Self { ledger, bucket, kms }
    }

    /// The settings of operators' commands, on this event table.
    pub fn operators_settings(&self, events: &str) -> Vec<(String, String)> {
        let own = Self::settings(&self.bucket, &self.kms);
        let all = own.into_iter().chain([("LEDGER_EVENTS_TABLE", events)]);
        all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn settings<'s>(bucket: &'s BucketServer, kms: &'s KeyServer) -> [(&'s str, &'s str); 6] {
        [
            ("AWS_ENDPOINT_URL_S3", bucket.url()),
            ("AWS_ENDPOINT_URL_KMS", kms.url()),
            ("LEDGER_LOG_BUCKET", "ledger-log"),
            ("LEDGER_LOG_KEY_ID", "1234abcd-12ab-34cd-56ef-1234567890ab"),
            ("LEDGER_LOG_ORIGIN", ORIGIN),
            ("LEDGER_LOG_INTERVAL", "1"),
        ]
    }

    pub async fn put(&self, products: std::ops::Range<usize>) {
        for product in products {
            let (status, answer) = self.ledger.send("PUT", &format!("/products/p{product}"), BODY).await;
            assert_eq!(status, 201, "{answer}");
        }
    }

    pub async fn text(&self, path: &str) -> String {
        let answer = self.ledger.http.get(format!("{}{path}", self.ledger.url)).send().await.unwrap();
        answer.text().await.unwrap()
    }

    /// Waits until so many commits are in a checkpoint, which has to be whole.
    pub async fn until_logged(&self, commits: u64) {
        let size = async || self.text("/log/checkpoint").await.lines().nth(1)?.parse().ok();
        while size().await != Some(commits) {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let key = self.text("/log/key").await;
        let key = key.split(' ').next().unwrap();
        let url = format!("{}/log", self.ledger.url);
        let output = program().args(["log", "verify", &url, "--key", key]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    }
}

fn products(page: &Value) -> BTreeSet<String> {
    let commits = page["commits"].as_array().unwrap().iter();
    commits.map(|entry| entry["commit"]["product_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_commit_on_tables_is_in_the_feed_and_in_the_log_and_is_proved_whenever_the_server_is_killed() {
    let mut logged = Logged::start(&[]).await;
    logged.until_logged(0).await;
    for kill in 0..3 {
        logged.put(kill * 10..kill * 10 + 10).await;
        logged.ledger.kill();
        logged.ledger.restart();
    }
    logged.until_logged(30).await;
    let (status, page) = logged.ledger.get("/commits?limit=100").await;
    assert_eq!((status, &page["newest"], products(&page).len()), (200, &29.into(), 30), "{page}");
    for by in ["recorded", "happened"] {
        let (status, days) = logged.ledger.get(&format!("/commits/days?by={by}")).await;
        let commits = days["days"].as_array().unwrap().iter().map(|day| day["commits"].as_u64().unwrap());
        assert_eq!((status, commits.sum::<u64>()), (200, 30), "{days}");
    }
    let (_, config) = logged.ledger.get("/ui/config.json").await;
    assert!(config["features"].as_array().unwrap().contains(&"days".into()), "{config}");
    let folder = tempfile::tempdir().unwrap();
    let (proof, commit) = (folder.path().join("proof"), folder.path().join("commit"));
    let text = logged.text("/products/p17/history/1/proof").await;
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\n"), "{text}");
    std::fs::write(&proof, text).unwrap();
    std::fs::write(&commit, logged.ledger.history("p17").await[0].to_string()).unwrap();
    let key = logged.text("/log/key").await;
    let mut verify = program();
    verify.args(["verify", "--key", key.split(' ').next().unwrap(), "--proof"]).arg(&proof);
    let output = verify.arg("--commit").arg(&commit).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_by_position_of_tables_is_the_log_and_can_be_restored_on_one_machine() {
    let logged = Logged::start(&[]).await;
    logged.put(0..5).await;
    for price in 2..5 {
        let body = format!(r#"{{"name":"n","price":"{price}"}}"#);
        assert_eq!(logged.ledger.send("PUT", "/products/p3", &body).await.0, 200);
    }
    logged.until_logged(8).await;
    let folder = tempfile::tempdir().unwrap();
    let [file, by_product, data] = ["by-position", "by-product", "data"].map(|name| folder.path().join(name));
    for (by, file) in [("position", &file), ("product", &by_product)] {
        let mut export = logged.ledger.operator(&["export", "--by", by, "-o", file.to_str().unwrap()]);
        let output = export.envs(Logged::settings(&logged.bucket, &logged.kms)).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    }
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["checkpoint"], logged.text("/log/checkpoint").await);
    let (_, page) = logged.ledger.get("/commits?limit=100").await;
    let feed: Vec<&Value> =
        page["commits"].as_array().unwrap().iter().map(|entry| &entry["commit"]["hash"]).collect();
    assert_eq!(lines[1..].iter().map(|line| &line["hash"]).collect::<Vec<_>>(), feed);
    let heads = |file: &std::path::Path| {
        let output = program().args(["verify", "--file"]).arg(file).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(heads(&file), heads(&by_product));
    let mut restore = program();
    restore
        .arg("restore")
        .arg(&file)
        .arg("--data")
        .arg(&data)
        .args(["--log-origin", "example.com/elsewhere"]);
    let output = restore.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    let again = folder.path().join("again");
    let output =
        program().args(["export", "--by", "position", "--data"]).arg(&data).arg("-o").arg(&again).output();
    assert_eq!(output.unwrap().status.code(), Some(0));
    let again = std::fs::read_to_string(again).unwrap();
    assert!(again.lines().skip(1).eq(text.lines().skip(1)), "the order is the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_sequencer_nothing_is_logged_until_another_server_does_it() {
    let logged = Logged::start(&["--no-sequencer"]).await;
    logged.put(0..3).await;
    let (status, page) = logged.ledger.get("/commits").await;
    assert_eq!((status, &page["newest"]), (200, &Value::Null), "{page}");
    let (status, problem) = logged.ledger.get("/log/key").await;
    assert_eq!((status, &problem["type"]), (404, &"urn:product-ledger:problem:no-log".into()));
    let tables = logged.ledger.dynamodb();
    let same = [("AWS_ENDPOINT_URL", tables.endpoint_url().unwrap())];
    let settings = [&same[..], &Logged::settings(&logged.bucket, &logged.kms)].concat();
    let other = Ledger::start_with(&[], &settings);
    logged.until_logged(3).await;
    drop(other);
}

/// The sequencer parks for good what contradicts the log; after a repair an operator has it logged.
#[tokio::test(flavor = "multi_thread")]
async fn a_product_that_is_parked_for_the_log_is_logged_and_released_on_request() {
    let mut logged = Logged::start(&[]).await;
    logged.put(0..1).await;
    logged.until_logged(1).await;
    logged.ledger.kill();
    logged.ledger.restart_with(&["--no-sequencer"]);
    logged.put(1..2).await;
    let parking = DynamoParking::new(Client::new(&logged.ledger.dynamodb()), "ledger-parking");
    let (product, at) = (fixtures::id("p1"), fixtures::at("2026-11-23T05:20:00Z"));
    let cause = ParkingCause { from_sequence: 1, reason: "rewritten".into(), retryable: false, at };
    parking.park(LOG_CONSUMER, &product, &cause).await.unwrap();
    let listed = logged.ledger.operate(&["parked"]);
    assert!(printed(&listed).starts_with("log  p1  from event 1"), "{}", printed(&listed));
    let retried = logged.ledger.operate(&["parked", "retry", "p1"]);
    let said = printed(&retried);
    assert!(retried.status.code() == Some(0) && said.starts_with("p1  released\n"), "{said}");
    assert_eq!(parking.of(LOG_CONSUMER, &product).await.unwrap(), None);
    let (_, page) = logged.ledger.get("/commits?after=0").await;
    assert_eq!((&page["newest"], products(&page).len()), (&1.into(), 1), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_bucket_there_is_an_order_and_no_log_and_the_log_can_be_switched_off() {
    let (bucket, kms) = (BucketServer::serve().await, KeyServer::serve([7; 32]).await);
    let off = Ledger::start_with(&["--log", "off"], &Logged::settings(&bucket, &kms));
    for ledger in [Ledger::start(), off] {
        let (status, answer) = ledger.send("PUT", "/products/p", BODY).await;
        assert_eq!(status, 201, "{answer}");
        ledger.until("/commits", |_, page| page["newest"] == 0).await;
        for path in ["/log/checkpoint", "/log/key", "/log/tile/0/000", "/products/p/history/1/proof"] {
            let (status, problem) = ledger.get(path).await;
            assert_eq!(
                (status, &problem["type"]),
                (404, &"urn:product-ledger:problem:no-log".into()),
                "{path}"
            );
        }
    }
    assert_eq!(bucket.take_requests(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_signs_nothing_and_the_ledger_goes_on() {
    let mut logged = Logged::start(&[]).await;
    logged.put(0..2).await;
    logged.until_logged(2).await;
    let before = logged.bucket.objects()["checkpoint"].clone();
    logged.kms.replace([8; 32]);
    logged.ledger.kill();
    logged.ledger.restart();
    logged.put(2..4).await;
    logged.ledger.until("/commits", |_, page| page["newest"] == 3).await;
    let is_said = |line: &Value| line["target"] == "ledger::log" && line["kind"] == "key";
    while !logged.ledger.log().iter().any(is_said) {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(logged.bucket.objects()["checkpoint"], before);
}

#[test]
fn a_bucket_without_a_key_is_refused_at_the_start() {
    let mut serve = program();
    serve.args(["serve", "--dynamodb", "aws", "--listen", "127.0.0.1:0"]);
    serve.envs([("AWS_REGION", "us-east-1"), ("LEDGER_LOG_BUCKET", "ledger-log")]);
    serve.envs([("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "SECRET")]);
    let output = serve.output().unwrap();
    let said = printed(&output);
    assert_eq!((output.status.code(), said.trim().lines().count()), (Some(2), 1), "{said}");
    assert!(said.contains("LEDGER_LOG_KEY_ID is not set"), "{said}");
}
