//! `ledger verify --log`: the ledger against its log, both ways: each commit that the checkpoint covers is the entry at its
//! position, and each entry is a commit of the ledger.
//!
//! A commit that is in no checkpoint yet is not a fault; such commits are waited for, and counted.

use std::collections::BTreeMap;

use event_store::poll::PollPolicy;
use event_store::verify::{Chain, FaultKind, ProductReport, WitnessSource};
use event_store::{Change, Feed, LogEntry};
use indicatif::ProgressBar;
use ledger_log::verify::{LedgerDifference, LedgerDifferences, RecordedCommit};
use ledger_log::{Leaf, LogCheckpoint, LogPath, LogSource, TrustedKeys, verify};
use server::log::bound_keys;

use super::arguments::VerifyArgs;
use super::lag::Lag;
use super::report::VerifyReport;
use crate::exit::Refused;
use crate::log::source::LogPlace;
use crate::read_only::{ReadOnlyFiles, ReadOnlyPorts};
use crate::{progress, trusted};

/// Commits of one page.
const PAGE: usize = 1_000;

/// Products with receipts of one page.
const PRODUCTS: usize = 500;

/// Compares the ledger with its log.
pub(super) async fn verify_ledger(
    arguments: &VerifyArgs,
    ports: &ReadOnlyPorts,
    found: &mut VerifyReport,
) -> anyhow::Result<()> {
    let Some(files) = &ports.files else {
        return Err(
            Refused("--log: name a data directory (--data); the log of a ledger on AWS is verified at its address: ledger log verify URL --key VKEY".into()).into()
        );
    };
    let Some(bound) = bound_keys(&files.ledger).await? else {
        let none = "--log: the ledger has no log; start the server once, without --log off";
        return Err(Refused(none.into()).into());
    };
    let keys = match &arguments.proof.key {
        Some(key) => trusted::keys(key)?,
        None => bound,
    };
    let source = LogPlace::Directory(files.log.clone());
    let newest = files.journal.newest_position().await?;
    let polling = arguments.polling();
    let checkpoint = match caught_up(&source, &keys, newest.map_or(0, |newest| newest + 1), polling).await? {
        Ok((checkpoint, unlogged)) => {
            found.add_lag(Lag::of_log(unlogged));
            checkpoint
        }
        Err(reason) => return found.take(of_log(reason), &ProgressBar::hidden()),
    };
    let bar = progress::entries(checkpoint.size);
    let checked = verify::verify(&source, &checkpoint, None, |entries| bar.inc(entries)).await?;
    for fault in &checked.faults.listed {
        found.take(of_log(fault.to_string()), &bar)?;
    }
    if checked.faults.more > 0 {
        found.take(of_log(format!("at least {} more faults", checked.faults.more)), &bar)?;
    }
    if checked.not_understood > 0 {
        let reason = format!("{} of the log are of a later build", entries(checked.not_understood));
        found.take(fault("", None, FaultKind::NotUnderstood { reason }), &bar)?;
    }
    bar.set_position(0);
    let mut comparison = checked.with_ledger(&source, checkpoint.size);
    let mut after = None;
    loop {
        let page = files.journal.after(after, PAGE).await?;
        let compared = page.iter().take_while(|entry| entry.position < checkpoint.size);
        for entry in compared {
            comparison.take(entry.position, recorded(&entry.change)).await?;
        }
        bar.inc(page.len() as u64);
        after = page.last().map(|entry| entry.position);
        if page.len() < PAGE || after.is_some_and(|last| last + 1 >= checkpoint.size) {
            break;
        }
    }
    let mut first = 0;
    loop {
        let page = files.journal.entries(first, checkpoint.size, PAGE).await?;
        for LogEntry { position, entry } in &page {
            comparison.take_entry(*position, entry).await?;
        }
        let Some(last) = page.last().filter(|_| page.len() == PAGE) else { break };
        first = last.position + 1;
    }
    let differences = comparison.end().await?;
    bar.finish_and_clear();
    report(differences, files, ports, found).await
}

/// The checkpoint, once it covers so many commits or does not grow any more, with the number of those that it does not cover; or
/// why there is none.
async fn caught_up(
    source: &LogPlace,
    keys: &TrustedKeys,
    commits: u64,
    polling: PollPolicy,
) -> anyhow::Result<Result<(LogCheckpoint, u64), String>> {
    let mut poll = polling.begin();
    loop {
        let Some(note) = source.read(LogPath::Checkpoint).await? else {
            return Ok(Err("missing: the checkpoint is not there, although the ledger has a log".into()));
        };
        let checkpoint = match keys.open(&note) {
            Ok(checkpoint) => checkpoint,
            Err(fault) => return Ok(Err(format!("refuted: {fault}"))),
        };
        let unlogged = commits.saturating_sub(checkpoint.size);
        if !poll.again(usize::try_from(unlogged).unwrap_or(usize::MAX)).await {
            return Ok(Ok((checkpoint, unlogged)));
        }
    }
}

