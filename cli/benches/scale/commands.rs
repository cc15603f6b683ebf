//! Commands a second and how long each takes, through HTTP on the embedded engine, beside what the engine does with the
//! same requests of a bare client; and what a command costs in processor time outside the engine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use engine::Engine;
use futures::future::join_all;
use serde_json::Value;

use crate::bare::Bare;
use crate::connection::Connection;
use crate::results::{Results, number, percentile, real};
use crate::server::Server;

const COMMAND: &str = "cargo bench -p cli --bench scale -- commands";
const CLIENTS: [usize; 3] = [1, 8, 64];
const WARM_UP: Duration = Duration::from_secs(1);
const TIME: Duration = Duration::from_secs(6);

/// Products of each client, so that no two write the same.
const PRODUCTS: usize = 16;
const HELMET: &str = r#"{"name":"Sport-100 Helmet, Red","price":"33.6442","sku":"HL-U509-R","category":"Accessories / Helmets","attributes":{"color":"Red"}}"#;

/// Decides what the clients do: warm up, count, end.
#[derive(Clone, Default)]
struct Bell {
    counts: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
}

pub fn measure() {
    let mut rates = Results::new("commands", "Commands on the embedded engine", "commands/s", "clients");
    let mut times = Results::new("command-latency", "Time of a command through HTTP", "ms", "clients");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for clients in CLIENTS {
        let alone = runtime.block_on(engine_alone(clients));
        let rate = real(alone.len()) / TIME.as_secs_f64();
        rates.point("engine alone", real(clients), rate);
        for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
            times.point(&format!("engine alone {name}"), real(clients), percentile(&alone, share));
        }
        let served = runtime.block_on(served(clients));
        let of_ledger = real(served.times.len()) / TIME.as_secs_f64();
        rates.point("ledger serve", real(clients), of_ledger);
        rates
            .note(&format!("share of the engine alone, {clients} clients"), number(of_ledger / rate * 100.0));
        for (group, each) in served.cost {
            rates.note(&format!("processor ms per command, {group}, {clients} clients"), each);
        }
        rates.note(&format!("s until views and bus had caught up, {clients} clients"), number(served.behind));
        for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
            times.point(&format!("ledger serve {name}"), real(clients), percentile(&served.times, share));
        }
    }
    rates.tell(COMMAND);
    times.tell(COMMAND);
}

/// What was seen of the server.
struct Served {
    /// How long each command took, sorted.
    times: Vec<Duration>,
    /// Milliseconds of processor per command by group of threads.
    cost: [(&'static str, Value); 2],
    /// Seconds after the last command until it is visible and published.
    behind: f64,
}

/// How long each command's requests took, sorted.
async fn engine_alone(clients: usize) -> Vec<Duration> {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::open(&directory.path().join("data")).unwrap();
    let (bare, bell) = (Bare::on(&engine).await, Bell::default());
    let clients = (0..clients).map(|client| {
        let (bare, bell) = (bare.clone(), bell.clone());
        tokio::spawn(async move {
            let products: Vec<String> = (0..PRODUCTS).map(|n| format!("product-{client}-{n}")).collect();
            let mut times = Vec::new();
            for turn in 0.. {
                let started = Instant::now();
                bare.load(&products[turn % PRODUCTS]).await;
                bare.append(&products[turn % PRODUCTS], turn / PRODUCTS + 1).await;
                if !bell.took(started, &mut times) {
                    break;
                }
            }
            times
        })
    });
    let times = bell.ring(join_all(clients.collect::<Vec<_>>())).await;
    engine.close().await;
    sorted(times.into_iter().map(Result::unwrap))
}

async fn served(clients: usize) -> Served {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("data"));
    let address = server.address;
    let mut connections = Vec::new();
    for client in 0..clients {
        let mut connection = Connection::open(address).await;
        for n in 0..PRODUCTS {
            connection.command("PUT", &format!("/products/product-{client}-{n}"), HELMET).await;
        }
        connections.push(connection);
    }
    let bell = Bell::default();
    let clients: Vec<_> = connections
        .into_iter()
        .enumerate()
        .map(|(client, connection)| tokio::spawn(patches(connection, client, bell.clone())))
        .collect();
    tokio::time::sleep(WARM_UP).await;
    let before = server.times();
    bell.counts.store(true, Ordering::Relaxed);
    tokio::time::sleep(TIME).await;
    bell.over.store(true, Ordering::Relaxed);
    let after = server.times();
    let ended = Instant::now();
    let times = sorted(join_all(clients).await.into_iter().map(Result::unwrap));
    let behind = caught_up(address).await - ended;
    let (mut inside, mut outside) = (Duration::ZERO, Duration::ZERO);
    for (name, spent) in after {
        let spent = spent.saturating_sub(before.get(&name).copied().unwrap_or_default());
        if name.starts_with("engine") { inside += spent } else { outside += spent }
    }
    let each = |spent: Duration| number(spent.as_secs_f64() * 1_000.0 / real(times.len()));
    let cost = [("engine, views and bus included", each(inside)), ("outside the engine", each(outside))];
    server.stop();
    Served { times, cost, behind: behind.as_secs_f64() }
}

async fn patches(mut connection: Connection, client: usize, bell: Bell) -> Vec<Duration> {
    let mut times = Vec::new();
    for turn in 0.. {
        let path = format!("/products/product-{client}-{}", turn % PRODUCTS);
        let body = format!(r#"{{"price":"{}.99"}}"#, 40 + turn / PRODUCTS);
        let started = Instant::now();
        let (status, answer) = connection.send("PATCH", &path, body).await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
        if !bell.took(started, &mut times) {
            break;
        }
    }
    times
}

/// When a command sent now is visible and published: those before it are, too, because both follow one stream.
async fn caught_up(address: std::net::SocketAddr) -> Instant {
    let mut connection = Connection::open(address).await;
    connection.command("PUT", "/products/last", HELMET).await;
    loop {
        let (status, _) = connection.send("GET", "/products/last", "").await;
        let (_, history) = connection.send("GET", "/products/last/history", "").await;
        let history: Value = serde_json::from_slice(&history).unwrap();
        if status == 200 && !history["commits"][0]["receipts"][0].is_null() {
            return Instant::now();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn sorted(times: impl Iterator<Item = Vec<Duration>>) -> Vec<Duration> {
    let mut times: Vec<Duration> = times.flatten().collect();
    times.sort_unstable();
    times
}

impl Bell {
    /// Notes how long a command took; false when it is time to end.
    fn took(&self, started: Instant, times: &mut Vec<Duration>) -> bool {
        if self.over.load(Ordering::Relaxed) {
            return false;
        }
        if self.counts.load(Ordering::Relaxed) {
            times.push(started.elapsed());
        }
        true
    }

    async fn ring<T>(&self, clients: impl Future<Output = T>) -> T {
        let time = async {
            tokio::time::sleep(WARM_UP).await;
            self.counts.store(true, Ordering::Relaxed);
            tokio::time::sleep(TIME).await;
            self.over.store(true, Ordering::Relaxed);
        };
        tokio::join!(clients, time).0
    }
}
