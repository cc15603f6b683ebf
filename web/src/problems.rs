//! Problems in the OpenAPI document: each kind with its status, headers and an example, derived from [`ProblemKind`].

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use strum::VariantArray;

use super::operation::headers;
use super::problem::{FieldError, MOST_ERRORS, Problem, ProblemKind};

/// The problems that every route can answer with.
const ANYWHERE: &[ProblemKind] = &[
    ProblemKind::Malformed,
    ProblemKind::Forbidden,
    ProblemKind::ForeignOrigin,
    ProblemKind::BlockedByFirewall,
    ProblemKind::MethodNotAllowed,
    ProblemKind::TooSlow,
    ProblemKind::UriTooLong,
    ProblemKind::TooManyRequests,
    ProblemKind::HeadersTooLarge,
    ProblemKind::Overloaded,
    ProblemKind::Internal,
];

/// The kinds by status, including those that every route can answer with.
pub(super) fn described(kinds: &[ProblemKind]) -> BTreeMap<u16, Vec<ProblemKind>> {
    let mut by_status: BTreeMap<u16, Vec<ProblemKind>> = BTreeMap::new();
    for kind in ProblemKind::VARIANTS {
        if kinds.contains(kind) || ANYWHERE.contains(kind) {
            by_status.entry(kind.parts().2.as_u16()).or_default().push(*kind);
        }
    }
    by_status
}

/// One response for all kinds of a status.
pub(super) fn response(status: u16, kinds: &[ProblemKind]) -> Value {
    let titles: Vec<String> =
        kinds.iter().map(|kind| format!("`{}`: {}.", urn(*kind), kind.parts().1)).collect();
    let narrowed = json!({
        "type": {"type": "string", "enum": kinds.iter().map(|kind| urn(*kind)).collect::<Vec<_>>(), "x-extensible": true},
        "status": {"type": "integer", "const": status},
    });
    let mut schema = json!({"$ref": "#/components/schemas/Problem"});
    if let [kind] = kinds
        && !members(*kind).is_empty()
    {
        schema["required"] = json!(members(*kind));
    }
    schema["properties"] = narrowed;
    let mut headers = headers(headers_with(status));
    if let Some(name) = header_of_some(status) {
        headers[name] = headers_of()[name].clone();
        headers[name]["required"] = false.into();
    }
    let example = |slug: &str| json!({"$ref": format!("#/components/examples/{slug}")});
    let examples: Map<String, Value> =
        kinds.iter().map(|kind| kind.parts().0).map(|slug| (slug.to_owned(), example(slug))).collect();
    json!({
        "description": titles.join("\n\n"),
        "headers": headers,
        "content": {"application/problem+json": {"schema": schema, "examples": examples}},
    })
}

/// The schema of a problem of any kind.
pub(super) fn problem_schema() -> Value {
    let kinds: Vec<String> = ProblemKind::VARIANTS.iter().map(|kind| urn(*kind)).collect();
    json!({
        "title": "Problem",
        "description": "A problem (RFC 9457). Treat an unknown `type` like its `status`.",
        "type": "object",
        "required": ["type", "title", "status", "detail", "instance", "correlation_id"],
        "properties": {
            "type": {"type": "string", "enum": kinds, "x-extensible": true, "description": "The kind of problem; stable."},
            "title": {"type": "string", "description": "The kind of problem in words."},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string", "description": "What happened and what to do."},
            "instance": {"type": "string", "description": "The path of the request; a very long one is cut. On AWS the gateway names the request by a URN instead where it answers by itself."},
            "correlation_id": {"type": "string", "description": "The correlation id; include it when you report a problem. `none` where the firewall on AWS answers by itself."},
            "errors": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Fault"},
                       "maxItems": MOST_ERRORS + 1,
                       "description": "All errors of an invalid request at once; beyond 100 the last entry says how many more there are."},
            "current_version": {"type": ["integer", "null"], "minimum": 0,
                                "description": "The product's newest version; `null` if the product does not exist."},
            "missed": {"type": "array", "items": {"$ref": "#/components/schemas/MissedEvent"},
                       "description": "The events since the requested version."},
            "deleted_at": {"type": "string", "format": "date-time", "description": "When the product was deleted."},
            "version": {"type": "integer", "minimum": 1, "description": "The version of the deletion."},
            "newest": {"type": ["integer", "null"], "minimum": 0,
                       "description": "The newest position; `null` in an empty ledger."},
        },
    })
}

