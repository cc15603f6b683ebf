//! Connections: how many may be open, how long they may be idle, and how they are closed.
//!
//! The promise: after a signal to stop, no connection is accepted, accepted requests are answered, and everything is closed
//! within the configured time. A client that sends or reads nothing holds a connection for a bounded time only.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use telemetry::meters::HTTP_CONNECTIONS;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

use super::limits::Limits;

/// Above this, hyper answers 431 without a problem document; below, the limits on headers and path apply.
const LONGEST_HEAD: usize = 64 * 1024;
const MOST_HEADERS: usize = 256;
/// How long to wait when a connection cannot be accepted, mostly because too many files are open.
const PAUSE: Duration = Duration::from_millis(100);

/// The server's connections.
pub(super) struct Connections {
    routes: Router,
    limits: Limits,
    http: Builder,
    graceful: GracefulShutdown,
    open: JoinSet<()>,
    stopping: watch::Receiver<bool>,
}

impl Connections {
    /// Connections that are served by `routes`; none are accepted once `stopping` is true.
    pub(super) fn new(routes: Router, limits: Limits, stopping: watch::Receiver<bool>) -> Self {
        let mut http = Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.idle_timeout)
            .max_headers(MOST_HEADERS)
            .max_header_size(LONGEST_HEAD);
        Self { routes, limits, http, graceful: GracefulShutdown::new(), open: JoinSet::new(), stopping }
    }

    /// Accepts connections until the server stops, and answers with those that are open then.
    pub(super) async fn accept(mut self, listener: TcpListener) -> Self {
        let slots = usize::try_from(self.limits.max_connections).unwrap_or(usize::MAX);
        let slots = Arc::new(Semaphore::new(slots));
        let mut stopping = self.stopping.clone();
        loop {
            tokio::select! {
                _ = stopping.wait_for(|stop| *stop) => return self,
                taken = next(&listener, &slots) => match taken {
                    Ok((stream, slot)) => self.serve(stream, slot),
                    Err(error) => {
                        tracing::warn!(target: "ledger::server", %error, "a connection cannot be accepted");
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
            while self.open.try_join_next().is_some() {}
        }
    }

    /// Waits for accepted requests; closes what is still open after `time`.
    pub(super) async fn finish(mut self, time: Duration) {
        if tokio::time::timeout(time, self.graceful.shutdown()).await.is_err() {
            tracing::warn!(target: "ledger::server",
                open = self.open.len(),
                "connections are closed because they did not end in time"
            );
        }
        self.open.shutdown().await;
    }

    fn serve(&mut self, stream: TcpStream, slot: OwnedSemaphorePermit) {
        // Small answers should not wait for more to send; if this fails, they do.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.limits.idle_timeout));
        let (routes, asked) = (self.routes.clone(), Arc::new(AtomicBool::new(false)));
        let was_asked = asked.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            asked.store(true, Ordering::Relaxed);
            routes.clone().oneshot(request)
        });
        let stream: Pin<Box<_>> = Box::pin(stream);
        let connection = self.graceful.watch(self.http.serve_connection(TokioIo::new(stream), service));
        let mut stopping = self.stopping.clone();
        let unused = async move {
            let _ = stopping.wait_for(|stop| *stop).await;
            if was_asked.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
        };
        self.open.spawn(async move {
            let open = metrics::gauge!(HTTP_CONNECTIONS.name);
            open.increment(1.0);
            tokio::select! {
                ended = connection => {
                    if let Err(error) = ended {
                        tracing::debug!(target: "ledger::server", %error, "a connection broke");
                    }
                }
                // hyper would wait for the rest of its first request's head.
                () = unused => {}
            }
            open.decrement(1.0);
            drop(slot);
        });
    }
}

/// The next connection, once there is a slot for it.
async fn next(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let slot = slots.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, slot))
}
