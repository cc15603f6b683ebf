//! Replays the committed corpora through the fuzzed functions, so that neither of them becomes stale.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs;
use std::path::{Path, PathBuf};

const MOST_BYTES: usize = 24 * 1024;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<String> =
        entries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn the_properties_of_every_target_hold_on_its_corpus_which_it_accepts_in_part() {
    for (name, check) in fuzz::TARGETS {
        let folder = folder("corpus").join(name);
        let files: Vec<Vec<u8>> =
            fs::read_dir(&folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
        let accepted = files.iter().filter(|bytes| check(bytes)).count();
        assert!(accepted >= 2, "{name} accepts {accepted} of its {} seeds", files.len());
        assert!(files.len() - accepted >= 2, "{name} refuses too few of its seeds");
        let bytes: usize = files.iter().map(Vec::len).sum();
        assert!(bytes <= MOST_BYTES, "the corpus of {name} has {bytes} bytes; keep it small");
    }
}

#[test]
fn every_target_has_a_file_and_a_corpus_with_its_name() {
    let targets: Vec<&str> = fuzz::TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names(&folder("fuzz_targets")), targets);
    assert_eq!(names(&folder("corpus")), targets);
}

#[test]
fn every_target_handles_empty_input() {
    for (name, check) in fuzz::TARGETS {
        assert!(!check(b"") || name == "headers", "{name}");
    }
}
