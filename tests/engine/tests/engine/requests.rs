//! Requests and their errors, typed like DynamoDB's.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{ReturnValuesOnConditionCheckFailure, TimeToLiveSpecification};
use engine::Engine;

use crate::{TABLE, create_table, exists, put, text};

async fn client() -> Client {
    let client = Client::new(&Engine::in_memory().unwrap().sdk_config());
    create_table(&client, false).await;
    client
}

/// After five seconds without a byte the SDK would consider it stalled and send it a second time.
#[test]
fn a_request_that_waits_for_its_turn_is_not_sent_again() {
    let config = Engine::in_memory().unwrap().sdk_config();
    assert!(config.stalled_stream_protection().is_some_and(|protection| !protection.is_enabled()));
}

#[tokio::test]
async fn what_was_put_is_got_and_queried() {
    let client = client().await;
    client.put_item().table_name(TABLE).item("id", text("a")).item("name", text("é")).send().await.unwrap();
    let found = client
        .query()
        .table_name(TABLE)
        .key_condition_expression("id = :id")
        .expression_attribute_values(":id", text("a"))
        .limit(10)
        .send()
        .await
        .unwrap();
    assert_eq!(found.items()[0]["name"], text("é"));
    assert!(exists(&client, "a").await);
    assert!(!exists(&client, "b").await);
}

#[tokio::test]
async fn a_failed_condition_is_typed_and_carries_the_item() {
    let client = client().await;
    put(&client, "a").await;
    let refused = client
        .put_item()
        .table_name(TABLE)
        .item("id", text("a"))
        .condition_expression("attribute_not_exists(id)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(refused.is_conditional_check_failed_exception());
    let aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(refused) =
        refused
    else {
        panic!("{refused:?}")
    };
    assert_eq!(refused.item.unwrap()["id"], text("a"));
}

#[tokio::test]
async fn a_second_insert_is_a_duplicate() {
    let client = client().await;
    let insert = || {
        let statement = format!("INSERT INTO \"{TABLE}\" VALUE {{'id': ?}}");
        client.execute_statement().statement(statement).parameters(text("a")).send()
    };
    insert().await.unwrap();
    assert!(insert().await.unwrap_err().into_service_error().is_duplicate_item_exception());
}

#[tokio::test]
async fn a_cancelled_transaction_names_its_reasons() {
    let client = client().await;
    put(&client, "a").await;
    let put = aws_sdk_dynamodb::types::Put::builder()
        .table_name(TABLE)
        .item("id", text("a"))
        .condition_expression("attribute_not_exists(id)")
        .build()
        .unwrap();
    let write = aws_sdk_dynamodb::types::TransactWriteItem::builder().put(put).build();
    let refused =
        client.transact_write_items().transact_items(write).send().await.unwrap_err().into_service_error();
    let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(
        cancelled,
    ) = refused
    else {
        panic!("{refused:?}")
    };
    assert_eq!(cancelled.cancellation_reasons()[0].code(), Some("ConditionalCheckFailed"));
}

#[tokio::test]
async fn tables_are_listed_described_given_a_lifetime_and_deleted() {
    let client = client().await;
    assert_eq!(client.list_tables().send().await.unwrap().table_names(), [TABLE]);
    let lifetime =
        TimeToLiveSpecification::builder().enabled(true).attribute_name("expires").build().unwrap();
    client.update_time_to_live().table_name(TABLE).time_to_live_specification(lifetime).send().await.unwrap();
    let described = client.describe_time_to_live().table_name(TABLE).send().await.unwrap();
    assert_eq!(described.time_to_live_description.unwrap().attribute_name(), Some("expires"));
    client.delete_table().table_name(TABLE).send().await.unwrap();
    let gone = client.describe_table().table_name(TABLE).send().await.unwrap_err();
    assert!(gone.into_service_error().is_resource_not_found_exception());
}

#[tokio::test]
async fn an_operation_the_engine_does_not_know_is_refused_not_retried() {
    let client = client().await;
    let refused = client.list_backups().send().await.unwrap_err();
    assert_eq!(refused.code(), Some("UnknownOperationException"));
}

#[tokio::test]
async fn a_value_dynamodb_refuses_is_a_validation_error() {
    let client = client().await;
    let number = aws_sdk_dynamodb::types::AttributeValue::N("seven".to_owned());
    let refused = client.put_item().table_name(TABLE).item("id", text("a")).item("n", number).send().await;
    assert_eq!(refused.unwrap_err().code(), Some("ValidationException"));
}
