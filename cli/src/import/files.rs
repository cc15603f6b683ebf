//! Files as people have them: tables, arrays of JSON and feeds, whose rows become commands. Everything is read before anything is
//! sent.
//!
//! The promise: a row becomes one command or is refused with a reason; an import is named by the commands that its rows became, so
//! that the same rows under other options, or at a time when another price is in force, are another import.

mod drafts;
pub mod form;
mod id;
mod json_rows;
pub mod listing;
pub mod map;
pub mod presets;
pub mod price;
mod refused;
mod row;
mod sale;
mod source;
mod table_rows;
mod xml_rows;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use encoding_rs::Encoding;
use indicatif::ProgressBar;
use schema::{Currency, Timestamp};

use drafts::{Content, Draft, DraftWriter};
use form::{FileForm, Read as RowRead, Rows};
use listing::{Listing, Note, RowVerb, Terms};
use map::{FieldMap, MappedRows};
use presets::{Preset, Reading, RowReader};
use price::DecimalSign;
use row::Row;
use source::TextSource;

pub(super) use drafts::{Drafts, Settled};
pub(super) use refused::{RefusedFile, TableShape};

use super::reasons::{NamedLines, Reasons};
use crate::counts::counted;
use crate::date_or_time::TimeZoneName;

/// Of each reason, so many lines are named.
const NAMED: usize = 3;
/// Of the columns of a file, so many are named.
const MOST_COLUMNS: usize = 60;

/// How a file that is no list of commands is read.
#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Files that are no list of commands")]
pub struct FileOptions {
    /// Form of the file, instead of what its name ends with.
    #[arg(long, value_name = "FORM")]
    format: Option<FileForm>,
    /// Columns by field, for example id=Code,name=Title,price=Cost,currency='EUR',attributes=*
    #[arg(long, value_name = "FIELD=COLUMN,…", conflicts_with = "preset")]
    map: Vec<FieldMap>,
    /// Columns of a shop's export or a feed.
    #[arg(long, value_name = "SYSTEM")]
    preset: Option<Preset>,
    /// Currency of prices that name none.
    #[arg(long, value_name = "CODE", value_parser = Currency::parse)]
    currency: Option<Currency>,
    /// Sign between units and their parts.
    #[arg(long, value_name = "SIGN")]
    decimal: Option<DecimalSign>,
    /// Encoding of the file, for example windows-1252; by default what its first bytes say, or UTF-8.
    #[arg(long, value_name = "NAME", value_parser = encoding)]
    pub(super) encoding: Option<&'static Encoding>,
    /// Send the price without its reduction.
    #[arg(long, value_name = "WHAT")]
    sale: Option<SaleChoice>,
    /// Command of rows that name none.
    #[arg(long, value_name = "COMMAND")]
    verb: Option<RowVerb>,
    /// Time zone of the dates of sales.
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<TimeZoneName>,
    /// Make a hash of ids that are longer than 64 characters, instead of refusing their rows.
    #[arg(long)]
    id_hash: bool,
}

/// What becomes of the prices of sales.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SaleChoice {
    /// They do not count.
    Ignore,
}

/// A file whose rows have been read.
pub(super) struct RowFile {
    pub(super) drafts: Arc<Drafts>,
    /// Its table, if it is one.
    pub(super) shape: Option<TableShape>,
    form: FileForm,
    counts: RowCounts,
}

/// What was read, and what of it is not sent.
#[derive(Default)]
struct RowCounts {
    encoding: &'static str,
    is_gzip: bool,
    refused: u64,
    no_products: Reasons,
    future_sales: Reasons,
    list_prices: Reasons,
    left_out: Reasons,
    unused: Vec<String>,
}

fn encoding(label: &str) -> Result<&'static Encoding, String> {
    let known = Encoding::for_label(label.as_bytes());
    known.ok_or_else(|| {
        "is no encoding of the web's standard, for example utf-8, windows-1252 or utf-16le".to_owned()
    })
}

impl FileOptions {
    /// Whether the file holds rows, and in which form if that is known; `None` if it is a list of commands.
    ///
    /// # Errors
    /// When options are given that a list of commands does not have, or the file cannot be read.
    pub(super) fn rows(&self, path: &Path) -> anyhow::Result<Option<Option<FileForm>>> {
        let form = self.format.or_else(|| FileForm::of_name(path));
        let is_mapped = self.preset.is_some() || !self.map.is_empty();
        let is_lines = match form {
            Some(FileForm::Ndjson) | None => !is_mapped,
            // Lists of commands have had this name too.
            Some(FileForm::Json) if self.format.is_none() && !is_mapped => {
                let mut text =
                    TextSource::open(File::open(path).with_context(|| unread(path))?, self.encoding)
                        .with_context(|| unread(path))?;
                FileForm::of_beginning(&text.beginning().with_context(|| unread(path))?) != FileForm::Json
            }
            Some(_) => false,
        };
        if !is_lines {
            return Ok(Some(form));
        }
        for (is_given, name) in [
            (self.currency.is_some(), "--currency"),
            (self.decimal.is_some(), "--decimal"),
            (self.sale.is_some(), "--sale"),
            (self.verb.is_some(), "--verb"),
            (self.time_zone.is_some(), "--time-zone"),
            (self.id_hash, "--id-hash"),
        ] {
            anyhow::ensure!(
                !is_given,
                "{name} is for files of rows, and this is read as a list of commands; give --preset, --map or --format"
            );
        }
        Ok(None)
    }

