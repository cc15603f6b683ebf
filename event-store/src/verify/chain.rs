//! The chain of one product's commits: sequence, link, time, state, and what witnesses saw of them.
//!
//! The promise: a fault is reported once, at the commit it is in, and the check goes on behind it.

use std::cmp::Ordering::{Equal, Greater, Less};
use std::collections::VecDeque;

use schema::{Hash, Timestamp};

use super::examine::Examined;
use super::fault::{ChainFault, FaultKind};
use super::report::ProductReport;
use super::state::{self, Before};
use super::witness::Witness;

/// The chain of one product, as far as it was checked.
#[derive(Debug)]
pub struct Chain {
    report: ProductReport,
    last: Option<Last>,
    before: Before,
    witnesses: VecDeque<Witness>,
    /// Whether what is checked now names no product and is here because of its place.
    is_unnamed: bool,
}

/// The commit that the next one has to continue.
#[derive(Debug)]
struct Last {
    sequence: Option<u64>,
    /// The sequence after it.
    end: Option<u64>,
    /// The hashes that the next commit may link to: carried and computed.
    hashes: Vec<Hash>,
    recorded_at: Option<Timestamp>,
}

/// The place of a commit relative to the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Placement {
    /// Right behind it.
    Next,
    /// Behind it, with something missing between them, or perhaps so.
    Apart,
    /// Where it does not belong; the chain continues from the one before it.
    Aside,
}

impl Chain {
    /// The chain of `product`, before its first commit.
    #[must_use]
    pub fn of(product: impl Into<String>) -> Self {
        Self::witnessed(product, Vec::new())
    }

    /// The chain of `product`, to be compared with what witnesses saw of it.
    #[must_use]
    pub fn witnessed(product: impl Into<String>, mut witnesses: Vec<Witness>) -> Self {
        witnesses.sort_by_key(|witness| witness.sequence);
        Self {
            report: ProductReport::of(product.into()),
            last: None,
            before: Before::Nothing,
            witnesses: witnesses.into(),
            is_unnamed: false,
        }
    }

    /// The product.
    #[must_use]
    pub fn product_id(&self) -> &str {
        &self.report.product_id
    }

    /// The sequence at which the next commit has to begin; `None` where the end of the last one cannot be read.
    #[must_use]
    pub fn next_sequence(&self) -> Option<u64> {
        self.last.as_ref().map_or(Some(1), |last| last.end)
    }

    /// Whether the next line names no product: its faults then name none either.
    pub(super) fn expect_unnamed(&mut self, is_unnamed: bool) {
        self.is_unnamed = is_unnamed;
    }

    /// Checks the next commit of the product.
    pub fn follow(&mut self, commit: &Examined) {
        self.take(commit, None);
    }

    /// Checks the next commit, which is in a line of an export.
    pub fn follow_line(&mut self, commit: &Examined, line: Option<u64>) {
        self.take(commit, line);
    }

    /// Reports something that should be a commit of this product but cannot be read.
    pub fn unreadable(&mut self, sequence: Option<u64>, line: Option<u64>, reason: String) {
        let kind = FaultKind::Unreadable { field: "line".into(), reason };
        self.fault(sequence, line, kind);
        self.before = Before::Unknown;
        self.last = Some(Last { sequence, end: None, hashes: Vec::new(), recorded_at: None });
    }

    /// Adds a fault that was found elsewhere.
    pub fn fault(&mut self, sequence: Option<u64>, line: Option<u64>, kind: FaultKind) {
        let product_id = if self.is_unnamed { String::new() } else { self.report.product_id.clone() };
        self.report.fault(ChainFault { product_id, sequence, line, kind });
    }

    /// Whether this fault was found already.
    pub(super) fn has(&self, kind: &FaultKind) -> bool {
        self.report.faults.iter().any(|known| known.kind == *kind)
    }

    /// The report, after the last commit.
    #[must_use]
    pub fn end(mut self) -> ProductReport {
        let newest = self.report.version;
        let ends_unnamed = std::mem::take(&mut self.is_unnamed);
        // How far a last commit of this product whose events cannot be read goes is not known.
        let is_open = !ends_unnamed && self.last.as_ref().is_some_and(|last| last.end.is_none());
        let unseen = std::mem::take(&mut self.witnesses).into_iter().next_back();
        if let Some(witness) = unseen.filter(|_| !is_open) {
            let kind = FaultKind::CutOff { seen_by: witness.seen_by, seen: witness.sequence, newest };
            self.fault(Some(newest), None, kind);
        }
        self.report
    }

