//! Tables, a bucket and a key that do not answer: the function ends within its time, and the next run makes it good.

use std::time::Duration;

use futures::future::join_all;
use loopback::{FaultRule, FunctionResponse, RequestFault, TableFault};

use crate::given::{Surroundings, all_well, schedule};

/// Less than the function has, so that the tests are quick.
const LIMIT: Duration = Duration::from_secs(12);

async fn is_made_good(around: &Surroundings, what: &str) {
    let function = around.start().await;
    let answer = function.invoke(schedule().to_string()).await;
    assert!(matches!(answer, FunctionResponse::Response(_)), "{what}: {answer:?}");
    assert_eq!(around.size().await, Some(5), "{what}");
}

#[tokio::test]
async fn a_bucket_or_a_key_that_is_silent_from_some_request_on_ends_no_run_too_late() {
    let silent = |from: usize| move |number: usize| (number >= from).then_some(RequestFault::Silent);
    join_all((1..=6).flat_map(|from| [(true, from), (false, from)]).map(async |(of_bucket, from)| {
        let what = format!("bucket: {of_bucket}, from {from}");
        let around = Surroundings::new().await;
        if of_bucket {
            around.bucket.fail(silent(from));
        } else {
            around.kms.fail(silent(from));
        }
        let function = around.start().await;
        let answer = function.invoke_within(schedule().to_string(), LIMIT).await;
        assert!(answer.is_some(), "{what}: it ends in time");
        around.bucket.recover();
        around.kms.fail(|_| None);
        // Also the same process goes on, whatever its old threads do.
        let answer = function.invoke(schedule().to_string()).await;
        assert!(matches!(answer, FunctionResponse::Response(_)), "{what}: {answer:?}");
        assert_eq!(around.size().await, Some(5), "{what}");
    }))
    .await;
}

#[tokio::test]
async fn a_table_that_is_silent_ends_no_run_too_late_and_the_batch_is_delivered_again() {
    join_all(["events", "log", "log_feed", "parking"].map(async |table| {
        let around = Surroundings::new().await;
        let rule =
            FaultRule::any().when(move |request| request.body.to_string().contains(&format!("\"{table}\"")));
        around.tables.faults().add(rule, TableFault::Silence);
        let function = around.start().await;
        let answer = function.invoke_within(schedule().to_string(), LIMIT).await;
        assert!(matches!(answer, Some(FunctionResponse::Error(..))), "{table}: {answer:?}");
        if table == "log" {
            let batch = around.announce(&["helmet"]).await;
            let answer = function.invoke_within(batch.to_string(), LIMIT).await.unwrap();
            assert_ne!(answer, all_well(), "{table}");
        }
        around.tables.faults().clear();
        is_made_good(&around, table).await;
    }))
    .await;
}
