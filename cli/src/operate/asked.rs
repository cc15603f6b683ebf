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
use tokio::sync::{mpsc, watch};
use tower::ServiceExt;

use crate::mapping::{Stop, stopped};
use crate::out::Read;
use crate::refused::Refused;

/// How many lines may wait for a slow reader; a counter beyond that is not worth keeping, and work with a finding waits.
const WAITING: usize = 64;

/// What is said where the other side ended without a word.
pub(super) const BROKEN_OFF: &str = "the server ended before the work was done; run it again";

/// What an operator is told whose work the end of the server ends.
const STOPPING: &str =
    "the server stops, and the rest of the work was left; run it again, with or without a server";

/// The lines of an answer, as they come.
pub struct Lines {
    bytes: BoxStream<'static, anyhow::Result<Bytes>>,
    buffer: Vec<u8>,
    /// Work in this process goes on as long as this is there.
    _running: Option<watch::Sender<bool>>,
}

/// How work ends that was not done.
pub(super) enum Undone {
    /// It could not be done.
    Failed(String),
    /// The ledger does not allow it, or it was ended in the middle.
    Refused(String),
}

impl<E: std::error::Error + 'static> From<E> for Undone {
    fn from(error: E) -> Self {
        Self::Failed(event_store::error::causes(&error))
    }
}

/// Where work reports how far it is, and what it found.
#[derive(Clone)]
pub(super) struct Progress(mpsc::Sender<Value>);

impl Progress {
    /// How far the work is: the next line says it too, so that this one may get lost.
    pub(super) fn tell(&self, progress: &impl Serialize) {
        let _ = self.0.try_send(json!({"progress": progress}));
    }

    /// What nothing else will say: waits for a slow reader.
    pub(super) async fn found(&self, finding: &impl Serialize) {
        // Nobody listens any more if this fails, and the work is dropped.
        let _ = self.0.send(json!({"progress": finding})).await;
    }
}

/// Runs `work` and answers with its progress and its end. When nobody listens any more, or at `stopping`, the work is
/// dropped.
pub(super) fn answer<W, T>(stopping: Stop, work: impl FnOnce(Progress) -> W + Send + 'static) -> Response
where
    W: Future<Output = Result<T, Undone>> + Send,
    T: Serialize + Send,
{
    let (sender, lines) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        let done = tokio::select! {
            done = work(Progress(sender.clone())) => done,
            () = sender.closed() => return,
            () = stopped(&stopping) => Err(Undone::Refused(STOPPING.to_owned())),
        };
        let line = match done {
            Ok(done) => json!({"done": done}),
            Err(Undone::Refused(reason)) => json!({"refused": reason}),
            Err(Undone::Failed(reason)) => json!({"failed": reason}),
        };
        tokio::select! {
            // Whoever asked is gone if this fails.
            _ = sender.send(line) => {}
            () = stopped_a_minute_ago(&stopping) => {}
        }
    });
    let lines = stream::unfold(lines, |mut lines| async move {
        let line: Value = lines.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(format!("{line}\n"))), lines))
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
}

/// A slow reader has this long to hear the end of a server.
async fn stopped_a_minute_ago(stopping: &Stop) {
    stopped(stopping).await;
    tokio::time::sleep(Duration::from_mins(1)).await;
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
        Self { bytes: bytes.boxed(), buffer: Vec::new(), _running: None }
    }

    /// Keeps work of this process going until it is done.
    pub(super) fn keeping(self, running: watch::Sender<bool>) -> Self {
        Self { _running: Some(running), ..self }
    }

    /// What the work ended with; `progress` is shown every line before.
    ///
    /// # Errors
    /// What the ledger says went wrong, or that the answer broke off: the work may be started again.
    pub async fn done(self, mut progress: impl FnMut(&Value)) -> anyhow::Result<Value> {
        let shown = |line: &Value| {
            progress(line);
            Ok(Read::On)
        };
        let done = self.done_as_long_as_read(shown).await?;
        done.ok_or_else(|| anyhow::anyhow!(BROKEN_OFF))
    }

    /// As [`Lines::done`], and `None` if nobody reads what `progress` prints any more: the work is then left where it is.
    ///
    /// # Errors
    /// As [`Lines::done`], and those of `progress`.
    pub async fn done_as_long_as_read(
        mut self,
        mut progress: impl FnMut(&Value) -> std::io::Result<Read>,
    ) -> anyhow::Result<Option<Value>> {
        while let Some(line) = self.next().await? {
            if let Some(reason) = line["refused"].as_str() {
                return Err(Refused(reason.to_owned()).into());
            }
            if let Some(reason) = line["failed"].as_str() {
                anyhow::bail!("{reason}");
            }
            match line.get("done") {
                Some(done) => return Ok(Some(done.clone())),
                None if progress(&line["progress"])? == Read::NoMore => return Ok(None),
                None => {}
            }
        }
        anyhow::bail!(BROKEN_OFF)
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

#[cfg(test)]
mod tests;
