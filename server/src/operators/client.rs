//! The other half of an operators' command: asks a running server over its socket, or the same routes in this process, and
//! reads the answer line by line.

use std::io;
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use axum::body::{Body, Bytes};
use axum::http::{Request, header};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tower::ServiceExt;

use super::protocol::{AnswerLine, OperatorRequest};
use super::routes::routes;
use super::socket::SOCKET;
use crate::system::System;

/// The error where an answer ends without its last line.
const BROKEN_OFF: &str = "the server ended before the work was done; run it again";

/// The state of a ledger or a file does not allow what was asked: the text says why, for people.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// The answer to an operation, line by line.
pub struct AnswerLines<O> {
    bytes: BoxStream<'static, anyhow::Result<Bytes>>,
    buffer: Vec<u8>,
    /// Keeps work in this process running.
    _running: Option<watch::Sender<bool>>,
    operation: PhantomData<fn() -> O>,
}

/// Asks the server that runs on `data`; `None` if there is none.
///
/// # Errors
/// When the server does not answer: the operation may be started again.
pub async fn ask_server<O: OperatorRequest>(
    data: &Path,
    operation: &O,
) -> anyhow::Result<Option<AnswerLines<O>>> {
    let socket = data.join(SOCKET);
    if UnixStream::connect(&socket).await.is_err() {
        return Ok(None);
    }
    let http = reqwest::Client::builder().unix_socket(socket).build()?;
    let request = http.request(O::METHOD, format!("http://ledger{}", O::PATH)).json(operation);
    let response = request.send().await.context(BROKEN_OFF)?;
    anyhow::ensure!(response.status().is_success(), "the server answered {}", response.status());
    // The library's own errors are about chunks and bytes.
    let bytes = response.bytes_stream().map_err(|_| anyhow::anyhow!(BROKEN_OFF));
    Ok(Some(AnswerLines::new(bytes, None)))
}

/// Does the operation in this process.
///
/// # Errors
/// When the routes do not answer.
pub async fn ask_here<O: OperatorRequest>(
    system: Arc<System>,
    operation: &O,
) -> anyhow::Result<AnswerLines<O>> {
    // An interruption ends this process, and the work with it.
    let (running, stopping) = watch::channel(false);
    let request = Request::builder()
        .method(O::METHOD)
        .uri(O::PATH)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(serde_json::to_vec(operation)?))?;
    let response = routes(system, stopping).oneshot(request).await?;
    anyhow::ensure!(response.status().is_success(), "the ledger answered {}", response.status());
    let bytes = response.into_body().into_data_stream().map(|bytes| bytes.map_err(Into::into));
    Ok(AnswerLines::new(bytes, Some(running)))
}

impl<O: OperatorRequest> AnswerLines<O> {
    pub(super) fn new(
        bytes: impl Stream<Item = anyhow::Result<Bytes>> + Send + 'static,
        running: Option<watch::Sender<bool>>,
    ) -> Self {
        Self { bytes: bytes.boxed(), buffer: Vec::new(), _running: running, operation: PhantomData }
    }

    /// The result; `progress` gets every line before it.
    ///
    /// # Errors
    /// [`Refused`] inside, or why it failed, or that the answer broke off: the operation may be started again.
    pub async fn done(self, mut progress: impl FnMut(O::Progress)) -> anyhow::Result<O::Done> {
        let done = self.done_unless_ended(|line| {
            progress(line);
            Ok(ControlFlow::Continue(()))
        });
        done.await?.context(BROKEN_OFF)
    }

    /// As [`AnswerLines::done`], and `None` once `progress` breaks: the work is then left where it is.
    ///
    /// # Errors
    /// As [`AnswerLines::done`], and those of `progress`.
    pub async fn done_unless_ended(
        mut self,
        mut progress: impl FnMut(O::Progress) -> io::Result<ControlFlow<()>>,
    ) -> anyhow::Result<Option<O::Done>> {
        while let Some(line) = self.next().await? {
            match line {
                AnswerLine::Progress(line) => {
                    if progress(line)?.is_break() {
                        return Ok(None);
                    }
                }
                AnswerLine::Done(done) => return Ok(Some(done)),
                AnswerLine::Refused(reason) => return Err(Refused(reason).into()),
                AnswerLine::Failed(reason) => anyhow::bail!("{reason}"),
            }
        }
        anyhow::bail!(BROKEN_OFF)
    }

    pub(super) async fn next(&mut self) -> anyhow::Result<Option<AnswerLine<O::Progress, O::Done>>> {
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
