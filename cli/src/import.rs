//! `ledger import`: sends commands, from NDJSON or made of the rows of a file, products in parallel and each product in order. Running
//! the same import again, even after an interruption, goes on where it stopped and sends nothing that is recorded; a product of
//! which it recorded a line is left alone if somebody else has changed it since.

mod client;
mod dry_run;
pub mod files;
pub mod identity;
mod input;
pub mod line;
mod plan;
mod product;
mod read_from_start;
mod reasons;
mod report;
mod server_answer;
mod worker;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use anyhow::Context;
use clap::Args;
use indicatif::ProgressBar;
use tokio::sync::mpsc;
use web::ClockAndIds;

use client::{ImportClient, StopReason};
use dry_run::DryRun;
use files::{FileOptions, RefusedFile, RowFile, Settled};
use identity::{BatchName, ImportId};
use input::{Input, InputLine};
use line::NumberedLine;
use plan::Plan;
use read_from_start::ReadFromStart;
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

A row of a table, an array or a feed creates or replaces a product. Its columns are those that --preset or --map \
says, or those with the names of fields. gzip is unpacked.

Importing the same input again is the same import: it goes on where it stopped, and retries a failed \
line. A product of which it recorded a line is left alone if somebody else has changed it since; lines that \
changed nothing leave no record, and a product that has only such lines is imported again.

Examples:
  ledger import products.ndjson --dry-run
  ledger import export.csv --preset shopify --currency USD --dry-run
  ledger import prices.csv --map id=Code,name=Title,price=Cost,currency='EUR' --decimal , --refused refused.csv
  ledger import sale.ndjson --batch sale-2026-11-27"
)]
pub struct ImportArgs {
    /// A file, a pipe, or - for standard input: NDJSON with one command a line, or rows.
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    /// Name of the import, instead of the SHA-256 of its input: another name imports the same input again, and the same name
    /// goes on with a corrected or longer one. Lines that are recorded have to stay.
    #[arg(long, value_name = "NAME")]
    batch: Option<BatchName>,
    /// Send nothing: check every line, and list by reason what a server refuses, and what it may refuse depending on what it
    /// holds. Of a file of rows, read the products and say how many would be created, replaced and unchanged.
    #[arg(long)]
    dry_run: bool,
    /// Write what is refused to this file, as it is in the input and with the reasons.
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    refused: Option<PathBuf>,
    /// The server.
    #[arg(long, env = "LEDGER_URL", default_value = DEFAULT_URL)]
    url: String,
    /// Products in parallel.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
    #[command(flatten)]
    files: FileOptions,
}

/// The report of an import, once it has one.
type SharedReport = Arc<OnceLock<Arc<ImportReport>>>;

/// What is imported.
enum ImportSource {
    /// Lines that are commands.
    Lines(Input),
    /// Rows that became commands.
    Rows(RowFile),
}

