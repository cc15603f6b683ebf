//! Reads from a server over HTTP: JSON, or its problem in one line.

use anyhow::Context;
use clap::Args;
use reqwest::{StatusCode, Url};
use serde_json::Value;

use crate::exit::Refused;

/// The server to ask.
#[derive(Debug, Args)]
pub struct RemoteServer {
    /// URL of the server; `LEDGER_TOKEN` is sent as bearer token.
    #[arg(long, env = "LEDGER_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
}

/// The server does not accept the request.
#[derive(Debug, thiserror::Error)]
#[error("{url}: {said}")]
pub struct BadRequest {
    url: String,
    said: String,
    /// The parameter that is wrong, if the server named one.
    pub pointer: Option<String>,
}

/// `LEDGER_TOKEN`, without the line end that a file or command may leave; an empty one counts as unset.
pub(crate) fn token() -> Option<String> {
    let token = std::env::var("LEDGER_TOKEN").ok()?.trim().to_owned();
    (!token.is_empty()).then_some(token)
}

impl RemoteServer {
    /// Gets `path`, whose segments are percent-encoded here, with query parameters.
    ///
    /// # Errors
    /// [`Refused`] inside if the server refuses because of the state of the ledger, [`BadRequest`] if it does not accept the
    /// request; any other error if it cannot be reached.
    pub async fn get(&self, path: &[&str], query: &[(&str, String)]) -> anyhow::Result<Value> {
        let wrong = || format!("--url {}: is not an http or https URL", self.url);
        let mut url: Url = self.url.parse().with_context(wrong)?;
        let mut segments = url.path_segments_mut().ok().with_context(wrong)?;
        segments.pop_if_empty().extend(path);
        drop(segments);
        url.query_pairs_mut().extend_pairs(query);
        let mut request = reqwest::Client::new().get(url);
        if let Some(token) = token() {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.with_context(|| format!("{} cannot be reached", self.url))?;
        let status = answer.status();
        let body =
            answer.bytes().await.with_context(|| format!("{} did not complete its answer", self.url))?;
        if status.is_success() {
            return serde_json::from_slice(&body)
                .with_context(|| format!("the answer of {} is not JSON", self.url));
        }
        let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
        let said = problem["detail"].as_str().or_else(|| problem["title"].as_str());
        let said = said.map_or_else(|| format!("the server answers {status}"), str::to_owned);
        match status {
            StatusCode::NOT_FOUND | StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => {
                Err(Refused(said).into())
            }
            StatusCode::BAD_REQUEST => {
                let pointer = problem["errors"][0]["pointer"].as_str().map(str::to_owned);
                Err(BadRequest { url: self.url.clone(), said, pointer }.into())
            }
            StatusCode::UNAUTHORIZED => {
                anyhow::bail!("{}: {said} LEDGER_TOKEN must hold a valid token.", self.url)
            }
            _ => anyhow::bail!("{}: {said}", self.url),
        }
    }
}
