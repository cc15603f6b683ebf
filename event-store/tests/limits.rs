//! The limits of a client over real connections: what keeps arriving is read to its end, and what is silent is given up.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use event_store::limits::{FUNCTION, RequestLimits};
use event_store::{DynamoJournal, Journal, metering, seal, table};
use loopback::{FaultRule, TableFault, TableServer};
use schema::fixtures;
use tokio::time::timeout;

/// Only reached by a request that waits without a limit.
const PATIENCE: Duration = Duration::from_mins(1);

/// A journal with one commit, whose client has these limits.
async fn journal(limits: RequestLimits) -> (TableServer, DynamoJournal) {
    let tables = TableServer::serve().await;
    let client = metering::client(&limits.on(&tables.sdk_config_over_http()));
    table::create(&client, "events", event_store::TABLE).await.unwrap();
    let journal = DynamoJournal::new(client, "events");
    let commit = fixtures::commit_after(None, &fixtures::id("p"), vec![fixtures::helmet_created()]);
    journal.append(&seal(commit).unwrap().1).await.unwrap();
    let _ = tables.faults().take_counts();
    (tables, journal)
}

#[tokio::test]
async fn an_answer_that_keeps_arriving_is_read_to_its_end_though_it_takes_longer_than_silence_may() {
    let limits = RequestLimits { silence: Duration::from_secs(2), operation: PATIENCE, ..FUNCTION };
    let (tables, journal) = journal(limits).await;
    for operation in ["Query", "Scan"] {
        tables.faults().add(FaultRule::operation(operation), TableFault::Slow(Duration::from_secs(6)));
    }
    let product = fixtures::id("p");
    let (page, scanned) = tokio::join!(journal.page(&product, 0, 10), journal.scan(None, 10));
    assert_eq!((page.unwrap().len(), scanned.unwrap().commits.len()), (1, 1));
    let counts = tables.faults().take_counts();
    assert_eq!((counts["Query"], counts["Scan"]), (1, 1), "neither was given up and sent again");
}

#[tokio::test]
async fn an_answer_that_never_ends_is_given_up_though_it_keeps_arriving() {
    // So long is no answer silent, not even on a machine that is busy: nothing is sent again.
    let limits = RequestLimits { silence: PATIENCE, operation: Duration::from_secs(3), ..FUNCTION };
    let (tables, journal) = journal(limits).await;
    tables.faults().add(FaultRule::operation("Query"), TableFault::Slow(PATIENCE));
    let read = timeout(PATIENCE / 2, journal.newest(&fixtures::id("p"), 1)).await.expect("a limit");
    let error = read.unwrap_err().to_string();
    assert!(error.contains("operation timeout"), "{error}");
    assert_eq!(tables.faults().take_counts()["Query"], 1);
}

#[tokio::test]
async fn what_does_not_answer_or_breaks_off_is_sent_again() {
    for fault in [TableFault::Silence, TableFault::LostAnswer, TableFault::HalfAnswer] {
        let (tables, journal) = journal(FUNCTION).await;
        tables.faults().add(FaultRule::operation("Query").times(1), fault);
        let read = timeout(PATIENCE, journal.newest(&fixtures::id("p"), 1)).await.expect("a limit");
        assert!(read.unwrap().is_some(), "{fault:?}");
        assert_eq!(tables.faults().take_counts()["Query"], 2, "{fault:?}");
    }
}

#[tokio::test]
async fn what_never_answers_is_an_error_after_three_attempts() {
    let (tables, journal) = journal(FUNCTION).await;
    tables.faults().add(FaultRule::operation("Query"), TableFault::Silence);
    let read = timeout(PATIENCE, journal.newest(&fixtures::id("p"), 1)).await.expect("a limit");
    let error = read.unwrap_err().to_string();
    assert!(error.starts_with("the event table failed: ") && error.contains("timeout"), "{error}");
    assert_eq!(tables.faults().take_counts()["Query"], 3);
}
