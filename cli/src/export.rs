//! `ledger export`: every commit as NDJSON, products in order of id, each by sequence.
//!
//! A file is there whole or not at all: until the last commit is on disk it is called `FILE.partial`.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use event_store::export::{self, ExportError};
use event_store::heads::Listing;
use futures::StreamExt;
use futures::stream::BoxStream;
use indicatif::ProgressBar;
use schema::{ProductId, StoredCommit};

use crate::out::{self, Read};
use crate::progress;
use crate::read_only::{Ports, ReadOnly};

/// Bytes that are collected before they are written.
const BUFFER: usize = 64 << 10;

/// What to export, and where to.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Only this product.
    id: Option<ProductId>,
    /// Write to this file, which appears when it is complete, instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    ledger: ReadOnly,
}

/// What was written.
#[derive(Default)]
struct Written {
    commits: u64,
    /// Keys of the table that are no product ids.
    foreign: Vec<String>,
}

/// Exports; exit code 1 if the table holds what cannot be exported.
///
/// # Errors
/// When the ledger cannot be read, has no such product, or the file cannot be written.
pub async fn run(arguments: ExportArgs) -> anyhow::Result<ExitCode> {
    let ports = arguments.ledger.open().await?;
    let started = Instant::now();
    let (commits, bar) = commits(&ports, arguments.id.as_ref()).await?;
    let written = match &arguments.output {
        Some(file) => to_file(file, commits, arguments.id.is_some(), &bar).await?,
        None => write(&mut BufWriter::with_capacity(BUFFER, io::stdout()), commits, &bar).await?,
    };
    bar.finish_and_clear();
    for foreign in &written.foreign {
        eprintln!("ledger: {foreign}");
    }
    if let Some(id) = arguments.id.filter(|_| written.commits == 0) {
        anyhow::bail!("there is no product {id}");
    }
    eprintln!("exported {} commits in {:.1} s", written.commits, started.elapsed().as_secs_f64());
    Ok(if written.foreign.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

type Commits = BoxStream<'static, Result<StoredCommit, ExportError>>;

async fn commits(ports: &Ports, id: Option<&ProductId>) -> anyhow::Result<(Commits, ProgressBar)> {
    let journal = ports.journal.clone();
    if let Some(id) = id {
        return Ok((export::product(journal, id.clone()).boxed(), progress::looking("commits")));
    }
    let looking = progress::looking("looking for products: commits");
    let listing = Listing::begin(journal.clone(), |met| looking.set_position(met)).await?;
    looking.finish_and_clear();
    let bar = progress::commits(listing.commits());
    Ok((export::everything(journal, listing).boxed(), bar))
}

/// `of_one`: a product that does not exist replaces no file.
async fn to_file(file: &Path, commits: Commits, of_one: bool, bar: &ProgressBar) -> anyhow::Result<Written> {
    let mut partial = OsString::from(file);
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let failed = |path: &Path| format!("{} cannot be written", path.display());
    let mut writer =
        BufWriter::with_capacity(BUFFER, File::create(&partial).with_context(|| failed(&partial))?);
    let written = write(&mut writer, commits, bar).await?;
    let whole = writer.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all());
    whole.with_context(|| failed(&partial))?;
    if written.commits == 0 && of_one {
        std::fs::remove_file(&partial).with_context(|| failed(&partial))?;
    } else {
        std::fs::rename(&partial, file).with_context(|| failed(file))?;
    }
    Ok(written)
}

async fn write(writer: &mut impl Write, mut commits: Commits, bar: &ProgressBar) -> anyhow::Result<Written> {
    let mut written = Written::default();
    let mut read = Read::On;
    while let (Read::On, Some(commit)) = (read, commits.next().await) {
        match commit {
            Ok(commit) => {
                read = out::to(writer, &export::line(&commit)?).context("the export cannot be written")?;
                written.commits += 1;
                bar.inc(1);
            }
            // The rest can be exported all the same.
            Err(foreign @ ExportError::ForeignKey(_)) => written.foreign.push(foreign.to_string()),
            Err(ExportError::Unavailable(error)) => return Err(error.into()),
        }
    }
    out::flush(writer).context("the export cannot be written")?;
    Ok(written)
}
