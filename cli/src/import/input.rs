//! The input of an import, line by line: a file, a pipe or standard input. Memory holds neither the input nor a line that is too
//! long for the server.

use std::io::{self, SeekFrom};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use encoding_rs::Encoding;
use schema::Hash;
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufReader,
};

use super::files::{is_packed, unpacked};

/// The server accepts bodies of 64 KB; blanks around the members are not sent.
pub(super) const LONGEST_LINE: usize = 1 << 20;
/// Bytes read at once.
const BUFFER: usize = 64 << 10;

type Reader = Box<dyn AsyncBufRead + Send + Unpin>;

/// An input, at its beginning.
pub(super) struct Input {
    reader: Reader,
    /// The summary of a first reading; `None` if the input cannot be read twice.
    pub(super) summary: Option<InputSummary>,
    digest: Sha256,
    /// What is read, if it can be read again.
    pub(super) again: Option<Arc<std::fs::File>>,
}

/// Hash and size of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InputSummary {
    /// SHA-256 of every byte.
    pub(super) hash: Hash,
    pub(super) lines: u64,
    bytes: u64,
}

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum InputLine {
    /// A line without its end.
    Line(Vec<u8>),
    /// A line of more than [`LONGEST_LINE`] bytes, which was skipped.
    TooLong,
    /// The end of the input.
    End,
}

impl Input {
    /// Opens a file, a pipe, or with `-` standard input. If a summary is needed, an input that cannot be read twice is copied
    /// to a temporary file, and so is one that is packed or no UTF-8: it is read as what it unpacks to.
    ///
    /// # Errors
    /// When it cannot be read or copied.
    pub(super) async fn open(
        path: &Path,
        needs_summary: bool,
        encoding: Option<&'static Encoding>,
    ) -> anyhow::Result<Self> {
        let unread = || format!("{} cannot be read", path.display());
        if path == Path::new("-") {
            let unread = || "standard input cannot be read".to_owned();
            let input = io::stdin().as_fd().try_clone_to_owned().with_context(unread)?;
            let input = File::from_std(std::fs::File::from(input));
            is_no_directory(&input).await.with_context(unread)?;
            return Self::pipe(input, needs_summary, encoding).await.with_context(unread);
        }
        let file = File::open(path).await.with_context(unread)?;
        is_no_directory(&file).await.with_context(unread)?;
        if file.metadata().await.with_context(unread)?.is_file() {
            Self::file(file, encoding).await.with_context(unread)
        } else {
            Self::pipe(file, needs_summary, encoding).await.with_context(unread)
        }
    }

    async fn file(mut file: File, encoding: Option<&'static Encoding>) -> anyhow::Result<Self> {
        let mut beginning = [0; 2];
        let known = file.read(&mut beginning).await?;
        file.seek(SeekFrom::Start(0)).await?;
        if encoding.is_some() || is_packed(&beginning[..known]) {
            file = File::from_std(unpacked(file.into_std().await, encoding).await?);
            file.seek(SeekFrom::Start(0)).await?;
        }
        let again = file.try_clone().await?.into_std().await;
        let summary = summarize(&mut file, &mut tokio::io::sink()).await?;
        file.seek(SeekFrom::Start(0)).await?;
        // What is appended later belongs to another import.
        let reader = BufReader::with_capacity(BUFFER, file.take(summary.bytes));
        let (reader, again) = (Box::new(reader), Some(Arc::new(again)));
        Ok(Self { reader, summary: Some(summary), digest: Sha256::new(), again })
    }

    async fn pipe(
        pipe: impl AsyncRead + Send + Unpin + 'static,
        needs_summary: bool,
        encoding: Option<&'static Encoding>,
    ) -> anyhow::Result<Self> {
        let mut pipe = BufReader::with_capacity(BUFFER, pipe);
        if !needs_summary && encoding.is_none() && !is_packed(pipe.fill_buf().await?) {
            return Ok(Self { reader: Box::new(pipe), summary: None, digest: Sha256::new(), again: None });
        }
        let not_copied = || {
            let directory = std::env::temp_dir();
            format!("a pipe is copied to {} unless --batch names the import", directory.display())
        };
        let mut copy = File::from_std(tempfile::tempfile().with_context(not_copied)?);
        summarize(&mut pipe, &mut copy).await.with_context(not_copied)?;
        copy.seek(SeekFrom::Start(0)).await.with_context(not_copied)?;
        Self::file(copy, encoding).await
    }

