//! A proxy between an import and the ledger: it records every request, and forwards it, answers it itself, or loses the
//! answer. Without a ledger it is a server that is not one.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;

/// A request that was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
    pub at: Instant,
}

/// What becomes of a request.
pub enum Fate {
    Pass,
    /// It is passed on, and the connection closed instead of its answer.
    Lose,
    /// It is neither passed on nor answered.
    Hold,
    Answer(Response<Body>),
}

/// It listens until it is dropped.
pub struct Between {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    _stop: oneshot::Sender<Infallible>,
}

struct Way {
    to: String,
    http: reqwest::Client,
    seen: Arc<Mutex<Vec<Seen>>>,
    decide: Box<dyn Fn(&Seen) -> Fate + Send + Sync>,
}

impl Seen {
    pub fn is_command(&self) -> bool {
        self.method != Method::GET
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Between {
    /// Stands before the server at `to`. It has a thread of its own, because a test waits for programs without giving its
    /// runtime a turn.
    pub fn start(to: &str, decide: impl Fn(&Seen) -> Fate + Send + Sync + 'static) -> Self {
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let (started, url) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let (to, decide, noted) = (to.to_owned(), Box::new(decide), seen.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                started.send(format!("http://{}", listener.local_addr().unwrap())).unwrap();
                let way = Arc::new(Way { to, http: reqwest::Client::new(), seen: noted, decide });
                tokio::select! {
                    () = take(listener, way) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { url: url.recv().unwrap(), seen, _stop: stop }
    }

    /// A server that answers every request in one way.
    pub fn answering(status: u16, body: &str) -> Self {
        let body = body.to_owned();
        Self::start("", move |_| Fate::Answer(answer(status, body.clone())))
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Every command so far.
    pub fn commands(&self) -> Vec<Seen> {
        self.seen().into_iter().filter(Seen::is_command).collect()
    }
}

/// An answer in JSON.
pub fn answer(status: u16, body: String) -> Response<Body> {
    let answer = Response::builder().status(status).header("content-type", "application/json");
    answer.body(body.into()).unwrap()
}

async fn take(listener: tokio::net::TcpListener, way: Arc<Way>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let way = way.clone();
        let service = service_fn(move |request| {
            let way = way.clone();
            async move { way.go(request).await }
        });
        tokio::spawn(async move {
            // An error closes the connection, as it is meant to.
            let _ = Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

impl Way {
    async fn go(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(Body::new(body), usize::MAX).await.map_err(io::Error::other)?;
        let seen = Seen {
            method: parts.method,
            path: parts.uri.to_string(),
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
            at: Instant::now(),
        };
        self.seen.lock().unwrap().push(seen.clone());
        match (self.decide)(&seen) {
            Fate::Answer(answer) => Ok(answer),
            Fate::Hold => std::future::pending().await,
            Fate::Pass => self.passed(seen, body).await.map_err(io::Error::other),
            Fate::Lose => {
                self.passed(seen, body).await.map_err(io::Error::other)?;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
        }
    }

    async fn passed(&self, seen: Seen, body: Bytes) -> reqwest::Result<Response<Body>> {
        let mut headers = seen.headers;
        headers.remove("host");
        let request = self.http.request(seen.method, format!("{}{}", self.to, seen.path));
        let response = request.headers(headers).body(body).send().await?;
        let mut answer = Response::builder().status(response.status());
        for (name, value) in response.headers() {
            answer = answer.header(name, value);
        }
        Ok(answer.body(response.bytes().await?.into()).unwrap())
    }
}
