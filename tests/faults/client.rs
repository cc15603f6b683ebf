//! Clients that send commands until they are answered: unanswered ones are repeated with the same key.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::scenario::{Ledger, PATIENCE};

/// Few products, so that clients conflict.
const PRODUCTS: [&str; 6] = ["anvil", "bell", "crate", "drum", "easel", "flute"];
const PAUSE: Duration = Duration::from_millis(10);
/// A running server answers within this time.
const ANSWER_WITHIN: Duration = Duration::from_secs(40);

/// The final answers to the clients.
#[derive(Default)]
pub struct Told {
    /// The receipts of recorded commands, by key.
    pub recorded: Mutex<Vec<(String, Value)>>,
    /// The keys of commands that were rejected or changed nothing.
    pub not_recorded: Mutex<Vec<String>>,
    /// Problems with `Retry-After`.
    pub come_again: Mutex<Vec<Value>>,
}

/// Running clients of one ledger.
pub struct Clients {
    pub told: Arc<Told>,
    server: watch::Sender<Option<String>>,
    stop: watch::Sender<bool>,
    working: Vec<JoinHandle<()>>,
}

impl Clients {
    /// Starts clients, each with commands drawn from `seed`.
    pub fn start(ledger: &Ledger, seed: u64, clients: usize) -> Self {
        let (server, url) = watch::channel(Some(ledger.url.clone()));
        let (stop, stopping) = watch::channel(false);
        let told = Arc::new(Told::default());
        let working = (0..clients).map(|name| {
            let client = Client {
                name,
                rng: fastrand::Rng::with_seed(seed.wrapping_mul(1_000) + name as u64),
                http: reqwest::Client::builder().timeout(ANSWER_WITHIN).build().unwrap(),
                server: url.clone(),
                told: told.clone(),
            };
            tokio::spawn(client.work(stopping.clone()))
        });
        let working = working.collect();
        Self { told, server, stop, working }
    }

    /// Sends no new requests from now on, since another server may get the port.
    pub fn hold(&self) {
        self.server.send_replace(None);
    }

    /// Continues with this server.
    pub fn go_on(&self, ledger: &Ledger) {
        self.server.send_replace(Some(ledger.url.clone()));
    }

    /// Waits until this many commands have been answered in total.
    pub async fn until_answered(&self, commands: usize) {
        let answered = async {
            while self.answered() < commands {
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::time::timeout(PATIENCE, answered).await.unwrap();
    }

    /// Waits until this many requests have been answered with a problem with `Retry-After`.
    pub async fn until_told_to_come_again(&self, times: usize) {
        let told = async {
            while self.told_to_come_again() < times {
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::time::timeout(PATIENCE, told).await.unwrap();
    }

    pub fn told_to_come_again(&self) -> usize {
        self.told.come_again.lock().unwrap().len()
    }

    pub fn answered(&self) -> usize {
        self.told.recorded.lock().unwrap().len() + self.told.not_recorded.lock().unwrap().len()
    }

    /// Lets every client finish its command; returns all answers.
    pub async fn finish(self) -> Arc<Told> {
        self.stop.send_replace(true);
        for client in self.working {
            tokio::time::timeout(PATIENCE, client).await.unwrap().unwrap();
        }
        self.told
    }
}

struct Client {
    name: usize,
    rng: fastrand::Rng,
    http: reqwest::Client,
    server: watch::Receiver<Option<String>>,
    told: Arc<Told>,
}

/// A command, sent until it is answered.
struct Sending {
    key: String,
    method: &'static str,
    path: String,
    body: Option<Value>,
    if_match: Option<u64>,
}

/// A final answer to a command.
struct Answer {
    status: reqwest::StatusCode,
    body: Value,
}

impl Client {
    async fn work(mut self, stopping: watch::Receiver<bool>) {
        let mut known = [0; PRODUCTS.len()];
        for n in 0.. {
            if *stopping.borrow() {
                return;
            }
            let product = self.rng.usize(..PRODUCTS.len());
            let sending = self.sending(n, product, known[product]);
            let answer = self.until_answered(&sending).await;
            if self.rng.u8(..5) == 0 && answer.is_recorded() {
                let again = self.until_answered(&sending).await;
                assert_eq!(answer.body, again.body, "{}: another receipt the second time", sending.key);
            }
            if sending.method != "POST" {
                let version = answer.body["version"].as_u64().or(answer.body["current_version"].as_u64());
                known[product] = version.unwrap_or(0);
            }
            self.note(sending.key, answer);
        }
    }

    fn note(&self, key: String, answer: Answer) {
        if answer.is_recorded() {
            self.told.recorded.lock().unwrap().push((key, answer.body));
        } else {
            self.told.not_recorded.lock().unwrap().push(key);
        }
    }

    fn sending(&mut self, n: usize, product: usize, known: u64) -> Sending {
        let path = format!("/products/{}", PRODUCTS[product]);
        let price = format!("{}.{:02}", self.rng.u8(..3), self.rng.u8(..3));
        let create = json!({"name": PRODUCTS[product], "price": price});
        let (method, path, body) = match self.rng.u8(..12) {
            0 => ("POST", "/products".to_owned(), Some(create)),
            1..=3 => ("PUT", path, Some(create)),
            4..=6 => ("PATCH", path, Some(json!({"price": price}))),
            7 | 8 => ("PATCH", path, Some(json!({"name": format!("name {n}"), "sku": format!("{n}")}))),
            9 | 10 => ("DELETE", path, None),
            _ => ("POST", format!("{path}/restore"), None),
        };
        let alone = path == "/products";
        let if_match = (!alone && known > 0 && self.rng.u8(..3) == 0).then_some(known);
        Sending { key: format!("client-{}-{n}", self.name), method, path, body, if_match }
    }

    async fn until_answered(&mut self, sending: &Sending) -> Answer {
        loop {
            let url = self.server.wait_for(Option::is_some).await.unwrap().clone().unwrap();
            if let Some(answer) = self.send(&url, sending).await {
                return answer;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// `None` if the command must be sent again: there was no answer, or one with `Retry-After`.
    async fn send(&self, url: &str, sending: &Sending) -> Option<Answer> {
        let request = self.http.request(sending.method.parse().unwrap(), format!("{url}{}", sending.path));
        let mut request = request.header("idempotency-key", &sending.key);
        if let Some(version) = sending.if_match {
            request = request.header("if-match", format!("\"{version}\""));
        }
        if let Some(body) = &sending.body {
            request = request.json(body);
        }
        let response = request.send().await.ok()?;
        let (status, again) = (response.status(), response.headers().contains_key("retry-after"));
        let body: Value = response.json().await.ok()?;
        assert!(again || !status.is_server_error(), "{}: {status} {body}", sending.key);
        if again {
            self.told.come_again.lock().unwrap().push(body);
            return None;
        }
        Some(Answer { status, body })
    }
}

impl Answer {
    /// Whether it is the receipt of this command.
    fn is_recorded(&self) -> bool {
        self.status.is_success() && self.body["events"].as_array().is_some_and(|events| !events.is_empty())
    }
}
