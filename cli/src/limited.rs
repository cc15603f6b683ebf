//! Files that others wrote: only regular ones, and none longer than it can be.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Context;

/// The bytes of a file.
///
/// # Errors
/// One line with the path: it cannot be read, is no regular file, or is longer than `most` bytes.
pub(crate) fn read(path: &Path, most: usize) -> anyhow::Result<Vec<u8>> {
    let unreadable = || format!("{} cannot be read", path.display());
    // A pipe would be waited for.
    let is_file = std::fs::metadata(path).with_context(unreadable)?.is_file();
    anyhow::ensure!(is_file, "{} is not a file", path.display());
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(unreadable)?;
    file.take(most as u64 + 1).read_to_end(&mut bytes).with_context(unreadable)?;
    anyhow::ensure!(bytes.len() <= most, "{} is longer than {most} bytes", path.display());
    Ok(bytes)
}
