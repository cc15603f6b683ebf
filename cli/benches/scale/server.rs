//! The program as a process of its own: started on a data directory, watched from outside, and killed when dropped.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The program.
pub const LEDGER: &str = env!("CARGO_BIN_EXE_ledger");

/// `ledger serve` on a free port of loopback.
pub struct Server {
    pub address: SocketAddr,
    process: Child,
}

impl Server {
    /// Starts it on a data directory; its log goes to a file beside that.
    pub fn start(data: &Path) -> Self {
        let log = File::create(data.with_extension("log")).unwrap();
        let mut process = program()
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("Listening on http://");
        let address = address.unwrap_or_else(|| panic!("{line:?}")).parse().unwrap();
        Self { address, process }
    }

    /// Memory it has resident, in MiB.
    pub fn resident(&self) -> f64 {
        memory(self.process.id(), "VmRSS:").unwrap_or_default()
    }

    /// Ends it as an operator does, and waits for that.
    pub fn stop(mut self) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The program without the settings of the surrounding shell.
pub fn program() -> Command {
    let mut command = Command::new(LEDGER);
    for (name, _) in std::env::vars() {
        if ["LEDGER_", "AWS_", "OTEL_", "RUST_LOG"].iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command
}

/// Runs the program to its end: how long it took, and the most memory it held, in MiB.
pub fn run(arguments: &[&str]) -> (Duration, f64) {
    let started = Instant::now();
    let mut process = program().args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut peak = 0.0;
    loop {
        peak = memory(process.id(), "VmHWM:").unwrap_or(peak);
        if let Some(ended) = process.try_wait().unwrap() {
            assert!(ended.success(), "{arguments:?}: {ended}");
            return (started.elapsed(), peak);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn memory(process: u32, line: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let held = status.lines().find_map(|each| each.strip_prefix(line))?;
    let kib: f64 = held.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024.0)
}
