//! `ledger prove`: fetches the proof that a commit is in the log of a server.
//!
//! Exit code 0 fetched, 1 no such product, sequence or log, 2 the server could not be asked, 3 not logged yet.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use schema::ProductId;

use crate::completions::product_ids;
use crate::exit::NOT_YET;
use crate::out;
use crate::remote::{LedgerClient, RemoteServer};
use crate::retry::asked;

/// The pause between two attempts: checkpoints are a second apart.
const PAUSE: Duration = Duration::from_millis(500);

/// Which commit, and where its proof goes.
#[derive(Debug, Args)]
#[command(after_help = "The proof can be checked without a network and without the ledger.

Examples:
  ledger prove helmet --sequence 2 -o helmet-2.tlog-proof
  ledger verify --proof helmet-2.tlog-proof --key log.vkey --receipt receipt.json")]
pub struct ProveArgs {
    /// The product.
    #[arg(add = product_ids())]
    id: ProductId,
    /// Sequence of an event of the commit.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    sequence: u64,
    /// Where to write the proof [default: standard output].
    #[arg(short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How long to wait until the commit is in a checkpoint.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    #[arg(value_parser = clap::value_parser!(u64).range(..=3600))]
    wait: u64,
    #[command(flatten)]
    server: RemoteServer,
}

/// Fetches the proof.
///
/// # Errors
/// When the server cannot be asked or refuses, or the proof cannot be written.
pub async fn run(arguments: ProveArgs) -> anyhow::Result<ExitCode> {
    let (client, sequence) = (arguments.server.client()?, arguments.sequence.to_string());
    let path = ["products", arguments.id.as_str(), "history", &sequence, "proof"];
    let until = Instant::now() + Duration::from_secs(arguments.wait);
    let proof = loop {
        let answer = asked(&client, &path, &[]).await?;
        if !LedgerClient::is_problem(&answer, "not-logged-yet") {
            break client.accepted(answer)?;
        }
        if Instant::now() >= until {
            out::message(
                "ledger: the commit is recorded, but not in a checkpoint of the log yet; ask again, or use --wait",
            );
            return Ok(ExitCode::from(NOT_YET));
        }
        tokio::time::sleep(PAUSE).await;
    };
    match arguments.output {
        Some(path) => {
            std::fs::write(&path, &proof).with_context(|| format!("{} cannot be written", path.display()))?;
        }
        None => drop(out::print(&String::from_utf8_lossy(&proof))?),
    }
    Ok(ExitCode::SUCCESS)
}
