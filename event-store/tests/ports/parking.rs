//! A parking row that somebody else wrote is named by its key, whoever reads it.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use event_store::{DynamoJournal, DynamoParking, Journal, Parking, parking, table};
use schema::fixtures;
use serde_json::{Value, json};

use super::canned::Canned;

#[tokio::test]
async fn a_parking_row_that_cannot_be_read_is_named_by_its_key() {
    let client = Client::new(&engine::Engine::in_memory().unwrap().sdk_config());
    table::create(&client, "parking", parking::TABLE).await.unwrap();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let item = client.put_item().table_name("parking").item("consumer", text("prices"));
    item.item("product_id", text("p")).item("reason", text("x")).send().await.unwrap();
    let rows = DynamoParking::new(client, "parking");
    let one = rows.of("prices", &fixtures::id("p")).await.unwrap_err();
    let listed = rows.list("prices", None, 10).await.unwrap_err();
    for error in [one, listed] {
        let named = "the parking table: the row \"prices\", \"p\" cannot be read: ";
        assert!(error.is_unreadable() && error.to_string().starts_with(named), "{error}");
    }
}

/// A client of a `DynamoDB` that knows a type of attributes more than this build.
fn later(answer: Value) -> Client {
    let (config, _) = Canned::answers(&engine::Engine::in_memory().unwrap().sdk_config(), [answer]);
    Client::new(&config)
}

#[tokio::test]
async fn an_attribute_of_an_unknown_type_is_no_panic_and_hides_no_other() {
    for unknown in [json!({"D": 1}), json!({"M": {"deep": {"L": [{"D": 1}]}}})] {
        let key = json!({"consumer": {"S": "prices"}, "product_id": {"S": "p"}, "more": unknown});
        let rows = DynamoParking::new(later(json!({"Item": key})), "parking");
        let error = rows.of("prices", &fixtures::id("p")).await.unwrap_err();
        assert!(error.is_unreadable() && error.to_string().contains("does not know"), "{error}");

        let items = json!({"Items": [{"product_id": {"S": "p"}, "sequence": {"N": "1"}, "more": unknown}]});
        let journal = DynamoJournal::new(later(items), "events");
        let commit = journal.newest(&fixtures::id("p"), 1).await.unwrap().unwrap();
        assert_eq!((commit.text("product_id").unwrap(), commit.sequence().unwrap()), ("p", 1));
        assert!(commit.text("more").unwrap().starts_with("not written by this ledger"));
    }
}
