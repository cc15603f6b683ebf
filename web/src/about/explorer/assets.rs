//! The built files of the explorer, each compressed once by the build script: as it is for whoever takes gzip, inflated for others.

use miniz_oxide::inflate::decompress_to_vec;

/// What gzip has before and behind the compressed bytes; the build script writes no name and no comment.
const HEAD: usize = 10;

const TAIL: usize = 8;

/// A file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asset {
    /// Its name below `/ui/`.
    pub(super) name: &'static str,
    /// Its content as a file of gzip.
    pub(super) gzipped: &'static [u8],
}

/// The page.
pub(super) const INDEX: Asset =
    Asset { name: "index.html", gzipped: include_bytes!(concat!(env!("OUT_DIR"), "/explorer/index.html")) };

include!(concat!(env!("OUT_DIR"), "/explorer.rs"));

impl Asset {
    /// The file of a name; the page is none of them.
    pub(super) fn named(name: &str) -> Option<Self> {
        ASSETS.iter().find(|asset| asset.name == name).copied()
    }

    /// Whether its name contains a hash of its content, so that it never changes.
    pub(super) fn is_hashed(self) -> bool {
        self.name.contains('-')
    }

    pub(super) fn media_type(self) -> &'static str {
        match self.name.rsplit_once('.') {
            Some((_, "js")) => "text/javascript; charset=utf-8",
            Some((_, "html")) => "text/html; charset=utf-8",
            Some((_, "css")) => "text/css; charset=utf-8",
            Some((_, "tsv")) => "text/tab-separated-values; charset=utf-8",
            _ => "text/plain; charset=utf-8",
        }
    }

    /// The content; `None` if it is damaged.
    pub(super) fn text(self) -> Option<String> {
        let end = self.gzipped.len().checked_sub(TAIL)?;
        String::from_utf8(decompress_to_vec(self.gzipped.get(HEAD..end)?).ok()?).ok()
    }
}
