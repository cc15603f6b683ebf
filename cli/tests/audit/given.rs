//! A data directory with a small ledger, and the program.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use event_store::seal;
use event_store::sqlite::LEDGER;
use rusqlite::{Connection, params};
use schema::Orders;
use schema::{Commit, ProductEvent, StoredCommit, fixtures};
use server::backend::Backend;
use server::directory::DataDirectory;
use web::ClockAndIds;

/// A ledger on disk; its files stay open, as a server's would.
pub struct Ledger {
    directory: tempfile::TempDir,
    pub backend: Backend,
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
        let backend = open(&directory.path().join("data")).await;
        let ledger = Self { directory, backend };
        for commit in lives() {
            ledger.append(&commit).await;
        }
        ledger
    }

    pub async fn append(&self, commit: &StoredCommit) {
        self.backend.journal.append(commit).await.unwrap();
    }

    /// Puts a commit where one is, as nobody is allowed to: the file's triggers are taken away for it and put back.
    pub fn overwrite(&self, commit: &StoredCommit) {
        let line = String::from_utf8(event_store::export::line(commit).unwrap()).unwrap();
        let key = (commit.text("product_id").unwrap(), commit.sequence().unwrap());
        self.change(
            "UPDATE commits SET line = ?3, hash = ?4 WHERE product_id = ?1 AND sequence = ?2",
            params![key.0, key.1, line.trim_end(), commit.text("hash").unwrap()],
        );
    }

    /// Changes one row by hand, without the triggers and then with them again.
    pub fn change(&self, statement: &str, with: impl rusqlite::Params) {
        let connection = Connection::open(self.path("data").join(LEDGER.file)).unwrap();
        let guards: Vec<String> = connection
            .prepare("SELECT sql FROM sqlite_schema WHERE type = 'trigger'")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        for guard in &guards {
            let name = guard.split_whitespace().nth(2).unwrap();
            connection.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
        }
        assert_eq!(connection.execute(statement, with).unwrap(), 1);
        connection.execute_batch(&guards.join(";")).unwrap();
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

/// The files of a data directory, created where they are missing.
pub async fn open(data: &Path) -> Backend {
    let (orders, clock_and_ids) = (Orders::default(), ClockAndIds::system());
    let files = DataDirectory::open(data, &orders, || (clock_and_ids.ids)().to_string()).await.unwrap();
    Backend::on_sqlite(files, &orders, &clock_and_ids.clock).await.unwrap()
}

/// The program with an environment of its own.
pub fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ledger"));
    let is_a_setting = |name: &String| name.starts_with("LEDGER_") || name.starts_with("AWS_");
    for name in std::env::vars().map(|(name, _)| name).filter(is_a_setting) {
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
