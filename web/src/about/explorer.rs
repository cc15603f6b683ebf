//! The explorer: the pages for people at `/`, built in `explorer/` and embedded in this program.
//!
//! The promise: the pages load from and connect to this server only, and to the issuer's token endpoint where people sign in there;
//! they run no script and no style that is not one of its files, and cannot be framed.

mod assets;
mod sign_in;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schema::{Currency, Orders};
use serde::Serialize;
use serde_json::json;

use crate::api::{Api, Describe, Endpoint};
use crate::operation::{Components, Operation, OperationResponse, example, path};
use crate::{BasePath, Problem, ProblemKind};
use assets::{Asset, INDEX};
pub use sign_in::{
    CLIENT, CLIENT_SCOPES, ENDPOINTS, IssuerEndpoints, PEOPLE_URL, PeopleSignIn, PublicClient,
    READING_SCOPES, WrongSignIn, is_secure, people_url,
};

/// `base-uri` is needed by the page's `<base>`; its one policy of trusted types makes the address of its worker.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    worker-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types ledger";

/// The rule of the policy that the origin of the token endpoint is added to.
const CONNECTED: &str = "connect-src 'self'";

const PERMISSIONS: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), \
    microphone=(), midi=(), payment=(), usb=()";

/// What the page's `<base>` is in the built file, which is right wherever nothing is known to precede the routes.
const RELATIVE_BASE: &str = "<base href=\"./\">";

const ALWAYS_NEW: &str = "no-cache";

const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Five lines, for whoever is no browser.
const TEXT: &str = concat!(
    "Product ledger ",
    env!("CARGO_PKG_VERSION"),
    "
/docs          every route, with a client to try it
/openapi.json  the same for programs
/products      the products, in pages
/health        whether the server runs, and its version
"
);

/// Something that the server has and the page may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Feature {
    /// `GET /commits`.
    Commits,
    /// `GET /commits/days`.
    Days,
    /// `GET /log/…`.
    Log,
    /// `GET /events` gives what is published.
    Events,
}

impl Feature {
    fn names(&self) -> &'static [&'static str] {
        match self {
            Self::Commits => &["commits"],
            Self::Days => &["days"],
            Self::Log => &["log"],
            Self::Events => &["events"],
        }
    }
}

/// What the page is told about the server.
#[derive(Debug, Clone)]
pub struct Explorer {
    /// Whether requests need a token.
    pub needs_token: bool,
    /// How people get one, beside giving one that they have.
    pub sign_in: Option<Arc<PeopleSignIn>>,
    /// The path of the file with the names of people, if there is one.
    pub people_url: Option<String>,
    /// What the server has beyond what all have.
    pub features: Vec<Feature>,
    /// The orders of the catalogue that are kept.
    pub orders: Orders,
    /// The currency of a price without one.
    pub default_currency: Currency,
    /// Whether answers may be compressed here; not behind a gateway that passes text alone.
    pub compresses: bool,
}

/// `/ui/config.json`.
#[derive(Serialize)]
struct PageConfig<'a> {
    title: &'static str,
    build: String,
    base: &'a str,
    mode: &'static str,
    #[serde(flatten)]
    sign_in: Option<ToldSignIn<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    people_url: Option<&'a str>,
    features: Vec<String>,
    default_currency: Currency,
}

/// What the page needs to let somebody sign in.
#[derive(Serialize)]
struct ToldSignIn<'a> {
    authorize_url: &'a str,
    token_url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_session_url: Option<&'a str>,
    client_id: &'a str,
    scopes: &'a str,
}

/// The routes' state: no explorer, no pages.
type Served = Option<Arc<Explorer>>;

pub(crate) fn routes(explorer: Option<Explorer>) -> Router {
    table().router().with_state(explorer.map(Arc::new))
}

pub(crate) fn documented() -> Vec<(Endpoint, Describe)> {
    table().documented()
}

fn table() -> Api<Served> {
    Api::new()
        .on(Endpoint::Get("/"), describe_root, root)
        .on(Endpoint::Get("/ui/config.json"), describe_config, config)
        .on(Endpoint::Get("/ui/{file}"), describe_file, file)
}

async fn root(State(explorer): State<Served>, base: BasePath, asked: HeaderMap) -> Result<Response, Problem> {
    let vary = (header::VARY, "Accept");
    let wanted = accepts(&asked, header::ACCEPT, "text/html");
    let Some(explorer) = explorer.filter(|_| wanted) else {
        return Ok(([vary], TEXT).into_response());
    };
    let page = page(&base).ok_or_else(damaged)?;
    let mut response = text(&asked, &explorer.policy(), "text/html; charset=utf-8", page);
    response.headers_mut().insert(vary.0, HeaderValue::from_static(vary.1));
    Ok(response)
}

