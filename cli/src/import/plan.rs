//! What an import of rows would do, before anything is sent: how many products it would create, replace and leave as they are, and
//! what would be refused and why. The products are read; nothing is written.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Context;
use futures::{StreamExt as _, stream};
use schema::Product;
use tokio::sync::mpsc;

use super::client::ImportClient;
use super::dry_run::DryRun;
use super::files::Settled;
use super::line::NumberedLine;
use super::reasons::{NamedLines, Reasons};
use crate::counts::counted;
use crate::{out, progress};

/// A plan that is being made.
pub(super) struct Plan {
    /// `None` if there is no server to ask.
    client: Option<ImportClient>,
    rehearsal: DryRun,
    named: NamedLines,
    created: PlannedRows,
    replaced: PlannedRows,
    unchanged: PlannedRows,
    /// Of which it is not known whether they exist.
    sent: PlannedRows,
    refused: Reasons,
}

/// What the server has of a product.
#[derive(Debug)]
pub(super) enum KnownProduct {
    /// It was not asked.
    Unknown,
    /// Nothing.
    Absent,
    /// This.
    Present(Box<Product>),
}

/// What a command would do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PlannedOutcome {
    Created,
    Replaced,
    Unchanged,
    /// Some of these, depending on what the server has.
    Sent,
    Refused(String),
}

/// Rows with one outcome; the first are named.
#[derive(Debug, Default)]
struct PlannedRows {
    count: u64,
    first: Vec<String>,
}

impl Plan {
    /// Looks whether there is a server.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(super) async fn begin(
        client: ImportClient,
        rehearsal: DryRun,
        named: NamedLines,
    ) -> anyhow::Result<Self> {
        let client = match client.reach().await {
            Ok(()) => Some(client),
            Err(error) => {
                out::print(&format!("{error:#}; which products exist is not known\n"))?;
                None
            }
        };
        let [created, replaced, unchanged, sent] = std::array::from_fn(|_| PlannedRows::default());
        let refused = Reasons::default();
        Ok(Self { client, rehearsal, named, created, replaced, unchanged, sent, refused })
    }

    /// Judges every row, with so many products asked for at a time; success if none would be refused.
    ///
    /// # Errors
    /// When the rows cannot be read, or the server refuses access or stops answering.
    pub(super) async fn run(
        mut self,
        rows: mpsc::Receiver<anyhow::Result<Settled>>,
        concurrency: usize,
        total: u64,
    ) -> anyhow::Result<ExitCode> {
        let progress = progress::lines(Some(total));
        let client = self.client.clone();
        let rows = stream::unfold(rows, |mut rows| async move { Some((rows.recv().await?, rows)) });
        let known = rows.map(|row| {
            let client = client.clone();
            async move {
                let row = row?;
                let known = match (&row, client) {
                    (Settled::Line(line), Some(client)) => known(&client, line).await?,
                    _ => KnownProduct::Unknown,
                };
                anyhow::Ok((row, known))
            }
        });
        let mut known = std::pin::pin!(known.buffered(concurrency));
        while let Some(next) = known.next().await {
            let (row, known) = next?;
            self.add(row, known).await?;
            progress.inc(1);
        }
        progress.finish_and_clear();
        out::print(&self.told())?;
        Ok(if self.refused.count() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn add(&mut self, row: Settled, known: KnownProduct) -> anyhow::Result<()> {
        let line = match row {
            Settled::Line(line) => line,
            Settled::Refused { number, reason, .. } => {
                self.refused.add(number, &reason);
                return Ok(());
            }
        };
        let shown = || format!("{} {} ({})", self.named.noun, line.number, line.product_id);
        let rows = match self.rehearsal.outcome(&line, known).await? {
            PlannedOutcome::Created => &mut self.created,
            PlannedOutcome::Replaced => &mut self.replaced,
            PlannedOutcome::Unchanged => &mut self.unchanged,
            PlannedOutcome::Sent => &mut self.sent,
            PlannedOutcome::Refused(reason) => {
                self.refused.add(line.number, &reason);
                return Ok(());
            }
        };
        rows.count += 1;
        if rows.first.len() < self.named.most {
            rows.first.push(shown());
        }
        Ok(())
    }

    fn told(&self) -> String {
        let mut text = String::new();
        let outcomes = [
            (&self.created, "created"),
            (&self.replaced, "replaced"),
            (&self.unchanged, "unchanged"),
            (&self.sent, "sent"),
        ];
        for (rows, what) in outcomes {
            if rows.count > 0 {
                let more = if rows.count > rows.first.len() as u64 { ", …" } else { "" };
                let _ = writeln!(text, "{} {what}: {}{more}", rows.count, rows.first.join(", "));
            }
        }
        text += &self.refused.told("refused", self.named);
        let refused = self.refused.count();
        let total = outcomes.iter().map(|(rows, _)| rows.count).sum::<u64>() + refused;
        let would = match &self.client {
            None => format!("{} would be sent", self.sent.count),
            Some(_) => format!(
                "{} would be created, {} replaced, {} unchanged",
                self.created.count, self.replaced.count, self.unchanged.count
            ),
        };
        let _ = writeln!(text, "{}: {would}, {refused} refused; nothing was sent", counted(total, "command"));
        text
    }
}

/// Reads the product of a line.
async fn known(client: &ImportClient, line: &NumberedLine) -> anyhow::Result<KnownProduct> {
    let answer = client.product(&line.product_id).await?;
    match answer.status.as_u16() {
        200 => {
            let product = serde_json::from_slice(&answer.body);
            let product =
                product.with_context(|| format!("the server's answer is no product {}", line.product_id))?;
            Ok(KnownProduct::Present(Box::new(product)))
        }
        404 => Ok(KnownProduct::Absent),
        _ => anyhow::bail!("product {} cannot be read: {}", line.product_id, answer.reason()),
    }
}
