//! What people see who start the server in a terminal: where it is, and a short line for each request.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::Value;

use crate::auth::issuer::{Key, key_set};
use crate::scenario::{Ledger, PATIENCE, client, program};

/// A server whose standard error is a terminal.
struct Served {
    process: Child,
    url: String,
    shown: Arc<Mutex<String>>,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A pseudo-terminal: the side that shows, and the side that a program has.
fn terminal() -> (File, OwnedFd) {
    let shows = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&shows).unwrap();
    unlockpt(&shows).unwrap();
    let name = ptsname(&shows, Vec::new()).unwrap();
    let has = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    (shows.into(), has)
}

/// A server on a terminal, with these variables.
fn served(variables: &[(&str, &str)]) -> Served {
    let (mut screen, has) = terminal();
    let mut command = program();
    command.args(["serve", "--in-memory", "--listen", "127.0.0.1:0"]);
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "RUST_LOG"] {
        command.env_remove(name);
    }
    command.env("TERM", "xterm").envs(variables.iter().copied());
    let mut process = command.stdout(Stdio::piped()).stderr(has).spawn().unwrap();
    // Otherwise this process keeps the terminal open after the server's end.
    drop(command);
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("Listening on ").unwrap().to_owned();
    let shown = Arc::new(Mutex::new(String::new()));
    let read = Arc::clone(&shown);
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        // An error: the server has ended.
        while let Ok(length @ 1..) = screen.read(&mut bytes) {
            read.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..length]));
        }
    });
    Served { process, url, shown }
}

impl Served {
    async fn send(&self, method: &str, path: &str, body: &'static str) {
        let request =
            client().build().unwrap().request(method.parse().unwrap(), format!("{}{path}", self.url));
        request.header("content-type", "application/json").body(body).send().await.unwrap();
    }

