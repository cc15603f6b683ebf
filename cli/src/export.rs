//! `ledger export`: writes every commit as NDJSON, products in order of id, those of a product by sequence; or in the order of the
//! log.
//!
//! The promise: a file is complete or absent; until its last line is on disk it is called `FILE.partial`. Receipts are read
//! after the commits, so that an event of the export has no receipt only if it was not published yet.

mod by_position;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use clap::{Args, ValueEnum};
use event_store::StoreError;
use event_store::export::{self, ExportError, ExportPart};
use event_store::heads::{Head, ProductListing};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt, TryStreamExt};
use indicatif::ProgressBar;
use schema::{ProductId, StoredCommit};

use crate::counts::counted;
use crate::exit::Refused;
use crate::out::{self, Output};
use crate::progress;
use crate::read_only::{ReadOnlyLedgerArgs, ReadOnlyPorts};
use crate::receipts::{self, WrittenReceipts};

/// Bytes that are buffered.
const BUFFER: usize = 64 << 10;

/// What to export, and where to.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledger export --data ledger-data -o ledger.ndjson
  ledger export --data ledger-data -o ledger.ndjson --receipts receipts.ndjson
  ledger export --by position --data ledger-data -o by-position.ndjson")]
pub struct ExportArgs {
    /// Only this product.
    id: Option<ProductId>,
    /// Write to this file, which appears once it is complete; without it or with `-`, to standard output.
    #[arg(short, long, value_name = "FILE|-")]
    output: Option<PathBuf>,
    /// The order of the lines. By position it is the order of the log: the first line is its newest checkpoint, if a log is kept,
    /// and a position without a commit has a line with the entry of the log.
    #[arg(long, value_enum, value_name = "ORDER", default_value = "product", conflicts_with = "id")]
    by: ExportOrder,
    /// Also write the publication receipts to this file, which appears once it is complete: for `ledger restore`.
    #[arg(long, value_name = "FILE")]
    receipts: Option<PathBuf>,
    #[command(flatten)]
    ledger: ReadOnlyLedgerArgs,
}

/// The order of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExportOrder {
    /// Products in order of id, those of a product by sequence.
    Product,
    /// By position.
    Position,
}

/// What was written.
#[derive(Default)]
struct Written {
    commits: u64,
    /// Keys of the table that are not product ids.
    foreign: Vec<String>,
}

