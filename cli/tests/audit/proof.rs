//! `ledger verify --proof`.

use ledger_log::ProofFile;
use schema::CommitReceipt;
use serde_json::{Value, json};

use super::given::{Ran, lives};
use super::logs::{Logs, entries, proof_file, signer};

/// A folder with a proof of the fourth commit, and with that commit.
struct Proved {
    logs: Logs,
    proof: ProofFile,
    hash: String,
}

fn given() -> Proved {
    let (logs, commits) = (Logs::new(), lives());
    let proof = proof_file(&entries(&commits), 3);
    logs.write("proof", proof.to_string());
    let line = event_store::export::line(&commits[3]).unwrap();
    logs.write("commit", &line);
    logs.write("receipt", serde_json::to_string(&CommitReceipt::of(&commits[3].decode().unwrap())).unwrap());
    Proved { logs, proof, hash: commits[3].text("hash").unwrap().to_owned() }
}

impl Proved {
    fn verify(&self, more: &[&str]) -> Ran {
        self.logs.run(&[&["verify", "--proof", "proof", "--key", "log.vkey"], more].concat())
    }

    fn change(&self, file: &str, change: impl Fn(&mut Value)) {
        let mut json: Value = serde_json::from_str(&self.logs.read(file).unwrap()).unwrap();
        change(&mut json);
        self.logs.write(file, serde_json::to_string_pretty(&json).unwrap());
    }
}

#[test]
fn a_commit_is_proved_by_itself_by_its_receipt_and_by_its_hash() {
    let given = given();
    let vkey = signer(1).verifier_key().to_string();
    let at = " is in the log example.com/ledger, at index 3 of 8 entries\n";
    for (what, named) in [
        (&["--commit", "commit"][..], format!("product helmet sequence 4 (hash {})", given.hash)),
        (&["--receipt", "receipt"], format!("the commit with the hash {}", given.hash)),
        (&["--hash", &given.hash], format!("the commit with the hash {}", given.hash)),
    ] {
        let ran = given.verify(what);
        assert_eq!((ran.code, ran.out), (0, format!("proved: {named}{at}")), "{}", ran.err);
        let by_key = given.logs.run(&[&["verify", "--proof", "proof", "--key", &vkey], what].concat());
        assert_eq!(by_key.code, 0, "{by_key:?}");
    }
    // One element of a history, written over several lines.
    given.change("commit", |commit| commit["receipts"] = json!([null]));
    assert_eq!(given.verify(&["--commit", "commit"]).code, 0);
}

#[test]
fn a_commit_is_proved_with_all_that_it_holds() {
    let changes: [fn(&mut Value); 4] = [
        |commit| commit["metadata"]["actor"] = json!("mallory"),
        |commit| commit["further"] = json!(1),
        |commit| commit["hash"] = json!("ab".repeat(32)),
        |commit| commit["previous_hash"] = json!("ab".repeat(32)),
    ];
    for change in changes {
        let given = given();
        given.change("commit", change);
        let ran = given.verify(&["--commit", "commit"]);
        assert_eq!((ran.code, ran.out.starts_with("refuted: the commit is damaged: ")), (1, true), "{ran:?}");
    }
    // A commit that is whole, but another one.
    let given = given();
    given.logs.write("commit", event_store::export::line(&lives()[4]).unwrap());
    let ran = given.verify(&["--commit", "commit"]);
    assert_eq!((ran.code, ran.out.contains("another previous hash")), (1, true), "{ran:?}");
}

#[test]
fn a_number_that_rounds_to_the_one_that_was_hashed_is_refuted_too() {
    let given = given();
    let text = given.logs.read("commit").unwrap().replacen("\"sequence\":4", "\"sequence\":4.0", 1);
    given.logs.write("commit", text);
    let ran = given.verify(&["--commit", "commit"]);
    assert_eq!((ran.code, ran.out.starts_with("refuted: ")), (1, true), "{ran:?}");
}

#[test]
fn what_is_refuted_is_told_from_what_could_not_be_checked() {
    let given = given();
    let other = signer(2).verifier_key().to_string();
    let with = |proof: String, key: &str, hash: &str| {
        given.logs.write("other", proof);
        given.logs.run(&["verify", "--proof", "other", "--key", key, "--hash", hash])
    };
    let (text, hash) = (given.proof.to_string(), given.hash.as_str());
    let checkpoint = given.proof.checkpoint.as_str();
    let moved = ProofFile { index: 2, ..given.proof.clone() };
    let without = ProofFile { extra: None, ..given.proof.clone() };
    for (proof, key, hash, code, says) in [
        (text.clone(), "log.vkey", hash, 0, "proved: "),
        (text.clone(), "log.vkey", &"ab".repeat(32), 1, "there is another entry"),
        (moved.to_string(), "log.vkey", hash, 1, "there is another entry"),
        (text.replace("\nindex 3\n", "\nindex 03\n"), "log.vkey", hash, 1, "the proof file is damaged"),
        (text.replace("\n8\n", "\n9\n"), "log.vkey", hash, 1, "does not verify"),
        (text.replace(checkpoint, "no note"), "log.vkey", hash, 1, "the checkpoint has no text"),
        (text.clone(), &other, hash, 1, "is not signed by a given key"),
        (without.to_string(), "log.vkey", hash, 2, "give the commit (--commit)"),
        (checkpoint.to_owned(), "log.vkey", hash, 2, "is not a proof file"),
        (text.clone(), "no-key", hash, 2, "neither a verifier key"),
    ] {
        let ran = with(proof, key, hash);
        let told = if code == 2 { &ran.err } else { &ran.out };
        assert_eq!((ran.code, told.contains(says)), (code, true), "{says}: {ran:?}");
    }
}

#[test]
fn what_is_missing_or_of_another_kind_is_said_in_one_line() {
    let given = given();
    std::fs::create_dir(given.logs.path("folder")).unwrap();
    given.logs.write("long", vec![b' '; 8 << 20]);
    given.logs.write("text", "no JSON");
    for more in [
        &["--commit", "none"][..],
        &["--commit", "folder"],
        &["--commit", "long"],
        &["--commit", "text"],
        &["--receipt", "none"],
        &["--receipt", "text"],
        &["--receipt", "long"],
        &["--commit", "receipt"],
    ] {
        let ran = given.verify(more);
        assert_eq!((ran.code, ran.out.as_str(), ran.err.lines().count()), (2, "", 1), "{more:?}: {ran:?}");
        assert!(ran.err.contains(more[1]), "{more:?}: {}", ran.err);
    }
}

#[test]
fn a_proof_needs_a_key_and_one_commit_and_nothing_of_a_ledger() {
    let given = given();
    let hash = ["--hash", &given.hash];
    for arguments in [
        &["verify", "--proof", "proof"][..],
        &["verify", "--proof", "proof", "--key", "log.vkey"],
        &["verify", "--proof", "proof", hash[0], hash[1]],
        &["verify", "--key", "log.vkey"],
        &["verify", hash[0], hash[1]],
        &["verify", "--proof", "proof", "--key", "log.vkey", hash[0], hash[1], "--commit", "commit"],
        &["verify", "--proof", "proof", "--key", "log.vkey", hash[0], hash[1], "--data", "data"],
        &["verify", "--proof", "proof", "--key", "log.vkey", hash[0], hash[1], "--receipts"],
        &["verify", "--proof", "proof", "--key", "log.vkey", "--hash", "AB"],
    ] {
        let ran = given.logs.run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}: {ran:?}");
    }
}
