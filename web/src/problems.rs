//! Problems as a document shows them: every kind with its status, its headers and an example, all from [`Kind`].

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use strum::VariantArray;

use super::openapi::ANYWHERE;
use super::operation::headers;
use super::problem::{Fault, Kind, Problem};

/// The kinds by status, those that any route may answer with included.
pub(super) fn described(kinds: &[Kind]) -> BTreeMap<u16, Vec<Kind>> {
    let mut by_status: BTreeMap<u16, Vec<Kind>> = BTreeMap::new();
    for kind in Kind::VARIANTS {
        if kinds.contains(kind) || ANYWHERE.contains(kind) {
            by_status.entry(kind.parts().2.as_u16()).or_default().push(*kind);
        }
    }
    by_status
}

/// One response that stands for every kind of a status.
pub(super) fn response(status: u16, kinds: &[Kind]) -> Value {
    let titles: Vec<String> =
        kinds.iter().map(|kind| format!("`{}`: {}.", urn(*kind), kind.parts().1)).collect();
    let narrowed = json!({
        "type": {"enum": kinds.iter().map(|kind| urn(*kind)).collect::<Vec<_>>(), "x-extensible": true},
        "status": {"const": status},
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

/// Problems of every kind.
pub(super) fn problem_schema() -> Value {
    let kinds: Vec<String> = Kind::VARIANTS.iter().map(|kind| urn(*kind)).collect();
    json!({
        "title": "Problem",
        "description": "What went wrong (RFC 9457). Take a `type` that you do not know for its `status`.",
        "type": "object",
        "required": ["type", "title", "status", "detail", "instance", "correlation_id"],
        "properties": {
            "type": {"type": "string", "enum": kinds, "x-extensible": true, "description": "Stable."},
            "title": {"type": "string", "description": "The type, for people."},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string", "description": "What to know and what to do."},
            "instance": {"type": "string", "description": "The path of the request."},
            "correlation_id": {"type": "string", "description": "The conversation; name it in a report."},
            "errors": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Fault"},
                       "description": "Every fault of an invalid request at once."},
            "current_version": {"type": ["integer", "null"], "minimum": 0,
                                "description": "The product's newest version; `null` without a product."},
            "missed": {"type": "array", "items": {"$ref": "#/components/schemas/MissedEvent"},
                       "description": "What happened since the version that was asked for."},
            "deleted_at": {"type": "string", "format": "date-time", "description": "Since when it is deleted."},
            "version": {"type": "integer", "minimum": 1, "description": "The version of the deletion."},
        },
    })
}

/// Every header that an answer may carry.
pub(super) fn headers_of() -> Value {
    let text = |description: &str, schema: Value, required: bool| json!({"description": description, "schema": schema, "required": required});
    json!({
        "ETag": text("The product's version in quotes.",
                     json!({"type": "string", "pattern": "^\"(0|[1-9][0-9]*)\"$", "example": "\"3\""}), true),
        "Location": text("Where the product is.",
                         json!({"type": "string", "format": "uri-reference", "pattern": "^/products/"}), true),
        "Retry-After": text("Seconds to wait before another attempt.", json!({"type": "integer", "minimum": 0}), true),
        "Allow": text("The methods of this path.", json!({"type": "string"}), true),
        "WWW-Authenticate": text("How to authenticate, and what is wrong with the token (RFC 6750).",
                                 json!({"type": "string", "pattern": "^Bearer"}), true),
        "Idempotency-Replayed": text("There when this is the answer of an earlier request with the same key.",
                                     json!({"const": "true"}), false),
        "X-Correlation-Id": text("The conversation: the client's, or one made for it.",
                                 json!({"type": "string", "minLength": 1, "maxLength": 128}), true),
    })
}

/// One problem of every kind.
pub(super) fn examples() -> Value {
    let example = |kind: &Kind| (kind.parts().0.to_owned(), json!({"value": example(*kind)}));
    Kind::VARIANTS.iter().map(example).collect::<Map<_, _>>().into()
}

/// The stable `type` of a kind.
fn urn(kind: Kind) -> String {
    format!("urn:product-ledger:problem:{}", kind.parts().0)
}

fn headers_with(status: u16) -> &'static [&'static str] {
    match status {
        401 => &["WWW-Authenticate"],
        405 => &["Allow"],
        503 => &["Retry-After"],
        _ => &[],
    }
}

/// The header that only some problems of a status carry: a missing scope, a race that was lost.
fn header_of_some(status: u16) -> Option<&'static str> {
    match status {
        403 => Some("WWW-Authenticate"),
        409 => Some("Retry-After"),
        _ => None,
    }
}

/// What a problem of this kind always says besides.
fn members(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::PreconditionFailed => &["current_version", "missed"],
        _ => &[],
    }
}

fn example(kind: Kind) -> Value {
    let problem = match kind {
        Kind::Invalid => Problem::invalid(vec![Fault {
            pointer: "/price".into(),
            detail:
                "a price is a plain decimal: up to 12 digits, then optionally a point and up to 4 digits; no \
                     sign, no exponent"
                    .into(),
        }]),
        Kind::PreconditionFailed => Problem::new(kind, "Look at what was missed, and decide anew.")
            .with("current_version", 2)
            .with("missed", json!([missed()])),
        _ => Problem::new(kind, format!("{}.", kind.parts().1)),
    };
    problem.to_json("/products/helmet", "order-4711")
}

fn missed() -> Value {
    json!({"sequence": 2, "event_id": "01M841K9E03RDYAQB88ESZ6WZH", "recorded_at": "2026-11-23T11:10:28.288Z",
           "type": "ProductPriceChanged",
           "data": {"price": "34.99", "currency": "USD", "previous_price": "33.6442", "previous_currency": "USD"}})
}
