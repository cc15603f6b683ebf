//! A data directory is its owner's alone: whatever the umask is, nobody else can read or lock its files, and what others could
//! have changed or put in the place of a file is refused.

use std::collections::BTreeMap;
use std::fs::{File, Permissions, set_permissions, symlink_metadata};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::scenario::{Ledger, printed, program_under};
use crate::store::{
    FILES, KEY, LEDGER, LOCK, PUBLISHING, Started, VIEWS, copy, outcome, refused, run, start,
};
use crate::whole::until_caught_up;

const BODY: &str = r#"{"name":"n","price":"1"}"#;

fn mode(path: &Path) -> u32 {
    symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn change(path: &Path, mode: u32) {
    set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Every file of the directory with its mode; the directories of the log are checked.
fn modes(directory: &Path) -> BTreeMap<String, u32> {
    let mut modes = BTreeMap::new();
    for file in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let name = file.file_name().into_string().unwrap();
        if file.file_type().unwrap().is_dir() {
            assert_eq!(mode(&file.path()), 0o700, "{name}");
            let within = self::modes(&file.path()).into_iter();
            modes.extend(within.map(|(file, mode)| (format!("{name}/{file}"), mode)));
        } else {
            modes.insert(name, mode(&file.path()));
        }
    }
    modes
}

fn assert_private(directory: &Path, names: &[&str]) {
    assert_eq!(mode(directory), 0o700, "{}", directory.display());
    let modes = modes(directory);
    for name in names {
        assert!(modes.contains_key(*name), "{name} in {modes:?}");
    }
    assert!(modes.values().all(|mode| *mode == 0o600), "{modes:?}");
}

/// Starts a program under a umask.
fn under(umask: &str) -> [String; 4] {
    ["sh".into(), "-c".into(), format!("umask {umask}; exec \"$@\""), "sh".into()]
}

async fn ended() -> Ledger {
    let mut ledger = Ledger::start();
    ledger.send("PUT", "/products/p", BODY).await;
    until_caught_up(&ledger).await;
    assert_eq!(ledger.terminate(), Some(0));
    ledger
}

#[tokio::test]
async fn every_file_is_its_owner_s_alone_whatever_the_umask() {
    for umask in ["000", "022", "277"] {
        let words = under(umask);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut ledger = Ledger::start_under(&words, &[], &[]);
        ledger.send("PUT", "/products/p", BODY).await;
        until_caught_up(&ledger).await;
        let beside = FILES.map(|file| ["-wal", "-shm"].map(|ending| format!("{file}{ending}")));
        let beside = beside.as_flattened().iter().map(String::as_str);
        let all: Vec<&str> =
            beside.chain(FILES).chain([LOCK, KEY, "log/checkpoint", "ledger.sock"]).collect();
        assert_private(&ledger.data, &all);

        let to = ledger.data.with_extension("copy");
        let mut backup = program_under(&under(umask));
        let backup = backup.arg("backup").arg(&to).arg("--data").arg(&ledger.data).output().unwrap();
        assert_eq!(backup.status.code(), Some(0), "{umask}: {}", printed(&backup));
        assert_private(&to, &[LEDGER, PUBLISHING, LOCK, "log/checkpoint"]);
        assert!(!to.join(KEY).exists());

        assert_eq!(ledger.terminate(), Some(0));
        assert_private(&ledger.data, &FILES);
    }
}

#[tokio::test]
async fn a_directory_that_others_can_write_to_is_refused_and_one_they_can_read_is_warned_of() {
    let ledger = ended().await;
    for open in [0o770, 0o702, 0o1777, 0o720] {
        change(&ledger.data, open);
        let line = refused(&ledger.data);
        assert!(line.contains("others can write to") && line.contains("chmod 700"), "{open:o}: {line}");
        assert!(line.contains(&format!("{open:04o}")), "{open:o}: {line}");
        let export = ledger.data.with_extension("ndjson");
        std::fs::write(&export, "").unwrap();
        let (code, said) = outcome(&run(&["restore", export.to_str().unwrap()], &ledger.data));
        assert!(code == Some(2) && said.contains("chmod 700"), "{open:o}: {said}");
    }
    for (readable, warned) in [(0o755, true), (0o710, true), (0o700, false)] {
        change(&ledger.data, readable);
        let Started::Serves(server) = start(&ledger.data) else { panic!("{readable:o} is not served") };
        drop(server);
        let log = std::fs::read_to_string(ledger.data.with_extension("log")).unwrap();
        assert_eq!(log.contains("others can read the data directory"), warned, "{readable:o}: {log}");
        assert_eq!(mode(&ledger.data), readable, "it is left as its owner made it");
    }
}

#[tokio::test]
async fn files_that_others_could_use_are_made_private_at_the_start_and_no_rights_are_added() {
    let ledger = ended().await;
    let (_directory, data) = copy(&ledger);
    for file in FILES {
        change(&data.join(file), 0o664);
    }
    std::fs::write(data.join("notes.txt"), "not ours").unwrap();
    change(&data.join("notes.txt"), 0o644);
    change(&data.join(LOCK), 0o606);
    let Started::Serves(_server) = start(&data) else { panic!("it is not served") };
    let modes = modes(&data);
    for file in FILES.iter().chain([&LOCK]) {
        assert_eq!(modes[*file], 0o600, "{file}");
    }
    assert_eq!(modes["notes.txt"], 0o644);
    let log = std::fs::read_to_string(data.with_extension("log")).unwrap();
    let told =
        log.lines().filter(|line| line.contains("a file that others could use is now private")).count();
    assert!(told >= 4, "{log}");
}

#[tokio::test]
async fn a_link_in_the_place_of_a_file_is_refused_and_its_target_left_alone() {
    let ledger = ended().await;
    for name in [LOCK, LEDGER, PUBLISHING, VIEWS, "ledger.sqlite3-wal", "views.sqlite3-shm"] {
        for target in ["dear", "missing"] {
            let (directory, data) = copy(&ledger);
            let target = directory.path().join(target);
            if target.ends_with("dear") {
                std::fs::write(&target, "dear to somebody").unwrap();
            }
            let place = data.join(name);
            let _ = std::fs::remove_file(&place);
            symlink(&target, &place).unwrap();
            let line = refused(&data);
            assert!(line.contains(name) && line.contains("symbolic link"), "{name}: {line}");
            let content = std::fs::read_to_string(&target).ok();
            assert_eq!(content.as_deref(), target.ends_with("dear").then_some("dear to somebody"), "{name}");
        }
    }
    // The directory itself may be reached through one.
    let (directory, data) = copy(&ledger);
    let link = directory.path().join("link");
    symlink(&data, &link).unwrap();
    assert!(matches!(start(&link), Started::Serves(_)));
}

#[tokio::test]
async fn a_file_that_has_another_name_too_is_refused_and_left_alone() {
    let ledger = ended().await;
    for name in [LOCK, LEDGER, VIEWS, "ledger.sqlite3-wal"] {
        let (directory, data) = copy(&ledger);
        let target = directory.path().join("dear");
        std::fs::write(&target, "dear to somebody").unwrap();
        set_permissions(&target, Permissions::from_mode(0o644)).unwrap();
        let place = data.join(name);
        let _ = std::fs::remove_file(&place);
        std::fs::hard_link(&target, &place).unwrap();
        let line = refused(&data);
        assert!(line.contains(name) && line.contains("hard link"), "{name}: {line}");
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "dear to somebody", "{name}");
        assert_eq!(mode(&target), 0o644, "{name}");
    }
}