/// Every header that a response can carry.
pub(super) fn headers_of() -> Value {
    let text = |description: &str, schema: Value, required: bool| json!({"description": description, "schema": schema, "required": required});
    json!({
        "ETag": text("The product's version in quotation marks.",
                     json!({"type": "string", "pattern": "^\"(0|[1-9][0-9]*)\"$", "example": "\"3\""}), true),
        "Location": text("The path of the product. On AWS it begins with the stage, or with the base path of a domain.",
                         json!({"type": "string", "format": "uri-reference", "pattern": "^/(.+/)?products/"}), true),
        "Link": text("The next page, if there is one (RFC 8288); with `text/csv` alone.", json!({"type": "string"}), false),
        "Retry-After": text("Seconds to wait before the next attempt.", json!({"type": "integer", "minimum": 0}), true),
        "Allow": text("The methods that this path supports.", json!({"type": "string"}), true),
        "WWW-Authenticate": text("How to authenticate, and what is wrong with the token (RFC 6750).",
                                 json!({"type": "string", "pattern": "^Bearer"}), true),
        "Idempotency-Replayed": text("Present if this is the response to an earlier request with the same key.",
                                     json!({"type": "string", "const": "true"}), false),
        "X-Correlation-Id": text("The correlation id that the client sent, or a generated one.",
                                 json!({"type": "string", "minLength": 1, "maxLength": 128}), true),
    })
}

/// An example of each kind.
pub(super) fn examples() -> Value {
    let example = |kind: &ProblemKind| (kind.parts().0.to_owned(), json!({"value": example(*kind)}));
    ProblemKind::VARIANTS.iter().map(example).collect::<Map<_, _>>().into()
}

/// The `type` of a kind.
fn urn(kind: ProblemKind) -> String {
    format!("urn:product-ledger:problem:{}", kind.parts().0)
}

fn headers_with(status: u16) -> &'static [&'static str] {
    match status {
        401 => &["WWW-Authenticate"],
        405 => &["Allow"],
        429 | 503 => &["Retry-After"],
        _ => &[],
    }
}

/// The header that only some problems of a status carry: for a missing scope, or for a lost race.
fn header_of_some(status: u16) -> Option<&'static str> {
    match status {
        403 => Some("WWW-Authenticate"),
        409 => Some("Retry-After"),
        _ => None,
    }
}

/// The further members of every problem of this kind.
fn members(kind: ProblemKind) -> &'static [&'static str] {
    match kind {
        ProblemKind::PreconditionFailed => &["current_version", "missed"],
        ProblemKind::PositionNotReached => &["newest"],
        _ => &[],
    }
}

fn example(kind: ProblemKind) -> Value {
    let problem = match kind {
        ProblemKind::Invalid => Problem::invalid(
            vec![FieldError {
                pointer: "/price".into(),
                detail:
                    "a price is a plain decimal: up to 12 digits, then optionally a point and up to 4 digits; no \
                     sign, no exponent"
                        .into(),
            }],
            &["price"],
        ),
        ProblemKind::PreconditionFailed => {
            Problem::new(kind, "Read the events in `missed` and decide again.")
                .with("current_version", 2)
                .with("missed", json!([missed()]))
        }
        ProblemKind::PositionNotReached => {
            Problem::new(kind, "The newest position is 41; ask for what comes after it, or before.").with("newest", 41)
        }
        _ => Problem::new(kind, format!("{}.", kind.parts().1)),
    };
    problem.to_json("/products/helmet", "order-4711")
}

fn missed() -> Value {
    json!({"sequence": 2, "event_id": "01M841K9E03RDYAQB88ESZ6WZH", "recorded_at": "2026-11-23T11:10:28.288Z",
           "type": "ProductPriceChanged",
           "data": {"price": "34.99", "currency": "USD", "previous_price": "33.6442", "previous_currency": "USD"}})
}
