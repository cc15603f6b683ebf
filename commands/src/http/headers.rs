//! The headers of preconditions and of idempotency keys.

use axum::http::{HeaderMap, HeaderName, header};
use web::{Problem, ProblemKind};

use crate::execute::Precondition;

/// What must hold of the product.
///
/// # Errors
/// 400 for anything but the forms that the interface allows.
pub(super) fn precondition(headers: &HeaderMap, creates: bool) -> Result<Precondition, Problem> {
    let malformed = |detail: &'static str| Err(Problem::new(ProblemKind::Malformed, detail));
    match (list(headers, &header::IF_MATCH)?, single(headers, &header::IF_NONE_MATCH)?) {
        (None, None) => Ok(Precondition::None),
        (None, Some("*")) => Ok(Precondition::Absent),
        (Some(_), _) if creates => malformed("POST /products creates a product; If-Match cannot hold."),
        (Some(tags), None) if tags == ["*"] => Ok(Precondition::Exists),
        (Some(tags), None) => match tags.iter().map(|tag| version(tag)).collect::<Option<Vec<u64>>>() {
            Some(versions) if !versions.is_empty() => Ok(Precondition::Versions(versions)),
            _ => malformed("If-Match takes versions in quotes, for example \"3\" or \"3\", \"4\", or *."),
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

/// The version in an entity tag: digits without leading zeros, in quotes. A version is exact, so a weak tag is the same.
fn version(etag: &str) -> Option<u64> {
    let digits = etag.strip_prefix("W/").unwrap_or(etag).strip_prefix('"')?.strip_suffix('"')?;
    let version: u64 = digits.parse().ok()?;
    (version.to_string() == digits).then_some(version)
}

/// The elements of a header that is a list, which may be spread over several lines (RFC 9110, section 5.6.1).
fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<Vec<&'a str>>, Problem> {
    if !headers.contains_key(name) {
        return Ok(None);
    }
    let mut elements = Vec::new();
    for value in headers.get_all(name) {
        let text = value.to_str().map_err(|_| {
            Problem::new(ProblemKind::Malformed, format!("The header {name} must be in ASCII.")).loggable()
        })?;
        elements.extend(text.split(',').map(str::trim).filter(|element| !element.is_empty()));
    }
    Ok(Some(elements))
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let malformed = || {
        let detail = format!("The header {name} must appear once, in ASCII.");
        Problem::new(ProblemKind::Malformed, detail).loggable()
    };
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(|text| Some(text.trim())).map_err(|_| malformed()),
        (Some(_), Some(_)) => Err(malformed()),
    }
}
