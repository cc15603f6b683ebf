//! Claims one by one, at a fixed time.

use std::time::Duration;

use serde_json::{Value, json};
use web::Actor;

use super::{ClaimRules, Claims, ClaimsError};

const NOW: u64 = 1_795_000_000;

/// The good claims with some of them replaced; `null` takes one away.
fn judged(changes: &Value) -> Result<Actor, ClaimsError> {
    let mut claims = json!({
        "iss": "https://issuer.test", "sub": "somebody", "aud": "ledger", "exp": NOW + 300,
        "scope": "products/read products/write"
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    let claims: Claims = serde_json::from_value(claims).unwrap();
    let audiences = vec!["people".to_owned(), "ledger".to_owned()];
    let rules = ClaimRules { issuer: "https://issuer.test".into(), audiences };
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
        (json!({"aud": "people"}), both()),
        (json!({"aud": null, "client_id": "people", "token_use": "access"}), both()),
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
        (json!({"exp": NOW - 60}), Some(ClaimsError::Expired)),
        (json!({"nbf": NOW + 60}), None),
        (json!({"nbf": NOW + 61}), Some(ClaimsError::NotYet)),
    ] {
        assert_eq!(judged(&changes).err(), wrong, "{changes}");
    }
}

#[test]
fn each_wrong_claim_is_named() {
    for (changes, wrong) in [
        (json!({"iss": null}), ClaimsError::Issuer),
        (json!({"iss": "https://issuer.test/"}), ClaimsError::Issuer),
        (json!({"aud": "other"}), ClaimsError::Audience),
        (json!({"aud": []}), ClaimsError::Audience),
        (json!({"aud": null}), ClaimsError::Audience),
        (json!({"aud": "other", "client_id": "ledger", "token_use": "access"}), ClaimsError::Audience),
        (json!({"aud": [], "client_id": "ledger", "token_use": "access"}), ClaimsError::Audience),
        (json!({"aud": null, "client_id": "ledger"}), ClaimsError::Audience),
        (json!({"aud": null, "client_id": "other", "token_use": "access"}), ClaimsError::Audience),
        (json!({"token_use": "id"}), ClaimsError::Use),
        (json!({"aud": null, "client_id": "ledger", "token_use": "id"}), ClaimsError::Use),
        (json!({"exp": null}), ClaimsError::NoExpiry),
        (json!({"exp": -1}), ClaimsError::Expired),
        (json!({"exp": 1e300}), ClaimsError::Expired),
        (json!({"nbf": 1e300}), ClaimsError::NotYet),
        (json!({"sub": null}), ClaimsError::Subject),
        (json!({"sub": ""}), ClaimsError::Subject),
        (json!({"sub": "anonymous"}), ClaimsError::Subject),
        (json!({"sub": "two\nlines"}), ClaimsError::Subject),
        (json!({"sub": "x".repeat(256)}), ClaimsError::Subject),
    ] {
        assert_eq!(judged(&changes).err(), Some(wrong), "{changes}");
    }
}
