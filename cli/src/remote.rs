//! Reads from a server over HTTP: its answer, or its problem in one line.

use std::time::Duration;

use anyhow::Context;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
use futures::StreamExt;
use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, StatusCode, Url};
use serde_json::Value;

use crate::exit::Refused;

/// The server that is asked unless another one is named.
pub(crate) const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// How long a connection may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// How long a server may be silent: longer than it waits for its store, and than the pause between signs of life on a stream.
const SILENCE_LIMIT: Duration = Duration::from_mins(1);

/// No answer is larger: the longest is a page of a history, about a megabyte and a commit.
const LARGEST_ANSWER: usize = 64 << 20;

/// The server to ask.
#[derive(Debug, Args)]
pub struct RemoteServer {
    /// URL of the server; `LEDGER_TOKEN` is sent as bearer token.
    #[arg(long, env = "LEDGER_URL", default_value = DEFAULT_URL)]
    url: String,
}

/// Refuses `--url` beside an option that names another source, such as `data`, which is written `--data <DATA>`. clap's own rule
/// would refuse the option wherever `LEDGER_URL` is set.
///
/// # Errors
/// Both are given.
pub(crate) fn not_beside_url(matches: &ArgMatches, id: &str, written: &str) -> Result<(), clap::Error> {
    let names_server = matches.value_source("url") == Some(ValueSource::CommandLine);
    if names_server && matches.contains_id(id) {
        let both = format!("the argument '{written}' cannot be used with '--url <URL>'\n");
        return Err(clap::Error::raw(ErrorKind::ArgumentConflict, both));
    }
    Ok(())
}

/// A client of the API. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub(crate) struct LedgerClient {
    http: reqwest::Client,
    base: Url,
    /// The URL as it was given.
    pub(crate) url: String,
    token: Option<String>,
}

/// An answer, whatever its status.
pub(crate) struct LedgerAnswer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Vec<u8>,
}

/// The server does not accept the request.
#[derive(Debug, thiserror::Error)]
#[error("{by}: {said}")]
pub struct BadRequest {
    by: String,
    said: String,
    /// The parameter that is wrong, if the server named one.
    pub pointer: Option<String>,
}

/// `LEDGER_TOKEN`, without the line end that a file or command may leave; an empty one counts as unset.
///
/// # Errors
/// One line without the value, if it has characters that no token has (RFC 6750, section 2.1): no request could be sent.
pub(crate) fn token() -> anyhow::Result<Option<String>> {
    let Some(value) = std::env::var_os("LEDGER_TOKEN") else { return Ok(None) };
    let token =
        value.to_str().map(str::trim).filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic()));
    let token = token.context(
        "LEDGER_TOKEN: is not a token: it has a line end, a space or another character that no token has",
    )?;
    Ok((!token.is_empty()).then(|| token.to_owned()))
}

impl RemoteServer {
    /// A client of the server.
    pub(crate) fn client(&self) -> anyhow::Result<LedgerClient> {
        LedgerClient::new(&self.url)
    }
}

impl LedgerClient {
    /// A client of the server at a URL.
    pub(crate) fn new(url: &str) -> anyhow::Result<Self> {
        Self::silent_for(url, SILENCE_LIMIT)
    }

    /// A client that waits so long for the next bytes of a server.
    pub(crate) fn silent_for(url: &str, limit: Duration) -> anyhow::Result<Self> {
        let wrong = || format!("--url {url}: is not an http or https URL");
        let base: Url = url.parse().with_context(wrong)?;
        anyhow::ensure!(matches!(base.scheme(), "http" | "https"), wrong());
        let http = reqwest::Client::builder().connect_timeout(CONNECT_LIMIT).read_timeout(limit).build()?;
        Ok(Self { http, base, url: url.to_owned(), token: token()? })
    }

    /// Gets `path`, whose segments are percent-encoded here, with query parameters.
    ///
    /// # Errors
    /// [`Refused`] inside if the server refuses because of the state of the ledger, [`BadRequest`] if it does not accept the
    /// request; any other error if it cannot be reached.
    pub(crate) async fn get(&self, path: &[&str], query: &[(&str, String)]) -> anyhow::Result<Value> {
        let body = self.accepted(self.answer(path, query).await?)?;
        serde_json::from_slice(&body).with_context(|| format!("the answer of {} is not JSON", self.url))
    }

