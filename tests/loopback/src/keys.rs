//! AWS KMS over HTTP for keys of Ed25519: it tells their public keys and signs, with faults on demand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::{FaultPlan, RequestFault};

/// What precedes a public key of Ed25519 in X.509 (RFC 8410).
const X509: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A key. Clones share it.
#[derive(Clone)]
pub struct KeyServer {
    url: String,
    shared: Arc<Shared>,
}

struct Shared {
    pair: Mutex<Ed25519KeyPair>,
    /// Further keys by their ids; `None`: it is lost.
    others: Mutex<BTreeMap<String, Option<Ed25519KeyPair>>>,
    /// The texts that were signed.
    signed: Mutex<Vec<String>>,
    requests: Mutex<usize>,
    faults: Mutex<Option<FaultPlan>>,
    /// The error code of every request.
    refused: Mutex<Option<&'static str>>,
}

impl KeyServer {
    /// Starts a service with the key of this seed, whatever its id.
    pub async fn serve(seed: [u8; 32]) -> Self {
        let shared = Arc::new(Shared {
            pair: Mutex::new(Ed25519KeyPair::from_seed_unchecked(&seed).unwrap()),
            others: Mutex::default(),
            signed: Mutex::default(),
            requests: Mutex::default(),
            faults: Mutex::default(),
            refused: Mutex::default(),
        });
        let routes = Router::new().fallback(answer).with_state(shared.clone());
        Self { url: format!("http://{}", crate::serve(routes).await), shared }
    }

    /// The value for `AWS_ENDPOINT_URL_KMS`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Another key from now on.
    pub fn replace(&self, seed: [u8; 32]) {
        *self.shared.pair.lock().unwrap() = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    }

    /// A key of its own for this id from now on.
    pub fn add(&self, id: &str, seed: [u8; 32]) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        self.shared.others.lock().unwrap().insert(id.to_owned(), Some(pair));
    }

    /// The key with this id is lost from now on.
    pub fn lose(&self, id: &str) {
        self.shared.others.lock().unwrap().insert(id.to_owned(), None);
    }

    /// Which requests fail from now on, by their number from 1.
    pub fn fail(&self, which: impl Fn(usize) -> Option<RequestFault> + Send + 'static) {
        *self.shared.requests.lock().unwrap() = 0;
        *self.shared.faults.lock().unwrap() = Some(Box::new(which));
    }

    /// Refuses every request from now on, with this error code; `None` ends it.
    pub fn refuse(&self, with: Option<&'static str>) {
        *self.shared.refused.lock().unwrap() = with;
    }

    /// The texts that were signed since the last call.
    #[must_use]
    pub fn take_signed(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.signed.lock().unwrap())
    }

    /// How many requests there were since the last [`KeyServer::fail`].
    #[must_use]
    pub fn requests(&self) -> usize {
        *self.shared.requests.lock().unwrap()
    }
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let number = {
        let mut requests = shared.requests.lock().unwrap();
        *requests += 1;
        *requests
    };
    let fault = shared.faults.lock().unwrap().as_ref().and_then(|faults| faults(number));
    if fault == Some(RequestFault::Silent) {
        return std::future::pending().await;
    }
    let request = serde_json::from_slice(&body).unwrap_or_default();
    let answered = match fault {
        Some(RequestFault::Refused) => None,
        _ => Some(shared.answer(&crate::operation(&headers), &request)),
    };
    match fault {
        None => answered.unwrap(),
        Some(_) => failed(500, "KMSInternalException"),
    }
}

fn failed(status: u16, code: &str) -> Response {
    (StatusCode::from_u16(status).unwrap(), Json(json!({"__type": code, "message": "on purpose"})))
        .into_response()
}

fn succeeded(body: &Value) -> Response {
    ([("content-type", "application/x-amz-json-1.1")], body.to_string()).into_response()
}

impl Shared {
    fn answer(&self, operation: &str, request: &Value) -> Response {
        if let Some(code) = *self.refused.lock().unwrap() {
            return failed(400, code);
        }
        let (pair, others) = (self.pair.lock().unwrap(), self.others.lock().unwrap());
        let pair = match others.get(request["KeyId"].as_str().unwrap_or_default()) {
            Some(Some(other)) => other,
            Some(None) => return failed(400, "NotFoundException"),
            None => &*pair,
        };
        match operation {
            "GetPublicKey" => succeeded(&json!({
                "KeyId": request["KeyId"],
                "PublicKey": STANDARD.encode([&X509, pair.public_key().as_ref()].concat()),
                "KeySpec": "ECC_NIST_EDWARDS25519",
                "KeyUsage": "SIGN_VERIFY",
                "SigningAlgorithms": ["ED25519_SHA_512"],
            })),
            // A digest would be signed as such.
            "Sign" if request["MessageType"] == "RAW" && request["SigningAlgorithm"] == "ED25519_SHA_512" => {
                let message = STANDARD.decode(request["Message"].as_str().unwrap()).unwrap();
                self.signed.lock().unwrap().push(String::from_utf8_lossy(&message).into_owned());
                let signature = STANDARD.encode(pair.sign(&message).as_ref());
                succeeded(&json!({
                    "KeyId": request["KeyId"],
                    "Signature": signature,
                    "SigningAlgorithm": "ED25519_SHA_512",
                }))
            }
            _ => failed(400, "ValidationException"),
        }
    }
}
