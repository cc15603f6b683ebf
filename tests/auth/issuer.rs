//! An issuer for tests: it makes its own keys, publishes them in a file or on loopback, and signs any claims.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use axum::routing::get;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use web::ClockAndIds;

use crate::scenario::{Ledger, client};

pub const ISSUER: &str = "https://issuer.test/pool";
pub const AUDIENCE: &str = "ledger";
pub const SUBJECT: &str = "9b1d0c5e-7a51-4cc4-9f0e-31f6b2f4a2d0";
pub const ALL: &str = "products/read products/write products/subscribe products/audit";

/// Making an RSA key takes a while, so the tests share two.
pub static RSA: LazyLock<Key> = LazyLock::new(|| Key::rsa("rsa-1"));
pub static OTHER_RSA: LazyLock<Key> = LazyLock::new(|| Key::rsa("rsa-1"));

/// A private key.
pub struct Key {
    pub id: String,
    kind: Kind,
}

enum Kind {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Key {
    fn rsa(id: &str) -> Self {
        Self { id: id.into(), kind: Kind::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()) }
    }

    pub fn ec(id: &str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { id: id.into(), kind: Kind::Ec(key) }
    }

    pub fn ed(id: &str) -> Self {
        Self { id: id.into(), kind: Kind::Ed(Ed25519KeyPair::generate().unwrap()) }
    }

    /// The name of the algorithm it signs with.
    pub fn algorithm(&self) -> &'static str {
        match &self.kind {
            Kind::Rsa(_) => "RS256",
            Kind::Ec(_) => "ES256",
            Kind::Ed(_) => "EdDSA",
        }
    }

    /// The public key as its bytes.
    pub fn public(&self) -> Vec<u8> {
        match &self.kind {
            Kind::Rsa(key) => key.public_key().as_ref().to_vec(),
            Kind::Ec(key) => key.public_key().as_ref().to_vec(),
            Kind::Ed(key) => key.public_key().as_ref().to_vec(),
        }
    }

    /// The public key as it is published.
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.kind {
            Kind::Rsa(key) => {
                let key = key.public_key();
                let (n, e) = (key.modulus(), key.exponent());
                let (n, e) = (n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero());
                json!({"kty": "RSA", "n": base64(n), "e": base64(e)})
            }
            Kind::Ec(key) => {
                let point = key.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "x": base64(&point[1..33]), "y": base64(&point[33..])})
            }
            Kind::Ed(key) => json!({"kty": "OKP", "crv": "Ed25519", "x": base64(key.public_key().as_ref())}),
        };
        jwk["kid"] = self.id.clone().into();
        jwk["alg"] = self.algorithm().into();
        jwk["use"] = "sig".into();
        jwk
    }

    /// A token with its key's name and algorithm in the header.
    pub fn token(&self, claims: &Value) -> String {
        self.sign(&json!({"typ": "JWT", "alg": self.algorithm(), "kid": self.id}), claims)
    }

    /// A token with any header.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = unsigned(header, claims);
        let (random, bytes) = (SystemRandom::new(), message.as_bytes());
        let signature = match &self.kind {
            Kind::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, bytes, &mut signature).unwrap();
                signature
            }
            Kind::Ec(key) => key.sign(&random, bytes).unwrap().as_ref().to_vec(),
            Kind::Ed(key) => key.sign(bytes).as_ref().to_vec(),
        };
        format!("{message}.{}", base64(&signature))
    }
}

pub fn base64(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Header and claims, without a signature.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", base64(header.to_string().as_bytes()), base64(claims.to_string().as_bytes()))
}

pub fn key_set(keys: &[&Key]) -> String {
    json!({"keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()}).to_string()
}

/// Seconds since 1970.
pub fn now() -> i64 {
    (ClockAndIds::system().clock)().millis() / 1000
}

/// Good claims with some of them replaced; `null` takes one away.
pub fn claims(changes: Value) -> Value {
    let now = now();
    let mut claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": SUBJECT, "scope": ALL, "iat": now, "exp": now + 3600
    });
    let claims_of = claims.as_object_mut().unwrap();
    let Value::Object(changes) = changes else { panic!("claims are an object") };
    claims_of.extend(changes);
    claims_of.retain(|_, value| !value.is_null());
    claims
}

/// A ledger that believes the issuer, driven with a token.
pub fn ledger(jwks: &str, further: &[&str], token: &str) -> Ledger {
    let mut arguments = vec!["--auth-jwks", jwks, "--auth-issuer", ISSUER, "--auth-audience", AUDIENCE];
    arguments.extend(further);
    let mut ledger = Ledger::start_with(&arguments, &[]);
    ledger.http = bearer(token);
    ledger
}

/// A client that sends a token with every request.
pub fn bearer(token: &str) -> reqwest::Client {
    let value = format!("Bearer {token}").parse().unwrap();
    let headers = [("authorization".parse().unwrap(), value)].into_iter().collect();
    client().default_headers(headers).build().unwrap()
}

/// The issuer's web site, as long as the test's runtime lives.
#[derive(Clone)]
pub struct Site {
    pub url: String,
    answer: Arc<Mutex<(u16, String)>>,
    requests: Arc<AtomicU64>,
    hangs: Arc<AtomicBool>,
}

impl Site {
    pub async fn publishing(keys: &[&Key]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new((200, key_set(keys))));
        let site = Self { url, answer, requests: Arc::default(), hangs: Arc::default() };
        let shown = site.clone();
        let shown = move || async move {
            shown.requests.fetch_add(1, Ordering::SeqCst);
            if shown.hangs.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            let (status, body) = shown.answer.lock().unwrap().clone();
            (axum::http::StatusCode::from_u16(status).unwrap(), body)
        };
        let router = axum::Router::new().route("/jwks.json", get(shown));
        tokio::spawn(async move { axum::serve(listener, router).await });
        site
    }

    pub fn publish(&self, keys: &[&Key]) {
        self.answer(200, &key_set(keys));
    }

    pub fn answer(&self, status: u16, body: &str) {
        *self.answer.lock().unwrap() = (status, body.to_owned());
    }

    /// No request is answered any more.
    pub fn hang(&self) {
        self.hangs.store(true, Ordering::SeqCst);
    }

    /// How often the keys were asked for.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}
