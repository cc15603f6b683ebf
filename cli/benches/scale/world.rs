//! The system in this process on an engine on file, its requests written down, and commits as the stream brings them.

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use cli::system::{Reach, System, create_tables};
use engine::Engine;
use engine::probe::Recorder;
use event_store::seal;
use schema::http::Edge;
use schema::settings::Settings;
use schema::{Commit, StoredCommit, fixtures};
use tempfile::TempDir;

use crate::commits::dearer;

/// A ledger with empty tables.
pub struct World {
    pub system: System,
    pub wire: Recorder,
    pub reach: Reach,
    pub settings: Settings,
    _engine: Engine,
    _directory: TempDir,
}

impl World {
    pub async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let engine = Engine::open(&directory.path().join("data")).unwrap();
        let settings = Settings::read(|_| None).unwrap();
        create_tables(&engine.sdk_config(), &settings).await.unwrap();
        let mut reach = Reach::embedded(&engine, None);
        let (recorded, wire) = Recorder::record(&reach.following);
        reach.following = recorded;
        let system = System::new(&reach, settings.clone(), Edge::system());
        Self { system, wire, reach, settings, _engine: engine, _directory: directory }
    }

    /// How many requests were sent since the last look that write, and how many items they write.
    pub fn writes(&self) -> (usize, usize) {
        let (mut requests, mut items) = (0, 0);
        for recorded in self.wire.take() {
            let body = &recorded.request.body;
            let written = match recorded.request.operation.as_str() {
                "PutItem" | "UpdateItem" | "DeleteItem" | "ExecuteStatement" => 1,
                "TransactWriteItems" => body["TransactItems"].as_array().map_or(0, Vec::len),
                "BatchWriteItem" => {
                    let tables = body["RequestItems"].as_object().into_iter().flatten();
                    tables.filter_map(|(_, writes)| writes.as_array()).map(Vec::len).sum()
                }
                _ => continue,
            };
            requests += 1;
            items += written;
        }
        (requests, items)
    }
}

/// Products that get one more commit after the other.
pub struct Stories(Vec<(String, Option<Commit>)>);

impl Stories {
    pub fn of(products: usize) -> Self {
        Self((0..products).map(|n| (format!("product-{n:06}"), None)).collect())
    }

    /// The next commits, in turn of every product, as one batch of stream records.
    pub fn batch(&mut self, commits: usize) -> Event {
        let products = self.0.len();
        let mut event = Event::default();
        event.records = (0..commits).map(|n| record(n, &self.next(n % products))).collect();
        event
    }

    fn next(&mut self, product: usize) -> StoredCommit {
        let (id, before) = &mut self.0[product];
        let events = match &before {
            None => vec![fixtures::helmet_created()],
            Some(commit) => vec![dearer(commit, usize::try_from(commit.sequence).unwrap())],
        };
        let (commit, stored) =
            seal(fixtures::commit_after(before.as_ref(), &fixtures::id(id), events)).unwrap();
        *before = Some(commit);
        stored
    }
}

fn record(n: usize, commit: &StoredCommit) -> EventRecord {
    let item = event_store::dynamodb::to_item(commit).unwrap();
    let keys = item.iter().filter(|(name, _)| ["product_id", "sequence"].contains(&name.as_str()));
    let keys: event_store::dynamodb::Item = keys.map(|(name, value)| (name.clone(), value.clone())).collect();
    let mut record = EventRecord::default();
    "INSERT".clone_into(&mut record.event_name);
    record.change.sequence_number = Some(n.to_string());
    record.change.keys = keys.into();
    record.change.new_image = item.into();
    record
}
