//! How long after its acknowledgement a command is visible in GET and on the bus, on an idle server and with other
//! writers.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinSet;

use crate::connection::Connection;
use crate::results::{Results, percentile, real};
use crate::server::Server;

const COMMAND: &str = "cargo bench -p cli --bench scale -- freshness";

/// How often it is looked, and for how long at most.
const COMMANDS: usize = 300;
const TIME: Duration = Duration::from_secs(15);

/// Others send this many commands a second.
const OTHERS: [usize; 3] = [0, 50, 200];
const OTHER_CLIENTS: usize = 10;

/// When the bus brought each event.
#[derive(Default)]
struct Arrivals {
    at: Mutex<HashMap<String, Instant>>,
    news: Notify,
}

pub fn measure() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut results = Results::new(
        "freshness",
        "From the acknowledgement of a command until it is seen",
        "ms",
        "commands/s of others",
    );
    for others in OTHERS {
        let (visible, published) = runtime.block_on(seen(&directory.path().join(others.to_string()), others));
        for (what, times) in [("GET", visible), ("bus", published)] {
            for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
                results.point(&format!("{what} {name}"), real(others), percentile(&times, share));
            }
        }
    }
    results.tell(COMMAND);
}

/// How long it took until each command was visible, and until it was on the bus; both sorted.
async fn seen(data: &Path, others: usize) -> (Vec<Duration>, Vec<Duration>) {
    let server = Server::start(data);
    let arrivals = Arc::new(Arrivals::default());
    let mut tasks = JoinSet::new();
    let bus = Connection::open(server.address).await.stream("/events").await;
    tasks.spawn(listen(bus, arrivals.clone()));
    for other in 0..OTHER_CLIENTS.min(others) {
        tasks.spawn(write(server.address, other, others / OTHER_CLIENTS));
    }
    let mut connection = Connection::open(server.address).await;
    connection.command("PUT", "/products/seen", r#"{"name":"seen","price":"1"}"#).await;
    let (mut visible, mut acknowledged) = (Vec::new(), Vec::new());
    let started = Instant::now();
    for n in (0..COMMANDS).take_while(|_| started.elapsed() < TIME) {
        let receipt =
            connection.command("PATCH", "/products/seen", &format!(r#"{{"price":"{}.5"}}"#, n + 2)).await;
        let at = Instant::now();
        let event = receipt["events"][0]["event_id"].as_str().unwrap().to_owned();
        acknowledged.push((event, at));
        visible.push(until_visible(&mut connection, receipt["version"].as_u64().unwrap(), at).await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut published = Vec::new();
    for (event, at) in acknowledged {
        published.push(arrivals.of(&event).await.saturating_duration_since(at));
    }
    tasks.shutdown().await;
    server.stop();
    visible.sort_unstable();
    published.sort_unstable();
    (visible, published)
}

async fn until_visible(connection: &mut Connection, version: u64, since: Instant) -> Duration {
    loop {
        let (_, body) = connection.send("GET", "/products/seen", "").await;
        let product: serde_json::Value = serde_json::from_slice(&body).unwrap();
        if product["version"].as_u64() == Some(version) {
            return since.elapsed();
        }
    }
}

/// Sends commands evenly over time, as many a second.
async fn write(address: SocketAddr, other: usize, a_second: usize) {
    let mut connection = Connection::open(address).await;
    for n in 0..16 {
        let path = format!("/products/other-{other}-{n}");
        connection.command("PUT", &path, r#"{"name":"other","price":"1"}"#).await;
    }
    let mut turns = tokio::time::interval(Duration::from_secs(1) / u32::try_from(a_second).unwrap());
    for turn in 0.. {
        turns.tick().await;
        let path = format!("/products/other-{other}-{}", turn % 16);
        connection.command("PATCH", &path, &format!(r#"{{"price":"{}.5"}}"#, turn / 16 + 2)).await;
    }
}

/// Notes when each event comes.
async fn listen(mut bus: axum::body::BodyDataStream, arrivals: Arc<Arrivals>) {
    let mut text = String::new();
    while let Some(Ok(bytes)) = bus.next().await {
        let now = Instant::now();
        text.push_str(std::str::from_utf8(&bytes).unwrap());
        while let Some(end) = text.find("\n\n") {
            let event: String = text.drain(..end + 2).collect();
            if let Some(id) = event.lines().find_map(|line| line.strip_prefix("id: ")) {
                arrivals.at.lock().await.insert(id.to_owned(), now);
            }
        }
        arrivals.news.notify_waiters();
    }
}

impl Arrivals {
    async fn of(&self, event: &str) -> Instant {
        loop {
            let news = self.news.notified();
            if let Some(at) = self.at.lock().await.get(event) {
                return *at;
            }
            // What is noted between the look and the wait is seen at the next news, or after this.
            let _ = tokio::time::timeout(Duration::from_millis(50), news).await;
        }
    }
}
