//! Errors as `application/problem+json` (RFC 9457): one stable `type` for each kind, and the kind alone determines the
//! status.

use std::borrow::Cow;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};
use telemetry::meters::HTTP_TIMEOUTS;

use super::excerpt::excerpt;

/// The most errors that a problem lists; one more says how many are left out.
pub(super) const MOST_ERRORS: usize = 100;

/// The most bytes of a pointer: that of an attribute with the longest key is shorter, even if all of it is escaped.
const LONGEST_POINTER: usize = 300;

/// The most bytes of the path in a problem: paths of routes are shorter, even if all of the id is escaped.
const LONGEST_INSTANCE: usize = 1_024;

/// The most bytes of a detail in a log line.
const LONGEST_LOGGED: usize = 200;

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
    /// The firewall on AWS refused the request. No function answers with it.
    BlockedByFirewall,
    /// No route has this path.
    NotFound,
    /// The ledger keeps no log.
    NoLog,
    /// The commit is in no checkpoint of the log yet.
    NotLoggedYet,
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
    /// The feed of commits does not reach the requested position yet.
    PositionNotReached,
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
    /// The gateway or the firewall on AWS limits the rate of requests. No function answers with it.
    TooManyRequests,
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
            Self::BlockedByFirewall => {
                ("blocked-by-firewall", "The firewall blocked the request", Code::FORBIDDEN)
            }
            Self::NotFound => ("not-found", "No route has this path", Code::NOT_FOUND),
            Self::NoLog => ("no-log", "The ledger keeps no log", Code::NOT_FOUND),
            Self::NotLoggedYet => ("not-logged-yet", "The commit is not in the log yet", Code::NOT_FOUND),
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
            Self::PositionNotReached => {
                ("position-not-reached", "The position does not exist yet", Code::CONFLICT)
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
            Self::TooManyRequests => ("too-many-requests", "Too many requests", Code::TOO_MANY_REQUESTS),
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
    // It is logged, so it never repeats what the client sent.
    /// What is wrong, and what is allowed.
    pub detail: String,
}

/// A problem; [`super::finish`] writes it into the response with the request's path and correlation id.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    kind: ProblemKind,
    detail: Cow<'static, str>,
    /// Whether the detail is known to repeat nothing that the client sent.
    loggable: bool,
    errors: Vec<FieldError>,
    /// The names of fields that the log may repeat.
    known_fields: &'static [&'static str],
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem; `detail` says what happened and what the caller should do.
    #[must_use]
    pub fn new(kind: ProblemKind, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail = detail.into();
        // A fixed text repeats nothing.
        let loggable = matches!(detail, Cow::Borrowed(_));
        Self {
            kind,
            detail,
            loggable,
            errors: Vec::new(),
            known_fields: &[],
            members: Map::new(),
            headers: Vec::new(),
        }
    }

    /// An invalid body with all of its errors at once. The log names the field of an error if it is one of these; any other name
    /// is the client's.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>, known_fields: &'static [&'static str]) -> Self {
        let detail = "Correct every error listed in `errors` and send the request again.";
        // The log has the errors instead, which say what was wrong.
        Self { errors, known_fields, loggable: false, ..Self::new(ProblemKind::Invalid, detail) }
    }

    /// The store did not answer. Repeating the request is safe with an idempotency key.
    #[must_use]
    pub fn unavailable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ProblemKind::Unavailable, detail).retry_after(1)
    }

    /// The answer takes longer than it may; `changed_nothing` is true of a query.
    #[must_use]
    pub fn took_too_long(changed_nothing: bool) -> Self {
        metrics::counter!(HTTP_TIMEOUTS.name, "waited_for" => "answer").increment(1);
        Self::unavailable(if changed_nothing {
            "The answer takes too long. Retry later, or ask for less."
        } else {
            "It is not known whether the command was recorded. Repeating it with the same Idempotency-Key is safe."
        })
    }

    /// Says that the detail, which was made for this request, repeats nothing that the client sent, so that it can be logged. A
    /// fixed text is logged in any case.
    #[must_use]
    pub fn loggable(mut self) -> Self {
        self.loggable = true;
        self
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

    /// What the log says about it: the detail, or else the first error, cut if it is long. `None` if both could repeat what the
    /// client sent.
    pub(super) fn logged(&self) -> Option<String> {
        let text = match self.errors.as_slice() {
            _ if self.loggable => self.detail.to_string(),
            [] => return None,
            [error] => self.logged_error(error),
            [error, others @ ..] => {
                format!("{} (1 of {} errors)", self.logged_error(error), others.len() + 1)
            }
        };
        Some(excerpt(&text, LONGEST_LOGGED).into_owned())
    }

    /// An error with its field, as far as the client did not choose the name.
    fn logged_error(&self, error: &FieldError) -> String {
        let field = error.pointer.split('/').nth(1).filter(|name| self.known_fields.contains(name));
        field.map_or_else(|| error.detail.clone(), |field| format!("/{field} {}", error.detail))
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// The detail, and the errors within their bounds.
    #[must_use]
    pub fn said(&self) -> (String, Vec<FieldError>) {
        (self.detail.to_string(), self.listed_errors())
    }

    /// The body of the response, with its members in the order of the interface.
    pub(super) fn to_text(&self, instance: &str, correlation_id: &str) -> String {
        serde_json::to_string(&self.body(instance, correlation_id)).unwrap_or_default()
    }

    /// The body of the response as a value, whose members have no order.
    #[must_use]
    pub fn to_json(&self, instance: &str, correlation_id: &str) -> Value {
        json!(self.body(instance, correlation_id))
    }

    fn body<'a>(&'a self, instance: &'a str, correlation_id: &'a str) -> ProblemBody<'a> {
        let (slug, title, status) = self.kind.parts();
        ProblemBody {
            kind: format!("urn:product-ledger:problem:{slug}"),
            title,
            status: status.as_u16(),
            detail: &self.detail,
            instance: excerpt(instance, LONGEST_INSTANCE),
            correlation_id,
            errors: self.listed_errors(),
            members: &self.members,
        }
    }

    /// The errors within their bounds, so that no input makes a huge answer.
    fn listed_errors(&self) -> Vec<FieldError> {
        let mut listed: Vec<FieldError> = self.errors.iter().take(MOST_ERRORS).cloned().collect();
        for error in &mut listed {
            error.pointer = excerpt(&error.pointer, LONGEST_POINTER).into_owned();
        }
        let more = self.errors.len().saturating_sub(MOST_ERRORS);
        if more > 0 {
            let detail = if more == 1 { "1 more error is".into() } else { format!("{more} more errors are") };
            listed.push(FieldError { pointer: String::new(), detail: detail + " not listed" });
        }
        listed
    }
}

