//! Reads the body before a request takes a slot, so that a client that sends slowly holds up nobody else.

use std::io::{Error, ErrorKind};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use futures::{StreamExt, stream};
use telemetry::meters::HTTP_TIMEOUTS;
use tokio::time::{Instant, timeout_at};
use web::{Problem, ProblemKind};

/// No request may have more; a longer body is left to its route, which refuses it and drains part of it.
const MOST: usize = 64 * 1024;

/// The request with its body read.
///
/// # Errors
/// 408 when the client took too long, 400 when the connection broke.
pub(super) async fn read(request: Request, within: Duration) -> Result<Request, Problem> {
    let deadline = Instant::now() + within;
    let (parts, body) = request.into_parts();
    let mut body = body.into_data_stream();
    let mut read = Vec::new();
    while read.len() <= MOST {
        match timeout_at(deadline, body.next()).await {
            Ok(Some(Ok(data))) => read.extend_from_slice(&data),
            Ok(Some(Err(_))) => {
                return Err(Problem::new(ProblemKind::Malformed, "The body ended before it was complete."));
            }
            Ok(None) => return Ok(Request::from_parts(parts, Body::from(read))),
            Err(_) => return Err(too_slow(within)),
        }
    }
    let rest = stream::unfold(body, move |mut body| async move {
        let next = timeout_at(deadline, body.next()).await;
        let next = next.unwrap_or_else(|_| Some(Err(axum::Error::new(Error::from(ErrorKind::TimedOut)))))?;
        Some((next, body))
    });
    let whole = stream::iter([Ok(Bytes::from(read))]).chain(rest);
    Ok(Request::from_parts(parts, Body::from_stream(whole)))
}

fn too_slow(within: Duration) -> Problem {
    metrics::counter!(HTTP_TIMEOUTS.name, "waited_for" => "body").increment(1);
    let detail = format!("The body must be sent within {} seconds.", within.as_secs());
    let problem = Problem::new(ProblemKind::TooSlow, detail).loggable();
    problem.header(header::CONNECTION, HeaderValue::from_static("close"))
}
