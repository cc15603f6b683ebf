//! Questions and answers as JSON lines, whichever way they travel.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, header};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tower::ServiceExt;

/// How many lines may wait for a slow reader; progress beyond that is not worth keeping.
const WAITING: usize = 64;

/// The lines of an answer, as they come.
pub struct Lines {
    bytes: BoxStream<'static, anyhow::Result<Bytes>>,
    buffer: Vec<u8>,
}

/// Where work reports how far it is.
#[derive(Clone)]
pub(super) struct Progress(mpsc::Sender<Value>);

impl Progress {
    pub(super) fn tell(&self, progress: &impl Serialize) {
        // A line more or less of progress does not matter.
        let _ = self.0.try_send(json!({"progress": progress}));
    }
}

/// Runs `work` and answers with its progress and its end. When nobody listens any more, the work is dropped.
pub(super) fn answer<W, T, E>(work: impl FnOnce(Progress) -> W + Send + 'static) -> Response
where
    W: Future<Output = Result<T, E>> + Send,
    T: Serialize + Send,
    E: std::fmt::Display + Send,
{
    let (sender, lines) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        let done = tokio::select! {
            done = work(Progress(sender.clone())) => done,
            () = sender.closed() => return,
        };
        let line = match done {
            Ok(done) => json!({"done": done}),
            Err(error) => json!({"failed": error.to_string()}),
        };
        // Whoever asked is gone if this fails.
        let _ = sender.send_timeout(line, Duration::from_mins(1)).await;
    });
    let lines = stream::unfold(lines, |mut lines| async move {
        let line: Value = lines.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(format!("{line}\n"))), lines))
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
}

/// Asks routes in this process.
pub(super) async fn here(
    routes: Router,
    method: &str,
    path: &str,
    question: &Value,
) -> anyhow::Result<Lines> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(question.to_string()))?;
    let response = routes.oneshot(request).await?;
    anyhow::ensure!(response.status().is_success(), "the ledger answered {}", response.status());
    let bytes = response.into_body().into_data_stream().map(|bytes| bytes.map_err(Into::into));
    Ok(Lines::new(bytes))
}

impl Lines {
    pub(super) fn new(bytes: impl Stream<Item = anyhow::Result<Bytes>> + Send + 'static) -> Self {
        Self { bytes: bytes.boxed(), buffer: Vec::new() }
    }

    /// What the work ended with; `progress` is shown every line before.
    ///
    /// # Errors
    /// What the ledger says went wrong, or that the answer broke off: the work may be started again.
    pub async fn done(mut self, mut progress: impl FnMut(&Value)) -> anyhow::Result<Value> {
        while let Some(line) = self.next().await? {
            if let Some(reason) = line["failed"].as_str() {
                anyhow::bail!("{reason}");
            }
            match line.get("done") {
                Some(done) => return Ok(done.clone()),
                None => progress(&line["progress"]),
            }
        }
        anyhow::bail!("the answer broke off; start it again")
    }

    async fn next(&mut self) -> anyhow::Result<Option<Value>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(Some(serde_json::from_slice(&line)?));
            }
            match self.bytes.next().await.transpose()? {
                Some(bytes) => self.buffer.extend_from_slice(&bytes),
                None => return Ok(None),
            }
        }
    }
}
