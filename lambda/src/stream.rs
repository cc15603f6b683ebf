//! Invocation by a stream with a batch of records, or by a schedule to retry parked products or to reconcile.
//!
//! The response to a batch is Lambda's `ReportBatchItemFailures`, which names the records to deliver again. Any other event
//! is rejected without side effects.

mod call;

use std::fmt;
use std::time::Duration;

use aws_lambda_events::event::streams::DynamoDbEventResponse;
use lambda_runtime::{Error, LambdaEvent, Runtime};
use schema::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use tower::service_fn;

use crate::Function;
use crate::invocation::around;
use call::Call;

/// The response to an invocation.
#[derive(Serialize)]
#[serde(untagged)]
enum Response<R, S> {
    Batch(DynamoDbEventResponse),
    Retried(R),
    Reconciled(S),
}

impl Function {
    /// Handles batches of stream records, each as its JSON, with `follow` and the schedules' events with `retry_parked` and
    /// `reconcile`; all get the time that is left.
    ///
    /// # Errors
    /// Lambda's Runtime API cannot be reached: end the process.
    pub async fn follow<R: Serialize, S: Serialize, E: fmt::Display>(
        self,
        follow: impl AsyncFn(Vec<Box<RawValue>>, Duration) -> DynamoDbEventResponse,
        retry_parked: impl AsyncFn(Duration) -> Result<R, E>,
        reconcile: impl AsyncFn(Duration) -> Result<S, E>,
    ) -> anyhow::Result<()> {
        let Self { clock_and_ids, metrics, .. } = &self;
        let (follow, retry_parked, reconcile) = (&follow, &retry_parked, &reconcile);
        let called = service_fn(move |event: LambdaEvent<Call>| async move {
            let (call, context) = event.into_parts();
            let time_left = time_left(context.deadline, (clock_and_ids.clock)());
            let work = async {
                match call {
                    Call::Batch(batch) => Ok(Response::Batch(follow(batch, time_left).await)),
                    Call::RetryParked => {
                        let retried = retry_parked(time_left).await;
                        retried
                            .map(Response::Retried)
                            .map_err(|error| failed("parked products could not be retried", error))
                    }
                    Call::Reconcile => {
                        let reconciled = Box::pin(reconcile(time_left)).await;
                        reconciled
                            .map(Response::Reconciled)
                            .map_err(|error| failed("the reconcile could not go on", error))
                    }
                }
            };
            around(metrics, clock_and_ids, &context, work).await
        });
        Runtime::new(called).run().await.map_err(|error| anyhow::anyhow!("{error}"))
    }
}

/// The error of an invocation.
fn failed(what: &str, error: impl fmt::Display) -> Error {
    Error::from(format!("{what}: {error}"))
}

/// The time until Lambda ends the invocation; `deadline` is in milliseconds since 1970.
pub(crate) fn time_left(deadline: u64, now: Timestamp) -> Duration {
    let now = u64::try_from(now.millis()).unwrap_or_default();
    Duration::from_millis(deadline.saturating_sub(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_what_remains_until_lambda_s_deadline_and_never_negative() {
        assert_eq!(time_left(1_500, Timestamp::EPOCH), Duration::from_millis(1_500));
        assert_eq!(time_left(0, Timestamp::EPOCH), Duration::ZERO);
    }
}
