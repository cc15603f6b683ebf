//! The rows of a file as they wait in a temporary file until all of them have been read: only then is it known which ids are those of
//! one row alone.
//!
//! The promise: memory holds a few bytes of each row; of two rows with the same id none is sent.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::sync::Arc;

use anyhow::Context;
use schema::{Hash, ProductId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::id::id_of;
use crate::import::line::NumberedLine;
use crate::import::read_from_start::ReadFromStart;

/// A row that waits.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Draft {
    /// The number of its line or item.
    pub(super) number: u64,
    /// Its id as it is; empty if it is made of a text.
    pub(super) product_id: String,
    /// The texts of which its id is made.
    pub(super) ids: Vec<String>,
    pub(super) content: Content,
    /// Its columns, if they may be needed for the file of refused rows.
    pub(super) row: Option<Vec<(String, String)>>,
}

/// What a row became.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Content {
    /// The members of a line without its product.
    Body(String),
    /// A command that names its product.
    Command(String),
    /// Nothing, for this reason.
    Refused(String),
}

/// A row that is no longer waiting.
#[derive(Debug)]
pub(in crate::import) enum Settled {
    /// It can be sent.
    Line(NumberedLine),
    /// It cannot.
    Refused {
        /// The number of its line or item.
        number: u64,
        /// Its product, if that is known.
        product: Option<ProductId>,
        /// Why, for people.
        reason: String,
    },
}

/// Writes drafts.
pub(super) struct DraftWriter {
    file: BufWriter<File>,
    texts: Counts,
    rows: u64,
    has_commands: bool,
}

/// All drafts.
pub(in crate::import) struct Drafts {
    file: Arc<File>,
    texts: Counts,
    ids: Counts,
    hashes_ids: bool,
    /// How many there are.
    pub(in crate::import) rows: u64,
    /// Whether some are commands, of which a product may have several.
    pub(in crate::import) has_commands: bool,
    /// SHA-256 of the commands that they are, whatever is refused.
    pub(in crate::import) hash: Hash,
}

/// Which texts were seen once, and which more often, by a hash of 64 bits: of a million rows one in 40 million times two are
/// taken for the same, and refused.
#[derive(Default)]
struct Counts(HashMap<u64, bool>);

impl Counts {
    fn add(&mut self, text: impl std::hash::Hash) {
        self.0.entry(hashed(text)).and_modify(|is_one| *is_one = false).or_insert(true);
    }

    fn is_one(&self, text: impl std::hash::Hash) -> bool {
        self.0.get(&hashed(text)).copied().unwrap_or_default()
    }
}