/// The page with what precedes the routes.
fn page(base: &BasePath) -> Option<String> {
    let built = INDEX.text()?;
    if base.is_empty() {
        return Some(built);
    }
    // A base path is escaped already, but an apostrophe and an ampersand need no escape in a URL.
    let escaped = base.as_str().replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    Some(built.replace(RELATIVE_BASE, &format!("<base href=\"{escaped}/\">")))
}

async fn config(
    State(explorer): State<Served>,
    base: BasePath,
    asked: HeaderMap,
) -> Result<Response, Problem> {
    let explorer = explorer.ok_or_else(switched_off)?;
    let told = explorer.told(&base).ok_or_else(damaged)?;
    Ok(text(&asked, &explorer.policy(), "application/json", told))
}

impl Explorer {
    fn told(&self, base: &BasePath) -> Option<String> {
        let own = self.features.iter().flat_map(Feature::names).map(|name| (*name).to_owned());
        let of_all = ["as_of", "in_force", "status", "csv", "sku", "categories"].map(str::to_owned);
        let orders = format!("orders:{}", self.orders);
        let sign_in = self.ready().map(|(client, endpoints)| ToldSignIn {
            authorize_url: endpoints.authorize(),
            token_url: endpoints.token(),
            end_session_url: endpoints.end_session(),
            client_id: client.id(),
            scopes: client.scopes(),
        });
        let config = PageConfig {
            title: "Product ledger",
            build: format!("{}+{:08x}", env!("CARGO_PKG_VERSION"), fingerprint(INDEX.text()?) >> 32),
            base: base.as_str(),
            mode: match (self.needs_token, &sign_in) {
                (false, _) => "open",
                (true, None) => "token",
                (true, Some(_)) => "oidc",
            },
            sign_in,
            people_url: self.people_url.as_deref(),
            features: own.chain(of_all).chain([orders]).collect(),
            default_currency: self.default_currency,
        };
        serde_json::to_string(&config).ok()
    }

    /// The sign-in, where requests need a token and the issuer's endpoints are known.
    fn ready(&self) -> Option<(&PublicClient, &IssuerEndpoints)> {
        self.sign_in.as_ref().filter(|_| self.needs_token)?.ready()
    }

    /// The policy of the pages.
    fn policy(&self) -> String {
        match self.ready() {
            Some((_, issuer)) => POLICY.replace(CONNECTED, &format!("{CONNECTED} {}", issuer.token_origin())),
            None => POLICY.to_owned(),
        }
    }
}

