//! Direct access to the files of a ledger with SQLite, and a server that may reject them.

use std::fs::{DirBuilder, File};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};

use serde_json::Value;
use sqlite::rusqlite::Connection;

use crate::scenario::{Ledger, printed, program};

pub const LEDGER: &str = "ledger.sqlite3";
pub const PUBLISHING: &str = "publishing.sqlite3";
pub const VIEWS: &str = "views.sqlite3";
pub const FILES: [&str; 3] = [LEDGER, PUBLISHING, VIEWS];
pub const LOCK: &str = "ledger.lock";
pub const LOG: &str = "log";
pub const KEY: &str = "log.key";

/// Another program's connection to a file.
pub fn by_hand(data: &Path, file: &str) -> Connection {
    let connection = Connection::open(data.join(file)).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    connection
}

/// The first column of all rows.
pub fn texts(data: &Path, file: &str, query: &str) -> Vec<String> {
    let connection = by_hand(data, file);
    let mut statement = connection.prepare(query).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// A copy of the directory of a stopped ledger.
pub fn copy(ledger: &Ledger) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    DirBuilder::new().mode(0o700).create(&data).unwrap();
    for file in FILES.iter().chain([&LOCK]) {
        std::fs::copy(ledger.data.join(file), data.join(file)).unwrap();
    }
    let key = ledger.data.join(KEY);
    if key.exists() {
        std::fs::copy(key, data.join(KEY)).unwrap();
        copy_tree(&ledger.data.join(LOG), &data.join(LOG));
    }
    (directory, data)
}

/// Copies a directory with all that is in it.
pub fn copy_tree(from: &Path, to: &Path) {
    DirBuilder::new().mode(0o700).create(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

pub fn run(arguments: &[&str], data: &Path) -> Output {
    program().args(arguments).arg("--data").arg(data).output().unwrap()
}

/// The result of starting a server on data that may be damaged.
pub enum Started {
    /// It exited at once, with these lines.
    Refused(String),
    Serves(Server),
}

/// It is killed when dropped.
pub struct Server {
    pub url: String,
    process: Child,
    log: PathBuf,
}

impl Server {
    /// Waits until it ends by itself; its output, as if it had not started.
    pub fn ended(&mut self) -> String {
        let code = self.process.wait().unwrap().code();
        let said = std::fs::read_to_string(&self.log).unwrap();
        assert_eq!(code, Some(2), "{said}");
        said
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn start(data: &Path) -> Started {
    let log = data.with_extension("log");
    let mut command = program();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
    command.stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
    let mut process = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut server = Server { url: line.trim().replace("Listening on ", ""), process, log };
    if line.is_empty() {
        return Started::Refused(server.ended());
    }
    Started::Serves(server)
}

/// The line for people of a server that did not start.
pub fn refused(data: &Path) -> String {
    let Started::Refused(said) = start(data) else { panic!("it is served") };
    one_line(&said)
}

/// The only line for people among the log lines, beside the one that names the ledger that was asked.
pub fn one_line(said: &str) -> String {
    let is_for_people =
        |line: &&str| !line.starts_with("asked: ") && serde_json::from_str::<Value>(line).is_err();
    let lines: Vec<_> = said.lines().filter(is_for_people).collect();
    assert!(lines.len() == 1 && lines[0].starts_with("ledger: "), "{said}");
    lines[0].to_owned()
}

/// The exit code and the output.
pub fn outcome(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), printed(output))
}
