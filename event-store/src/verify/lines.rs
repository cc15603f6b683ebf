//! The lines of an export in batches that can be examined in parallel.
//!
//! The promise: memory does not grow with the file, nor with the length of a line.

use std::io::{self, BufRead, Read};

use schema::StoredCommit;

use super::examine::{Examined, examine};
use super::strict;
use crate::export;
use crate::journal::JournalRow;

/// The longest line that is read, in bytes: a commit of the largest size with every character escaped.
pub const LONGEST_LINE: usize = 4 << 20;

/// A batch ends with the line that reaches this many bytes.
const BATCH_BYTES: usize = 256 << 10;

/// Lines of a file, rows of a store that keeps lines, or commits as a server answers them.
#[derive(Debug, Default)]
pub struct LineBatch {
    lines: Vec<Option<Vec<u8>>>,
    /// Whether each line has the receipts of its events, which are no part of a commit.
    with_receipts: bool,
    rows: Vec<JournalRow>,
    /// Where each line is in the file.
    places: Vec<LinePlace>,
    /// Bytes of the file that the lines take.
    pub bytes: u64,
}

/// Where a line is in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinePlace {
    /// Its number, from 1.
    pub number: u64,
    /// The bytes before it.
    pub offset: u64,
    /// Its bytes, without its end.
    pub length: u64,
}

/// An examined line.
#[derive(Debug)]
pub enum ExaminedLine {
    /// A commit.
    Commit(Box<Examined>),
    /// A line that cannot be decoded, and where it seems to belong.
    Unreadable {
        /// The product.
        product_id: Option<String>,
        /// The sequence.
        sequence: Option<u64>,
        /// What is wrong.
        reason: String,
    },
}

/// Where a commit is in a batch, and what is stored with it; only for a line in canonical form.
#[derive(Debug)]
pub struct LineLocation {
    /// The product.
    pub product_id: String,
    /// The sequence of its first event.
    pub sequence: u64,
    /// When it was recorded, as the line writes it.
    pub recorded_at: String,
    /// The hash it carries.
    pub hash: String,
    /// The ids of its events.
    pub events: Vec<String>,
    /// Where it is.
    pub place: LinePlace,
}

impl LineBatch {
    /// Reads the next lines, `None` at the end.
    ///
    /// # Errors
    /// The error of the reader: the file cannot be read.
    pub fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut batch = Self::default();
        while batch.bytes < BATCH_BYTES as u64 {
            let mut line = Vec::new();
            let mut read = reader.take(LONGEST_LINE as u64 + 1).read_until(b'\n', &mut line)? as u64;
            if read == 0 {
                break;
            }
            let ended = line.pop_if(|byte| *byte == b'\n').is_some();
            let whole = ended || line.len() <= LONGEST_LINE;
            if !whole {
                read += skip_line(reader)?;
            }
            let number = batch.lines.len() as u64 + 1;
            batch.places.push(LinePlace { number, offset: batch.bytes, length: line.len() as u64 });
            batch.lines.push(whole.then_some(line));
            batch.bytes += read;
        }
        Ok((!batch.lines.is_empty()).then_some(batch))
    }

    /// Rows of a store.
    #[must_use]
    pub fn of(rows: Vec<JournalRow>) -> Self {
        Self { rows, ..Self::default() }
    }

    /// Lines of a file from several places.
    #[must_use]
    pub fn of_places(lines: Vec<(LinePlace, Option<Vec<u8>>)>) -> Self {
        let bytes = lines.iter().map(|(place, _)| place.length + 1).sum();
        let (places, lines) = lines.into_iter().unzip();
        Self { lines, places, bytes, ..Self::default() }
    }

    /// The same behind so many lines and bytes of the file.
    #[must_use]
    pub fn behind(mut self, lines: u64, bytes: u64) -> Self {
        for place in &mut self.places {
            (place.number, place.offset) = (place.number + lines, place.offset + bytes);
        }
        self
    }

    /// Where each line is in the file; empty for rows of a store and commits of a history.
    #[must_use]
    pub fn places(&self) -> &[LinePlace] {
        &self.places
    }

    /// The lines; `None` is one that is too long.
    pub fn texts(&self) -> impl Iterator<Item = Option<&[u8]>> {
        self.lines.iter().map(Option::as_deref)
    }

    /// Commits of a history, each as JSON with the receipts of its events.
    #[must_use]
    pub fn of_history(commits: Vec<Vec<u8>>) -> Self {
        Self { lines: commits.into_iter().map(Some).collect(), with_receipts: true, ..Self::default() }
    }

    /// How many lines or rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len() + self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Decodes and examines every line; the expensive part, which may run on any thread.
    #[must_use]
    pub fn examine(&self) -> Vec<ExaminedLine> {
        let lines = self.lines.iter().map(|line| self.read_line(line.as_deref()).0);
        lines.chain(self.rows.iter().map(read_row)).collect()
    }

    /// As [`LineBatch::examine`] for lines, each with its commit if that can be decoded.
    #[must_use]
    pub fn examine_whole(&self) -> Vec<(ExaminedLine, Option<StoredCommit>)> {
        self.lines.iter().map(|line| self.read_line(line.as_deref())).collect()
    }

    /// As [`LineBatch::examine`], each line with its location where its bytes are what an export of its commit has.
    #[must_use]
    pub fn examine_in_place(&self) -> Vec<(ExaminedLine, Option<LineLocation>)> {
        let lines = self.lines.iter().zip(&self.places).map(|(line, at)| {
            let text = line.as_deref();
            let read = self.read_line(text).0;
            let place = text.zip(read.commit()).and_then(|(text, commit)| place(text, commit, *at));
            (read, place)
        });
        lines.collect()
    }

    /// Examines a line; `None` is one that is too long.
    fn read_line(&self, line: Option<&[u8]>) -> (ExaminedLine, Option<StoredCommit>) {
        let Some(text) = line else {
            let reason = format!("has more than {LONGEST_LINE} bytes");
            return (ExaminedLine::Unreadable { product_id: None, sequence: None, reason }, None);
        };
        match strict::commit(text) {
            Ok(mut commit) => {
                if self.with_receipts {
                    commit.0.remove("receipts");
                }
                (ExaminedLine::Commit(Box::new(examine(&commit))), Some(commit))
            }
            Err(reason) => {
                let product_id = guessed(text, b"\"product_id\"").filter(|id| !id.is_empty());
                let sequence = guessed(text, b"\"sequence\"").and_then(|digits| digits.parse().ok());
                (ExaminedLine::Unreadable { product_id, sequence, reason }, None)
            }
        }
    }
}

