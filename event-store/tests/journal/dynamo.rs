//! The promise of the `DynamoDB` adapter beyond the contract: it tells certain outcomes from unknown ones.

use engine::probe::{Faults, InjectedFault, Matching, RequestRecorder};
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
    let error = journal.append(&stored).await.unwrap_err();
    assert!(matches!(error, AppendError::Unknown(_)), "{error:?}");
    assert!(journal.newest(&fixtures::id("p"), 1).await.unwrap().is_some(), "only a read shows it");
}

#[tokio::test]
async fn an_insert_without_an_answer_is_sent_once_and_a_throttled_one_three_times_which_is_certain() {
    let engine = engine::Engine::in_memory().unwrap();
    let (config, faults) = Faults::inject(&engine.sdk_config());
    let (config, recorder) = RequestRecorder::record(&config);
    let journal = on(&config).await;
    let (_, stored) = commit(None, &fixtures::id("p"), vec![fixtures::helmet_created()]);
    let inserts = async |fault: InjectedFault| {
        faults.clear();
        faults.add(Matching::operation("ExecuteStatement").always(), fault);
        recorder.clear();
        (journal.append(&stored).await.unwrap_err(), recorder.take_operations().len())
    };
    let code = |status, code: &str| InjectedFault::Answer { status, code: code.to_owned() };
    assert!(matches!(inserts(InjectedFault::FailBefore).await, (AppendError::Unknown(_), 1)));
    assert!(matches!(inserts(code(500, "InternalServerError")).await, (AppendError::Unknown(_), 1)));
    assert!(matches!(inserts(InjectedFault::throttled()).await, (AppendError::NotNow(_), 3)));
    assert!(matches!(inserts(code(400, "ExpiredTokenException")).await, (AppendError::NotNow(_), 1)));
    assert!(matches!(inserts(code(400, "ValidationException")).await, (AppendError::Refused(_), 1)));
}
