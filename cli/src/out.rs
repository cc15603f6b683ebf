//! Standard output and standard error. A reader that stops reading, as `head` does, has seen enough: no command fails or
//! panics because of it.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::ops::ControlFlow;

use serde::Serialize;

/// Whether an output still has a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// It has.
    Open,
    /// Nobody reads it any more.
    Closed,
}

impl From<Output> for ControlFlow<()> {
    fn from(output: Output) -> Self {
        match output {
            Output::Open => Self::Continue(()),
            Output::Closed => Self::Break(()),
        }
    }
}

/// Prints.
///
/// # Errors
/// That of standard output, unless nobody reads it any more.
pub fn print(text: &str) -> io::Result<Output> {
    let mut out = io::stdout().lock();
    let printed = to(&mut out, text.as_bytes()).and_then(|output| match output {
        Output::Open => flush(&mut out),
        Output::Closed => Ok(Output::Closed),
    });
    printed
        .map_err(|error| io::Error::new(error.kind(), format!("standard output cannot be written: {error}")))
}

/// Prints a line.
///
/// # Errors
/// That of standard output, unless nobody reads it any more.
pub fn line(text: impl Display) -> io::Result<Output> {
    print(&format!("{text}\n"))
}

/// Prints JSON on a line, its members in alphabetical order.
///
/// # Errors
/// That of standard output, unless nobody reads it any more.
pub fn json(value: &impl Serialize) -> io::Result<Output> {
    line(serde_json::to_value(value)?)
}

/// Prints a line on standard error; if that fails, there is nowhere to say so.
pub fn message(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Writes to a writer that may keep something back, until [`flush`].
///
/// # Errors
/// That of the writer, unless nobody reads it any more.
pub fn to(writer: &mut impl Write, bytes: &[u8]) -> io::Result<Output> {
    output(writer.write_all(bytes))
}

/// Writes out what the writer kept back.
///
/// # Errors
/// That of the writer, unless nobody reads it any more.
pub fn flush(writer: &mut impl Write) -> io::Result<Output> {
    output(writer.flush())
}

fn output(written: io::Result<()>) -> io::Result<Output> {
    match written {
        Ok(()) => Ok(Output::Open),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Output::Closed),
        Err(error) => Err(error),
    }
}
