//! Requests of web pages: those of the server's own pages and of the allowed origins are answered, all others are refused.
//!
//! A page of any site can make a browser send requests to any address. It cannot choose `Origin` and the `Sec-Fetch-*` headers, by
//! which such requests are recognised. Programs other than browsers send neither and are not affected. tower-http's CORS layer
//! was not used: it takes every OPTIONS for a preflight, and answers the origins that it does not allow.

use std::str::FromStr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use url::Url;

use super::problem::{Problem, ProblemKind};

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const DESTINATION: HeaderName = HeaderName::from_static("sec-fetch-dest");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The methods of all routes.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";

/// The request headers that a page may set; some that browsers allow anyway are listed because their values may be long.
const REQUEST_HEADERS: &str = "Accept, Authorization, Cache-Control, Content-Type, Idempotency-Key, If-Match, If-None-Match, \
    Last-Event-ID, traceparent, tracestate, X-Correlation-Id";

/// The response headers that a page may read.
const EXPOSED: &str = "ETag, Location, Link, Retry-After, X-Correlation-Id, Idempotency-Replayed";

/// How long a browser may keep the answer to a preflight, in seconds.
const MAX_AGE: &str = "600";

/// An origin whose pages may use the server: `scheme://host[:port]`, as browsers send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedOrigin(HeaderValue);

impl AllowedOrigin {
    /// The variable with the allowed origins, separated by commas.
    pub const VARIABLE: &str = "LEDGER_CORS_ORIGINS";

    /// Origins separated by commas.
    ///
    /// # Errors
    /// [`InvalidOrigin`]: correct the variable.
    pub fn list(text: &str) -> Result<Vec<Self>, InvalidOrigin> {
        text.split(',').map(str::parse).collect()
    }
}

/// The text is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an allowed origin (--cors-origin, LEDGER_CORS_ORIGINS) is scheme://host[:port], such as https://shop.example.com, without a \
     path or wildcard"
)]
pub struct InvalidOrigin;

impl FromStr for AllowedOrigin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let text = text.trim_matches(' ');
        let (_, authority) = text.split_once("://").ok_or(InvalidOrigin)?;
        let not_allowed =
            |letter: char| "/\\?#@*".contains(letter) || letter.is_whitespace() || letter.is_control();
        if authority.is_empty() || authority.contains(not_allowed) {
            return Err(InvalidOrigin);
        }
        let url: Url = text.parse().map_err(|_| InvalidOrigin)?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(InvalidOrigin);
        }
        let origin = url.origin();
        // The origin of other schemes than those of the web has no standard form; theirs are used by applications.
        let origin = if origin.is_tuple() { origin.ascii_serialization() } else { text.to_ascii_lowercase() };
        HeaderValue::try_from(origin).map(Self).map_err(|_| InvalidOrigin)
    }
}

/// Which pages are answered. Clones share the list.
#[derive(Debug, Clone)]
pub struct PageRules {
    allowed: Arc<[AllowedOrigin]>,
    /// Whether a proxy may stand in front of the server, so that its own pages may be those of an `https` origin.
    behind_proxy: bool,
}

/// What is known of the sender of a request that is answered.
enum Sender {
    /// A page of an allowed origin.
    Allowed(HeaderValue),
    /// A page of the server itself, somebody who follows a link, or a program that is no browser.
    Other,
}

impl PageRules {
    /// Rules that allow the pages of these origins besides the server's own.
    #[must_use]
    pub fn new(allowed: Vec<AllowedOrigin>, behind_proxy: bool) -> Self {
        Self { allowed: allowed.into(), behind_proxy }
    }

    /// Wraps all routes.
    pub fn wrap(&self, routes: Router) -> Router {
        routes.layer(from_fn_with_state(self.clone(), check))
    }

    /// Who sent the request; `None` if it was a page of another origin.
    fn sender(&self, request: &Request) -> Option<Sender> {
        let headers = request.headers();
        if is_navigation(request.method(), headers) {
            return Some(Sender::Other);
        }
        let mut origins = headers.get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => {}
            (Some(origin), None) if self.allowed.iter().any(|allowed| allowed.0 == *origin) => {
                return Some(Sender::Allowed(origin.clone()));
            }
            (Some(origin), None) if self.is_own(origin, host_of(request)) => {}
            _ => return None,
        }
        let is_own = |site: &HeaderValue| site == "same-origin" || site == "none";
        headers.get_all(SITE).iter().all(is_own).then_some(Sender::Other)
    }

    /// Whether the origin is that of the address which the request was sent to.
    fn is_own(&self, origin: &HeaderValue, host: &str) -> bool {
        let Some((scheme, authority)) = origin.to_str().ok().and_then(|origin| origin.split_once("://"))
        else {
            return false;
        };
        let usual = match scheme {
            "http" => ":80",
            "https" if self.behind_proxy => ":443",
            _ => return false,
        };
        let without =
            |authority: &str| authority.strip_suffix(usual).unwrap_or(authority).to_ascii_lowercase();
        !host.is_empty() && without(authority) == without(host)
    }
}

/// The host and port that the request was sent to; the authority of a target in absolute form replaces `Host` (RFC 9112, section
/// 3.2.2).
#[must_use]
pub fn host_of(request: &Request) -> &str {
    let host = request.headers().get(header::HOST).map(|host| host.to_str().unwrap_or_default());
    request.uri().authority().map(Authority::as_str).or(host).unwrap_or_default()
}

/// Whether somebody follows a link: the answer is shown and no page can read it. A frame, an `object` and an `embed` navigate too,
/// but tell the page around them whether they failed.
fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    let is = |name: HeaderName, wanted: &str| headers.get(name).map(|value| value == wanted);
    method == Method::GET && is(MODE, "navigate") == Some(true) && is(DESTINATION, "document").unwrap_or(true)
}

async fn check(State(rules): State<PageRules>, request: Request, next: Next) -> Response {
    let mut response = match rules.sender(&request) {
        None => foreign().into_response(),
        Some(Sender::Other) => next.run(request).await,
        Some(Sender::Allowed(origin)) => {
            let mut response = if is_preflight(&request) { preflight() } else { next.run(request).await };
            let headers = response.headers_mut();
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
            headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
            response
        }
    };
    response.headers_mut().append(header::VARY, HeaderValue::from_static("Origin"));
    response
}

/// The question of a browser whether a page may send its request (Fetch, section 3.3). It carries no token.
fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

fn foreign() -> Problem {
    let detail = "A web page of another origin sent this request, and nothing was done. Pages of an origin are answered if the \
                  operator allows it (--cors-origin, LEDGER_CORS_ORIGINS).";
    Problem::new(ProblemKind::ForeignOrigin, detail)
}

#[cfg(test)]
mod tests;
