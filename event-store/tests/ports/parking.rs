//! A parking row that somebody else wrote is named by its key, whoever reads it.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use event_store::{DynamoParking, Parking, parking, table};
use schema::fixtures;

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
