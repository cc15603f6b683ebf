//! Batches of the stream and scheduled retries: the complete response, and what the bus accepted.

use loopback::{EntryResult, FunctionResponse};
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
async fn a_product_that_the_bus_refuses_is_parked_and_the_schedule_publishes_it() {
    let given = given().await;
    given.bus.respond_with(|entry| match () {
        () if is_of(entry, "shard-one") => EntryResult::Refused("NotAuthorizedForSourceException"),
        () => EntryResult::Accepted,
    });
    assert_eq!(given.invoke(&two_shards()).await, all_well());
    assert_eq!((given.accepted("shard-one"), given.accepted("shard-two")), (vec![], ALL.to_vec()));
    assert_eq!(given.parked().await, ["shard-one"]);

    // Not retryable: an operator has to act.
    assert_eq!(given.invoke(&schedule()).await, retried(0, 0, 0));
    assert_eq!(given.parked().await, ["shard-one"]);
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
