//! An export as its readers need it: its lines product by product, each by sequence, in whichever order the file has them.
//!
//! The promise: memory does not grow with the file. An export in the order of positions is read twice, first for an index in a
//! temporary file; what is no file is copied to one.

mod line;
mod order;
mod position_index;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, stdin};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;

use anyhow::Context;
use event_store::verify::{LONGEST_LINE, LineBatch, LinePlace, ProductReport};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt, TryStreamExt};
use indicatif::ProgressBar;
use tokio::task::spawn_blocking;

use crate::progress;
pub(crate) use line::{checkpoint_line, entry_line};
use order::LineOrder;
pub(crate) use position_index::{ExportedCheckpoint, IndexedPosition, PositionIndex};

/// Bytes of lines that are read from their places at once.
const BATCH_BYTES: u64 = 256 << 10;

/// Lines that are read from their places at once.
const BATCH_LINES: usize = 1_000;

/// An export that can be read again and again.
pub(crate) struct ExportFile {
    file: Arc<File>,
    length: u64,
    /// Of an export in the order of positions.
    pub(crate) positions: Option<PositionIndex>,
}

impl ExportFile {
    /// Opens the export at `path`, `-` for standard input, and finds out in which order its lines are.
    ///
    /// # Errors
    /// One line: it cannot be read, or not be copied.
    pub(crate) async fn open(path: &Path) -> anyhow::Result<Self> {
        let unreadable = || format!("{} cannot be read", path.display());
        let owned = path.to_owned();
        let file = spawn_blocking(move || opened(&owned)).await?.with_context(unreadable)?;
        let length = file.metadata().with_context(unreadable)?.len();
        let mut export = Self { file: Arc::new(file), length, positions: None };
        if export.order().await.with_context(unreadable)? == LineOrder::Position {
            export.positions = Some(PositionIndex::of(&export).await.with_context(unreadable)?);
        }
        Ok(export)
    }

    /// What is wrong with it beyond its commits.
    pub(crate) fn reports(&self) -> impl Iterator<Item = ProductReport> {
        self.positions.iter().flat_map(PositionIndex::reports)
    }

    /// The bytes at a place.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn at(&self, place: LinePlace) -> io::Result<Vec<u8>> {
        read_at(&self.file, place)
    }

    /// The batches of all lines, products in order of id if the file is whole, with a bar for their bytes.
    pub(crate) fn batches(&self) -> (BoxStream<'_, anyhow::Result<LineBatch>>, ProgressBar) {
        let bar = progress::bytes(self.length);
        match &self.positions {
            None => (self.in_file_order().boxed(), bar),
            Some(index) => {
                let places = index.by_product(BATCH_LINES);
                let read =
                    places.map_ok(|places| stream::iter(batches_of(places)).map(anyhow::Ok)).try_flatten();
                let read =
                    read.and_then(|places| {
                        let file = self.file.clone();
                        async move {
                            spawn_blocking(move || Ok(LineBatch::of_places(texts(&file, places)?))).await?
                        }
                    });
                (read.boxed(), bar)
            }
        }
    }

    /// The batches of all lines in the order of the file.
    fn in_file_order(&self) -> impl Stream<Item = anyhow::Result<LineBatch>> + Send + use<> {
        let reader = self.file.try_clone().and_then(|mut file| {
            file.rewind()?;
            Ok(BufReader::new(file))
        });
        let (lines, bytes) = (0, 0);
        stream::try_unfold((Some(reader), lines, bytes), |(reader, lines, bytes)| async move {
            let Some(reader) = reader else { return Ok(None) };
            let read = spawn_blocking(move || {
                let mut reader = reader?;
                Ok(LineBatch::read(&mut reader)?.map(|batch| (batch, reader)))
            });
            let read: io::Result<_> = read.await?;
            let Some((batch, reader)) = read? else { return Ok(None) };
            let next = (Some(Ok(reader)), lines + batch.len() as u64, bytes + batch.bytes);
            Ok(Some((batch.behind(lines, bytes), next)))
        })
    }

    /// In which order the lines are.
    async fn order(&self) -> anyhow::Result<LineOrder> {
        let mut first = Vec::new();
        let mut reader = BufReader::new(self.file.try_clone()?);
        reader.rewind()?;
        io::Read::take(&mut reader, LONGEST_LINE as u64).read_until(b'\n', &mut first)?;
        if let Some(told) = order::told_by(first.trim_ascii_end()) {
            return Ok(told);
        }
        let mut clues = order::OrderClues::default();
        in_order(
            self.in_file_order(),
            |_| 0,
            order::OrderClues::of,
            |of_batch, _| {
                clues.follow(of_batch);
                Ok(())
            },
            &ProgressBar::hidden(),
        )
        .await?;
        Ok(clues.order())
    }
}

/// Examines batches in parallel and passes them to `take` in order, each with the places of its lines.
pub(crate) async fn in_order<T: Send + 'static>(
    batches: impl Stream<Item = anyhow::Result<LineBatch>> + Send,
    amount: fn(&LineBatch) -> u64,
    examine: fn(&LineBatch) -> T,
    mut take: impl FnMut(T, &[LinePlace]) -> anyhow::Result<()>,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    let examined = batches
        .map_ok(|batch: LineBatch| async move {
            let examined = move || (amount(&batch), examine(&batch), batch.places().to_vec());
            anyhow::Ok(spawn_blocking(examined).await?)
        })
        .try_buffered(at_once());
    let mut examined = pin!(examined);
    while let Some((amount, lines, places)) = examined.try_next().await? {
        take(lines, &places)?;
        bar.inc(amount);
    }
    Ok(())
}

/// Batches or products in parallel.
pub(crate) fn at_once() -> usize {
    std::thread::available_parallelism().map_or(4, |cores| 2 * cores.get())
}

/// A file, or the copy of what is none.
fn opened(path: &Path) -> anyhow::Result<File> {
    let mut file = if path == Path::new("-") {
        File::from(stdin().as_fd().try_clone_to_owned()?)
    } else {
        File::open(path)?
    };
    let metadata = file.metadata()?;
    anyhow::ensure!(!metadata.is_dir(), "it is a directory; an export is a file or - (standard input)");
    if metadata.is_file() && path != Path::new("-") {
        return Ok(file);
    }
    let not_copied = || format!("what is no file is copied to {}", std::env::temp_dir().display());
    let mut copy = tempfile::tempfile().with_context(not_copied)?;
    io::copy(&mut file, &mut copy).with_context(not_copied)?;
    Ok(copy)
}

/// Places in groups of so many bytes.
fn batches_of(places: Vec<LinePlace>) -> Vec<Vec<LinePlace>> {
    let (mut batches, mut bytes) = (vec![Vec::new()], 0);
    for place in places {
        if bytes >= BATCH_BYTES {
            batches.push(Vec::new());
            bytes = 0;
        }
        bytes += place.length;
        if let Some(batch) = batches.last_mut() {
            batch.push(place);
        }
    }
    batches
}

fn texts(file: &File, places: Vec<LinePlace>) -> io::Result<Vec<(LinePlace, Option<Vec<u8>>)>> {
    let text = |place: LinePlace| {
        let fits = place.length <= LONGEST_LINE as u64;
        Ok((place, fits.then(|| read_at(file, place)).transpose()?))
    };
    places.into_iter().map(text).collect()
}

fn read_at(file: &File, place: LinePlace) -> io::Result<Vec<u8>> {
    let mut line = vec![0; usize::try_from(place.length).map_err(io::Error::other)?];
    file.read_exact_at(&mut line, place.offset)?;
    Ok(line)
}
