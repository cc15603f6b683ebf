//! Standard output and standard error for people and pipes: whoever stops reading, as `head` does, has seen enough, and
//! no command fails or panics because of it.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// Whether somebody still reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// Go on.
    On,
    /// Nobody does.
    NoMore,
}

/// Prints.
///
/// # Errors
/// That of standard output, other than that nobody reads it any more.
pub fn print(text: &str) -> io::Result<Read> {
    let mut out = io::stdout().lock();
    match to(&mut out, text.as_bytes())? {
        Read::On => flush(&mut out),
        Read::NoMore => Ok(Read::NoMore),
    }
}

/// Prints a line.
///
/// # Errors
/// That of standard output, other than that nobody reads it any more.
pub fn line(text: impl Display) -> io::Result<Read> {
    print(&format!("{text}\n"))
}

/// Tells a line on standard error. Where it cannot be written there is nobody to tell that to.
pub fn tell(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Writes; what the writer keeps back, [`flush`] writes out.
///
/// # Errors
/// That of the writer, other than that nobody reads it any more.
pub fn to(writer: &mut impl Write, bytes: &[u8]) -> io::Result<Read> {
    read(writer.write_all(bytes))
}

/// Writes out what was kept back.
///
/// # Errors
/// That of the writer, other than that nobody reads it any more.
pub fn flush(writer: &mut impl Write) -> io::Result<Read> {
    read(writer.flush())
}

fn read(written: io::Result<()>) -> io::Result<Read> {
    match written {
        Ok(()) => Ok(Read::On),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Read::NoMore),
        Err(error) => Err(error),
    }
}
