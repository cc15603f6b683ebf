//! Writes logs of the sample as directories, for verifiers that share no code with this crate: `write_log DIR SIZE…`.
//!
//! `DIR/key.vkey` is their key. `DIR/SIZE/log` is a log as a static file server serves it; `DIR/SIZE/proofs` has for some entries
//! the proof file `INDEX.tlog-proof` and the entry itself, `INDEX.entry`.
#![expect(clippy::unwrap_used, reason = "a tool of the tests fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;

#[path = "../tests/log/given.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod given;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (folder, sizes) = arguments.split_first().unwrap();
    let folder = Path::new(folder);
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("key.vkey"), format!("{}\n", given::signer().verifier_key())).unwrap();
    for size in sizes {
        let folder = folder.join(size);
        let size: usize = size.parse().unwrap();
        let entries = given::entries(size);
        for (path, bytes) in given::Log::of(&entries).files {
            write(&folder.join("log").join(path.to_string()), &bytes);
        }
        let indexes = [0, 1, 254, 255, 256, size / 2, size.saturating_sub(1)];
        let indexes: BTreeSet<usize> = indexes.into_iter().filter(|index| *index < size).collect();
        for index in indexes {
            let proof = given::proof_file(&entries, index as u64).to_string();
            write(&folder.join(format!("proofs/{index}.tlog-proof")), proof.as_bytes());
            write(&folder.join(format!("proofs/{index}.entry")), &entries[index]);
        }
    }
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}
