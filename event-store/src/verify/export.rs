//! The verification of an export, line by line: products in order of id, each by sequence.
//!
//! The promise: a file out of order is faulty, and is never sorted first.

use std::cmp::Ordering::{Equal, Greater, Less};
use std::collections::{BTreeMap, VecDeque};

use super::chain::Chain;
use super::fault::FaultKind;
use super::lines::ExaminedLine;
use super::report::ProductReport;
use super::witness::Witness;

/// Products that stay open, so that one misplaced line is one fault and does not break its product's chain.
const OPEN: usize = 4;

/// The verification of an export, in memory for a few products.
#[derive(Debug, Default)]
pub struct ExportVerifier {
    /// The products of the last lines; the last one is current.
    open: VecDeque<Chain>,
    /// The greatest product so far.
    greatest: String,
    lines: u64,
    witnesses: BTreeMap<String, Vec<Witness>>,
    only: Option<String>,
    /// Whether rows of a store are read, which have no line numbers.
    of_rows: bool,
}

impl ExportVerifier {
    /// An export to be compared with what witnesses saw of its products.
    #[must_use]
    pub fn witnessed(witnesses: BTreeMap<String, Vec<Witness>>) -> Self {
        Self { witnesses, ..Self::default() }
    }

    /// Verifies rows of a store instead of lines of a file, so that faults name no line.
    #[must_use]
    pub fn of_rows(self) -> Self {
        Self { of_rows: true, ..self }
    }

    /// Verifies one product only.
    #[must_use]
    pub fn only(mut self, product: &str) -> Self {
        self.witnesses.retain(|other, _| other == product);
        self.only = Some(product.to_owned());
        self
    }

    /// Checks the next line; returns the reports of products that are complete now.
    pub fn line(&mut self, line: &ExaminedLine) -> Vec<ProductReport> {
        self.line_at(self.lines + 1, line)
    }

    /// As [`ExportVerifier::line`], for a line with another number than the next.
    pub fn line_at(&mut self, number: u64, line: &ExaminedLine) -> Vec<ProductReport> {
        self.lines = number;
        let named = match line {
            ExaminedLine::Commit(commit) => commit.product_id.as_deref().or(commit.state_id.as_deref()),
            ExaminedLine::Unreadable { product_id, .. } => product_id.as_deref(),
        };
        let misplaced = named.and_then(|product| self.misplaced(product));
        if let (Some(only), Some(named)) = (&self.only, named)
            && only != named
        {
            return Vec::new();
        }
        let number = (!self.of_rows).then_some(self.lines);
        let is_unnamed = named.is_none();
        let chain = self.chain(named);
        chain.expect_unnamed(is_unnamed);
        match line {
            ExaminedLine::Commit(commit) => {
                if let Some(kind) = misplaced {
                    chain.fault(commit.sequence, number, kind);
                }
                chain.follow_line(commit, number);
            }
            ExaminedLine::Unreadable { sequence, reason, .. } => {
                chain.unreadable(*sequence, number, reason.clone());
            }
        }
        self.complete(OPEN)
    }

    /// The remaining reports after the last line: of the last products, and of those that only witnesses saw.
    #[must_use]
    pub fn end(mut self) -> Vec<ProductReport> {
        let mut reports = self.complete(0);
        let unseen = std::mem::take(&mut self.witnesses);
        reports.extend(unseen.into_iter().map(|(product, seen)| Chain::witnessed(product, seen).end()));
        reports
    }

    fn misplaced(&mut self, product: &str) -> Option<FaultKind> {
        match product.cmp(&self.greatest) {
            Equal => None,
            Less => {
                let after = format!("product {}", self.greatest);
                // Of several misplaced lines in a row only the first is a fault.
                let follows = self.open.back().is_some_and(|chain| chain.product_id() == product);
                (!follows).then_some(FaultKind::OutOfOrder { after })
            }
            Greater => {
                product.clone_into(&mut self.greatest);
                None
            }
        }
    }

    /// The chain of a product, or the current one for a line that names no product.
    fn chain(&mut self, named: Option<&str>) -> &mut Chain {
        let named = named.or_else(|| self.open.back().map(Chain::product_id)).unwrap_or_default().to_owned();
        let known = self.open.iter().position(|chain| chain.product_id() == named);
        let chain = known.and_then(|at| self.open.remove(at)).unwrap_or_else(|| {
            let seen = self.witnesses.remove(&named).unwrap_or_default();
            Chain::witnessed(named, seen)
        });
        self.open.push_back(chain);
        let last = self.open.len() - 1;
        &mut self.open[last]
    }

    fn complete(&mut self, open: usize) -> Vec<ProductReport> {
        let surplus = self.open.len().saturating_sub(open);
        self.open.drain(..surplus).map(Chain::end).collect()
    }
}