impl ExaminedLine {
    fn commit(&self) -> Option<&Examined> {
        match self {
            Self::Commit(commit) => Some(commit),
            Self::Unreadable { .. } => None,
        }
    }
}

/// The location of a line that is byte for byte the canonical form of its commit.
fn place(text: &[u8], commit: &Examined, place: LinePlace) -> Option<LineLocation> {
    let stored = strict::commit(text).ok()?;
    let canonical = export::canonical(&stored).is_ok_and(|canonical| canonical == text);
    canonical.then_some(())?;
    Some(LineLocation {
        product_id: commit.product_id.clone()?,
        sequence: commit.sequence?,
        recorded_at: stored.text("recorded_at").ok()?.to_owned(),
        hash: commit.carried.as_ref()?.to_string(),
        events: commit.events.clone()?,
        place,
    })
}

/// Examines a row, whose columns must agree with its line.
fn read_row(row: &JournalRow) -> ExaminedLine {
    let unreadable = |reason: String| ExaminedLine::Unreadable {
        product_id: Some(row.product_id.clone()),
        sequence: Some(row.sequence),
        reason,
    };
    let commit = match strict::commit(row.line.as_bytes()) {
        Ok(commit) => commit,
        Err(reason) => return unreadable(reason),
    };
    let texts = [
        ("product_id", &row.product_id),
        ("commit_id", &row.commit_id),
        ("recorded_at", &row.recorded_at),
        ("hash", &row.hash),
    ];
    let other = texts.iter().find(|(name, column)| commit.text(name).ok() != Some(column.as_str()));
    let other = other.map(|(name, _)| *name);
    let sequence = (commit.sequence().ok() != Some(row.sequence)).then_some("sequence");
    match other.or(sequence) {
        Some(name) => unreadable(format!("the column {name} of its row differs from its line")),
        None => ExaminedLine::Commit(Box::new(examine(&commit))),
    }
}

fn skip_line(reader: &mut impl BufRead) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let buffer = reader.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(buffer.len(), |end| end + 1);
        let last = end.is_some() || length == 0;
        reader.consume(length);
        skipped += length as u64;
        if last {
            return Ok(skipped);
        }
    }
}

/// What a line that may be a commit seems to be of: its product and when it was recorded.
#[must_use]
pub fn guess(line: &[u8]) -> (Option<String>, Option<String>) {
    (guessed(line, b"\"product_id\""), guessed(line, b"\"recorded_at\""))
}

/// The object of a line, if it is JSON in which no name occurs twice.
///
/// # Errors
/// Why it is not.
pub fn object(line: &[u8]) -> Result<StoredCommit, String> {
    strict::commit(line)
}

/// What seems to be the value of a field in text that is not JSON.
fn guessed(text: &[u8], name: &[u8]) -> Option<String> {
    let at = text.windows(name.len()).position(|window| window == name)?;
    let value = text[at + name.len()..].trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
    let value = value.strip_prefix(b"\"").unwrap_or(value);
    let end = value.iter().position(|byte| !(byte.is_ascii_alphanumeric() || b"._~-:".contains(byte)));
    String::from_utf8(value[..end.unwrap_or(value.len())].to_vec()).ok()
}
