//! `ledger import`: sends commands from NDJSON, products in parallel and each product in order. Running the same import again,
//! even after an interruption, goes on where it stopped and sends nothing that is recorded; a product of which it recorded a line
//! is left alone if somebody else has changed it since.

mod client;
mod dry_run;
pub mod identity;
mod input;
pub mod line;
mod product;
mod report;
mod server_answer;
mod worker;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use anyhow::Context;
use clap::Args;
use tokio::sync::mpsc;

use client::{ImportClient, StopReason};
use dry_run::DryRun;
use identity::{BatchName, ImportId};
use input::{Input, InputLine};
use line::NumberedLine;
use report::ImportReport;
use worker::ImportWorker;

use crate::interrupt::{IMPORTED_IN_PART, NOT_REHEARSED};
use crate::progress;
use crate::remote::DEFAULT_URL;

/// How many lines may wait for a worker, so that a large file is never held in memory.
const WAITING: usize = 64;

/// What to import, and where to.
#[derive(Debug, Args)]
#[command(
    after_help = "A line is a JSON object: `command` (create, update, put, delete or restore), `product_id`, and the \
fields of the command as in the body of its request; `occurred_at` says when it happened.
  {\"command\":\"create\",\"product_id\":\"cap\",\"name\":\"Cap\",\"price\":\"9.50\"}
  {\"command\":\"update\",\"product_id\":\"cap\",\"price\":\"8.00\"}
  {\"command\":\"delete\",\"product_id\":\"cap\"}
create adds a product, update changes the fields that it names, put creates or replaces a product.

Importing the same input again is the same import: it goes on where it stopped, and retries a failed \
line. A product of which it recorded a line is left alone if somebody else has changed it since; lines that \
changed nothing leave no record, and a product that has only such lines is imported again.

Examples:
  ledger import products.ndjson --dry-run
  zcat products.ndjson.gz | ledger import -
  ledger import sale.ndjson --batch sale-2026-11-27"
)]
pub struct ImportArgs {
    /// NDJSON with one command a line: a file, a pipe, or - for standard input.
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    /// Name of the import, instead of the SHA-256 of its input: another name imports the same input again, and the same name
    /// goes on with a corrected or longer one. Lines that are recorded have to stay.
    #[arg(long, value_name = "NAME")]
    batch: Option<BatchName>,
    /// Send nothing: check every line, and list by reason what a server refuses, and what it may refuse depending on what it
    /// holds.
    #[arg(long)]
    dry_run: bool,
    /// The server.
    #[arg(long, env = "LEDGER_URL", default_value = DEFAULT_URL)]
    url: String,
    /// Products in parallel.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
}

/// The report of an import, once it has one.
type SharedReport = Arc<OnceLock<Arc<ImportReport>>>;

/// Sends the input's commands, until it is interrupted; exit code 1 if a line failed or was not sent, 2 if the server refuses
/// access.
///
/// # Errors
/// When the input cannot be read, the server cannot be reached at all, or standard output cannot be written.
pub async fn run(arguments: ImportArgs) -> anyhow::Result<ExitCode> {
    if arguments.dry_run {
        return NOT_REHEARSED.ends(rehearse(&arguments.file)).await;
    }
    let report = SharedReport::default();
    let shared = report.clone();
    let says = move |nothing_sent| {
        shared.get().map_or(nothing_sent, |report| {
            report.interrupted();
            ""
        })
    };
    IMPORTED_IN_PART.ends_saying(send(&arguments, &report), says).await
}

async fn send(arguments: &ImportArgs, shared: &SharedReport) -> anyhow::Result<ExitCode> {
    let file = &arguments.file;
    let client = ImportClient::new(&arguments.url, crate::remote::token()?)?;
    let reading = progress::status();
    reading.set_message("reading the input");
    let input = Input::open(file, arguments.batch.is_none()).await;
    reading.finish_and_clear();
    let input = input?;
    client.reach().await?;
    let import = match (&arguments.batch, &input.summary) {
        (Some(name), _) => ImportId::Batch(name.clone()),
        (None, Some(summary)) => ImportId::Input(summary.hash.clone()),
        (None, None) => anyhow::bail!("{} cannot be read twice", file.display()),
    };
    let lines = input.summary.as_ref().map(|summary| summary.lines);
    let report = Arc::new(ImportReport::new(lines, import.input_may_differ()));
    let report = shared.get_or_init(|| report);
    let history_refused = Arc::<OnceLock<String>>::default();
    let worker = ImportWorker { client, import: Arc::new(import), report: report.clone(), history_refused };
    let (senders, workers): (Vec<_>, Vec<_>) = (0..arguments.concurrency)
        .map(|_| {
            let (sender, entries) = mpsc::channel(WAITING);
            (sender, tokio::spawn(worker.clone().work(entries)))
        })
        .unzip();
    distribute(file, input, &senders, report).await;
    drop(senders);
    for worker in workers {
        worker.await.context("a worker ended early")?;
    }
    report.finish()
}

/// Passes every line to the worker of its product.
async fn distribute(
    file: &Path,
    mut input: Input,
    workers: &[mpsc::Sender<NumberedLine>],
    report: &ImportReport,
) {
    for number in 1.. {
        let line = match input.next().await {
            _ if report.is_stopped() => return,
            Ok(InputLine::End) => break,
            Ok(line) => line,
            Err(error) => {
                return report.stop(StopReason::Input(format!("{} cannot be read: {error}", file.display())));
            }
        };
        match NumberedLine::read(number, &line) {
            None => report.empty(),
            // A worker ends early only if the server is gone; the report has that.
            Some(Ok(entry)) => {
                drop(workers[line::worker(&entry.product_id, workers.len())].send(entry).await);
            }
            Some(Err(reason)) => report.failed(number, None, &reason),
        }
    }
    if !input.is_unchanged() {
        report.stop(StopReason::Input(format!("{} was changed while being read", file.display())));
    }
}

/// Checks every line without a server.
async fn rehearse(file: &Path) -> anyhow::Result<ExitCode> {
    let mut input = Input::open(file, false).await?;
    let mut rehearsal = DryRun::new(server::environment::settings()?.default_currency);
    for number in 1.. {
        let line = input.next().await.with_context(|| format!("{} cannot be read", file.display()))?;
        match NumberedLine::read(number, &line) {
            None if line == InputLine::End => break,
            None => {}
            Some(Ok(entry)) => rehearsal.line(&entry).await?,
            Some(Err(reason)) => rehearsal.refuse(number, &reason),
        }
    }
    rehearsal.finish()
}
