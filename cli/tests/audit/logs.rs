//! `ledger log verify`.

use std::path::PathBuf;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ledger_log::files::LogFiles;
use ledger_log::proof::ProofPlan;
use ledger_log::tree::entry_hash;
use ledger_log::{Leaf, LogCheckpoint, NoteSigner, ProofFile, RightEdge};
use schema::StoredCommit;

use super::given::{Ran, lives, program, ran};

/// The name of the logs of these tests.
pub const ORIGIN: &str = "example.com/ledger";

/// A folder with logs, and the program in it.
pub struct Logs {
    folder: tempfile::TempDir,
}

/// The key of the log, or of somebody else.
pub fn signer(seed: u8) -> NoteSigner {
    NoteSigner::from_seed(ORIGIN, &[seed; 32]).unwrap()
}

/// The entries of commits.
pub fn entries(commits: &[StoredCommit]) -> Vec<Vec<u8>> {
    commits.iter().map(|commit| Leaf::of(commit).unwrap().to_bytes().to_vec()).collect()
}

/// A signed checkpoint of these entries.
fn note(entries: &[Vec<u8>], signer: &NoteSigner) -> String {
    let root = entries.iter().map(|entry| entry_hash(entry)).collect::<RightEdge>().root();
    let checkpoint = LogCheckpoint { origin: ORIGIN.to_owned(), size: entries.len() as u64, root };
    signer.sign(checkpoint.to_string()).unwrap().to_string()
}

/// The proof file of an entry.
pub fn proof_file(entries: &[Vec<u8>], index: usize) -> ProofFile {
    let plan = ProofPlan::of_inclusion(index as u64, entries.len() as u64).unwrap();
    let hashes = plan.hashes(|node| {
        let (first, count) = (usize::try_from(node.index).unwrap() << node.level, 1 << node.level);
        let hashes = entries[first..first + count].iter().map(|entry| entry_hash(entry));
        Ok::<_, std::convert::Infallible>(hashes.collect::<RightEdge>().root())
    });
    ProofFile {
        extra: Some(entries[index][..32].to_vec()),
        index: index as u64,
        hashes: hashes.unwrap(),
        checkpoint: note(entries, &signer(1)),
    }
}

impl Logs {
    /// A folder with `log.vkey`, the key of the log.
    pub fn new() -> Self {
        let logs = Self { folder: tempfile::tempdir().unwrap() };
        logs.write("log.vkey", format!("{}\n", signer(1).verifier_key()));
        logs
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.path(name)).ok()
    }

    /// Writes the log of these entries into the folder `log`.
    pub fn log(&self, entries: &[Vec<u8>]) {
        let _ = std::fs::remove_dir_all(self.path("log"));
        for (path, bytes) in LogFiles::of(entries).unwrap().files {
            self.write(&format!("log/{path}"), bytes);
        }
        self.write("log/checkpoint", note(entries, &signer(1)));
    }

    /// Writes an export of these commits.
    pub fn export(&self, commits: &[StoredCommit]) {
        let lines = commits.iter().flat_map(|commit| event_store::export::line(commit).unwrap());
        self.write("export.ndjson", lines.collect::<Vec<u8>>());
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        ran(program().args(arguments).current_dir(self.folder.path()))
    }

    fn verify(&self, more: &[&str]) -> Ran {
        self.run(&[&["log", "verify", "log", "--key", "log.vkey"], more].concat())
    }
}

