//! The body: read within its limit, refused so that the client can still read why, taken as one JSON object.

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, header};
use futures::future::poll_fn;
use web::{Problem, ProblemKind};

use super::Verb;
use super::members::Members;

/// The largest body a command may have, in bytes.
const MOST: usize = 64 * 1024;
/// A body that is refused is read up to here, so that a client that is still sending does not see a broken connection.
const MOST_DRAINED: usize = 1024 * 1024;

/// The whole body.
///
/// # Errors
/// 413 above 64 KB; 400 when the connection broke.
pub(super) async fn read(body: Body) -> Result<Vec<u8>, Problem> {
    let mut body = std::pin::pin!(body);
    let mut read = Vec::new();
    let mut size = 0_usize;
    while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
        let frame = match frame {
            Ok(frame) => frame,
            // It is refused all the same.
            Err(_) if size > MOST => break,
            Err(_) => {
                return Err(Problem::new(ProblemKind::Malformed, "The body ended before it was complete."));
            }
        };
        let data: Bytes = frame.into_data().unwrap_or_default();
        size += data.len();
        if size > MOST_DRAINED {
            break;
        }
        if size <= MOST {
            read.extend_from_slice(&data);
        }
    }
    if size > MOST {
        return Err(Problem::new(ProblemKind::BodyTooLarge, format!("A command has at most {MOST} bytes.")));
    }
    Ok(read)
}

/// The members of the JSON object in the body; `None` where there may be no body and is none.
///
/// # Errors
/// 415 for another content type, 400 for what is not JSON, 422 for JSON that is not an object.
pub(super) fn members(verb: Verb, headers: &HeaderMap, body: &[u8]) -> Result<Option<Members>, Problem> {
    if body.is_empty() && matches!(verb, Verb::Delete | Verb::Restore) {
        return Ok(None);
    }
    let accepted: &[&str] = match verb {
        Verb::Patch => &["application/merge-patch+json", "application/json"],
        Verb::Create | Verb::Replace | Verb::Delete | Verb::Restore => &["application/json"],
    };
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !accepted.contains(&essence.as_str()) {
        let detail = format!("Send the body as {}.", accepted.join(" or "));
        return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
    }
    Members::parse(body).map(Some)
}
