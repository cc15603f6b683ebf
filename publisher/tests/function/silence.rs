//! A table or a bus that does not answer, at each request that the publisher makes: it ends within its time, names what is to
//! be delivered again, and sends nothing again that has a receipt.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use loopback::{EntryResult, FaultRule, FunctionResponse, TableFault, TableRequest};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::given::{Given, all_well, given, given_as, publisher, reconcile, retried, schedule, two_shards};
use crate::reconcile::{deployed, expected};

/// Less than the function has, so that the tests are quick.
const LIMIT: Duration = Duration::from_secs(20);

const ALL: [u64; 3] = [1, 2, 3];

/// What the function is invoked with, and the state that it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Situation {
    /// A batch of two products.
    Batch,
    /// The same, whose events the bus refuses.
    Refused,
    /// The same once more, after its products were parked.
    Parked,
    /// The schedule, with both products parked.
    Scheduled,
    /// The schedule of the reconcile, with nothing published.
    Reconciled,
}

use Situation::{Batch, Parked, Reconciled, Refused, Scheduled};

/// Every request that the publisher makes to a table.
const REQUESTS: [(Situation, &str, &str); 17] = [
    (Batch, "Query", "receipts"),
    (Batch, "BatchWriteItem", "receipts"),
    (Refused, "PutItem", "receipts"),
    (Refused, "UpdateItem", "parking"),
    (Parked, "GetItem", "parking"),
    (Parked, "UpdateItem", "parking"),
    (Scheduled, "Query", "parking"),
    (Scheduled, "Query", "receipts"),
    (Scheduled, "Query", "events"),
    (Scheduled, "BatchWriteItem", "receipts"),
    (Scheduled, "DeleteItem", "parking"),
    (Reconciled, "GetItem", "parking"),
    (Reconciled, "Scan", "events"),
    (Reconciled, "Query", "events"),
    (Reconciled, "Query", "receipts"),
    (Reconciled, "BatchWriteItem", "receipts"),
    (Reconciled, "UpdateItem", "parking"),
];

impl Situation {
    fn event(self) -> Value {
        match self {
            Batch | Refused | Parked => two_shards(),
            Scheduled => schedule(),
            Reconciled => reconcile(),
        }
    }
}

fn to(operation: &'static str, table: &'static str) -> FaultRule {
    FaultRule::operation(operation).when(move |request| tables_of(request).contains(table))
}

fn tables_of(request: &TableRequest) -> BTreeSet<String> {
    let batch = request.body["RequestItems"].as_object().into_iter().flat_map(|items| items.keys().cloned());
    batch.chain(request.body["TableName"].as_str().map(str::to_owned)).collect()
}

impl Given {
    async fn prepare(&self, situation: Situation) {
        match situation {
            Batch | Reconciled => {}
            Refused => self.refuse(),
            Parked => {
                self.refuse();
                assert_eq!(self.in_time(&two_shards()).await, all_well());
            }
            Scheduled => {
                for product in ["shard-one", "shard-two"] {
                    let row = json!({"consumer": {"S": "publisher"}, "product_id": {"S": product},
                        "reason": {"S": "out"}, "retryable": {"BOOL": true}, "from_sequence": {"N": "1"},
                        "attempts": {"N": "1"}, "parked_at": {"S": "2026-11-30T00:00:00.000Z"}});
                    let put = json!({"TableName": "parking", "Item": row});
                    assert_eq!(self.tables.request("PutItem", &put).await.0, 200);
                }
            }
        }
    }

    fn refuse(&self) {
        self.bus.respond_with(|_| EntryResult::Refused("NotAuthorizedForSourceException"));
    }

    async fn in_time(&self, event: &Value) -> FunctionResponse {
        let answer = self.function.invoke_within(event.to_string(), LIMIT).await;
        answer.unwrap()
    }

