//! The metering client counts exactly the requests that are sent.

use engine::probe::{Faults, InjectedFault, Matching, RequestRecorder};
use event_store::parking::{Parking, ParkingCause};
use event_store::{AppendError, DynamoJournal, DynamoParking, Journal, metering, table};
use lambda::Emf;
use schema::{Timestamp, fixtures};
use serde_json::Value;
use telemetry::meters::{DYNAMODB_REQUESTS, DYNAMODB_UNITS};
use telemetry::usage::{Usage, UsageCounter};

use super::adapters::commit;

/// All recorded values of a metric, with its labels in the given order.
fn figures(emf: &Emf, name: &str, labels: &[&str]) -> Vec<(Vec<String>, Value)> {
    let lines = emf.lines(Timestamp::EPOCH);
    let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let figure = |line: Value| {
        let value = line.get(name)?.clone();
        let text = |label: &&str| line[*label].as_str().unwrap_or_default().to_owned();
        Some((labels.iter().map(text).collect::<Vec<String>>(), value))
    };
    let mut figures: Vec<(Vec<String>, Value)> = lines.filter_map(figure).collect();
    figures.sort_by(|one, other| one.0.cmp(&other.0));
    figures
}

#[tokio::test]
async fn each_attempt_is_counted_with_the_units_its_answer_names() {
    let emf = Emf::new("test", "test");
    let _recording = metrics::set_default_local_recorder(&emf);
    let engine = engine::Engine::in_memory().unwrap();
    let (config, faults) = Faults::inject(&engine.sdk_config());
    let (config, wire) = RequestRecorder::record(&config);
    let client = metering::client(&config);
    table::create(&client, "events", event_store::TABLE).await.unwrap();
    table::create(&client, "parking", event_store::parking::TABLE).await.unwrap();
    let journal = DynamoJournal::new(client.clone(), "events");
    let parking = DynamoParking::new(client, "parking");
    let product = fixtures::id("p");
    let (_, stored) = commit(None, &product, vec![fixtures::helmet_created()]);
    let trouble =
        ParkingCause { from_sequence: 1, reason: "r".into(), retryable: true, at: Timestamp::EPOCH };
    wire.clear();
    faults.add(Matching::operation("ExecuteStatement"), InjectedFault::FailBefore);
    faults.add(Matching::operation("Query"), InjectedFault::FailBefore);
    let usage_counter = UsageCounter::default();
    usage_counter
        .count(async {
            assert!(matches!(journal.append(&stored).await, Err(AppendError::Unknown(_))));
            journal.append(&stored).await.unwrap();
            assert!(matches!(journal.append(&stored).await, Err(AppendError::Occupied)));
            journal.newest(&product, 1).await.unwrap();
            parking.park("c", &product, &trouble).await.unwrap();
            parking.list("c", None, 10).await.unwrap();
        })
        .await;
    let sent = wire.take();
    let units: f64 = sent.iter().filter_map(engine::probe::RecordedRequest::capacity).sum();
    assert_eq!(usage_counter.usage(), Usage { requests: sent.len() as u64, units });
    assert!(units >= 3.0 && sent.len() >= 7, "{units} units in {} requests", sent.len());
    let results = figures(&emf, DYNAMODB_REQUESTS.name, &["table", "operation", "result"]);
    let of_appends: Vec<_> =
        results.iter().filter(|(labels, _)| labels[1] == "ExecuteStatement").cloned().collect();
    let expected = |outcome: &str, count: f64| {
        (vec!["events".to_owned(), "ExecuteStatement".to_owned(), outcome.to_owned()], Value::from(count))
    };
    assert_eq!(of_appends, [expected("condition", 1.0), expected("failed", 1.0), expected("ok", 1.0)]);
}

#[tokio::test]
async fn throttling_and_units_have_figures_of_their_own() {
    let emf = Emf::new("test", "test");
    let _recording = metrics::set_default_local_recorder(&emf);
    let engine = engine::Engine::in_memory().unwrap();
    let (config, faults) = Faults::inject(&engine.sdk_config());
    let client = metering::client(&config);
    table::create(&client, "events", event_store::TABLE).await.unwrap();
    let journal = DynamoJournal::new(client, "events");
    faults.add(Matching::operation("Query"), InjectedFault::throttled());
    journal.newest(&fixtures::id("p"), 1).await.unwrap();
    let lines: Vec<Value> =
        emf.lines(Timestamp::EPOCH).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let counted = |result: &str| {
        let line = lines.iter().find(|line| line["result"] == result);
        line.and_then(|line| line[DYNAMODB_REQUESTS.name].as_f64())
    };
    assert_eq!((counted("throttled"), counted("ok")), (Some(1.0), Some(1.0)), "{lines:?}");
    let units = lines.iter().find_map(|line| line.get(DYNAMODB_UNITS.name));
    assert_eq!(units.and_then(Value::as_array).map(Vec::len), Some(1), "{lines:?}");
}
