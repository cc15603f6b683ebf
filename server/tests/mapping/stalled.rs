//! A consumer of a stream that makes no progress says so after a minute: by a paused clock, with a stream and checkpoints that
//! a script answers at once.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lambda_events::event::streams::DynamoDbEventResponse;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use schema::Timestamp;
use serde_json::{Value, json};
use server::mapping::{CheckpointTable, EventSourceMapping, StreamEndpoint};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::{TABLE, failed_at};

type Answer = fn(&str, &Value) -> Result<Value, &'static str>;

#[derive(Debug)]
struct Script(Answer);

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = request.headers().get("x-amz-target").unwrap().rsplit('.').next().unwrap().to_owned();
        let body = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let (status, answer) = match (self.0)(&operation, &body) {
            Ok(answer) => (200_u16, answer),
            Err(code) => (400, json!({"__type": code, "message": "on purpose"})),
        };
        let response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(answer.to_string()));
        HttpConnectorFuture::ready(Ok(response))
    }
}

/// One open shard with one record, and checkpoints that are never there.
#[expect(clippy::unnecessary_wraps, reason = "it is the answer of a script that may fail")]
fn one_record(operation: &str, request: &Value) -> Result<Value, &'static str> {
    Ok(match operation {
        "ListStreams" => json!({"Streams": [{"StreamArn": "arn", "StreamLabel": "1", "TableName": TABLE}]}),
        "DescribeStream" => {
            json!({"StreamDescription": {"StreamArn": "arn", "Shards": [{"ShardId": "shard-1"}]}})
        }
        "GetShardIterator" => json!({"ShardIterator": "0"}),
        "GetRecords" if request["ShardIterator"] == "0" => json!({"NextShardIterator": "1", "Records": [
            {"eventName": "INSERT", "dynamodb": {"Keys": {"id": {"S": "a"}}, "SequenceNumber": "7"}}]}),
        "GetRecords" => json!({"NextShardIterator": "1", "Records": []}),
        _ => json!({}),
    })
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs the mapping for two minutes and a half, and returns the lines about missing progress.
async fn said(answer: Answer, mapping: EventSourceMapping, fails: bool) -> Vec<String> {
    let lines = Lines::default();
    let writer = lines.clone();
    let log = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
    let _guard = tracing::subscriber::set_default(log);
    let script = http_client_fn(move |_, _| SharedHttpConnector::new(Script(answer)));
    let config = engine::Engine::in_memory().unwrap().sdk_config().to_builder().http_client(script).build();
    let checkpoints = CheckpointTable::new(aws_sdk_dynamodb::Client::new(&config), "checkpoints");
    let (stop, stopping) = watch::channel(false);
    let function = |_| {
        let failed = if fails { failed_at(["7".to_owned()]) } else { Ok(DynamoDbEventResponse::default()) };
        std::future::ready(failed)
    };
    let running = async {
        tokio::time::sleep(Duration::from_secs(150)).await;
        stop.send_replace(true);
    };
    let source = StreamEndpoint::new(&config);
    tokio::join!(mapping.run(&source, &checkpoints, function, stopping), running);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    text.lines().filter(|line| line.contains("makes no progress")).map(str::to_owned).collect()
}

fn reader() -> EventSourceMapping {
    EventSourceMapping::new("reader", TABLE)
}

#[tokio::test(start_paused = true)]
async fn a_function_that_fails_is_named_every_minute_with_its_shard() {
    let said = said(one_record, reader(), true).await;
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said.iter().all(|line| line.contains("shard-1") && line.contains("reports a failed record")));
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_has_read_everything_says_nothing() {
    assert_eq!(said(one_record, reader(), false).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_keeps_the_stream_from_being_read_is_named() {
    let cases: [(Answer, &str); 5] = [
        (
            |operation, request| {
                if operation == "GetRecords" { Err("Broken") } else { one_record(operation, request) }
            },
            "Broken",
        ),
        (
            |operation, request| {
                if operation == "ListStreams" { Err("Denied") } else { one_record(operation, request) }
            },
            "Denied",
        ),
        (
            |operation, request| {
                if operation == "Scan" { Err("NoTable") } else { one_record(operation, request) }
            },
            "NoTable",
        ),
        (
            |operation, request| match operation {
                "GetShardIterator" => Err("ResourceNotFoundException"),
                _ => one_record(operation, request),
            },
            "does not find this shard",
        ),
        (
            |operation, request| match operation {
                "DescribeStream" => Ok(json!({"StreamDescription": {"StreamArn": "arn", "Shards": [
                    {"ShardId": "a", "ParentShardId": "b"}, {"ShardId": "b", "ParentShardId": "a"}]}})),
                _ => one_record(operation, request),
            },
            "waits for a parent that is not read",
        ),
    ];
    for (answer, reason) in cases {
        let said = said(answer, reader(), false).await;
        assert!(!said.is_empty() && said.iter().all(|line| line.contains(reason)), "{reason}: {said:?}");
    }
}

/// The stream says nothing of records that it dropped from the beginning of a shard.
#[tokio::test(start_paused = true)]
async fn a_shard_that_cannot_be_read_from_its_oldest_record_for_a_day_is_caught_up_for() {
    let (times, begun) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let counted = times.clone();
    // A day a minute.
    let clock = move || Timestamp::EPOCH.days_before(-i64::try_from(begun.elapsed().as_secs() / 60).unwrap());
    let reader = reader().clock(Arc::new(clock)).on_missed(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Ok(()))
    });
    let unread = |operation: &str, request: &Value| match operation {
        "GetRecords" => Err("Broken"),
        _ => one_record(operation, request),
    };
    said(unread, reader, false).await;
    assert_eq!(times.load(Ordering::Relaxed), 3, "because it was new, after a day, and after two");
}

#[tokio::test(start_paused = true)]
async fn catching_up_that_fails_is_named() {
    let failing = reader().on_missed(|| std::future::ready(Err("the table does not answer".to_owned())));
    let said = said(one_record, failing, false).await;
    assert!(
        said.len() == 2 && said.iter().all(|line| line.contains("the table does not answer")),
        "{said:?}"
    );
}
