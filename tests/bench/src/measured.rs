//! The results, as stored in `measured.json`, and their cost in money.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::meter::{Metered, Tally};

/// Price on demand in us-east-1, in USD for a million: <https://aws.amazon.com/dynamodb/pricing/on-demand/>.
pub const USD_WRITE: f64 = 0.625;
/// As [`USD_WRITE`].
pub const USD_READ: f64 = 0.125;

/// The lengths of history at which systems are measured.
pub const LENGTHS: [u64; 6] = [1, 10, 100, 1_000, 10_000, 100_000];

/// Requests and units of one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// HTTP requests.
    pub requests: f64,
    /// Capacity units, for reads or writes depending on the operation.
    pub units: f64,
}

/// The cost of a command: its load and its append.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandCost {
    /// Its load.
    pub load: Cost,
    /// Its append.
    pub append: Cost,
}

/// The length at which costs are compared and the other changes are measured.
pub const COMPARED: u64 = 1_000;

/// One system at one length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Its name.
    pub system: String,
    /// The configuration.
    pub configuration: String,
    /// The kind of change to the product.
    pub work: String,
    /// The events of the product; 0 measures its creation.
    pub events: u64,
    /// How many of them a load sees.
    pub seen: u64,
    /// A load only.
    pub load: Cost,
    /// A whole command; `None` if it is impossible.
    pub command: Option<CommandCost>,
    /// Why it is impossible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Cost {
    /// The mean of this many operations.
    #[must_use]
    pub fn mean(tally: Tally, of: u32) -> Self {
        let requests = f64::from(u32::try_from(tally.requests).unwrap_or(u32::MAX));
        Self { requests: requests / f64::from(of), units: tally.units / f64::from(of) }
    }
}

impl CommandCost {
    /// The mean of this many commands.
    ///
    /// # Errors
    /// A request was rejected, so this is not the cost of a command that succeeded at once.
    pub fn mean(metered: &Metered, of: u32) -> anyhow::Result<Self> {
        let (reads, writes) = (metered.reads(), metered.writes());
        anyhow::ensure!(reads.refused + writes.refused == 0, "a request was refused: {metered:?}");
        Ok(Self { load: Cost::mean(reads, of), append: Cost::mean(writes, of) })
    }
}

impl Measured {
    /// USD for a million loads with an append each, if possible.
    #[must_use]
    pub fn usd(&self) -> Option<f64> {
        self.command.map(|command| self.load.units * USD_READ + command.append.units * USD_WRITE)
    }

    /// Checks that the results are consistent: all events are seen, and a command costs what a load costs to read.
    ///
    /// # Errors
    /// They are not.
    pub fn check(&self) -> anyhow::Result<()> {
        let Some(command) = self.command else {
            return Ok(());
        };
        anyhow::ensure!(self.seen == self.events, "not all events are seen: {self:?}");
        // The counted commands make the product a little longer.
        let more = command.load.requests - self.load.requests;
        let alike = self.events == 0 || (0.0..=3.0).contains(&more);
        anyhow::ensure!(alike, "a command loads in another way than a load: {self:?}");
        Ok(())
    }

    /// System and configuration.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}, {}", self.system, self.configuration)
    }
}

/// This folder.
#[must_use]
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn file() -> PathBuf {
    folder().join("measured.json")
}

/// The results of the last run.
///
/// # Errors
/// There is no earlier run.
pub fn read() -> anyhow::Result<Vec<Measured>> {
    let text = std::fs::read_to_string(file()).context("measured.json is written by `just bench-peers`")?;
    Ok(serde_json::from_str(&text)?)
}

/// Stores a run.
///
/// # Errors
/// The file cannot be written.
pub fn write(measured: &[Measured]) -> anyhow::Result<()> {
    write_json(&file(), &measured)
}

/// Writes a value as indented JSON with a final newline.
///
/// # Errors
/// The file cannot be written.
pub fn write_json(file: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value)? + "\n";
    std::fs::write(file, text).with_context(|| file.display().to_string())
}
