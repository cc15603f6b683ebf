//! Every kind of invalid token is a 401 on every path and writes nothing; valid tokens are accepted.

use aws_lc_rs::hmac;
use reqwest::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use serde_json::{Value, json};

use super::issuer::{AUDIENCE, Key, OTHER_RSA, RSA, SUBJECT, base64, claims, key_set, ledger, now, unsigned};
use crate::scenario::Ledger;

/// Every class of route, and a path that is none.
const REQUESTS: [(&str, &str); 15] = [
    ("POST", "/products"),
    ("PUT", "/products/new"),
    ("PUT", "/products/p"),
    ("PATCH", "/products/p"),
    ("DELETE", "/products/p"),
    ("POST", "/products/p/restore"),
    ("GET", "/products"),
    ("GET", "/products/p"),
    ("GET", "/products/p?version=1"),
    ("GET", "/products/p/history"),
    ("GET", "/products/p/prices"),
    ("GET", "/products/p/verification"),
    ("GET", "/events"),
    ("GET", "/metrics"),
    ("GET", "/nothing/here"),
];

struct Keys {
    ec: Key,
    ed: Key,
}

fn keys() -> Keys {
    Keys { ec: Key::ec("ec-1"), ed: Key::ed("ed-1") }
}

/// A key set in a file that lives as long as the test.
fn published(keys: &[&Key]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), key_set(keys)).unwrap();
    file
}

/// HS256 with a secret that is public: the confusion of algorithms.
fn mac(secret: &[u8], kid: &str) -> String {
    let message = unsigned(&json!({"alg": "HS256", "typ": "JWT", "kid": kid}), &claims(json!({})));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", base64(tag.as_ref()))
}

/// Tokens whose claims are wrong, well signed.
fn wrong_claims() -> Vec<(&'static str, String)> {
    let id_token = json!({"aud": AUDIENCE, "token_use": "id", "scope": "products/write"});
    [
        ("expired", json!({"exp": now() - 3600})),
        ("expired 90 seconds ago", json!({"exp": now() - 90})),
        ("not yet valid", json!({"nbf": now() + 3600})),
        ("valid in 90 seconds", json!({"nbf": now() + 90})),
        ("wrong issuer", json!({"iss": "https://issuer.test/other"})),
        ("no issuer", json!({"iss": null})),
        ("wrong audience", json!({"aud": "another"})),
        ("several wrong audiences", json!({"aud": ["another", "third"]})),
        ("no audience", json!({"aud": null})),
        ("no exp", json!({"exp": null})),
        ("exp as text", json!({"exp": "2100-01-01"})),
        ("no sub", json!({"sub": null})),
        ("sub nobody may have", json!({"sub": "anonymous"})),
        ("sub too long", json!({"sub": "x".repeat(256)})),
        ("sub with a line end", json!({"sub": "a\nb"})),
        ("Cognito id token", id_token),
        (
            "Cognito access token of another client",
            json!({"aud": null, "client_id": "x", "token_use": "access"}),
        ),
        ("client_id, and not of Cognito", json!({"aud": null, "client_id": AUDIENCE})),
    ]
    .map(|(name, changes)| (name, RSA.token(&claims(changes))))
    .into()
}

