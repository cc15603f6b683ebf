//! The rows of a table (CSV and its kin). A row may be shorter than the line of names, as spreadsheets write it, but not longer.

use std::rc::Rc;

use anyhow::Context;
use csv::{ByteRecord, Position, Reader, ReaderBuilder};

use super::form::Read;
use super::row::{Columns, Row};
use super::source::{RowLimit, TextSource};

/// A table, behind its line of names.
pub(super) struct TableRows {
    reader: Reader<TextSource>,
    limit: RowLimit,
    pub(super) columns: Rc<Columns>,
    pub(super) delimiter: u8,
    record: ByteRecord,
    /// Lines before those that the reader counts.
    skipped: u64,
}

impl TableRows {
    /// Reads the line of names.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub(super) fn open(mut text: TextSource, delimiter: u8) -> anyhow::Result<Self> {
        let limit = text.limit();
        // The reader ends a record at CR and counts its LF with the next one.
        let ends_with_cr = text.beginning()?.split('\n').next().is_some_and(|line| line.ends_with('\r'));
        let skipped = text.taken_lines + u64::from(ends_with_cr);
        let mut reader =
            ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text);
        let mut record = ByteRecord::new();
        anyhow::ensure!(
            reader.read_byte_record(&mut record)?,
            "the file is empty; a table begins with a line of names"
        );
        limit.row_ends();
        let names: Vec<String> = texts(&record).context("the line of names is not UTF-8")?;
        let names: Vec<String> = names.iter().map(|name| name.trim().to_owned()).collect();
        anyhow::ensure!(
            names.iter().any(|name| !name.is_empty()),
            "the first line is empty; a table begins with a line of names"
        );
        Ok(Self { reader, limit, columns: Rc::new(Columns::new(names)), delimiter, record, skipped })
    }

    pub(super) fn next(&mut self) -> anyhow::Result<Read> {
        loop {
            if !self.reader.read_byte_record(&mut self.record)? {
                return Ok(Read::End);
            }
            self.limit.row_ends();
            let number = self.record.position().map_or(0, Position::line) + self.skipped;
            let Some(mut values) = texts(&self.record) else {
                return Ok(Read::Faulty(number, "is not UTF-8".to_owned()));
            };
            if values.iter().all(|value| value.trim().is_empty()) {
                continue;
            }
            let (named, has) = (self.columns.names.len(), values.len());
            if values.iter().skip(named).any(|value| !value.trim().is_empty()) {
                let reason = format!(
                    "has {has} columns, and the line of names has {named}: a quote around a value may be missing"
                );
                return Ok(Read::Faulty(number, reason));
            }
            values.truncate(named);
            return Ok(Read::Row(Row { number, columns: self.columns.clone(), values }));
        }
    }
}

fn texts(record: &ByteRecord) -> Option<Vec<String>> {
    record.iter().map(|field| std::str::from_utf8(field).ok().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, delimiter: u8) -> Vec<Result<(u64, Vec<String>), (u64, String)>> {
        let text = TextSource::open(std::io::Cursor::new(text.as_bytes().to_vec()), None).unwrap();
        let mut rows = TableRows::open(text, delimiter).unwrap();
        let mut all = Vec::new();
        loop {
            match rows.next().unwrap() {
                Read::Row(row) => all.push(Ok((row.number, row.values))),
                Read::Faulty(number, reason) => all.push(Err((number, reason))),
                Read::End => return all,
                Read::Command(..) => unreachable!(),
            }
        }
    }

    #[test]
    fn rows_have_the_numbers_of_their_lines_and_short_ones_are_taken() {
        let text = "id,name\n1,\"a\nb\"\n\n,\n2\n3,c,,\n4,d,e\n";
        let rows = read(text, b',');
        let row = |number: u64, values: &[&str]| -> Result<(u64, Vec<String>), (u64, String)> {
            Ok((number, values.iter().map(|&value| value.to_owned()).collect()))
        };
        assert_eq!(rows[..3], [row(2, &["1", "a\nb"]), row(6, &["2"]), row(7, &["3", "c"])]);
        let (line, reason) = rows[3].clone().unwrap_err();
        assert!(line == 8 && reason.starts_with("has 3 columns, and the line of names has 2"), "{reason}");
    }

    #[test]
    fn lines_that_end_with_cr_and_lf_are_counted_once() {
        let rows = read("id\r\n1\r\n2\r\n", b',');
        let numbers: Vec<u64> = rows.into_iter().map(|row| row.unwrap().0).collect();
        assert_eq!(numbers, [2, 3]);
    }

    #[test]
    fn a_file_without_a_line_of_names_is_no_table() {
        for text in ["", "\n\n", ",,\n"] {
            let text = TextSource::open(std::io::Cursor::new(text.as_bytes().to_vec()), None).unwrap();
            assert!(TableRows::open(text, b',').is_err());
        }
    }
}
