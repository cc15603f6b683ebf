//! One run of the load against one system on new data: its throughput, its resources, and its backlog.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::Serialize;

use crate::arithmetic::{milliseconds, percentile, real, sustained};
use crate::following::{self, Behind};
use crate::load::{self, Bell, PRODUCTS, Plan};
use crate::process::sent_to_disk;
use crate::server::System;

/// The results of one run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Run {
    /// Commands per second after the warm-up.
    pub rate: f64,
    /// All commands divided by the time until views and bus had them.
    pub sustained: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Processor time of all processes of the system, from the first command until views and bus had the last.
    pub processor_ms: f64,
    /// Bytes passed to write calls by all processes of the system.
    pub written_kb: f64,
    /// Bytes written to the disk by all processes of this machine.
    pub disk_kb: Option<f64>,
    /// Bytes of the page cache made dirty, by `write_bytes`.
    pub dirtied_kb: f64,
    pub views_behind_s: f64,
    pub bus_behind_s: f64,
}

/// Measures the system under this load.
///
/// # Errors
/// It does not start, rejects a command, or does not show a recorded one.
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

/// The bytes written to the disk once nothing is left to be written.
fn synced(below: &Path) -> Option<u64> {
    // Without `sync` the rest is written later and counted by the next run.
    let _ = Command::new("sync").status();
    sent_to_disk(below)
}
