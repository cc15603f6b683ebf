//! One run of the load against one system on new data: what it did, what it cost, and what it had left to do.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::Serialize;

use crate::arithmetic::{milliseconds, percentile, real, sustained};
use crate::following::{self, Behind};
use crate::load::{self, Bell, PRODUCTS, Plan};
use crate::process::sent_to_disk;
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
    /// Handed to write calls by every process of the system.
    pub written_kb: f64,
    /// Taken by the disk, from everybody on this machine.
    pub disk_kb: Option<f64>,
    /// Of the page cache made dirty, as `write_bytes` counts it.
    pub dirtied_kb: f64,
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
    let (before, disk_before) = (server.used()?, synced(below));
    let mut done = load::run(connections, plan, Bell::default()).await?;
    let commands = done.commands();
    let behind = if system.follows() {
        following::wait(server.address, created + real(commands)).await?
    } else {
        Behind::default()
    };
    let used = server.used()? - before;
    let disk = synced(below).zip(disk_before).map(|(after, before)| after.saturating_sub(before));
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
        disk_kb: disk.map(|disk| each(real(disk) / 1_000.0)),
        dirtied_kb: each(real(used.dirtied) / 1_000.0),
        views_behind_s: seconds(behind.views),
        bus_behind_s: seconds(behind.bus),
    })
}

/// What the disk has taken when nothing is left to be written.
fn synced(below: &Path) -> Option<u64> {
    // Without the program the rest is counted too late, by the next run.
    let _ = Command::new("sync").status();
    sent_to_disk(below)
}