/// The members of a problem in their order.
#[derive(Serialize)]
struct ProblemBody<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: Cow<'a, str>,
    correlation_id: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    #[serde(flatten)]
    members: &'a Map<String, Value>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_members_of_a_problem_have_one_order() {
        let problem = Problem::new(ProblemKind::PreconditionFailed, "d")
            .with("missed", json!([]))
            .with("current_version", 3)
            .fault("a", "b");
        assert_eq!(
            problem.to_text("/products/p", "c-1"),
            "{\"type\":\"urn:product-ledger:problem:precondition-failed\",\"title\":\"The precondition does not hold\",\
             \"status\":412,\"detail\":\"d\",\"instance\":\"/products/p\",\"correlation_id\":\"c-1\",\
             \"errors\":[{\"pointer\":\"a\",\"detail\":\"b\"}],\"current_version\":3,\"missed\":[]}"
        );
    }

    #[test]
    fn the_log_gets_fixed_texts_and_those_that_repeat_nothing() {
        let named = |pointer: &str, errors: usize| {
            let error = FieldError { pointer: pointer.into(), detail: "is required".into() };
            Problem::invalid(vec![error; errors], &["price", "attributes"])
        };
        let invalid = |errors| named("/secret", errors);
        let made = |text: &str| Problem::new(ProblemKind::Malformed, text.to_owned());
        let long = made(&"x".repeat(300)).loggable();
        for (problem, logged) in [
            (Problem::new(ProblemKind::Malformed, "A fixed text."), Some("A fixed text.")),
            (made("There is no product secret."), None),
            (made("At most 7 bytes.").loggable(), Some("At most 7 bytes.")),
            (made("secret appears twice.").fault("secret", "appears twice"), Some("appears twice")),
            (invalid(1), Some("is required")),
            (invalid(3), Some("is required (1 of 3 errors)")),
            (named("/price", 2), Some("/price is required (1 of 2 errors)")),
            (named("/attributes/secret", 1), Some("/attributes is required")),
            (named("", 1), Some("is required")),
            (long, Some(&*format!("{}…", "x".repeat(LONGEST_LOGGED)))),
        ] {
            assert_eq!(problem.logged().as_deref(), logged);
        }
    }

    #[test]
    fn a_hundred_errors_are_listed_and_the_others_are_counted() {
        for (errors, listed, last) in [
            (100, 100, "wrong"),
            (101, 101, "1 more error is not listed"),
            (5_700, 101, "5600 more errors are not listed"),
        ] {
            let error = FieldError { pointer: "/x".repeat(1_000), detail: "wrong".into() };
            let body = Problem::invalid(vec![error; errors], &[]).to_json("/", "c");
            let found = body["errors"].as_array().unwrap();
            assert_eq!((found.len(), found[listed - 1]["detail"].as_str()), (listed, Some(last)));
            assert!(
                found.iter().all(|error| error["pointer"].as_str().unwrap().len() <= LONGEST_POINTER + 3)
            );
        }
    }
}
