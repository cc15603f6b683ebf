//! The schedule of the reconcile: what the stream never delivered is published, and what protects the event table is looked at.

use loopback::{EntryResult, FunctionResponse, Presence, Protection, TableRequest};
use serde_json::{Value, json};

use crate::given::{all_well, concerns, given, given_as, reconcile, two_shards};

const ALL: [u64; 3] = [1, 2, 3];

fn reconciled(compared: u32, complete: bool) -> FunctionResponse {
    FunctionResponse::Response(json!({"compared": compared, "complete": complete}))
}

/// All values of a metric, those of a distribution one by one, with the value of one of its labels.
fn values(metrics: &[Value], name: &str, label: &str) -> Vec<(Value, Value)> {
    metrics.iter().filter_map(|line| Some((line[label].clone(), line.get(name)?.clone()))).collect()
}

#[tokio::test]
async fn what_no_stream_record_ever_told_of_is_published_by_a_round_and_counted() {
    let given = given().await;
    assert_eq!(given.invoke(&reconcile()).await, reconciled(2, true));
    assert_eq!((given.accepted("shard-one"), given.accepted("shard-two")), (ALL.to_vec(), ALL.to_vec()));
    assert_eq!(given.parked().await, [""; 0]);
    assert_eq!(given.invoke(&reconcile()).await, reconciled(0, false), "the next round begins a day later");
    assert_eq!(given.bus.accepted().len(), 6);

    let log = given.function.stop().await;
    let metrics = log.metrics();
    let mut results = values(&metrics, "ledger_reconciled_products_total", "result");
    results.sort_by_key(|(result, _)| result.to_string());
    let expected = [("agrees", 0.0), ("left", 0.0), ("parked", 0.0), ("repaired", 2.0)];
    assert_eq!(results, expected.map(|(result, count)| (json!(result), json!(count))), "{}", log.out);
    let left = values(&metrics, "ledger_reconcile_left_products", "consumer");
    assert_eq!(left, [(json!("publisher"), json!(0.0)), (json!("publisher"), json!(0.0))]);
    let ages = values(&metrics, "ledger_reconcile_age_seconds", "consumer");
    assert_eq!(ages.len(), 2, "also of a run with nothing to do: {}", log.out);
    let messages = log.messages();
    let [line] = messages.as_slice() else { panic!("{}", log.out) };
    assert_eq!(
        (&line["consumer"], &line["products"], &line["repaired"]),
        (&json!("publisher"), &json!(2), &json!(2))
    );
}

#[tokio::test]
async fn what_is_published_already_costs_two_reads_and_no_write() {
    let given = given().await;
    assert_eq!(given.invoke(&two_shards()).await, all_well());
    let _ = given.tables.take_requests();
    assert_eq!(given.invoke(&reconcile()).await, reconciled(2, true));
    let requests = given.tables.take_requests();
    let on = |table: &str, operation: &str| {
        let of =
            |request: &&TableRequest| request.operation == operation && request.body["TableName"] == table;
        requests.iter().filter(of).count()
    };
    assert_eq!((on("events", "Query"), on("receipts", "Query")), (2, 2), "{requests:?}");
    assert_eq!((on("parking", "GetItem"), on("parking", "UpdateItem")), (1, 1), "{requests:?}");
    assert!(on("events", "Scan") <= 3, "{requests:?}");
    assert_eq!(requests.len(), 6 + on("events", "Scan"), "{requests:?}");
}

#[tokio::test]
async fn a_parked_product_is_left_to_its_schedule_and_what_stays_behind_is_an_alarm() {
    let given = given().await;
    given.bus.respond_with(|entry| match () {
        () if entry["Resources"] == json!(["shard-one"]) => EntryResult::Refused("MalformedDetail"),
        () => EntryResult::Accepted,
    });
    assert_eq!(given.invoke(&reconcile()).await, reconciled(2, true));
    assert_eq!(given.parked().await, ["shard-one"]);
    assert_eq!((given.accepted("shard-one"), given.accepted("shard-two")), (vec![], ALL.to_vec()));
    let log = given.function.stop().await;
    let metrics = log.metrics();
    let left = values(&metrics, "ledger_reconcile_left_products", "consumer");
    assert_eq!(left, [(json!("publisher"), json!(1.0))]);
    let [(_, oldest)] = &values(&metrics, "ledger_reconcile_oldest_seconds", "consumer")[..] else {
        panic!("{}", log.out)
    };
    assert!(oldest.as_f64().unwrap() > 86_400.0, "recorded in 2025: {oldest}");
    let named = log
        .messages()
        .into_iter()
        .any(|line| line["product_id"] == "shard-one" && line["reason"].is_string());
    assert!(named, "{}", log.out);
}

#[tokio::test]
async fn a_product_that_was_parked_before_is_not_sent_by_a_round() {
    let given = given().await;
    given.bus.respond_with(|_| EntryResult::Refused("AccessDeniedException"));
    assert_eq!(given.invoke(&two_shards()).await, all_well());
    given.bus.respond_with(|_| EntryResult::Accepted);
    assert_eq!(given.invoke(&reconcile()).await, reconciled(2, true));
    assert_eq!(given.bus.accepted(), [] as [Value; 0]);
    let results =
        values(&given.function.stop().await.metrics(), "ledger_reconciled_products_total", "result");
    assert!(results.contains(&(json!("parked"), json!(2.0))), "{results:?}");
    assert!(results.contains(&(json!("left"), json!(0.0))), "{results:?}");
}

