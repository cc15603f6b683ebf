//! A store that has too much to do, refuses, or does not answer: few requests, and an answer that says what to do.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use commands::execute::TIME_LIMIT;
use engine::probe::{Faults, InjectedFault, Matching, RequestRecorder};
use event_store::{AppendError, Journal, MemoryJournal, ScanPage, ScanPosition, StoreError};
use schema::{ProductId, StoredCommit};
use tokio::time::{Instant, timeout};

use super::front::{Front, HELMET};

const KEY: [(&str, &str); 1] = [("idempotency-key", "new")];

/// Each command, on the products `p` and `gone`, of which the latter is deleted.
const COMMANDS: [(&str, &str); 6] = [
    ("POST /products", HELMET),
    ("PUT /products/new", HELMET),
    ("PUT /products/p", r#"{"name":"n","price":"2"}"#),
    ("PATCH /products/p", r#"{"price":"3"}"#),
    ("DELETE /products/p", ""),
    ("POST /products/gone/restore", ""),
];

fn code(code: &str) -> InjectedFault {
    InjectedFault::Answer { status: 400, code: code.to_owned() }
}

async fn with_products(config: &aws_config::SdkConfig) -> Front {
    let front = Front::on(config).await;
    for product in ["p", "gone"] {
        front.send(&format!("PUT /products/{product}"), &[], HELMET).await;
    }
    front.send("DELETE /products/gone", &[], "").await;
    front
}

#[tokio::test]
async fn a_throttled_product_costs_at_most_6_requests_a_command_and_nothing_is_recorded() {
    let engine = engine::Engine::in_memory().unwrap();
    let (config, faults) = Faults::inject(&engine.sdk_config());
    let (config, recorder) = RequestRecorder::record(&config);
    let front = with_products(&config).await;
    for (request, body) in COMMANDS {
        for throttled in [&["ExecuteStatement"][..], &["Query"], &["ExecuteStatement", "Query"]] {
            if request == "POST /products" && throttled == ["Query"] {
                // A creation with an id of its own reads nothing.
                continue;
            }
            faults.clear();
            for operation in throttled {
                faults.add(Matching::operation(operation).always(), InjectedFault::throttled());
            }
            recorder.clear();
            let answer = front.send(request, &KEY, body).await;
            let sent = recorder.take_operations();
            assert!(sent.len() <= 6, "{request} {throttled:?}: {sent:?}");
            assert_eq!(answer.refusal(), (503, "unavailable"), "{request} {throttled:?}");
            assert_eq!(answer.header("retry-after"), "1");
            assert_eq!(answer.body["detail"], "The command was not recorded; send it again later.");
        }
    }
    faults.clear();
    assert_eq!((front.commits("p").await.len(), front.commits("gone").await.len()), (1, 2));
    assert_eq!(front.commits("new").await.len(), 0);
}

#[tokio::test]
async fn an_insert_that_is_throttled_for_a_moment_is_recorded() {
    let engine = engine::Engine::in_memory().unwrap();
    let (config, faults) = Faults::inject(&engine.sdk_config());
    let front = with_products(&config).await;
    faults.add(Matching::operation("ExecuteStatement").times(2), InjectedFault::throttled());
    assert_eq!(front.send("PATCH /products/p", &[], r#"{"price":"3"}"#).await.status, 200);
    assert_eq!(front.commits("p").await.len(), 2);
}

#[tokio::test]
async fn throttling_after_a_lost_answer_leaves_the_outcome_open() {
    let engine = engine::Engine::in_memory().unwrap();
    let (config, faults) = Faults::inject(&engine.sdk_config());
    let (config, recorder) = RequestRecorder::record(&config);
    let front = with_products(&config).await;
    faults.add(Matching::operation("ExecuteStatement").times(1), InjectedFault::DropAnswer);
    faults.add(Matching::operation("ExecuteStatement").always(), InjectedFault::throttled());
    faults.add(Matching::operation("Query").nth(2).always(), InjectedFault::throttled());
    recorder.clear();
    let answer = front.send("PATCH /products/p", &KEY, r#"{"price":"3"}"#).await;
    assert_eq!(recorder.take_operations().len(), 5, "load, insert, and three attempts to read what is there");
    assert_eq!((answer.refusal(), answer.header("retry-after")), ((503, "unavailable"), "1"));
    assert!(answer.body["detail"].as_str().unwrap().contains("not known"), "{}", answer.body);
    faults.clear();
    let again = front.send("PATCH /products/p", &KEY, r#"{"price":"3"}"#).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
}

#[tokio::test]
async fn without_valid_credentials_or_permissions_the_insert_is_sent_once() {
    let engine = engine::Engine::in_memory().unwrap();
    let (config, faults) = Faults::inject(&engine.sdk_config());
    let (config, recorder) = RequestRecorder::record(&config);
    let front = with_products(&config).await;
    for refusal in ["ExpiredTokenException", "UnrecognizedClientException", "AccessDeniedException"] {
        faults.clear();
        faults.add(Matching::operation("ExecuteStatement").always(), code(refusal));
        recorder.clear();
        let answer = front.send("PATCH /products/p", &[], r#"{"price":"3"}"#).await;
        assert_eq!(recorder.take_operations(), ["Query", "ExecuteStatement"], "{refusal}");
        assert_eq!(
            (answer.refusal(), answer.header("retry-after")),
            ((503, "unavailable"), "1"),
            "{refusal}"
        );
        assert_eq!(answer.body["detail"], "The command was not recorded; send it again later.");
    }
}

/// A journal that stops answering: at once, or at the first append.
struct Silent {
    journal: MemoryJournal,
    answers_reads: bool,
}

#[async_trait]
impl Journal for Silent {
    async fn append(&self, _: &StoredCommit) -> Result<(), AppendError> {
        pending().await
    }

    async fn newest(&self, product: &ProductId, at_most: u64) -> Result<Option<StoredCommit>, StoreError> {
        if self.answers_reads { self.journal.newest(product, at_most).await } else { pending().await }
    }

    async fn page(&self, _: &ProductId, _: u64, _: usize) -> Result<Vec<StoredCommit>, StoreError> {
        pending().await
    }

    async fn scan(&self, _: Option<ScanPosition>, _: usize) -> Result<ScanPage, StoreError> {
        pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_ends_within_its_time_and_says_whether_it_may_have_been_recorded() {
    for (answers_reads, detail) in
        [(false, "The command was not recorded"), (true, "Whether the command was recorded is not known")]
    {
        let front = Front::in_time(Arc::new(Silent { journal: MemoryJournal::default(), answers_reads }));
        let begun = Instant::now();
        // The second of them waits for its turn as long.
        let put = || front.send("PUT /products/p", &[], HELMET);
        let both = async { tokio::join!(put(), put()) };
        let (one, other) = timeout(10 * TIME_LIMIT, both).await.expect("they end");
        assert_eq!(begun.elapsed(), TIME_LIMIT);
        for answer in [&one, &other] {
            assert_eq!((answer.refusal(), answer.header("retry-after")), ((503, "unavailable"), "1"));
        }
        assert!(one.body["detail"].as_str().unwrap().starts_with(detail), "{}", one.body);
    }
    assert!(TIME_LIMIT < Duration::from_secs(14), "less than the function has");
}
