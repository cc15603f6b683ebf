//! Sends one request until its outcome is known, or the server is gone.

use std::time::Duration;

use anyhow::Context;
use event_store::error::causes;
use futures::StreamExt;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use reqwest::{Method, Url};
use schema::ProductId;

use super::answer::Answer;
use super::line::{Condition, Line};

/// How often a request is sent whose outcome is not known; every sending carries the same key.
const ATTEMPTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// A server that asks for more than this is asked again all the same.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Longer than the server takes to give up on its store.
const TIME_LIMIT: Duration = Duration::from_mins(1);
/// A page of a history ends near a megabyte; nothing that is asked for is larger than that and a commit.
const LARGEST_ANSWER: usize = 8 << 20;

/// The API, reached.
#[derive(Debug, Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    url: Url,
    token: Option<String>,
}

/// Why no further command can be sent.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Stop {
    /// The server does not answer any more.
    #[error("the server does not answer: {0}")]
    Gone(String),
    /// The server does not let us; it would refuse every other line too.
    #[error(
        "the server refuses us ({0}); LEDGER_TOKEN has to hold a valid token with the scopes that are needed"
    )]
    Refused(String),
    /// The input is not what it was when it was read for the first time, or cannot be read any more.
    #[error("{0}")]
    Input(String),
}

impl Client {
    pub(super) fn new(url: &str, token: Option<String>) -> anyhow::Result<Self> {
        let url: Url = url.parse().with_context(|| format!("--url {url}: is not a URL"))?;
        anyhow::ensure!(matches!(url.scheme(), "http" | "https"), "--url {url}: is not http or https");
        let http = reqwest::Client::builder().timeout(TIME_LIMIT).build()?;
        Ok(Self { http, url, token })
    }

    /// Whether there is a server at all. One that lets nobody in is told at once; an answer that is lost is asked for again.
    pub(super) async fn reach(&self) -> anyhow::Result<()> {
        let mut attempt = 1;
        loop {
            match self.request(Method::GET, "/health").send().await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_connect() || attempt == ATTEMPTS => {
                    return Err(error).with_context(|| format!("{} cannot be reached", self.url));
                }
                Err(_) => tokio::time::sleep(pause(attempt, None, fastrand::f64())).await,
            }
            attempt += 1;
        }
    }

    /// Sends a command until its outcome is known.
    pub(super) async fn command(&self, line: &Line, key: &str, condition: Condition) -> Result<Answer, Stop> {
        let (method, path, body) = line.request();
        let request = self.request(method, &path).header("idempotency-key", key);
        let request = match condition {
            Condition::None => request,
            Condition::Absent => request.header("if-none-match", "*"),
            Condition::Version(version) => request.header("if-match", format!("\"{version}\"")),
        };
        self.answered(with_body(request, body)).await
    }

    /// A page of a product's history, behind a sequence.
    ///
    /// # Errors
    /// [`Stop`], but for a token that may write and not read histories: that is an answer.
    pub(super) async fn history(&self, product: &ProductId, after: u64) -> Result<Answer, Stop> {
        let path = format!("/products/{product}/history?limit=100&after={after}");
        match self.answer(self.request(Method::GET, &path)).await? {
            answer if answer.status == 401 => Err(Stop::Refused(answer.reason())),
            answer => Ok(answer),
        }
    }

    /// A change of nothing, which tells whether the product exists to whoever may only write: 404 if it never did.
    pub(super) async fn change_nothing(&self, product: &ProductId) -> Result<Answer, Stop> {
        let request = self.request(Method::PATCH, &format!("/products/{product}"));
        self.answered(with_body(request, Some("{}"))).await
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.url.as_str().trim_end_matches('/'));
        let request = self.http.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn answered(&self, request: reqwest::RequestBuilder) -> Result<Answer, Stop> {
        match self.answer(request).await? {
            answer if matches!(answer.status.as_u16(), 401 | 403) => Err(Stop::Refused(answer.reason())),
            answer => Ok(answer),
        }
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Answer, Stop> {
        let (mut reason, mut asked, mut is_open) = (String::new(), None, false);
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(pause(attempt, asked.take(), fastrand::f64())).await;
            }
            let Some(request) = request.try_clone() else { break };
            match sent(request).await {
                Ok((answer, headers)) => {
                    let answer = Answer { repeated: is_open, ..answer };
                    if attempt + 1 == ATTEMPTS || !may_pass_later(&answer) {
                        return Ok(answer);
                    }
                    is_open |= answer.status.is_server_error();
                    asked = asked_to_wait(&headers);
                }
                Err(error) => {
                    is_open = true;
                    reason = causes(error.as_ref());
                }
            }
        }
        Err(Stop::Gone(reason))
    }
}

fn with_body(request: reqwest::RequestBuilder, body: Option<&str>) -> reqwest::RequestBuilder {
    match body {
        Some(body) => request.header("content-type", "application/json").body(body.to_owned()),
        None => request,
    }
}

async fn sent(request: reqwest::RequestBuilder) -> anyhow::Result<(Answer, HeaderMap)> {
    let response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let replayed = headers.contains_key("idempotency-replayed");
    let (mut body, mut parts) = (Vec::new(), response.bytes_stream());
    while let Some(part) = parts.next().await {
        body.extend_from_slice(&part?);
        anyhow::ensure!(body.len() <= LARGEST_ANSWER, "its answer is larger than {LARGEST_ANSWER} bytes");
    }
    Ok((Answer { status, replayed, repeated: false, body }, headers))
}

/// A lost race, throttling, and a store or gateway that does not answer.
fn may_pass_later(answer: &Answer) -> bool {
    match answer.status.as_u16() {
        409 => answer.kind() == "conflict",
        // A clock that is wrong by more than a minute is not set right within seconds.
        503 => answer.kind() != "clock-ahead",
        429 | 500 | 502 | 504 => true,
        _ => false,
    }
}

/// `Retry-After`: seconds, or a moment, which counts from the moment of the answer.
fn asked_to_wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok();
    let after = text(RETRY_AFTER)?;
    if let Ok(seconds) = after.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let moment = |text| chrono::DateTime::parse_from_rfc2822(text).ok();
    (moment(after)? - moment(text(DATE)?)?).to_std().ok()
}

/// How long to wait before an attempt: what the server asked for, within a limit, and then longer each time with full jitter,
/// of which `chance` is the draw, so that those who were turned away together do not come again together.
fn pause(attempt: u32, asked: Option<Duration>, chance: f64) -> Duration {
    let asked = asked.unwrap_or_default().min(LONGEST_PAUSE);
    asked + FIRST_PAUSE.saturating_mul(1 << attempt.min(16)).min(LONGEST_PAUSE).mul_f64(chance)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn asked(headers: &[(reqwest::header::HeaderName, &'static str)]) -> Option<Duration> {
        let headers = headers.iter().map(|(name, text)| (name.clone(), HeaderValue::from_static(text)));
        asked_to_wait(&headers.collect())
    }

    #[test]
    fn a_server_that_asks_for_time_gets_it_within_limits() {
        for attempt in 1..ATTEMPTS {
            assert_eq!(pause(attempt, Some(Duration::from_secs(2)), 0.0), Duration::from_secs(2));
            assert!(pause(attempt, Some(Duration::from_secs(2)), 0.5) > Duration::from_secs(2));
            assert_eq!(pause(attempt, Some(Duration::from_hours(1)), 0.0), LONGEST_PAUSE);
            assert!(pause(attempt, None, 1.0) <= LONGEST_PAUSE);
        }
        assert_eq!(pause(3, None, 0.5), Duration::from_millis(400));
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
