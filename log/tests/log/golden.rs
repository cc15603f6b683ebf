//! Files of logs that were written once, from a fixed key and the commits of an export. Stored forms are for ever: a difference
//! is a fault of the code, never of the files.
//!
//! `LEDGER_ACCEPT=1` writes a file that is missing, and never another one.

use std::path::Path;

use ledger_log::files::LogFiles;
use ledger_log::{LogPath, ProofFile};
use sha2::{Digest, Sha256};

use super::given::{Log, data, entries, keys, note, proof_file, signer};

const SIZES: [usize; 7] = [0, 1, 2, 255, 256, 257, 513];

/// Compares with the frozen file.
fn frozen(path: &Path, content: &str) {
    if std::env::var_os("LEDGER_ACCEPT").is_some() && !path.exists() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(kept == content, "{}: is\n{kept}and not\n{content}", path.display());
}

#[test]
fn the_files_of_a_log_are_those_that_were_written_once() {
    let folder = data().join("golden");
    frozen(&folder.join("key.vkey"), &format!("{}\n", signer().verifier_key()));
    for size in SIZES {
        let (folder, entries) = (folder.join(size.to_string()), entries(size));
        let written = LogFiles::of(&entries).unwrap();
        frozen(&folder.join("checkpoint"), &note(written.size, written.root));
        // As sha256sum writes and checks it.
        let sum =
            |(path, bytes): &(LogPath, Vec<u8>)| format!("{}  {path}\n", hex::encode(Sha256::digest(bytes)));
        frozen(&folder.join("files.sha256"), &written.files.iter().map(sum).collect::<String>());
        for index in [0, size / 2, size.saturating_sub(1)].into_iter().filter(|index| *index < size) {
            let proof = proof_file(&entries, index as u64).to_string();
            frozen(&folder.join(format!("{index}.tlog-proof")), &proof);
        }
    }
}

#[test]
fn the_frozen_logs_are_whole_and_grow_one_from_the_other() {
    let mut before = None;
    for size in SIZES {
        let kept = std::fs::read(data().join(format!("golden/{size}/checkpoint"))).unwrap();
        let log = Log::of(&entries(size));
        assert_eq!(log.files[&LogPath::Checkpoint], kept);
        let checked = log.verify(before.as_ref());
        assert!(checked.faults.is_empty(), "{size}: {:?}", checked.faults);
        assert_eq!((checked.commits, checked.not_understood), (size as u64, 0));
        before = Some(keys().open(&kept).unwrap());
    }
}

#[test]
fn the_frozen_proofs_prove_their_commits() {
    let mut proofs = 0;
    for size in SIZES {
        let entries = entries(size);
        for file in
            std::fs::read_dir(data().join(format!("golden/{size}"))).unwrap().map(|file| file.unwrap().path())
        {
            if file.extension().is_none_or(|ending| ending != "tlog-proof") {
                continue;
            }
            let proof = ProofFile::read(&std::fs::read(&file).unwrap()).unwrap();
            let index = usize::try_from(proof.index).unwrap();
            let leaf = ledger_log::Leaf::read(&entries[index]).unwrap();
            let proved = proof.prove_commit(leaf, &keys()).unwrap();
            assert_eq!(proof.prove_hash(leaf.hash, &keys()), Ok(proved.clone()), "{}", file.display());
            assert_eq!((proved.index, proved.checkpoint.size), (index as u64, size as u64));
            proofs += 1;
        }
    }
    assert_eq!(proofs, 15);
}