/// Tokens with good claims that the issuer never signed like this.
fn wrong_signatures(keys: &Keys) -> Vec<(&'static str, String)> {
    let good = claims(json!({}));
    let signed = RSA.token(&good);
    let (message, signature) = signed.rsplit_once('.').unwrap();
    let header = |changes: Value| {
        let mut header = json!({"alg": "RS256", "kid": "rsa-1"});
        header.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        header.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        header
    };
    let other_claims = base64(claims(json!({"sub": "somebody-else"})).to_string().as_bytes());
    let own_key = OTHER_RSA.sign(&header(json!({"jwk": OTHER_RSA.jwk()})), &good);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", base64(&RSA.public()));
    vec![
        ("wrong key", OTHER_RSA.token(&good)),
        ("wrong key, brought along", own_key),
        ("alg none", format!("{}.", unsigned(&header(json!({"alg": "none"})), &good))),
        ("alg None", format!("{}.", unsigned(&header(json!({"alg": "None"})), &good))),
        (
            "alg none with a signature",
            format!("{}.{signature}", unsigned(&header(json!({"alg": "none"})), &good)),
        ),
        ("HS256 with the public key", mac(&RSA.public(), "rsa-1")),
        ("HS256 with the public key as PEM", mac(pem.as_bytes(), "rsa-1")),
        ("HS256 with the published key", mac(RSA.jwk()["n"].as_str().unwrap().as_bytes(), "rsa-1")),
        ("HS256 with a public Ed25519 key", mac(&keys.ed.public(), "ed-1")),
        ("RS512", RSA.sign(&header(json!({"alg": "RS512"})), &good)),
        ("PS256", RSA.sign(&header(json!({"alg": "PS256"})), &good)),
        ("another key's algorithm", RSA.sign(&header(json!({"alg": "ES256"})), &good)),
        ("another key's name", keys.ec.sign(&json!({"alg": "ES256", "kid": "rsa-1"}), &good)),
        ("EdDSA under the name of a P-256 key", keys.ed.sign(&json!({"alg": "EdDSA", "kid": "ec-1"}), &good)),
        ("unknown kid", RSA.sign(&header(json!({"kid": "rsa-2"})), &good)),
        ("no kid", RSA.sign(&header(json!({"kid": null})), &good)),
        ("no alg", RSA.sign(&header(json!({"alg": null})), &good)),
        ("something critical", RSA.sign(&header(json!({"crit": ["b64"], "b64": false})), &good)),
        ("other claims under the signature", {
            format!("{}.{other_claims}.{signature}", message.split_once('.').unwrap().0)
        }),
        ("truncated by one", signed[..signed.len() - 1].to_owned()),
        ("truncated to half", signed[..signed.len() / 2].to_owned()),
        ("without its signature", format!("{message}.")),
        ("without its third part", message.to_owned()),
        ("with a fourth part", format!("{signed}.{signature}")),
        ("not base64", format!("{message}.!!!")),
        ("header not base64", format!("!{signed}")),
        ("header not JSON", format!("{}.{signature}", message.replacen("eyJ", "AAA", 1))),
        ("dots", "..".into()),
        ("long", "a".repeat(9_000)),
    ]
}

