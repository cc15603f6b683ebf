//! All files of a log of given entries, without its checkpoint.

use crate::bundle::{self, EntryTooLong};
use crate::path::{LogPath, TILE_WIDTH};
use crate::tiles::{self, TileBuilder};
use crate::tree::{TreeHash, entry_hash};

/// The files of a log, and the root that its checkpoint has to name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFiles {
    /// Each path with its bytes: entry bundles, then tiles.
    pub files: Vec<(LogPath, Vec<u8>)>,
    /// The root.
    pub root: TreeHash,
    /// How many entries there are.
    pub size: u64,
}

impl LogFiles {
    /// The files of a log of these entries.
    ///
    /// # Errors
    /// [`EntryTooLong`]: the log cannot have this entry.
    pub fn of(entries: &[impl AsRef<[u8]>]) -> Result<Self, EntryTooLong> {
        let (mut files, mut builder, mut full) = (Vec::new(), TileBuilder::default(), Vec::new());
        for (index, entries) in (0..).zip(entries.chunks(TILE_WIDTH.into())) {
            let mut bundle = Vec::new();
            for entry in entries {
                bundle::push(&mut bundle, entry.as_ref())?;
                builder.push(entry_hash(entry.as_ref()), &mut full);
            }
            let width = u16::try_from(entries.len()).unwrap_or(TILE_WIDTH);
            files.push((LogPath::Entries { index, width }, bundle));
        }
        files.extend(full.iter().map(|(path, hashes)| (*path, tiles::bytes(hashes))));
        files.extend(builder.partial().map(|(path, hashes)| (path, tiles::bytes(hashes))));
        Ok(Self { files, root: builder.root(), size: builder.size() })
    }
}
