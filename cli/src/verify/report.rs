//! The report of a verification: faults as they are found, one a line, and a summary at the end; or one JSON object.

use std::collections::BTreeMap;
use std::fmt::Write;

use console::style;
use event_store::verify::{ChainFault, ProductReport, Summary, Verdict, Witness, head_line};
use indicatif::ProgressBar;
use schema::ProductId;
use serde_json::json;

use super::lag::Lag;
use crate::counts::counted;
use crate::out;

/// Faults listed in the JSON object; further ones are counted.
const LISTED: usize = 10_000;

#[derive(Default)]
pub(crate) struct VerifyReport {
    summary: Summary,
    json: bool,
    heads: bool,
    /// For JSON, printed at the end.
    faults: Vec<ChainFault>,
    /// What is not published or shown yet.
    lag: Lag,
    /// The products of the ledger, if they are needed.
    met: Option<Vec<ProductId>>,
    /// Whether commits are missing or are not what was recorded.
    commits_have_faults: bool,
    /// For an earlier export, about which nothing is printed.
    witnesses: Option<BTreeMap<String, Vec<Witness>>>,
}

impl VerifyReport {
    pub(crate) fn new(json: bool, heads: bool) -> Self {
        Self { json, heads, ..Self::default() }
    }

    /// Remembers products too.
    pub(crate) fn remember_products(&mut self) {
        self.met = Some(Vec::new());
    }

    /// The remembered products.
    pub(crate) fn products(&mut self) -> Vec<ProductId> {
        self.met.take().unwrap_or_default()
    }

    /// Whether a fault so far is one of the commits.
    pub(crate) fn commits_have_faults(&self) -> bool {
        self.commits_have_faults
    }

    /// Remembers heads and prints nothing.
    pub(crate) fn quiet() -> Self {
        Self { witnesses: Some(BTreeMap::new()), ..Self::default() }
    }

    /// Adds the next product's report.
    pub(crate) fn take(&mut self, report: ProductReport, bar: &ProgressBar) -> anyhow::Result<()> {
        self.summary.add(&report);
        self.commits_have_faults |= report.faults.iter().any(|fault| fault.kind.is_of_commits());
        if let Some(met) = self.met.as_mut().filter(|_| report.commits > 0) {
            met.extend(ProductId::new(report.product_id.as_str()));
        }
        if let Some(witnesses) = &mut self.witnesses {
            witnesses.insert(report.product_id.clone(), vec![report.witness()]);
            return Ok(());
        }
        if self.json {
            let room = LISTED.saturating_sub(self.faults.len());
            self.faults.extend(report.faults.into_iter().take(room));
            return Ok(());
        }
        let mut text = String::new();
        for fault in &report.faults {
            writeln!(text, "{fault}")?;
        }
        if report.more_faults > 0 {
            writeln!(text, "product {}: {}", report.product_id, counted(report.more_faults, "more fault"))?;
        }
        // The head of a product with faults proves nothing.
        if self.heads && report.commits > 0 && report.faults.is_empty() {
            text.push_str(&head_line(&report));
        }
        if !text.is_empty() {
            bar.suspend(|| out::print(&text))?;
        }
        Ok(())
    }

    /// Whether there was nothing at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.summary.commits == 0 && self.summary.faults == 0
    }

    /// Adds the lag of a consumer.
    pub(crate) fn add_lag(&mut self, lag: Lag) {
        self.lag = std::mem::take(&mut self.lag).and(lag);
    }

    /// Whether a consumer is behind.
    pub(crate) fn is_behind(&self) -> bool {
        !self.lag.is_none()
    }

    /// The verdict on everything.
    pub(crate) fn verdict(&self) -> Verdict {
        self.summary.verdict()
    }

    /// The heads, if everything was whole.
    pub(crate) fn witnesses(self) -> Option<BTreeMap<String, Vec<Witness>>> {
        self.witnesses.filter(|_| self.summary.verdict() == Verdict::Whole)
    }

    /// Prints the end of the report.
    pub(crate) fn print(&self) -> anyhow::Result<Verdict> {
        let Summary { products, commits, events, faults, .. } = self.summary;
        let verdict = self.summary.verdict();
        let heads = (verdict == Verdict::Whole).then(|| self.summary.heads());
        if self.json {
            let mut told = json!({"valid": verdict == Verdict::Whole, "products": products, "commits": commits,
                "events": events, "heads": heads, "faults": self.faults});
            if faults > self.faults.len() as u64 {
                told["more_faults"] = json!(faults - self.faults.len() as u64);
            }
            self.lag.add_to(&mut told);
            out::print(&format!("{told}\n"))?;
            return Ok(verdict);
        }
        self.lag.print()?;
        let word = match verdict {
            Verdict::Whole => style("whole".to_owned()).green(),
            Verdict::Faulty => style(counted(faults, "fault")).red(),
            Verdict::NotUnderstood => style(format!("{} not understood", counted(faults, "commit"))).yellow(),
        };
        let counts = [(products, "product"), (commits, "commit"), (events, "event")];
        let (word, counts) = (word.bold(), counts.map(|(count, one)| counted(count, one)).join(", "));
        let heads = heads.map(|heads| format!(", heads {heads}")).unwrap_or_default();
        out::print(&format!("{word}: {counts}{heads}\n"))?;
        Ok(verdict)
    }
}
