//! Sends a request until its outcome is known or the server does not answer.

use std::time::Duration;

use anyhow::Context;
use event_store::error::causes;
use futures::StreamExt;
use reqwest::header::HeaderMap;
use reqwest::{Method, Url};
use schema::ProductId;

use super::line::{Condition, ImportLine};
use super::server_answer::ServerAnswer;
use crate::retry::{ATTEMPTS, pause, retry_after};

/// Longer than the server waits for its store.
const TIME_LIMIT: Duration = Duration::from_mins(1);
/// A page of a history has about a megabyte, plus a commit; no answer is larger.
const LARGEST_ANSWER: usize = 8 << 20;

/// A client of the API.
#[derive(Debug, Clone)]
pub(super) struct ImportClient {
    http: reqwest::Client,
    url: Url,
    token: Option<String>,
}

/// Why no further command can be sent.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum StopReason {
    /// The server no longer answers.
    #[error("the server does not answer: {0}")]
    Gone(String),
    /// The server refuses access, and would for every other line too.
    #[error("the server refuses access ({0}); LEDGER_TOKEN must hold a valid token with the required scopes")]
    Refused(String),
    /// The input has changed since it was first read, or can no longer be read.
    #[error("{0}")]
    Input(String),
}

impl ImportClient {
    pub(super) fn new(url: &str, token: Option<String>) -> anyhow::Result<Self> {
        let url: Url = url.parse().with_context(|| format!("--url {url}: is not a URL"))?;
        anyhow::ensure!(matches!(url.scheme(), "http" | "https"), "--url {url}: is not http or https");
        let http = reqwest::Client::builder().timeout(TIME_LIMIT).build()?;
        Ok(Self { http, url, token })
    }

    /// Checks that there is a server; retries if its answer is lost.
    pub(super) async fn reach(&self) -> anyhow::Result<()> {
        let mut attempt = 1;
        loop {
            match self.request(Method::GET, "/health").send().await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_connect() || attempt == ATTEMPTS => {
                    let error = error.without_url();
                    return Err(error).with_context(|| format!("{} cannot be reached", self.url));
                }
                Err(_) => tokio::time::sleep(pause(attempt, None)).await,
            }
            attempt += 1;
        }
    }

    /// Sends a command until its outcome is known.
    pub(super) async fn command(
        &self,
        line: &ImportLine,
        key: &str,
        condition: Condition,
    ) -> Result<ServerAnswer, StopReason> {
        let (method, path, body) = line.request();
        let request = self.request(method, &path).header("idempotency-key", key);
        let request = match condition {
            Condition::None => request,
            Condition::Absent => request.header("if-none-match", "*"),
            Condition::Version(version) => request.header("if-match", format!("\"{version}\"")),
        };
        self.answered(with_body(request, body)).await
    }

    /// A page of a product's history after a sequence.
    ///
    /// # Errors
    /// [`StopReason`]; except that with a token that may write but not read histories, the refusal is the answer, as that of a
    /// firewall is.
    pub(super) async fn history(&self, product: &ProductId, after: u64) -> Result<ServerAnswer, StopReason> {
        let path = format!("/products/{product}/history?limit=100&after={after}");
        match self.answer(self.request(Method::GET, &path)).await? {
            answer if answer.status == 401 => Err(StopReason::Refused(answer.reason())),
            answer => Ok(answer),
        }
    }

    /// A product; also if there is none.
    pub(super) async fn product(&self, product: &ProductId) -> Result<ServerAnswer, StopReason> {
        self.answered(self.request(Method::GET, &format!("/products/{product}"))).await
    }

    /// An empty update, which tells a client that may only write whether the product exists: 404 if it never did.
    pub(super) async fn change_nothing(&self, product: &ProductId) -> Result<ServerAnswer, StopReason> {
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

    async fn answered(&self, request: reqwest::RequestBuilder) -> Result<ServerAnswer, StopReason> {
        match self.answer(request).await? {
            answer if answer.refuses_access() => Err(StopReason::Refused(answer.reason())),
            answer => Ok(answer),
        }
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<ServerAnswer, StopReason> {
        let (mut reason, mut asked, mut is_open) = (String::new(), None, false);
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(pause(attempt, asked.take())).await;
            }
            let Some(request) = request.try_clone() else { break };
            match sent(request).await {
                Ok((answer, headers)) => {
                    let answer = ServerAnswer { repeated: is_open, ..answer };
                    if attempt + 1 == ATTEMPTS || !is_retryable(&answer) {
                        return Ok(answer);
                    }
                    is_open |= answer.status.is_server_error();
                    asked = retry_after(&headers);
                }
                Err(error) => {
                    is_open = true;
                    reason = causes(error.as_ref());
                }
            }
        }
        Err(StopReason::Gone(reason))
    }
}

fn with_body(request: reqwest::RequestBuilder, body: Option<&str>) -> reqwest::RequestBuilder {
    match body {
        Some(body) => request.header("content-type", "application/json").body(body.to_owned()),
        None => request,
    }
}

async fn sent(request: reqwest::RequestBuilder) -> anyhow::Result<(ServerAnswer, HeaderMap)> {
    let response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let replayed = headers.contains_key("idempotency-replayed");
    let (mut body, mut parts) = (Vec::new(), response.bytes_stream());
    while let Some(part) = parts.next().await {
        body.extend_from_slice(&part?);
        anyhow::ensure!(body.len() <= LARGEST_ANSWER, "its answer is larger than {LARGEST_ANSWER} bytes");
    }
    Ok((ServerAnswer { status, replayed, repeated: false, body }, headers))
}

/// Whether a retry may succeed: a lost race, throttling, a store or gateway that does not answer.
fn is_retryable(answer: &ServerAnswer) -> bool {
    match answer.status.as_u16() {
        409 => answer.kind() == "conflict",
        // A clock that is wrong by more than a minute is not corrected within seconds.
        503 => answer.kind() != "clock-ahead",
        429 | 500 | 502 | 504 => true,
        _ => false,
    }
}