#[test]
fn a_whole_log_is_whole_from_a_directory_by_its_key_or_a_file_of_keys() {
    let logs = Logs::new();
    let entries = entries(&lives());
    logs.log(&entries);
    let vkey = signer(1).verifier_key().to_string();
    for key in ["log.vkey", &vkey] {
        let ran = logs.run(&["log", "verify", "log", "--key", key]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(
            ran.out.starts_with("whole: log example.com/ledger, 8 entries, 8 commits, root "),
            "{}",
            ran.out
        );
    }
    logs.log(&[]);
    let empty = logs.verify(&[]);
    assert_eq!((empty.code, empty.out.contains("0 entries, 0 commits")), (0, true), "{empty:?}");
}

/// Serves the folder, or answers every request with a status.
async fn served(folder: PathBuf, refused: Option<StatusCode>) -> String {
    let answer = move |request: Request| async move {
        let path = request.uri().path().trim_start_matches('/').to_owned();
        match (refused, std::fs::read(folder.join(path))) {
            (Some(status), _) => status.into_response(),
            (None, Ok(bytes)) => Response::new(bytes.into()),
            (None, Err(_)) => StatusCode::NOT_FOUND.into_response(),
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_on_a_web_server_is_verified_like_one_in_a_directory() {
    let logs = Logs::new();
    logs.log(&entries(&lives()));
    let url = format!("{}/log", served(logs.path(""), None).await);
    for url in [&url, &format!("{url}/")] {
        let ran = logs.run(&["log", "verify", url, "--key", "log.vkey"]);
        assert_eq!((ran.code, &ran.out), (0, &logs.verify(&[]).out), "{ran:?}");
    }
    std::fs::remove_file(logs.path("log/tile/0/000.p/8")).unwrap();
    let ran = logs.run(&["log", "verify", &url, "--key", "log.vkey"]);
    assert_eq!((ran.code, ran.out.starts_with("missing: tile/0/000.p/8 ")), (1, true), "{ran:?}");
    let refused = served(logs.path(""), Some(StatusCode::FORBIDDEN)).await;
    for url in [&refused, "http://127.0.0.1:1", &format!("{url}/elsewhere")] {
        let ran = logs.run(&["log", "verify", url, "--key", "log.vkey"]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
    }
}

#[test]
fn a_checkpoint_is_kept_only_of_a_whole_log_and_another_one_goes_beside_it() {
    let (logs, entries) = (Logs::new(), entries(&lives()));
    let verify = || logs.verify(&["--keep", "kept"]);
    let checkpoint = || logs.read("log/checkpoint");
    logs.log(&entries[..5]);
    assert_eq!(verify().code, 0);
    assert_eq!(logs.read("kept"), checkpoint());
    logs.log(&entries);
    let grown = verify();
    assert_eq!((grown.code, grown.out.contains(", grown from 5\n")), (0, true), "{grown:?}");
    let kept = logs.read("kept");
    assert_eq!(kept, checkpoint());
    let mut rewritten = entries.clone();
    rewritten[2][63] ^= 1;
    let shorter = entries[..7].to_vec();
    for (entries, fault) in [(rewritten, "rewritten: "), (shorter, "rolled_back: ")] {
        logs.log(&entries);
        let ran = verify();
        assert_eq!((ran.code, ran.out.starts_with(fault)), (1, true), "{ran:?}");
        assert!(ran.err.contains("kept.refused"), "{}", ran.err);
        assert_eq!((logs.read("kept"), logs.read("kept.refused")), (kept.clone(), checkpoint()));
    }
    // What could not be checked changes nothing.
    std::fs::remove_file(logs.path("kept.refused")).unwrap();
    std::fs::remove_file(logs.path("log/checkpoint")).unwrap();
    assert_eq!(verify().code, 2);
    assert_eq!((logs.read("kept"), logs.read("kept.refused")), (kept, None));
    let others = std::fs::read_dir(logs.path("")).unwrap().count();
    assert_eq!(others, 3, "the key, the log and the checkpoint");
}

#[test]
fn a_checkpoint_with_another_signature_is_refuted_and_goes_beside_the_kept_one() {
    let (logs, entries) = (Logs::new(), entries(&lives()));
    logs.log(&entries);
    let forged = note(&entries, &signer(1)).replace("\n8\n", "\n9\n");
    for note in [note(&entries, &signer(2)), forged, "no note at all\n".to_owned()] {
        logs.write("log/checkpoint", &note);
        let ran = logs.verify(&["--keep", "kept"]);
        assert_eq!((ran.code, ran.out.starts_with("refuted: the checkpoint ")), (1, true), "{ran:?}");
        assert_eq!((logs.read("kept"), logs.read("kept.refused")), (None, Some(note)));
    }
    // A fault is one, also if the checkpoint cannot be kept.
    let ran = logs.verify(&["--keep", "no/folder/kept"]);
    assert_eq!(
        (ran.code, ran.err.contains("no/folder/kept.refused cannot be written")),
        (1, true),
        "{ran:?}"
    );
}

#[test]
fn a_log_is_compared_with_an_export() {
    let (logs, commits) = (Logs::new(), lives());
    logs.log(&entries(&commits));
    let compare = |commits: &[StoredCommit]| {
        logs.export(commits);
        logs.verify(&["--export", "export.ndjson"])
    };
    let whole = compare(&commits);
    assert_eq!((whole.code, &whole.out), (0, &logs.verify(&[]).out), "{whole:?}");
    let invented = compare(&commits[..7]);
    assert_eq!(
        (invented.code, invented.out.starts_with("invented: entry 7 (hash ")),
        (1, true),
        "{invented:?}"
    );
    logs.log(&entries(&commits[..7]));
    let omitted = compare(&commits);
    let says = "omitted: product lamp sequence 2 (hash ";
    assert_eq!((omitted.code, omitted.out.starts_with(says)), (1, true), "{omitted:?}");
    logs.log(&entries(&commits));
    let mut changed = commits.clone();
    changed[1].0["metadata"]["actor"] = "mallory".into();
    let ran = compare(&changed);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains(" changed: ") && ran.out.contains("is not whole itself"), "{}", ran.out);
    let none = logs.verify(&["--export", "none.ndjson"]);
    assert_eq!((none.code, none.out.as_str()), (2, ""), "{none:?}");
}

#[test]
fn what_a_later_build_wrote_is_neither_whole_nor_faulty() {
    let (logs, mut entries) = (Logs::new(), entries(&lives()));
    entries.push(b"something new".to_vec());
    logs.log(&entries);
    let ran = logs.verify(&["--keep", "kept"]);
    assert_eq!((ran.code, ran.out.contains("not_understood: 1 entry\n")), (2, true), "{ran:?}");
    assert!(ran.out.contains("1 entry not understood: log ") && ran.err.contains("a later build"), "{ran:?}");
    assert_eq!((logs.read("kept"), logs.read("kept.refused")), (None, None));
}

#[test]
fn a_fork_that_a_restore_accepts_is_told_and_no_fault() {
    let (logs, commits) = (Logs::new(), lives());
    let mut entries = entries(&commits);
    let mut anew = entries[5].clone();
    anew[63] ^= 1;
    let body = format!(
        r#"{{"forks":[{{"hash":"{}","head":null,"lost":5}}],"part":1,"parts":1,"reason":"disk\u001b[2J failed"}}"#,
        commits[5].text("hash").unwrap()
    );
    entries.push([ledger_log::entry::RESTORE_ACCEPTED, body.as_bytes()].concat());
    entries.push(anew);
    logs.log(&entries);
    let ran = logs.verify(&[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let told: Vec<&str> = ran.out.lines().collect();
    assert_eq!(told[0], r"entry 8 accepts a restore (part 1 of 1): disk\u{1b}[2J failed");
    assert_eq!(told[1], "entry 9 takes the place of entry 5, as entry 8 accepts");
    assert!(told[2].starts_with("whole: ") && told.len() == 3, "{}", ran.out);
    entries.remove(8);
    logs.log(&entries);
    let ran = logs.verify(&[]);
    assert_eq!(
        (ran.code, ran.out.starts_with("fork: the commits of entries 5 and 8 ")),
        (1, true),
        "{ran:?}"
    );
}

#[test]
fn what_cannot_be_checked_is_said_in_one_line() {
    let logs = Logs::new();
    logs.log(&entries(&lives()));
    let vkey = signer(1).verifier_key().to_string();
    logs.write("kept-by-another", note(&entries(&lives()), &signer(2)));
    logs.write("no-keys", "no key\n");
    std::fs::create_dir(logs.path("empty")).unwrap();
    for (arguments, says) in [
        (
            &["log", "--key", "no-file"][..],
            "neither a verifier key, which has the form NAME+ID+KEY, nor a file",
        ),
        (&["log", "--key", "no-keys"], "no-keys: is not a verifier key"),
        (&["log", "--key", "log"], "log is not a file"),
        (&["log", "--key", "/dev/zero"], "/dev/zero is not a file"),
        (&["log", "--key", &vkey.replace("+3", "+4")], "its id does not belong to its name and key"),
        (&["no-log", "--key", &vkey], "neither a directory nor an http or https URL"),
        (&["empty", "--key", &vkey], "there is no checkpoint at empty"),
        (&["log", "--key", &vkey, "--keep", "kept-by-another"], "give the key that signed it too"),
        (&["log", "--key", &vkey, "--keep", "empty"], "empty is not a file"),
        (&["log", "--key", &vkey, "--keep", "empty/no/folder"], "cannot be written"),
    ] {
        let ran = logs.run(&[&["log", "verify"], arguments].concat());
        let told: Vec<&str> = ran.err.lines().filter(|line| line.starts_with("ledger: ")).collect();
        assert_eq!((ran.code, told.len()), (2, 1), "{arguments:?}: {ran:?}");
        assert!(told[0].contains(says), "{arguments:?}: {}", told[0]);
    }
}
