//! Which published keys are taken, and for which algorithm.

use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair,
};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::{KeyError, KeySet, KeySetError, UnusableKey, bits};

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

/// The Ed25519 key with these bytes: a coordinate, its lowest byte first, and the sign in its highest bit.
fn point(bytes: [u8; 32]) -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": BASE64_URL_SAFE_NO_PAD.encode(bytes)})
}

/// Every encoding of a point whose order is 1, 2, 4 or 8, also those that are not reduced modulo 2^255 - 19.
fn small_orders() -> Vec<[u8; 32]> {
    let low = |first: u8| {
        let mut bytes = [0; 32];
        bytes[0] = first;
        bytes
    };
    let high = |first: u8| {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (first, 0x7f);
        bytes
    };
    let of_order_8 = [
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ];
    let of_order_8 = of_order_8.map(|text| {
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
        }
        bytes
    });
    let positive = [low(0), low(1), high(0xec), high(0xed), high(0xee)].into_iter().chain(of_order_8);
    let both = positive.flat_map(|bytes| {
        let mut negative = bytes;
        negative[31] |= 0x80;
        [bytes, negative]
    });
    both.collect()
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
        let refused = parse(std::slice::from_ref(&key)).err().unwrap();
        assert!(matches!(refused, KeySetError::NoneUsable { given: 1, .. }), "{key}: {refused}");
        assert_eq!(parse(&[key.clone(), ed()]).unwrap().len(), 1, "the others are taken beside {key}");
    }
    assert_eq!(parse(&[]).err(), Some(KeySetError::NoneUsable { given: 0, unusable: vec![] }));
}

#[test]
fn a_key_that_others_could_sign_under_is_never_used_and_named() {
    for bytes in small_orders() {
        let keys = parse(&[ed(), with(point(bytes), &json!({"kid": "weak"}))]).unwrap();
        // What is not on the curve is no key either; the table holds a few of those.
        let reasons = [KeyError::SmallOrder, KeyError::Point];
        let [UnusableKey { id, reason }] = keys.unusable() else { panic!("{bytes:?}") };
        assert!(id == "weak" && reasons.contains(reason), "{bytes:?}: {reason}");
        assert_eq!(
            (keys.len(), keys.candidates(Some("weak"), Algorithm::EdDSA).count()),
            (1, 0),
            "{bytes:?}"
        );
    }
    let refused = parse(&[with(point([0; 32]), &json!({"kid": "weak\n"}))]).err().unwrap().to_string();
    assert!(
        refused.contains("small order") && refused.contains("weak") && !refused.contains('\n'),
        "{refused}"
    );
}

#[test]
fn what_is_left_out_is_named_if_it_was_meant_for_signatures() {
    let reason = |key: Value| parse(&[ed(), key]).unwrap().unusable().first().map(|unusable| unusable.reason);
    for (key, expected) in [
        (rsa(&[0xff; 128]), Some(KeyError::Rsa)),
        (with(rsa(&[0xff; 256]), &json!({"e": "AQ"})), Some(KeyError::Rsa)),
        (with(rsa(&[0xff; 256]), &json!({"e": "AQAA"})), Some(KeyError::Rsa)),
        (with(rsa(&[0xff; 256]), &json!({"alg": "RS512"})), Some(KeyError::Algorithm)),
        (with(ec(), &json!({"crv": "P-384"})), Some(KeyError::Algorithm)),
        (with(ec(), &json!({"crv": "secp256k1"})), Some(KeyError::Algorithm)),
        (with(ed(), &json!({"crv": "X25519"})), Some(KeyError::Algorithm)),
        (json!({"kty": "AKP", "kid": "k", "pub": "AAAA"}), Some(KeyError::Algorithm)),
        (with(ed(), &json!({"x": "not base64!"})), Some(KeyError::Unreadable)),
        (with(ed(), &json!({"x": "AAAA"})), Some(KeyError::Length)),
        (with(ec(), &json!({"x": "AAAA"})), Some(KeyError::Length)),
        (with(ec(), &json!({"use": "enc"})), None),
        (with(ec(), &json!({"key_ops": ["deriveKey"]})), None),
        (json!({"kty": "oct", "kid": "k", "k": "c2VjcmV0", "alg": "HS256"}), None),
        (ed(), None),
    ] {
        assert_eq!(reason(key.clone()), expected, "{key}");
    }
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
