//! Reads a file from its start, whoever else reads it.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// A reader of an open file with a place of its own.
#[derive(Debug)]
pub(super) struct ReadFromStart {
    file: Arc<File>,
    offset: u64,
}

impl ReadFromStart {
    pub(super) fn new(file: Arc<File>) -> Self {
        Self { file, offset: 0 }
    }
}

impl Read for ReadFromStart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}
