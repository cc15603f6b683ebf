//! API Gateway's events: a request of a REST API in payload format 1.0, or one in another format, which is recognised so that log
//! and answer say what is wrong.

use axum::extract::Request;
use axum::http::Uri;
use serde::Deserialize;
use web::{Problem, ProblemKind, excerpt};

use super::members::EventMembers;
use super::request::ProxyRequest;

/// The format of REST APIs. Their events do not name it; those of HTTP APIs do.
const FORMAT: &str = "1.0";

/// What invokes the function.
#[derive(Debug, Deserialize)]
#[serde(try_from = "EventMembers")]
pub(super) enum GatewayEvent {
    Request(Box<ProxyRequest>),
    OtherFormat(OtherFormat),
}

/// An event in a format that is not supported, such as 2.0: that of HTTP APIs by default, and of function URLs.
#[derive(Debug)]
pub(super) struct OtherFormat {
    version: String,
    path: Option<String>,
}

impl TryFrom<EventMembers> for GatewayEvent {
    type Error = &'static str;

    fn try_from(mut members: EventMembers) -> Result<Self, Self::Error> {
        if let Some(version) = members.version.take().filter(|version| version != FORMAT) {
            return Ok(Self::OtherFormat(OtherFormat { version, path: members.raw_path }));
        }
        let (Some(method), Some(path)) = (members.http_method.take(), members.path.take()) else {
            return Err("the event is no request of API Gateway: httpMethod or path is missing");
        };
        Ok(Self::Request(Box::new(ProxyRequest::new(method, &path, members))))
    }
}

impl OtherFormat {
    /// Logs it; returns the request that is refused with a 500, which says what the operator has to change.
    pub(super) fn refused(self) -> Request {
        let version = excerpt(&self.version, 16);
        tracing::error!(target: "ledger::function",
            version = %version,
            "the event has a payload format that is not supported: let the integration of the HTTP API use payload format 1.0, or put a \
             REST API in front of the function"
        );
        let detail = format!(
            "The API in front of the function sends payload format {version}, and the function reads {FORMAT} alone; nothing was done. \
             Tell the operator to change the integration."
        );
        let mut request = Request::default();
        *request.uri_mut() = self.path.and_then(|path| path.parse().ok()).unwrap_or(Uri::from_static("/"));
        request.extensions_mut().insert(Problem::new(ProblemKind::Internal, detail).loggable());
        request
    }
}