/// Exports; exit code 1 if the ledger holds something that cannot be exported.
///
/// # Errors
/// When the ledger cannot be read, has no such product, or the file cannot be written.
pub async fn run(arguments: ExportArgs) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        arguments.output.is_none() || arguments.output != arguments.receipts,
        "-o and --receipts name the same file; give them different ones"
    );
    let standard_output = Path::new("-");
    anyhow::ensure!(
        arguments.receipts.as_deref() != Some(standard_output),
        "--receipts -: name a file; only the export can be written to standard output"
    );
    let ports = arguments.ledger.open().await?;
    let started = Instant::now();
    let (found, bar) = match arguments.by {
        ExportOrder::Product => parts(&ports, arguments.id.as_ref()).await?,
        ExportOrder::Position => by_position::parts(&ports).await?,
    };
    let written = match arguments.output.as_ref().filter(|file| *file != standard_output) {
        Some(file) => to_file(file, found, arguments.id.is_some(), &bar).await?,
        None => write(&mut BufWriter::with_capacity(BUFFER, io::stdout()), found, &bar).await?,
    };
    bar.finish_and_clear();
    for foreign in &written.foreign {
        out::message(format_args!("ledger: {foreign}"));
    }
    if let Some(id) = arguments.id.as_ref().filter(|_| written.commits == 0) {
        return Err(Refused(format!("there is no product {id}")).into());
    }
    let commits = counted(written.commits, "commit");
    out::message(format_args!("exported {commits} in {:.1} s", started.elapsed().as_secs_f64()));
    let mut is_complete = written.foreign.is_empty();
    if let Some(file) = &arguments.receipts {
        let written = write_receipts(&ports, arguments.id.as_ref(), file).await?;
        for unreadable in &written.unreadable {
            out::message(format_args!(
                "ledger: {unreadable}; its receipt is left out, run ledger verify --receipts"
            ));
        }
        out::message(format_args!("exported {}", counted(written.receipts, "receipt")));
        is_complete &= written.unreadable.is_empty();
    }
    Ok(if is_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

type Parts = BoxStream<'static, Result<ExportPart, ExportError>>;

async fn parts(ports: &ReadOnlyPorts, id: Option<&ProductId>) -> anyhow::Result<(Parts, ProgressBar)> {
    let journal = ports.journal.clone();
    if let Some(id) = id {
        return Ok((lines(export::product(journal, id.clone())), progress::looking("commits")));
    }
    if let Some(newest) = journal.newest_row().await? {
        return Ok((export::kept(journal, newest).boxed(), progress::commits(newest + 1)));
    }
    let looking = progress::looking("looking for products: commits");
    let listing = ProductListing::begin(journal.clone(), |met| looking.set_position(met)).await?;
    looking.finish_and_clear();
    let bar = progress::commits(listing.commits());
    Ok((lines(export::everything(journal, listing)), bar))
}

/// Commits as parts of one line, without those under a key that is not a product id.
fn lines(commits: impl Stream<Item = Result<StoredCommit, ExportError>> + Send + 'static) -> Parts {
    let part = |commit| match commit {
        Ok(commit) => {
            let lines = export::line(&commit).map_err(|error| StoreError::new(error.into()))?;
            Ok(ExportPart { lines, commits: 1, foreign: Vec::new() })
        }
        Err(foreign @ ExportError::ForeignKey(_)) => {
            Ok(ExportPart { foreign: vec![foreign], ..ExportPart::default() })
        }
        Err(error) => Err(error),
    };
    commits.map(part).boxed()
}

/// Writes the receipts of the ledger or of one product to a file.
async fn write_receipts(
    ports: &ReadOnlyPorts,
    id: Option<&ProductId>,
    file: &Path,
) -> anyhow::Result<WrittenReceipts> {
    let receipts = ports.receipts()?;
    let heads = match id {
        Some(id) => {
            let last = ports.journal.newest(id, u64::MAX).await?.context("the product is gone")?;
            let events = last.0.get("events").and_then(|events| events.as_array()).map_or(0, Vec::len);
            let version = last.sequence()? + (events as u64).saturating_sub(1);
            let head = Head { product_id: id.to_string(), version, commits: 1 };
            stream::iter([Ok(head)]).boxed()
        }
        None => ProductListing::begin(ports.journal.clone(), |_| {}).await?.heads().boxed(),
    };
    let mut heads = heads;
    let mut partial = Partial::create(file)?;
    let bar = progress::looking("receipts");
    let mut written = WrittenReceipts::default();
    while let Some(head) = heads.next().await {
        receipts::write(&receipts, &head?, &mut partial.writer, &mut written).await?;
        bar.set_position(written.receipts);
    }
    bar.finish_and_clear();
    partial.complete()?;
    Ok(written)
}

/// With `of_one`, an export without commits replaces no file.
async fn to_file(file: &Path, parts: Parts, of_one: bool, bar: &ProgressBar) -> anyhow::Result<Written> {
    let mut partial = Partial::create(file)?;
    let written = write(&mut partial.writer, parts, bar).await?;
    if written.commits == 0 && of_one {
        partial.discard()?;
    } else {
        partial.complete()?;
    }
    Ok(written)
}

/// A file that is called otherwise until it is complete.
struct Partial {
    writer: BufWriter<File>,
    path: PathBuf,
    file: PathBuf,
}

impl Partial {
    fn create(file: &Path) -> anyhow::Result<Self> {
        // A device or a pipe is written to as it is: renamed, a file would take its place.
        let is_special = std::fs::metadata(file).is_ok_and(|there| !there.is_file() && !there.is_dir());
        let mut path = OsString::from(file);
        if !is_special {
            path.push(".partial");
        }
        let path = PathBuf::from(path);
        let created = File::create(&path).with_context(|| not_written(&path))?;
        Ok(Self { writer: BufWriter::with_capacity(BUFFER, created), path, file: file.to_owned() })
    }

    /// Syncs the file and gives it its name.
    fn complete(self) -> anyhow::Result<()> {
        let is_special = self.is_special();
        let written = self.writer.into_inner().map_err(io::IntoInnerError::into_error);
        let synced = written.and_then(|file| if is_special { Ok(()) } else { file.sync_all() });
        synced.with_context(|| not_written(&self.path))?;
        if is_special {
            return Ok(());
        }
        std::fs::rename(&self.path, &self.file).with_context(|| not_written(&self.file))
    }

    fn discard(self) -> anyhow::Result<()> {
        if self.is_special() {
            return Ok(());
        }
        std::fs::remove_file(&self.path).with_context(|| not_written(&self.path))
    }

    /// Whether it writes to a device or a pipe.
    fn is_special(&self) -> bool {
        self.path == self.file
    }
}

fn not_written(path: &Path) -> String {
    format!("{} cannot be written", path.display())
}

async fn write(writer: &mut impl Write, mut parts: Parts, bar: &ProgressBar) -> anyhow::Result<Written> {
    let mut written = Written::default();
    let mut output = Output::Open;
    while let (Output::Open, Some(part)) = (output, parts.try_next().await.map_err(not_exported)?) {
        output = out::to(writer, &part.lines).context("the export cannot be written")?;
        written.commits += part.commits;
        written.foreign.extend(part.foreign.iter().map(ToString::to_string));
        bar.inc(part.commits);
    }
    out::flush(writer).context("the export cannot be written")?;
    Ok(written)
}

/// A ledger that cannot be exported in this order is exit code 1.
fn not_exported(error: ExportError) -> anyhow::Error {
    match error {
        gap @ ExportError::Gap(_) => Refused(gap.to_string()).into(),
        other => other.into(),
    }
}
