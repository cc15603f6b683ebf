//! The files of a log: signed notes, proof files, paths, verifier keys, bundles, entries. Property: what is accepted is written
//! again as the same bytes, so each thing has one form.

use ledger_log::{Entry, LogCheckpoint, LogPath, ProofFile, SignedNote, TrustedKeys, VerifierKey, bundle};

/// The keys for which notes and proofs are checked: those of the seeds.
const KEY: &str = "example.com/ledger+3481d542+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c";

/// The first byte selects what the rest is.
pub fn check(data: &[u8]) -> bool {
    let Some((chosen, rest)) = data.split_first() else {
        return false;
    };
    match chosen {
        b'n' => note(rest),
        b'p' => proof(rest),
        b't' => std::str::from_utf8(rest).is_ok_and(path),
        b'k' => std::str::from_utf8(rest).is_ok_and(key),
        b'b' => entries(rest),
        _ => matches!(Entry::read(rest), Entry::AcceptedRestore(_)),
    }
}

fn keys() -> TrustedKeys {
    KEY.parse().unwrap()
}

fn note(bytes: &[u8]) -> bool {
    let opened = keys().open(bytes);
    let Ok(note) = SignedNote::read(bytes) else {
        assert!(opened.is_err(), "a checkpoint in something that is no note");
        return false;
    };
    assert_eq!(note.to_string().as_bytes(), bytes, "another form of a note");
    if let Some(checkpoint) = LogCheckpoint::read(&note.text) {
        assert!(note.text.starts_with(&checkpoint.to_string()), "another form of a checkpoint");
    }
    opened.is_ok()
}

fn proof(bytes: &[u8]) -> bool {
    let Ok(proof) = ProofFile::read(bytes) else {
        return false;
    };
    assert_eq!(proof.to_string().as_bytes(), bytes, "another form of a proof file");
    // Of no commit has anybody the content of this hash.
    assert!(proof.prove_hash([0; 32], &keys()).is_err());
    true
}

fn path(text: &str) -> bool {
    let Ok(path) = text.parse::<LogPath>() else {
        return false;
    };
    assert_eq!(path.to_string(), text, "another form of a path");
    assert!(path.most_bytes() <= path.full().most_bytes());
    assert_eq!(path.full().to_string().parse(), Ok(path.full()));
    true
}

fn key(text: &str) -> bool {
    let Ok(key) = text.parse::<VerifierKey>() else {
        return false;
    };
    assert_eq!(key.to_string(), text, "another form of a key");
    true
}

/// The first byte says how many entries there should be, less one.
fn entries(data: &[u8]) -> bool {
    let Some((count, bytes)) = data.split_first() else {
        return false;
    };
    let Ok(entries) = bundle::read(bytes, usize::from(*count) + 1) else {
        return false;
    };
    let mut again = Vec::new();
    for entry in entries {
        bundle::push(&mut again, entry).unwrap();
    }
    assert_eq!(again, bytes, "another form of a bundle");
    true
}
