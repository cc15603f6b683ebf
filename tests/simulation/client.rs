//! A client that sends commands until each has an answer, with the same key each time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::chaos::{Chaos, process};

/// So few products that clients meet.
pub const PRODUCTS: [&str; 4] = ["anvil", "bell", "crate", "drum"];

/// What the clients were told in the end.
#[derive(Default)]
pub struct Told {
    /// Commands that were recorded: key and receipt.
    pub recorded: Mutex<Vec<(String, Value)>>,
    /// Keys of commands that were refused or changed nothing.
    pub not_recorded: Mutex<Vec<String>>,
}

/// One command, as it is sent again and again.
#[derive(Clone)]
struct Sending {
    key: String,
    method: &'static str,
    path: String,
    body: Option<Value>,
    if_match: Option<u64>,
}

/// An answer that ends a command.
struct Answer {
    status: StatusCode,
    body: Value,
}

pub struct Client {
    pub name: usize,
    pub api: Router,
    pub chaos: Arc<Chaos>,
    pub told: Arc<Told>,
}

impl Client {
    /// Sends commands one after the other; now and then one of them once more after its answer.
    pub async fn work(&self, commands: usize) {
        let mut known = [0; PRODUCTS.len()];
        for n in 0..commands {
            let product = self.chaos.below(PRODUCTS.len());
            let sending = self.sending(n, product, known[product]);
            let answer = self.until_answered(&sending).await;
            known[product] =
                answer.body["version"].as_u64().or(answer.body["current_version"].as_u64()).unwrap_or(0);
            let answer = self.perhaps_again(&sending, answer).await;
            self.note(&sending, answer);
        }
    }

    /// A command that was recorded gets the same receipt at any later time; another one may be recorded only now.
    async fn perhaps_again(&self, sending: &Sending, answer: Answer) -> Answer {
        if !self.chaos.happens("command sent again later", 200) {
            return answer;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        let again = self.until_answered(sending).await;
        if recorded(&answer) {
            assert_eq!(answer.body, again.body, "{}: another receipt the second time", sending.key);
        }
        again
    }

    fn note(&self, sending: &Sending, answer: Answer) {
        if recorded(&answer) {
            self.told.recorded.lock().unwrap().push((sending.key.clone(), answer.body));
        } else {
            self.told.not_recorded.lock().unwrap().push(sending.key.clone());
        }
    }

    fn sending(&self, n: usize, product: usize, known: u64) -> Sending {
        let path = format!("/products/{}", PRODUCTS[product]);
        let price = format!("{}.{:02}", self.chaos.below(3), self.chaos.below(3));
        let (method, path, body) = match self.chaos.below(7) {
            0 | 1 => ("PUT", path, Some(json!({"name": PRODUCTS[product], "price": price}))),
            2 | 3 => ("PATCH", path, Some(json!({"price": price}))),
            4 => (
                "PATCH",
                path,
                Some(json!({"name": format!("name {n}"), "price": price, "sku": format!("{n}")})),
            ),
            5 => ("DELETE", path, None),
            _ => ("POST", format!("{path}/restore"), None),
        };
        let if_match = (known > 0 && self.chaos.below(3) == 0).then_some(known);
        Sending { key: format!("client-{}-{n}", self.name), method, path, body, if_match }
    }

    /// Repeats a command until an answer ends it. The server may die while it works on it, and a client may be impatient.
    async fn until_answered(&self, sending: &Sending) -> Answer {
        loop {
            let answer = if self.chaos.happens("command sent twice at once", 50) {
                self.send_twice(sending).await
            } else {
                self.send(sending).await
            };
            if let Some(answer) = answer {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// Of two answers a receipt counts. A refusal does only if nothing is open: what was not answered may be recorded.
    async fn send_twice(&self, sending: &Sending) -> Option<Answer> {
        let (one, other) = tokio::join!(self.send(sending), self.send(sending));
        match (one, other) {
            (Some(one), Some(other)) if recorded(&one) && recorded(&other) => {
                assert_eq!(one.body, other.body, "{}: two receipts for one command", sending.key);
                Some(one)
            }
            (Some(one), _) if recorded(&one) => Some(one),
            (_, Some(other)) if recorded(&other) => Some(other),
            (Some(one), Some(_)) => Some(one),
            _ => None,
        }
    }

    async fn send(&self, sending: &Sending) -> Option<Answer> {
        let mut request = Request::builder().method(sending.method).uri(&sending.path);
        request = request.header("idempotency-key", &sending.key).header("content-type", "application/json");
        if let Some(version) = sending.if_match {
            request = request.header("if-match", format!("\"{version}\""));
        }
        let body = sending.body.as_ref().map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let response = process(self.api.clone().oneshot(request.body(body).unwrap())).await?.unwrap();
        let (status, again) = (response.status(), response.headers().contains_key("retry-after"));
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert!(again || !status.is_server_error(), "{}: {status} {body}", sending.key);
        (!again).then_some(Answer { status, body })
    }
}

/// Whether the answer is the receipt of a commit of this very command.
fn recorded(answer: &Answer) -> bool {
    answer.status.is_success() && answer.body["events"].as_array().is_some_and(|events| !events.is_empty())
}
