//! Whose signature counts, and for what.

use ledger_log::{CheckpointFault, LogCheckpoint, NoteError, TrustedKeys, VerifierKeyError};

use super::given::{ORIGIN, keys, signer, signer_of};

fn checkpoint() -> LogCheckpoint {
    let root = ledger_log::tree::empty_root();
    LogCheckpoint { origin: ORIGIN.to_owned(), size: 7, root }
}

/// The text with the signatures of these keys.
fn signed(text: &str, signers: &[&ledger_log::NoteSigner]) -> String {
    let signatures = signers.iter().map(|signer| format!("{}\n", signer.signature(text).unwrap()));
    format!("{text}\n{}", signatures.collect::<String>())
}

fn unknown(names: &str) -> CheckpointFault {
    CheckpointFault::Unknown(format!("it carries signatures of {names}"))
}

#[test]
fn signatures_of_unknown_keys_are_ignored_and_one_of_a_known_key_counts() {
    let (text, other) = (checkpoint().to_string(), signer_of("witness.example", 2));
    for signers in [&[&signer()][..], &[&other, &signer()], &[&signer(), &other, &other]] {
        assert_eq!(keys().open(signed(&text, signers).as_bytes()), Ok(checkpoint()));
    }
    assert_eq!(keys().open(signed(&text, &[&other]).as_bytes()), Err(unknown("witness.example")));
    // The same name with another key is another key.
    let namesake = signer_of(ORIGIN, 2);
    assert_eq!(keys().open(signed(&text, &[&namesake]).as_bytes()), Err(unknown(ORIGIN)));
    assert_eq!(keys().open(signed(&text, &[&namesake, &signer()]).as_bytes()), Ok(checkpoint()));
}

#[test]
fn a_known_signature_that_does_not_verify_refuses_the_note_even_beside_one_that_does() {
    let (text, mut wrong) = (checkpoint().to_string(), signer().signature("another\n").unwrap());
    let good = signer().signature(&text).unwrap();
    let forged = Err(CheckpointFault::Forged(ORIGIN.to_owned()));
    for note in [
        format!("{text}\n{wrong}\n"),
        format!("{text}\n{good}\n{wrong}\n"),
        format!("{text}\n{wrong}\n{good}\n"),
    ] {
        assert_eq!(keys().open(note.as_bytes()), forged);
    }
    wrong.signature.truncate(1);
    assert_eq!(keys().open(format!("{text}\n{good}\n{wrong}\n").as_bytes()), forged);
}

#[test]
fn a_key_counts_for_its_own_log_and_its_own_sizes_alone() {
    let other = LogCheckpoint { origin: "example.com/other".to_owned(), ..checkpoint() };
    let note = signed(&other.to_string(), &[&signer()]);
    assert_eq!(keys().open(note.as_bytes()), Err(unknown(ORIGIN)));
    let note = signed(&checkpoint().to_string(), &[&signer()]);
    let vkey = signer().verifier_key().to_string();
    for (sizes, counts) in [
        ("", true),
        (" from 0", true),
        (" from 7", true),
        (" from 8", false),
        (" from 0 to 7", true),
        (" from 0 to 6", false),
        (" from 7 to 7", true),
    ] {
        let keys: TrustedKeys = format!("\n{vkey}{sizes}\n").parse().unwrap();
        let expected = if counts { Ok(checkpoint()) } else { Err(unknown(ORIGIN)) };
        assert_eq!(keys.open(note.as_bytes()), expected, "{sizes}");
    }
}

#[test]
fn several_keys_are_given_one_a_line_and_anything_else_is_refused() {
    let (old, new) = (signer_of(ORIGIN, 3), signer());
    let text = format!("{} from 0 to 9\n{} from 5\n", old.verifier_key(), new.verifier_key());
    let keys: TrustedKeys = text.parse().unwrap();
    for signer in [&old, &new] {
        assert_eq!(keys.open(signed(&checkpoint().to_string(), &[signer]).as_bytes()), Ok(checkpoint()));
    }
    let vkey = new.verifier_key();
    for wrong in
        ["", "\n \n", "no key", &format!("{vkey} from"), &format!("{vkey} to 7"), &format!("{vkey} from 07")]
    {
        assert_eq!(wrong.parse::<TrustedKeys>(), Err(VerifierKeyError::Form), "{wrong}");
    }
}

#[test]
fn a_checkpoint_has_one_form() {
    let root = checkpoint().root;
    let with = |text: &str| keys().open(signed(text, &[&signer()]).as_bytes());
    for further in ["", "an extension\n", "one\nand another\n"] {
        assert_eq!(with(&format!("{ORIGIN}\n7\n{root}\n{further}")), Ok(checkpoint()));
    }
    for text in [
        format!("{ORIGIN}\n7\n"),
        format!("\n7\n{root}\n"),
        format!("{ORIGIN}\n07\n{root}\n"),
        format!("{ORIGIN}\n+7\n{root}\n"),
        format!("{ORIGIN}\n-7\n{root}\n"),
        format!("{ORIGIN}\n\n{root}\n"),
        format!("{ORIGIN}\n7 \n{root}\n"),
        format!("{ORIGIN}\n9223372036854775808\n{root}\n"),
        format!("{ORIGIN}\n7\n{root} \n"),
        format!("{ORIGIN}\n7\nAAAA\n"),
        format!("{ORIGIN}\n7\n{root}\n\nmore\n"),
    ] {
        assert_eq!(with(&text), Err(CheckpointFault::Text), "{text}");
    }
    assert_eq!(keys().open(b"no note"), Err(CheckpointFault::Note(NoteError::NoText)));
}
