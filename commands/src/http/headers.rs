//! The headers of preconditions and of idempotency keys.

use axum::http::{HeaderMap, HeaderName, header};
use web::{Problem, ProblemKind};

use crate::execute::Precondition;

/// What must hold of the product.
///
/// # Errors
/// 400 for anything but the forms that the interface allows.
pub(super) fn precondition(headers: &HeaderMap, creates: bool) -> Result<Precondition, Problem> {
    let malformed = |detail: &str| Err(Problem::new(ProblemKind::Malformed, detail));
    match (single(headers, &header::IF_MATCH)?, single(headers, &header::IF_NONE_MATCH)?) {
        (None, None) => Ok(Precondition::None),
        (None, Some("*")) => Ok(Precondition::Absent),
        (Some(_), _) if creates => malformed("POST /products creates a product; If-Match cannot hold."),
        (Some("*"), None) => Ok(Precondition::Exists),
        (Some(etag), None) => match version(etag) {
            Some(version) => Ok(Precondition::Version(version)),
            None => malformed("If-Match takes one version in quotes, for example \"3\", or *."),
        },
        (None, Some(_)) => malformed("If-None-Match takes only * on a command."),
        (Some(_), Some(_)) => malformed("If-Match and If-None-Match exclude each other."),
    }
}

/// The client's idempotency key.
///
/// # Errors
/// 400 when it is not 1 to 255 visible ASCII characters.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = single(headers, &HeaderName::from_static("idempotency-key"))? else {
        return Ok(None);
    };
    if (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(Some(key.to_owned()));
    }
    Err(Problem::new(ProblemKind::Malformed, "Idempotency-Key is 1 to 255 visible ASCII characters."))
}

/// The version in an entity tag: digits without leading zeros, in quotes.
fn version(etag: &str) -> Option<u64> {
    let digits = etag.strip_prefix('"')?.strip_suffix('"')?;
    let version: u64 = digits.parse().ok()?;
    (version.to_string() == digits).then_some(version)
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let malformed =
        || Problem::new(ProblemKind::Malformed, format!("The header {name} must appear once, in ASCII."));
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(|text| Some(text.trim())).map_err(|_| malformed()),
        (Some(_), Some(_)) => Err(malformed()),
    }
}