    /// Product and id of the events that have a receipt.
    async fn receipts(&self) -> BTreeSet<String> {
        let (_, found) = self.tables.request("Scan", &json!({"TableName": "receipts", "Limit": 100})).await;
        let published =
            found["Items"].as_array().unwrap().iter().filter(|row| row.get("published_at").is_some());
        published.map(|row| format!("{} {}", row["product_id"]["S"], row["event_id"]["S"])).collect()
    }

    /// Product and id of the events that the bus accepted, as often as it did.
    fn sent(&self) -> Vec<String> {
        let detail =
            |entry: &Value| serde_json::from_str::<Value>(entry["Detail"].as_str().unwrap()).unwrap();
        let id = |entry: &Value| {
            let metadata = detail(entry)["metadata"].clone();
            format!("{} {}", metadata["product_id"], metadata["event_id"])
        };
        self.bus.accepted().iter().map(id).collect()
    }

    /// Everything is published after the fault is over, and nothing was sent again that had a receipt.
    async fn recovers(&self, situation: Situation) {
        self.tables.faults().clear();
        self.bus.respond_with(|_| EntryResult::Accepted);
        let (had, before) = (self.receipts().await, self.sent().len());
        // A product whose events the bus refused for good waits for an operator.
        if matches!(situation, Batch | Scheduled | Reconciled) {
            assert!(matches!(self.in_time(&schedule()).await, FunctionResponse::Response(_)));
            assert_eq!(self.in_time(&two_shards()).await, all_well());
            assert_eq!((self.parked().await, self.receipts().await.len()), (vec![], 6));
            for product in ["shard-one", "shard-two"] {
                let arrived: BTreeSet<u64> = self.accepted(product).into_iter().collect();
                assert_eq!(arrived.into_iter().collect::<Vec<_>>(), ALL);
            }
        }
        let again: Vec<String> = self.sent().split_off(before);
        assert!(again.iter().all(|id| !had.contains(id)), "{again:?} were sent again, {had:?} had receipts");
    }
}

#[tokio::test]
async fn every_request_that_the_publisher_makes_is_tried() {
    for situation in [Batch, Refused, Parked, Scheduled, Reconciled] {
        let given = given().await;
        given.prepare(situation).await;
        let _ = given.tables.take_requests();
        given.invoke(&situation.event()).await;
        for request in given.tables.take_requests() {
            let tables = tables_of(&request);
            let tried = REQUESTS.iter().any(|(when, operation, table)| {
                // A batch that is refused begins as any other.
                (*when == situation || (matches!(situation, Refused | Parked) && *when == Batch))
                    && *operation == request.operation
                    && tables.contains(*table)
            });
            assert!(tried, "{situation:?} {} {tables:?}", request.operation);
        }
    }
}

#[tokio::test]
async fn one_request_without_an_answer_is_made_good() {
    join_all(REQUESTS.map(async |(situation, operation, table)| {
        let given = given().await;
        given.prepare(situation).await;
        given.tables.faults().add(to(operation, table).times(1), TableFault::Silence);
        let expected = match situation {
            Batch | Refused | Parked => all_well(),
            Scheduled => retried(2, 0, 0),
            Reconciled => FunctionResponse::Response(json!({"compared": 2, "complete": true})),
        };
        assert_eq!(given.in_time(&situation.event()).await, expected, "{situation:?} {operation} {table}");
        assert_eq!(given.tables.faults().applied(), 1, "{situation:?} {operation} {table}");
        let parked = if situation == Refused || situation == Parked { 2 } else { 0 };
        assert_eq!(given.parked().await.len(), parked, "{situation:?} {operation} {table}");
        given.recovers(situation).await;
    }))
    .await;
}

#[tokio::test]
async fn a_request_that_is_never_answered_ends_the_run_in_time_and_nothing_with_a_receipt_is_sent_again() {
    join_all(REQUESTS.map(async |(situation, operation, table)| {
        let given = given().await;
        given.prepare(situation).await;
        given.tables.faults().add(to(operation, table), TableFault::Silence);
        match situation {
            Batch | Refused | Parked => {
                let FunctionResponse::Response(answer) = given.in_time(&situation.event()).await else {
                    panic!("{situation:?} {operation} {table}: an error")
                };
                let failed = answer["batchItemFailures"].as_array().unwrap();
                assert_eq!(failed.len(), 2, "{situation:?} {operation} {table}: {answer}");
            }
            // The schedule invokes it again.
            Scheduled | Reconciled => drop(given.in_time(&situation.event()).await),
        }
        assert!(given.tables.faults().applied() > 0, "{situation:?} {operation} {table}");
        given.recovers(situation).await;
    }))
    .await;
}

