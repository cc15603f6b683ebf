//! `ledger verify --log`: the ledger against its log, both ways: each commit that the checkpoint covers is the entry at its
//! position, and each entry is a commit of the ledger.
//!
//! A commit that is in no checkpoint yet is not a fault; such commits are waited for, and counted.

mod on_tables;

use std::collections::BTreeMap;

use event_store::poll::PollPolicy;
use event_store::verify::{Chain, FaultKind, ProductReport, WitnessSource};
use event_store::{Change, Feed, LogEntry};
use indicatif::ProgressBar;
use ledger_log::verify::{LedgerDifference, LedgerDifferences, RecordedCommit};
use ledger_log::{Leaf, LogCheckpoint, LogPath, LogSource, TrustedKeys, verify};
use server::backend::TableLog;
use server::log::bound_keys;

use super::arguments::VerifyArgs;
use super::lag::Lag;
use super::report::VerifyReport;
use crate::exit::Refused;
use crate::log::source::LogPlace;
use crate::read_only::{ReadOnlyFiles, ReadOnlyPorts};
use crate::{out, progress, trusted};

/// Commits of one page.
const PAGE: usize = 1_000;

/// Products with receipts of one page.
const PRODUCTS: usize = 500;

/// A ledger beside its log.
struct LoggedLedger<'a> {
    /// The commits by position.
    feed: &'a dyn Feed,
    /// The files of the log.
    source: LogPlace,
    /// The keys that the ledger names.
    bound: TrustedKeys,
    /// The log on tables, in which the product of an entry is found.
    table: Option<&'a TableLog>,
}

impl<'a> LoggedLedger<'a> {
    async fn of(ports: &'a ReadOnlyPorts) -> anyhow::Result<Self> {
        let none = |what: &str| Refused(format!("--log: the ledger has no log; {what}"));
        match (&ports.files, &ports.table_log) {
            (Some(files), _) => {
                let bound = bound_keys(&files.ledger).await?;
                let bound = bound.ok_or_else(|| none("start the server once, without --log off"))?;
                let source = LogPlace::Directory(files.log.clone());
                Ok(Self { feed: &files.journal, source, bound, table: None })
            }
            (None, Some((log, Some(files)))) => {
                let bound = log.bound.keys().await?.ok_or_else(|| none("its sequencer has not run yet"))?;
                Ok(Self {
                    feed: &*log.feed,
                    source: LogPlace::Bucket(files.clone()),
                    bound,
                    table: Some(log),
                })
            }
            _ => Err(none(
                "set LEDGER_LOG_BUCKET, LEDGER_LOG_KEY_ID and LEDGER_LOG_ORIGIN to those of the log",
            )
            .into()),
        }
    }
}

/// Compares the ledger with its log.
pub(super) async fn verify_ledger(
    arguments: &VerifyArgs,
    ports: &ReadOnlyPorts,
    found: &mut VerifyReport,
) -> anyhow::Result<()> {
    let ledger = LoggedLedger::of(ports).await?;
    let keys = match &arguments.proof.key {
        Some(key) => trusted::keys(key)?,
        None => ledger.bound.clone(),
    };
    // Before the log is read: what is recorded meanwhile must not look left out.
    let recorded = match ledger.table {
        Some(log) => Some(on_tables::CommitsOnTables::of(log).await?),
        None => None,
    };
    let newest = ledger.feed.newest_position().await?;
    let polling = arguments.polling();
    let positions = newest.map_or(0, |newest| newest + 1);
    let checkpoint = match caught_up(&ledger.source, &keys, positions, polling).await? {
        Ok((checkpoint, unlogged)) => {
            found.add_lag(Lag::of_log(unlogged));
            checkpoint
        }
        Err(reason) => return found.take(of_log(reason), &ProgressBar::hidden()),
    };
    let differences = compared(&ledger, &checkpoint, found).await?;
    match (&ports.files, ledger.table) {
        (Some(files), _) => report(differences.0, files, ports, found).await?,
        (None, Some(log)) => on_tables::report(differences.0, log, found).await?,
        (None, None) => {}
    }
    if let Some(recorded) = recorded {
        recorded.report_unlogged(differences.1, found).await?;
    }
    Ok(())
}

/// What log and ledger differ in, after the log was verified itself, and how many commits of the ledger are in the order.
async fn compared(
    LoggedLedger { feed, source, table, .. }: &LoggedLedger<'_>,
    checkpoint: &LogCheckpoint,
    found: &mut VerifyReport,
) -> anyhow::Result<(LedgerDifferences, u64)> {
    let bar = progress::entries(checkpoint.size);
    let checked = verify::verify(source, checkpoint, None, |entries| bar.inc(entries)).await?;
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
    for (index, restore) in checked.restores() {
        bar.suspend(|| {
            let (part, parts) = (restore.part, restore.parts);
            let reason = crate::text_table::escaped(&restore.reason);
            out::message(format_args!("entry {index} accepts a restore (part {part} of {parts}): {reason}"));
        });
    }
    for fork in &checked.accepted {
        let (anew, lost, restore) = (fork.anew, fork.lost, fork.restore);
        bar.suspend(|| {
            out::message(format_args!(
                "entry {anew} takes the place of entry {lost}, as entry {restore} accepts"
            ));
        });
    }
    bar.set_position(0);
    let mut comparison = checked.with_ledger(source, checkpoint.size);
    let (mut after, mut commits) = (None, 0);
    loop {
        let page = feed.after(after, PAGE).await?;
        for entry in page.iter().take_while(|entry| entry.position < checkpoint.size) {
            comparison.take(entry.position, recorded(&entry.change)).await?;
        }
        bar.inc(page.len() as u64);
        commits += page.len() as u64;
        after = page.last().map(|entry| entry.position);
        let is_compared = table.is_none() && after.is_some_and(|last| last + 1 >= checkpoint.size);
        if page.len() < PAGE || is_compared {
            break;
        }
    }
    let mut first = 0;
    loop {
        let page = feed.entries(first, checkpoint.size.saturating_sub(1), PAGE).await?;
        for LogEntry { position, entry, .. } in &page {
            comparison.take_entry(*position, entry).await?;
        }
        let Some(last) = page.last().filter(|_| page.len() == PAGE) else { break };
        first = last.position + 1;
    }
    let differences = comparison.end().await?;
    bar.finish_and_clear();
    Ok((differences, commits))
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