/// Sends the input's commands, until it is interrupted; exit code 1 if a line failed or was not sent, 2 if the server refuses
/// access.
///
/// # Errors
/// When the input cannot be read, the server cannot be reached at all, or standard output cannot be written.
pub async fn run(arguments: ImportArgs) -> anyhow::Result<ExitCode> {
    if arguments.dry_run {
        return NOT_REHEARSED.ends(rehearse(&arguments)).await;
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

impl ImportSource {
    /// Opens a list of commands, or reads all rows.
    async fn open(arguments: &ImportArgs, needs_summary: bool) -> anyhow::Result<Self> {
        let (file, files) = (&arguments.file, &arguments.files);
        let reading: ProgressBar;
        let source = match files.rows(file)? {
            None => {
                reading = progress::status();
                reading.set_message("reading the input");
                Input::open(file, needs_summary, files.encoding).await.map(Self::Lines)
            }
            Some(form) => {
                reading = progress::looking("rows read:");
                let now = (ClockAndIds::system().clock)();
                let keeps_rows = arguments.refused.is_some();
                let files = Arc::new(files.clone());
                RowFile::read(file, files, form, keeps_rows, now, reading.clone()).await.map(Self::Rows)
            }
        };
        reading.finish_and_clear();
        source
    }

    fn id(&self, arguments: &ImportArgs) -> anyhow::Result<ImportId> {
        if let Some(name) = &arguments.batch {
            return Ok(ImportId::Batch(name.clone()));
        }
        match self {
            Self::Rows(rows) => Ok(ImportId::Input(rows.drafts.hash.clone())),
            Self::Lines(input) => match &input.summary {
                Some(summary) => Ok(ImportId::Input(summary.hash.clone())),
                None => anyhow::bail!("{} cannot be read twice", arguments.file.display()),
            },
        }
    }

    fn lines(&self) -> Option<u64> {
        match self {
            Self::Lines(input) => input.summary.as_ref().map(|summary| summary.lines),
            Self::Rows(rows) => Some(rows.drafts.rows),
        }
    }

    fn noun(&self) -> &'static str {
        match self {
            Self::Lines(_) => "line",
            Self::Rows(rows) => rows.named().noun,
        }
    }

    /// Writes what was refused.
    fn write_refused(&self, file: RefusedFile, report: &ImportReport) -> anyhow::Result<u64> {
        let reasons = report.refused();
        match self {
            Self::Rows(rows) => file.write_rows(&rows.drafts, rows.shape.as_ref(), &reasons),
            Self::Lines(input) => {
                let again = input.again.clone().context("the input cannot be read again")?;
                file.write_lines(BufReader::new(ReadFromStart::new(again)).split(b'\n'), &reasons)
            }
        }
    }
}

async fn send(arguments: &ImportArgs, shared: &SharedReport) -> anyhow::Result<ExitCode> {
    let client = ImportClient::new(&arguments.url, crate::remote::token()?)?;
    let refused = arguments.refused.as_deref().map(RefusedFile::begin).transpose()?;
    let mut source = ImportSource::open(arguments, arguments.batch.is_none() || refused.is_some()).await?;
    client.reach().await?;
    let import = source.id(arguments)?;
    let report =
        ImportReport::new(source.lines(), source.noun(), import.input_may_differ(), refused.is_some());
    let report = shared.get_or_init(|| Arc::new(report));
    let is_each_once = matches!(&source, ImportSource::Rows(rows) if !rows.drafts.has_commands);
    let history_refused = Arc::<OnceLock<String>>::default();
    let worker = ImportWorker {
        client,
        import: Arc::new(import),
        report: report.clone(),
        history_refused,
        is_each_once,
    };
    let (senders, workers): (Vec<_>, Vec<_>) = (0..arguments.concurrency)
        .map(|_| {
            let (sender, entries) = mpsc::channel(WAITING);
            (sender, tokio::spawn(worker.clone().work(entries)))
        })
        .unzip();
    match &mut source {
        ImportSource::Lines(input) => distribute(&arguments.file, input, &senders, report).await,
        ImportSource::Rows(rows) => {
            for line in rows.told().lines() {
                report.say(line);
            }
            distribute_rows(rows, &senders, report).await;
        }
    }
    drop(senders);
    for worker in workers {
        worker.await.context("a worker ended early")?;
    }
    let code = report.finish()?;
    if let (Some(file), Some(path)) = (refused, &arguments.refused) {
        let count = source.write_refused(file, report)?;
        let count = crate::counts::counted(count, source.noun());
        report
            .say(&format!("ledger: {} has {count} to mend; import it with the same options", path.display()));
    }
    Ok(code)
}

/// Passes every line to the worker of its product.
async fn distribute(
    file: &Path,
    input: &mut Input,
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

/// Passes the command of every row to the worker of its product.
async fn distribute_rows(rows: &RowFile, workers: &[mpsc::Sender<NumberedLine>], report: &ImportReport) {
    let mut settled = settled(rows);
    while let Some(row) = settled.recv().await {
        match row {
            _ if report.is_stopped() => return,
            Ok(Settled::Line(entry)) => {
                drop(workers[line::worker(&entry.product_id, workers.len())].send(entry).await);
            }
            Ok(Settled::Refused { number, product, reason }) => {
                report.failed(number, product.as_ref(), &reason)
            }
            Err(error) => return report.stop(StopReason::Input(format!("{error:#}"))),
        }
    }
}

/// The rows as they are read back, a few ahead.
fn settled(rows: &RowFile) -> mpsc::Receiver<anyhow::Result<Settled>> {
    let (sender, settled) = mpsc::channel(WAITING);
    let drafts = rows.drafts.clone();
    std::thread::spawn(move || {
        for row in drafts.settled() {
            // Nobody waits for it any more.
            if sender.blocking_send(row).is_err() {
                return;
            }
        }
    });
    settled
}

/// Checks every line; of a list of commands without a server.
async fn rehearse(arguments: &ImportArgs) -> anyhow::Result<ExitCode> {
    let file = &arguments.file;
    let rehearsal = DryRun::new(server::environment::settings()?.default_currency);
    match ImportSource::open(arguments, false).await? {
        ImportSource::Lines(input) => rehearse_lines(file, input, rehearsal).await,
        ImportSource::Rows(rows) => {
            crate::out::print(&rows.told())?;
            if rows.drafts.has_commands {
                return rehearse_commands(settled(&rows), rehearsal).await;
            }
            let client = ImportClient::new(&arguments.url, crate::remote::token()?)?;
            let plan = Plan::begin(client, rehearsal, rows.named()).await?;
            plan.run(settled(&rows), usize::from(arguments.concurrency), rows.drafts.rows).await
        }
    }
}

/// Checks the commands of an array, of which a product may have several, as those of lines.
async fn rehearse_commands(
    mut rows: mpsc::Receiver<anyhow::Result<Settled>>,
    mut rehearsal: DryRun,
) -> anyhow::Result<ExitCode> {
    while let Some(row) = rows.recv().await {
        match row? {
            Settled::Line(entry) => rehearsal.line(&entry).await?,
            Settled::Refused { number, reason, .. } => rehearsal.refuse(number, &reason),
        }
    }
    rehearsal.finish()
}

async fn rehearse_lines(file: &Path, mut input: Input, mut rehearsal: DryRun) -> anyhow::Result<ExitCode> {
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
