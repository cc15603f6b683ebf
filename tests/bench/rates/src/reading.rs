//! The latency of GET and LIST without writes and under load: one reader for each, with a pause between requests.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::arithmetic::percentile;
use crate::connection::Connection;
use crate::following;
use crate::load::{self, Bell, PRODUCTS, Plan, path};
use crate::server::System;

/// The clients whose products exist, whether they write or not.
const OWNERS: usize = 64;
const PAUSE: Duration = Duration::from_millis(2);

/// The results of one run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "the names stand in the results, where a unit belongs to a figure"
)]
pub struct Reading {
    pub get_p50_ms: f64,
    pub get_p99_ms: f64,
    pub list_p50_ms: f64,
    pub list_p99_ms: f64,
}

/// Reads while this many clients write.
///
/// # Errors
/// The system does not start or a response is not 200.
pub async fn run(system: &System, below: &Path, plan: Plan) -> anyhow::Result<Reading> {
    let server = system.start(below)?;
    let address = server.address;
    let mut connections = load::create(address, OWNERS).await?;
    if system.follows() {
        following::wait(address, crate::arithmetic::real((OWNERS * PRODUCTS) as u64)).await?;
    }
    connections.truncate(plan.clients);
    let bell = Bell::default();
    let product = |turn: usize| path(turn % OWNERS, turn / OWNERS % PRODUCTS);
    let list = |_: usize| "/products?limit=50".to_owned();
    let get = tokio::spawn(read(address, bell.clone(), product));
    let list = tokio::spawn(read(address, bell.clone(), list));
    load::run(connections, plan, bell).await?;
    let (mut get, mut list) = (get.await??, list.await??);
    Ok(Reading {
        get_p50_ms: percentile(&mut get, 50),
        get_p99_ms: percentile(&mut get, 99),
        list_p50_ms: percentile(&mut list, 50),
        list_p99_ms: percentile(&mut list, 99),
    })
}

async fn read(
    address: SocketAddr,
    bell: Bell,
    path: impl Fn(usize) -> String,
) -> anyhow::Result<Vec<Duration>> {
    let mut connection = Connection::open(address).await?;
    let mut times = Vec::new();
    let mut turn = 0;
    while !bell.is_over() {
        let started = Instant::now();
        connection.succeed("GET", &path(turn), "").await?;
        bell.note(started, &mut times);
        turn += 1;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(times)
}