    /// What is shown, once `part` is.
    async fn shows(&self, part: &str) -> String {
        let began = Instant::now();
        loop {
            let shown = self.shown.lock().unwrap().clone();
            if shown.contains(part) && shown.ends_with('\n') {
                return shown;
            }
            assert!(began.elapsed() < PATIENCE, "{part} is not among {shown:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// What a terminal shows until nothing has it any more.
fn shown_to_the_end(mut screen: File) -> String {
    let (mut shown, mut bytes) = (Vec::new(), [0; 4096]);
    // An error: the program has ended.
    while let Ok(length @ 1..) = screen.read(&mut bytes) {
        shown.extend_from_slice(&bytes[..length]);
    }
    String::from_utf8_lossy(&shown).replace('\r', "")
}

/// What the program shows on a terminal of so many rows and columns, without colours; it has to succeed and complain of nothing.
fn shown_on((rows, columns): (u16, u16), said: Option<&str>, ledger: &Ledger, arguments: &[&str]) -> String {
    let (screen, has) = terminal();
    tcsetwinsize(&has, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let mut command = program();
    command.args(arguments).args(["--url", &ledger.url]).env("NO_COLOR", "1").env_remove("COLUMNS");
    command.envs(said.map(|columns| ("COLUMNS", columns))).stdout(has).stderr(Stdio::piped());
    let process = command.spawn().unwrap();
    drop(command);
    let shown = std::thread::spawn(|| shown_to_the_end(screen));
    let output = process.wait_with_output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    console::strip_ansi_codes(&shown.join().unwrap()).into_owned()
}

fn widest(shown: &str) -> usize {
    shown.lines().map(console::measure_text_width).max().unwrap_or(0)
}

#[tokio::test]
async fn tables_are_as_wide_as_the_columns_that_the_terminal_or_the_environment_names() {
    let ledger = Ledger::start();
    let body =
        format!(r#"{{"name":"{}","price":"1","description":"x {}"}}"#, "n".repeat(190), "d".repeat(190));
    ledger.send("PUT", "/products/p", &body).await;
    ledger.until("/products/p", |status, _| status == 200).await;
    for (size, said, width) in [
        ((24, 80), None, Some(80)),
        ((0, 80), None, Some(80)),
        ((24, 120), Some("60"), Some(120)),
        ((0, 0), Some("60"), Some(60)),
        ((0, 200), None, Some(200)),
        ((0, 0), None, None),
        ((0, 0), Some("none"), None),
    ] {
        for arguments in [&["list"][..], &["list", "--full"], &["show", "p"], &["history", "p", "--full"]] {
            let widest = widest(&shown_on(size, said, &ledger, arguments));
            match width {
                Some(width) => assert!(widest <= width, "{size:?} {said:?} {arguments:?}: {widest}"),
                None => assert!(widest > 190, "{size:?} {said:?} {arguments:?}: {widest}"),
            }
        }
    }
}

/// Debug builds of a library complained on standard error.
#[tokio::test]
async fn scripts_without_spaces_are_wrapped_without_a_complaint() {
    let ledger = Ledger::start();
    let texts = ["หมวกกันน็อกสีแดงสำหรับเด็ก", "មួកសុវត្ថិភាពពណ៌ក្រហម", "ໝວກກັນກະທົບສີແດງສຳລັບເດັກ", "ကလေးများအတွက်ဦးထုပ်အနီ"];
    for (n, text) in texts.iter().enumerate() {
        let body = format!(r#"{{"name":"{}","price":"1"}}"#, text.repeat(3));
        assert_eq!(ledger.send("PUT", &format!("/products/p{n}"), &body).await.0, 201, "{text}");
        ledger.until(&format!("/products/p{n}"), |status, _| status == 200).await;
    }
    for arguments in [&["list", "--full"][..], &["show", "p0"], &["history", "p1"], &["history", "p3"]] {
        let shown = shown_on((24, 50), None, &ledger, arguments);
        assert!(shown.lines().count() > 2 && widest(&shown) <= 50, "{arguments:?}: {shown}");
    }
}

#[test]
fn an_interruption_clears_the_bar_before_it_says_what_became_of_the_work() {
    // It takes the connection and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let (mut screen, has) = terminal();
    let mut command = program();
    command.args(["verify", "--url", &url]).env("NO_COLOR", "1").env("TERM", "xterm");
    let mut process = command.stdout(Stdio::null()).stderr(has).spawn().unwrap();
    drop(command);
    let (mut shown, mut bytes, mut interrupted) = (String::new(), [0; 4096], false);
    while let Ok(length @ 1..) = screen.read(&mut bytes) {
        shown.push_str(&String::from_utf8_lossy(&bytes[..length]));
        if shown.contains("looking for products") && !interrupted {
            let process = process.id().to_string();
            assert!(Command::new("kill").args(["-INT", &process]).status().unwrap().success());
            interrupted = true;
        }
    }
    assert_eq!(process.wait().unwrap().code(), Some(2), "{shown}");
    let (before, _) = shown.split_once("ledger: stopped").unwrap_or_else(|| panic!("{shown:?}"));
    let (_, line) = before.rsplit_once("\u{1b}[2K").unwrap();
    assert_eq!(line.trim_matches('\r'), "", "{shown:?}");
}

/// A line with zeros for the digits of its time and `N` for its milliseconds.
fn without_times(line: &str) -> String {
    let (time, rest) = line.split_once(' ').unwrap();
    let time: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let mut words: Vec<&str> = rest.split(' ').collect();
    if let Some(unit) = words.iter().position(|word| *word == "ms") {
        assert!(words[unit - 1].parse::<u64>().is_ok(), "{line}");
        words[unit - 1] = "N";
    }
    format!("{time} {}", words.join(" "))
}

#[tokio::test]
async fn a_terminal_shows_a_short_line_for_each_request_and_none_for_polls() {
    let served = served(&[("NO_COLOR", "1")]);
    served.send("PUT", "/products/a", r#"{"name":"n","price":"1"}"#).await;
    served.send("GET", "/health", "").await;
    served.send("GET", "/metrics", "").await;
    served.send("GET", "/metrics?x=1", "").await;
    served.send("POST", "/products/a/restore", "").await;
    served.send("PUT", "/products/a", r#"{"name":"","price":"x"}"#).await;
    served.send("GET", "/products/a?min_version=1", "").await;
    served.send("GET", "/nothing/here", "").await;
    served.send("DELETE", "/products/a", "").await;
    let shown = served.shows("DELETE").await;
    let lines: Vec<String> = shown.lines().map(without_times).collect();
    assert_eq!(
        lines,
        [
            "00:00:00 PUT /products/a 201 N ms recorded v1",
            "00:00:00 GET /metrics 400 N ms malformed: is not a parameter of this route",
            "00:00:00 POST /products/a/restore 409 N ms product-not-deleted: There is no deletion to undo.",
            "00:00:00 PUT /products/a 422 N ms invalid: /name has 0 characters; 1 to 200 are allowed (1 of 2 errors)",
            "00:00:00 GET /products/a 200 N ms",
            "00:00:00 GET /nothing/here 404 N ms not-found: No route has this path; see /openapi.json.",
            "00:00:00 DELETE /products/a 200 N ms recorded v2",
        ]
    );
}

#[tokio::test]
async fn lines_are_coloured_where_the_terminal_allows_it() {
    for (variables, coloured) in [
        (&[][..], true),
        (&[("NO_COLOR", "1")], false),
        (&[("TERM", "dumb")], false),
        (&[("CLICOLOR", "0")], false),
    ] {
        let served = served(variables);
        served.send("GET", "/products", "").await;
        let shown = served.shows("GET").await;
        assert_eq!(shown.contains("\u{1b}[32m200"), coloured, "{variables:?}: {shown:?}");
        assert_eq!(shown.contains('\u{1b}'), coloured, "{variables:?}: {shown:?}");
    }
}

#[tokio::test]
async fn json_can_be_chosen_on_a_terminal_too() {
    let served = served(&[("LEDGER_LOG_FORMAT", "json")]);
    served.send("GET", "/products", "").await;
    let shown = served.shows("GET").await;
    let line: Value = serde_json::from_str(shown.lines().next().unwrap()).unwrap();
    assert_eq!((&line["route"], &line["status"]), (&"/products".into(), &200.into()), "{line}");
}

/// All lines that a server prints at its start, and the process's end.
fn start_lines(command: &mut Command) -> Vec<String> {
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let out = BufReader::new(process.stdout.take().unwrap());
    let lines = out.lines().map(Result::unwrap).take(6).collect();
    process.kill().unwrap();
    process.wait().unwrap();
    lines
}

fn serve(arguments: &[&str]) -> Command {
    let mut command = program();
    command.arg("serve").args(arguments);
    command
}

#[test]
fn a_start_says_where_the_server_and_its_data_are_and_how_one_signs_in() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let mut command = serve(&["--listen", "127.0.0.1:0", "--data", "./data"]);
    let lines = start_lines(command.current_dir(&folder));
    let url = lines[0].strip_prefix("Listening on http://127.0.0.1:").unwrap();
    assert!(url.parse::<u16>().unwrap() > 0, "{lines:?}");
    let (key, lines) = lines[1..].split_last().unwrap();
    let key = key.strip_prefix("  log key  product-ledger.invalid/").unwrap();
    assert!(key.matches('+').count() >= 2, "{key}");
    assert_eq!(
        lines,
        [
            format!("  docs     http://127.0.0.1:{url}/docs"),
            format!("  data     {}", folder.join("data").display()),
            "  sign-in  none: whoever can reach this address on this machine may do everything".into(),
            "  log      one line for each request on standard error, times in UTC".into(),
        ]
    );
}

#[test]
fn with_authentication_a_start_names_issuer_and_audience() {
    let keys = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(keys.path(), key_set(&[&Key::ed("k")])).unwrap();
    let lines = start_lines(&mut serve(&[
        "--in-memory",
        "--listen",
        "0.0.0.0:0",
        "--auth-issuer",
        "https://issuer.example",
        "--auth-audience",
        "shop",
        "--auth-audience",
        "people",
        "--auth-jwks",
        path(keys.path()),
    ]));
    let port = lines[0].strip_prefix("Listening on http://0.0.0.0:").unwrap();
    assert_eq!(lines[1], format!("  docs     http://localhost:{port}/docs"));
    assert_eq!(lines[2], "  data     in memory, lost at the end");
    assert_eq!(lines[3], "  sign-in  with tokens of https://issuer.example for shop or people");
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
