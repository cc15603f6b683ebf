//! The probes: requests are recorded, and injected faults happen before or after the write as chosen.

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use engine::Engine;
use engine::probe::{Faults, InjectedFault, Matching, RequestRecorder};

use crate::{TABLE, create_table, exists, put, text};

async fn config() -> SdkConfig {
    let config = Engine::in_memory().unwrap().sdk_config();
    create_table(&Client::new(&config), false).await;
    config
}

fn without_retries(config: &SdkConfig) -> Client {
    Client::new(&config.to_builder().retry_config(RetryConfig::disabled()).build())
}

#[tokio::test]
async fn a_recorder_records_operation_table_request_and_capacity() {
    let (config, recorder) = RequestRecorder::meter(&config().await);
    let client = Client::new(&config);
    put(&client, "a").await;
    let read = client.get_item().table_name(TABLE).key("id", text("a")).send().await.unwrap();
    assert_eq!(read.consumed_capacity.unwrap().capacity_units, Some(0.5));

    let seen = recorder.take();
    assert_eq!(seen[0].request.operation, "PutItem");
    assert_eq!(seen[0].request.table.as_deref(), Some(TABLE));
    assert_eq!(seen[0].request.body["Item"]["id"]["S"], "a");
    assert_eq!((seen[0].status, seen[0].capacity()), (Some(200), Some(1.0)));
    assert_eq!(seen[1].capacity(), Some(0.5));
    assert!(recorder.take().is_empty());
}

#[tokio::test]
async fn a_plain_recorder_leaves_requests_as_they_are() {
    let (config, recorder) = RequestRecorder::record(&config().await);
    put(&Client::new(&config), "a").await;
    assert_eq!(recorder.take()[0].capacity(), None);
}

#[tokio::test]
async fn a_dropped_answer_hides_a_write_that_was_applied() {
    let config = config().await;
    let (broken, faults) = Faults::inject(&config);
    faults.add(Matching::operation("PutItem").nth(2), InjectedFault::DropAnswer);
    let client = without_retries(&broken);
    put(&client, "a").await;
    let lost = client.put_item().table_name(TABLE).item("id", text("b")).send().await.unwrap_err();
    assert!(matches!(&lost, SdkError::DispatchFailure(failure) if failure.is_io()), "{lost:?}");
    assert!(exists(&client, "b").await);
    assert_eq!(faults.applied(), 1);
}

#[tokio::test]
async fn a_request_that_fails_before_is_not_applied() {
    let (broken, faults) = Faults::inject(&config().await);
    let of_b = Matching::operation("PutItem").when(|request| request.body["Item"]["id"]["S"] == "b");
    faults.add(of_b, InjectedFault::FailBefore);
    let client = without_retries(&broken);
    put(&client, "a").await;
    assert!(client.put_item().table_name(TABLE).item("id", text("b")).send().await.is_err());
    assert!(!exists(&client, "b").await);
}

#[tokio::test]
async fn throttling_has_its_code_and_the_sdk_retries_it() {
    let (broken, faults) = Faults::inject(&config().await);
    let (config, recorder) = RequestRecorder::record(&broken);
    faults.add(Matching::any().times(2), InjectedFault::throttled());
    put(&Client::new(&config), "a").await;
    assert_eq!(recorder.take_operations(), ["PutItem", "PutItem", "PutItem"]);

    faults
        .add(Matching::any(), InjectedFault::Answer { status: 400, code: "RequestLimitExceeded".to_owned() });
    let refused = without_retries(&config).put_item().table_name(TABLE).item("id", text("b")).send().await;
    assert_eq!(refused.unwrap_err().code(), Some("RequestLimitExceeded"));
}
