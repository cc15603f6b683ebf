//! The event source mapping on a double of DynamoDB: order, failures, restarts and shards, as a Lambda sees them.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod delivery;
mod failures;
mod gone;
mod restarts;
mod sharded;
mod shards;
mod stalled;
mod strange;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    StreamSpecification, StreamViewType,
};
use engine::Engine;
use event_store::backoff::Backoff;
use server::mapping::{CheckpointTable, EventSourceMapping, RedeliveryPolicy, StreamEndpoint};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const TABLE: &str = "things";

/// How often to look for news.
const OFTEN: Duration = Duration::from_millis(5);

/// Longer than any test takes: what waits for it fails by the clock.
const NEVER: Duration = Duration::from_hours(1);

type Answer = Result<DynamoDbEventResponse, String>;

/// An engine with a table that has a stream.
struct World {
    engine: Engine,
    client: Client,
    checkpoints: CheckpointTable,
}

impl World {
    async fn new() -> Self {
        let world = Self::on(Engine::in_memory().unwrap()).await;
        create_table(&world.client).await;
        world
    }

    async fn on(engine: Engine) -> Self {
        let client = Client::new(&engine.sdk_config());
        let checkpoints = CheckpointTable::new(client.clone(), "checkpoints");
        event_store::table::create(&client, "checkpoints", server::mapping::CHECKPOINTS_TABLE).await.unwrap();
        Self { engine, client, checkpoints }
    }

    async fn put(&self, ids: impl IntoIterator<Item = &str>) {
        for id in ids {
            let id = AttributeValue::S(id.to_owned());
            self.client.put_item().table_name(TABLE).item("id", id).send().await.unwrap();
        }
    }

    fn run(
        &self,
        mapping: EventSourceMapping,
        log: &Log,
        answer: impl Fn(&[String]) -> Answer + Send + Sync + 'static,
    ) -> Running {
        self.run_from(StreamEndpoint::new(&self.engine.sdk_config()), mapping, log, answer)
    }

    /// Runs `mapping` on another endpoint.
    fn run_from(
        &self,
        source: StreamEndpoint,
        mapping: EventSourceMapping,
        log: &Log,
        answer: impl Fn(&[String]) -> Answer + Send + Sync + 'static,
    ) -> Running {
        start(source, self.checkpoints.clone(), mapping, log, answer)
    }
}

/// Runs `mapping` with a function that writes down what it got before it answers.
fn start(
    source: StreamEndpoint,
    checkpoints: CheckpointTable,
    mapping: EventSourceMapping,
    log: &Log,
    answer: impl Fn(&[String]) -> Answer + Send + Sync + 'static,
) -> Running {
    let (stop, stopped) = watch::channel(false);
    let (log, answer) = (log.clone(), Arc::new(answer));
    let task = tokio::spawn(async move {
        let function = move |event: Event| {
            let (log, answer) = (log.clone(), answer.clone());
            async move { answer(&log.write(event)) }
        };
        mapping.run(&source, &checkpoints, function, stopped).await;
    });
    Running { stop, task }
}

/// What has not come after this time does not come, also on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    async fn stop(self) {
        self.stop.send_replace(true);
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }
}

/// The calls a function got.
#[derive(Clone, Default)]
struct Log {
    calls: Arc<Mutex<Vec<Vec<EventRecord>>>>,
    count: Arc<watch::Sender<usize>>,
}

impl Log {
    fn write(&self, event: Event) -> Vec<String> {
        let ids = event.records.iter().map(id).collect();
        self.calls.lock().unwrap().push(event.records);
        self.count.send_modify(|count| *count += 1);
        ids
    }

    /// The sequence number of a record of the first call.
    fn number(&self, place: usize) -> String {
        let calls = self.calls.lock().unwrap();
        calls[0][place].change.sequence_number.clone().unwrap()
    }

    /// The ids of each call so far.
    fn calls(&self) -> Vec<Vec<String>> {
        let calls = self.calls.lock().unwrap();
        calls.iter().map(|records| records.iter().map(id).collect()).collect()
    }

    /// Waits until `enough` of the calls so far, and returns them.
    async fn until(&self, enough: impl Fn(&[Vec<String>]) -> bool) -> Vec<Vec<String>> {
        let mut count = self.count.subscribe();
        let waiting = count.wait_for(|_| enough(&self.calls()));
        let waited = tokio::time::timeout(PATIENCE, waiting).await.map(drop);
        assert!(waited.is_ok(), "never came: {:?}", self.calls());
        self.calls()
    }

    /// Waits until record `id` was in a call.
    async fn until_seen(&self, id: &str) -> Vec<Vec<String>> {
        self.until(|calls| calls.iter().flatten().any(|seen| seen == id)).await
    }
}

fn id(record: &EventRecord) -> String {
    match record.change.keys.get("id") {
        Some(serde_dynamo::AttributeValue::S(id)) => id.clone(),
        other => panic!("no id: {other:?}"),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "a function's answer is one that may fail")]
fn done() -> Answer {
    Ok(DynamoDbEventResponse::default())
}

/// The answer of a function that failed at these sequence numbers.
#[expect(clippy::unnecessary_wraps, reason = "a function's answer is one that may fail")]
fn failed_at(numbers: impl IntoIterator<Item = String>) -> Answer {
    let mut response = DynamoDbEventResponse::default();
    for number in numbers {
        let mut failure = DynamoDbBatchItemFailure::default();
        failure.item_identifier = Some(number);
        response.batch_item_failures.push(failure);
    }
    Ok(response)
}

fn mapping(consumer: &str) -> EventSourceMapping {
    EventSourceMapping::new(consumer, TABLE).poll_every(OFTEN).redelivery(RedeliveryPolicy {
        backoff: Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(2) },
        bisect_after: 1,
        most_retries: 2,
    })
}

async fn create_table(client: &Client) {
    let id = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash);
    let stream =
        StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewAndOldImages);
    client
        .create_table()
        .table_name(TABLE)
        .attribute_definitions(id.build().unwrap())
        .key_schema(key.build().unwrap())
        .billing_mode(BillingMode::PayPerRequest)
        .stream_specification(stream.build().unwrap())
        .send()
        .await
        .unwrap();
}
