//! The file of refused rows: each as the input has it, with the id that it has there and the reason, so that it can be mended and
//! imported with the same options.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::NamedTempFile;

use super::drafts::{Content, Drafts};
use super::row::{ID_COLUMN, REFUSED_COLUMN};

/// A file that replaces the one of this name when it is whole.
pub(in crate::import) struct RefusedFile {
    path: PathBuf,
    file: NamedTempFile,
}

/// How the input parts its columns, and their names, if it is a table.
#[derive(Debug, Clone)]
pub(in crate::import) struct TableShape {
    pub(super) delimiter: u8,
    pub(super) names: Vec<String>,
}

impl RefusedFile {
    /// Begins the file, beside the one that it replaces.
    ///
    /// # Errors
    /// When its folder cannot be written to.
    pub(in crate::import) fn begin(path: &Path) -> anyhow::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file =
            NamedTempFile::new_in(folder).with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Writes the rows that were refused, by number and with the reasons; how many there are.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(in crate::import) fn write_rows(
        mut self,
        drafts: &Drafts,
        shape: Option<&TableShape>,
        reasons: &BTreeMap<u64, String>,
    ) -> anyhow::Result<u64> {
        let written = match shape {
            Some(shape) => self.write_table(drafts, shape, reasons),
            None => self.write_array(drafts, reasons),
        };
        self.end(written)
    }

    /// Writes the lines of the input that were refused or not sent, as they are; how many there are.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(in crate::import) fn write_lines<'a>(
        mut self,
        lines: impl Iterator<Item = std::io::Result<Vec<u8>>> + 'a,
        reasons: &BTreeMap<u64, String>,
    ) -> anyhow::Result<u64> {
        let write = || {
            let (mut file, mut count) = (BufWriter::new(self.file.as_file_mut()), 0);
            for (line, number) in lines.zip(1..) {
                let line = line?;
                if reasons.contains_key(&number) {
                    file.write_all(&line)?;
                    file.write_all(b"\n")?;
                    count += 1;
                }
            }
            file.flush()?;
            Ok(count)
        };
        let written = write();
        self.end(written)
    }

    fn end(self, written: anyhow::Result<u64>) -> anyhow::Result<u64> {
        let path = self.path;
        let written = written.and_then(|count| {
            self.file.persist(&path)?;
            Ok(count)
        });
        written.with_context(|| format!("{} cannot be written", path.display()))
    }

    fn write_table(
        &mut self,
        drafts: &Drafts,
        shape: &TableShape,
        reasons: &BTreeMap<u64, String>,
    ) -> anyhow::Result<u64> {
        let own = |name: &String| name != ID_COLUMN && name != REFUSED_COLUMN;
        let places: Vec<usize> = (0..shape.names.len()).filter(|place| own(&shape.names[*place])).collect();
        let file = BufWriter::new(self.file.as_file_mut());
        let mut table = csv::WriterBuilder::new().delimiter(shape.delimiter).flexible(true).from_writer(file);
        let names = places.iter().map(|place| shape.names[*place].as_str());
        table.write_record([ID_COLUMN].into_iter().chain(names).chain([REFUSED_COLUMN]))?;
        let mut count = 0;
        for draft in drafts.all() {
            let draft = draft?;
            let Some(reason) = reasons.get(&draft.number) else { continue };
            let id = drafts.own_id(&draft).map(String::from).unwrap_or_default();
            let row = draft.row.unwrap_or_default();
            // A row that could not be read has no columns.
            let value = |place: &usize| row.get(*place).map_or("", |(_, value)| value.as_str());
            let values = places.iter().map(value);
            let reason = format!("line {}: {reason}", draft.number);
            table.write_record([id.as_str()].into_iter().chain(values).chain([reason.as_str()]))?;
            count += 1;
        }
        table.flush()?;
        Ok(count)
    }

    fn write_array(&mut self, drafts: &Drafts, reasons: &BTreeMap<u64, String>) -> anyhow::Result<u64> {
        let (mut file, mut count) = (BufWriter::new(self.file.as_file_mut()), 0_u64);
        file.write_all(b"[")?;
        for draft in drafts.all() {
            let draft = draft?;
            let Some(reason) = reasons.get(&draft.number) else { continue };
            file.write_all(if count > 0 { b",\n" } else { b"\n" })?;
            count += 1;
            if let Content::Command(text) = &draft.content {
                file.write_all(text.trim().as_bytes())?;
                continue;
            }
            let mut object = serde_json::Map::new();
            let id = drafts.own_id(&draft).map(String::from);
            object.extend(id.map(|id| (ID_COLUMN.to_owned(), id.into())));
            for (name, value) in draft.row.unwrap_or_default() {
                object.entry(name).or_insert(value.into());
            }
            object.insert(REFUSED_COLUMN.to_owned(), reason.as_str().into());
            serde_json::to_writer(&mut file, &object)?;
        }
        file.write_all(b"\n]\n")?;
        file.flush()?;
        Ok(count)
    }
}
