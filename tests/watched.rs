//! The log of a ledger that somebody watches: a checkpoint that is kept, and witnesses. A data directory that was put back from a
//! backup signs no second history where either can tell.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ledger_log::cosignature::message;
use ledger_log::proof::is_consistent;
use ledger_log::{CosignerKey, LogCheckpoint, NoteSignature, SignedNote, TreeHash};
use sha2::{Digest, Sha256};

use crate::logged::{assert_whole, key, log, put, refused, until_logged, until_stopped};
use crate::restore::until;
use crate::scenario::{Ledger, printed, program};

/// What a witness remembers, and how it answers.
#[derive(Default)]
struct Memory {
    seen: Option<LogCheckpoint>,
    asked: usize,
    is_broken: bool,
    lies: bool,
}

/// A witness on loopback, as C2SP tlog-witness describes it, for any log. It ends with the process of the tests.
#[derive(Clone)]
pub struct Witness {
    url: String,
    memory: Arc<Mutex<Memory>>,
    pair: Arc<Ed25519KeyPair>,
    key: CosignerKey,
}

impl Witness {
    pub fn serve(name: &str) -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let typed = [&[4], pair.public_key().as_ref()].concat();
        let id = Sha256::new().chain_update(name).chain_update([b'\n']).chain_update(&typed).finalize();
        let id = u32::from_be_bytes(id[..4].try_into().unwrap());
        let key = format!("{name}+{id:08x}+{}", STANDARD.encode(&typed)).parse().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}/w", listener.local_addr().unwrap());
        let witness = Self { url, memory: Arc::default(), pair: Arc::new(pair), key };
        let add = async |State(witness): State<Self>, body: String| witness.judge(&body);
        let routes = axum::Router::new().route("/w/add-checkpoint", post(add));
        let routes = routes.with_state(witness.clone());
        // A test waits for programs without giving its runtime a turn.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), routes).await.unwrap();
            });
        });
        witness
    }

    fn judge(&self, body: &str) -> Response {
        let mut memory = self.memory.lock().unwrap();
        memory.asked += 1;
        if memory.is_broken {
            return StatusCode::BAD_GATEWAY.into_response();
        }
        let (head, note) = body.split_once("\n\n").unwrap();
        let mut lines = head.lines();
        let old: u64 = lines.next().unwrap().strip_prefix("old ").unwrap().parse().unwrap();
        let proof: Vec<TreeHash> = lines.map(|line| TreeHash::parse(line).unwrap()).collect();
        let note = SignedNote::read(note.as_bytes()).unwrap();
        let new = LogCheckpoint::read(&note.text).unwrap();
        let seen = memory.seen.as_ref().map_or(0, |seen| seen.size);
        if seen != old {
            return (StatusCode::CONFLICT, [(CONTENT_TYPE, "text/x.tlog.size")], format!("{seen}\n"))
                .into_response();
        }
        let has_grown = memory
            .seen
            .as_ref()
            .is_none_or(|seen| is_consistent((seen.size, seen.root), (new.size, new.root), &proof));
        if !has_grown {
            return StatusCode::UNPROCESSABLE_ENTITY.into_response();
        }
        let text = if memory.lies { "another\n1\ntext\n".to_owned() } else { note.text };
        memory.seen = Some(new);
        let time = 1_800_000_000_u64;
        let signature = self.pair.sign(message(time, &text).as_bytes());
        let signature = [&time.to_be_bytes(), signature.as_ref()].concat();
        let line = NoteSignature { name: self.key.name().to_owned(), key_id: self.key.id(), signature };
        format!("{line}\n").into_response()
    }

    pub fn option(&self) -> String {
        format!("{} {}", self.url, self.key)
    }

    fn seen(&self) -> u64 {
        self.memory.lock().unwrap().seen.as_ref().map_or(0, |seen| seen.size)
    }

    fn break_down(&self, is_broken: bool) {
        self.memory.lock().unwrap().is_broken = is_broken;
    }

    /// Whether it has cosigned the checkpoint that is published.
    pub fn has_cosigned(&self, ledger: &Ledger) -> bool {
        let note = SignedNote::read(&std::fs::read(log(ledger).join("checkpoint")).unwrap()).unwrap();
        note.signatures.iter().any(|signature| self.key.cosigned_at(&note.text, signature).is_some())
    }
}

