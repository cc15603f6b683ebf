//! Kills the commands that change a log before each change of a file that they make: afterwards the command that is run again does
//! what was left, and the log that readers know has only grown. `LEDGER_FAULTS=full` kills at every change, CI at some of each command.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::scenario::{Ledger, PATIENCE, printed, program, repository};
use crate::store::LOG;

/// Kills of each command in CI: 28 in all.
const KILLS: usize = 4;

/// A bundle of entries that is full, and some more.
const COMMITS: usize = 270;

/// What a command is run on, and what has to hold after it.
struct Rehearsal {
    name: &'static str,
    /// The data directory before it; it is copied for each kill.
    before: Option<PathBuf>,
    /// The files that are put into a new directory.
    given: Vec<PathBuf>,
    words: Vec<String>,
    /// The exit codes of the command that is run again: 1 where it has nothing left to do.
    again: &'static [i32],
    /// The log that was replaced, which has to stay whole.
    former: Option<&'static str>,
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

fn copied(from: &Path, to: &Path) {
    assert!(run(Command::new("cp").arg("-a").arg(from).arg(to)).status.success());
}

fn done(command: &mut Command) -> String {
    let output = run(command);
    assert!(output.status.success(), "{command:?}: {}", printed(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn keys(data: &Path) -> String {
    done(program().args(["log", "key", "--data"]).arg(data))
}

/// An outsider finds the log whole, and grown from the checkpoint that it has.
fn log_verify(log: &Path, keys: &Path, kept: Option<&Path>) -> Output {
    let mut verify = program();
    verify.args(["log", "verify"]).arg(log).arg("--key").arg(keys);
    run(if let Some(kept) = kept { verify.arg("--keep").arg(kept) } else { &mut verify })
}

/// The library for `LD_PRELOAD`.
fn built(directory: &Path) -> Option<PathBuf> {
    let layer = directory.join("layer.so");
    let mut cc = Command::new("cc");
    cc.args(["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o"]).arg(&layer);
    let output = cc.arg(repository().join("tests/faults/log_commands/preload.c")).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(layer)
}

async fn until_logged(ledger: &Ledger, commits: usize) {
    let size = || {
        let note = std::fs::read_to_string(ledger.data.join(LOG).join("checkpoint")).ok()?;
        note.lines().nth(1)?.parse::<usize>().ok()
    };
    let grows = async {
        while size() != Some(commits) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, grows).await.unwrap();
}

async fn put(ledger: &Ledger, products: std::ops::Range<usize>) {
    for product in products {
        let body = r#"{"name":"n","price":"1"}"#;
        let (status, answer) = ledger.send("PUT", &format!("/products/p{product}"), body).await;
        assert_eq!(status, 201, "{answer}");
    }
}

/// A ledger, the copy of it that lost its newest commits, an export of it, and the key of another place.
async fn prepared(folder: &Path) -> Vec<Rehearsal> {
    let at = |name: &str| folder.join(name);
    let mut ledger = Ledger::start_with(&["--log-origin", "example.com/log"], &[]);
    put(&ledger, 0..COMMITS).await;
    until_logged(&ledger, COMMITS).await;
    let mut backup = program();
    done(backup.args(["backup", "--with-key", "--data"]).arg(&ledger.data).arg(at("back")));
    put(&ledger, COMMITS..COMMITS + 5).await;
    until_logged(&ledger, COMMITS + 5).await;
    assert_eq!(ledger.terminate(), Some(0));
    copied(&ledger.data, &at("whole"));
    std::fs::write(at("keys"), keys(&at("whole"))).unwrap();
    let verified = log_verify(&at("whole").join(LOG), &at("keys"), Some(&at("kept")));
    assert!(verified.status.success(), "{}", printed(&verified));
    copied(&at("back"), &at("brought-back"));
    done(program().args(["log", "restore"]).arg(at("whole").join(LOG)).arg("--data").arg(at("brought-back")));
    let mut export = program();
    done(export.args(["export", "--by", "position", "--data"]).arg(at("whole")).arg("-o").arg(at("export")));
    let place = Ledger::start_with(&["--log-origin", "example.com/log"], &[]);
    until_logged(&place, 0).await;
    let to = keys(&place.data).split(' ').next().unwrap().to_owned();
    drop(place);
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let of = |name, before: &str, more: &[&str], again| Rehearsal {
        name,
        before: Some(at(before)),
        given: Vec::new(),
        words: words(more),
        again,
        former: None,
    };
    let copy = at("whole").join(LOG);
    vec![
        of("accept-restore", "brought-back", &["log", "accept-restore", "--reason", "disk lost"], &[0, 1]),
        Rehearsal {
            former: Some("log.example.com%2Flog"),
            ..of("new", "whole", &["log", "new", "--log-origin", "example.com/second"], &[0, 1])
        },
        of("restore of the log", "back", &["log", "restore", copy.to_str().unwrap()], &[0]),
        of("rotate-key", "whole", &["log", "rotate-key"], &[0]),
        of("rotate-key at once", "whole", &["log", "rotate-key", "--overlap", "0"], &[0]),
        of("rotate-key to another place", "whole", &["log", "rotate-key", "--to", &to], &[0]),
        Rehearsal {
            name: "restore",
            before: None,
            given: vec![at("whole").join("log.key")],
            words: words(&["restore", at("export").to_str().unwrap()]),
            again: &[0],
            former: None,
        },
    ]
}

impl Rehearsal {
    /// The directory on which the command is run.
    fn directory(&self, data: &Path) {
        let _ = std::fs::remove_dir_all(data);
        match &self.before {
            Some(before) => copied(before, data),
            None => std::fs::create_dir(data).unwrap(),
        }
        for file in &self.given {
            copied(file, data);
        }
    }

    fn command(&self, data: &Path) -> Command {
        let mut command = program();
        command.args(&self.words).arg("--data").arg(data);
        command
    }

    /// Whether it was killed before its n-th change.
    fn killed(&self, data: &Path, layer: &Path, at: usize) -> bool {
        self.directory(data);
        let mut command = self.command(data);
        let output = run(command.env("LD_PRELOAD", layer).env("LEDGER_KILLED_AT", at.to_string()));
        let killed = output.status.code().is_none();
        assert!(killed || output.status.success(), "{} at {at}: {}", self.name, printed(&output));
        killed
    }

    /// How many changes it makes.
    fn changes(&self, data: &Path, layer: &Path) -> usize {
        assert!(!self.killed(data, layer, 0));
        std::fs::read_to_string(data.with_extension("changes")).unwrap().parse().unwrap()
    }

    /// The command that is run again ends it, and no reader who kept a checkpoint sees another history.
    async fn goes_on(&self, data: &Path, folder: &Path, at: usize) {
        let output = run(&mut self.command(data));
        let code = output.status.code().unwrap();
        assert!(self.again.contains(&code), "{} killed at {at}: {}", self.name, printed(&output));
        let given = data.with_extension("keys");
        std::fs::write(&given, keys(data)).unwrap();
        let kept = data.with_extension("kept");
        std::fs::copy(folder.join("kept"), &kept).unwrap();
        let kept = Some(kept.as_path());
        let whole = |log: &Path, keys: &Path, kept: Option<&Path>| {
            let output = log_verify(log, keys, kept);
            assert!(output.status.success(), "{} killed at {at}: {}", self.name, printed(&output));
        };
        match self.former {
            Some(former) => whole(&data.join(former), &folder.join("keys"), kept),
            None => whole(&data.join(LOG), &given, kept),
        }
        // The server goes on with it, unless another place does.
        let signs = !self.words.contains(&"--to".to_owned()) && self.name != "restore of the log";
        let mut ledger = Ledger::on(data.to_owned());
        let before = std::fs::read(data.join(LOG).join("checkpoint")).unwrap();
        put(&ledger, 1_000..1_001).await;
        if signs {
            let grows = async {
                while std::fs::read(data.join(LOG).join("checkpoint")).unwrap() == before {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
            };
            tokio::time::timeout(PATIENCE, grows).await.unwrap();
        }
        assert_eq!(ledger.terminate(), Some(0));
        whole(&data.join(LOG), &given, kept.filter(|_| self.former.is_none()));
    }
}

#[tokio::test]
async fn killed_at_any_change_the_commands_of_a_log_go_on_and_nobody_sees_another_history() {
    let folder = tempfile::tempdir().unwrap();
    let Some(layer) = built(folder.path()) else {
        println!("skipped: killed_at_any_change_the_commands_of_a_log_go_on, there is no cc on this machine");
        return;
    };
    let rehearsals = prepared(folder.path()).await;
    let is_full = std::env::var("LEDGER_FAULTS").is_ok_and(|faults| faults == "full");
    let data = folder.path().join("data");
    for rehearsal in rehearsals {
        let changes = rehearsal.changes(&data, &layer);
        assert!(changes > KILLS, "{} makes {changes} changes", rehearsal.name);
        let places: Vec<usize> = if is_full {
            (1..=changes).collect()
        } else {
            let seed = fastrand::usize(..changes);
            (0..KILLS).map(|kill| 1 + (seed + kill * changes / KILLS) % changes).collect()
        };
        println!("{}: {changes} changes, killed before {places:?}", rehearsal.name);
        let mut killed = 0;
        for at in &places {
            // SQLite does not make exactly the same changes each time, so the last ones may not be reached.
            killed += usize::from(rehearsal.killed(&data, &layer, *at));
            rehearsal.goes_on(&data, folder.path(), *at).await;
        }
        assert!(
            killed > places.len() * 3 / 5,
            "{}: killed {killed} times of {}",
            rehearsal.name,
            places.len()
        );
    }
}
