//! What the `DynamoDB` adapter promises beyond the contract: it tells the certain from the uncertain.

use engine::probe::{Fault, Faults, Matching};
use event_store::{AppendError, DynamoJournal, Journal};
use schema::fixtures;

use super::adapters::{commit, embedded, on};

#[tokio::test]
async fn an_insert_is_refused_for_good_when_the_table_is_not_there() {
    let engine = engine::Engine::in_memory().unwrap();
    let journal = DynamoJournal::new(aws_sdk_dynamodb::Client::new(&engine.sdk_config()), "nowhere");
    let (_, stored) = commit(None, &fixtures::id("p"), vec![fixtures::helmet_created()]);
    let error = journal.append(&stored).await.unwrap_err();
    assert!(matches!(error, AppendError::Refused(_)), "{error:?}");
}

#[tokio::test]
async fn names_and_values_cannot_break_out_of_the_statement() {
    let journal = embedded().await;
    let product = fixtures::id("p");
    let (_, mut stored) = commit(None, &product, vec![fixtures::helmet_created()]);
    stored.0.insert("it's \"quoted\"".into(), "'}; DELETE".into());
    journal.append(&stored).await.unwrap();
    assert_eq!(journal.newest(&product, 1).await.unwrap(), Some(stored));
}
