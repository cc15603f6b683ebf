//! Which published keys are taken, and for which algorithm.

use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair,
};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::{KeySet, KeySetError, bits};

const ALL: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::ES256,
    Algorithm::EdDSA,
    Algorithm::HS256,
    Algorithm::RS512,
    Algorithm::ES384,
];

fn rsa(n: &[u8]) -> Value {
    json!({"kty": "RSA", "kid": "k", "n": BASE64_URL_SAFE_NO_PAD.encode(n), "e": "AQAB"})
}

fn ec() -> Value {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = key.public_key().as_ref();
    let [x, y] = [&point[1..33], &point[33..]].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
    json!({"kty": "EC", "crv": "P-256", "kid": "k", "x": x, "y": y})
}

fn ed() -> Value {
    let key = Ed25519KeyPair::generate().unwrap();
    let x = BASE64_URL_SAFE_NO_PAD.encode(key.public_key());
    json!({"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": x})
}

fn with(mut key: Value, changes: &Value) -> Value {
    key.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    key
}

fn parse(keys: &[Value]) -> Result<KeySet, KeySetError> {
    KeySet::parse(json!({"keys": keys}).to_string().as_bytes())
}

#[test]
fn a_key_is_used_with_the_one_algorithm_of_its_type() {
    let generated = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let n = generated.public_key().modulus();
    for (key, algorithm) in [
        (rsa(n.big_endian_without_leading_zero()), Algorithm::RS256),
        (ec(), Algorithm::ES256),
        (ed(), Algorithm::EdDSA),
    ] {
        let more =
            json!({"use": "sig", "key_ops": ["verify"], "alg": format!("{algorithm:?}"), "x5t": "ignored"});
        for key in [key.clone(), with(key.clone(), &more)] {
            let keys = parse(std::slice::from_ref(&key)).unwrap();
            for asked in ALL {
                let expected = usize::from(asked == algorithm);
                assert_eq!(keys.candidates(Some("k"), asked).count(), expected, "{key} {asked:?}");
            }
        }
    }
}

#[test]
fn a_key_that_says_otherwise_or_cannot_check_signatures_is_left_out() {
    for key in [
        with(ec(), &json!({"use": "enc"})),
        with(ec(), &json!({"alg": "ES384"})),
        with(ec(), &json!({"alg": "HS256"})),
        with(ec(), &json!({"alg": "ECDH-ES"})),
        with(ec(), &json!({"key_ops": ["sign"]})),
        with(ec(), &json!({"crv": "P-384"})),
        with(ec(), &json!({"crv": "secp256k1"})),
        with(ec(), &json!({"x": "AAAA"})),
        with(ec(), &json!({"x": "not base64!"})),
        with(ed(), &json!({"alg": "ES256"})),
        with(ed(), &json!({"crv": "X25519"})),
        with(ed(), &json!({"x": "AAAA"})),
        with(rsa(&[0xff; 256]), &json!({"alg": "RS512"})),
        with(rsa(&[0xff; 256]), &json!({"alg": "PS256"})),
        rsa(&[0x7f; 256]),
        rsa(&[0xff; 128]),
        rsa(&[0xff; 1025]),
        rsa(&[]),
        json!({"kty": "oct", "kid": "k", "k": "c2VjcmV0", "alg": "HS256"}),
        json!({"kty": "AKP", "kid": "k", "pub": "AAAA"}),
        json!({}),
        json!(7),
    ] {
        assert_eq!(parse(std::slice::from_ref(&key)).err(), Some(KeySetError::NoneUsable(1)), "{key}");
        assert_eq!(parse(&[key.clone(), ed()]).unwrap().len(), 1, "the others are taken beside {key}");
    }
    assert_eq!(parse(&[]).err(), Some(KeySetError::NoneUsable(0)));
}

#[test]
fn keys_are_found_by_their_name_and_those_without_by_tokens_without() {
    let mut nameless = ed();
    nameless.as_object_mut().unwrap().remove("kid");
    let keys = parse(&[ed(), with(ed(), &json!({"kid": "other"})), nameless]).unwrap();
    for (name, found) in [(Some("k"), 1), (Some("other"), 1), (Some("K"), 0), (Some(""), 0), (None, 1)] {
        assert_eq!(keys.candidates(name, Algorithm::EdDSA).count(), found, "{name:?}");
    }
    assert!(keys.knows("other") && !keys.knows("K") && !keys.knows(""));
}

#[test]
fn a_text_that_is_not_a_key_set_is_named_as_such() {
    for text in ["", "{}", "[]", "null", r#"{"keys":7}"#, r#"{"keys":{}}"#, "\u{feff}{}", "<html>"] {
        assert!(matches!(KeySet::parse(text.as_bytes()), Err(KeySetError::NotASet(_))), "{text}");
    }
}

#[test]
fn bits_are_counted_without_leading_zeros() {
    for (number, length) in [(&[][..], 0), (&[0, 0], 0), (&[1], 1), (&[0, 0xff], 8), (&[1, 0], 9)] {
        assert_eq!(bits(number), length, "{number:?}");
    }
}
