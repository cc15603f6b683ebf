//! A table whose stream has shards that split and go, and a consumer that catches up by reading the table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_dynamodb::types::AttributeValue;
use loopback::{StreamServer, TableServer};
use server::mapping::{CheckpointTable, EventSourceMapping, StreamEndpoint};

use crate::{Answer, Log, Running, TABLE, create_table, done, id, mapping, start};

pub(crate) struct Sharded {
    client: Client,
    pub(crate) checkpoints: CheckpointTable,
    pub(crate) streams: StreamServer,
}

/// What a consumer read from the table because the stream may not have it.
#[derive(Clone, Default)]
pub(crate) struct CaughtUp {
    times: Arc<AtomicUsize>,
    ids: Arc<Mutex<BTreeSet<String>>>,
}

impl CaughtUp {
    pub(crate) fn times(&self) -> usize {
        self.times.load(Ordering::Relaxed)
    }

    pub(crate) fn ids(&self) -> BTreeSet<String> {
        self.ids.lock().unwrap().clone()
    }
}

impl Sharded {
    pub(crate) async fn new() -> Self {
        let tables = TableServer::serve().await;
        let client = Client::new(&tables.sdk_config());
        create_table(&client).await;
        event_store::table::create(&client, "checkpoints", server::mapping::CHECKPOINTS_TABLE).await.unwrap();
        let streams = StreamServer::serve(&tables, TABLE).await;
        let checkpoints = CheckpointTable::new(client.clone(), "checkpoints");
        Self { client, checkpoints, streams }
    }

    pub(crate) fn endpoint(&self) -> StreamEndpoint {
        let credentials = Credentials::new("AKID", "SECRET", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(self.streams.url())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        StreamEndpoint::new(&config)
    }

    /// Puts items, the same one again each time its id comes.
    pub(crate) async fn put(&self, ids: impl IntoIterator<Item = &str>) {
        for (time, id) in ids.into_iter().enumerate() {
            let put = self.client.put_item().table_name(TABLE).item("id", AttributeValue::S(id.to_owned()));
            put.item("time", AttributeValue::N(time.to_string())).send().await.unwrap();
        }
    }

    /// A consumer that handles everything.
    pub(crate) fn run(&self, log: &Log, caught_up: &CaughtUp) -> Running {
        self.run_as(self.catching_up(mapping("reader"), caught_up), log, |_| done())
    }

    pub(crate) fn run_as(
        &self,
        mapping: EventSourceMapping,
        log: &Log,
        answer: impl Fn(&[String]) -> Answer + Send + Sync + 'static,
    ) -> Running {
        start(self.endpoint(), self.checkpoints.clone(), mapping, log, answer)
    }

    /// The mapping with a hook that reads every item.
    pub(crate) fn catching_up(
        &self,
        mapping: EventSourceMapping,
        caught_up: &CaughtUp,
    ) -> EventSourceMapping {
        let (client, caught_up) = (self.client.clone(), caught_up.clone());
        mapping.on_missed(move || {
            let (client, caught_up) = (client.clone(), caught_up.clone());
            async move {
                let page = client.scan().table_name(TABLE).limit(1_000).send().await.unwrap();
                let ids = page.items().iter().map(|item| item["id"].as_s().unwrap().clone());
                caught_up.ids.lock().unwrap().extend(ids);
                caught_up.times.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
        })
    }

    /// The shards that the consumer has a checkpoint for.
    pub(crate) async fn kept(&self) -> Vec<String> {
        let page = self.client.scan().table_name("checkpoints").limit(1_000).send().await.unwrap();
        let ids = page.items().iter().map(|item| item["id"].as_s().unwrap().clone());
        ids.filter_map(|id| Some(id.strip_prefix("reader#")?.to_owned())).collect()
    }
}

/// The numbers of the records of each item in the order in which they came.
pub(crate) fn numbers(log: &Log) -> BTreeMap<String, Vec<String>> {
    let mut numbers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for record in log.calls.lock().unwrap().iter().flatten() {
        numbers.entry(id(record)).or_default().push(record.change.sequence_number.clone().unwrap());
    }
    numbers
}
