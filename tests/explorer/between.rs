//! A proxy on loopback between a browser and a ledger, which answers some requests in its own way: with an error, a part of the
//! answer, nothing, another text, or what another ledger says. `LEDGER_PAGES` names a folder whose pages it gives instead of those
//! that the ledger was built with, for whoever changes a page and does not want to build the ledger each time.

use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;

/// What is done with a request instead of passing it on.
#[derive(Clone)]
pub enum Lie {
    /// A problem of this status and kind, as the ledger answers it.
    Problem(u16, &'static str),
    /// The page of something else than the ledger.
    Page(u16),
    /// A problem that says when to come again, in seconds.
    Busy(u16, u32),
    /// The first half of the answer.
    Cut,
    /// No answer.
    Silent,
    /// The answer with another text in it.
    Changed(&'static str, &'static str),
    /// The answer with one bit of the byte at this share of it turned, in thousandths.
    Flipped(usize),
    /// What another ledger answers.
    From(String),
}

/// The proxy: its address, and what it does with the requests whose path and query begin so.
pub struct Between {
    pub url: String,
    lies: Lies,
}

/// Where a browser finds the pages of a ledger: there, or before it if there are other pages to be shown.
pub async fn front(ledger: &str) -> String {
    if std::env::var_os("LEDGER_PAGES").is_none() {
        return ledger.to_owned();
    }
    Between::before(ledger).await.url
}

/// A page of the folder that the environment names, if the path is one of a page.
fn page(path: &str) -> Option<Response> {
    let folder = std::path::PathBuf::from(std::env::var_os("LEDGER_PAGES")?);
    let name = if path == "/" {
        "index.html"
    } else {
        path.strip_prefix("/ui/").filter(|name| *name != "config.json")?
    };
    let Ok(bytes) = std::fs::read(folder.join(name)) else {
        return Some(problem(404, "not-found", None));
    };
    let kind = match name.rsplit_once('.') {
        Some((_, "js")) => "text/javascript",
        Some((_, "css")) => "text/css",
        Some((_, "html")) => "text/html; charset=utf-8",
        _ => "text/plain",
    };
    Some(Response::builder().header("content-type", kind).body(Body::from(bytes)).unwrap())
}

type Lies = Arc<Mutex<Vec<(String, Lie)>>>;

#[derive(Clone)]
struct Way {
    ledger: String,
    lies: Lies,
    http: reqwest::Client,
}

impl Between {
    pub async fn before(ledger: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let lies = Lies::default();
        let http = crate::scenario::client().build().unwrap();
        let way = Way { ledger: ledger.to_owned(), lies: lies.clone(), http };
        let router = axum::Router::new().fallback(answer).with_state(way);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, lies }
    }

    /// Lies from now on about the requests that begin so, and about no others.
    pub fn tell(&self, lies: &[(&str, Lie)]) {
        *self.lies.lock().unwrap() =
            lies.iter().map(|(path, lie)| ((*path).to_owned(), lie.clone())).collect();
    }
}

async fn answer(State(way): State<Way>, request: Request) -> Response {
    let path = request.uri().path_and_query().unwrap().to_string();
    let lie = way
        .lies
        .lock()
        .unwrap()
        .iter()
        .find(|(begin, _)| path.starts_with(begin.as_str()))
        .map(|(_, lie)| lie.clone());
    match lie {
        Some(Lie::Problem(status, kind)) => problem(status, kind, None),
        Some(Lie::Busy(status, seconds)) => problem(status, "overloaded", Some(seconds)),
        Some(Lie::Page(status)) => {
            let page = Response::builder().status(status).header("content-type", "text/html");
            page.body(Body::from("<!doctype html><title>Gateway</title>")).unwrap()
        }
        Some(Lie::Silent) => std::future::pending().await,
        Some(Lie::From(other)) => passed(&way, &other, request, &path, |body| body).await,
        Some(Lie::Cut) => {
            let whole = passed(&way, &way.ledger, request, &path, |body| body).await;
            let (head, body) = whole.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            let half = futures::stream::iter([Ok(body.slice(..body.len() / 2))]);
            // What was sent so far leaves the server before the end does.
            let cut = futures::stream::once(async {
                tokio::task::yield_now().await;
                Err::<Bytes, _>(std::io::Error::other("cut"))
            });
            Response::from_parts(head, Body::from_stream(futures::StreamExt::chain(half, cut)))
        }
        Some(Lie::Changed(from, to)) => {
            let change =
                |body: Bytes| Bytes::from(String::from_utf8(body.to_vec()).unwrap().replace(from, to));
            passed(&way, &way.ledger, request, &path, change).await
        }
        Some(Lie::Flipped(share)) => {
            let flip = |body: Bytes| {
                let mut body = body.to_vec();
                let place = (body.len() * share / 1000).min(body.len().saturating_sub(1));
                if let Some(byte) = body.get_mut(place) {
                    *byte ^= 1;
                }
                Bytes::from(body)
            };
            passed(&way, &way.ledger, request, &path, flip).await
        }
        None if page(&path).is_some() => page(&path).unwrap(),
        None => passed(&way, &way.ledger, request, &path, |body| body).await,
    }
}

fn problem(status: u16, kind: &str, again: Option<u32>) -> Response {
    let mut response = Response::builder().status(status).header("content-type", "application/problem+json");
    if let Some(seconds) = again {
        response = response.header("retry-after", seconds);
    }
    let body = serde_json::json!({
        "type": format!("urn:product-ledger:problem:{kind}"),
        "title": kind,
        "status": status,
        "detail": "a detail of the problem",
        "correlation_id": "01M8XREFERENCE",
    });
    response.body(Body::from(body.to_string())).unwrap()
}

/// Passes a request on, and its answer back.
async fn passed(
    way: &Way,
    to: &str,
    request: Request,
    path: &str,
    change: impl FnOnce(Bytes) -> Bytes,
) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let mut sent = way.http.request(head.method, format!("{to}{path}")).body(body);
    for (name, value) in &head.headers {
        // The ledger answers under its own name, to its own pages; what is changed must not be packed, nor be known already.
        if !["host", "origin", "accept-encoding", "connection", "if-none-match"].contains(&name.as_str()) {
            sent = sent.header(name, value);
        }
    }
    let Ok(got) = sent.send().await else {
        return Response::builder().status(502).body(Body::empty()).unwrap();
    };
    let mut response = Response::builder().status(got.status());
    for (name, value) in got.headers() {
        if !["content-length", "transfer-encoding", "connection"].contains(&name.as_str()) {
            response = response.header(name, value);
        }
    }
    let Ok(body) = got.bytes().await else {
        return Response::builder().status(502).body(Body::empty()).unwrap();
    };
    response.body(Body::from(change(body))).unwrap()
}
