//! The request body: read within its limit, and taken apart as one JSON object.
//!
//! The promise: a client that sends too much can still read the response.

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, header};
use futures::future::poll_fn;
use web::{Problem, ProblemKind};

use super::kind::CommandKind;
use super::members::Members;

/// The largest body a command may have, in bytes.
const MOST: usize = 64 * 1024;
/// A body that is too large is read up to here, so that a client that is still sending sees the response and no broken connection.
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
            // It is refused in any case.
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
        let detail = format!("A command has at most {MOST} bytes.");
        return Err(Problem::new(ProblemKind::BodyTooLarge, detail).loggable());
    }
    Ok(read)
}

/// The members of the JSON object in the body; `None` without a body, where it is optional.
///
/// # Errors
/// 415 for another content type or a content encoding, 400 for what is not JSON, 422 for JSON that is not an object.
pub(super) fn members(
    kind: CommandKind,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Option<Members>, Problem> {
    if body.is_empty() && matches!(kind, CommandKind::Delete | CommandKind::Restore) {
        return Ok(None);
    }
    if is_encoded(headers) {
        let detail = "Send the body as it is, without Content-Encoding.";
        return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
    }
    let accepted: &[&str] = match kind {
        CommandKind::Patch => &["application/merge-patch+json", "application/json"],
        CommandKind::Create | CommandKind::Replace | CommandKind::Delete | CommandKind::Restore => {
            &["application/json"]
        }
    };
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !accepted.contains(&essence.as_str()) {
        let detail = format!("Send the body as {}.", accepted.join(" or "));
        return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail).loggable());
    }
    Members::parse(body).map(Some)
}

/// Whether the body is said to be compressed, or encoded otherwise.
fn is_encoded(headers: &HeaderMap) -> bool {
    let encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    encodings.map(|value| value.to_str().unwrap_or("?")).flat_map(|list| list.split(',')).any(|encoding| {
        let encoding = encoding.trim();
        !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity")
    })
}