#[tokio::test]
async fn what_has_a_receipt_is_not_sent_again_where_later_receipts_could_not_be_written() {
    let given = given().await;
    // The first batch has the receipts of the first event of each product.
    given.tables.faults().add(to("BatchWriteItem", "receipts").from_the(2), TableFault::Silence);
    let FunctionResponse::Response(answer) = given.in_time(&two_shards()).await else { panic!("an error") };
    assert_eq!(answer["batchItemFailures"].as_array().unwrap().len(), 2, "{answer}");
    assert_eq!((given.sent().len(), given.receipts().await.len()), (6, 2));
    given.recovers(Batch).await;
    assert_eq!(given.sent().len(), 6 + 4);
}

#[tokio::test]
async fn a_bus_that_never_answers_leaves_the_products_to_the_schedule_in_time() {
    // The connection is made, and nobody reads from it.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let given = given().await;
    let with_silent_bus = publisher().with_tables(&given.tables).with("AWS_ENDPOINT_URL_EVENTBRIDGE", &url);
    let on_silent_bus = Given { function: with_silent_bus.start().await, ..given };
    assert_eq!(on_silent_bus.in_time(&two_shards()).await, all_well());
    let mut parked = on_silent_bus.parked().await;
    parked.sort();
    assert_eq!(parked, ["shard-one", "shard-two"]);
    assert_eq!(on_silent_bus.receipts().await.len(), 0);
    let with_bus = publisher().with_tables(&on_silent_bus.tables).with_bus(&on_silent_bus.bus);
    let given = Given { function: with_bus.start().await, ..on_silent_bus };
    assert_eq!(given.in_time(&schedule()).await, retried(2, 0, 0));
    given.recovers(Batch).await;
}

/// The questions about the protection, each of which is answered at the third attempt, take longer together than they are waited
/// for; one that is never answered ends by its own limit. The round goes on all the same.
#[tokio::test]
async fn questions_about_the_protection_that_are_not_answered_say_nothing_and_leave_the_time_for_the_round() {
    let questions = ["DescribeTable", "DescribeContinuousBackups", "GetResourcePolicy"];
    let rules = |silent: &[&'static str], times: usize| -> Vec<FaultRule> {
        silent.iter().map(|question| FaultRule::operation(question).times(times)).collect()
    };
    let mut cases = vec![(rules(&questions, 2), "no answer in 10 seconds".to_owned())];
    for (question, named) in
        questions.into_iter().zip(["the table", "the point-in-time recovery", "the policy"])
    {
        cases.push((rules(&[question], usize::MAX), format!("{named}: ")));
    }
    join_all(cases.into_iter().map(async |(rules, reason)| {
        let given = given_as(|publisher| publisher.with("LEDGER_EVENTS_PROTECTION", &expected())).await;
        given.tables.protect(deployed());
        for rule in rules {
            given.tables.faults().add(rule, TableFault::Silence);
        }
        let answer = given.function.invoke_within(reconcile().to_string(), LIMIT).await;
        let Some(FunctionResponse::Response(answer)) = answer else { panic!("{reason}: {answer:?}") };
        assert_eq!(
            (&answer["protection"], &answer["complete"]),
            (&json!("unknown"), &json!(true)),
            "{reason}"
        );
        let messages = given.function.stop().await.messages();
        let [line] = &messages.into_iter().filter(|line| line["level"] == "WARN").collect::<Vec<_>>()[..]
        else {
            panic!("{reason}: one warning")
        };
        assert!(line["reason"].as_str().unwrap().starts_with(&reason), "{reason}: {line}");
    }))
    .await;
}
