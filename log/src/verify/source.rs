//! Where the files of a log are read from.

use crate::bundle;
use crate::path::{LogPath, TILE_WIDTH};
use crate::tiles;
use crate::tree::TreeHash;
use crate::verify::fault::LogFault;

/// A directory, a web server, or a store, that has the files of a log.
pub trait LogSource: Sync {
    /// Why something could not be read.
    type Error: Send;

    /// The bytes of a file; none if there is no such file. A file that is longer than [`LogPath::most_bytes`] may be cut off
    /// behind one byte more.
    fn read(&self, path: LogPath) -> impl Future<Output = Result<Option<Vec<u8>>, Self::Error>> + Send;
}

/// What is read of a log: the content of a file, or the fault in its place.
pub(super) type Content<T> = Result<T, LogFault>;

/// The hashes of a tile.
pub(super) async fn tile<S: LogSource>(
    source: &S,
    path: LogPath,
) -> Result<Content<Vec<TreeHash>>, S::Error> {
    let file = whole_or_partial(source, path).await?;
    Ok(file.and_then(|(bytes, width)| {
        let damaged = || LogFault::damaged(path, format!("it does not have {width} hashes"));
        let mut hashes = tiles::read(&bytes, width).ok_or_else(damaged)?;
        hashes.truncate(path.width().into());
        Ok(hashes)
    }))
}

/// The entries of a bundle.
pub(super) async fn entries<S: LogSource>(
    source: &S,
    path: LogPath,
) -> Result<Content<Vec<Vec<u8>>>, S::Error> {
    let file = whole_or_partial(source, path).await?;
    Ok(file.and_then(|(bytes, width)| {
        let entries = bundle::read(&bytes, width.into());
        let entries = entries.map_err(|error| LogFault::damaged(path, format!("it {error}")))?;
        Ok(entries.into_iter().take(path.width().into()).map(<[u8]>::to_vec).collect())
    }))
}

/// The bytes of a file with the number of its hashes or entries: where a partial file was removed, those of the full one.
async fn whole_or_partial<S: LogSource>(
    source: &S,
    path: LogPath,
) -> Result<Content<(Vec<u8>, u16)>, S::Error> {
    if let Some(bytes) = source.read(path).await? {
        return Ok(Ok((bytes, path.width())));
    }
    let full = if path.width() < TILE_WIDTH { source.read(path.full()).await? } else { None };
    Ok(full.map(|bytes| (bytes, TILE_WIDTH)).ok_or(LogFault::Missing { path }))
}

/// The paths of a bundle and of the tile over it, in a log of this size.
pub(super) fn paths(number: u64, size: u64) -> (LogPath, LogPath) {
    let left = size.saturating_sub(number * u64::from(TILE_WIDTH));
    let width = u16::try_from(left).map_or(TILE_WIDTH, |left| left.min(TILE_WIDTH));
    let tile = LogPath::Tile { level: 0, index: number, width };
    (LogPath::Entries { index: number, width }, tile)
}