async fn file(
    State(explorer): State<Served>,
    Path(name): Path<String>,
    asked: HeaderMap,
) -> Result<Response, Problem> {
    let explorer = explorer.ok_or_else(switched_off)?;
    let asset = Asset::named(&name).ok_or_else(|| {
        Problem::new(ProblemKind::NotFound, "The explorer of this build has no file of this name.")
    })?;
    let policy = explorer.policy();
    let (cached, etag) = if asset.is_hashed() {
        (FOR_EVER, format!("\"{name}\""))
    } else {
        (ALWAYS_NEW, format!("\"{:016x}\"", fingerprint((asset.gzipped, &policy))))
    };
    let mut headers = guards(cached, &etag, &policy);
    if is_known(&asked, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let media_type = [(header::CONTENT_TYPE, asset.media_type())];
    if explorer.compresses && accepts(&asked, header::ACCEPT_ENCODING, "gzip") {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        return Ok((headers, media_type, asset.gzipped).into_response());
    }
    let plain = asset.text().ok_or_else(damaged)?;
    Ok((headers, media_type, plain).into_response())
}

/// A text that may be another one the next time. It is not compressed: it fits into two packets.
fn text(asked: &HeaderMap, policy: &str, media_type: &'static str, text: String) -> Response {
    // A browser that keeps the page keeps its policy too, so another policy makes another page.
    let etag = format!("\"{:016x}\"", fingerprint((policy, &text)));
    let mut headers = guards(ALWAYS_NEW, &etag, policy);
    if is_known(asked, &etag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    (headers, Body::from(text)).into_response()
}

fn guards(cached: &'static str, etag: &str, policy: &str) -> HeaderMap {
    let fixed = [
        (header::CACHE_CONTROL, cached),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::VARY, "Accept-Encoding"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
    ];
    let mut headers =
        HeaderMap::from_iter(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
    // Without an addition that is no text of a header, the policy is the stricter one.
    let policy = HeaderValue::from_str(policy).unwrap_or(HeaderValue::from_static(POLICY));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(header::ETAG, etag);
    }
    headers
}

/// Whether a list of a header names a value, and not with a weight of zero.
fn accepts(asked: &HeaderMap, name: HeaderName, wanted: &str) -> bool {
    let lists = asked.get_all(name);
    let mut values = lists.iter().filter_map(|list| list.to_str().ok()).flat_map(|list| list.split(','));
    values.any(|value| {
        let mut parts = value.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|named| named.eq_ignore_ascii_case(wanted));
        let refused = |part: &str| {
            part.strip_prefix("q=")
                .and_then(|weight| weight.parse::<f32>().ok())
                .is_some_and(|weight| weight <= 0.0)
        };
        is_named && !parts.any(refused)
    })
}

fn is_known(asked: &HeaderMap, etag: &str) -> bool {
    let lists = asked.get_all(header::IF_NONE_MATCH);
    let mut tags = lists.iter().filter_map(|list| list.to_str().ok()).flat_map(|list| list.split(','));
    tags.any(|tag| tag.trim() == "*" || tag.trim().trim_start_matches("W/") == etag)
}

fn fingerprint(content: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}

fn damaged() -> Problem {
    Problem::new(ProblemKind::Internal, "This build contains a damaged file of the explorer.")
}

fn switched_off() -> Problem {
    Problem::new(ProblemKind::NotFound, "This server has no pages for people (--no-explorer).")
}

fn describe_root(_: &mut Components) -> Operation {
    let text = json!({"type": "string"});
    Operation::new("getRoot", "Service", "The pages for people, or what this server is in five lines")
        .any_query()
        .description("A page for whoever accepts `text/html`, unless `ledger serve --no-explorer` runs; five lines of text for others. Query parameters are ignored.")
        .answer(
            200,
            OperationResponse::new("The page or the text.")
                .content("text/html", &text, &example("page", &json!("<!doctype html>")))
                .content("text/plain", &text, &example("lines", &json!(TEXT))),
        )
        .answer(304, OperationResponse::new("The page is that of `If-None-Match`."))
}

fn describe_config(_: &mut Components) -> Operation {
    let text = json!({"type": "string"});
    let schema = json!({
        "type": "object",
        "required": ["title", "build", "base", "mode", "features", "default_currency"],
        "properties": {
            "title": text, "build": text, "base": text, "mode": {"type": "string", "enum": ["open", "token", "oidc"]},
            "authorize_url": text, "token_url": text, "end_session_url": text, "client_id": text, "scopes": text,
            "people_url": text,
            "features": {"type": "array", "items": text}, "default_currency": text,
        },
    });
    let shown = json!({"title": "Product ledger", "build": "0.1.0+1f8ac7b0", "base": "", "mode": "open",
        "features": ["commits", "days", "log", "events", "as_of", "in_force", "status", "csv", "sku", "categories", "orders:id,name,price,updated_at"],
        "default_currency": "USD"});
    Operation::new("getExplorerConfig", "Service", "What the pages for people are told about this server")
        .description("`mode` is `token` where requests need one, and `oidc` where people also sign in at the issuer, by a code with PKCE (`authorize_url`, `token_url`, `client_id`, `scopes`, and `end_session_url` if the issuer has one). `people_url`, if there is one, is a JSON object of names by subject. `features` names what the server has.")
        .answer(
            200,
            OperationResponse::new("The settings of the pages.").json(&schema, &example("config", &shown)),
        )
        .answer(304, OperationResponse::new("They are those of `If-None-Match`."))
        .problems(&[ProblemKind::NotFound])
}

fn describe_file(_: &mut Components) -> Operation {
    let text = json!({"type": "string"});
    Operation::new("getExplorerFile", "Service", "A file of the pages for people")
        .description("Names contain a hash of the content: a file never changes, and those of another build are not found. Two have none and are asked for again: `runbook.html`, what to do when a ledger is in trouble, and `LICENSES.txt`.")
        .parameter(path("file", "The name of the file.", &text, "LICENSES.txt"))
        .answer(
            200,
            OperationResponse::new("The file.")
                .content("text/javascript", &text, &example("script", &json!("export {};")))
                .content("text/css", &text, &example("style", &json!("body{margin:0}")))
                .content("text/html", &text, &example("runbook", &json!("<!doctype html>")))
                .content("text/plain", &text, &example("licences", &json!("MIT")))
                .content("text/tab-separated-values", &text, &example("sample", &json!("create\thelmet\t{}"))),
        )
        .answer(304, OperationResponse::new("The file is that of `If-None-Match`."))
        .problems(&[ProblemKind::Malformed, ProblemKind::NotFound])
}

#[cfg(test)]
mod tests;
