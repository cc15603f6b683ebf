//! What precedes the routes in the URL that a client sees, and every path in an answer with it in front: `Location`, `Link`, the
//! `instance` of a problem, the server of the OpenAPI document.
//!
//! Behind API Gateway it is the stage, or the base path of a domain. `serve` has none.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue, header};

/// What precedes the routes, escaped as in a URL: empty, or one or more segments, each with a `/` before it. A layer around the
/// routes puts it into a request's extensions; without one it is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BasePath(String);

impl BasePath {
    /// The segments of a path that is escaped already. Empty ones are left out, so that no link begins with `//`, which would name
    /// another host.
    #[must_use]
    pub fn new(escaped: &str) -> Self {
        let segments = escaped.split('/').filter(|segment| !segment.is_empty());
        Self(segments.flat_map(|segment| ["/", segment]).collect())
    }

    /// The base path of a request.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Self {
        extensions.get().cloned().unwrap_or_default()
    }

    /// Whether nothing precedes the routes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text, without a `/` at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of a route as the client sees it.
    #[must_use]
    pub fn before(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// Puts it in front of the paths in `Location` and `Link`. What names a host is left as it is.
    pub(super) fn put_before_links(&self, headers: &mut HeaderMap) {
        if self.is_empty() {
            return;
        }
        let is_path = |link: &str| link.starts_with('/') && !link.starts_with("//");
        let in_location = |link: &str| is_path(link).then(|| self.before(link));
        change_each(headers, header::LOCATION, in_location);
        let in_link = |links: &str| {
            let mut parts = links.split('<');
            let first = parts.next().unwrap_or_default().to_owned();
            Some(parts.fold(first, |before, link| {
                let base = if is_path(link) { self.as_str() } else { "" };
                format!("{before}<{base}{link}")
            }))
        };
        change_each(headers, header::LINK, in_link);
    }
}

/// Replaces the values of a header for which there is another one.
fn change_each(headers: &mut HeaderMap, name: header::HeaderName, changed: impl Fn(&str) -> Option<String>) {
    let header::Entry::Occupied(mut values) = headers.entry(name) else { return };
    for value in values.iter_mut() {
        let other = value.to_str().ok().and_then(&changed);
        if let Some(other) = other.and_then(|text| HeaderValue::from_str(&text).ok()) {
            *value = other;
        }
    }
}

impl<S: Sync> FromRequestParts<S> for BasePath {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_empty_or_begins_with_a_segment_and_has_no_slash_at_its_end() {
        for (given, path) in [
            ("", ""),
            ("/", ""),
            ("//", ""),
            ("/shop", "/shop"),
            ("//evil.example.com/a//b/", "/evil.example.com/a/b"),
        ] {
            assert_eq!(BasePath::new(given).before("/products"), format!("{path}/products"), "{given}");
        }
    }

    #[test]
    fn it_stands_in_front_of_paths_in_headers_and_of_nothing_else() {
        let next = r#"</products?cursor=a>; rel="next", <//other.example.com/x>; rel="x", </a>; rel="b""#;
        let before =
            r#"</shop/products?cursor=a>; rel="next", <//other.example.com/x>; rel="x", </shop/a>; rel="b""#;
        for (name, given, expected) in [
            (header::LOCATION, "/products/p", "/shop/products/p"),
            (header::LOCATION, "//other.example.com/x", "//other.example.com/x"),
            (header::LOCATION, "https://other.example.com/x", "https://other.example.com/x"),
            (header::LINK, next, before),
            (header::LINK, "<https://other.example.com/x>", "<https://other.example.com/x>"),
            (header::ETAG, "/products/p", "/products/p"),
        ] {
            let mut headers = HeaderMap::from_iter([(name.clone(), HeaderValue::from_static(given))]);
            BasePath::default().put_before_links(&mut headers);
            assert_eq!(headers[&name], given);
            BasePath::new("/shop").put_before_links(&mut headers);
            assert_eq!(headers[&name], expected);
        }
    }
}
