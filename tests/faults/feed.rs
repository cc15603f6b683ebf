//! Readers of the feed with different filters, while clients write and the server is killed: in the end each has exactly the
//! commits that its filters select, once and in order. `LEDGER_FAULTS_SEED=n` repeats the plan; `LEDGER_FAULTS=full` kills
//! the server twenty times.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::client::Clients;
use crate::plans::{Plan, pass};
use crate::scenario::{Ledger, PATIENCE};
use crate::store::{LEDGER, by_hand};

const PLAN: Plan = Plan { ledgers: 1, faults_of_each: 5, in_full: 20 };
const WRITERS: usize = 8;
const READERS: usize = 20;
const PAUSE: Duration = Duration::from_millis(10);

#[test]
fn readers_get_each_commit_once_and_in_order_though_the_server_is_killed() {
    PLAN.play(read_while_killed);
}

async fn read_while_killed(seed: u64, kills: usize) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut ledger = Ledger::start();
    let writers = Clients::start(&ledger, seed, WRITERS);
    let (server, url) = watch::channel(Some(ledger.url.clone()));
    let (end, newest) = watch::channel(None);
    let readers: Vec<JoinHandle<Vec<u64>>> = (0..READERS)
        .map(|n| tokio::spawn(Reader { n, url: url.clone(), newest: newest.clone() }.read()))
        .collect();
    for _ in 0..kills {
        pass(&mut rng, 600).await;
        // Another server may get the port.
        writers.hold();
        server.send_replace(None);
        ledger.kill();
        ledger.restart();
        writers.go_on(&ledger);
        server.send_replace(Some(ledger.url.clone()));
    }
    writers.finish().await;
    let commits = recorded(&ledger);
    end.send_replace(commits.last().map(|(position, _)| *position));
    for (n, reader) in readers.into_iter().enumerate() {
        let met = tokio::time::timeout(PATIENCE, reader).await.unwrap().unwrap();
        let selected = commits.iter().filter(|(_, commit)| selects(n, commit));
        let expected: Vec<u64> = selected.map(|(position, _)| *position).collect();
        assert_eq!(met, expected, "reader {n}: {}", filter(n));
    }
    let some = (0..READERS).filter(|n| commits.iter().any(|(_, commit)| selects(*n, commit))).count();
    assert!(commits.len() > kills && some > READERS / 2, "{} commits for {some} readers", commits.len());
}

/// The commits of the file with their positions.
fn recorded(ledger: &Ledger) -> Vec<(u64, Value)> {
    let file = by_hand(&ledger.data, LEDGER);
    let mut statement = file.prepare("SELECT position, line FROM commits ORDER BY position").unwrap();
    let row = |row: &sqlite::rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, String>(1)?));
    let rows = statement.query_map([], row).unwrap();
    rows.map(|row| row.map(|(position, line)| (position, serde_json::from_str(&line).unwrap())).unwrap())
        .collect()
}

const PRODUCTS: [&str; 6] = ["anvil", "bell", "crate", "drum", "easel", "flute"];
const EVENTS: [&str; 5] =
    ["ProductCreated", "ProductRenamed", "ProductPriceChanged", "ProductDeleted", "ProductRestored"];

/// The filters of a reader.
fn filter(n: usize) -> String {
    match n {
        0..=5 => format!("&product={}", PRODUCTS[n]),
        6..=10 => format!("&type={}", EVENTS[n - 6]),
        11..=15 => {
            format!("&type={}&type={}&product={}", EVENTS[n - 11], EVENTS[(n - 10) % 5], PRODUCTS[n - 11])
        }
        16 => "&actor=anonymous".to_owned(),
        17 => "&actor=nobody".to_owned(),
        18 => "&retroactive=true".to_owned(),
        _ => String::new(),
    }
}

/// Whether these filters select a commit.
fn selects(n: usize, commit: &Value) -> bool {
    let is_of = |product: &str| commit["product_id"] == product;
    let has = |name: &str| commit["events"].as_array().unwrap().iter().any(|event| event["type"] == name);
    match n {
        0..=5 => is_of(PRODUCTS[n]),
        6..=10 => has(EVENTS[n - 6]),
        11..=15 => is_of(PRODUCTS[n - 11]) && (has(EVENTS[n - 11]) || has(EVENTS[(n - 10) % 5])),
        17 | 18 => false,
        _ => true,
    }
}

struct Reader {
    n: usize,
    url: watch::Receiver<Option<String>>,
    /// The last position of the ledger, once nobody writes any more.
    newest: watch::Receiver<Option<u64>>,
}

impl Reader {
    /// Reads on until the end of the ledger: the positions in the order in which they came.
    async fn read(mut self) -> Vec<u64> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(40)).build().unwrap();
        let (mut met, mut after) = (Vec::new(), -1_i64);
        let limit = 1 + self.n * 5;
        while self.newest.borrow().is_none_or(|newest| after < newest.cast_signed()) {
            let url = self.url.wait_for(Option::is_some).await.unwrap().clone().unwrap();
            let query = format!("{url}/commits?after={after}&limit={limit}&wait=1{}", filter(self.n));
            let Some(page) = page(&http, &query).await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let commits = page["commits"].as_array().unwrap();
            met.extend(commits.iter().map(|entry| entry["position"].as_u64().unwrap()));
            let newest = page["newest"].as_i64().unwrap_or(-1);
            after = page["next"].as_i64().unwrap_or(newest);
        }
        met
    }
}

/// A page; `None` if there was no answer, or one that says to come again.
async fn page(http: &reqwest::Client, url: &str) -> Option<Value> {
    let response = http.get(url).send().await.ok()?;
    let (status, again) = (response.status(), response.headers().contains_key("retry-after"));
    let body: Value = response.json().await.ok()?;
    assert!(again || status == 200, "{url}: {status} {body}");
    (!again).then_some(body)
}
