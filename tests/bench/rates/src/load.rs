//! The load: each client changes the prices of its own sixteen products, one command after the other. Every price differs from
//! the one before, so every command is recorded.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::connection::Connection;

/// The products of each client; no two clients write the same product.
pub const PRODUCTS: usize = 16;

/// The duration and the number of clients.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub clients: usize,
    pub warm_up: Duration,
    pub time: Duration,
}

/// Signals to the clients when measuring begins and when the load ends.
#[derive(Clone, Default)]
pub struct Bell {
    counts: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
}

/// The result of a load.
pub struct Done {
    /// The latencies of the measured commands.
    pub times: Vec<Duration>,
    /// The commands of each client, including the warm-up.
    pub sent: Vec<usize>,
    /// The time from the first command to the last response.
    pub lasted: Duration,
}

impl Done {
    /// All commands.
    #[must_use]
    pub fn commands(&self) -> u64 {
        self.sent.iter().map(|sent| *sent as u64).sum()
    }
}

/// The path of a product.
#[must_use]
pub fn path(client: usize, product: usize) -> String {
    format!("/products/product-{client}-{product}")
}

/// The price that a client sets in a round.
#[must_use]
pub fn price(turn: usize) -> String {
    format!("{}.99", 40 + turn / PRODUCTS)
}

/// Creates the products of every client, with a connection for each.
///
/// # Errors
/// The server rejects one.
pub async fn create(address: SocketAddr, clients: usize) -> anyhow::Result<Vec<Connection>> {
    let mut connections = Vec::new();
    for client in 0..clients {
        let mut connection = Connection::open(address).await?;
        for product in 0..PRODUCTS {
            connection.succeed("PUT", &path(client, product), HELMET).await?;
        }
        connections.push(connection);
    }
    Ok(connections)
}

const HELMET: &str = r#"{"name":"Sport-100 Helmet, Red","price":"33.6442","sku":"HL-U509-R","category":"Accessories / Helmets","attributes":{"color":"Red"}}"#;

/// Runs the clients by the plan.
///
/// # Errors
/// A command is rejected or a connection breaks.
pub async fn run(connections: Vec<Connection>, plan: Plan, bell: Bell) -> anyhow::Result<Done> {
    let mut clients = JoinSet::new();
    let started = Instant::now();
    for (client, connection) in connections.into_iter().enumerate() {
        clients.spawn(changes(connection, client, bell.clone()));
    }
    bell.ring(plan).await;
    let mut done = Done { times: Vec::new(), sent: vec![0; clients.len()], lasted: Duration::ZERO };
    while let Some(client) = clients.join_next().await {
        let (client, sent, times) = client??;
        done.sent[client] = sent;
        done.times.extend(times);
    }
    done.lasted = started.elapsed();
    Ok(done)
}

async fn changes(
    mut connection: Connection,
    client: usize,
    bell: Bell,
) -> anyhow::Result<(usize, usize, Vec<Duration>)> {
    let mut times = Vec::new();
    let mut sent = 0;
    while !bell.is_over() {
        let body = format!(r#"{{"price":"{}"}}"#, price(sent));
        let started = Instant::now();
        connection.succeed("PATCH", &path(client, sent % PRODUCTS), &body).await?;
        bell.note(started, &mut times);
        sent += 1;
    }
    Ok((client, sent, times))
}

impl Bell {
    /// Sends the signals by the plan.
    pub async fn ring(&self, plan: Plan) {
        tokio::time::sleep(plan.warm_up).await;
        self.counts.store(true, Ordering::Relaxed);
        tokio::time::sleep(plan.time).await;
        self.counts.store(false, Ordering::Relaxed);
        self.over.store(true, Ordering::Relaxed);
    }

    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Records the latency of a response, if measuring has begun.
    pub fn note(&self, started: Instant, times: &mut Vec<Duration>) {
        if self.counts.load(Ordering::Relaxed) {
            times.push(started.elapsed());
        }
    }
}

/// The price of a client's product after this many commands; `None` if it still has the first.
#[must_use]
pub fn last_price(sent: usize, product: usize) -> Option<String> {
    let turn = (0..sent).rev().take(PRODUCTS).find(|turn| turn % PRODUCTS == product)?;
    Some(price(turn))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_changes_the_price() {
        for turn in PRODUCTS..1_000 {
            assert_ne!(price(turn), price(turn - PRODUCTS));
        }
    }

    #[test]
    fn the_last_price_is_that_of_the_last_turn() {
        assert_eq!(last_price(0, 0), None);
        assert_eq!(last_price(3, 2), Some(price(2)));
        assert_eq!(last_price(3, 3), None);
        assert_eq!(last_price(33, 0), Some(price(32)));
        assert_eq!(last_price(33, 1), Some(price(17)));
    }
}
