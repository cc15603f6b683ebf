//! The text of a file: unpacked if it is gzip, decoded if it is not UTF-8.
//!
//! The promise: what cannot be decoded is an error that names the place and the likely encoding; no byte is replaced or dropped.

use std::cell::Cell;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};
use flate2::read::MultiGzDecoder;

/// Bytes read at once.
const BUFFER: usize = 64 << 10;
/// The most bytes of a row or an item; the server accepts bodies of 64 KB.
pub(super) const LARGEST_ROW: u64 = 4 << 20;
/// So much of the beginning tells what a file is.
const BEGINNING: usize = 8 << 10;

/// The text of a file, from its beginning.
pub(super) struct TextSource {
    reader: BufReader<Limited>,
    /// The encoding it is read in.
    pub(super) encoding: &'static Encoding,
    /// Whether it was unpacked.
    pub(super) is_gzip: bool,
    /// Lines at the beginning that were taken and are no part of the rows.
    pub(super) taken_lines: u64,
    since_row: Rc<Cell<u64>>,
}

/// Resets the count of bytes that a row may have.
#[derive(Clone)]
pub(super) struct RowLimit(Rc<Cell<u64>>);

impl RowLimit {
    /// A row has ended.
    pub(super) fn row_ends(&self) {
        self.0.set(0);
    }
}

/// A reader that ends with an error where a row has too many bytes, for example because a quote is never closed.
struct Limited {
    inner: Box<dyn Read>,
    since_row: Rc<Cell<u64>>,
}

impl TextSource {
    /// Opens a file; `encoding` if it was given, or what its first bytes say, or UTF-8.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn open(file: impl Read + 'static, encoding: Option<&'static Encoding>) -> io::Result<Self> {
        let mut packed = BufReader::with_capacity(BUFFER, file);
        let is_gzip = beginning(&mut packed)?.starts_with(&[0x1f, 0x8b]);
        let unpacked: Box<dyn Read> =
            if is_gzip { Box::new(MultiGzDecoder::new(packed)) } else { Box::new(packed) };
        let mut bytes = BufReader::with_capacity(BUFFER, unpacked);
        let encoding = match encoding {
            Some(encoding) => encoding,
            None => encoding_of(beginning(&mut bytes)?),
        };
        let text = DecodedText::new(bytes, encoding);
        let since_row = Rc::<Cell<u64>>::default();
        let limited = Limited { inner: Box::new(text), since_row: since_row.clone() };
        Ok(Self {
            reader: BufReader::with_capacity(BUFFER, limited),
            encoding,
            is_gzip,
            taken_lines: 0,
            since_row,
        })
    }

    /// The first characters, which stay to be read.
    pub(super) fn beginning(&mut self) -> io::Result<String> {
        let text = beginning(&mut self.reader)?;
        Ok(String::from_utf8_lossy(&text[..text.len().min(BEGINNING)]).into_owned())
    }

    pub(super) fn limit(&self) -> RowLimit {
        RowLimit(self.since_row.clone())
    }
}

impl Read for TextSource {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

impl BufRead for TextSource {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.reader.consume(amount);
    }
}

impl Read for Limited {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_row.get() > LARGEST_ROW {
            return Err(io::Error::other(format!(
                "a row has more than {LARGEST_ROW} bytes; a quote may be missing at the end of a value"
            )));
        }
        let read = self.inner.read(buffer)?;
        self.since_row.set(self.since_row.get() + read as u64);
        Ok(read)
    }
}

/// The first bytes, as many as the buffer takes.
fn beginning<R: Read>(reader: &mut BufReader<R>) -> io::Result<&[u8]> {
    reader.fill_buf()
}

/// What the first bytes say: a byte order mark, the zero bytes of UTF-16, or the declaration of an XML document.
fn encoding_of(bytes: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return encoding;
    }
    // Names of columns and punctuation are ASCII: of each two bytes one is zero.
    match bytes {
        [0, second, ..] if *second != 0 => UTF_16BE,
        [first, 0, third, ..] if *first != 0 && *third != 0 => UTF_16LE,
        _ => declared(bytes).unwrap_or(UTF_8),
    }
}

/// The encoding that an XML declaration names.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let declaration = bytes.trim_ascii_start().strip_prefix(b"<?xml")?;
    let end = declaration.iter().position(|byte| *byte == b'>')?;
    let declaration = std::str::from_utf8(&declaration[..end]).ok()?;
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    Encoding::for_label(value[1..].split(quote).next()?.as_bytes())
}

/// Text as UTF-8, without a byte order mark.
struct DecodedText<R> {
    bytes: BufReader<R>,
    decoder: Decoder,
    encoding: &'static Encoding,
    /// Text that was decoded and not yet taken.
    text: Vec<u8>,
    taken: usize,
    lines: u64,
    is_ended: bool,
}

impl<R: Read> DecodedText<R> {
    fn new(bytes: BufReader<R>, encoding: &'static Encoding) -> Self {
        let decoder = encoding.new_decoder_with_bom_removal();
        Self { bytes, decoder, encoding, text: Vec::new(), taken: 0, lines: 1, is_ended: false }
    }

