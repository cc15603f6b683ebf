//! Altered proofs, checkpoints and files: each bit of a proof file and of a checkpoint counts, and so does each byte of a tile and
//! of a bundle.

use ledger_log::{Leaf, LogPath, ProofFile};

use super::given::{Log, entries, keys, proof_file};

/// The same bytes with one bit turned, for each bit.
fn turned(bytes: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..8 * bytes.len()).map(|bit| {
        let mut turned = bytes.to_vec();
        turned[bit / 8] ^= 1 << (bit % 8);
        (bit, turned)
    })
}

#[test]
fn a_proof_file_with_any_bit_turned_proves_nothing() {
    let entries = entries(257);
    for index in [0, 128, 256] {
        let leaf = Leaf::read(&entries[index]).unwrap();
        let proof = proof_file(&entries, index as u64).to_string();
        let proves = |bytes: &[u8]| {
            let read = ProofFile::read(bytes);
            read.is_ok_and(|proof| {
                let by_hash = proof.prove_hash(leaf.hash, &keys()).is_ok();
                by_hash || proof.prove_commit(leaf, &keys()).is_ok()
            })
        };
        assert!(proves(proof.as_bytes()));
        for (bit, altered) in turned(proof.as_bytes()) {
            assert!(!proves(&altered), "bit {bit}: {}", String::from_utf8_lossy(&altered));
        }
        for end in 0..proof.len() {
            assert!(!proves(&proof.as_bytes()[..end]), "cut off behind {end} bytes");
        }
    }
}

#[test]
fn a_checkpoint_with_any_bit_turned_is_refused() {
    let log = Log::of(&entries(2));
    let note = &log.files[&LogPath::Checkpoint];
    assert!(keys().open(note).is_ok());
    for (bit, altered) in turned(note) {
        assert!(keys().open(&altered).is_err(), "bit {bit}: {}", String::from_utf8_lossy(&altered));
    }
    for end in 0..note.len() {
        assert!(keys().open(&note[..end]).is_err(), "cut off behind {end} bytes");
    }
}

#[test]
fn a_log_with_any_byte_of_a_tile_or_a_bundle_altered_is_faulty_and_the_file_is_named() {
    let whole = Log::of(&entries(257));
    let mut tried = 0;
    for (path, bytes) in whole.files.iter().filter(|(path, _)| **path != LogPath::Checkpoint) {
        for at in (0..bytes.len()).step_by(67).chain([bytes.len() - 1]) {
            let mut log = whole.clone();
            log.files.get_mut(path).unwrap()[at] ^= 1 << (at % 8);
            let faults: Vec<String> = log.faults().iter().map(ToString::to_string).collect();
            // A bundle whose entries are others shows in the tile over it.
            let over = path.to_string().replace("entries", "0");
            let names = |fault: &String| fault.contains(&path.to_string()) || fault.contains(&over);
            assert!(faults.iter().any(names), "{path} byte {at}: {faults:?}");
            tried += 1;
        }
        for length in [0, 1, bytes.len() - 1, bytes.len() + 1] {
            let mut log = whole.clone();
            log.files.get_mut(path).unwrap().resize(length, 0);
            let faults = log.faults();
            assert!(
                faults.iter().any(|fault| fault.to_string().starts_with(&format!("damaged: {path}"))),
                "{faults:?}"
            );
        }
    }
    assert!(tried > 200, "{tried}");
}
