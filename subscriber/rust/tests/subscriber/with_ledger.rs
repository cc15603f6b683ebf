//! A price list that is kept from the deliveries of a real ledger equals the ledger's own view. `LEDGER_PROGRAM` names the program;
//! without it this is skipped, with a message.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use ledger_subscriber::messages::ProductStatus;
use ledger_subscriber::{CannotApply, Failure, HttpLedger, Inbox, LedgerEvent, MemoryStore, Outcome};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

struct Ledger {
    url: String,
    http: reqwest::Client,
    _server: Child,
}

impl Ledger {
    async fn start(program: &str) -> Self {
        let mut server = Command::new(program);
        let set =
            std::env::vars().filter(|(name, _)| name.starts_with("LEDGER_") || name.starts_with("AWS_"));
        for (name, _) in set {
            server.env_remove(name);
        }
        server.args(["serve", "--in-memory", "--listen", "127.0.0.1:0"]).stderr(Stdio::null());
        let mut server = server.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(server.stdout.as_mut().unwrap()).lines();
        let line = lines.next_line().await.unwrap().unwrap();
        let url = line.strip_prefix("Listening on ").unwrap().to_owned();
        Self { url, http: reqwest::Client::new(), _server: server }
    }

    async fn send(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn get(&self, path: &str) -> Value {
        self.send(reqwest::Method::GET, path, None).await.1
    }

    /// Random commands; returns how many events they made.
    async fn written(&self, chance: &mut Rng) -> usize {
        let mut events = 0;
        for n in 0..300 {
            let path = format!("/products/p-{}", chance.u32(..25));
            let body = json!({"name": format!("n{n}"), "price": chance.u32(1..99).to_string()});
            let (status, receipt) = self.send(reqwest::Method::PUT, &path, Some(body)).await;
            if status == 404 {
                // A deleted product is restored before it is written again.
                let (status, receipt) =
                    self.send(reqwest::Method::POST, &format!("{path}/restore"), None).await;
                assert_eq!(status, 200, "{receipt}");
                events += receipt["events"].as_array().unwrap().len();
                continue;
            }
            events += receipt["events"].as_array().unwrap_or_else(|| panic!("{receipt}")).len();
            if chance.f64() < 0.15 {
                events += self.send(reqwest::Method::DELETE, &path, None).await.1["events"]
                    .as_array()
                    .unwrap()
                    .len();
            }
        }
        events
    }

    /// The first entries of the ledger's bus.
    async fn sent(&self, count: usize) -> Vec<Value> {
        let mut stream = self.http.get(format!("{}/events?from=start", self.url)).send().await.unwrap();
        let (mut text, mut entries) = (Vec::new(), Vec::new());
        while entries.len() < count {
            text.extend_from_slice(&stream.chunk().await.unwrap().unwrap());
            while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = text.drain(..=end).collect();
                if let Some(data) = line.strip_prefix(b"data:") {
                    entries.push(serde_json::from_slice(data).unwrap());
                }
            }
        }
        entries.truncate(count);
        entries
    }

    /// The ledger's list, once its view has everything.
    async fn listed(&self) -> BTreeMap<String, String> {
        for _ in 0..1200 {
            if self.get("/status").await["views"]["products"]["oldest_behind_ms"] == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let page = self.get("/products?limit=100").await;
        let text = |product: &Value, name: &str| product[name].as_str().unwrap().to_owned();
        page["products"].as_array().unwrap().iter().map(|one| (text(one, "id"), text(one, "price"))).collect()
    }
}

/// What is delivered: 5 % never, a fifth twice and partly as replays, a tenth late.
fn hostile(entries: Vec<Value>, chance: &mut Rng) -> Vec<Value> {
    let mut sent = Vec::new();
    for (place, entry) in entries.into_iter().enumerate() {
        if chance.f64() < 0.05 {
            continue;
        }
        let late = |chance: &mut Rng| if chance.f64() < 0.1 { place + chance.usize(..40) } else { place };
        if chance.f64() < 0.2 {
            let mut again = entry.clone();
            if chance.f64() < 0.2 {
                again["detail"]["metadata"]["replay"] =
                    json!({"id": "01M841K9DC3M5ZQYPS2Y3BRKSE", "requested_at": "2026-11-30T00:00:00.000Z"});
            }
            sent.push((late(chance), again));
        }
        sent.push((late(chance), entry));
    }
    sent.sort_by_key(|(place, _)| *place);
    sent.into_iter().map(|(_, entry)| entry).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_price_list_is_the_ledgers() {
    let Ok(program) = std::env::var("LEDGER_PROGRAM") else {
        println!("skipped: LEDGER_PROGRAM is not set, so no ledger is asked");
        return;
    };
    let (ledger, mut chance) = (Ledger::start(&program).await, Rng::with_seed(9));
    let events = ledger.written(&mut chance).await;
    let entries = ledger.sent(events).await;
    let list = Arc::new(Mutex::new(BTreeMap::new()));
    let apply = |event: &LedgerEvent, (): &mut ()| -> Result<(), Failure> {
        let product = event.message()?.product.ok_or(CannotApply("there is no product".into()))?;
        let mut list = list.lock().unwrap();
        match product.status {
            ProductStatus::Active => list.insert(product.id, product.price),
            _ => list.remove(&product.id),
        };
        Ok(())
    };
    let inbox = Inbox::new(MemoryStore::new(), HttpLedger::new(&ledger.url)).wait(Duration::ZERO);
    let deliveries = hostile(entries, &mut chance);
    for delivery in &deliveries {
        assert_ne!(inbox.receive(&delivery.to_string(), &apply).await.unwrap(), Outcome::Parked);
    }
    inbox.catch_up(&apply).await.unwrap();
    assert_eq!(inbox.parked().await.unwrap(), BTreeMap::new());
    let listed = ledger.listed().await;
    assert_eq!(*list.lock().unwrap(), listed);
    println!("{} deliveries of {events} events, {} fetches", deliveries.len(), inbox.fetches());
}