    /// Decodes some more.
    fn decode(&mut self) -> io::Result<()> {
        (self.text, self.taken) = (vec![0; BUFFER], 0);
        let bytes = self.bytes.fill_buf()?;
        let is_last = bytes.is_empty();
        let (result, read, written) =
            self.decoder.decode_to_utf8_without_replacement(bytes, &mut self.text, is_last);
        let bad = match result {
            DecoderResult::Malformed(length, after) => {
                let end = read.saturating_sub(usize::from(after));
                let start = end.saturating_sub(usize::from(length));
                Some(bytes[start..end].to_vec())
            }
            DecoderResult::InputEmpty | DecoderResult::OutputFull => None,
        };
        self.text.truncate(written);
        self.lines += self.text.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.bytes.consume(read);
        match bad {
            Some(bad) => Err(io::Error::other(self.cannot_decode(&bad))),
            None => {
                self.is_ended = is_last && result == DecoderResult::InputEmpty;
                Ok(())
            }
        }
    }

    fn cannot_decode(&self, bad: &[u8]) -> String {
        let mut shown = String::new();
        for byte in bad {
            let _ = write!(shown, " 0x{byte:02X}");
        }
        let likely = match bad {
            [byte] if self.encoding == UTF_8 => {
                let windows = encoding_rs::WINDOWS_1252.decode_without_bom_handling(&[*byte]).0.into_owned();
                format!(
                    "; in windows-1252 this is {windows:?}: if that is right, give --encoding windows-1252"
                )
            }
            _ => "; give the file's encoding by --encoding".to_owned(),
        };
        let shown = if shown.is_empty() { " at its end".to_owned() } else { shown };
        format!("line {} is not {}:{shown}{likely}", self.lines, self.encoding.name())
    }
}

impl<R: Read> Read for DecodedText<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.text.len() {
            if self.is_ended {
                return Ok(0);
            }
            self.decode()?;
        }
        let part = &self.text[self.taken..];
        let length = part.len().min(buffer.len());
        buffer[..length].copy_from_slice(&part[..length]);
        self.taken += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use encoding_rs::WINDOWS_1252;

    use super::*;

    fn text(bytes: &[u8], encoding: Option<&'static Encoding>) -> Result<String, String> {
        let mut source = TextSource::open(io::Cursor::new(bytes.to_vec()), encoding).unwrap();
        let mut text = String::new();
        source.read_to_string(&mut text).map(|_| text).map_err(|error| error.to_string())
    }

    fn utf_16(text: &str, is_little: bool) -> Vec<u8> {
        let bytes = |unit: u16| if is_little { unit.to_le_bytes() } else { unit.to_be_bytes() };
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn each_encoding_that_the_first_bytes_tell_is_read() {
        let rows = "name;price\nMütze €;9,50\n";
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(rows.as_bytes()).unwrap();
        let gzip = gzip.finish().unwrap();
        for bytes in [
            rows.as_bytes().to_vec(),
            format!("\u{feff}{rows}").into_bytes(),
            utf_16(&format!("\u{feff}{rows}"), true),
            utf_16(&format!("\u{feff}{rows}"), false),
            utf_16(rows, true),
            utf_16(rows, false),
            gzip,
        ] {
            assert_eq!(text(&bytes, None).as_deref(), Ok(rows));
        }
        let xml = "<?xml version=\"1.0\" encoding='windows-1252'?><a>é</a>";
        assert_eq!(text(&WINDOWS_1252.encode(xml).0, None).as_deref(), Ok(xml));
        assert_eq!(text(&WINDOWS_1252.encode(rows).0, Some(WINDOWS_1252)).as_deref(), Ok(rows));
    }

    #[test]
    fn what_is_not_in_its_encoding_is_named_and_nothing_is_replaced() {
        let bytes = WINDOWS_1252.encode("name\nMütze\n").0.into_owned();
        let told = text(&bytes, None).unwrap_err();
        assert!(told.starts_with("line 2 is not UTF-8: 0xFC") && told.contains("\"ü\""), "{told}");
        assert!(told.ends_with("--encoding windows-1252"), "{told}");
        let half = &utf_16("\u{feff}ab", true)[..5];
        assert!(text(half, None).unwrap_err().contains("is not UTF-16LE"), "{:?}", text(half, None));
    }

    #[test]
    fn gzip_that_is_cut_off_is_an_error() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all("row\n".repeat(10_000).as_bytes()).unwrap();
        let bytes = gzip.finish().unwrap();
        assert!(text(&bytes[..bytes.len() - 9], None).is_err());
    }

    #[test]
    fn a_row_has_a_largest_size_and_many_rows_have_none() {
        let bytes = vec![b'x'; 3 * usize::try_from(LARGEST_ROW).unwrap()];
        assert!(text(&bytes, None).unwrap_err().contains("a quote may be missing"));
        let mut source = TextSource::open(io::Cursor::new(bytes.clone()), None).unwrap();
        let (limit, mut buffer, mut all) = (source.limit(), vec![0; BUFFER], 0);
        loop {
            let read = source.read(&mut buffer).unwrap();
            if read == 0 {
                break;
            }
            all += read;
            limit.row_ends();
        }
        assert_eq!(all, bytes.len());
    }
}
