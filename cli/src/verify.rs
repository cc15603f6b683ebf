//! `ledger verify`: proof that nothing changed, of a ledger, a product, or an export with no server at all.
//!
//! Names every fault; exit code 0 whole, 1 faults found, 2 could not check.

pub(crate) mod file;
pub(crate) mod found;
mod lag;
mod orders;
mod tables;
mod views;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use event_store::poll::PollPolicy;
use event_store::verify::{Export, Verdict, Witness};
use schema::ProductId;

use crate::out;
use crate::read_only::ReadOnly;
use found::Found;

/// What to verify, and against what.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
#[derive(Debug, Args)]
#[command(
    after_help = "What is not published yet is no fault while the publisher is behind, nor what is not shown yet while the
projector is: it is waited for, and told.

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
    /// Compare with every copy that clients are answered from: rows, orders and price histories.
    #[arg(long)]
    views: bool,
    /// Compare with an earlier export: shows what was cut off or written anew since then.
    #[arg(long, value_name = "EXPORT")]
    against: Option<PathBuf>,
    /// Print the newest version and hash of every product too.
    #[arg(long, conflicts_with = "json")]
    heads: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// Wait up to this long for what is not published or shown yet; left out, as long as it gets less, a minute at most.
    #[arg(long, value_name = "SECONDS", conflicts_with = "file", value_parser = clap::value_parser!(u64).range(..=86_400))]
    wait: Option<u64>,
    #[command(flatten)]
    ledger: ReadOnly,
}

impl VerifyArgs {
    /// How long a consumer that is behind is waited for.
    fn polling(&self) -> PollPolicy {
        self.wait
            .map_or_else(PollPolicy::default, |seconds| PollPolicy::lasting(Duration::from_secs(seconds)))
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
    let mut found = Found::new(arguments.json, arguments.heads);
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
    let verdict = found.tell()?;
    out::tell(format_args!("verified in {:.1} s", started.elapsed().as_secs_f64()));
    Ok(match verdict {
        Verdict::Whole if found.is_behind() => ExitCode::from(1),
        Verdict::Whole => ExitCode::SUCCESS,
        Verdict::Faulty => ExitCode::from(1),
        Verdict::NotUnderstood => {
            out::tell("ledger: a later build wrote some commits; verify with that one");
            ExitCode::from(crate::CANNOT)
        }
    })
}

/// The heads of an earlier export, which has to be whole itself to say anything.
async fn witnesses(earlier: &Path) -> anyhow::Result<BTreeMap<String, Vec<Witness>>> {
    let mut found = Found::quiet();
    file::verify(earlier, Export::default(), &mut found).await?;
    found.witnesses().with_context(|| format!("--against {}: is not whole itself", earlier.display()))
}
