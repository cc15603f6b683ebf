//! Signed notes (C2SP signed-note): a text, an empty line, and signatures of named keys.
//!
//! The promise: a note is read only in the form in which it is written, so nothing can be added to one unnoticed but further
//! signatures.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The longest note, in bytes; signatures of witnesses may have some thousand bytes each.
pub const MOST_BYTES: usize = 256 << 10;

/// The most signatures of a note.
pub const MOST_SIGNATURES: usize = 100;

/// What every line of a signature begins with.
const SIGNED: &str = "\u{2014} ";

/// A note, whose signatures nobody has checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    /// The text that is signed; ends with a newline.
    pub text: String,
    /// The signatures, at least one.
    pub signatures: Vec<NoteSignature>,
}

/// A signature of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// The name of the key.
    pub name: String,
    /// The id of the key.
    pub key_id: u32,
    /// The signature itself; its form depends on the key.
    pub signature: Vec<u8>,
}

/// The bytes are not a signed note.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoteError {
    /// It is too long.
    #[error("is longer than {MOST_BYTES} bytes")]
    TooLong,
    /// It is not text, or has control characters.
    #[error("is not text in UTF-8 without control characters")]
    NotText,
    /// It has no empty line, or nothing before it.
    #[error("has no text with an empty line behind it")]
    NoText,
    /// It has no signatures.
    #[error("has no signatures")]
    Unsigned,
    /// It has too many signatures.
    #[error("has more than {MOST_SIGNATURES} signatures")]
    TooMany,
    /// A line of a signature has another form.
    #[error("line {0} of its signatures is not a signature")]
    Signature(usize),
}

impl SignedNote {
    /// Reads a note.
    ///
    /// # Errors
    /// [`NoteError`]: it is none, or was damaged on its way.
    pub fn read(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MOST_BYTES {
            return Err(NoteError::TooLong);
        }
        let is_control = |c: char| c < ' ' && c != '\n';
        let note = std::str::from_utf8(bytes).ok().filter(|note| !note.contains(is_control));
        let note = note.ok_or(NoteError::NotText)?;
        // Within the text there may be empty lines: the last one ends it.
        let end = note.rfind("\n\n").filter(|end| *end > 0).ok_or(NoteError::NoText)?;
        let (text, signatures) = (&note[..=end], &note[end + 2..]);
        let lines = signatures.strip_suffix('\n').ok_or(NoteError::Unsigned)?;
        let mut read = Vec::new();
        for (line, signature) in (1..).zip(lines.split('\n')) {
            if line > MOST_SIGNATURES {
                return Err(NoteError::TooMany);
            }
            read.push(NoteSignature::read(signature).ok_or(NoteError::Signature(line))?);
        }
        Ok(Self { text: text.to_owned(), signatures: read })
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl NoteSignature {
    /// Reads the line of a signature, without its line feed.
    #[must_use]
    pub fn read(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(SIGNED)?.split_once(' ')?;
        let bytes = STANDARD.decode(encoded).ok()?;
        let (key_id, signature) = bytes.split_first_chunk()?;
        (is_key_name(name) && !signature.is_empty()).then(|| Self {
            name: name.to_owned(),
            key_id: u32::from_be_bytes(*key_id),
            signature: signature.to_vec(),
        })
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.key_id.to_be_bytes(), self.signature.as_slice()].concat();
        write!(f, "{SIGNED}{} {}", self.name, STANDARD.encode(bytes))
    }
}

/// Whether a key can have this name.
#[must_use]
pub fn is_key_name(name: &str) -> bool {
    let is_allowed = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
    !name.is_empty() && name.chars().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "\u{2014} example.com/log AAAAAWE=\n";

    #[test]
    fn a_note_is_read_as_it_was_written() {
        for note in [
            format!("text\n\n{LINE}"),
            format!("a text\n\nwith an empty line\n\n{LINE}{LINE}"),
            format!("\n\n\n{LINE}"),
            format!("text\n\n{}", LINE.repeat(MOST_SIGNATURES)),
        ] {
            let read = SignedNote::read(note.as_bytes()).unwrap();
            assert_eq!(read.to_string(), note);
            assert_eq!((read.signatures[0].key_id, read.signatures[0].signature.as_slice()), (1, &b"a"[..]));
        }
        let read = SignedNote::read(format!("a\n\nb\n\n{LINE}").as_bytes()).unwrap();
        assert_eq!(read.text, "a\n\nb\n");
    }

    #[test]
    fn every_other_form_is_refused() {
        let signed = |line: &str| format!("text\n\n{line}\n");
        for (note, error) in [
            (String::new(), NoteError::NoText),
            ("text\n".to_owned(), NoteError::NoText),
            (format!("\n\n{LINE}"), NoteError::NoText),
            (format!("text\n{LINE}"), NoteError::NoText),
            ("text\n\n".to_owned(), NoteError::Unsigned),
            (format!("text\n\n{}", LINE.trim_end()), NoteError::Unsigned),
            (format!("te\rxt\n\n{LINE}"), NoteError::NotText),
            (format!("te\0xt\n\n{LINE}"), NoteError::NotText),
            (format!("text\n\n{}", LINE.repeat(MOST_SIGNATURES + 1)), NoteError::TooMany),
            (format!("{}\n\n{LINE}", "t".repeat(MOST_BYTES)), NoteError::TooLong),
            (format!("text\n\n{LINE}more\n"), NoteError::Signature(2)),
            (signed("- example.com/log AAAAAWE="), NoteError::Signature(1)),
            (signed("\u{2014}example.com/log AAAAAWE="), NoteError::Signature(1)),
            (signed("\u{2014}  AAAAAWE="), NoteError::Signature(1)),
            (signed("\u{2014} a+b AAAAAWE="), NoteError::Signature(1)),
            (signed("\u{2014} a\u{a0}b AAAAAWE="), NoteError::Signature(1)),
            (signed("\u{2014} a b AAAAAWE="), NoteError::Signature(1)),
            (signed("\u{2014} a AAAAAWE"), NoteError::Signature(1)),
            (signed("\u{2014} a AAAAAWF="), NoteError::Signature(1)),
            (signed("\u{2014} a AAAAAWE= "), NoteError::Signature(1)),
            (signed("\u{2014} a AAAAAQ=="), NoteError::Signature(1)),
            (signed("\u{2014} a AAAA"), NoteError::Signature(1)),
        ] {
            assert_eq!(SignedNote::read(note.as_bytes()), Err(error), "{note:.80}");
        }
        assert_eq!(SignedNote::read(b"te\xffxt\n\n"), Err(NoteError::NotText));
    }
}