fn hashed(text: impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

impl DraftWriter {
    pub(super) fn new() -> anyhow::Result<Self> {
        let file = tempfile::tempfile().with_context(not_written)?;
        Ok(Self {
            file: BufWriter::with_capacity(1 << 16, file),
            texts: Counts::default(),
            rows: 0,
            has_commands: false,
        })
    }

    pub(super) fn add(&mut self, draft: &Draft) -> anyhow::Result<()> {
        self.rows += 1;
        self.has_commands |= matches!(draft.content, Content::Command(_));
        // Of a single text nothing depends on whether another row has it too.
        if draft.ids.len() > 1 {
            for place_and_text in draft.ids.iter().enumerate() {
                self.texts.add(place_and_text);
            }
        }
        serde_json::to_writer(&mut self.file, draft).with_context(not_written)?;
        self.file.write_all(b"\n").with_context(not_written)
    }

    /// Looks which ids are those of one row alone.
    pub(super) fn finish(self, hashes_ids: bool) -> anyhow::Result<Drafts> {
        let file =
            self.file.into_inner().map_err(io::IntoInnerError::into_error).with_context(not_written)?;
        let mut drafts = Drafts {
            file: Arc::new(file),
            texts: self.texts,
            ids: Counts::default(),
            hashes_ids,
            rows: self.rows,
            has_commands: self.has_commands,
            hash: Hash::genesis(),
        };
        let (mut ids, mut digest) = (Counts::default(), Sha256::new());
        for draft in drafts.all() {
            let draft = draft?;
            match (&draft.content, drafts.id(&draft)) {
                (Content::Command(text), _) => digest.update(text),
                (Content::Body(body), Ok(Some(id))) => {
                    ids.add(id.as_str());
                    digest.update(id.as_str());
                    digest.update(body);
                }
                (_, Ok(Some(id))) => ids.add(id.as_str()),
                (_, Ok(None) | Err(_)) => {}
            }
            digest.update("\n");
        }
        drafts.ids = ids;
        drafts.hash = Hash::of_digest(&digest.finalize().into());
        Ok(drafts)
    }
}

fn not_written() -> String {
    format!("rows wait in a temporary file in {}, which cannot be used", std::env::temp_dir().display())
}

impl Drafts {
    /// All of them in the order of the file.
    pub(super) fn all(&self) -> impl Iterator<Item = anyhow::Result<Draft>> + use<> {
        let file = ReadFromStart::new(self.file.clone());
        BufReader::with_capacity(1 << 16, file).lines().map(|line| {
            let line = line.with_context(not_written)?;
            serde_json::from_str(&line).with_context(not_written)
        })
    }

    /// All of them as what is sent.
    pub(in crate::import) fn settled(self: Arc<Self>) -> impl Iterator<Item = anyhow::Result<Settled>> {
        self.all().map(move |draft| draft.map(|draft| self.settle(draft)))
    }

    fn settle(&self, draft: Draft) -> Settled {
        let number = draft.number;
        let id = self.id(&draft);
        let refused = |product, reason| Settled::Refused { number, product, reason };
        let (body, id) = match (draft.content, id) {
            (Content::Command(text), _) => {
                return match NumberedLine::parse(number, text.as_bytes()) {
                    Ok(line) => Settled::Line(line),
                    Err(reason) => refused(None, reason),
                };
            }
            (Content::Refused(reason), id) => return refused(id.ok().flatten(), reason),
            (Content::Body(_), Err(reason)) => return refused(None, reason),
            (Content::Body(_), Ok(None)) => return refused(None, "it has no id".to_owned()),
            (Content::Body(body), Ok(Some(id))) => (body, id),
        };
        if !self.ids.is_one(id.as_str()) {
            return refused(Some(id), "another row has the same id, so both are refused".to_owned());
        }
        // A body is an object with at least the command.
        let text = format!("{{\"product_id\":\"{id}\",{}", body.trim_start_matches('{'));
        match NumberedLine::parse(number, text.as_bytes()) {
            Ok(line) => Settled::Line(line),
            Err(reason) => refused(Some(id), reason),
        }
    }

    /// The id of a row, if no other row has it.
    pub(super) fn own_id(&self, draft: &Draft) -> Option<ProductId> {
        self.id(draft).ok().flatten().filter(|id| self.ids.is_one(id.as_str()))
    }

    /// The id that a row has; `None` for a row of which not even that is known.
    fn id(&self, draft: &Draft) -> Result<Option<ProductId>, String> {
        if !draft.product_id.is_empty() {
            let id = ProductId::new(draft.product_id.as_str());
            return id.map(Some).map_err(|error| format!("product_id {:?}: {error}", draft.product_id));
        }
        let own = draft.ids.iter().enumerate().find(|place_and_text| self.texts.is_one(*place_and_text));
        let text = own.map(|(_, text)| text).or(draft.ids.last());
        text.map(|text| id_of(text, self.hashes_ids)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drafts(rows: &[(&str, &[&str])]) -> Arc<Drafts> {
        let mut writer = DraftWriter::new().unwrap();
        for ((product_id, ids), number) in rows.iter().zip(2..) {
            let content = Content::Body(r#"{"command":"put"}"#.to_owned());
            let ids = ids.iter().map(|&text| text.to_owned()).collect();
            writer
                .add(&Draft { number, product_id: (*product_id).to_owned(), ids, content, row: None })
                .unwrap();
        }
        Arc::new(writer.finish(false).unwrap())
    }

    fn settled(rows: &[(&str, &[&str])]) -> Vec<String> {
        let told = |settled| match settled {
            Settled::Line(line) => line.product_id.to_string(),
            Settled::Refused { reason, .. } => format!("! {reason}"),
        };
        drafts(rows).settled().map(|row| told(row.unwrap())).collect()
    }

    #[test]
    fn an_id_is_made_of_the_first_text_that_no_other_row_has_or_of_the_last() {
        let rows: [(&str, &[&str]); 6] = [
            ("", &["s1", "h/red"]),
            ("", &["s2", "h/blue"]),
            ("", &["s2", "h/green"]),
            ("", &["h/white"]),
            ("as-it.is~", &["s9"]),
            ("a b", &[]),
        ];
        let ids = settled(&rows);
        assert_eq!(ids[..5], ["s1", "h~2Fblue", "h~2Fgreen", "h~2Fwhite", "as-it.is~"]);
        assert!(ids[5].starts_with("! product_id \"a b\": a product id"), "{ids:?}");
    }

    #[test]
    fn of_rows_with_the_same_id_none_is_sent_however_it_came_about() {
        let rows: [(&str, &[&str]); 5] = [("", &["a"]), ("", &["b"]), ("", &["a"]), ("b", &[]), ("", &["c"])];
        let ids = settled(&rows);
        assert_eq!(ids[4], "c");
        assert!(ids[..4].iter().all(|told| told.contains("the same id")), "{ids:?}");
    }

    #[test]
    fn the_name_of_an_import_is_a_hash_of_its_commands() {
        let hash = |rows: &[(&str, &[&str])]| drafts(rows).hash.clone();
        assert_eq!(hash(&[("a", &[]), ("b", &[])]), hash(&[("", &["a"]), ("", &["b"])]));
        assert_ne!(hash(&[("a", &[]), ("b", &[])]), hash(&[("b", &[]), ("a", &[])]));
        assert_ne!(hash(&[("ab", &[])]), hash(&[("a", &[])]));
    }
}
