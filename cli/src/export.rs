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
use event_store::Unavailable;
use event_store::export::{self, ExportError, Part};
use event_store::heads::Listing;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
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
    let (parts, bar) = parts(&ports, arguments.id.as_ref()).await?;
    let written = match &arguments.output {
        Some(file) => to_file(file, parts, arguments.id.is_some(), &bar).await?,
        None => write(&mut BufWriter::with_capacity(BUFFER, io::stdout()), parts, &bar).await?,
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

type Parts = BoxStream<'static, Result<Part, ExportError>>;

async fn parts(ports: &Ports, id: Option<&ProductId>) -> anyhow::Result<(Parts, ProgressBar)> {
    let journal = ports.journal.clone();
    if let Some(id) = id {
        return Ok((lines(export::product(journal, id.clone())), progress::looking("commits")));
    }
    if let Some(newest) = journal.newest_row().await? {
        return Ok((export::kept(journal, newest).boxed(), progress::commits(newest + 1)));
    }
    let looking = progress::looking("looking for products: commits");
    let listing = Listing::begin(journal.clone(), |met| looking.set_position(met)).await?;
    looking.finish_and_clear();
    let bar = progress::commits(listing.commits());
    Ok((lines(export::everything(journal, listing)), bar))
}

/// Commits as parts of one line. What has a foreign key is left out, and the rest can be exported all the same.
fn lines(commits: impl Stream<Item = Result<StoredCommit, ExportError>> + Send + 'static) -> Parts {
    let part = |commit| match commit {
        Ok(commit) => {
            let lines = export::line(&commit).map_err(|error| Unavailable(error.into()))?;
            Ok(Part { lines, commits: 1, foreign: Vec::new() })
        }
        Err(foreign @ ExportError::ForeignKey(_)) => Ok(Part { foreign: vec![foreign], ..Part::default() }),
        Err(error) => Err(error),
    };
    commits.map(part).boxed()
}

/// `of_one`: a product that does not exist replaces no file.
async fn to_file(file: &Path, parts: Parts, of_one: bool, bar: &ProgressBar) -> anyhow::Result<Written> {
    let mut partial = OsString::from(file);
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let failed = |path: &Path| format!("{} cannot be written", path.display());
    let mut writer =
        BufWriter::with_capacity(BUFFER, File::create(&partial).with_context(|| failed(&partial))?);
    let written = write(&mut writer, parts, bar).await?;
    let whole = writer.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all());
    whole.with_context(|| failed(&partial))?;
    if written.commits == 0 && of_one {
        std::fs::remove_file(&partial).with_context(|| failed(&partial))?;
    } else {
        std::fs::rename(&partial, file).with_context(|| failed(file))?;
    }
    Ok(written)
}

async fn write(writer: &mut impl Write, mut parts: Parts, bar: &ProgressBar) -> anyhow::Result<Written> {
    let mut written = Written::default();
    let mut read = Read::On;
    while let (Read::On, Some(part)) = (read, parts.try_next().await?) {
        read = out::to(writer, &part.lines).context("the export cannot be written")?;
        written.commits += part.commits;
        written.foreign.extend(part.foreign.iter().map(ToString::to_string));
        bar.inc(part.commits);
    }
    out::flush(writer).context("the export cannot be written")?;
    Ok(written)
}
