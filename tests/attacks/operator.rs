//! An operator who has all files and the key: changes commits without a trace in the file, and rebuilds and signs the log.

use std::path::{Path, PathBuf};
use std::process::Output;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use event_store::chain;
use ledger_log::files::LogFiles;
use ledger_log::{Leaf, LogCheckpoint, NoteSigner};
use rusqlite::Connection;
use schema::StoredCommit;
use serde_json::json;

use crate::restore::until;
use crate::scenario::{Ledger, printed, program, repository};

/// Commits of the sample.
pub const COMMITS: usize = 696;

/// The data directory of a stopped ledger with the sample, all of it logged.
pub struct Operator {
    folder: tempfile::TempDir,
    pub data: PathBuf,
    pub key: String,
}

/// The exit code of a command and what it printed.
pub struct Said {
    pub code: Option<i32>,
    pub text: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        Self { code: output.status.code(), text: printed(output) }
    }

    /// Nothing is wrong.
    #[track_caller]
    pub fn whole(&self, what: &str) {
        assert_eq!(self.code, Some(0), "{what}: {}", self.text);
    }

    /// Something is wrong, in these words.
    #[track_caller]
    pub fn finds(&self, words: &str, what: &str) {
        assert!(
            self.code == Some(1) && self.text.contains(words),
            "{what}: {words}: {:?} {}",
            self.code,
            self.text
        );
    }
}

impl Operator {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (data, export) = (folder.path().join("data"), folder.path().join("sample.ndjson"));
        let sample = std::fs::File::open(repository().join("log/tests/data/export.ndjson.gz")).unwrap();
        let mut plain = std::fs::File::create(&export).unwrap();
        std::io::copy(&mut flate2::read::GzDecoder::new(sample), &mut plain).unwrap();
        let restored = program().arg("restore").arg(&export).arg("--data").arg(&data).output().unwrap();
        assert!(restored.status.success(), "{}", printed(&restored));
        let mut ledger = Ledger::on(data.clone());
        let checkpoint = data.join("log/checkpoint");
        until("the sample is logged", || {
            let note = std::fs::read_to_string(&checkpoint).unwrap_or_default();
            note.lines().nth(1) == Some(&COMMITS.to_string())
        })
        .await;
        assert_eq!(ledger.terminate(), Some(0));
        let key = program().args(["log", "key", "--data"]).arg(&data).output().unwrap();
        let keys = String::from_utf8(key.stdout).unwrap();
        let key = keys.split_whitespace().next().unwrap().to_owned();
        Self { folder, data, key }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn log(&self) -> PathBuf {
        self.data.join("log")
    }

    /// A command on the data directory.
    pub fn run(&self, arguments: &[&str]) -> Said {
        Said::of(&program().args(arguments).arg("--data").arg(&self.data).output().unwrap())
    }

    /// An outsider's verification of the log with these options; each option is a name and a file.
    pub fn log_verify(&self, options: &[(&str, &Path)]) -> Said {
        let mut verify = program();
        verify.args(["log", "verify"]).arg(self.log()).args(["--key", &self.key]);
        for (option, file) in options {
            verify.arg(option).arg(file);
        }
        Said::of(&verify.output().unwrap())
    }

    /// A copy of a kept checkpoint, which a verification may replace.
    pub fn copy_of(&self, kept: &Path) -> PathBuf {
        let copy = self.file("copy of what was kept");
        std::fs::copy(kept, &copy).unwrap();
        copy
    }

    /// The export of the ledger as it is now.
    pub fn export(&self) -> PathBuf {
        let file = self.file("export.ndjson");
        self.run(&["export", "-o", file.to_str().unwrap()]).whole("export");
        file
    }

    /// All commits in the order of their positions.
    pub fn commits(&self) -> Vec<StoredCommit> {
        let connection = Connection::open(self.data.join("ledger.sqlite3")).unwrap();
        let mut lines = connection.prepare("SELECT line FROM commits ORDER BY position").unwrap();
        let lines = lines.query_map([], |row| row.get::<_, String>(0)).unwrap();
        lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
    }

