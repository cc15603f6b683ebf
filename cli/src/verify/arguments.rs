//! The arguments of `ledger verify`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use event_store::poll::PollPolicy;
use schema::ProductId;

use super::proof::ProofArgs;
use crate::completions::product_ids;
use crate::read_only::ReadOnlyLedgerArgs;

/// What to verify, and against what.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
#[derive(Debug, Args)]
#[command(
    after_help = "An event that is not published yet is not a fault while the publisher is behind, nor a change that is not \
shown yet while the projector is, nor a commit that is not logged yet: all are waited for, and reported.

With --url, every product that the server lists is read to the end of its history, deleted ones included; \
LEDGER_TOKEN needs the scopes products/read and products/audit.

With --proof nothing is read but files: exit code 0 means that the commit is in the log of the key, 1 that the proof does not \
show it.

Examples:
  ledger verify --receipts --views --data ledger-data
  ledger verify --log --key log.vkey --data ledger-data
  ledger verify --file ledger.ndjson --against earlier.ndjson
  ledger verify --url https://ledger.example.com --against earlier.ndjson
  ledger verify --proof helmet-1.tlog-proof --key log.vkey --receipt receipt-1.json"
)]
pub struct VerifyArgs {
    /// Only this product.
    #[arg(add = product_ids())]
    pub(super) id: Option<ProductId>,
    /// Verify this export instead of the tables; `-` is standard input.
    #[arg(long, value_name = "EXPORT", conflicts_with_all = ["data", "receipts", "views"])]
    pub(super) file: Option<PathBuf>,
    /// Verify what the server at this URL answers instead of the tables; `LEDGER_TOKEN` is sent as bearer token.
    #[arg(long, value_name = "URL", conflicts_with_all = ["data", "file", "receipts", "views", "wait"])]
    pub(super) url: Option<String>,
    /// Compare every event with its publication receipt.
    #[arg(long)]
    pub(super) receipts: bool,
    /// Compare with every view that clients read: rows, orders and price histories.
    #[arg(long)]
    pub(super) views: bool,
    /// Compare with the log of the ledger: each commit is an entry of it once, at its position, and each entry is a commit. The
    /// key is the one that the ledger names, unless --key gives the one that was published.
    #[arg(long, group = "keyed", conflicts_with_all = ["id", "file", "url"])]
    pub(super) log: bool,
    /// Compare with an earlier export: shows commits that were removed or rewritten since.
    #[arg(long, value_name = "EXPORT")]
    pub(super) against: Option<PathBuf>,
    /// Also print the newest version and hash of every product without faults.
    #[arg(long, conflicts_with = "json")]
    pub(super) heads: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(super) json: bool,
    /// Wait up to this long for what is not published, shown or logged yet; by default as long as it decreases, a minute at most.
    #[arg(long, value_name = "SECONDS", conflicts_with = "file", value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub(super) wait: Option<u64>,
    #[command(flatten)]
    pub(super) proof: ProofArgs,
    #[command(flatten)]
    pub(super) ledger: ReadOnlyLedgerArgs,
}

impl VerifyArgs {
    /// How long to wait for a consumer that is behind.
    pub(super) fn polling(&self) -> PollPolicy {
        self.wait
            .map_or_else(PollPolicy::default, |seconds| PollPolicy::lasting(Duration::from_secs(seconds)))
    }
}
