//! Errors as `application/problem+json` (RFC 9457): one stable `type` for each kind, and the kind alone determines the
//! status.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The kinds of problems, each with a stable `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::VariantArray)]
pub enum ProblemKind {
    /// A header, a parameter, the path or the body cannot be parsed.
    Malformed,
    /// A token is missing or not valid.
    Unauthorized,
    /// The token lacks a scope.
    Forbidden,
    /// The request names another host, or a page of another origin sent it.
    ForeignOrigin,
    /// No route has this path.
    NotFound,
    /// The product does not exist or is deleted.
    ProductNotFound,
    /// The product never had this version.
    VersionNotFound,
    /// The route does not support the method.
    MethodNotAllowed,
    /// The command requires a product that is not deleted.
    ProductDeleted,
    /// The command requires a deleted product.
    ProductNotDeleted,
    /// The product already exists.
    ProductExists,
    /// The requested version does not exist yet.
    VersionNotReached,
    /// Concurrent writes kept winning; the command was not recorded.
    Conflict,
    /// The condition of `If-Match` or `If-None-Match` does not hold.
    PreconditionFailed,
    /// The body is larger than allowed.
    BodyTooLarge,
    /// The content type of the body is not supported.
    UnsupportedMediaType,
    /// The body violates a rule.
    Invalid,
    /// The idempotency key was used for another request.
    IdempotencyKeyReused,
    /// The changed product would exceed the size of a commit.
    CommitTooLarge,
    /// The client took too long to send the request.
    TooSlow,
    /// The path and the query are longer than allowed.
    UriTooLong,
    /// The headers are too many or too long.
    HeadersTooLarge,
    /// The server is at its limit of concurrent requests.
    Overloaded,
    /// The store or the server did not answer in time.
    Unavailable,
    /// The product's newest commit is more than a minute ahead of the server's clock.
    ClockAhead,
    /// An error in the server or in what it stored.
    Internal,
}

impl ProblemKind {
    /// The slug, the title and the status.
    #[must_use]
    pub fn parts(self) -> (&'static str, &'static str, StatusCode) {
        use StatusCode as Code;
        match self {
            Self::Malformed => ("malformed", "The request cannot be read", Code::BAD_REQUEST),
            Self::Unauthorized => ("unauthorized", "A valid token is needed", Code::UNAUTHORIZED),
            Self::Forbidden => ("forbidden", "The token lacks a scope", Code::FORBIDDEN),
            Self::ForeignOrigin => {
                ("foreign-origin", "The request is for another host or from another site", Code::FORBIDDEN)
            }
            Self::NotFound => ("not-found", "No route has this path", Code::NOT_FOUND),
            Self::ProductNotFound => ("product-not-found", "There is no such product", Code::NOT_FOUND),
            Self::VersionNotFound => ("version-not-found", "There is no such version", Code::NOT_FOUND),
            Self::MethodNotAllowed => {
                ("method-not-allowed", "The method is not allowed", Code::METHOD_NOT_ALLOWED)
            }
            Self::ProductDeleted => ("product-deleted", "The product is deleted", Code::CONFLICT),
            Self::ProductNotDeleted => ("product-not-deleted", "The product is not deleted", Code::CONFLICT),
            Self::ProductExists => ("product-exists", "The product already exists", Code::CONFLICT),
            Self::VersionNotReached => {
                ("version-not-reached", "The version does not exist yet", Code::CONFLICT)
            }
            Self::Conflict => ("conflict", "Too many concurrent writes to the product", Code::CONFLICT),
            Self::PreconditionFailed => {
                ("precondition-failed", "The precondition does not hold", Code::PRECONDITION_FAILED)
            }
            Self::BodyTooLarge => ("body-too-large", "The body is too large", Code::PAYLOAD_TOO_LARGE),
            Self::UnsupportedMediaType => {
                ("unsupported-media-type", "The content type is not supported", Code::UNSUPPORTED_MEDIA_TYPE)
            }
            Self::Invalid => ("invalid", "The request violates a rule", Code::UNPROCESSABLE_ENTITY),
            Self::IdempotencyKeyReused => (
                "idempotency-key-reused",
                "The idempotency key was used for another request",
                Code::UNPROCESSABLE_ENTITY,
            ),
            Self::CommitTooLarge => {
                ("commit-too-large", "The changed product is too large", Code::UNPROCESSABLE_ENTITY)
            }
            Self::TooSlow => ("too-slow", "The request arrived too slowly", Code::REQUEST_TIMEOUT),
            Self::UriTooLong => ("uri-too-long", "The path and the query are too long", Code::URI_TOO_LONG),
            Self::HeadersTooLarge => {
                ("headers-too-large", "The headers are too large", Code::REQUEST_HEADER_FIELDS_TOO_LARGE)
            }
            Self::Overloaded => ("overloaded", "Too many concurrent requests", Code::SERVICE_UNAVAILABLE),
            Self::Unavailable => ("unavailable", "Temporarily unavailable", Code::SERVICE_UNAVAILABLE),
            Self::ClockAhead => {
                ("clock-ahead", "The newest commit is ahead of the clock", Code::SERVICE_UNAVAILABLE)
            }
            Self::Internal => ("internal", "Internal server error", Code::INTERNAL_SERVER_ERROR),
        }
    }
}

impl ProblemKind {
    /// The end of the `type`, stable.
    #[must_use]
    pub fn slug(self) -> &'static str {
        self.parts().0
    }
}

/// One error in the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Fault")]
pub struct FieldError {
    /// JSON Pointer (RFC 6901) into the body, or the name of a query parameter.
    pub pointer: String,
    /// What is wrong, and what is allowed.
    pub detail: String,
}

/// A problem; [`super::finish`] writes it into the response with the request's path and correlation id.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    kind: ProblemKind,
    detail: String,
    errors: Vec<FieldError>,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem; `detail` says what happened and what the caller should do.
    #[must_use]
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new(), members: Map::new(), headers: Vec::new() }
    }

    /// An invalid body with all of its errors at once.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = "Correct every error listed in `errors` and send the request again.";
        Self { errors, ..Self::new(ProblemKind::Invalid, detail) }
    }

    /// The store did not answer. Repeating the request is safe with an idempotency key.
    #[must_use]
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Unavailable, detail).retry_after(1)
    }

    /// Adds an error in the input.
    #[must_use]
    pub fn fault(mut self, pointer: &str, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError { pointer: pointer.to_owned(), detail: detail.into() });
        self
    }

    /// Adds a member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds `Retry-After`, in seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u16) -> Self {
        self.header(header::RETRY_AFTER, seconds.into())
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// The body of the response.
    #[must_use]
    pub fn to_json(&self, instance: &str, correlation_id: &str) -> Value {
        let (slug, title, status) = self.kind.parts();
        let mut body = json!({
            "type": format!("urn:product-ledger:problem:{slug}"),
            "title": title,
            "status": status.as_u16(),
            "detail": self.detail,
            "instance": instance,
            "correlation_id": correlation_id,
        });
        if !self.errors.is_empty() {
            body["errors"] = json!(self.errors);
        }
        for (name, value) in &self.members {
            body[name] = value.clone();
        }
        body
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (_, _, status) = self.kind.parts();
        let mut response = status.into_response();
        for (name, value) in &self.headers {
            response.headers_mut().append(name, value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}
