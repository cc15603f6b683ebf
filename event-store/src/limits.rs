//! How long a request to AWS may take: the limits of every client of `DynamoDB` and of its streams, and the deadline of a run.
//!
//! The promise: no request waits for an answer without a limit. Silence is limited, not size: an answer of 1 MB over a slow line
//! takes as long as it takes as long as it arrives, and one that does not begin, or breaks off, is given up within seconds.

use std::time::Duration;

use aws_sdk_dynamodb::config::StalledStreamProtectionConfig;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use tokio::time::{Instant, timeout_at};

use crate::error::StoreError;

/// The limits of a client's requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// Until there is a connection, TLS included.
    pub connect: Duration,
    /// From the beginning of an attempt until its answer begins, and between two parts of the answer.
    pub silence: Duration,
    /// All attempts, with the pauses between them.
    pub operation: Duration,
    /// How often a request is sent, unless the AWS SDK's settings (`AWS_MAX_ATTEMPTS`) give another number.
    pub attempts: u32,
}

/// In a function, which is close to its tables.
pub const FUNCTION: RequestLimits = RequestLimits {
    connect: Duration::from_secs(1),
    silence: Duration::from_secs(2),
    operation: Duration::from_secs(7),
    attempts: 3,
};

/// In `serve --dynamodb aws`, which may be far from its tables, or share a machine with them.
pub const SERVER: RequestLimits = RequestLimits {
    connect: Duration::from_secs(2),
    silence: Duration::from_secs(5),
    operation: Duration::from_secs(16),
    attempts: 3,
};

/// In `serve`, of the table's stream: whoever reads a stream tries again by itself, with a line in the log for each failure.
pub const STREAM: RequestLimits = RequestLimits { attempts: 1, ..SERVER };

/// In commands that read a whole ledger, over any line.
pub const OPERATOR: RequestLimits = RequestLimits {
    connect: Duration::from_secs(5),
    silence: Duration::from_secs(10),
    operation: Duration::from_mins(2),
    attempts: 3,
};

/// The pause before the second attempt, before jitter; it doubles with each further one. The SDK's own is a second.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// At most this much of a run's time is reserved for recording what was done, and for the answer.
const RECORDED_WITHIN: Duration = Duration::from_secs(5);

/// At most this much of it is reserved for the answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);

impl RequestLimits {
    /// The settings with these limits.
    #[must_use]
    pub fn on(&self, settings: &SdkConfig) -> SdkConfig {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(self.connect)
            .read_timeout(self.silence)
            .operation_timeout(self.operation)
            .build();
        let given = settings.retry_config().cloned();
        let retries = given.unwrap_or_else(|| RetryConfig::standard().with_max_attempts(self.attempts));
        // A request is small and sent at once: until its answer begins, the timeout of reading counts.
        let silence =
            StalledStreamProtectionConfig::enabled().upload_enabled(false).grace_period(self.silence).build();
        settings
            .to_builder()
            .timeout_config(timeouts)
            .retry_config(retries.with_initial_backoff(FIRST_PAUSE))
            .stalled_stream_protection(silence)
            .build()
    }

    /// The same for settings without limits. Settings that limit an operation keep all of their own.
    #[must_use]
    pub fn by_default_on(&self, settings: &SdkConfig) -> SdkConfig {
        let limited = settings.timeout_config().is_some_and(|limits| limits.operation_timeout().is_some());
        if limited { settings.clone() } else { self.on(settings) }
    }
}

/// The settings of a client of `DynamoDB` Streams, with the limits of [`STREAM`].
#[must_use]
pub fn of_streams(settings: &SdkConfig) -> SdkConfig {
    let limited = STREAM.by_default_on(settings);
    limited.into_builder().retry_config(RetryConfig::standard().with_max_attempts(STREAM.attempts)).build()
}

/// When the parts of a run have to end, so that it has answered before its time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunDeadlines {
    /// Reading what is due, and the work on it.
    pub working: Instant,
    /// Everything, also recording what was done; the rest of the time is for the answer.
    pub recording: Instant,
}

