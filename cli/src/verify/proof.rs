//! `ledger verify --proof`: that a commit is in a log, by a proof file and the key of the log, without a network.
//!
//! The promise: a commit that is at hand is hashed itself, so that it is proved with all that it holds.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use console::style;
use event_store::verify::{Examined, ExaminedLine, LONGEST_LINE, LineBatch};
use ledger_log::proof_file::{self, ProofRefuted, ProvedEntry};
use ledger_log::{Leaf, ProofFile, ProofFileError, TrustedKeys};
use schema::{Hash, StoredCommit};
use serde::Deserialize;

use crate::counts::counted;
use crate::limited;
use crate::out;
use crate::text_table::escaped;
use crate::trusted;

/// The longest receipt, in bytes: one of a commit with very many events.
const LONGEST_RECEIPT: usize = 1 << 20;

/// What is to be proved, and by what.
#[derive(Debug, Args)]
pub struct ProofArgs {
    /// Verify this proof file: that the commit of --commit, --receipt or --hash is in the log of --key.
    #[arg(long, value_name = "FILE", group = "keyed", requires = "key", requires = "proved",
        conflicts_with_all = ["id", "log", "data", "file", "url", "receipts", "views", "against", "heads", "json", "wait"])]
    pub(super) proof: Option<PathBuf>,
    /// With --proof or --log: verifier key of the log (NAME+ID+KEY), or a file with one a line, each optionally with `from SIZE` or
    /// `from SIZE to SIZE`.
    #[arg(long, value_name = "VKEY|FILE", requires = "keyed")]
    pub(super) key: Option<String>,
    /// With --proof: the commit, as one line of an export or one element of a history.
    #[arg(long, value_name = "FILE", group = "proved", requires = "proof")]
    commit: Option<PathBuf>,
    /// With --proof: the receipt of the commit.
    #[arg(long, value_name = "FILE", group = "proved", requires = "proof")]
    receipt: Option<PathBuf>,
    /// With --proof: the hash of the commit.
    #[arg(long, value_name = "HEX", group = "proved", requires = "proof", value_parser = hash)]
    hash: Option<Hash>,
}

/// What is said of the commit in a receipt.
#[derive(Deserialize)]
struct ReceiptHash {
    hash: Hash,
}

fn hash(text: &str) -> Result<Hash, schema::hash::InvalidHash> {
    Hash::try_from(text.to_owned())
}

/// Why nothing is proved.
enum NotProved {
    /// What was given does not fit together, or is not what it was.
    Refuted(String),
    /// It cannot be told.
    Unknown(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for NotProved {
    fn from(error: E) -> Self {
        Self::Unknown(error.into())
    }
}

/// Verifies a proof file.
///
/// # Errors
/// When it cannot be told whether the commit is in the log.
pub(super) fn verify(path: &Path, arguments: &ProofArgs) -> anyhow::Result<ExitCode> {
    match proved(path, arguments) {
        Ok((what, ProvedEntry { index, checkpoint })) => {
            let word = style("proved").green().bold();
            let (size, origin) = (checkpoint.size, escaped(&checkpoint.origin));
            let of = counted(size, "entry");
            out::line(format_args!("{word}: {what} is in the log {origin}, at index {index} of {of}"))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(NotProved::Refuted(why)) => {
            out::line(format_args!("{}: {}", style("refuted").red().bold(), escaped(&why)))?;
            Ok(ExitCode::FAILURE)
        }
        Err(NotProved::Unknown(error)) => Err(error),
    }
}

/// What is proved, and where it is.
fn proved(path: &Path, arguments: &ProofArgs) -> Result<(String, ProvedEntry), NotProved> {
    let keys = trusted::keys(arguments.key.as_deref().unwrap_or_default())?;
    let proof = limited::read(path, proof_file::MOST_BYTES)?;
    let proof = ProofFile::read(&proof).map_err(|error| match error {
        ProofFileError::Other => NotProved::Unknown(anyhow::anyhow!("{} {error}", path.display())),
        ProofFileError::Damaged(_) => NotProved::Refuted(error.to_string()),
    })?;
    if let Some(file) = &arguments.commit {
        return of_commit(&proof, file, &keys);
    }
    let hash = match (&arguments.receipt, &arguments.hash) {
        (Some(file), _) => {
            let receipt = limited::read(file, LONGEST_RECEIPT)?;
            let receipt: ReceiptHash = serde_json::from_slice(&receipt)
                .with_context(|| format!("{} is not a receipt with a hash", file.display()))?;
            receipt.hash
        }
        (None, Some(hash)) => hash.clone(),
        (None, None) => return Err(anyhow::anyhow!("give --commit, --receipt or --hash").into()),
    };
    let entry = proof.prove_hash(hash.digest(), &keys).map_err(judged)?;
    Ok((format!("the commit with the hash {hash}"), entry))
}

fn of_commit(proof: &ProofFile, file: &Path, keys: &TrustedKeys) -> Result<(String, ProvedEntry), NotProved> {
    let (examined, commit) = commit(file)?;
    let not_a_commit = || format!("{} is not a commit", file.display());
    let leaf = Leaf::of(&commit).with_context(not_a_commit)?;
    if let Some(fault) = examined.damage() {
        return Err(NotProved::Refuted(format!("the commit is damaged: {fault}")));
    }
    let (product, hash) = (commit.text("product_id")?, commit.text("hash")?);
    let sequence = commit.sequence()?;
    let entry = proof.prove_commit(leaf, keys).map_err(judged)?;
    Ok((format!("product {} sequence {sequence} (hash {hash})", escaped(product)), entry))
}

/// The commit in a file, examined.
fn commit(file: &Path) -> anyhow::Result<(Box<Examined>, StoredCommit)> {
    let mut text = limited::read(file, LONGEST_LINE)?;
    text.truncate(text.trim_ascii_end().len());
    match LineBatch::of_history(vec![text]).examine_whole().pop() {
        Some((ExaminedLine::Commit(examined), Some(commit))) => Ok((examined, commit)),
        Some((ExaminedLine::Unreadable { reason, .. }, _)) => anyhow::bail!("{} {reason}", file.display()),
        _ => anyhow::bail!("{} is not a commit", file.display()),
    }
}

fn judged(refuted: ProofRefuted) -> NotProved {
    match refuted {
        ProofRefuted::NoParent => NotProved::Unknown(refuted.into()),
        refuted => NotProved::Refuted(refuted.to_string()),
    }
}