    /// The next line.
    ///
    /// # Errors
    /// When the input cannot be read.
    pub(super) async fn next(&mut self) -> io::Result<InputLine> {
        let (mut line, mut length) = (Vec::new(), 0);
        loop {
            let read = self.reader.fill_buf().await?;
            if read.is_empty() {
                return Ok(if length == 0 { InputLine::End } else { whole(line, length) });
            }
            let end = read.iter().position(|byte| *byte == b'\n');
            let part = &read[..end.unwrap_or(read.len())];
            length += part.len();
            if length <= LONGEST_LINE {
                line.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.digest.update(&read[..used]);
            self.reader.consume(used);
            if end.is_some() {
                return Ok(whole(line, length));
            }
        }
    }

    /// Whether the input that was read to its end is that of the summary.
    pub(super) fn is_unchanged(&self) -> bool {
        let read = Hash::of_digest(&self.digest.clone().finalize().into());
        self.summary.as_ref().is_none_or(|summary| summary.hash == read)
    }
}

async fn is_no_directory(file: &File) -> anyhow::Result<()> {
    let is_directory = file.metadata().await?.is_dir();
    anyhow::ensure!(!is_directory, "it is a directory; an import reads a file, a pipe or - (standard input)");
    Ok(())
}

fn whole(line: Vec<u8>, length: usize) -> InputLine {
    if length <= LONGEST_LINE { InputLine::Line(line) } else { InputLine::TooLong }
}

/// Reads everything and copies it.
async fn summarize(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl tokio::io::AsyncWrite + Unpin),
) -> io::Result<InputSummary> {
    let (mut digest, mut lines, mut bytes, mut last) = (Sha256::new(), 0, 0, b'\n');
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = from.read(&mut buffer).await?;
        let part = &buffer[..read];
        let Some(end) = part.last() else { break };
        last = *end;
        lines += part.split(|byte| *byte == b'\n').count() as u64 - 1;
        bytes += read as u64;
        digest.update(part);
        to.write_all(part).await?;
    }
    to.flush().await?;
    let unended = u64::from(last != b'\n');
    Ok(InputSummary { hash: Hash::of_digest(&digest.finalize().into()), lines: lines + unended, bytes })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    async fn lines(input: &mut Input) -> Vec<InputLine> {
        let mut lines = Vec::new();
        loop {
            match input.next().await.unwrap() {
                InputLine::End => return lines,
                next => lines.push(next),
            }
        }
    }

    fn line(text: &str) -> InputLine {
        InputLine::Line(text.into())
    }

    #[tokio::test]
    async fn a_pipe_is_read_like_a_file_with_the_same_bytes() {
        for text in ["", "\n", "a", "a\n", "a\nb", "a\n\nb\n"] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            let mut file = Input::open(file.path(), true, None).await.unwrap();
            let mut copied = Input::pipe(text.as_bytes(), true, None).await.unwrap();
            let mut direct = Input::pipe(text.as_bytes(), false, None).await.unwrap();
            assert_eq!(file.summary, copied.summary);
            assert_eq!(direct.summary, None);
            let summary = file.summary.clone().unwrap();
            assert_eq!(summary.hash, Hash::of_digest(&Sha256::digest(text).into()));
            let read = lines(&mut file).await;
            assert_eq!(read.len() as u64, summary.lines, "{text:?}");
            assert_eq!(read, text.lines().map(line).collect::<Vec<_>>());
            assert_eq!(read, lines(&mut copied).await);
            assert_eq!(read, lines(&mut direct).await);
            assert!(file.is_unchanged() && copied.is_unchanged() && direct.is_unchanged());
        }
    }

    #[tokio::test]
    async fn what_is_packed_or_in_another_encoding_is_the_input_that_it_unpacks_to() {
        let text = "a\n\u{e9}\n";
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        let utf_16 =
            "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        for (bytes, encoding) in [
            (gzip.finish().unwrap(), None),
            (utf_16, None),
            (b"a\n\xe9\n".to_vec(), Some(encoding_rs::WINDOWS_1252)),
        ] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &bytes).unwrap();
            let mut input = Input::open(file.path(), true, encoding).await.unwrap();
            let mut piped = Input::pipe(io::Cursor::new(bytes), false, encoding).await.unwrap();
            let summary = input.summary.clone().unwrap();
            assert_eq!(summary.hash, Hash::of_digest(&Sha256::digest(text).into()));
            for input in [&mut input, &mut piped] {
                assert_eq!(lines(input).await, [line("a"), line("\u{e9}")]);
                assert!(input.is_unchanged());
            }
        }
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_skipped_and_the_next_one_read() {
        let text = format!("{}\n{}\nb\n", "x".repeat(LONGEST_LINE), "x".repeat(LONGEST_LINE + 1));
        let mut input = Input::pipe(io::Cursor::new(text.into_bytes()), true, None).await.unwrap();
        let read = lines(&mut input).await;
        assert_eq!(read[1..], [InputLine::TooLong, line("b")]);
        assert!(matches!(&read[0], InputLine::Line(line) if line.len() == LONGEST_LINE));
    }

    #[tokio::test]
    async fn what_is_appended_is_not_read_and_what_is_changed_is_noticed() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"a\nb").unwrap();
        let mut input = Input::open(file.path(), true, None).await.unwrap();
        file.write_all(b"c\nd\n").unwrap();
        assert_eq!(lines(&mut input).await, [line("a"), line("b")]);
        assert!(input.is_unchanged());
        let mut input = Input::open(file.path(), true, None).await.unwrap();
        std::fs::write(file.path(), "a\nX").unwrap();
        lines(&mut input).await;
        assert!(!input.is_unchanged());
    }
}
