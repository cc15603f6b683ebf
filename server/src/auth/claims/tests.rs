//! Claims one by one, at a fixed time.

use std::time::Duration;

use serde_json::{Value, json};
use web::Actor;

use super::{Claims, Rules, Wrong};

const NOW: u64 = 1_795_000_000;

/// The good claims with some of them replaced; `null` takes one away.
fn judged(changes: &Value) -> Result<Actor, Wrong> {
    let mut claims = json!({
        "iss": "https://issuer.test", "sub": "somebody", "aud": "ledger", "exp": NOW + 300,
        "scope": "products/read products/write"
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    let claims: Claims = serde_json::from_value(claims).unwrap();
    let rules = Rules { issuer: "https://issuer.test".into(), audience: "ledger".into() };
    claims.actor(&rules, Duration::from_secs(NOW))
}

#[test]
fn good_claims_make_an_actor_with_the_scopes_between_spaces() {
    let both = || vec!["products/read".to_owned(), "products/write".to_owned()];
    for (changes, scopes) in [
        (json!({}), both()),
        (json!({"scope": " products/read  products/write "}), both()),
        (json!({"scope": "products/read,products/write"}), vec!["products/read,products/write".to_owned()]),
        (json!({"scope": null}), vec![]),
        (json!({"aud": ["other", "ledger"]}), both()),
        (json!({"token_use": "access"}), both()),
        (json!({"aud": null, "client_id": "ledger", "token_use": "access"}), both()),
        (json!({"exp": 1_795_000_000.5}), both()),
        (json!({"nbf": NOW, "iat": NOW + 1000}), both()),
        (json!({"nbf": -1}), both()),
    ] {
        let actor = judged(&changes).unwrap_or_else(|wrong| panic!("{changes}: {wrong}"));
        assert_eq!((actor.name.as_str(), actor.scopes), ("somebody", Some(scopes)), "{changes}");
    }
}

#[test]
fn a_minute_of_skew_is_allowed_on_both_sides_and_no_millisecond_more() {
    for (changes, wrong) in [
        (json!({"exp": NOW - 59}), None),
        (json!({"exp": NOW - 60}), Some(Wrong::Expired)),
        (json!({"nbf": NOW + 60}), None),
        (json!({"nbf": NOW + 61}), Some(Wrong::NotYet)),
    ] {
        assert_eq!(judged(&changes).err(), wrong, "{changes}");
    }
}

#[test]
fn each_claim_that_does_not_fit_is_named() {
    for (changes, wrong) in [
        (json!({"iss": null}), Wrong::Issuer),
        (json!({"iss": "https://issuer.test/"}), Wrong::Issuer),
        (json!({"aud": "other"}), Wrong::Audience),
        (json!({"aud": []}), Wrong::Audience),
        (json!({"aud": null}), Wrong::Audience),
        (json!({"aud": "other", "client_id": "ledger", "token_use": "access"}), Wrong::Audience),
        (json!({"aud": [], "client_id": "ledger", "token_use": "access"}), Wrong::Audience),
        (json!({"aud": null, "client_id": "ledger"}), Wrong::Audience),
        (json!({"aud": null, "client_id": "other", "token_use": "access"}), Wrong::Audience),
        (json!({"token_use": "id"}), Wrong::Use),
        (json!({"aud": null, "client_id": "ledger", "token_use": "id"}), Wrong::Use),
        (json!({"exp": null}), Wrong::NoExpiry),
        (json!({"exp": -1}), Wrong::Expired),
        (json!({"exp": 1e300}), Wrong::Expired),
        (json!({"nbf": 1e300}), Wrong::NotYet),
        (json!({"sub": null}), Wrong::Subject),
        (json!({"sub": ""}), Wrong::Subject),
        (json!({"sub": "anonymous"}), Wrong::Subject),
        (json!({"sub": "two\nlines"}), Wrong::Subject),
        (json!({"sub": "x".repeat(256)}), Wrong::Subject),
    ] {
        assert_eq!(judged(&changes).err(), Some(wrong), "{changes}");
    }
}
