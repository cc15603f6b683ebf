//! The lines of an export, in batches that can be examined in parallel, in memory that does not grow with the file.

use std::io::{self, BufRead, Read};

use super::examine::{Examined, examine};
use super::strict;
use crate::journal::Row;

/// The longest line that is read, in bytes: a commit of the greatest size with every character escaped.
pub const LONGEST_LINE: usize = 4 << 20;

/// A batch ends with the line that reaches so many bytes.
const BATCH_BYTES: usize = 256 << 10;

/// Some lines as they stand in the file, or some rows of a store that keeps lines.
#[derive(Debug, Default)]
pub struct Batch {
    lines: Vec<Option<Vec<u8>>>,
    rows: Vec<Row>,
    /// How many bytes of the file they are.
    pub bytes: u64,
}

/// A line, read.
#[derive(Debug)]
pub enum Line {
    /// A commit.
    Commit(Box<Examined>),
    /// What cannot be decoded, with what can be guessed of where it belongs.
    Unreadable {
        /// The product.
        product_id: Option<String>,
        /// The sequence.
        sequence: Option<u64>,
        /// What is wrong.
        reason: String,
    },
}

impl Batch {
    /// Reads the next lines, none at the end.
    ///
    /// # Errors
    /// That of the reader: the file cannot be read.
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
            batch.lines.push(whole.then_some(line));
            batch.bytes += read;
        }
        Ok((!batch.lines.is_empty()).then_some(batch))
    }

    /// Rows of a store.
    #[must_use]
    pub fn of(rows: Vec<Row>) -> Self {
        Self { rows, ..Self::default() }
    }

    /// How many lines or rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len() + self.rows.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Decodes and examines every line; the costly part, and one that needs no neighbours.
    #[must_use]
    pub fn examine(&self) -> Vec<Line> {
        let lines = self.lines.iter().map(|line| read_line(line.as_deref()));
        lines.chain(self.rows.iter().map(read_row)).collect()
    }
}

/// One line, `None` when it is too long to be read.
fn read_line(line: Option<&[u8]>) -> Line {
    let Some(text) = line else {
        let reason = format!("has more than {LONGEST_LINE} bytes");
        return Line::Unreadable { product_id: None, sequence: None, reason };
    };
    match strict::commit(text) {
        Ok(commit) => Line::Commit(Box::new(examine(&commit))),
        Err(reason) => Line::Unreadable {
            product_id: guessed(text, b"\"product_id\"").filter(|id| !id.is_empty()),
            sequence: guessed(text, b"\"sequence\"").and_then(|digits| digits.parse().ok()),
            reason,
        },
    }
}

/// One row, whose columns have to say what its line says.
fn read_row(row: &Row) -> Line {
    let unreadable = |reason: String| Line::Unreadable {
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
        Some(name) => unreadable(format!("the column {name} of its row says something else than its line")),
        None => Line::Commit(Box::new(examine(&commit))),
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

/// The text or number that seems to be the value of a field in what is no JSON.
fn guessed(text: &[u8], name: &[u8]) -> Option<String> {
    let at = text.windows(name.len()).position(|window| window == name)?;
    let value = text[at + name.len()..].trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
    let value = value.strip_prefix(b"\"").unwrap_or(value);
    let end = value.iter().position(|byte| !(byte.is_ascii_alphanumeric() || b"._~-".contains(byte)));
    String::from_utf8(value[..end.unwrap_or(value.len())].to_vec()).ok()
}
