//! What the log costs on DynamoDB, in write units for each commit.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use engine::probe::{RecordedRequest, RequestRecorder};
use event_store::announced::{self, DynamoAnnouncements};
use event_store::{AnnouncedCommit, Announcement, Announcements, metering, table};
use sequencer::{DynamoLogTable, LOG_TABLE, LogFeed, LogTable, Sequencer, SequencerPorts};

use crate::given::{Given, MINUTE, ids, noon};

const WRITES: [&str; 3] = ["PutItem", "ExecuteStatement", "BatchExecuteStatement"];

/// Units of requests that write, and of those that read.
fn units(requests: &[RecordedRequest]) -> (f64, f64) {
    let mut units = (0.0, 0.0);
    for request in requests {
        let spent = request.capacity().unwrap_or_default();
        if WRITES.contains(&request.request.operation.as_str()) {
            units.0 += spent;
        } else {
            units.1 += spent;
        }
    }
    units
}

/// A product id as long as a ULID.
fn id(n: usize) -> String {
    format!("01M8MY38E30VPC3D3ES3H{n:05}")
}

#[tokio::test]
async fn a_commit_costs_at_most_1_3_write_units_in_batches_of_100() {
    let engine = engine::Engine::in_memory().unwrap();
    let (config, recorder) = RequestRecorder::record(&engine.sdk_config());
    let client: Client = metering::client(&config);
    table::create(&client, "log", LOG_TABLE).await.unwrap();
    table::create(&client, "items", announced::TABLE).await.unwrap();
    let given = Given::default();
    let log: Arc<dyn LogTable> = Arc::new(DynamoLogTable::new(client.clone(), "log"));
    let announcements = Arc::new(DynamoAnnouncements::new(client, "items"));
    let ports = SequencerPorts { table: log.clone(), announcements: announcements.clone(), ..given.ports() };
    let (ids, sequencer) = (ids(), Sequencer::new(ports, Arc::new(noon), ids()));
    sequencer.drain(MINUTE).await.unwrap();
    for round in 1..=3 {
        let mut commits: Vec<AnnouncedCommit> = Vec::new();
        for n in 0..100 {
            commits.push(given.commit(&id(n), 1).await);
        }
        recorder.clear();
        let announcement = Announcement { id: ids(), oldest: Some(noon()), commits };
        announcements.announce(&announcement).await.unwrap();
        assert_eq!(sequencer.log(&announcement.commits, Some(announcement.id)).await.unwrap().logged, 100);
        let requests = recorder.take();
        let (written, read) = units(&requests);
        println!("round {round}: {written} write units and {read} read units for 100 commits");
        assert!((100.0..=130.0).contains(&written), "{written} write units for 100 commits");
        // One read of the newest entry for each product, and the newest batch.
        assert!(read <= 125.0, "{read} read units for 100 commits of 100 products");
    }
    let repeated: Vec<_> = (0..100).map(|n| given.announced(&id(n))).collect();
    recorder.clear();
    sequencer.log(&repeated, None).await.unwrap();
    let (written, _) = units(&recorder.take());
    assert!(written < f64::EPSILON, "{written} write units for what is logged already");
    recorder.clear();
    let feed = LogFeed::new(given.journal.clone(), log);
    let position = event_store::Feed::position_of(&feed, &given.announced(&id(7)).product, 2).await.unwrap();
    assert!(position.is_some());
    assert_eq!(
        recorder.take().len(),
        2,
        "a position is two requests at a time: the entry, and whether the index has branches"
    );
}
