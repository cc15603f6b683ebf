//! A bearer token. Properties: only a token that the issuer signed for this ledger and this time identifies an actor; any
//! other gets a 401 with `WWW-Authenticate`.

use std::sync::LazyLock;

use axum::Router;
use axum::http::{HeaderValue, Request, StatusCode};
use axum::routing::get;
use server::auth::{AuthSettings, Authentication};
use web::RequestContext;

use crate::routes::{TestRoutes, clock_and_ids, wait};

/// The signed parts of all valid tokens; the private keys were discarded.
const SIGNED: &str = include_str!("../token/signed.txt");

const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/token/jwks.json");

static ROUTES: LazyLock<TestRoutes> = LazyLock::new(|| {
    let settings = AuthSettings {
        jwks: KEYS.to_owned(),
        issuer: "https://issuer.example".to_owned(),
        audiences: vec!["product-ledger".to_owned()],
        refresh_every: None,
        client: None,
    };
    let authentication = wait(Authentication::new(settings, clock_and_ids().clock)).unwrap();
    let whoami = |context: RequestContext| async move { format!("\"{}\"", context.actor.name) };
    TestRoutes::of_routes(authentication.wrap(Router::new().route("/whoami", get(whoami)), |_| false))
});

/// The bytes follow `Bearer`.
pub fn check(data: &[u8]) -> bool {
    let Ok(value) = HeaderValue::from_bytes(&[b"Bearer ", data].concat()) else {
        return false;
    };
    let answer = ROUTES.send(Request::get("/whoami").header("authorization", value), "");
    if answer.status != StatusCode::OK {
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(answer.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
        return false;
    }
    assert_eq!(answer.json, "ann");
    let token = std::str::from_utf8(data).unwrap().trim();
    let (signed, _) = token.rsplit_once('.').unwrap();
    assert!(SIGNED.lines().any(|line| line == signed), "a token nobody signed: {token}");
    true
}
