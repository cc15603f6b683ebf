//! The promise of the `DynamoDB` adapter beyond the contract: it tells certain outcomes from unknown ones.

use engine::probe::{Faults, InjectedFault, Matching};
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

#[tokio::test]
async fn a_lost_answer_is_never_taken_for_a_lost_race_or_a_success() {
    let engine = engine::Engine::in_memory().unwrap();
    let (config, faults) = Faults::inject(&engine.sdk_config());
    let journal = on(&config).await;
    let (_, stored) = commit(None, &fixtures::id("p"), vec![fixtures::helmet_created()]);
    faults.add(Matching::operation("ExecuteStatement").always(), InjectedFault::FailBefore);
    let error = journal.append(&stored).await.unwrap_err();
    assert!(matches!(error, AppendError::Unknown(_)), "{error:?}");
    faults.clear();
    faults.add(Matching::operation("ExecuteStatement"), InjectedFault::DropAnswer);
    // The SDK retries and finds the key occupied; only a read shows by whom.
    let error = journal.append(&stored).await.unwrap_err();
    assert!(matches!(error, AppendError::Occupied), "{error:?}");
}

#[tokio::test]
async fn throttling_leaves_the_outcome_open_because_an_earlier_attempt_may_have_been_applied() {
    let engine = engine::Engine::in_memory().unwrap();
    let (config, faults) = Faults::inject(&engine.sdk_config());
    let journal = on(&config).await;
    let (_, stored) = commit(None, &fixtures::id("p"), vec![fixtures::helmet_created()]);
    faults.add(Matching::operation("ExecuteStatement").always(), InjectedFault::throttled());
    let error = journal.append(&stored).await.unwrap_err();
    assert!(matches!(error, AppendError::Unknown(_)), "{error:?}");
}
