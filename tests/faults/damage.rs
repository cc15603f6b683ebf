//! A damaged database file: the server does not start and says in one line what to do, or the auditor's tools name the
//! damage, or it is where nobody looks and every answer is as before. `LEDGER_FAULTS_PAGES=n` damages so many pages.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::scenario::{Ledger, printed, program};
use crate::whole::until_caught_up;

const PAGE: u64 = 4096;
const PRODUCTS: usize = 12;
/// How many pages are damaged, one in each copy, unless told.
const PAGES: u64 = 24;
const FILE: &str = "dynamodb.sqlite3";

/// Everything readers ask for, and what they were told.
type Answers = BTreeMap<String, (u16, Value)>;

/// A ledger that has ended, whose whole content is in one file, and what it answered.
async fn ended_ledger() -> (Ledger, Answers) {
    let mut ledger = Ledger::start();
    for n in 0..PRODUCTS {
        for price in 1..=3 {
            let body = format!(
                r#"{{"name":"n {n}","price":"{price}","description":"{}"}}"#,
                "long ".repeat(100 * (n % 4))
            );
            assert!(ledger.send("PUT", &format!("/products/p{n}"), &body).await.0 < 300);
        }
    }
    until_caught_up(&ledger).await;
    let answers = answers(&ledger.url).await;
    assert_eq!(ledger.terminate(), Some(0));
    assert!(!ledger.data.join(format!("{FILE}-wal")).exists(), "the log is folded into the file");
    (ledger, answers)
}

async fn answers(url: &str) -> Answers {
    let http = reqwest::Client::new();
    let of = |n| ["", "/history", "/prices"].map(|what| format!("/products/p{n}{what}"));
    let lists =
        ["id", "name", "price&currency=USD", "updated_at"].map(|sort| format!("/products?sort={sort}"));
    let mut answers = Answers::new();
    for path in (0..PRODUCTS).flat_map(of).chain(lists) {
        let response = http.get(format!("{url}{path}")).send().await.unwrap();
        let status = response.status().as_u16();
        answers.insert(path, (status, response.json().await.unwrap()));
    }
    answers
}

/// A copy of the ledger's directory, to be damaged.
fn copy(ledger: &Ledger) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    std::fs::create_dir(&data).unwrap();
    for file in [FILE, "dynamodb.lock"] {
        std::fs::copy(ledger.data.join(file), data.join(file)).unwrap();
    }
    (directory, data)
}

fn run(arguments: &[&str], data: &Path) -> Output {
    program().args(arguments).arg("--data").arg(data).output().unwrap()
}

/// A server on damaged data.
enum Started {
    /// It ended at once, with this line.
    Refused(String),
    Serves(Server),
}

/// It is killed when dropped.
struct Server {
    url: String,
    process: std::process::Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn start(data: &Path) -> Started {
    let log = data.with_extension("log");
    let mut command: Command = program();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
    command.stdout(std::process::Stdio::piped()).stderr(std::fs::File::create(&log).unwrap());
    let mut process = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut server = Server { url: line.trim().replace("Listening on ", ""), process };
    if line.is_empty() {
        assert_eq!(server.process.wait().unwrap().code(), Some(2));
        return Started::Refused(std::fs::read_to_string(log).unwrap());
    }
    Started::Serves(server)
}

/// One line for people, among those of the log.
fn says_what_to_do(said: &str) {
    let lines: Vec<_> = said.lines().filter(|line| line.starts_with("ledger: ")).collect();
    assert!(lines.len() == 1 && lines[0].contains("restore it from a copy"), "{said}");
}

/// Where the damage shows, or `None` if every answer is as before.
async fn shown(data: &Path, before: &Answers) -> Option<&'static str> {
    let server = match start(data) {
        Started::Refused(said) => {
            says_what_to_do(&said);
            return Some("start");
        }
        Started::Serves(server) => server,
    };
    let now = answers(&server.url).await;
    let proofs = [
        ("verify", &["verify", "--receipts", "--views"][..]),
        ("rebuild products", &["rebuild", "products", "--dry-run"]),
        ("rebuild prices", &["rebuild", "prices", "--dry-run"]),
    ];
    for (name, proof) in proofs {
        let output = run(proof, data);
        if output.status.code() != Some(0) {
            let lines = printed(&output);
            assert!(!lines.trim().is_empty() && !lines.contains("panicked"), "{name}: {lines}");
            return Some(name);
        }
    }
    let differs: Vec<_> = before.iter().filter(|(path, answer)| now[*path] != **answer).collect();
    let silent = differs.iter().find(|(path, _)| now[*path].0 != 503);
    assert!(
        silent.is_none(),
        "{silent:?} became {:?}, and nothing says why",
        silent.map(|(path, _)| &now[*path])
    );
    (!differs.is_empty()).then_some("503")
}

#[tokio::test]
async fn a_truncated_file_is_not_served() {
    let (ledger, _) = ended_ledger().await;
    let whole = std::fs::metadata(ledger.data.join(FILE)).unwrap().len();
    for size in [0, 1, PAGE / 8, PAGE, PAGE * 3, whole / 2, whole - PAGE] {
        let (_directory, data) = copy(&ledger);
        cut(&data, size);
        let Started::Refused(said) = start(&data) else { panic!("{size} bytes of {whole} are served") };
        says_what_to_do(&said);
        let verify = run(&["verify", "--receipts", "--views"], &data);
        assert_eq!(verify.status.code(), Some(2), "{size} of {whole}: {}", printed(&verify));
        says_what_to_do(&printed(&verify));
    }
}

#[tokio::test]
async fn wherever_a_page_is_damaged_no_wrong_answer_passes_for_a_right_one() {
    let (ledger, before) = ended_ledger().await;
    let pages = std::fs::metadata(ledger.data.join(FILE)).unwrap().len() / PAGE;
    let wanted =
        std::env::var("LEDGER_FAULTS_PAGES").map_or(PAGES, |pages| pages.parse().unwrap()).min(pages);
    let mut shows = BTreeMap::<&str, u64>::new();
    for n in 0..wanted {
        let page = n * pages / wanted;
        let (_directory, data) = copy(&ledger);
        turn_over(&data.join(FILE), page);
        println!("page {page} of {pages}");
        if let Some(place) = shown(&data, &before).await {
            *shows.entry(place).or_default() += 1;
        }
    }
    println!("the damage shows at: {shows:?}");
    assert!(shows.values().sum::<u64>() >= wanted / 4 && shows.contains_key("verify"), "{shows:?}");
}

/// The engine takes what is missing of a page for zeros.
#[tokio::test]
async fn with_a_part_of_the_last_page_gone_no_wrong_answer_passes_for_a_right_one() {
    let (ledger, before) = ended_ledger().await;
    let whole = std::fs::metadata(ledger.data.join(FILE)).unwrap().len();
    let (_directory, data) = copy(&ledger);
    cut(&data, whole - PAGE + 1);
    println!("the damage shows at: {:?}", shown(&data, &before).await);
}

fn cut(data: &Path, size: u64) {
    OpenOptions::new().write(true).open(data.join(FILE)).unwrap().set_len(size).unwrap();
}

/// Every bit of a page becomes its opposite.
fn turn_over(file: &Path, page: u64) {
    let mut bytes = std::fs::read(file).unwrap();
    let from = usize::try_from(page * PAGE).unwrap();
    for byte in &mut bytes[from..][..usize::try_from(PAGE).unwrap()] {
        *byte = !*byte;
    }
    std::fs::write(file, bytes).unwrap();
}