/// The commit of an entry of the feed; none if it cannot be read, which is a fault of its chain.
fn recorded(change: &Change) -> Option<RecordedCommit> {
    let Change::Committed(commit) = change else { return None };
    RecordedCommit::of(commit).ok()
}

/// Reports what log and ledger differ in, with the products of lost commits as far as they can be found.
async fn report(
    differences: LedgerDifferences,
    files: &ReadOnlyFiles,
    ports: &ReadOnlyPorts,
    found: &mut VerifyReport,
) -> anyhow::Result<()> {
    let bar = progress::looking("looking for what the log has: commits");
    let parents = Parents::of(&differences, files, ports).await?;
    for difference in differences.listed {
        found.take(of_difference(difference, &parents), &bar)?;
    }
    if differences.more > 0 {
        found.take(of_log(format!("{} more differ from the ledger", entries(differences.more))), &bar)?;
    }
    bar.finish_and_clear();
    Ok(())
}

/// What lost commits follow: of each parent the product and its last event, 0 for the beginning of a product.
#[derive(Default)]
struct Parents(BTreeMap<[u8; 32], Option<(String, u64)>>);

impl Parents {
    async fn of(
        differences: &LedgerDifferences,
        files: &ReadOnlyFiles,
        ports: &ReadOnlyPorts,
    ) -> anyhow::Result<Self> {
        let lost = differences.listed.iter().filter_map(|difference| match difference {
            LedgerDifference::Lost { leaf, behind: None, .. } => Some((leaf.parent, None)),
            _ => None,
        });
        let mut parents = Self(lost.collect());
        if !parents.0.is_empty() {
            parents.find_commits(&files.journal).await?;
            parents.find_beginnings(ports).await?;
        }
        Ok(parents)
    }

    async fn find_commits(&mut self, feed: &dyn Feed) -> anyhow::Result<()> {
        let mut after = None;
        loop {
            let page = feed.after(after, PAGE).await?;
            for entry in &page {
                let Change::Committed(commit) = &entry.change else { continue };
                let Ok(leaf) = Leaf::of(commit) else { continue };
                let Some(found) = self.0.get_mut(&leaf.hash) else { continue };
                let (product, held) = (commit.text("product_id")?.to_owned(), commit.sequences()?);
                *found = Some((product, held.end - 1));
            }
            match page.last().filter(|_| page.len() == PAGE) {
                Some(last) => after = Some(last.position),
                None => return Ok(()),
            }
        }
    }

    /// A product that is gone altogether may have receipts.
    async fn find_beginnings(&mut self, ports: &ReadOnlyPorts) -> anyhow::Result<()> {
        let Ok(receipts) = ports.receipts() else { return Ok(()) };
        let mut after = String::new();
        while let Some(products) = receipts.products(&after, PRODUCTS).await? {
            for product in &products {
                if let Some(found) = self.0.get_mut(&Leaf::first_parent(product)) {
                    *found = Some((product.clone(), 0));
                }
            }
            match products.last().filter(|_| products.len() == PRODUCTS) {
                Some(last) => after.clone_from(last),
                None => break,
            }
        }
        Ok(())
    }
}

fn of_difference(difference: LedgerDifference, parents: &Parents) -> ProductReport {
    match difference {
        LedgerDifference::Rewritten { commit, logged } => {
            let (seen, carried) =
                (format!("the commit {}", hex::encode(logged)), hex::encode(commit.leaf.hash));
            of_commit(&commit, FaultKind::Rewritten { seen_by: WitnessSource::Log, seen, carried })
        }
        LedgerDifference::Moved { commit, position, index } => {
            of_commit(&commit, FaultKind::LoggedElsewhere { position, index })
        }
        LedgerDifference::Omitted { commit, position } => {
            of_commit(&commit, FaultKind::NotLogged { position })
        }
        LedgerDifference::OtherEntry { position } => of_log(format!(
            "what the ledger has at position {position} without a commit is not the entry of the log"
        )),
        LedgerDifference::Lost { index, leaf, commits, behind } => {
            let behind = behind.map(|commit| (commit.product, commit.sequence));
            let known = behind.or_else(|| parents.0.get(&leaf.parent).cloned().flatten());
            let (product, newest) = known.unwrap_or_default();
            let hash = hex::encode(leaf.hash);
            fault(&product, None, FaultKind::OnlyLogged { commits, index, hash, newest })
        }
    }
}

fn of_commit(commit: &RecordedCommit, kind: FaultKind) -> ProductReport {
    fault(&commit.product, Some(commit.sequence), kind)
}

fn of_log(what: String) -> ProductReport {
    fault("", None, FaultKind::FaultyLog { what })
}

fn fault(product: &str, sequence: Option<u64>, kind: FaultKind) -> ProductReport {
    let mut chain = Chain::of(product);
    chain.fault(sequence, None, kind);
    chain.end()
}

fn entries(count: u64) -> String {
    crate::counts::counted(count, "entry")
}
