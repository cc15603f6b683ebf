//! How often and after which waits a request to a server is sent again.

use std::time::Duration;

use event_store::backoff::Backoff;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use crate::remote::{LedgerAnswer, LedgerClient};

/// How often a request is sent while there is no answer to it, or one that asks for time.
pub(crate) const ATTEMPTS: u32 = 6;

/// The wait between two attempts.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(200), longest: Duration::from_secs(30) };

/// `Retry-After`: seconds, or a date, relative to the date of the answer.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok();
    let after = text(RETRY_AFTER)?;
    if let Ok(seconds) = after.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let moment = |text| chrono::DateTime::parse_from_rfc2822(text).ok();
    (moment(after)? - moment(text(DATE)?)?).to_std().ok()
}

/// The wait before an attempt: what the server asked for, within a limit, and the back-off on top, so that clients rejected
/// together do not retry together.
pub(crate) fn pause(attempt: u32, asked: Option<Duration>) -> Duration {
    asked.unwrap_or_default().min(BACKOFF.longest) + BACKOFF.pause(attempt)
}

/// The answer to a question, which is asked again if the server gives none or asks for time.
pub(crate) async fn asked(
    client: &LedgerClient,
    path: &[&str],
    query: &[(&str, String)],
) -> anyhow::Result<LedgerAnswer> {
    let mut attempt = 1;
    loop {
        let answer = client.answer(path, query).await;
        let asks_for_time = match &answer {
            Ok(answer) => matches!(answer.status.as_u16(), 429 | 502 | 503 | 504),
            // Where nobody listens, nobody will within seconds.
            Err(error) => {
                !error.chain().any(|cause| cause.downcast_ref().is_some_and(reqwest::Error::is_connect))
            }
        };
        if !asks_for_time || attempt == ATTEMPTS {
            return answer;
        }
        let wait = answer.ok().and_then(|answer| retry_after(&answer.headers));
        tokio::time::sleep(pause(attempt, wait)).await;
        attempt += 1;
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn asked(headers: &[(reqwest::header::HeaderName, &'static str)]) -> Option<Duration> {
        let headers = headers.iter().map(|(name, text)| (name.clone(), HeaderValue::from_static(text)));
        retry_after(&headers.collect())
    }

    #[test]
    fn a_server_that_asks_for_time_gets_it_within_limits() {
        let seconds = Duration::from_secs;
        for attempt in 1..ATTEMPTS {
            assert!(pause(attempt, Some(seconds(2))) > seconds(2));
            assert!(pause(attempt, Some(Duration::from_hours(1))) <= 2 * BACKOFF.longest);
            assert!(pause(attempt, None) <= BACKOFF.longest);
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_moment_and_otherwise_nothing() {
        let (later, date) = ("Sun, 06 Nov 1994 08:49:40 GMT", (DATE, "Sun, 06 Nov 1994 08:49:37 GMT"));
        assert_eq!(asked(&[(RETRY_AFTER, "7")]), Some(Duration::from_secs(7)));
        assert_eq!(asked(&[(RETRY_AFTER, later), date.clone()]), Some(Duration::from_secs(3)));
        for headers in [
            &[][..],
            std::slice::from_ref(&date),
            &[(RETRY_AFTER, later)],
            &[(RETRY_AFTER, "soon"), date.clone()],
            &[(RETRY_AFTER, "-1")],
            &[(RETRY_AFTER, "Sun, 06 Nov 1994 08:49:30 GMT"), date.clone()],
        ] {
            assert_eq!(asked(headers), None, "{headers:?}");
        }
    }
}
