//! Sends one request until its outcome is known, or the server is gone.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::Context;
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;

/// How often a request is sent whose outcome is not known; every sending carries the same key.
const ATTEMPTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longer than the server takes to give up on its store.
const TIME_LIMIT: Duration = Duration::from_mins(1);

/// The API, reached.
#[derive(Debug, Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    url: Url,
    token: Option<String>,
}

/// The answer to a command.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// It had been recorded by an earlier import.
    pub(super) replayed: bool,
    pub(super) body: Value,
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
}

impl Answer {
    /// Status, title and every fault in one line.
    pub(super) fn reason(&self) -> String {
        let text = |name: &str| self.body[name].as_str().unwrap_or_default().to_owned();
        let faults: Vec<String> = self.body["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|fault| {
                format!(
                    "{} {}",
                    fault["pointer"].as_str().unwrap_or_default(),
                    fault["detail"].as_str().unwrap_or_default()
                )
            })
            .collect();
        let detail = if faults.is_empty() { text("detail") } else { faults.join("; ") };
        format!("{} {}: {detail}", self.status.as_u16(), text("title"))
    }
}

impl Client {
    pub(super) fn new(url: &str, token: Option<String>) -> anyhow::Result<Self> {
        let url: Url = url.parse().with_context(|| format!("--url {url}: is not a URL"))?;
        anyhow::ensure!(matches!(url.scheme(), "http" | "https"), "--url {url}: is not http or https");
        let http = reqwest::Client::builder().timeout(TIME_LIMIT).build()?;
        Ok(Self { http, url, token })
    }

    /// Whether there is a server at all.
    pub(super) async fn reach(&self) -> anyhow::Result<()> {
        let health = self.request(Method::GET, "/health").send().await;
        health.with_context(|| format!("{} cannot be reached", self.url)).map(drop)
    }

    /// Sends a command until its outcome is known.
    pub(super) async fn command(&self, line: &super::Line) -> Result<Answer, Stop> {
        let (method, path, body) = line.request();
        let mut request = self.request(method, &path).header("idempotency-key", line.idempotency_key());
        if line.creates() {
            request = request.header("if-none-match", "*");
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        self.answered(request).await
    }

    /// The idempotency keys of all commits of a product, empty when it does not exist.
    pub(super) async fn recorded_keys(&self, product: &str) -> Result<HashSet<String>, Stop> {
        let mut keys = HashSet::new();
        let mut after = 0;
        loop {
            let path = format!("/products/{product}/history?limit=100&after={after}");
            let page = self.answered(self.request(Method::GET, &path)).await?;
            let commits = page.body["commits"].as_array().map(Vec::as_slice).unwrap_or_default();
            let key = |commit: &Value| commit["metadata"]["idempotency_key"].as_str().map(str::to_owned);
            keys.extend(commits.iter().filter_map(key));
            match page.body["next"].as_u64() {
                Some(next) => after = next,
                None => return Ok(keys),
            }
        }
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
        let mut reason = String::new();
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(FIRST_PAUSE.saturating_mul(1 << attempt).mul_f64(fastrand::f64())).await;
            }
            let Some(request) = request.try_clone() else { break };
            match sent(request).await {
                Ok(answer) if matches!(answer.status.as_u16(), 401 | 403) => {
                    return Err(Stop::Refused(answer.reason()));
                }
                Ok(answer) if !may_pass_later(&answer) => return Ok(answer),
                Ok(answer) if attempt + 1 == ATTEMPTS => return Ok(answer),
                Ok(_) => {}
                Err(error) => reason = format!("{:#}", anyhow::Error::from(error)),
            }
        }
        Err(Stop::Gone(reason))
    }
}

async fn sent(request: reqwest::RequestBuilder) -> Result<Answer, reqwest::Error> {
    let response = request.send().await?;
    let status = response.status();
    let replayed = response.headers().contains_key("idempotency-replayed");
    let body = serde_json::from_slice(&response.bytes().await?).unwrap_or(Value::Null);
    Ok(Answer { status, replayed, body })
}

/// A lost race, throttling, and a store or gateway that does not answer.
fn may_pass_later(answer: &Answer) -> bool {
    let lost_race = || answer.body["type"].as_str().is_some_and(|kind| kind.ends_with(":conflict"));
    match answer.status.as_u16() {
        409 => lost_race(),
        429 | 500 | 502 | 503 | 504 => true,
        _ => false,
    }
}
