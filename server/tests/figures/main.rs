//! Metrics: each is recorded where it happens, and written in CloudWatch's format.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod costs;
mod world;

use engine::probe::{InjectedFault, Matching, RecordedRequest};
use event_store::{Parking, Receipts};
use lambda::Emf;
use projections::PriceLog;
use projections::views::View;
use serde_json::Value;
use telemetry::meters;
use world::{MINUTE, World, count, sum};

const HELMET: &str = r#"{"name":"Helmet","price":"34.99"}"#;

fn refuse() -> InjectedFault {
    InjectedFault::Answer { status: 400, code: "AccessDeniedException".to_owned() }
}

#[tokio::test]
async fn commands_are_counted_by_kind_and_outcome_and_lost_races_too() {
    let emf = Emf::new("ProductLedger", "command-api");
    let _recording = metrics::set_default_local_recorder(&emf);
    let world = World::new(&emf).await;
    for (method, path, key, body) in [
        ("PUT", "/products/p", Some("k"), HELMET),
        ("PUT", "/products/p", Some("k"), HELMET),
        ("PATCH", "/products/p", None, r#"{"price":"34.99"}"#),
        ("PATCH", "/products/unknown", None, r#"{"price":"1"}"#),
        ("DELETE", "/products/p", None, ""),
        ("POST", "/products", None, r#"{"price":"x"}"#),
    ] {
        world.send(method, path, key, body).await;
    }
    let lines = world.lines();
    for (command, outcome) in [
        ("replace", "recorded"),
        ("replace", "replayed"),
        ("patch", "unchanged"),
        ("patch", "product-not-found"),
        ("delete", "recorded"),
        ("create", "invalid"),
    ] {
        let labels = [("command", command), ("outcome", outcome)];
        assert!((sum(&lines, meters::COMMANDS.name, &labels) - 1.0).abs() < f64::EPSILON, "{labels:?}");
    }
    assert!(sum(&lines, meters::CONFLICTS.name, &[]) < 0.5, "nobody raced");
    // What the table answers to the loser of a race against another process.
    let lost = InjectedFault::Answer { status: 400, code: "DuplicateItemException".to_owned() };
    world.faults.add(Matching::operation("ExecuteStatement"), lost);
    let (status, _) = world.send("PUT", "/products/p", None, r#"{"name":"n","price":"1"}"#).await;
    assert_eq!(status, 200);
    let conflicts = sum(&world.lines(), meters::CONFLICTS.name, &[]);
    assert!((conflicts - 1.0).abs() < f64::EPSILON, "{conflicts}");
}

#[tokio::test]
async fn one_command_of_a_function_leaves_two_lines_with_its_cost_and_no_name_of_a_client() {
    let emf = Emf::new("ProductLedger", "command-api");
    let _recording = metrics::set_default_local_recorder(&emf);
    let world = World::new(&emf).await;
    world.send("PUT", "/products/secret-product", None, HELMET).await;
    let lines = world.lines();
    assert_eq!(lines.len(), 2, "one for each of Query and ExecuteStatement: {lines:?}");
    assert!(!format!("{lines:?}").contains("secret"), "{lines:?}");
    let units: f64 = world.wire.take().iter().filter_map(RecordedRequest::capacity).sum();
    assert!((sum(&lines, meters::DYNAMODB_UNITS.name, &[("table", "ledger-events")]) - units).abs() < 0.01);
    let labels = [("method", "PUT"), ("route", "/products/{id}"), ("status", "201")];
    assert!((sum(&lines, meters::HTTP_REQUESTS.name, &labels) - 1.0).abs() < f64::EPSILON);
    assert_eq!(count(&lines, meters::HTTP_SECONDS.name, &labels[..2]), 1);
}

#[tokio::test]
async fn projecting_and_publishing_say_how_late_they_are_and_what_failed() {
    let emf = Emf::new("ProductLedger", "projector");
    let _recording = metrics::set_default_local_recorder(&emf);
    let world = World::new(&emf).await;
    for price in ["1", "2", "3"] {
        world.send("PUT", "/products/p", None, &format!(r#"{{"name":"n","price":"{price}"}}"#)).await;
    }
    let event = world.records("p", "INSERT").await;
    world.lines();
    world.project(event.clone()).await;
    world.faults.add(Matching::operation("TransactWriteItems"), refuse());
    world.publish(event.clone()).await;
    let lines = world.lines();
    for view in View::ALL.map(View::name) {
        assert_eq!(count(&lines, meters::PROJECTION_LAG.name, &[("view", view)]), 3, "{view}");
    }
    assert!(sum(&lines, meters::PROJECTION_LAG.name, &[]) < 60.0);
    assert_eq!(count(&lines, meters::PUBLISH_LAG.name, &[]), 3);
    assert!((sum(&lines, meters::PUBLISHED.name, &[("replay", "false")]) - 3.0).abs() < f64::EPSILON);
    let failed = [("code", "InternalFailure")];
    assert!((sum(&lines, meters::PUBLISH_FAILURES.name, &failed) - 1.0).abs() < f64::EPSILON);
    world.publish(event).await;
    assert!(sum(&world.lines(), meters::PUBLISHED.name, &[]) < 0.5, "nothing is published twice");
}

#[tokio::test]
async fn tampering_is_counted_by_every_consumer_that_sees_it() {
    let emf = Emf::new("ProductLedger", "projector");
    let _recording = metrics::set_default_local_recorder(&emf);
    let world = World::new(&emf).await;
    world.send("PUT", "/products/p", None, HELMET).await;
    for name in ["MODIFY", "REMOVE"] {
        let event = world.records("p", name).await;
        world.project(event.clone()).await;
        world.publish(event).await;
    }
    let lines = world.lines();
    for consumer in ["projector", "publisher"] {
        for operation in ["MODIFY", "REMOVE"] {
            let labels = [("consumer", consumer), ("operation", operation)];
            let seen = sum(&lines, meters::TAMPERING.name, &labels);
            assert!((seen - 1.0).abs() < f64::EPSILON, "{labels:?}: {seen}");
        }
    }
}

#[tokio::test]
async fn parked_products_are_counted_when_it_happens_and_shown_until_they_are_released() {
    let emf = Emf::new("ProductLedger", "projector");
    let _recording = metrics::set_default_local_recorder(&emf);
    let world = World::new(&emf).await;
    world.send("PUT", "/products/p", None, HELMET).await;
    let event = world.records("p", "INSERT").await;
    let of_view = |request: &engine::probe::SdkRequest| request.table.as_deref() == Some("ledger-products");
    world.faults.add(Matching::operation("PutItem").when(of_view).always(), refuse());
    world.project(event).await;
    world.system.projector.retry_parked(MINUTE).await.unwrap();
    let lines = world.lines();
    let labels = [("consumer", "products"), ("retryable", "true")];
    assert!((sum(&lines, meters::PARKINGS.name, &labels) - 2.0).abs() < f64::EPSILON, "{lines:?}");
    assert!((sum(&lines, meters::PARKED.name, &labels[..1]) - 1.0).abs() < f64::EPSILON);
    world.faults.clear();
    world.system.projector.retry_parked(MINUTE).await.unwrap();
    let lines = world.lines();
    let shown: Vec<&Value> = lines
        .iter()
        .filter(|line| line["consumer"] == "products")
        .map(|line| &line[meters::PARKED.name])
        .collect();
    assert_eq!(shown, [&Value::from(0.0)]);
}

#[tokio::test]
async fn a_time_of_recording_that_is_held_up_by_the_commit_before_is_counted() {
    let emf = Emf::new("ProductLedger", "command-api");
    let _recording = metrics::set_default_local_recorder(&emf);
    let world = World::new(&emf).await;
    let ahead = (world.system.clock_and_ids.clock)().millis() + 40_000;
    let ahead = chrono::DateTime::from_timestamp_millis(ahead).unwrap();
    let mut unsealed = schema::fixtures::commit_after(
        None,
        &schema::fixtures::id("p"),
        vec![schema::fixtures::helmet_created()],
    );
    unsealed.recorded_at = schema::Timestamp::new(ahead).unwrap();
    (unsealed.state.created_at, unsealed.state.updated_at) = (unsealed.recorded_at, unsealed.recorded_at);
    world.system.journal.append(&event_store::seal(unsealed).unwrap().1).await.unwrap();
    let (status, receipt) = world.send("PATCH", "/products/p", None, r#"{"price":"7"}"#).await;
    assert_eq!(status, 200, "{receipt}");
    assert!((sum(&world.lines(), meters::HELD_UP.name, &[]) - 1.0).abs() < f64::EPSILON);
}

/// What is said of one table never names another.
#[tokio::test]
async fn an_error_names_the_table_that_did_not_answer() {
    let emf = Emf::new("ProductLedger", "function");
    let world = World::new(&emf).await;
    world.faults.add(Matching::any().always(), refuse());
    let (system, id) = (&world.system, schema::fixtures::id("p"));
    let client = event_store::metering::client(&world.config);
    let receipts = event_store::DynamoReceipts::new(client.clone(), "ledger-receipts");
    let parking = event_store::DynamoParking::new(client.clone(), "ledger-parking");
    let prices = projections::DynamoPriceLog::new(client, "ledger-prices");
    let generation = projections::views::Generation(1);
    for (table, error) in [
        ("the event table", system.journal.newest(&id, 9).await.unwrap_err().to_string()),
        ("the event table", system.journal.page(&id, 0, 9).await.unwrap_err().to_string()),
        ("the event table", system.journal.scan(None, 9).await.unwrap_err().to_string()),
        ("the receipts table", receipts.position(&id).await.unwrap_err().to_string()),
        ("the receipts table", receipts.of(&id, 1, 9).await.unwrap_err().to_string()),
        ("the parking table", parking.of("publisher", &id).await.unwrap_err().to_string()),
        ("the parking table", parking.list("publisher", None, 9).await.unwrap_err().to_string()),
        ("the product table", system.views.get(generation, &id).await.unwrap_err().to_string()),
        ("the price table", prices.newest(generation, &id).await.unwrap_err().to_string()),
        ("the price table", prices.history(generation, &id).await.unwrap_err().to_string()),
        ("the product table", system.views.generations().await.unwrap_err().to_string()),
    ] {
        let named: Vec<&str> = ["event", "receipts", "parking", "product", "price"]
            .into_iter()
            .filter(|name| error.contains(&format!("the {name} table")))
            .collect();
        assert_eq!(named, [table.split(' ').nth(1).unwrap()], "{error}");
    }
}
