//! A possible state of the disk after a power cut, made from the files and from the log of `preload.c`.
//!
//! Synced data is kept. Of all other changes each sector, each truncation and each created or removed name may be present or
//! not, in any combination; `-shm` files are lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

const MAGIC: u32 = 0x4352_5750;
const HEAD: usize = 48;
/// The units that disks write atomically; SQLite relies on the smaller one.
const SECTORS: [usize; 2] = [512, 4096];
/// The percentages of unsynced changes that are kept.
const KEPT: [u8; 4] = [0, 50, 90, 100];

/// A record of the log.
struct Record {
    kind: char,
    inode: u64,
    offset: usize,
    size_before: usize,
    name: String,
    old: Vec<u8>,
    new: Vec<u8>,
}

impl Record {
    /// The file in whose place a renamed one came.
    fn replaced(&self) -> Option<u64> {
        Some(self.offset as u64).filter(|inode| self.kind == 'R' && *inode != 0)
    }
}

/// What was lost: explains a failure, and shows whether the test could have failed.
#[derive(Debug, Default, Clone, Copy)]
pub struct Lost {
    /// Unsynced changes of files.
    pub unsynced: usize,
    /// The sectors and truncations among them that were lost.
    pub dropped: usize,
    /// The names that differ from those at the end of the program.
    pub names: usize,
}

/// Turns `data` into a possible state of the disk, and removes the log.
pub fn cut_power(data: &Path, rng: &mut fastrand::Rng) -> Lost {
    let graves = data.with_extension("power");
    // The program may have been killed before it did anything.
    let records = parsed(&fs::read(graves.join("log")).unwrap_or_default());
    if records.is_empty() {
        return Lost::default();
    }
    if let Some(fault) = records.iter().find(|record| record.kind == 'X') {
        panic!("{}", fault.name);
    }
    let mut lost = Lost::default();
    let inodes = inodes(data);
    let names = names(&records, &inodes, data, rng);
    let contents = contents(&records, &inodes, data, &graves, rng, &mut lost);
    let mkdir = records.iter().position(|record| record.kind == 'M');
    let parent = fs::metadata(data.parent().unwrap()).unwrap().ino();
    if mkdir.is_some_and(|at| at >= durable(&records, parent)) && rng.bool() {
        fs::remove_dir_all(data).unwrap();
        lost.names += 1;
    } else {
        put(data, &names, &inodes, &contents, &mut lost);
    }
    fs::remove_dir_all(&graves).unwrap();
    lost
}

fn parsed(log: &[u8]) -> Vec<Record> {
    let mut records = Vec::new();
    let mut at = 0;
    while let Some(head) = log.get(at..at + HEAD) {
        let small = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().unwrap());
        let large = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().unwrap());
        assert_eq!(small(0), MAGIC, "the log of the disk is damaged");
        let lengths = [32, 36, 40].map(|at| small(at) as usize);
        let mut from = at + HEAD;
        // The last record may be incomplete; its change was not made.
        if log.len() < from + lengths.iter().sum::<usize>() {
            break;
        }
        let mut take = |length: usize| {
            from += length;
            log[from - length..from].to_vec()
        };
        let [name, old, new] = lengths.map(&mut take);
        records.push(Record {
            kind: char::from_u32(small(4)).unwrap(),
            inode: large(8),
            offset: usize::try_from(large(16)).unwrap(),
            size_before: usize::try_from(large(24)).unwrap(),
            name: String::from_utf8(name).unwrap(),
            old,
            new,
        });
        at = from;
    }
    records
}

/// The existing files by their paths within the directory, without shared memory and sockets.
fn inodes(data: &Path) -> BTreeMap<String, u64> {
    let (mut inodes, mut directories) = (BTreeMap::new(), vec![data.to_owned()]);
    while let Some(directory) = directories.pop() {
        for file in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            let (path, metadata) = (file.path(), file.metadata().unwrap());
            let name = path.strip_prefix(data).unwrap().to_str().unwrap().to_owned();
            if name.ends_with("-shm") {
                fs::remove_file(path).unwrap();
            } else if metadata.is_dir() {
                directories.push(path);
            } else if metadata.is_file() {
                inodes.insert(name, metadata.ino());
            }
        }
    }
    inodes
}

/// The number of records after which the inode was synced.
fn durable(records: &[Record], inode: u64) -> usize {
    let syncs = records.iter().filter(|record| record.kind == 'S' && record.inode == inode);
    syncs.map(|record| record.offset).max().unwrap_or(0)
}

