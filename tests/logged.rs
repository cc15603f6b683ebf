//! The log of a server on a data directory: outsiders find every commit in it, whatever happened to the server; and where log and
//! ledger contradict each other, the ledger goes on and nothing is signed.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};

use crate::restore::until;
use crate::scenario::{Ledger, printed, program};

const BODY: &str = r#"{"name":"n","price":"1"}"#;

pub fn log(ledger: &Ledger) -> PathBuf {
    ledger.data.join("log")
}

/// The size that the checkpoint names.
fn size(log: &Path) -> Option<u64> {
    let note = std::fs::read_to_string(log.join("checkpoint")).ok()?;
    note.lines().nth(1)?.parse().ok()
}

pub async fn until_logged(ledger: &Ledger, commits: u64) {
    let log = log(ledger);
    until("every commit is in a checkpoint", || size(&log) == Some(commits)).await;
}

pub async fn put(ledger: &Ledger, products: std::ops::Range<usize>) {
    for product in products {
        let (status, answer) = ledger.send("PUT", &format!("/products/p{product}"), BODY).await;
        assert_eq!(status, 201, "{answer}");
    }
}

pub fn key(data: &Path) -> String {
    let output = program().args(["log", "key", "--data"]).arg(data).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn verify(log: &Path, key: &str, options: &[(&str, &Path)]) -> Output {
    let mut verify = program();
    verify.args(["log", "verify"]).arg(log).args(["--key", key]);
    for (option, path) in options {
        verify.arg(option).arg(path);
    }
    verify.output().unwrap()
}

pub fn assert_whole(log: &Path, key: &str, options: &[(&str, &Path)]) {
    let output = verify(log, key, options);
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
}

/// Starts on a directory and is refused.
pub fn refused(data: &Path, arguments: &[&str]) -> String {
    let mut serve = program();
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).args(arguments);
    let mut process = serve.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = std::time::Instant::now();
    while process.try_wait().unwrap().is_none() {
        if begun.elapsed() > crate::scenario::PATIENCE {
            // What serves is not refused.
            process.kill().unwrap();
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let output = process.wait_with_output().unwrap();
    let said = printed(&output);
    assert_eq!((output.status.code(), said.trim().lines().count()), (Some(2), 1), "{said}");
    said
}

#[tokio::test]
async fn outsiders_find_every_commit_in_the_log_and_that_it_only_grows() {
    let mut ledger = Ledger::start();
    let (log, folder) = (log(&ledger), tempfile::tempdir().unwrap());
    let (kept, export) = (folder.path().join("kept"), folder.path().join("export"));
    until_logged(&ledger, 0).await;
    let key = key(&ledger.data);
    assert_whole(&log, &key, &[("--keep", &kept)]);
    put(&ledger, 0..3).await;
    until_logged(&ledger, 3).await;
    assert_whole(&log, &key, &[("--keep", &kept)]);
    for kill in 1..=4 {
        put(&ledger, kill * 100..kill * 100 + 70).await;
        ledger.kill();
        ledger.restart();
        put(&ledger, kill * 100 + 70..kill * 100 + 72).await;
    }
    until_logged(&ledger, 3 + 4 * 72).await;
    assert!(ledger.operate(&["export", "-o", export.to_str().unwrap()]).status.success());
    assert_whole(&log, &key, &[("--keep", &kept), ("--export", &export)]);
    assert_eq!(self::key(&ledger.data), key);
    let said = ledger.log();
    assert!(said.iter().all(|line| line["target"] != "ledger::log"), "{said:?}");
}

#[tokio::test]
async fn a_ledger_that_had_no_log_is_logged_from_its_beginning() {
    let mut ledger = Ledger::start_with(&[], &[("LEDGER_LOG", "off")]);
    put(&ledger, 0..20).await;
    assert!(!log(&ledger).exists() && !ledger.data.join("log.key").exists());
    let output = ledger.operate(&["log", "key"]);
    assert_eq!(output.status.code(), Some(1), "{}", printed(&output));
    assert_eq!(ledger.terminate(), Some(0));
    let again = Ledger::on(ledger.data.clone());
    until_logged(&again, 20).await;
    put(&again, 20..21).await;
    until_logged(&again, 21).await;
    assert_whole(&log(&again), &key(&again.data), &[]);
}

#[tokio::test]
async fn a_copy_has_the_log_and_the_key_on_request_alone_and_goes_on_with_it() {
    let ledger = Ledger::start();
    put(&ledger, 0..300).await;
    until_logged(&ledger, 300).await;
    let (folder, key) = (tempfile::tempdir().unwrap(), key(&ledger.data));
    let [without, with, kept] = ["without", "with", "kept"].map(|name| folder.path().join(name));
    for (to, more) in [(&without, &[][..]), (&with, &["--with-key"])] {
        let output =
            program().arg("backup").arg(to).arg("--data").arg(&ledger.data).args(more).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
        assert_whole(&to.join("log"), &key, &[("--keep", &kept)]);
    }
    assert!(!without.join("log.key").exists());
    let keyless = Ledger::on(without.clone());
    let said = until_stopped(&keyless).await;
    assert!(said.contains("log.key") && said.contains("is missing"), "{said}");
    drop(keyless);
    assert!(!without.join("log.key").exists(), "no other key is made");
    let copy = Ledger::on(with);
    put(&copy, 300..301).await;
    until_logged(&copy, 301).await;
    assert_whole(&log(&copy), &key, &[("--keep", &kept)]);
}

#[tokio::test]
async fn a_log_keeps_its_key_and_its_name_and_a_lost_one_is_not_begun_anew() {
    let mut ledger = Ledger::start_with(&["--log-origin", "example.com/log"], &[]);
    until_logged(&ledger, 0).await;
    assert_eq!(ledger.terminate(), Some(0));
    assert!(key(&ledger.data).starts_with("example.com/log+"));
    let said = refused(&ledger.data, &["--log-origin", "example.com/other"]);
    assert!(said.contains("example.com/other") && said.contains("keeps"), "{said}");
    let elsewhere = ledger.data.with_extension("elsewhere");
    std::fs::rename(log(&ledger), &elsewhere).unwrap();
    let said = refused(&ledger.data, &[]);
    assert!(said.contains("is lost"), "{said}");
    key(&ledger.data);
    std::fs::rename(elsewhere, log(&ledger)).unwrap();
    ledger.restart();
    put(&ledger, 0..1).await;
    until_logged(&ledger, 1).await;
}

/// The line of the log that says that nothing is signed any more.
pub async fn until_stopped(ledger: &Ledger) -> String {
    let stopped = || {
        let mut said = ledger.log().into_iter();
        said.rfind(|line| line["target"] == "ledger::log" && line["level"] == "ERROR")
    };
    until("nothing is signed any more", || stopped().is_some()).await;
    stopped().unwrap().to_string()
}

#[tokio::test]
async fn where_the_log_was_changed_or_is_ahead_the_ledger_goes_on_and_nothing_is_signed() {
    for (file, told) in
        [("tile/0/000.p/5", "root"), ("tile/entries/000.p/5", "damaged"), ("checkpoint", "checkpoint")]
    {
        let mut ledger = Ledger::start();
        put(&ledger, 0..5).await;
        until_logged(&ledger, 5).await;
        assert_eq!(ledger.terminate(), Some(0));
        let (path, checkpoint) = (log(&ledger).join(file), log(&ledger).join("checkpoint"));
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let before = std::fs::read(&checkpoint).unwrap();
        ledger.restart();
        let said = until_stopped(&ledger).await;
        assert!(said.contains(told), "{file}: {said}");
        put(&ledger, 5..8).await;
        assert_eq!(std::fs::read(&checkpoint).unwrap(), before);
    }
    let mut ledger = Ledger::start();
    put(&ledger, 0..5).await;
    until_logged(&ledger, 5).await;
    let copy = ledger.data.with_file_name("earlier");
    let output = program().arg("backup").arg(&copy).arg("--data").arg(&ledger.data).output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    put(&ledger, 5..9).await;
    until_logged(&ledger, 9).await;
    assert_eq!(ledger.terminate(), Some(0));
    // An earlier ledger under a newer log: nothing takes the place of what was logged.
    for name in ["log", "log.key"] {
        let _ = std::fs::remove_dir_all(copy.join(name));
        std::fs::rename(ledger.data.join(name), copy.join(name)).unwrap();
    }
    let checkpoint = std::fs::read(copy.join("log/checkpoint")).unwrap();
    let mut ahead = Ledger::on(copy);
    let said = until_stopped(&ahead).await;
    assert!(said.contains("9 entries") && said.contains("5 commits"), "{said}");
    put(&ahead, 100..106).await;
    ahead.kill();
    ahead.restart();
    let said = until_stopped(&ahead).await;
    assert_eq!(std::fs::read(log(&ahead).join("checkpoint")).unwrap(), checkpoint, "{said}");
}

/// A GET: status, type and caching, and the body.
async fn got(ledger: &Ledger, path: &str) -> (u16, String, String, Vec<u8>) {
    let answer = ledger.http.get(format!("{}{path}", ledger.url)).send().await.unwrap();
    let header = |name: &str| {
        let value = answer.headers().get(name);
        value.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    let (status, kind, caching) = (answer.status().as_u16(), header("content-type"), header("cache-control"));
    (status, kind, caching, answer.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn the_log_is_read_and_verified_over_http_as_from_its_directory() {
    let ledger = Ledger::start();
    let keys = String::from_utf8(got(&ledger, "/log/key").await.3).unwrap();
    let vkey = keys.strip_suffix(" from 0\n").unwrap();
    put(&ledger, 0..3).await;
    let url = format!("{}/log", ledger.url);
    let size = async || {
        let (status, kind, caching, note) = got(&ledger, "/log/checkpoint").await;
        assert_eq!(
            (status, kind.as_str(), caching.as_str()),
            (200, "text/plain; charset=utf-8", "max-age=1")
        );
        String::from_utf8(note).unwrap().lines().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let until_size = async |wanted: u64| {
        let begun = std::time::Instant::now();
        while size().await != wanted {
            assert!(begun.elapsed() < crate::scenario::PATIENCE, "{wanted} are never logged");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    until_size(3).await;
    let (status, kind, caching, hashes) = got(&ledger, "/log/tile/0/000.p/3").await;
    assert_eq!((status, hashes.len()), (200, 96));
    assert_eq!(
        (kind.as_str(), caching.as_str()),
        ("application/octet-stream", "max-age=31536000, immutable")
    );
    assert_whole(Path::new(&url), vkey, &[]);
    put(&ledger, 3..300).await;
    until_size(300).await;
    assert_whole(Path::new(&url), vkey, &[]);
    // A reader of the older checkpoint still finds what that needs.
    assert_eq!(got(&ledger, "/log/tile/0/000.p/3").await.3, hashes);
    assert_eq!(got(&ledger, "/log/tile/entries/000.p/3").await.3.len(), 66 * 3);
    for path in
        ["/log/tile/0/001", "/log/tile/0/1", "/log/tile/0/../checkpoint", "/log/tile/0/002.p/1", "/log/other"]
    {
        let (status, kind, ..) = got(&ledger, path).await;
        assert_eq!((status, kind.as_str()), (404, "application/problem+json"), "{path}");
    }
}

#[tokio::test]
async fn without_a_log_every_path_of_it_says_so() {
    let ledger = Ledger::start_with(&["--log", "off"], &[]);
    for path in [
        "/log/checkpoint",
        "/log/key",
        "/log/tile/0/000",
        "/log/tile/entries/000.p/1",
        "/products/p/history/1/proof",
    ] {
        let (status, problem) = ledger.get(path).await;
        assert_eq!((status, &problem["type"]), (404, &"urn:product-ledger:problem:no-log".into()), "{path}");
    }
}

#[tokio::test]
async fn messages_name_the_log_that_proves_their_commits_and_none_where_none_is_kept() {
    let origin = |entries: &[serde_json::Value]| entries[0]["detail"]["metadata"].get("log_origin").cloned();
    let mut ledger = Ledger::start_with(&["--log-origin", "example.com/log"], &[]);
    put(&ledger, 0..1).await;
    let entries = ledger.bus(|entries| entries.len() == 1).await;
    assert_eq!(origin(&entries), Some("example.com/log".into()), "{entries:?}");
    // Without a server the replay of an operator names it too.
    assert_eq!(ledger.terminate(), Some(0));
    let output = ledger.operate(&["replay", "--product", "p0"]);
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    ledger.restart();
    let entries = ledger.bus(|entries| entries.len() == 2).await;
    assert_eq!(entries[1]["detail"]["metadata"]["log_origin"], "example.com/log", "{entries:?}");
    let without = Ledger::start_with(&["--log", "off"], &[("LEDGER_LOG_ORIGIN", "example.com/log")]);
    put(&without, 0..1).await;
    let entries = without.bus(|entries| entries.len() == 1).await;
    assert_eq!(origin(&entries), None, "{entries:?}");
}

/// It is ended when dropped.
struct InMemory(Child, String);

impl Drop for InMemory {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_ledger_in_memory_has_a_log_too() {
    let mut serve = program();
    serve
        .args(["serve", "--in-memory", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut process = serve.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let server = InMemory(process, line.trim().replace("Listening on ", ""));
    let (http, url) = (crate::scenario::client().build().unwrap(), format!("{}/log", server.1));
    let put =
        http.put(format!("{}/products/p", server.1)).header("content-type", "application/json").body(BODY);
    assert_eq!(put.send().await.unwrap().status(), 201);
    let text =
        async |path: &str| http.get(format!("{url}/{path}")).send().await.unwrap().text().await.unwrap();
    let begun = std::time::Instant::now();
    while text("checkpoint").await.lines().nth(1) != Some("1") {
        assert!(begun.elapsed() < crate::scenario::PATIENCE, "it is never logged");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let key = text("key").await;
    assert_whole(Path::new(&url), key.strip_suffix(" from 0\n").unwrap(), &[]);
}

#[tokio::test]
async fn a_commit_is_proved_by_the_file_that_the_server_gives_and_by_no_other() {
    let ledger = Ledger::start();
    put(&ledger, 0..300).await;
    let update = r#"{"name":"other","price":"2"}"#;
    let (status, receipt) = ledger.send("PUT", "/products/p7", update).await;
    assert_eq!(status, 200, "{receipt}");
    let (folder, key) = (tempfile::tempdir().unwrap(), key(&ledger.data));
    let prove = |id: &str, sequence: &str, wait: &str| {
        let file = folder.path().join("proof");
        let mut prove = program();
        prove
            .args(["prove", id, "--sequence", sequence, "--wait", wait, "--url", &ledger.url, "-o"])
            .arg(&file);
        (prove.output().unwrap(), file)
    };
    let version = receipt["version"].to_string();
    let (output, file) = prove("p7", &version, "120");
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    let check = |hash: &str| {
        let mut check = program();
        check.args(["verify", "--key", &key, "--hash", hash, "--proof"]).arg(&file);
        check.output().unwrap().status.code()
    };
    assert_eq!(check(receipt["hash"].as_str().unwrap()), Some(0));
    let first = ledger.history("p7").await.remove(0);
    assert_eq!(check(first["hash"].as_str().unwrap()), Some(1));
    // Each event of a commit leads to that commit.
    for sequence in 1..=receipt["version"].as_u64().unwrap() {
        let (output, _) = prove("p7", &sequence.to_string(), "0");
        assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
        let hash = if sequence == 1 { &first["hash"] } else { &receipt["hash"] };
        assert_eq!(check(hash.as_str().unwrap()), Some(0), "{sequence}");
    }
    let beyond = (receipt["version"].as_u64().unwrap() + 1).to_string();
    for (id, sequence, told) in
        [("p7", beyond.as_str(), "no such sequence"), ("nosuch", "1", "no such product")]
    {
        let (output, _) = prove(id, sequence, "0");
        assert_eq!(output.status.code(), Some(1), "{}", printed(&output));
        assert!(printed(&output).contains(told), "{}", printed(&output));
    }
}

#[tokio::test]
async fn what_is_in_no_checkpoint_yet_is_said_so_and_can_be_waited_for() {
    let ledger = Ledger::start_with(&["--log-interval", "3600"], &[]);
    put(&ledger, 0..1).await;
    until_logged(&ledger, 1).await;
    put(&ledger, 1..2).await;
    let answer = ledger.http.get(format!("{}/products/p1/history/1/proof", ledger.url)).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (404, "1"));
    let problem: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(problem["type"], "urn:product-ledger:problem:not-logged-yet");
    let refused = ["0", "x", "01", "+1", "-1", "1.0"].map(|sequence| (sequence, 400));
    let none_has = ["2", "9007199254740993", "18446744073709551616", "665629494626700267368"]
        .map(|sequence| (sequence, 404));
    for (sequence, status) in refused.into_iter().chain(none_has) {
        assert_eq!(
            ledger.get(&format!("/products/p1/history/{sequence}/proof")).await.0,
            status,
            "{sequence}"
        );
    }
    for wait in ["0", "1"] {
        let mut prove = program();
        prove.args(["prove", "p1", "--sequence", "1", "--wait", wait, "--url", &ledger.url]);
        let output = prove.output().unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0), "{}", printed(&output));
    }
}
