//! Entry bundles: the entries of a log, each behind its length as two bytes, the higher one first.

/// The longest entry, in bytes.
pub const LONGEST_ENTRY: usize = u16::MAX as usize;

/// The bytes are not a bundle of so many entries.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidBundle {
    /// It ends within an entry, or before the last one.
    #[error("ends within or before the {wanted} entries that it should have: it has {found}")]
    Short {
        /// How many whole entries it has.
        found: usize,
        /// How many it should have.
        wanted: usize,
    },
    /// Something follows the last entry.
    #[error("has {bytes} bytes behind its last entry")]
    Long {
        /// How many bytes.
        bytes: usize,
    },
}

/// An entry has more than 65535 bytes.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("an entry of the log has {0} bytes; at most {LONGEST_ENTRY} are possible")]
pub struct EntryTooLong(pub usize);

/// The entries of a bundle.
///
/// # Errors
/// [`InvalidBundle`] unless the bytes are exactly so many entries.
pub fn read(bytes: &[u8], count: usize) -> Result<Vec<&[u8]>, InvalidBundle> {
    let (mut entries, mut rest) = (Vec::with_capacity(count), bytes);
    while entries.len() < count {
        let short = InvalidBundle::Short { found: entries.len(), wanted: count };
        let Some((length, behind)) = rest.split_first_chunk() else { return Err(short) };
        let Some((entry, behind)) = behind.split_at_checked(usize::from(u16::from_be_bytes(*length))) else {
            return Err(short);
        };
        entries.push(entry);
        rest = behind;
    }
    if rest.is_empty() { Ok(entries) } else { Err(InvalidBundle::Long { bytes: rest.len() }) }
}

/// Adds an entry to a bundle.
///
/// # Errors
/// [`EntryTooLong`]: nothing was added.
pub fn push(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), EntryTooLong> {
    let length = u16::try_from(entry.len()).map_err(|_| EntryTooLong(entry.len()))?;
    bundle.extend(length.to_be_bytes());
    bundle.extend(entry);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_as_they_were_added() {
        let longest = vec![9; LONGEST_ENTRY];
        let entries: [&[u8]; 4] = [b"", b"a", &[7; 64], &longest];
        let mut bundle = Vec::new();
        for entry in entries {
            push(&mut bundle, entry).unwrap();
        }
        assert_eq!(bundle[..5], [0, 0, 0, 1, b'a']);
        assert_eq!(read(&bundle, 4).unwrap(), entries);
        assert_eq!(push(&mut bundle, &vec![0; LONGEST_ENTRY + 1]), Err(EntryTooLong(65_536)));
        assert_eq!(read(&bundle, 4).unwrap(), entries);
    }

    #[test]
    fn a_bundle_with_fewer_or_more_entries_is_refused() {
        let mut bundle = Vec::new();
        push(&mut bundle, b"one").unwrap();
        push(&mut bundle, b"two").unwrap();
        assert_eq!(read(&bundle, 3), Err(InvalidBundle::Short { found: 2, wanted: 3 }));
        assert_eq!(read(&bundle, 1), Err(InvalidBundle::Long { bytes: 5 }));
        for cut in 1..5 {
            assert_eq!(read(&bundle[..5 + cut], 2), Err(InvalidBundle::Short { found: 1, wanted: 2 }));
        }
    }
}
