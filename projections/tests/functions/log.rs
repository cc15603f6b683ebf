//! The log and the feed of the query function: files as bytes, proofs, pages of commits, and what is open to whom.

use std::sync::Arc;

use event_store::{DynamoAnnouncements, DynamoJournal, DynamoParking, DynamoRounds};
use ledger_log::{ProofFile, TrustedKeys};
use loopback::{BucketServer, FunctionCommand, GatewayReply, KeyServer, TableServer};
use sequencer::{CloudLogPlace, DynamoLogKeys, DynamoLogTable, LogDestination, LogKeeper, SequencerPorts};
use serde_json::{Value, json};

use crate::given::{get, query_api, reply, tables};

const ORIGIN: &str = "ledger.example.com/log";

/// Tables whose commits can be logged into a bucket.
pub struct Logged {
    pub tables: TableServer,
    pub bucket: BucketServer,
    kms: KeyServer,
}

#[derive(Debug)]
struct Endpoints([(&'static str, String); 2]);

impl aws_types::service_config::LoadServiceConfig for Endpoints {
    fn load_config(&self, key: aws_types::service_config::ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_uppercase();
        let of = self.0.iter().find(|(name, _)| *name == service && key.env() == "AWS_ENDPOINT_URL");
        of.map(|(_, url)| url.clone())
    }
}

impl Logged {
    pub async fn new() -> Self {
        Self {
            tables: tables().await,
            bucket: BucketServer::serve().await,
            kms: KeyServer::serve([7; 32]).await,
        }
    }

    /// Logs the five commits of the tables, as the function `sequencer` does.
    pub async fn keep(&self) {
        let client = aws_sdk_dynamodb::Client::new(&self.tables.sdk_config());
        let place = CloudLogPlace {
            bucket: "ledger-log".to_owned(),
            key_id: "key".to_owned(),
            rotation: sequencer::KeyRotationSetting::default(),
            origin: ORIGIN.to_owned(),
            retention: None,
        };
        let endpoints = [("S3", self.bucket.url().to_owned()), ("KMS", self.kms.url().to_owned())];
        let mut aws = self.tables.sdk_config_over_http().into_builder().service_config(Endpoints(endpoints));
        aws.set_endpoint_url(None);
        let bound = Arc::new(DynamoLogKeys::new(client.clone(), "log"));
        let destination = LogDestination { place, aws: aws.build(), bound };
        let ports = SequencerPorts {
            journal: Arc::new(DynamoJournal::new(client.clone(), "events")),
            table: Arc::new(DynamoLogTable::new(client.clone(), "log")),
            announcements: Arc::new(DynamoAnnouncements::new(client.clone(), "log_feed")),
            parking: Arc::new(DynamoParking::new(client.clone(), "parking")),
        };
        let web::ClockAndIds { clock, ids } = web::ClockAndIds::system();
        let rounds = Arc::new(DynamoRounds::new(client, "parking"));
        let keeper = LogKeeper::new(ports, rounds, Some(destination), clock, ids);
        let run = keeper.catch_up(std::time::Duration::from_mins(1)).await.unwrap();
        assert_eq!((run.run.logged, run.published), (5, Some(5)));
    }

    pub fn queries(&self) -> FunctionCommand {
        query_api(&self.tables).with_bucket(&self.bucket)
    }
}

/// GET of a path with its resource, by somebody with a scope; by nobody without one.
pub fn asked(resource: &str, values: Value, path: &str, scope: Option<&str>) -> Value {
    let mut event = get("helmet");
    event["resource"] = json!(resource);
    event["pathParameters"] = values;
    event["path"] = json!(path);
    event["requestContext"]["path"] = json!(format!("/v1{path}"));
    match scope {
        Some(scope) => event["requestContext"]["authorizer"]["claims"]["scope"] = json!(scope),
        None => event["requestContext"]["authorizer"] = Value::Null,
    }
    event
}

fn file(path: &str, scope: Option<&str>) -> Value {
    asked("/log/{proxy+}", json!({"proxy": path}), &format!("/log/{path}"), scope)
}

pub const AUDIT: Option<&str> = Some("products/audit");

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_the_log_are_answered_byte_for_byte_and_a_commit_is_proved() {
    let logged = Logged::new().await;
    logged.keep().await;
    let queries = logged.queries().start().await;
    for (path, kind) in [
        ("checkpoint", "text/plain; charset=utf-8"),
        ("tile/0/000.p/5", "application/octet-stream"),
        ("tile/entries/000.p/5", "application/octet-stream"),
    ] {
        let answer = reply(&queries, &file(path, AUDIT)).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{path}");
        assert_eq!(answer.bytes, logged.bucket.objects()[path], "{path}");
    }
    let keys = reply(&queries, &file("key", AUDIT)).await;
    let keys: TrustedKeys = std::str::from_utf8(&keys.bytes).unwrap().parse().unwrap();
    let id = json!({"id": "cap", "sequence": "2"});
    let proof = asked("/products/{id}/history/{sequence}/proof", id, "/products/cap/history/2/proof", AUDIT);
    let proof = reply(&queries, &proof).await;
    let proof = ProofFile::read(&proof.bytes).unwrap();
    assert!(keys.open(proof.checkpoint.as_bytes()).is_ok());
    reply(&queries, &file("tile/0/001", AUDIT)).await.problem("not-found", 404, "order-8");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_has_every_commit_and_waits_briefly_and_has_no_download() {
    let logged = Logged::new().await;
    logged.keep().await;
    let queries = logged.queries().start().await;
    let commits = |parameters: Value, scope| {
        let mut event = asked("/commits", Value::Null, "/commits", scope);
        event["multiValueQueryStringParameters"] = parameters;
        event["queryStringParameters"] = Value::Null;
        event
    };
    let page = reply(&queries, &commits(json!({"limit": ["100"]}), AUDIT)).await;
    assert_eq!((page.status, &page.body["newest"]), (200, &json!(4)), "{page:?}");
    let positions: Vec<_> =
        page.body["commits"].as_array().unwrap().iter().map(|entry| &entry["position"]).collect();
    assert_eq!(positions, [0, 1, 2, 3, 4]);
    assert!(page.body["commits"][0].get("receipts").is_some());
    let days = reply(&queries, &asked("/commits/days", Value::Null, "/commits/days", AUDIT)).await;
    let counted = days.body["days"].as_array().unwrap().iter().map(|day| day["commits"].as_u64().unwrap());
    assert_eq!((days.status, counted.sum::<u64>()), (200, 5), "{days:?}");
    let page = reply(&queries, &commits(json!({"product": ["cap"]}), Some("products/subscribe"))).await;
    assert_eq!(page.body["commits"].as_array().unwrap().len(), 2, "{page:?}");
    assert!(page.body["commits"][0].get("receipts").is_none());
    reply(&queries, &commits(Value::Null, Some("products/read"))).await.problem("forbidden", 403, "order-8");
    let begun = tokio::time::Instant::now();
    let page = reply(&queries, &commits(json!({"after": ["4"], "wait": ["20"]}), AUDIT)).await;
    assert_eq!((page.status, &page.body["commits"]), (200, &json!([])));
    let waited = begun.elapsed().as_secs();
    assert!((4..10).contains(&waited), "{waited}");
    let mut all = commits(json!({"all": ["true"]}), AUDIT);
    all["multiValueHeaders"]["Accept"] = json!(["text/csv"]);
    reply(&queries, &all).await.problem("malformed", 400, "order-8");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_opened_of_the_log_needs_no_token_and_nothing_else_is_open() {
    let logged = Logged::new().await;
    logged.keep().await;
    let (tile, entries) = ("tile/0/000.p/5", "tile/entries/000.p/5");
    for (public, open, shut) in [
        (None, vec![], vec!["checkpoint", "key", tile, entries]),
        (Some("no"), vec![], vec!["checkpoint", "key", tile, entries]),
        (Some("hashes"), vec!["checkpoint", "key", tile], vec![entries]),
        (Some("all"), vec!["checkpoint", "key", tile, entries], vec![]),
    ] {
        let queries = logged.queries();
        let queries =
            public.into_iter().fold(queries, |queries, public| queries.with("LEDGER_LOG_PUBLIC", public));
        let queries = queries.start().await;
        for path in open {
            assert_eq!(reply(&queries, &file(path, None)).await.status, 200, "{public:?} {path}");
        }
        for path in shut {
            reply(&queries, &file(path, None)).await.problem("unauthorized", 401, "order-8");
            reply(&queries, &file(path, Some("products/read"))).await.problem("forbidden", 403, "order-8");
        }
        let product = asked("/products/{id}", json!({"id": "helmet"}), "/products/helmet", None);
        reply(&queries, &product).await.problem("unauthorized", 401, "order-8");
    }
    let wrong = logged.queries().with("LEDGER_LOG_PUBLIC", "entries").start().await.start_error().await;
    assert!(wrong.starts_with("LEDGER_LOG_PUBLIC=\"entries\""), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_has_not_begun_and_a_bucket_that_is_not_named_are_no_log() {
    let logged = Logged::new().await;
    for queries in [query_api(&logged.tables), logged.queries()] {
        let queries = queries.start().await;
        let key: GatewayReply = reply(&queries, &file("key", AUDIT)).await;
        key.problem("no-log", 404, "order-8");
        let commits = reply(&queries, &asked("/commits", Value::Null, "/commits", AUDIT)).await;
        assert_eq!((commits.status, &commits.body["newest"]), (200, &Value::Null));
    }
}
