//! How the server answers operators: the work runs as long as somebody reads its lines and the server is not stopping.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde_json::json;
use tokio::sync::mpsc;

use super::protocol::{AnswerLine, OperatorRequest};
use crate::stop::{StopSignal, stopped};

/// How many lines may wait for a slow reader; beyond that counters are dropped, and work with a finding waits.
pub(super) const WAITING: usize = 64;

/// The answer to an operator whose work is ended by the end of the server.
const STOPPING: &str =
    "the server stops, and the rest of the work was left; run it again, with or without a server";

/// Why an operation was not done.
pub(super) enum OperatorError {
    /// It could not be done.
    Failed(String),
    /// The state of the ledger does not allow it, or it was ended early.
    Refused(String),
}

impl<E: std::error::Error + 'static> From<E> for OperatorError {
    fn from(error: E) -> Self {
        Self::Failed(event_store::error::causes(&error))
    }
}

/// Where work reports how far it is and what it found. Cheap to clone.
pub(super) struct ProgressSender<O: OperatorRequest>(mpsc::Sender<AnswerLine<O::Progress, O::Done>>);

impl<O: OperatorRequest> ProgressSender<O> {
    /// Reports how far the work is. Dropped if the reader is slow: the next report replaces it.
    pub(super) fn counter(&self, progress: O::Progress) {
        let _ = self.0.try_send(AnswerLine::Progress(progress));
    }

    /// Reports what no later line repeats: waits for a slow reader.
    pub(super) async fn finding(&self, finding: O::Progress) {
        // If this fails, the reader is gone and the work is dropped.
        let _ = self.0.send(AnswerLine::Progress(finding)).await;
    }
}

/// Runs `work` and answers with its progress and its end. The work is dropped when the reader is gone, and at `stopping`.
pub(super) fn answer<O, W>(
    stopping: StopSignal,
    work: impl FnOnce(ProgressSender<O>) -> W + Send + 'static,
) -> Response
where
    O: OperatorRequest,
    W: Future<Output = Result<O::Done, OperatorError>> + Send,
{
    let (sender, lines) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        let done = tokio::select! {
            done = work(ProgressSender(sender.clone())) => done,
            () = sender.closed() => return,
            () = stopped(&stopping) => Err(OperatorError::Refused(STOPPING.to_owned())),
        };
        let line = match done {
            Ok(done) => AnswerLine::Done(done),
            Err(OperatorError::Refused(reason)) => AnswerLine::Refused(reason),
            Err(OperatorError::Failed(reason)) => AnswerLine::Failed(reason),
        };
        tokio::select! {
            // If this fails, the reader is gone.
            _ = sender.send(line) => {}
            () = stopped_a_minute_ago(&stopping) => {}
        }
    });
    let lines = stream::unfold(lines, |mut lines| async move {
        let line = json!(lines.recv().await?);
        Some((Ok::<_, Infallible>(Bytes::from(format!("{line}\n"))), lines))
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
}

/// How long a slow reader has to read the last line of a server that stops.
async fn stopped_a_minute_ago(stopping: &StopSignal) {
    stopped(stopping).await;
    tokio::time::sleep(Duration::from_mins(1)).await;
}
