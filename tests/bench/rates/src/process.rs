//! Resources of a server: processor time and bytes written by a process and its descendants, from `/proc`, and the bytes
//! written to the disk of a folder by all processes.
//!
//! `write_bytes` alone misleads: a page cache with large folios (seen on Linux 6.18, ext4) counts a whole folio of up to 2 MB
//! for each write of a page in it. So the bytes passed to write calls and those written to the disk are counted as well.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Sub;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;

/// The duration of a clock tick in `/proc/PID/stat`; Linux reports 100 per second on every platform.
const TICK: Duration = Duration::from_millis(10);

/// Resources used so far, or between two readings.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Used {
    pub processor: Duration,
    /// Bytes passed to write calls: files, logs and pipes.
    pub written: u64,
    /// Bytes of the page cache made dirty.
    pub dirtied: u64,
}

/// The content of `/proc/PID/stat`.
#[derive(Debug, PartialEq)]
struct Stat {
    parent: u32,
    /// Its own time, and that of its children that have ended.
    processor: Duration,
}

impl Used {
    /// The resources of these processes and their descendants so far; those that have ended are included in their parents.
    ///
    /// # Errors
    /// One of them is gone or not accessible.
    pub fn by(roots: &[u32]) -> anyhow::Result<Self> {
        let mut all = BTreeMap::new();
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            if let Some(process) = name.to_str().and_then(|name| name.parse::<u32>().ok()) {
                // The process may have ended since the folder was listed.
                if let Ok(text) = fs::read_to_string(format!("/proc/{process}/stat")) {
                    all.insert(process, stat(&text)?);
                }
            }
        }
        let mut used = Self::default();
        for process in tree(&all, roots) {
            let stat = all.get(&process).with_context(|| format!("process {process} has ended"))?;
            used.processor += stat.processor;
            match fs::read_to_string(format!("/proc/{process}/io")) {
                Ok(text) => {
                    used.written += figure(&text, "wchar:")?;
                    used.dirtied += figure(&text, "write_bytes:")?;
                }
                Err(error) if roots.contains(&process) => {
                    return Err(error).with_context(|| format!("/proc/{process}/io"));
                }
                Err(_) => {}
            }
        }
        Ok(used)
    }
}

impl Sub for Used {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            processor: self.processor.saturating_sub(before.processor),
            written: self.written.saturating_sub(before.written),
            dirtied: self.dirtied.saturating_sub(before.dirtied),
        }
    }
}

/// The roots and their descendants.
fn tree(all: &BTreeMap<u32, Stat>, roots: &[u32]) -> Vec<u32> {
    let mut found = roots.to_vec();
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        let children = all.iter().filter(|(_, stat)| stat.parent == parent).map(|(process, _)| *process);
        let new: Vec<u32> = children.filter(|child| !found.contains(child)).collect();
        found.extend(new);
        next += 1;
    }
    found
}

/// Parses the fields; the second one, the name, may contain spaces and parentheses, the ones after its last parenthesis may not.
fn stat(text: &str) -> anyhow::Result<Stat> {
    let (_, rest) = text.rsplit_once(')').context("a stat has a name")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let field = |number: usize| -> anyhow::Result<i64> {
        let text = fields.get(number - 3).with_context(|| format!("a stat has a field {number}"))?;
        Ok(text.parse()?)
    };
    // utime, stime, cutime, cstime of proc(5).
    let ticks = field(14)? + field(15)? + field(16)? + field(17)?;
    Ok(Stat { parent: u32::try_from(field(4)?)?, processor: TICK * u32::try_from(ticks)? })
}

fn figure(io: &str, name: &str) -> anyhow::Result<u64> {
    let text = io.lines().find_map(|line| line.strip_prefix(name)).with_context(|| name.to_owned())?;
    Ok(text.trim().parse()?)
}

/// The bytes written to the disk of this folder so far by all processes; `None` if it is not a local disk.
#[must_use]
pub fn sent_to_disk(folder: &Path) -> Option<u64> {
    let device = fs::metadata(folder).ok()?.dev();
    // As in glibc; the numbers of today's disks are below 2^12 and 2^20.
    let (major, minor) = ((device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xfff00));
    sectors(&fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/stat")).ok()?)
}

/// The sectors written, which is the seventh field, in bytes.
fn sectors(stat: &str) -> Option<u64> {
    Some(stat.split_whitespace().nth(6)?.parse::<u64>().ok()? * 512)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str =
        "4711 (postgres: (a) b) S 17 4711 4711 0 -1 4194560 900 0 0 0 120 30 7 3 20 0 4 0 100 1 2";

    #[test]
    fn a_stat_is_read_behind_any_name() {
        assert_eq!(stat(STAT).unwrap(), Stat { parent: 17, processor: Duration::from_millis(1_600) });
        assert!(stat("4711 (x) S 17").is_err());
    }

    #[test]
    fn bytes_are_told_apart_by_name() {
        let io = "rchar: 5\nwchar: 900\nsyscr: 1\nsyscw: 2\nread_bytes: 0\nwrite_bytes: 4096\ncancelled_write_bytes: 8\n";
        assert_eq!(figure(io, "write_bytes:").unwrap(), 4096);
        assert_eq!(figure(io, "wchar:").unwrap(), 900);
        assert!(figure("rchar: 5\n", "wchar:").is_err());
    }

    #[test]
    fn a_tree_has_children_of_children_and_nobody_else() {
        let parents = [(1, 0), (2, 1), (30, 2), (4, 30), (5, 1), (6, 5)];
        let stat = |parent| Stat { parent, processor: Duration::ZERO };
        let all = parents.into_iter().map(|(process, parent)| (process, stat(parent))).collect();
        assert_eq!(tree(&all, &[2, 6]), [2, 6, 30, 4]);
    }

    #[test]
    fn a_disk_counts_sectors() {
        let stat = "  115148  9680 10034930 187718 322851 102897 45927184 244751 0 45960 453203 20074 45 3209864 3942 1 2";
        assert_eq!(sectors(stat), Some(45_927_184 * 512));
        assert_eq!(sectors("1 2 3"), None);
    }

    #[test]
    fn this_process_has_used_something() {
        let before = Used::by(&[std::process::id()]).unwrap();
        let file = tempfile::NamedTempFile::new_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        fs::write(file.path(), vec![7; 1 << 20]).unwrap();
        std::fs::File::open(file.path()).unwrap().sync_all().unwrap();
        let used = Used::by(&[std::process::id()]).unwrap() - before;
        assert!(used.written >= 1 << 20 && used.dirtied >= 1 << 20, "{used:?}");
    }
}