    fn terms(&self, now: Timestamp) -> Terms {
        Terms {
            sign: self.decimal.unwrap_or_default(),
            currency: self.currency,
            ignores_sales: self.sale == Some(SaleChoice::Ignore),
            verb: self.verb.unwrap_or_default(),
            zone: self.time_zone.clone(),
            now,
        }
    }

    fn reader(&self) -> anyhow::Result<RowReader> {
        if let Some(preset) = self.preset {
            return Ok(RowReader::of(preset));
        }
        let mut maps = self.map.iter();
        let Some(first) = maps.next() else { return Ok(RowReader::Map(MappedRows::new(None))) };
        let map = maps.try_fold(first.clone(), FieldMap::merge).context("--map")?;
        Ok(RowReader::Map(MappedRows::new(Some(map))))
    }

    /// Refuses a table whose columns cannot be those of products.
    fn check(&self, names: &[String]) -> anyhow::Result<()> {
        let columns = row::Columns::new(names.to_vec());
        let told = || named_columns(names);
        if let Some(preset) = self.preset {
            for group in preset.required() {
                anyhow::ensure!(
                    group.iter().any(|name| columns.place(name).is_some()),
                    "the file has no column {:?}, as every one of --preset {} has; its columns are {}",
                    group.join("\" or \""),
                    clap::ValueEnum::to_possible_value(&preset)
                        .map(|value| value.get_name().to_owned())
                        .unwrap_or_default(),
                    told()
                );
            }
        } else if self.map.is_empty()
            && columns.place("id").is_none()
            && !names.iter().any(|name| name == row::ID_COLUMN)
        {
            let hint = match Preset::of_columns(names)
                .and_then(|preset| clap::ValueEnum::to_possible_value(&preset))
            {
                Some(preset) => format!("they look like those of --preset {}", preset.get_name()),
                None => "give --preset, or --map id=COLUMN,name=COLUMN,price=COLUMN".to_owned(),
            };
            anyhow::bail!("the file has no column product_id or id; its columns are {}: {hint}", told());
        }
        Ok(())
    }
}

impl RowFile {
    /// Reads all rows, on a thread of its own.
    ///
    /// # Errors
    /// When the file cannot be read, or is not of the form or has not the columns that the options say.
    pub(super) async fn read(
        path: &Path,
        options: Arc<FileOptions>,
        form: Option<FileForm>,
        keeps_rows: bool,
        now: Timestamp,
        progress: ProgressBar,
    ) -> anyhow::Result<Self> {
        let path = path.to_owned();
        on_a_thread(move || {
            let read = RowReading {
                path: &path,
                options: &options,
                keeps_rows,
                terms: options.terms(now),
                progress,
            };
            read.all(form).with_context(|| unread(&path))
        })
        .await?
    }

    /// What a row's number counts, and how many are named.
    pub(super) fn named(&self) -> NamedLines {
        NamedLines { noun: self.form.counts(), most: NAMED }
    }

    /// What was read, and what of it is not sent, in lines.
    pub(super) fn told(&self) -> String {
        let counts = &self.counts;
        let no_products = counts.no_products.count();
        let form = match (self.form, &self.shape) {
            (FileForm::Csv | FileForm::Tsv, Some(shape)) => {
                format!("a table with {:?}", char::from(shape.delimiter))
            }
            (FileForm::Xml, _) => "XML".to_owned(),
            (FileForm::Json | FileForm::Csv | FileForm::Tsv, _) => "an array".to_owned(),
            (FileForm::Ndjson, _) => "objects in lines".to_owned(),
        };
        let packed = if counts.is_gzip { ", gzip" } else { "" };
        let mut text = format!(
            "{form}, {}{packed}: {}",
            counts.encoding,
            counted(self.drafts.rows + no_products, "row")
        );
        text += &format!(", of which {no_products} are no products and {} cannot be read\n", counts.refused);
        text += &counts.no_products.told("no product", self.named());
        text += &counts.future_sales.told("sale to come, not sent", self.named());
        text += &counts.list_prices.told("list price", self.named());
        text += &counts.left_out.told("left out", self.named());
        if !counts.unused.is_empty() {
            text += &format!(
                "columns that are not used: {}; --map attributes=* takes them\n",
                named_columns(&counts.unused)
            );
        }
        text
    }
}

/// The reading of a file.
struct RowReading<'a> {
    path: &'a Path,
    options: &'a FileOptions,
    keeps_rows: bool,
    terms: Terms,
    progress: ProgressBar,
}

