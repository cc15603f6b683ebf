//! One run of the load against one system on new data: what it did, what it cost, and what it had left to do.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::arithmetic::{milliseconds, percentile, real, sustained};
use crate::following::{self, Behind};
use crate::load::{self, Bell, PRODUCTS, Plan};
use crate::server::System;

/// What was measured in one run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Run {
    /// Commands a second that were answered after the warm-up.
    pub rate: f64,
    /// All commands over the load and the time until views and bus had them.
    pub sustained: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Of every process of the system, from the first command until views and bus had the last.
    pub processor_ms: f64,
    pub written_kb: f64,
    pub views_behind_s: f64,
    pub bus_behind_s: f64,
}

/// The system under this load.
///
/// # Errors
/// When it does not start, refuses a command, or does not show what it was told.
pub async fn run(system: &System, below: &Path, plan: Plan) -> anyhow::Result<Run> {
    let server = system.start(below)?;
    let connections = load::create(server.address, plan.clients).await?;
    let created = real((plan.clients * PRODUCTS) as u64);
    if system.follows() {
        following::wait(server.address, created).await?;
    }
    // Of what came before nothing is left to be written.
    let _ = std::process::Command::new("sync").status();
    let before = server.used()?;
    let mut done = load::run(connections, plan, Bell::default()).await?;
    let commands = done.commands();
    let behind = match system.follows() {
        true => following::wait(server.address, created + real(commands)).await?,
        false => Behind::default(),
    };
    let used = server.used()? - before;
    following::check(server.address, &done.sent, system.follows()).await?;
    let each = |amount: f64| amount / real(commands);
    let seconds = |time: Duration| time.as_secs_f64();
    Ok(Run {
        rate: real(done.times.len() as u64) / seconds(plan.time),
        sustained: sustained(commands, done.lasted, behind.all()),
        p50_ms: percentile(&mut done.times, 50),
        p99_ms: percentile(&mut done.times, 99),
        processor_ms: each(milliseconds(used.processor)),
        written_kb: each(real(used.written) / 1_000.0),
        views_behind_s: seconds(behind.views),
        bus_behind_s: seconds(behind.bus),
    })
}
