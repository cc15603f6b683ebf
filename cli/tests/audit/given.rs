//! A data directory with a small ledger in it, and the program.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aws_sdk_dynamodb::Client;
use engine::Engine;
use event_store::{DynamoJournal, Journal, receipts, seal, table};
use schema::{Commit, ProductEvent, StoredCommit, fixtures};

/// A ledger on disk; the engine that writes it stays open, as a server's would.
pub struct Ledger {
    directory: tempfile::TempDir,
    pub client: Client,
    _engine: Engine,
}

/// What the program did.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ledger {
    /// Two products: a helmet of six commits and a lamp of two.
    pub async fn of_two() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let engine = Engine::open(&directory.path().join("data")).unwrap();
        let client = Client::new(&engine.sdk_config());
        for (name, shape) in [
            ("ledger-events", event_store::TABLE),
            ("ledger-receipts", receipts::TABLE),
            ("ledger-products", projections::PRODUCTS_TABLE),
        ] {
            table::create(&client, name, shape).await.unwrap();
        }
        let ledger = Self { directory, client, _engine: engine };
        for commit in lives() {
            ledger.append(&commit).await;
        }
        ledger
    }

    pub async fn append(&self, commit: &StoredCommit) {
        DynamoJournal::new(self.client.clone(), "ledger-events").append(commit).await.unwrap();
    }

    /// Puts a commit where one is, as nobody is allowed to.
    pub async fn overwrite(&self, commit: &StoredCommit) {
        let item = event_store::dynamodb::to_item(commit).unwrap();
        let request = self.client.put_item().table_name("ledger-events").set_item(Some(item));
        request.send().await.unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a command on this ledger.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        let data = self.path("data");
        let of_data = [OsStr::new("--data"), data.as_os_str()];
        ran(program().args(arguments).args(of_data).current_dir(self.directory.path()))
    }

    /// Runs a command with no ledger at hand.
    pub fn run_without(&self, arguments: &[&str]) -> Ran {
        ran(program().args(arguments).current_dir(self.directory.path()))
    }
}

/// The program with an environment of its own.
pub fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ledger"));
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "LEDGER_URL", "LEDGER_TOKEN"] {
        program.env_remove(name);
    }
    program
        .env("AWS_CONFIG_FILE", "/nonexistent")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null());
    program
}

pub fn ran(program: &mut Command) -> Ran {
    let output = program.output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The commits of both products, in order.
pub fn lives() -> Vec<StoredCommit> {
    let lamp = vec![fixtures::helmet_created(), fixtures::helmet_renamed()];
    let mut commits = life("helmet", fixtures::helmet_story());
    commits.extend(life("lamp", lamp));
    commits
}

/// A product's life, one event a commit.
pub fn life(product: &str, story: Vec<ProductEvent>) -> Vec<StoredCommit> {
    let mut last: Option<Commit> = None;
    let mut commits = Vec::new();
    for event in story {
        let unsealed = fixtures::commit_after(last.as_ref(), &fixtures::id(product), vec![event]);
        let (commit, stored) = seal(unsealed).unwrap();
        commits.push(stored);
        last = Some(commit);
    }
    commits
}

pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}
