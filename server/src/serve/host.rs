//! The `Host` header, which every request of HTTP/1.1 carries once (RFC 9112, section 3.2).
//!
//! The promise: a request that a proxy and this server could take for different hosts reaches no route.

use axum::Router;
use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Version, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use web::{Problem, ProblemKind};

/// Wraps all routes in the check.
pub(super) fn wrap(routes: Router) -> Router {
    routes.layer(from_fn(check))
}

async fn check(request: Request, next: Next) -> Response {
    match fault(request.version(), request.headers()) {
        None => next.run(request).await,
        Some(detail) => Problem::new(ProblemKind::Malformed, detail).into_response(),
    }
}

/// What is wrong with the header.
fn fault(version: Version, headers: &HeaderMap) -> Option<&'static str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => (version == Version::HTTP_11).then_some("The header host is missing."),
        (Some(host), None) => (!is_authority(host)).then_some("The header host names no host."),
        (Some(_), Some(_)) => Some("The header host must appear once."),
    }
}

/// A host with or without a port, or empty.
fn is_authority(host: &HeaderValue) -> bool {
    host.is_empty()
        || host.to_str().is_ok_and(|host| host.parse::<Authority>().is_ok() && !host.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault_of(version: Version, hosts: &[&'static str]) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, HeaderValue::from_static(host));
        }
        fault(version, &headers)
    }

    #[test]
    fn a_request_names_one_host() {
        for host in ["", "localhost", "localhost:8080", "[::1]:80", "example.com"] {
            assert_eq!(fault_of(Version::HTTP_11, &[host]), None, "{host:?}");
        }
        for host in ["a b", "user@localhost", "localhost/x"] {
            assert!(fault_of(Version::HTTP_11, &[host]).is_some(), "{host:?}");
        }
        assert!(fault_of(Version::HTTP_11, &["localhost", "localhost"]).is_some());
        assert!(fault_of(Version::HTTP_10, &["localhost", "example.com"]).is_some());
        assert!(fault_of(Version::HTTP_11, &[]).is_some());
        assert_eq!(fault_of(Version::HTTP_10, &[]), None);
    }
}