/// A backup with its key, beside the ledger.
pub fn backup(ledger: &Ledger, name: &str) -> PathBuf {
    let copy = ledger.data.with_file_name(name);
    let mut backup = program();
    let output = backup.arg("backup").arg(&copy).arg("--data").arg(&ledger.data).arg("--with-key").output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    copy
}

pub fn checkpoint(data: &Path) -> Vec<u8> {
    std::fs::read(data.join("log/checkpoint")).unwrap()
}

#[tokio::test]
async fn each_checkpoint_is_kept_in_a_file_and_an_older_directory_is_refused_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    let options = ["--log-keep", kept.to_str().unwrap()];
    let mut ledger = Ledger::start_with(&options, &[]);
    put(&ledger, 0..3).await;
    until_logged(&ledger, 3).await;
    until("it is kept", || std::fs::read(&kept).unwrap() == checkpoint(&ledger.data)).await;
    let copy = backup(&ledger, "earlier");
    put(&ledger, 3..8).await;
    until_logged(&ledger, 8).await;
    until("it is kept", || std::fs::read(&kept).unwrap() == checkpoint(&ledger.data)).await;
    ledger.kill();
    ledger.restart();
    put(&ledger, 8..9).await;
    until_logged(&ledger, 9).await;
    until("it is kept", || std::fs::read(&kept).unwrap() == checkpoint(&ledger.data)).await;
    assert_eq!(ledger.terminate(), Some(0));
    // The backup in the place of the ledger.
    let before = checkpoint(&copy);
    let said = refused(&copy, &options);
    for part in ["9 entries", "has 3", "ledger log restore", "accept-restore", "ledger log new", "--log off"]
    {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert_eq!(checkpoint(&copy), before);
    // One that has grown past the file in another way.
    let other = Ledger::on(copy.clone());
    put(&other, 100..110).await;
    until_logged(&other, 13).await;
    drop(other);
    let said = refused(&copy, &options);
    assert!(said.contains("does not begin with the same ones") && said.contains("13"), "{said}");
    // The ledger itself is not refused.
    ledger.restart();
    put(&ledger, 9..10).await;
    until_logged(&ledger, 10).await;
    assert_whole(&log(&ledger), &key(&ledger.data), &[("--keep", &kept)]);
}

