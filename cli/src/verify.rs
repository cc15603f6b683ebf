//! `ledger verify`: proves that a ledger, a product or an export is unchanged, without a server.
//!
//! It names every fault; exit code 0 whole, 1 faults found, 2 could not check.

pub(crate) mod file;
mod lag;
mod orders;
pub(crate) mod report;
mod tables;
mod views;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use event_store::verify::{Export, Patience, Verdict, Witness};
use schema::ProductId;

use crate::out;
use crate::read_only::ReadOnlyLedgerArgs;
use report::VerifyReport;

/// What to verify, and against what.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
#[derive(Debug, Args)]
#[command(
    after_help = "An event that is not published yet is not a fault while the publisher is behind, nor a change that is not \
shown yet while the projector is: both are waited for, and reported.

Exit codes: 0 whole; 1 faults, or something is not published or shown yet; 2 could not check.

Examples:
  ledger verify --receipts --views --data ledger-data
  ledger verify --file ledger.ndjson --against earlier.ndjson"
)]
pub struct VerifyArgs {
    /// Only this product.
    id: Option<ProductId>,
    /// Verify this export instead of the tables; `-` is standard input.
    #[arg(long, value_name = "EXPORT", conflicts_with_all = ["data", "receipts", "views"])]
    file: Option<PathBuf>,
    /// Compare every event with its publication receipt.
    #[arg(long)]
    receipts: bool,
    /// Compare with every view that clients read: rows, orders and price histories.
    #[arg(long)]
    views: bool,
    /// Compare with an earlier export: shows commits that were removed or rewritten since.
    #[arg(long, value_name = "EXPORT")]
    against: Option<PathBuf>,
    /// Also print the newest version and hash of every product.
    #[arg(long, conflicts_with = "json")]
    heads: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// Wait up to this long for what is not published or shown yet; by default as long as it decreases, a minute at most.
    #[arg(long, value_name = "SECONDS", conflicts_with = "file", value_parser = clap::value_parser!(u64).range(..=86_400))]
    wait: Option<u64>,
    #[command(flatten)]
    ledger: ReadOnlyLedgerArgs,
}

impl VerifyArgs {
    /// How long to wait for a consumer that is behind.
    fn patience(&self) -> Patience {
        self.wait.map_or_else(Patience::default, |seconds| Patience::of(Duration::from_secs(seconds)))
    }
}

/// Verifies.
///
/// # Errors
/// When something could not be checked.
pub async fn run(arguments: VerifyArgs) -> anyhow::Result<ExitCode> {
    let seen = match &arguments.against {
        Some(earlier) => witnesses(earlier).await?,
        None => BTreeMap::new(),
    };
    let started = Instant::now();
    let mut found = VerifyReport::new(arguments.json, arguments.heads);
    match &arguments.file {
        Some(path) => {
            let export = Export::witnessed(seen);
            let export = match &arguments.id {
                Some(id) => export.only(id.as_str()),
                None => export,
            };
            file::verify(path, export, &mut found).await?;
        }
        None => tables::verify(&arguments, seen, &mut found).await?,
    }
    if let Some(id) = arguments.id.filter(|_| found.is_empty()) {
        anyhow::bail!("there is no product {id}");
    }
    let verdict = found.print()?;
    out::message(format_args!("verified in {:.1} s", started.elapsed().as_secs_f64()));
    Ok(match verdict {
        Verdict::Whole if found.is_behind() => ExitCode::from(1),
        Verdict::Whole => ExitCode::SUCCESS,
        Verdict::Faulty => ExitCode::from(1),
        Verdict::NotUnderstood => {
            out::message("ledger: a later build wrote some commits; verify with that build");
            ExitCode::from(crate::CANNOT)
        }
    })
}

/// The heads of an earlier export, which must be whole to be a witness.
async fn witnesses(earlier: &Path) -> anyhow::Result<BTreeMap<String, Vec<Witness>>> {
    let mut found = VerifyReport::quiet();
    file::verify(earlier, Export::default(), &mut found).await?;
    found.witnesses().with_context(|| format!("--against {}: is not whole itself", earlier.display()))
}