    /// A request, to which the caller may add headers.
    pub(crate) fn request(&self, path: &[&str], query: &[(&str, String)]) -> anyhow::Result<RequestBuilder> {
        let mut url = self.base.clone();
        let mut segments =
            url.path_segments_mut().ok().with_context(|| format!("--url {}: has no path", self.url))?;
        segments.pop_if_empty().extend(path);
        drop(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.http.get(url);
        Ok(match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
    }

    /// The answer to a request for a path.
    pub(crate) async fn answer(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> anyhow::Result<LedgerAnswer> {
        self.whole(self.sent(self.request(path, query)?).await?).await
    }

    /// The head of an answer.
    pub(crate) async fn sent(&self, request: RequestBuilder) -> anyhow::Result<reqwest::Response> {
        let sent = request.send().await.map_err(reqwest::Error::without_url);
        sent.with_context(|| format!("{} cannot be reached", self.url))
    }

    /// Whether an answer says that there is no such product.
    pub(crate) fn has_no_product(answer: &LedgerAnswer) -> bool {
        answer.status == StatusCode::NOT_FOUND
            && is_of_ledger(&serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    /// Whether an answer is a problem of this kind.
    pub(crate) fn is_problem(answer: &LedgerAnswer, kind: &str) -> bool {
        let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let found = problem["type"].as_str().and_then(|found| found.rsplit(':').next());
        !answer.status.is_success() && found == Some(kind)
    }

    /// Reads an answer to its end.
    pub(crate) async fn whole(&self, response: reqwest::Response) -> anyhow::Result<LedgerAnswer> {
        let (status, headers) = (response.status(), response.headers().clone());
        let (mut body, mut parts) = (Vec::new(), response.bytes_stream());
        while let Some(part) = parts.next().await {
            let part = part.map_err(reqwest::Error::without_url);
            let part = part.with_context(|| format!("{} did not complete its answer", self.url))?;
            body.extend_from_slice(&part);
            anyhow::ensure!(
                body.len() <= LARGEST_ANSWER,
                "the answer of {} is larger than {LARGEST_ANSWER} bytes",
                self.url
            );
        }
        Ok(LedgerAnswer { status, headers, body })
    }

    /// The body of an answer.
    ///
    /// # Errors
    /// As [`LedgerClient::get`].
    pub(crate) fn accepted(&self, answer: LedgerAnswer) -> anyhow::Result<Vec<u8>> {
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        Err(refusal(&self.url, answer.status, &serde_json::from_slice(&answer.body).unwrap_or_default()))
    }
}

/// What a problem says.
fn text(problem: &Value) -> Option<&str> {
    problem["detail"].as_str().or_else(|| problem["title"].as_str())
}

/// Whether a 404 says that the ledger does not have what was asked for, and not that there is no ledger at this URL.
fn is_of_ledger(problem: &Value) -> bool {
    let kind = problem["type"].as_str().and_then(|kind| kind.rsplit(':').next());
    text(problem).is_some() && kind != Some("not-found")
}

/// The error of an answer without success; `by` gave it.
pub(crate) fn refusal(by: &str, status: StatusCode, problem: &Value) -> anyhow::Error {
    let said = text(problem).map_or_else(|| format!("the server answers {status}"), str::to_owned);
    match status {
        StatusCode::NOT_FOUND if !is_of_ledger(problem) => {
            anyhow::anyhow!("{by} does not seem to be the URL of a ledger: {said}")
        }
        StatusCode::NOT_FOUND | StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => {
            Refused(said).into()
        }
        StatusCode::BAD_REQUEST => {
            let pointer = problem["errors"][0]["pointer"].as_str().map(str::to_owned);
            BadRequest { by: by.to_owned(), said, pointer }.into()
        }
        StatusCode::UNAUTHORIZED => anyhow::anyhow!("{by}: {said} LEDGER_TOKEN must hold a valid token."),
        _ => anyhow::anyhow!("{by}: {said}"),
    }
}
