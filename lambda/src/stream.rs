//! Invocation by a stream with a batch of records, or by the schedule to retry parked products.
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
enum Response<R> {
    Batch(DynamoDbEventResponse),
    Retried(R),
}

impl Function {
    /// Handles batches of stream records, each as its JSON, with `follow` and the schedule's event with `retry_parked`; both
    /// get the time that is left.
    ///
    /// # Errors
    /// Lambda's Runtime API cannot be reached: end the process.
    pub async fn follow<R: Serialize, E: fmt::Display>(
        self,
        follow: impl AsyncFn(Vec<Box<RawValue>>, Duration) -> DynamoDbEventResponse,
        retry_parked: impl AsyncFn(Duration) -> Result<R, E>,
    ) -> anyhow::Result<()> {
        let Self { clock_and_ids, metrics, .. } = &self;
        let (follow, retry_parked) = (&follow, &retry_parked);
        let called = service_fn(move |event: LambdaEvent<Call>| async move {
            let (call, context) = event.into_parts();
            let time_left = time_left(context.deadline, (clock_and_ids.clock)());
            let work = async {
                match call {
                    Call::Batch(batch) => Ok(Response::Batch(follow(batch, time_left).await)),
                    Call::RetryParked => retry_parked(time_left).await.map(Response::Retried),
                }
            };
            let answer = around(metrics, clock_and_ids, &context, work).await;
            answer.map_err(|error| Error::from(format!("parked products could not be retried: {error}")))
        });
        Runtime::new(called).run().await.map_err(|error| anyhow::anyhow!("{error}"))
    }
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
