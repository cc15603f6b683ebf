//! The forms of files: tables, arrays and lines of JSON, feeds in XML; and which one a file has.

use std::ffi::OsStr;
use std::io::{self, BufRead};
use std::path::Path;

use super::json_rows::{JsonRows, LineRows};
use super::row::Row;
use super::source::TextSource;
use super::table_rows::TableRows;
use super::xml_rows::XmlRows;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum FileForm {
    /// A table with a line of names, its columns parted by commas, semicolons, tabs or bars.
    Csv,
    /// A table with a line of names, its columns parted by tabs.
    Tsv,
    /// An array of objects.
    Json,
    /// An object on each line.
    Ndjson,
    /// The items of a feed (RSS or Atom), or the elements in the outermost one.
    Xml,
}

/// What the next row is.
#[derive(Debug)]
pub(super) enum Read {
    Row(Row),
    /// An object that is a command, as it is written.
    Command(u64, String),
    /// A row that cannot be read.
    Faulty(u64, String),
    End,
}

/// The rows of a file.
pub(super) enum Rows {
    Table(TableRows),
    Array(JsonRows),
    Lines(LineRows),
    Feed(XmlRows),
}

impl FileForm {
    /// The form that the end of a file's name says.
    pub(super) fn of_name(path: &Path) -> Option<Self> {
        let name = path.file_name().and_then(OsStr::to_str)?.to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        match name.rsplit_once('.')?.1 {
            "csv" => Some(Self::Csv),
            "tsv" | "tab" => Some(Self::Tsv),
            "json" => Some(Self::Json),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "xml" | "rss" | "atom" => Some(Self::Xml),
            _ => None,
        }
    }

    /// The form that a file's first characters say; tables may begin with anything else.
    pub(super) fn of_beginning(text: &str) -> Self {
        match text.trim_start().chars().next() {
            Some('<') => Self::Xml,
            Some('[') => Self::Json,
            Some('{') => Self::Ndjson,
            _ => Self::Csv,
        }
    }

    /// What a row's number counts.
    pub(super) fn counts(self) -> &'static str {
        match self {
            Self::Csv | Self::Tsv | Self::Ndjson => "line",
            Self::Json | Self::Xml => "item",
        }
    }
}

impl Rows {
    /// The rows of a text; `is_mapped` if its objects are rows, also where they could be commands.
    ///
    /// # Errors
    /// When it has no line of names, or cannot be read.
    pub(super) fn open(mut text: TextSource, form: FileForm, is_mapped: bool) -> anyhow::Result<Self> {
        Ok(match form {
            FileForm::Csv => {
                let delimiter = delimiter(&mut text)?;
                Self::Table(TableRows::open(text, delimiter)?)
            }
            FileForm::Tsv => Self::Table(TableRows::open(text, b'\t')?),
            FileForm::Json => Self::Array(JsonRows::new(text, is_mapped)),
            FileForm::Ndjson => Self::Lines(LineRows::new(text, is_mapped)),
            FileForm::Xml => Self::Feed(XmlRows::new(text)),
        })
    }

    /// The next row.
    ///
    /// # Errors
    /// When the file cannot be read any further.
    pub(super) fn next(&mut self) -> anyhow::Result<Read> {
        match self {
            Self::Table(rows) => rows.next(),
            Self::Array(rows) => rows.next(),
            Self::Lines(rows) => rows.next(),
            Self::Feed(rows) => rows.next(),
        }
    }

    /// The sign between columns, if the file is a table.
    pub(super) fn delimiter(&self) -> Option<u8> {
        match self {
            Self::Table(rows) => Some(rows.delimiter),
            Self::Array(_) | Self::Lines(_) | Self::Feed(_) => None,
        }
    }

    /// The names of the columns, if the file is a table.
    pub(super) fn names(&self) -> Option<&[String]> {
        match self {
            Self::Table(rows) => Some(&rows.columns.names),
            Self::Array(_) | Self::Lines(_) | Self::Feed(_) => None,
        }
    }
}

/// The sign that parts the columns in the first line: said by a line `sep=;`, which is taken, or the most frequent one.
fn delimiter(text: &mut TextSource) -> io::Result<u8> {
    let beginning = text.beginning()?;
    let first = beginning.lines().next().unwrap_or_default();
    if let Some(said) = first.strip_prefix("sep=").and_then(|said| said.bytes().next()) {
        let mut line = Vec::new();
        text.read_until(b'\n', &mut line)?;
        text.taken_lines = 1;
        return Ok(said);
    }
    let (mut is_quoted, mut counts) = (false, [(b',', 0), (b';', 0), (b'\t', 0), (b'|', 0)]);
    for byte in beginning.bytes() {
        is_quoted ^= byte == b'"';
        if byte == b'\n' && !is_quoted {
            break;
        }
        if let Some((_, count)) = counts.iter_mut().find(|(sign, _)| *sign == byte && !is_quoted) {
            *count += 1;
        }
    }
    // Of equally frequent ones the comma, which stands first.
    Ok(counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(sign, _)| *sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> u8 {
        delimiter(&mut TextSource::open(io::Cursor::new(text.as_bytes().to_vec()), None).unwrap()).unwrap()
    }

    #[test]
    fn the_sign_between_columns_is_that_of_the_first_line() {
        for (text, sign) in [
            ("id,name\n1;2;3;4", b','),
            ("id;name;Categories (x,y,z)\n", b';'),
            ("id\tname", b'\t'),
            ("id|name|price", b'|'),
            ("\"a;b\nc;d\",e,f\n", b','),
            ("name\n", b','),
            ("sep=;\nid,x;name", b';'),
        ] {
            assert_eq!(told(text), sign, "{text:?}");
        }
    }

    #[test]
    fn the_form_is_said_by_the_name_or_by_the_first_character() {
        for (name, form) in [
            ("a.csv", Some(FileForm::Csv)),
            ("A.TSV.gz", Some(FileForm::Tsv)),
            ("x.y.xml", Some(FileForm::Xml)),
            ("a.txt", None),
            ("csv", None),
        ] {
            assert_eq!(FileForm::of_name(Path::new(name)), form, "{name}");
        }
        for (text, form) in [
            (" <rss>", FileForm::Xml),
            ("[{", FileForm::Json),
            ("{}\n", FileForm::Ndjson),
            ("id,name", FileForm::Csv),
            ("", FileForm::Csv),
        ] {
            assert_eq!(FileForm::of_beginning(text), form, "{text}");
        }
    }
}
