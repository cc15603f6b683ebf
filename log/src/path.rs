//! The paths of a log's files (C2SP tlog-tiles): the checkpoint, tiles of hashes, and bundles of entries.
//!
//! The promise: a path is read only in the one form in which it is written.

use std::fmt;
use std::str::FromStr;

use crate::note;

/// Hashes of a full tile, entries of a full bundle.
pub const TILE_WIDTH: u16 = 256;

/// The highest level of a tile.
const HIGHEST_LEVEL: u8 = 63;

/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// Bytes of the longest entry, with its length.
const ENTRY_BYTES: usize = 2 + u16::MAX as usize;

/// The path of a file, relative to the log's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LogPath {
    /// The newest signed checkpoint.
    Checkpoint,
    /// Hashes of a level: of entries at level 0, else of full tiles of the level below.
    Tile {
        /// The level, 0 to 63.
        level: u8,
        /// How many full tiles of the level are to its left.
        index: u64,
        /// How many hashes it has, 1 to 256.
        width: u16,
    },
    /// Entries.
    Entries {
        /// How many full bundles are to its left.
        index: u64,
        /// How many entries it has, 1 to 256.
        width: u16,
    },
}

/// The text is not the path of a file of a log.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("is not the path of a file of a log")]
pub struct InvalidLogPath;

impl LogPath {
    /// How many hashes or entries it has; of a checkpoint one.
    #[must_use]
    pub fn width(self) -> u16 {
        match self {
            Self::Checkpoint => 1,
            Self::Tile { width, .. } | Self::Entries { width, .. } => width,
        }
    }

    /// The full tile or bundle that takes the place of a partial one.
    #[must_use]
    pub fn full(self) -> Self {
        let width = TILE_WIDTH;
        match self {
            Self::Checkpoint => self,
            Self::Tile { level, index, .. } => Self::Tile { level, index, width },
            Self::Entries { index, .. } => Self::Entries { index, width },
        }
    }

    /// The most bytes that such a file has.
    #[must_use]
    pub fn most_bytes(self) -> usize {
        match self {
            Self::Checkpoint => note::MOST_BYTES,
            Self::Tile { width, .. } => HASH_BYTES * usize::from(width),
            Self::Entries { width, .. } => ENTRY_BYTES * usize::from(width),
        }
    }
}

impl fmt::Display for LogPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Checkpoint => f.write_str("checkpoint"),
            Self::Tile { level, index, width } => {
                write!(f, "tile/{level}/")?;
                numbered(f, index, width)
            }
            Self::Entries { index, width } => {
                f.write_str("tile/entries/")?;
                numbered(f, index, width)
            }
        }
    }
}

/// The index in groups of three digits, all but the last with an `x`, and the width of a partial file.
fn numbered(f: &mut fmt::Formatter<'_>, index: u64, width: u16) -> fmt::Result {
    let mut groups = vec![index % 1_000];
    let mut rest = index / 1_000;
    while rest > 0 {
        groups.push(rest % 1_000);
        rest /= 1_000;
    }
    for group in groups.iter().skip(1).rev() {
        write!(f, "x{group:03}/")?;
    }
    write!(f, "{:03}", groups[0])?;
    if width < TILE_WIDTH { write!(f, ".p/{width}") } else { Ok(()) }
}

impl FromStr for LogPath {
    type Err = InvalidLogPath;

    fn from_str(text: &str) -> Result<Self, InvalidLogPath> {
        let path = parsed(text).ok_or(InvalidLogPath)?;
        // What is written otherwise is another path: leading zeros, signs, the width of a full file.
        if path.to_string() == text { Ok(path) } else { Err(InvalidLogPath) }
    }
}

fn parsed(text: &str) -> Option<LogPath> {
    if text == "checkpoint" {
        return Some(LogPath::Checkpoint);
    }
    let (level, rest) = text.strip_prefix("tile/")?.split_once('/')?;
    let (number, width) = match rest.split_once(".p/") {
        Some((number, width)) => {
            (number, width.parse().ok().filter(|width| (1..TILE_WIDTH).contains(width))?)
        }
        None => (rest, TILE_WIDTH),
    };
    let mut index = 0_u64;
    for group in number.split('/') {
        let group: u64 =
            group.strip_prefix('x').unwrap_or(group).parse().ok().filter(|group| *group < 1_000)?;
        index = index.checked_mul(1_000)?.checked_add(group)?;
    }
    if level == "entries" {
        return Some(LogPath::Entries { index, width });
    }
    let level = level.parse().ok().filter(|level| *level <= HIGHEST_LEVEL)?;
    Some(LogPath::Tile { level, index, width })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_as_the_specification_shows() {
        for (path, text) in [
            (LogPath::Checkpoint, "checkpoint"),
            (LogPath::Tile { level: 0, index: 0, width: 256 }, "tile/0/000"),
            (LogPath::Tile { level: 0, index: 1_234_067, width: 256 }, "tile/0/x001/x234/067"),
            (LogPath::Tile { level: 1, index: 273, width: 112 }, "tile/1/273.p/112"),
            (LogPath::Tile { level: 63, index: 1_000, width: 1 }, "tile/63/x001/000.p/1"),
            (LogPath::Entries { index: 999, width: 255 }, "tile/entries/999.p/255"),
            (
                LogPath::Entries { index: u64::MAX, width: 256 },
                "tile/entries/x018/x446/x744/x073/x709/x551/615",
            ),
        ] {
            assert_eq!(path.to_string(), text);
            assert_eq!(text.parse(), Ok(path));
        }
    }

    #[test]
    fn another_form_of_a_path_is_refused() {
        for text in [
            "",
            "/checkpoint",
            "checkpoint/",
            "tile",
            "tile/0",
            "tile/0/",
            "tile/0/0",
            "tile/0/00",
            "tile/00/000",
            "tile/+1/000",
            "tile/64/000",
            "tile/0/0000",
            "tile/0/x000/001",
            "tile/0/x001/x002",
            "tile/0/001/002",
            "tile/0/1000",
            "tile/0/x1/000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/+1",
            "tile/0/000.p/",
            "tile/0/000.p/1/",
            "tile/entries/x019/x000/x000/x000/x000/x000/000",
            "tile/data/000",
            "tile/8/0/000",
            "tile/0/../000",
        ] {
            assert_eq!(text.parse::<LogPath>(), Err(InvalidLogPath), "{text}");
        }
    }
}
