//! The function with a FIFO bus: each event of a batch is there once and in order, also after lost answers, and its receipt in the
//! table has the bus's number.

use loopback::{AcceptedEvent, FifoBusServer, PutFault};
use serde_json::{Value, json};

use crate::given::{Given, all_well, given_as, retried, schedule, two_shards};

async fn given() -> (Given, FifoBusServer) {
    let bus = FifoBusServer::serve().await;
    (given_as(|publisher| publisher.with_fifo_bus(&bus)).await, bus)
}

fn sequences(events: &[AcceptedEvent]) -> Vec<u64> {
    events.iter().map(|event| event.detail()["metadata"]["sequence"].as_u64().unwrap()).collect()
}

/// Number and id of the receipts of a product, by sequence.
async fn receipts(given: &Given, product: &str) -> Vec<(String, String)> {
    let query = json!({"TableName": "receipts", "KeyConditionExpression": "product_id = :p",
                       "ExpressionAttributeValues": {":p": {"S": product}}});
    let (status, found) = given.tables.request("Query", &query).await;
    assert_eq!(status, 200, "{found}");
    let text = |item: &Value, name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
    let items = found["Items"].as_array().unwrap().iter();
    items.map(|item| (text(item, "bus_sequence"), text(item, "receipt_id"))).collect()
}

async fn everything_is_there_once(given: &Given, bus: &FifoBusServer) {
    for product in ["shard-one", "shard-two"] {
        let events = bus.group(product);
        assert_eq!(sequences(&events), [1, 2, 3], "{product}");
        let said: Vec<_> = events.iter().map(|event| (event.number.clone(), event.id.clone())).collect();
        assert_eq!(receipts(given, product).await, said, "{product}");
    }
}

#[tokio::test]
async fn a_batch_is_published_in_order_and_its_receipts_have_the_numbers_of_the_bus() {
    let (given, bus) = given().await;
    bus.fail_requests(|n| (n % 2 == 1).then_some(PutFault::AnswerLost));
    for _ in 0..2 {
        assert_eq!(given.invoke(&two_shards()).await, all_well());
        everything_is_there_once(&given, &bus).await;
    }
}

#[tokio::test]
async fn while_the_bus_is_being_created_products_are_parked_and_the_schedule_publishes_them() {
    let (given, bus) = given().await;
    bus.fail_requests(|_| Some(PutFault::Refused(409, "InvalidStateException")));
    assert_eq!(given.invoke(&two_shards()).await, all_well());
    assert_eq!(given.parked().await.len(), 2);
    assert_eq!(bus.requests().len(), 1, "it is not sent again before the next run");
    bus.heal();
    assert_eq!(given.invoke(&schedule()).await, retried(2, 0, 0));
    everything_is_there_once(&given, &bus).await;
}