#[tokio::test]
async fn a_file_to_keep_checkpoints_in_lies_elsewhere_and_is_of_this_log() {
    let mut ledger = Ledger::start();
    put(&ledger, 0..1).await;
    until_logged(&ledger, 1).await;
    assert_eq!(ledger.terminate(), Some(0));
    let inside = ledger.data.join("kept");
    let said = refused(&ledger.data, &["--log-keep", inside.to_str().unwrap()]);
    assert!(said.contains("lies in the data directory"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&inside, &link).unwrap();
    std::fs::write(&inside, "").unwrap();
    let said = refused(&ledger.data, &["--log-keep", link.to_str().unwrap()]);
    assert!(said.contains("lies in the data directory"), "{said}");
    let missing = folder.path().join("missing/kept");
    let said = refused(&ledger.data, &["--log-keep", missing.to_str().unwrap()]);
    assert!(said.contains("a directory that exists"), "{said}");
    let other = folder.path().join("other");
    std::fs::write(&other, "something else").unwrap();
    let said = refused(&ledger.data, &["--log-keep", other.to_str().unwrap()]);
    assert!(said.contains("holds no checkpoint of the log"), "{said}");
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "something else");
    for storage in [&["--in-memory"][..], &["--dynamodb", "aws"]] {
        let mut serve = program();
        let output = serve.arg("serve").args(storage).args(["--log-keep", "kept"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", printed(&output));
    }
}

#[tokio::test]
async fn witnesses_cosign_each_checkpoint_and_one_that_is_down_holds_up_nothing() {
    let (one, other) = (Witness::serve("witness.example/one"), Witness::serve("witness.example/two"));
    let (options, second) = ([one.option(), other.option()], other.clone());
    let options: Vec<&str> = options.iter().flat_map(|option| ["--log-witness", option]).collect();
    let ledger = Ledger::start_with(&options, &[]);
    put(&ledger, 0..3).await;
    until_logged(&ledger, 3).await;
    until("both have cosigned", || one.has_cosigned(&ledger) && other.has_cosigned(&ledger)).await;
    assert_eq!((one.seen(), other.seen()), (3, 3));
    assert_whole(&log(&ledger), &key(&ledger.data), &[]);
    second.break_down(true);
    put(&ledger, 3..300).await;
    until_logged(&ledger, 300).await;
    until("one has cosigned", || one.has_cosigned(&ledger)).await;
    assert!(!other.has_cosigned(&ledger));
    // It is asked again for the same checkpoint, although nothing is new.
    second.break_down(false);
    until("both have cosigned", || one.has_cosigned(&ledger) && other.has_cosigned(&ledger)).await;
    // What does not verify is no cosignature.
    second.memory.lock().unwrap().lies = true;
    put(&ledger, 300..301).await;
    until_logged(&ledger, 301).await;
    until("it is asked", || other.seen() == 301).await;
    let note = SignedNote::read(&checkpoint(&ledger.data)).unwrap();
    let names: Vec<&str> = note.signatures.iter().map(|signature| signature.name.as_str()).collect();
    assert!(!names.contains(&"witness.example/two"), "{names:?}");
}

#[tokio::test]
async fn with_a_quorum_nothing_is_published_until_enough_witnesses_have_cosigned() {
    let (one, other) = (Witness::serve("witness.example/one"), Witness::serve("witness.example/two"));
    let options = [one.option(), other.option()];
    let options: Vec<&str> =
        options.iter().flat_map(|option| ["--log-witness", option]).chain(["--log-quorum", "2"]).collect();
    let ledger = Ledger::start_with(&options, &[]);
    put(&ledger, 0..1).await;
    until_logged(&ledger, 1).await;
    assert!(one.has_cosigned(&ledger) && other.has_cosigned(&ledger), "before it is published");
    other.break_down(true);
    put(&ledger, 1..2).await;
    let asked = other.memory.lock().unwrap().asked;
    until("it is asked again", || other.memory.lock().unwrap().asked > asked + 1).await;
    assert_eq!(
        LogCheckpoint::read(
            &String::from_utf8(checkpoint(&ledger.data))
                .unwrap()
                .split("\n\n")
                .next()
                .map(|text| format!("{text}\n"))
                .unwrap()
        )
        .unwrap()
        .size,
        1
    );
    other.break_down(false);
    until_logged(&ledger, 2).await;
    assert!(one.has_cosigned(&ledger) && other.has_cosigned(&ledger));
    let mut serve = program();
    let output = serve.args(["serve", "--log-quorum", "1"]).output().unwrap();
    assert!(
        output.status.code() == Some(2) && printed(&output).contains("--log-witness"),
        "{}",
        printed(&output)
    );
}

#[tokio::test]
async fn an_older_directory_is_refused_by_a_witness_and_signs_nothing_while_none_answers() {
    let witness = Witness::serve("witness.example/one");
    let option = witness.option();
    let options = ["--log-witness", option.as_str()];
    let mut ledger = Ledger::start_with(&options, &[]);
    put(&ledger, 0..3).await;
    until_logged(&ledger, 3).await;
    let [refusing, silent] = ["refusing", "silent"].map(|name| backup(&ledger, name));
    put(&ledger, 3..8).await;
    until_logged(&ledger, 8).await;
    until("it has cosigned", || witness.has_cosigned(&ledger)).await;
    assert_eq!(ledger.terminate(), Some(0));
    let said = refused(&refusing, &options);
    for part in ["8 entries", "has 3", "ledger log restore", "accept-restore", "ledger log new", "--log off"]
    {
        assert!(said.contains(part), "{part} in {said}");
    }
    // Nobody answers: it starts and records.
    witness.break_down(true);
    let before = checkpoint(&silent);
    let copy = Ledger::on_with(silent.clone(), &options);
    put(&copy, 100..120).await;
    let asked = witness.memory.lock().unwrap().asked;
    until("it is asked again", || witness.memory.lock().unwrap().asked > asked + 2).await;
    assert_eq!(checkpoint(&silent), before, "nothing is signed");
    // It answers, and knows another log.
    witness.break_down(false);
    let said = until_stopped(&copy).await;
    assert!(said.contains("witness.example/one") && said.contains("ledger log new"), "{said}");
    assert_eq!(checkpoint(&silent), before, "nothing is signed");
    put(&copy, 200..201).await;
    drop(copy);
    // The ledger that the witness knows goes on.
    ledger.restart();
    put(&ledger, 8..9).await;
    until_logged(&ledger, 9).await;
}

#[tokio::test]
async fn a_checkpoint_that_was_cosigned_and_not_published_is_no_sign_of_an_older_directory() {
    let witness = Witness::serve("witness.example/one");
    let option = witness.option();
    let mut ledger = Ledger::start_with(&["--log-witness", &option], &[]);
    put(&ledger, 0..5).await;
    until_logged(&ledger, 5).await;
    let (before, at_five) = (checkpoint(&ledger.data), witness.memory.lock().unwrap().seen.clone());
    put(&ledger, 5..7).await;
    until_logged(&ledger, 7).await;
    ledger.kill();
    assert_ne!(witness.memory.lock().unwrap().seen, at_five);
    // As if it had been killed between the two.
    std::fs::write(ledger.data.join("log/checkpoint"), before).unwrap();
    ledger.restart();
    put(&ledger, 7..8).await;
    until_logged(&ledger, 8).await;
    until("it has cosigned", || witness.has_cosigned(&ledger)).await;
}

/// Runs `ledger log …` on a data directory and answers with what it prints.
pub fn ledger_log(data: &Path, words: &[&str], code: i32) -> String {
    let output = program().arg("log").args(words).arg("--data").arg(data).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{words:?}: {}", printed(&output));
    printed(&output)
}

#[tokio::test]
async fn another_key_signs_with_the_one_before_it_for_a_while_and_proofs_of_before_stay_good() {
    let mut ledger = Ledger::start_with(&["--log-origin", "example.com/log"], &[]);
    put(&ledger, 0..3).await;
    until_logged(&ledger, 3).await;
    let (first, folder) = (key(&ledger.data), tempfile::tempdir().unwrap());
    let proof = folder.path().join("proof");
    let mut prove = program();
    let prove =
        prove.args(["prove", "p1", "--sequence", "1", "--url", &ledger.url, "-o"]).arg(&proof).output();
    assert_eq!(prove.unwrap().status.code(), Some(0));
    let hash = ledger.history("p1").await[0]["hash"].as_str().unwrap().to_owned();
    ledger_log(&ledger.data, &["rotate-key"], 2);
    assert_eq!(ledger.terminate(), Some(0));
    let keys = ledger_log(&ledger.data, &["rotate-key"], 0);
    let lines: Vec<&str> = keys.trim().lines().collect();
    assert_eq!((lines.len(), lines[0]), (2, first.as_str()), "{keys}");
    assert!(lines[1].starts_with("example.com/log+") && lines[1].ends_with(" from 3"), "{keys}");
    let second = lines[1].to_owned();
    // Both of them have signed where the keys change, and later ones.
    for key in [&first, &second] {
        assert_whole(&log(&ledger), key, &[]);
    }
    ledger.restart();
    put(&ledger, 3..5).await;
    until_logged(&ledger, 5).await;
    let served =
        ledger.http.get(format!("{}/log/key", ledger.url)).send().await.unwrap().text().await.unwrap();
    assert_eq!(served, keys);
    for key in [&first, &second] {
        assert_whole(&log(&ledger), key, &[]);
    }
    assert_eq!(ledger.terminate(), Some(0));
    // At once: the second one signs no more.
    let keys = ledger_log(&ledger.data, &["rotate-key", "--overlap", "0"], 0);
    let lines: Vec<&str> = keys.trim().lines().collect();
    assert_eq!(lines.len(), 3, "{keys}");
    assert!(lines[0].ends_with(" from 0 to 5") && lines[1].ends_with(" from 3 to 5"), "{keys}");
    assert!(!ledger.data.join("log.former.key").exists());
    ledger.restart();
    put(&ledger, 5..6).await;
    until_logged(&ledger, 6).await;
    let of = |key: &str| {
        let output =
            program().args(["log", "verify"]).arg(log(&ledger)).args(["--key", key]).output().unwrap();
        output.status.code()
    };
    assert_eq!((of(&first), of(&second), of(lines[2])), (Some(1), Some(1), Some(0)));
    let mut check = program();
    let check =
        check.args(["verify", "--key", lines[0], "--hash", &hash, "--proof"]).arg(&proof).output().unwrap();
    assert_eq!(check.status.code(), Some(0), "{}", printed(&check));
}

#[tokio::test]
async fn without_its_key_a_log_is_served_and_not_signed_until_another_one_begins() {
    let mut ledger = Ledger::start();
    put(&ledger, 0..3).await;
    until_logged(&ledger, 3).await;
    assert_eq!(ledger.terminate(), Some(0));
    ledger_log(&ledger.data, &["rotate-key", "--lost"], 1);
    let first = key(&ledger.data);
    std::fs::remove_file(ledger.data.join("log.key")).unwrap();
    ledger.restart();
    let said = until_stopped(&ledger).await;
    assert!(said.contains("log.key") && said.contains("rotate-key --lost"), "{said}");
    put(&ledger, 3..5).await;
    let served = ledger.http.get(format!("{}/log/checkpoint", ledger.url)).send().await.unwrap();
    assert_eq!(served.bytes().await.unwrap(), checkpoint(&ledger.data));
    assert!(!ledger.data.join("log.key").exists());
    let metrics =
        ledger.http.get(format!("{}/metrics", ledger.url)).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("ledger_log_signing 0"), "{metrics}");
    assert_eq!(ledger.terminate(), Some(0));
    ledger_log(&ledger.data, &["rotate-key"], 1);
    let keys = ledger_log(&ledger.data, &["rotate-key", "--lost"], 0);
    assert_eq!(keys.lines().next().unwrap(), format!("{first} to 3"));
    let second = keys.lines().nth(1).unwrap();
    ledger.restart();
    put(&ledger, 5..6).await;
    until_logged(&ledger, 6).await;
    assert_whole(&log(&ledger), second, &[]);
}

#[tokio::test]
async fn a_log_that_goes_on_elsewhere_is_signed_no_more() {
    let mut ledger = Ledger::start_with(&["--log-origin", "example.com/log"], &[]);
    put(&ledger, 0..3).await;
    until_logged(&ledger, 3).await;
    assert_eq!(ledger.terminate(), Some(0));
    let there =
        ledger_log::NoteSigner::from_seed("example.com/log", &[7; 32]).unwrap().verifier_key().to_string();
    let foreign = ledger_log::NoteSigner::from_seed("example.com/other", &[7; 32]).unwrap();
    let said = ledger_log(&ledger.data, &["rotate-key", "--to", &foreign.verifier_key().to_string()], 1);
    assert!(said.contains("example.com/other"), "{said}");
    let keys = ledger_log(&ledger.data, &["rotate-key", "--to", &there], 0);
    assert!(keys.contains(" from 0 to 3\n") && keys.contains(&format!("{there} from 3\n")), "{keys}");
    let before = checkpoint(&ledger.data);
    ledger.restart();
    until_stopped(&ledger).await;
    put(&ledger, 3..5).await;
    assert_eq!(checkpoint(&ledger.data), before);
}
