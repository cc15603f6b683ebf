//! The stream of a table and the event source mapping: delivers records at least once, in batches that are split,
//! repeated and reordered, until the function has processed every record or the mapping gives one up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::DynamoDbEventResponse;
use schema::StoredCommit;

use crate::chaos::{Chaos, process};

/// The number of shards that the products are spread over.
pub const SHARDS: usize = 2;

/// How often a batch is delivered before the mapping gives up its first record.
const MAX_ATTEMPTS: u32 = 12;

/// The records of each shard in order of delivery.
pub struct Stream {
    chaos: Arc<Chaos>,
    shards: Mutex<[Shard; SHARDS]>,
}

#[derive(Default)]
struct Shard {
    records: Vec<EventRecord>,
    /// Records before this index have been delivered and keep their place.
    delivered: usize,
}

impl Stream {
    pub fn new(chaos: Arc<Chaos>) -> Arc<Self> {
        Arc::new(Self { chaos, shards: Mutex::default() })
    }

    /// Adds an appended commit.
    pub fn add(&self, commit: &StoredCommit) {
        let image = serde_dynamo::to_item(&commit.0).unwrap();
        let product = commit.text("product_id").unwrap();
        let shard = product.bytes().map(usize::from).sum::<usize>() % SHARDS;
        self.insert(shard, inserted(image, ["product_id", "sequence"]));
    }

    /// Adds the record of an insert. It may overtake others that have not been delivered yet.
    pub fn insert(&self, shard: usize, record: EventRecord) {
        let mut shards = self.shards.lock().unwrap();
        let shard = &mut shards[shard];
        let mut place = shard.records.len();
        while place > shard.delivered && self.chaos.happens("record overtaken", 100) {
            place -= 1;
        }
        shard.records.insert(place, record);
    }

    /// Up to `most` records of a shard from an index on, with their sequence numbers.
    fn read(&self, shard: usize, from: usize, most: usize) -> Vec<EventRecord> {
        let mut shards = self.shards.lock().unwrap();
        let shard = &mut shards[shard];
        let to = shard.records.len().min(from + most);
        shard.delivered = shard.delivered.max(to);
        let numbered = |(n, record): (usize, &EventRecord)| {
            let mut record = record.clone();
            record.change.sequence_number = Some(sequence_number(from + n));
            record
        };
        shard.records[from..to].iter().enumerate().map(numbered).collect()
    }

    /// Delivers a shard's records to `function` until `finished` says that there are no more; returns how many were given up.
    pub async fn follow(
        &self,
        shard: usize,
        function: impl AsyncFn(Event) -> DynamoDbEventResponse,
        finished: impl Fn() -> bool,
    ) -> usize {
        let (mut from, mut attempts, mut given_up) = (0, 0, 0);
        loop {
            let records = self.read(shard, from, 1 + self.chaos.below(10));
            if records.is_empty() {
                if finished() {
                    return given_up;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
            let done = self.deliver(&records, from, &function).await;
            if done == 0 {
                attempts += 1;
                tokio::time::sleep(Duration::from_millis(500)).await;
            } else {
                attempts = 0;
            }
            from += done;
            if attempts == MAX_ATTEMPTS {
                (from, attempts, given_up) = (from + 1, 0, given_up + 1);
            }
            if self.chaos.happens("batch delivered again", 80) {
                from = from.saturating_sub(self.chaos.below(5));
            }
        }
    }

    /// How many of the records were processed: those before the lowest that the answer names, none if the function was killed.
    async fn deliver(
        &self,
        records: &[EventRecord],
        from: usize,
        function: &impl AsyncFn(Event) -> DynamoDbEventResponse,
    ) -> usize {
        let mut event = Event::default();
        event.records = records.to_vec();
        let Some(answer) = process(function(event)).await else {
            return 0;
        };
        let named = answer.batch_item_failures.iter();
        let named = named.map(|failure| failure.item_identifier.clone().unwrap_or_default());
        let place = |number: String| {
            (0..records.len()).find(|n| sequence_number(from + n) == number).unwrap_or_default()
        };
        named.map(place).min().unwrap_or(records.len())
    }
}

fn sequence_number(place: usize) -> String {
    format!("{:021}", place + 1)
}

/// The record of an insert of an item with these keys.
pub fn inserted(image: serde_dynamo::Item, keys: [&str; 2]) -> EventRecord {
    let mut record = EventRecord::default();
    record.event_name = "INSERT".into();
    record.change.new_image = image;
    let image = &record.change.new_image;
    record.change.keys =
        keys.map(|name| (name.to_owned(), image[name].clone())).into_iter().collect::<HashMap<_, _>>().into();
    record
}