impl RowReading<'_> {
    fn all(&self, form: Option<FileForm>) -> anyhow::Result<RowFile> {
        let input: Box<dyn Read> = if self.path == Path::new("-") {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(self.path)?)
        };
        let mut text = TextSource::open(input, self.options.encoding)?;
        let form = match form {
            Some(form) => form,
            None => FileForm::of_beginning(&text.beginning()?),
        };
        let mut counts =
            RowCounts { encoding: text.encoding.name(), is_gzip: text.is_gzip, ..RowCounts::default() };
        let is_mapped = self.options.preset.is_some() || !self.options.map.is_empty();
        let mut rows = Rows::open(text, form, is_mapped)?;
        if let Some(names) = rows.names() {
            self.options.check(names)?;
        }
        let mut reader = self.options.reader()?;
        let mut drafts = DraftWriter::new()?;
        loop {
            let draft = match rows.next()? {
                RowRead::End => break,
                RowRead::Command(number, text) => Some(Draft::of(number, Content::Command(text))),
                RowRead::Faulty(number, reason) => Some(Draft::of(number, Content::Refused(reason))),
                RowRead::Row(row) => self.draft(row, &mut reader, &mut counts),
            };
            self.progress.inc(1);
            let Some(draft) = draft else { continue };
            counts.refused += u64::from(matches!(draft.content, Content::Refused(_)));
            drafts.add(&draft)?;
        }
        if let RowReader::Map(mapped) = &reader {
            if let Some(missing) = mapped.missing().first() {
                anyhow::bail!("--map names the column {missing:?}, which no row has");
            }
            counts.unused = mapped.unused().to_vec();
        }
        let shape = rows.delimiter().zip(rows.names());
        let shape = shape.map(|(delimiter, names)| TableShape { delimiter, names: names.to_vec() });
        Ok(RowFile { drafts: Arc::new(drafts.finish(self.options.id_hash)?), shape, form, counts })
    }

    fn draft(&self, mut row: Row, reader: &mut RowReader, counts: &mut RowCounts) -> Option<Draft> {
        let number = row.number;
        let reading = reader.read(&mut row);
        let mut draft = Draft::of(number, Content::Refused(String::new()));
        draft.content = match reading {
            Reading::NoProduct(reason) => {
                counts.no_products.add(number, reason);
                return None;
            }
            Reading::Refused(reason) => Content::Refused(reason),
            Reading::Product(listing) => {
                let content = self.content(&listing, number, counts);
                (draft.product_id, draft.ids) = (listing.product_id, listing.ids);
                content
            }
        };
        if self.keeps_rows {
            let values = row.values.into_iter().chain(std::iter::repeat(String::new()));
            draft.row = Some(row.columns.names.iter().cloned().zip(values).collect());
        }
        Some(draft)
    }

    fn content(&self, listing: &Listing, number: u64, counts: &mut RowCounts) -> Content {
        let drawn = match listing.draw(&self.terms) {
            Ok(drawn) => drawn,
            Err(reason) => return Content::Refused(reason),
        };
        for note in drawn.notes {
            match note {
                Note::FutureSale(from) => counts.future_sales.add(number, &format!("from {from}")),
                Note::ListPrice => counts.list_prices.add(number, "read and not sent"),
                Note::LeftOut(what) => counts.left_out.add(number, &what),
            }
        }
        Content::Body(drawn.body)
    }
}

impl Draft {
    fn of(number: u64, content: Content) -> Self {
        Self { number, product_id: String::new(), ids: Vec::new(), content, row: None }
    }
}

fn named_columns(names: &[String]) -> String {
    let mut text: Vec<String> = names.iter().take(MOST_COLUMNS).map(|name| format!("{name:?}")).collect();
    if names.len() > MOST_COLUMNS {
        text.push(format!("and {} more", names.len() - MOST_COLUMNS));
    }
    text.join(", ")
}

fn unread(path: &Path) -> String {
    if path == Path::new("-") {
        return "standard input cannot be read".to_owned();
    }
    format!("{} cannot be read", path.display())
}

/// Does work that blocks on a thread that ends with the process, so that an interruption does not wait for it.
pub(super) async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> anyhow::Result<T> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || drop(sender.send(work())));
    receiver.await.context("a thread ended early")
}

/// A copy of an input as UTF-8, unpacked: what was a file of another form is a list of commands like any other.
///
/// # Errors
/// When it cannot be read, or the copy cannot be written.
pub(super) async fn unpacked(input: File, encoding: Option<&'static Encoding>) -> anyhow::Result<File> {
    on_a_thread(move || {
        let mut text = TextSource::open(input, encoding)?;
        let limit = text.limit();
        let mut copy = tempfile::tempfile()?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = text.read(&mut buffer)?;
            if read == 0 {
                return Ok(copy);
            }
            limit.row_ends();
            io::Write::write_all(&mut copy, &buffer[..read])?;
        }
    })
    .await?
}

/// Whether an input that begins so is packed or no UTF-8.
pub(super) fn is_packed(beginning: &[u8]) -> bool {
    [&[0x1f, 0x8b][..], &[0xff, 0xfe], &[0xfe, 0xff]].iter().any(|mark| beginning.starts_with(mark))
}