/// The number of records after which the directory of a file was synced; one that is gone counts as never synced.
fn named(records: &[Record], file: &Path) -> usize {
    fs::metadata(file.parent().unwrap()).map_or(0, |directory| durable(records, directory.ino()))
}

/// The file that each name refers to: any of those since the last sync of its directory.
fn names(
    records: &[Record],
    inodes: &BTreeMap<String, u64>,
    data: &Path,
    rng: &mut fastrand::Rng,
) -> BTreeMap<String, Option<u64>> {
    let mut states: BTreeMap<String, Vec<Option<u64>>> =
        inodes.iter().map(|(name, inode)| (name.clone(), vec![Some(*inode)])).collect();
    let mut met = BTreeSet::new();
    for (at, record) in records.iter().enumerate().filter(|(_, record)| "CUR".contains(record.kind)) {
        let (before, after) = match record.kind {
            'C' => (None, Some(record.inode)),
            'R' => (record.replaced(), Some(record.inode)),
            _ => (Some(record.inode), None),
        };
        let first = met.insert(record.name.clone());
        let states = states.entry(record.name.clone()).or_default();
        if first {
            *states = vec![before];
        }
        if at < named(records, &data.join(&record.name)) {
            states.clear();
        }
        states.push(after);
    }
    states.into_iter().map(|(name, states)| (name, states[rng.usize(..states.len())])).collect()
}

/// The contents of the files.
fn contents(
    records: &[Record],
    inodes: &BTreeMap<String, u64>,
    data: &Path,
    graves: &Path,
    rng: &mut fastrand::Rng,
    lost: &mut Lost,
) -> BTreeMap<u64, Vec<u8>> {
    let mut files: BTreeMap<u64, PathBuf> =
        inodes.iter().map(|(name, inode)| (*inode, data.join(name))).collect();
    for record in records.iter().filter(|record| "UR".contains(record.kind)) {
        let gone = [Some(record.inode), record.replaced()].into_iter().flatten();
        files.extend(gone.map(|inode| (inode, graves.join(inode.to_string()))));
    }
    let kept = KEPT[rng.usize(..KEPT.len())];
    let of = |(inode, file): (u64, PathBuf)| {
        let mut content = fs::read(file).unwrap();
        let synced = durable(records, inode);
        let unsynced: Vec<_> = records[synced..]
            .iter()
            .filter(|record| record.inode == inode && "WT".contains(record.kind))
            .collect();
        lost.unsynced += unsynced.len();
        for record in unsynced.iter().rev() {
            undo(record, &mut content);
        }
        for record in unsynced {
            lost.dropped += redo_in_part(record, &mut content, kept, rng);
        }
        (inode, content)
    };
    files.into_iter().map(of).collect()
}

fn undo(record: &Record, content: &mut Vec<u8>) {
    content.resize(record.size_before, 0);
    content[record.offset.min(record.size_before)..][..record.old.len()].copy_from_slice(&record.old);
}

/// Applies the changes that the disk may have made; returns how many it left out.
fn redo_in_part(record: &Record, content: &mut Vec<u8>, kept: u8, rng: &mut fastrand::Rng) -> usize {
    let mut dropped = 0;
    let mut is_kept = || {
        let is_kept = rng.u8(..100) < kept;
        dropped += usize::from(!is_kept);
        is_kept
    };
    if record.kind == 'T' {
        if is_kept() {
            content.resize(record.offset, 0);
        }
        return dropped;
    }
    let sector = SECTORS[usize::from(record.new.len() >= SECTORS[1])];
    let (mut at, end) = (record.offset, record.offset + record.new.len());
    while at < end {
        let next = ((at / sector + 1) * sector).min(end);
        if is_kept() {
            content.resize(content.len().max(next), 0);
            content[at..next].copy_from_slice(&record.new[at - record.offset..next - record.offset]);
        }
        at = next;
    }
    dropped
}

fn put(
    data: &Path,
    names: &BTreeMap<String, Option<u64>>,
    inodes: &BTreeMap<String, u64>,
    contents: &BTreeMap<u64, Vec<u8>>,
    lost: &mut Lost,
) {
    for (name, inode) in names {
        let file = data.join(name);
        lost.names += usize::from(inodes.get(name) != inode.as_ref());
        match inode {
            Some(inode) => {
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(&file, &contents[inode]).unwrap();
                fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
            }
            None if file.exists() => fs::remove_file(file).unwrap(),
            None => {}
        }
    }
}
