//! Batches of the stream and scheduled retries: the complete response, and what the bus accepted.

use loopback::{EntryResult, FunctionResponse, Presence};
use serde_json::{Value, json};

use crate::given::{all_well, concerns, failed, given, retried, schedule, two_shards};

const ALL: [u64; 3] = [1, 2, 3];

fn is_of(entry: &Value, product: &str) -> bool {
    entry["Resources"] == json!([product])
}

#[tokio::test]
async fn a_batch_is_published_once_and_nothing_of_it_is_redelivered() {
    let given = given().await;
    for _ in 0..2 {
        assert_eq!(given.invoke(&two_shards()).await, all_well());
        assert_eq!((given.accepted("shard-one"), given.accepted("shard-two")), (ALL.to_vec(), ALL.to_vec()));
    }
    let entries = given.bus.accepted();
    assert_eq!(entries.len(), 6);
    for entry in &entries {
        assert_eq!(
            (&entry["EventBusName"], &entry["Source"]),
            (&json!("ledger"), &json!("product-ledger.products"))
        );
    }
    assert_eq!(given.parked().await, [""; 0]);
}

#[tokio::test]
async fn a_product_whose_table_does_not_answer_is_redelivered_by_the_number_of_its_record() {
    let given = given().await;
    given.tables.throttle(|request| concerns(request, "receipts", "shard-two"));
    assert_eq!(given.invoke(&two_shards()).await, failed(&["222200000000018211447091"]));
    assert_eq!(given.accepted("shard-one"), ALL);

    given.tables.recover();
    assert_eq!(given.invoke(&two_shards()).await, all_well());
    assert_eq!((given.accepted("shard-one"), given.accepted("shard-two")), (ALL.to_vec(), ALL.to_vec()));
}

#[tokio::test]
async fn a_product_whose_event_can_never_be_accepted_is_parked_and_waits_for_an_operator() {
    let given = given().await;
    given.bus.respond_with(|entry| match () {
        () if is_of(entry, "shard-one") => EntryResult::Refused("MalformedDetail"),
        () => EntryResult::Accepted,
    });
    assert_eq!(given.invoke(&two_shards()).await, all_well());
    assert_eq!((given.accepted("shard-one"), given.accepted("shard-two")), (vec![], ALL.to_vec()));
    assert_eq!(given.parked().await, ["shard-one"]);

    given.bus.respond_with(|_| EntryResult::Accepted);
    assert_eq!(given.invoke(&schedule()).await, retried(0, 0, 0));
    assert_eq!(given.parked().await, ["shard-one"]);
}

#[tokio::test]
async fn what_is_refused_because_of_the_setup_is_parked_and_the_schedule_publishes_it_after_the_repair() {
    for code in ["AccessDeniedException", "KMSAccessDeniedException", "NotAuthorizedForSourceException"] {
        let given = given().await;
        given.bus.respond_with(move |_| EntryResult::Refused(code));
        assert_eq!(given.invoke(&two_shards()).await, all_well(), "{code}");
        assert_eq!(given.parked().await.len(), 2, "{code}");
        given.bus.respond_with(|_| EntryResult::Accepted);
        for (status, code) in [(403, "ExpiredTokenException"), (400, "AccessDeniedException")] {
            given.bus.refuse_requests(Some((status, code)));
            assert_eq!(given.invoke(&schedule()).await, retried(0, 2, 0), "{code}");
        }
        given.bus.refuse_requests(None);
        assert_eq!(given.invoke(&schedule()).await, retried(2, 0, 0), "{code}");
        assert_eq!((given.accepted("shard-one"), given.accepted("shard-two")), (ALL.to_vec(), ALL.to_vec()));
    }
}

#[tokio::test]
async fn a_bus_that_does_not_exist_gets_nothing_and_no_receipt_is_written_until_it_exists() {
    let given = given().await;
    given.bus.is(Presence::Missing);
    assert_eq!(given.invoke(&two_shards()).await, all_well());
    assert_eq!(given.invoke(&schedule()).await, retried(0, 0, 0));
    assert_eq!(given.bus.accepted(), [] as [Value; 0]);
    assert_eq!(given.parked().await.len(), 2);
    let (_, found) = given.tables.request("Scan", &json!({"TableName": "receipts"})).await;
    let receipts =
        found["Items"].as_array().unwrap().iter().filter(|item| item.get("published_at").is_some());
    assert_eq!(receipts.count(), 0);

    given.bus.is(Presence::Exists);
    assert_eq!(given.invoke(&schedule()).await, retried(2, 0, 0));
    assert_eq!((given.accepted("shard-one"), given.accepted("shard-two")), (ALL.to_vec(), ALL.to_vec()));
    let asked = given.bus.take_asked();
    assert!(asked.iter().all(|name| name == "ledger"));
    assert_eq!(asked.len(), 3, "before the first batch of the process, and by the schedule");

    let log = given.function.stop().await;
    let missing: Vec<Value> =
        log.metrics().iter().filter_map(|line| line.get("ledger_bus_missing").cloned()).collect();
    assert_eq!(missing, [1.0, 0.0]);
    let parked: Vec<Value> =
        log.metrics().iter().filter_map(|line| line.get("ledger_parked_products").cloned()).collect();
    assert_eq!(parked, [2.0, 0.0], "parked products are counted also while there is no bus");
    let errors: Vec<Value> = log
        .messages()
        .into_iter()
        .filter(|line| line["level"] == "ERROR")
        .map(|line| line["bus"].clone())
        .collect();
    assert_eq!(errors, ["ledger"], "it is said once");
}

#[tokio::test]
async fn a_bus_that_cannot_be_asked_for_gets_its_events_all_the_same() {
    for presence in [Presence::Refused("AccessDeniedException"), Presence::Silent] {
        let given = given().await;
        given.bus.is(presence);
        assert_eq!(given.invoke(&two_shards()).await, all_well());
        assert_eq!((given.accepted("shard-one"), given.accepted("shard-two")), (ALL.to_vec(), ALL.to_vec()));
        let log = given.function.stop().await;
        let warned =
            log.messages().into_iter().filter(|line| line["level"] == "WARN" && line["bus"] == "ledger");
        assert_eq!(warned.count(), 1, "{presence:?}: {}", log.out);
    }
}

#[tokio::test]
async fn a_scheduled_retry_without_tables_is_an_error_and_the_next_one_works() {
    let given = given().await;
    given.tables.throttle(|_| true);
    let FunctionResponse::Error(_, error) = given.invoke(&schedule()).await else { panic!("an answer") };
    let message = error["errorMessage"].as_str().unwrap();
    assert!(message.starts_with("parked products could not be retried"), "{message}");
    given.tables.recover();
    assert_eq!(given.invoke(&schedule()).await, retried(0, 0, 0));
}
