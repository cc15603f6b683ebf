//! A ledger by its address.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::apply::Failure;
use crate::ledger::{CommitsPage, Ledger, LedgerError, MessagesPage};

type Token = Pin<Box<dyn Future<Output = Result<String, Failure>> + Send>>;

/// A ledger by its address. Clones share their connections.
#[derive(Clone)]
pub struct HttpLedger {
    url: String,
    client: reqwest::Client,
    token: Option<Arc<dyn Fn() -> Token + Send + Sync>>,
    timeout: Duration,
}

impl fmt::Debug for HttpLedger {
    /// Without the token.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("HttpLedger").field("url", &self.url).finish_non_exhaustive()
    }
}

impl HttpLedger {
    /// The ledger at this address, asked without a token. An answer may take 10 seconds.
    pub fn new(url: impl AsRef<str>) -> Self {
        let url = url.as_ref().trim_end_matches('/').to_owned();
        Self { url, client: reqwest::Client::new(), token: None, timeout: Duration::from_secs(10) }
    }

    /// With an access token, whose scope is `products/subscribe`.
    #[must_use]
    pub fn token(self, token: impl Into<String>) -> Self {
        let token = token.into();
        self.token_from(move || std::future::ready(Ok(token.clone())))
    }

    /// With an access token that a function gives for each request.
    #[must_use]
    pub fn token_from<F, T>(mut self, token: F) -> Self
    where
        F: Fn() -> T + Send + Sync + 'static,
        T: Future<Output = Result<String, Failure>> + Send + 'static,
    {
        self.token = Some(Arc::new(move || Box::pin(token())));
        self
    }

    /// How long an answer may take.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// With another client of HTTP: other certificates, a proxy.
    #[must_use]
    pub fn client(mut self, client: reqwest::Client) -> Self {
        self.client = client;
        self
    }

    /// The answer, or its default for one of the missing kinds.
    async fn get<T: DeserializeOwned + Default>(
        &self,
        path: &str,
        missing: &[&str],
    ) -> Result<T, LedgerError> {
        let failed = |error: Failure| LedgerError::new(format!("GET {path}")).because(error);
        let url = format!("{}{path}", self.url);
        let mut request = self.client.get(url).header("accept", "application/json").timeout(self.timeout);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token().await.map_err(failed)?);
        }
        let answer = request.send().await.map_err(|error| failed(error.without_url().into()))?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|error| failed(error.without_url().into()))?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| failed(error.into()));
        }
        let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
        let kind = problem["type"]
            .as_str()
            .and_then(|kind| kind.strip_prefix("urn:product-ledger:problem:"))
            .unwrap_or_default();
        if missing.contains(&kind) {
            return Ok(T::default());
        }
        Err(LedgerError::new(format!("GET {path}: {} {kind}", status.as_u16())))
    }
}

impl Ledger for HttpLedger {
    async fn messages(&self, product: &str, after: u64, limit: u32) -> Result<MessagesPage, LedgerError> {
        let product = utf8_percent_encode(product, NON_ALPHANUMERIC);
        let path = format!("/products/{product}/messages?after={after}&limit={limit}");
        self.get(&path, &["product-not-found", "version-not-found"]).await
    }

    async fn commits(&self, after: Option<i64>, limit: u32) -> Result<CommitsPage, LedgerError> {
        let page = match after {
            None => "order=desc&limit=1".to_owned(),
            Some(after) => format!("after={after}&limit={limit}"),
        };
        self.get(&format!("/commits?{page}"), &[]).await
    }
}
