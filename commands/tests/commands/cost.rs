//! The cost of each command on `DynamoDB`, for any number of events.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use engine::probe::{Faults, InjectedFault, Matching, RequestRecorder};
use event_store::{dynamodb::to_item, seal};
use schema::{Commit, fixtures};

use super::front::{Front, HELMET};

async fn cost(
    front: &Front,
    recorder: &RequestRecorder,
    request: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Vec<(String, f64)> {
    recorder.clear();
    let answer = front.send(request, headers, body).await;
    assert!(answer.status.is_success() || answer.status == 412, "{request}: {}", answer.body);
    let units = |recorded: engine::probe::RecordedRequest| {
        let units = recorded.capacity();
        (recorded.request.operation, units.unwrap_or_default())
    };
    recorder.take().into_iter().map(units).collect()
}

fn requests(expected: &[(&str, f64)]) -> Vec<(String, f64)> {
    expected.iter().map(|(operation, units)| ((*operation).to_owned(), *units)).collect()
}

const INSERT: (&str, f64) = ("ExecuteStatement", 1.0);
const LOAD: (&str, f64) = ("Query", 1.0);

#[tokio::test]
async fn a_new_product_costs_one_request() {
    let engine = engine::Engine::in_memory().unwrap();
    let (config, recorder) = RequestRecorder::record(&engine.sdk_config());
    let front = Front::on(&config).await;
    assert_eq!(cost(&front, &recorder, "POST /products", &[], HELMET).await, requests(&[INSERT]));
    let absent = [("if-none-match", "*")];
    assert_eq!(cost(&front, &recorder, "PUT /products/p", &absent, HELMET).await, requests(&[INSERT]));
}

/// Writes a product of so many events, deleted and restored in turn, 100 commits a transaction.
async fn grow(client: &aws_sdk_dynamodb::Client, product: &str, events: usize) {
    let mut last: Option<Commit> = None;
    let mut writes = Vec::new();
    for n in 0..events {
        let event = match n {
            0 => fixtures::helmet_created(),
            n if n % 2 == 1 => fixtures::helmet_deleted(),
            _ => fixtures::helmet_restored(),
        };
        let (commit, stored) =
            seal(fixtures::commit_after(last.as_ref(), &fixtures::id(product), vec![event])).unwrap();
        last = Some(commit);
        let put =
            Put::builder().table_name("events").set_item(Some(to_item(&stored).unwrap())).build().unwrap();
        writes.push(TransactWriteItem::builder().put(put).build());
    }
    for chunk in writes.chunks(100) {
        client.transact_write_items().set_transact_items(Some(chunk.to_vec())).send().await.unwrap();
    }
}

#[tokio::test]
async fn where_the_state_has_no_time_of_the_price_a_price_costs_one_more_read_and_nothing_else_does() {
    let engine = engine::Engine::in_memory().unwrap();
    let (config, recorder) = RequestRecorder::record(&engine.sdk_config());
    let front = Front::on(&config).await;
    let mut unsealed = fixtures::commit_after(None, &fixtures::id("p"), vec![fixtures::helmet_created()]);
    unsealed.state.price_occurred_at = None;
    let item = to_item(&seal(unsealed).unwrap().1).unwrap();
    let client = event_store::metering::client(&config);
    client.put_item().table_name("events").set_item(Some(item)).send().await.unwrap();
    let renamed = cost(&front, &recorder, "PATCH /products/p", &[], r#"{"name":"Hat"}"#).await;
    assert_eq!(renamed, requests(&[LOAD, INSERT]));
    let repriced = cost(&front, &recorder, "PATCH /products/p", &[], r#"{"price":1}"#).await;
    assert_eq!(repriced, requests(&[LOAD, LOAD, INSERT]));
}

#[tokio::test]
async fn any_other_command_costs_two_requests_at_1_1_000_and_10_000_events() {
    let engine = engine::Engine::in_memory().unwrap();
    let (config, recorder) = RequestRecorder::record(&engine.sdk_config());
    let front = Front::on(&config).await;
    let client = event_store::metering::client(&config);
    for length in [1, 1_001, 10_001] {
        let product = format!("p{length}");
        grow(&client, &product, length).await;
        let patch = format!("PATCH /products/{product}");
        let written = cost(&front, &recorder, &patch, &[], r#"{"price":1}"#).await;
        assert_eq!(written, requests(&[LOAD, INSERT]), "{length}");
        let unchanged = cost(&front, &recorder, &patch, &[], r#"{"price":1}"#).await;
        assert_eq!(unchanged, requests(&[LOAD]), "{length}");
    }
}

#[tokio::test]
async fn a_repeated_command_costs_no_write() {
    let engine = engine::Engine::in_memory().unwrap();
    let (config, recorder) = RequestRecorder::record(&engine.sdk_config());
    let front = Front::on(&config).await;
    let key = [("idempotency-key", "k")];
    front.send("PUT /products/p", &key, HELMET).await;
    assert_eq!(cost(&front, &recorder, "PUT /products/p", &key, HELMET).await, requests(&[LOAD]));
    front.send("PATCH /products/p", &[], r#"{"price":1}"#).await;
    assert_eq!(cost(&front, &recorder, "PUT /products/p", &key, HELMET).await, requests(&[LOAD, LOAD]));
    let posted = front.send("POST /products", &key, HELMET).await;
    assert_eq!(posted.status, 201);
    let repeated: Vec<_> = cost(&front, &recorder, "POST /products", &key, HELMET)
        .await
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(repeated, ["ExecuteStatement", "Query"]);
}

/// One read for each ring behind the newest, and none for a command without a key or on a product that is written rarely.
#[tokio::test]
async fn a_command_with_a_key_on_a_busy_product_reads_at_most_seven_rings_more() {
    let engine = engine::Engine::in_memory().unwrap();
    let (config, recorder) = RequestRecorder::record(&engine.sdk_config());
    let front = Front::on(&config).await;
    front.send("PUT /products/p", &[], HELMET).await;
    let mut written = 0;
    for (keys, further) in [(31, 0), (32, 1), (33, 1), (64, 2), (65, 2), (250, 7), (300, 7)] {
        while written < keys {
            let (key, body) = (format!("k-{written}"), format!(r#"{{"price":{}}}"#, written + 1));
            front.send("PATCH /products/p", &[("idempotency-key", &key)], &body).await;
            written += 1;
        }
        let unchanged = format!(r#"{{"price":{written}}}"#);
        let with_key = [("idempotency-key", "new")];
        let spent = cost(&front, &recorder, "PATCH /products/p", &with_key, &unchanged).await;
        assert_eq!(spent, vec![("Query".to_owned(), 1.0); further + 1], "{keys}");
        let spent = cost(&front, &recorder, "PATCH /products/p", &[], &unchanged).await;
        assert_eq!(spent, requests(&[LOAD]), "{keys}");
    }
}

#[tokio::test]
async fn after_a_lost_race_only_what_is_new_is_searched_for_the_key() {
    let engine = engine::Engine::in_memory().unwrap();
    let (config, faults) = Faults::inject(&engine.sdk_config());
    let (config, recorder) = RequestRecorder::record(&config);
    let front = Front::on(&config).await;
    for n in 0..300 {
        let key = format!("k-{n}");
        let body = format!(r#"{{"name":"n","price":{}}}"#, n + 1);
        front.send("PUT /products/p", &[("idempotency-key", &key)], &body).await;
    }
    let lost = InjectedFault::Answer { status: 400, code: "DuplicateItemException".to_owned() };
    faults.add(Matching::operation("ExecuteStatement"), lost);
    recorder.clear();
    let answer = front.send("PATCH /products/p", &[("idempotency-key", "new")], r#"{"price":"0.5"}"#).await;
    assert_eq!(answer.status, 200);
    let operations = recorder.take_operations();
    let reads = operations.iter().filter(|operation| *operation == "Query").count();
    // The newest commit and seven rings; then what is at the key, and the newest commit once more.
    assert_eq!((reads, operations.len()), (8 + 2, 8 + 2 + 2), "{operations:?}");
}