#[tokio::test]
async fn a_round_that_a_store_interrupts_goes_on_in_the_next_run() {
    let given = given().await;
    given.tables.throttle(|request| concerns(request, "receipts", "shard-two"));
    let FunctionResponse::Error(_, error) = given.invoke(&reconcile()).await else { panic!("an error") };
    let message = error["errorMessage"].as_str().unwrap();
    assert!(message.starts_with("the reconcile could not go on: the receipts table"), "{message}");
    given.tables.recover();
    let FunctionResponse::Response(answer) = given.invoke(&reconcile()).await else { panic!("an answer") };
    assert_eq!(answer["complete"], true, "{answer}");
    assert_eq!((given.accepted("shard-one"), given.accepted("shard-two")), (ALL.to_vec(), ALL.to_vec()));
}

#[tokio::test]
async fn a_round_without_a_bus_publishes_nothing() {
    let given = given().await;
    given.bus.is(Presence::Missing);
    assert_eq!(given.invoke(&reconcile()).await, reconciled(2, true));
    assert_eq!(given.bus.accepted(), [] as [Value; 0]);
    assert_eq!(given.parked().await.len(), 2);
}

fn policy() -> Value {
    let but = |roles: Value| json!({"ArnNotEquals": {"aws:PrincipalArn": roles}});
    json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "NoRewriting", "Effect": "Deny", "Principal": {"AWS": "*"}, "Resource": "*",
         "Action": ["dynamodb:PutItem", "dynamodb:DeleteItem"], "Condition": but(json!(["arn:a", "arn:b"]))},
        {"Sid": "OneInserter", "Effect": "Deny", "Principal": {"AWS": "*"}, "Resource": "*",
         "Action": "dynamodb:PartiQLInsert", "Condition": but(json!("arn:a"))}]})
}

pub fn deployed() -> Protection {
    Protection {
        policy: Some(policy()),
        recovery: true,
        deletion_protection: true,
        stream: true,
        refused: None,
    }
}

/// What the function is told of the protection.
pub fn expected() -> String {
    json!({"policy": policy(), "deletion_protection": true}).to_string()
}

/// Result, tampering signals, and the log lines of a check of this protection.
async fn checked(found: Protection) -> (Value, usize, Vec<Value>) {
    let given = given_as(|publisher| publisher.with("LEDGER_EVENTS_PROTECTION", &expected())).await;
    given.tables.protect(found);
    let FunctionResponse::Response(answer) = given.invoke(&reconcile()).await else { panic!("an answer") };
    assert_eq!(answer["complete"], true, "the round goes on whatever was found: {answer}");
    let log = given.function.stop().await;
    let signals = values(&log.metrics(), "ledger_tampering_total", "operation");
    assert!(signals.iter().all(|signal| *signal == (json!("other"), json!(1.0))), "{signals:?}");
    let checks = values(&log.metrics(), "ledger_protection_checks_total", "result");
    assert_eq!(checks, [(answer["protection"].clone(), json!(1.0))]);
    let lines = log.messages().into_iter().filter(|line| line["level"] != "INFO").collect();
    (answer["protection"].clone(), signals.len(), lines)
}

#[tokio::test]
async fn a_protection_as_it_was_deployed_raises_nothing() {
    assert_eq!(checked(deployed()).await, (json!("holds"), 0, vec![]));
}

#[tokio::test]
async fn whatever_of_the_protection_was_changed_raises_the_tampering_signal_and_is_named() {
    let mut weaker = policy();
    weaker["Statement"][0]["Condition"]["ArnNotEquals"]["aws:PrincipalArn"] =
        json!(["arn:a", "arn:b", "arn:thief"]);
    for (found, named) in [
        (Protection { policy: None, ..deployed() }, "no policy"),
        (Protection { policy: Some(weaker), ..deployed() }, "NoRewriting"),
        (Protection { recovery: false, ..deployed() }, "point-in-time recovery"),
        (Protection { deletion_protection: false, ..deployed() }, "protected from deletion"),
        (Protection { stream: false, ..deployed() }, "stream"),
        (Protection { refused: Some("AccessDeniedException"), ..deployed() }, "may not be looked at"),
    ] {
        let (result, signals, lines) = checked(found).await;
        assert_eq!((&result, signals), (&json!("changed"), 1), "{named}");
        let [line] = lines.as_slice() else { panic!("{named}: {lines:?}") };
        assert_eq!((&line["level"], &line["tampering"]), (&json!("ERROR"), &json!(1)));
        assert!(line["changes"].as_str().unwrap().contains(named), "{named}: {line}");
    }
}

#[tokio::test]
async fn a_question_about_the_protection_without_an_answer_is_a_warning_and_no_signal() {
    let (result, signals, lines) =
        checked(Protection { refused: Some("InternalServerError"), ..deployed() }).await;
    assert_eq!((&result, signals), (&json!("unknown"), 0));
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(line["level"], "WARN");
}