#[tokio::test]
async fn what_is_no_file_is_refused_without_waiting_for_it() {
    let ledger = ended().await;
    for name in [LOCK, LEDGER, VIEWS] {
        let (_directory, data) = copy(&ledger);
        std::fs::remove_file(data.join(name)).unwrap();
        assert!(Command::new("mkfifo").arg(data.join(name)).status().unwrap().success());
        let line = refused(&data);
        assert!(line.contains(name) && line.contains("no regular file"), "{name}: {line}");
    }
}

#[tokio::test]
async fn the_holder_of_a_directory_is_named_only_if_it_lives() {
    let mut ledger = Ledger::start();
    ledger.send("PUT", "/products/p", BODY).await;
    let line = refused(&ledger.data);
    assert!(line.contains(&format!("in use by process {};", ledger.id())), "{line}");
    assert_eq!(ledger.terminate(), Some(0));
    let lock = File::open(ledger.data.join(LOCK)).unwrap();
    lock.lock().unwrap();
    let line = refused(&ledger.data);
    assert!(line.contains("in use by another process;"), "{line}");
    for garbage in ["", "process 0\n", "process -1\n", "process 99999999999999999999\n", "\u{0}\u{1}"] {
        std::fs::write(ledger.data.join(LOCK), garbage).unwrap();
        let line = refused(&ledger.data);
        assert!(line.contains("in use by another process;"), "{garbage:?}: {line}");
    }
}