    fn take(&mut self, commit: &Examined, line: Option<u64>) {
        let sequence = commit.sequence;
        if let Some(reason) = &commit.unreadable {
            return self.unreadable(sequence, line, reason.clone());
        }
        for kind in self.belongs(commit).into_iter().chain(commit.faults.iter().cloned()) {
            self.fault(sequence, line, kind);
        }
        let (place, misplaced) = self.place(commit);
        if let Some(kind) = misplaced {
            self.fault(sequence, line, kind);
        }
        self.report.commits += 1;
        self.report.events += commit.events.as_ref().map_or(0, |events| events.len() as u64);
        if place == Placement::Aside {
            return;
        }
        if place == Placement::Apart {
            self.before = Before::Unknown;
        }
        let broken = (place == Placement::Next).then(|| self.broken_link(commit)).flatten();
        for kind in broken.into_iter().chain(self.time_backwards(commit)) {
            self.fault(sequence, line, kind);
        }
        self.compare_with_witnesses(commit, line);
        self.check_state(commit, line);
        self.step(commit);
    }

    /// Whether the commit belongs to this product.
    fn belongs(&self, commit: &Examined) -> Vec<FaultKind> {
        let expected = &self.report.product_id;
        let named = [("product_id", &commit.product_id), ("state.id", &commit.state_id)];
        let other = |(field, found): (&'static str, &Option<String>)| {
            let found = found.clone().filter(|found| found != expected)?;
            Some(FaultKind::WrongProduct { field, found, expected: expected.clone() })
        };
        named.into_iter().filter_map(other).collect()
    }

    /// The place of the commit, by its sequence alone.
    fn place(&self, commit: &Examined) -> (Placement, Option<FaultKind>) {
        let Some(found) = commit.sequence else {
            return (Placement::Next, None);
        };
        let Some(last) = &self.last else {
            let missing = (found > 1).then(|| FaultKind::Missing { from: 1, to: found - 1 });
            return (if found > 1 { Placement::Apart } else { Placement::Next }, missing);
        };
        let (Some(begun), Some(expected)) = (last.sequence, last.end) else {
            return (Placement::Apart, None);
        };
        let fault = match (found.cmp(&expected), found.cmp(&begun)) {
            (Equal, _) => return (Placement::Next, None),
            (Greater, _) => {
                let missing = FaultKind::Missing { from: expected, to: found - 1 };
                return (Placement::Apart, Some(missing));
            }
            (Less, Greater) => FaultKind::Overlap { expected },
            (Less, Less) => FaultKind::OutOfOrder { after: format!("sequence {begun}") },
            (Less, Equal) => {
                let same = commit.carried.as_ref().is_some_and(|hash| last.hashes.contains(hash));
                if same { FaultKind::Duplicate } else { FaultKind::Rival }
            }
        };
        (Placement::Aside, Some(fault))
    }

    fn broken_link(&self, commit: &Examined) -> Option<FaultKind> {
        let genesis = [Hash::genesis()];
        let hashes = self.last.as_ref().map_or(&genesis[..], |last| &last.hashes);
        let previous_hash = commit.previous_hash.clone().filter(|hash| !hashes.contains(hash))?;
        Some(FaultKind::BrokenLink { previous_hash, expected: hashes.first()?.clone() })
    }

    fn time_backwards(&self, commit: &Examined) -> Option<FaultKind> {
        let (recorded_at, previous) = (commit.recorded_at?, self.last.as_ref()?.recorded_at?);
        (recorded_at < previous).then_some(FaultKind::TimeBackwards { recorded_at, previous })
    }

    fn compare_with_witnesses(&mut self, commit: &Examined, line: Option<u64>) {
        let end = commit.end().unwrap_or_default();
        while let Some(witness) = self.witnesses.pop_front_if(|witness| witness.sequence < end) {
            if let Some(kind) = witness.against(commit) {
                self.fault(commit.sequence, line, kind);
            }
        }
    }

    fn check_state(&mut self, commit: &Examined, line: Option<u64>) {
        let carried = commit.state.as_ref();
        let (before, fault) = match (&commit.commit, carried) {
            (Some(understood), Some(carried)) => state::after(&self.before, understood, carried),
            _ => (state::as_carried(carried), None),
        };
        self.before = before;
        if let Some((sequence, kind)) = fault {
            self.fault(Some(sequence), line, kind);
        }
    }

    fn step(&mut self, commit: &Examined) {
        let carried = commit.carried.iter().cloned();
        let computed = commit.computed.iter().cloned();
        let end = commit.end();
        self.last = Some(Last {
            sequence: commit.sequence,
            end,
            hashes: carried.chain(computed).collect(),
            recorded_at: commit.recorded_at,
        });
        self.report.version = end.map_or(self.report.version, |end| end - 1);
        self.report.head.clone_from(&commit.carried);
    }
}
