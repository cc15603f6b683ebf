//! `ledger import`: commands from NDJSON, products in parallel and each product in order; running it again, also after an
//! interruption, changes nothing.

mod client;
pub mod line;
mod product;
mod report;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use futures::StreamExt;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::mpsc;

use client::Client;
use line::Line;
use report::Report;

/// How many lines may wait for one worker, so that a large file is never read into memory.
const WAITING: usize = 64;

/// What to import and where to.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// NDJSON file, one command a line.
    file: PathBuf,
    /// The server.
    #[arg(long, env = "LEDGER_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Products at a time.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
}

/// Sends the file's commands; exit code 1 if any line failed, 2 if the server does not let us.
///
/// # Errors
/// When the file cannot be read or the server cannot be reached at all.
pub async fn run(arguments: ImportArgs) -> anyhow::Result<ExitCode> {
    let client = Client::new(&arguments.url, crate::remote::token())?;
    let total = count_lines(&arguments.file).await?;
    client.reach().await?;
    let report = Arc::new(Report::new(total));
    let (senders, workers): (Vec<_>, Vec<_>) = (0..arguments.concurrency)
        .map(|_| {
            let (sender, lines) = mpsc::channel(WAITING);
            (sender, tokio::spawn(product::work(client.clone(), lines, report.clone())))
        })
        .unzip();
    distribute(&arguments.file, &senders, &report).await?;
    drop(senders);
    for worker in workers {
        worker.await.context("a worker ended early")?;
    }
    Ok(report.finish())
}

/// Gives every line to the worker of its product, with its ordinal within the product.
async fn distribute(file: &Path, workers: &[mpsc::Sender<Line>], report: &Report) -> anyhow::Result<()> {
    let mut lines = open(file).await?;
    let mut ordinals: HashMap<String, u64> = HashMap::new();
    let mut number = 0;
    while let Some(bytes) = next(&mut lines, file).await? {
        number += 1;
        if report.stopped() {
            break;
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            report.skip();
            continue;
        }
        match Line::parse(number, &bytes) {
            Ok(mut line) => {
                let ordinal = ordinals.entry(line.product_id.clone()).or_default();
                *ordinal += 1;
                line.ordinal = *ordinal;
                // A worker is gone only when the server is; the report knows.
                let _ = workers[line.worker(workers.len())].send(line).await;
            }
            Err(reason) => report.failed(number, &reason),
        }
    }
    Ok(())
}

type Source = futures::stream::BoxStream<'static, std::io::Result<Vec<u8>>>;

async fn open(file: &Path) -> anyhow::Result<Source> {
    let file =
        tokio::fs::File::open(file).await.with_context(|| format!("{} cannot be read", file.display()))?;
    let reader = BufReader::new(file);
    Ok(futures::stream::unfold(reader, |mut reader| async move {
        // Bytes, not text: a line that is not UTF-8 is a bad line, not the end of the file.
        let mut line = Vec::new();
        match reader.read_until(b'\n', &mut line).await {
            Ok(0) => None,
            Ok(_) => Some((Ok(line), reader)),
            Err(error) => Some((Err(error), reader)),
        }
    })
    .boxed())
}

async fn next(lines: &mut Source, file: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    lines.next().await.transpose().with_context(|| format!("{} cannot be read", file.display()))
}

async fn count_lines(file: &Path) -> anyhow::Result<u64> {
    let mut lines = open(file).await?;
    let mut count = 0;
    while next(&mut lines, file).await?.is_some() {
        count += 1;
    }
    Ok(count)
}