impl RunDeadlines {
    /// The deadlines of a run that has this time.
    #[must_use]
    pub fn of(time_left: Duration) -> Self {
        let before_the_end = |reserve: Duration| Instant::now() + time_left.saturating_sub(reserve);
        Self {
            working: before_the_end(RECORDED_WITHIN.min(time_left / 4)),
            recording: before_the_end(ANSWERED_WITHIN.min(time_left / 8)),
        }
    }

    /// When reading what is due has to end so that there is time for the work on it: half of what is left.
    #[must_use]
    pub fn reading(self) -> Instant {
        let now = Instant::now();
        now + self.working.saturating_duration_since(now) / 2
    }
}

/// What `work` results in, if it does before `end`; without an `end` it may take any time.
///
/// # Errors
/// [`StoreError`]: it took longer, and was given up. A write of it may have been made.
pub async fn until<T>(end: Option<Instant>, work: impl Future<Output = T>) -> Result<T, StoreError> {
    let Some(end) = end else { return Ok(work.await) };
    timeout_at(end, work).await.map_err(|_| StoreError::new("the time of this run was over".into()))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::BehaviorVersion;

    use super::*;

    fn settings() -> aws_types::sdk_config::Builder {
        SdkConfig::builder().behavior_version(BehaviorVersion::v2026_01_12())
    }

    #[test]
    fn every_kind_of_limit_is_in_the_settings_and_a_given_number_of_attempts_stays() {
        for limits in [FUNCTION, SERVER, STREAM, OPERATOR] {
            let limited = limits.on(&settings().build());
            let timeouts = limited.timeout_config().unwrap();
            assert_eq!(timeouts.connect_timeout(), Some(limits.connect));
            assert_eq!(timeouts.read_timeout(), Some(limits.silence));
            assert_eq!(timeouts.operation_timeout(), Some(limits.operation));
            let silence = limited.stalled_stream_protection().unwrap();
            assert!(silence.download_enabled() && silence.grace_period() == limits.silence);
            let retries = limited.retry_config().unwrap();
            assert_eq!((retries.max_attempts(), retries.initial_backoff()), (limits.attempts, FIRST_PAUSE));
            let given = settings().retry_config(RetryConfig::standard().with_max_attempts(9)).build();
            assert_eq!(limits.on(&given).retry_config().unwrap().max_attempts(), 9);
        }
    }

    #[test]
    fn settings_that_limit_an_operation_keep_their_own_limits() {
        let minute = TimeoutConfig::builder().operation_timeout(Duration::from_mins(1)).build();
        let own = settings().timeout_config(minute.clone()).build();
        assert_eq!(FUNCTION.by_default_on(&own).timeout_config(), Some(&minute));
        let connecting = TimeoutConfig::builder().connect_timeout(Duration::from_secs(3)).build();
        let none = settings().timeout_config(connecting).build();
        let limited = FUNCTION.by_default_on(&none);
        assert_eq!(limited.timeout_config().unwrap().operation_timeout(), Some(FUNCTION.operation));
        let streams = of_streams(&SERVER.on(&settings().build()));
        assert_eq!(streams.timeout_config().unwrap().operation_timeout(), Some(SERVER.operation));
        assert_eq!(streams.retry_config().unwrap().max_attempts(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_longer_than_a_run_has_left_is_given_up() {
        let (begun, second) = (Instant::now(), Duration::from_secs(1));
        let work = |takes: Duration| async move {
            tokio::time::sleep(takes).await;
            7
        };
        assert_eq!(until(Some(begun + 2 * second), work(second)).await.unwrap(), 7);
        let error = until(Some(begun + 2 * second), work(9 * second)).await.unwrap_err();
        assert_eq!(
            (begun.elapsed(), error.to_string()),
            (2 * second, "the time of this run was over".into())
        );
        assert_eq!(until(None, work(9 * second)).await.unwrap(), 7);
    }
}