/// Sends one request and expects the 401 of RFC 6750 as a problem.
async fn refused(
    ledger: &Ledger,
    http: &reqwest::Client,
    what: &str,
    authorization: &[String],
    error: Option<&str>,
) {
    for (method, path) in REQUESTS {
        let mut request = http.request(method.parse().unwrap(), format!("{}{path}", ledger.url));
        for value in authorization {
            request = request.header(AUTHORIZATION, value);
        }
        let body = r#"{"name":"by a stranger","price":"1"}"#;
        let answer = request.header("content-type", "application/json").body(body).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{what}: {method} {path}");
        let challenge = answer.headers()[WWW_AUTHENTICATE].to_str().unwrap().to_owned();
        assert!(challenge.starts_with("Bearer"), "{what}: {challenge}");
        let named =
            error.map_or(challenge == "Bearer", |error| challenge.contains(&format!("error=\"{error}\"")));
        assert!(named, "{what}: {challenge}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{what}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["type"], "urn:product-ledger:problem:unauthorized", "{what}");
        assert!(problem["correlation_id"].is_string(), "{what}");
    }
}

#[tokio::test]
async fn a_token_that_is_not_valid_opens_nothing_and_nothing_is_written() {
    let keys = keys();
    let file = published(&[&RSA, &keys.ec, &keys.ed]);
    let good = RSA.token(&claims(json!({})));
    let ledger = ledger(file.path().to_str().unwrap(), &[], &good);
    let (status, receipt) = ledger.send("PUT", "/products/p", r#"{"name":"n","price":"1"}"#).await;
    assert_eq!(status, 201, "{receipt}");

    let nobody = reqwest::Client::new();
    for (name, token) in wrong_claims().into_iter().chain(wrong_signatures(&keys)) {
        refused(&ledger, &nobody, name, &[format!("Bearer {token}")], Some("invalid_token")).await;
    }
    for (name, values) in [
        ("none", vec![]),
        ("wrong scheme", vec![format!("Basic {good}")]),
        ("no scheme", vec![good.clone()]),
        ("scheme alone", vec!["Bearer".to_owned()]),
    ] {
        refused(&ledger, &nobody, name, &values, None).await;
    }
    let twice = vec![format!("Bearer {good}"); 2];
    refused(&ledger, &nobody, "two headers", &twice, Some("invalid_request")).await;

    assert_eq!(ledger.history("p").await.len(), 1);
    assert_eq!(ledger.get("/products/new/history").await.0, 404);
    let exported = ledger.operate(&["export"]);
    assert_eq!(String::from_utf8_lossy(&exported.stdout).lines().count(), 1, "one commit and no other");
    assert_eq!(ledger.bus(|entries| !entries.is_empty()).await.len(), 1);
}

#[tokio::test]
async fn a_valid_token_of_each_algorithm_is_accepted_and_its_subject_is_the_actor() {
    let keys = keys();
    let file = published(&[&RSA, &keys.ec, &keys.ed]);
    let mut ledger = ledger(file.path().to_str().unwrap(), &[], "");
    let cognito = json!({"aud": null, "client_id": AUDIENCE, "token_use": "access", "username": "u"});
    for (n, (name, token)) in [
        ("RS256", RSA.token(&claims(json!({})))),
        ("ES256", keys.ec.token(&claims(json!({})))),
        ("EdDSA", keys.ed.token(&claims(json!({})))),
        ("Cognito access token", RSA.token(&claims(cognito))),
        ("one of several audiences", RSA.token(&claims(json!({"aud": ["another", AUDIENCE]})))),
        ("expired 30 seconds ago", RSA.token(&claims(json!({"exp": now() - 30})))),
        ("valid in 30 seconds", RSA.token(&claims(json!({"nbf": now() + 30})))),
        ("longest subject", RSA.token(&claims(json!({"sub": "x".repeat(255)})))),
    ]
    .into_iter()
    .enumerate()
    {
        ledger.http = super::issuer::bearer(&token);
        let product = format!("p{n}");
        let path = format!("/products/{product}");
        let (status, receipt) = ledger.send("PUT", &path, r#"{"name":"n","price":"1"}"#).await;
        assert_eq!(status, 201, "{name}: {receipt}");
        let actor = if name == "longest subject" { "x".repeat(255) } else { SUBJECT.to_owned() };
        assert_eq!(ledger.history(&product).await[0]["metadata"]["actor"], actor, "{name}");
    }
}

#[tokio::test]
async fn a_key_that_anybody_can_sign_under_is_not_believed_and_a_warning_names_it() {
    let (key, file) = (Key::ed("good"), tempfile::NamedTempFile::new().unwrap());
    // The neutral element of the curve: this one signature is valid under it for every message.
    let neutral = [[1].as_slice(), &[0; 31]].concat();
    let signature = [neutral.as_slice(), &[0; 32]].concat();
    let mut weak = key.jwk();
    (weak["kid"], weak["x"]) = ("weak".into(), base64(&neutral).into());
    std::fs::write(file.path(), json!({"keys": [weak, key.jwk()]}).to_string()).unwrap();
    let ledger = ledger(file.path().to_str().unwrap(), &[], "");
    let message = unsigned(&json!({"typ": "JWT", "alg": "EdDSA", "kid": "weak"}), &claims(json!({})));
    let ask = async |token: String| {
        let request = ledger.http.get(format!("{}/products", ledger.url));
        request.header("authorization", format!("Bearer {token}")).send().await.unwrap().status()
    };
    assert_eq!(ask(format!("{message}.{}", base64(&signature))).await, 401);
    assert_eq!(ask(key.token(&claims(json!({})))).await, 200, "the issuer's other keys are used");
    let warned = ledger.log().into_iter().any(|line| line["kid"] == "weak" && line["level"] == "WARN");
    assert!(warned, "{:?}", ledger.log());
}
