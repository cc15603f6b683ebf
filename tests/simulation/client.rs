//! A client that sends commands and repeats each one with the same key until it is answered.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::chaos::{Chaos, process};

/// Few products, so that clients compete for them.
pub const PRODUCTS: [&str; 4] = ["anvil", "bell", "crate", "drum"];

/// The final answers that the clients got.
#[derive(Default)]
pub struct ClientAnswers {
    /// Recorded commands: key and receipt.
    pub recorded: Mutex<Vec<(String, Value)>>,
    /// The keys of commands that were refused or changed nothing.
    pub not_recorded: Mutex<Vec<String>>,
}

/// One command, which may be sent several times.
#[derive(Clone)]
struct SentCommand {
    key: String,
    method: &'static str,
    path: String,
    body: Option<Value>,
    if_match: Option<u64>,
}

/// An answer after which the command is not repeated.
struct Answer {
    status: StatusCode,
    body: Value,
}

pub struct Client {
    pub name: usize,
    pub api: Router,
    pub chaos: Arc<Chaos>,
    pub answers: Arc<ClientAnswers>,
}

impl Client {
    /// Sends commands one after the other, and sometimes one of them again after its answer.
    pub async fn work(&self, commands: usize) {
        let mut known = [0; PRODUCTS.len()];
        for n in 0..commands {
            let product = self.chaos.below(PRODUCTS.len());
            let command = self.nth_command(n, product, known[product]);
            let answer = self.until_answered(&command).await;
            known[product] =
                answer.body["version"].as_u64().or(answer.body["current_version"].as_u64()).unwrap_or(0);
            let answer = self.maybe_repeat(&command, answer).await;
            self.note(&command, answer);
        }
    }

    /// A recorded command gets the same receipt at any later time; another one may be recorded by the repetition.
    async fn maybe_repeat(&self, command: &SentCommand, answer: Answer) -> Answer {
        if !self.chaos.happens("command sent again later", 200) {
            return answer;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        let again = self.until_answered(command).await;
        if recorded(&answer) {
            assert_eq!(answer.body, again.body, "{}: another receipt the second time", command.key);
        }
        again
    }

    fn note(&self, command: &SentCommand, answer: Answer) {
        if recorded(&answer) {
            self.answers.recorded.lock().unwrap().push((command.key.clone(), answer.body));
        } else {
            self.answers.not_recorded.lock().unwrap().push(command.key.clone());
        }
    }

    fn nth_command(&self, n: usize, product: usize, known: u64) -> SentCommand {
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
        SentCommand { key: format!("client-{}-{n}", self.name), method, path, body, if_match }
    }

    /// Repeats a command until its outcome is known. The server may be killed while it works on the command, and the client may
    /// send it twice at once.
    async fn until_answered(&self, command: &SentCommand) -> Answer {
        loop {
            let answer = if self.chaos.happens("command sent twice at once", 50) {
                self.send_twice(command).await
            } else {
                self.send(command).await
            };
            if let Some(answer) = answer {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// If one of two answers is a receipt, that counts. A refusal counts only if both were answered: a command without an
    /// answer may have been recorded.
    async fn send_twice(&self, command: &SentCommand) -> Option<Answer> {
        let (one, other) = tokio::join!(self.send(command), self.send(command));
        match (one, other) {
            (Some(one), Some(other)) if recorded(&one) && recorded(&other) => {
                assert_eq!(one.body, other.body, "{}: two receipts for one command", command.key);
                Some(one)
            }
            (Some(one), _) if recorded(&one) => Some(one),
            (_, Some(other)) if recorded(&other) => Some(other),
            (Some(one), Some(_)) => Some(one),
            _ => None,
        }
    }

    async fn send(&self, command: &SentCommand) -> Option<Answer> {
        let mut request = Request::builder().method(command.method).uri(&command.path);
        request = request.header("idempotency-key", &command.key).header("content-type", "application/json");
        if let Some(version) = command.if_match {
            request = request.header("if-match", format!("\"{version}\""));
        }
        let body = command.body.as_ref().map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let response = process(self.api.clone().oneshot(request.body(body).unwrap())).await?.unwrap();
        let (status, again) = (response.status(), response.headers().contains_key("retry-after"));
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert!(again || !status.is_server_error(), "{}: {status} {body}", command.key);
        (!again).then_some(Answer { status, body })
    }
}

/// Whether the answer is the receipt of a commit of this command.
fn recorded(answer: &Answer) -> bool {
    answer.status.is_success() && answer.body["events"].as_array().is_some_and(|events| !events.is_empty())
}
