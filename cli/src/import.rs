//! `ledger import`: commands from NDJSON, products in parallel and each product in order. Running the same import again, also
//! after an interruption, goes on where it was and changes nothing else; what others recorded meanwhile is left alone.

mod answer;
mod client;
pub mod identity;
mod input;
pub mod line;
mod product;
mod rehearsal;
mod report;
mod worker;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use anyhow::Context;
use clap::Args;
use tokio::sync::mpsc;

use client::{Client, Stop};
use identity::{BatchName, Identity};
use input::{Input, LONGEST_LINE, Next};
use line::{Line, Unreadable};
use rehearsal::Rehearsal;
use report::Report;
use worker::{Entry, Worker};

/// How many lines may wait for one worker, so that a large file is never read into memory.
const WAITING: usize = 64;

/// What to import and where to.
#[derive(Debug, Args)]
#[command(
    after_help = "A line is a JSON object: `command` (create, update, put, delete or restore), `product_id`, and the
fields of the command as in the body of its request; `occurred_at` says when it happened.
  {\"command\":\"create\",\"product_id\":\"cap\",\"name\":\"Cap\",\"price\":\"9.50\"}
  {\"command\":\"update\",\"product_id\":\"cap\",\"price\":\"8.00\"}
  {\"command\":\"delete\",\"product_id\":\"cap\"}
create makes a product that is not there, update changes the fields it names, put creates or replaces.

The same input again is the same import: it goes on where it stopped, and sends a failed line again.

Examples:
  ledger import products.ndjson --dry-run
  zcat products.ndjson.gz | ledger import -
  ledger import sale.ndjson --batch sale-2026-11-27

Exit codes: 0 done, 1 a line failed or was not sent, 2 wrong usage or the server could not be asked."
)]
pub struct ImportArgs {
    /// NDJSON, one command a line: a file, a pipe, or - for standard input.
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    /// Name the import, which otherwise is known by the SHA-256 of its input: another name imports the same input again.
    #[arg(long, value_name = "NAME")]
    batch: Option<BatchName>,
    /// Send nothing: check every line as the server would, and list the refusals by reason.
    #[arg(long)]
    dry_run: bool,
    /// The server.
    #[arg(long, env = "LEDGER_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Products at a time.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
}

/// Sends the input's commands; exit code 1 if any line failed or was not sent, 2 if the server does not let us.
///
/// # Errors
/// When the input cannot be read or the server cannot be reached at all.
pub async fn run(arguments: ImportArgs) -> anyhow::Result<ExitCode> {
    let file = &arguments.file;
    if arguments.dry_run {
        return rehearse(file).await;
    }
    let client = Client::new(&arguments.url, crate::remote::token())?;
    let input = Input::open(file, arguments.batch.is_none()).await?;
    client.reach().await?;
    let import = match (arguments.batch, &input.survey) {
        (Some(name), _) => Identity::Batch(name),
        (None, Some(survey)) => Identity::Input(survey.hash.clone()),
        (None, None) => anyhow::bail!("{} cannot be read twice", file.display()),
    };
    let report = Arc::new(Report::new(input.survey.as_ref().map(|survey| survey.lines)));
    let blind = Arc::<OnceLock<String>>::default();
    let worker = Worker { client, import: Arc::new(import), report: report.clone(), blind };
    let (senders, workers): (Vec<_>, Vec<_>) = (0..arguments.concurrency)
        .map(|_| {
            let (sender, entries) = mpsc::channel(WAITING);
            (sender, tokio::spawn(worker.clone().work(entries)))
        })
        .unzip();
    distribute(file, input, &senders, &report).await;
    drop(senders);
    for worker in workers {
        worker.await.context("a worker ended early")?;
    }
    Ok(report.finish())
}

/// Gives every line to the worker of its product.
async fn distribute(file: &Path, mut input: Input, workers: &[mpsc::Sender<Entry>], report: &Report) {
    for number in 1.. {
        let line = match input.next().await {
            _ if report.is_stopped() => return,
            Ok(Next::End) => break,
            Ok(line) => line,
            Err(error) => {
                return report.stop(Stop::Input(format!("{} cannot be read: {error}", file.display())));
            }
        };
        match Entry::read(number, &line) {
            None => report.skip(),
            // A worker is gone only when the server is; the report knows.
            Some(Ok(entry)) => {
                drop(workers[line::worker(&entry.product_id, workers.len())].send(entry).await);
            }
            Some(Err(reason)) => report.failed(number, None, &reason),
        }
    }
    if !input.is_unchanged() {
        report.stop(Stop::Input(format!("{} was changed while it was read", file.display())));
    }
}

/// Checks every line without a server.
async fn rehearse(file: &Path) -> anyhow::Result<ExitCode> {
    let mut input = Input::open(file, false).await?;
    let mut rehearsal = Rehearsal::new(server::environment::settings()?.default_currency);
    for number in 1.. {
        let line = input.next().await.with_context(|| format!("{} cannot be read", file.display()))?;
        match Entry::read(number, &line) {
            None if line == Next::End => break,
            None => {}
            Some(Ok(entry)) => rehearsal.line(&entry).await?,
            Some(Err(reason)) => rehearsal.refuse(number, &reason),
        }
    }
    rehearsal.finish()
}

impl Entry {
    /// What was read; `None` for an empty line and for the end. The error is of a line that belongs to no product.
    fn read(number: u64, next: &Next) -> Option<Result<Self, String>> {
        match next {
            Next::End => None,
            Next::Line(bytes) if bytes.iter().all(u8::is_ascii_whitespace) => None,
            Next::Line(bytes) => Some(Self::parse(number, bytes)),
            Next::TooLong => Some(Err(format!("is longer than {LONGEST_LINE} bytes"))),
        }
    }

    fn parse(number: u64, bytes: &[u8]) -> Result<Self, String> {
        match Line::parse(bytes) {
            Ok(line) => Ok(Self { number, product_id: line.product_id.clone(), line: Ok(line) }),
            Err(Unreadable { product_id: Some(product_id), reason }) => {
                Ok(Self { number, product_id, line: Err(reason) })
            }
            Err(Unreadable { product_id: None, reason }) => Err(reason),
        }
    }
}
