//! The guard of a server without authentication: only requests that name this machine are answered.
//!
//! A page can give itself a name that it points to 127.0.0.1 (DNS rebinding), and is then a page of the server's own origin. Its
//! name appears in `Host`. Pages of other origins are refused by [`web::PageRules`].

use std::net::IpAddr;

use axum::Router;
use axum::extract::Request;
use axum::http::uri::Authority;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use web::{Actor, Problem, ProblemKind, host_of};

/// Wraps all routes in the guard.
pub(super) fn wrap(router: Router) -> Router {
    router.layer(from_fn(check))
}

async fn check(mut request: Request, next: Next) -> Response {
    if names_loopback(host_of(&request)) {
        request.extensions_mut().insert(Actor::anonymous());
        return next.run(request).await;
    }
    let detail = "This server has no authentication configured and answers only requests for localhost.";
    Problem::new(ProblemKind::ForeignOrigin, detail).into_response()
}

/// `localhost` or a loopback address, with or without a port.
fn names_loopback(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<Authority>() else {
        return false;
    };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_local() {
        for local in ["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "127.9.9.9", "[::1]:80"] {
            assert!(names_loopback(local), "{local}");
        }
        for foreign in [
            "",
            "example.com",
            "localhost.example.com:8080",
            "10.0.0.1",
            "[::2]",
            "127.0.0.1.example.com",
            "@",
        ] {
            assert!(!names_loopback(foreign), "{foreign}");
        }
    }
}