    /// Puts these commits in the place of all others, at positions without gaps, with the triggers out of the way meanwhile.
    pub fn replace(&self, commits: &[StoredCommit]) {
        let mut connection = Connection::open(self.data.join("ledger.sqlite3")).unwrap();
        let replacing = connection.transaction().unwrap();
        let triggers = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'";
        let triggers: Vec<(String, String)> = {
            let mut triggers = replacing.prepare(triggers).unwrap();
            let rows = triggers.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            rows.map(Result::unwrap).collect()
        };
        for (name, _) in &triggers {
            replacing.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
        }
        replacing.execute("DELETE FROM commits", []).unwrap();
        let insert = "INSERT INTO commits (position, sequence, product_id, commit_id, recorded_at, hash, line) \
                      VALUES (CAST(?1 AS INTEGER), CAST(?2 AS INTEGER), ?3, ?4, ?5, ?6, ?7)";
        for (position, commit) in commits.iter().enumerate() {
            let text = |field| commit.text(field).unwrap().to_owned();
            let (position, sequence) = (position.to_string(), commit.sequence().unwrap().to_string());
            let line = String::from_utf8(event_store::export::line(commit).unwrap()).unwrap();
            let [product, id, at, hash] = ["product_id", "commit_id", "recorded_at", "hash"].map(text);
            let row = [position, sequence, product, id, at, hash, line.trim_end().to_owned()];
            assert_eq!(replacing.execute(insert, row).unwrap(), 1);
        }
        for (_, sql) in &triggers {
            replacing.execute_batch(sql).unwrap();
        }
        replacing.commit().unwrap();
    }

    /// Builds the log of these entries from nothing, and signs it with the key of the ledger.
    pub fn rebuild_log(&self, entries: &[Vec<u8>]) {
        std::fs::remove_dir_all(self.log()).unwrap();
        let LogFiles { files, root, size } = LogFiles::of(entries).unwrap();
        let origin = self.key.split('+').next().unwrap();
        let checkpoint = LogCheckpoint { origin: origin.to_owned(), size, root };
        let note = self.signer().sign(checkpoint.to_string()).unwrap().to_string();
        let files = files.into_iter().map(|(path, bytes)| (path.to_string(), bytes));
        for (path, bytes) in files.chain([("checkpoint".to_owned(), note.into_bytes())]) {
            let file = self.log().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, bytes).unwrap();
        }
    }

    fn signer(&self) -> NoteSigner {
        let pem = std::fs::read_to_string(self.data.join("log.key")).unwrap();
        let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let origin = self.key.split('+').next().unwrap();
        let signer = NoteSigner::from_pkcs8(origin, &STANDARD.decode(base64).unwrap()).unwrap();
        assert_eq!(signer.verifier_key().to_string(), self.key);
        signer
    }
}

/// The entries of a log of these commits.
pub fn entries(commits: &[StoredCommit]) -> Vec<Vec<u8>> {
    commits.iter().map(|commit| Leaf::of(commit).unwrap().to_bytes().to_vec()).collect()
}

/// The indexes of the commits of a product.
pub fn of_product(commits: &[StoredCommit], product: &str) -> Vec<usize> {
    let is_its = |at: &usize| commits[*at].text("product_id").unwrap() == product;
    (0..commits.len()).filter(is_its).collect()
}

/// Changes who sent a commit, and gives it and those that follow it in its product new links and hashes.
pub fn rewrite(commits: &mut [StoredCommit], at: usize) {
    commits[at].0["metadata"]["actor"] = json!("somebody else");
    let product = commits[at].text("product_id").unwrap().to_owned();
    let mut before: Option<String> = None;
    for at in of_product(commits, &product).into_iter().filter(|its| *its >= at) {
        if let Some(before) = before {
            commits[at].0["previous_hash"] = json!(before);
        }
        let hash = chain::hash_of(&commits[at]).unwrap();
        commits[at].0["hash"] = json!(hash.as_str());
        before = Some(hash.as_str().to_owned());
    }
}
