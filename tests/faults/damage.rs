//! Damaged files: the server does not start and says in one line what to do, or the auditor's tools report the damage, or it
//! is in an unused place and every answer is as before. `LEDGER_FAULTS_PAGES=n` sets the number of damaged pages.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::path::Path;

use serde_json::Value;

use crate::scenario::{Ledger, printed};
use crate::store::{FILES, Started, VIEWS, copy, one_line, run, start};
use crate::whole::until_caught_up;

const PAGE: u64 = 4096;
const PRODUCTS: usize = 12;
/// The default number of damaged pages, each in its own copy.
const PAGES: usize = 24;

/// All queries, and their answers.
type Answers = BTreeMap<String, (u16, Value)>;

/// A stopped ledger, whose content is in its three files, and its answers.
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
    let answers = answers(&ledger.url).await.unwrap();
    assert_eq!(ledger.terminate(), Some(0));
    for file in FILES {
        assert!(!ledger.data.join(format!("{file}-wal")).exists(), "{file}: the log is folded into the file");
    }
    (ledger, answers)
}

/// An error if the server has ended.
async fn answers(url: &str) -> reqwest::Result<Answers> {
    let http = reqwest::Client::new();
    let of = |n| ["", "/history", "/prices"].map(|what| format!("/products/p{n}{what}"));
    let lists =
        ["id", "name", "price&currency=USD", "updated_at"].map(|sort| format!("/products?sort={sort}"));
    let mut answers = Answers::new();
    for path in (0..PRODUCTS).flat_map(of).chain(lists) {
        let response = http.get(format!("{url}{path}")).send().await?;
        let status = response.status().as_u16();
        answers.insert(path, (status, response.json().await?));
    }
    Ok(answers)
}

/// One line for people that says what to do.
fn says_what_to_do(said: &str) {
    let line = one_line(said);
    assert!(line.contains("restore it from a copy"), "{line}");
}

/// Where the damage shows, or `None` if every answer is unchanged.
async fn shown(data: &Path, before: &Answers) -> Option<&'static str> {
    let mut server = match start(data) {
        Started::Refused(said) => {
            says_what_to_do(&said);
            return Some("start");
        }
        Started::Serves(server) => server,
    };
    let Ok(now) = answers(&server.url).await else {
        // It found the damage when it wrote.
        says_what_to_do(&server.ended());
        return Some("end");
    };
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
    for file in FILES {
        let whole = std::fs::metadata(ledger.data.join(file)).unwrap().len();
        for size in [0, 1, PAGE / 8, PAGE, PAGE * 3, whole / 2, whole - PAGE] {
            let (_directory, data) = copy(&ledger);
            cut(&data.join(file), size);
            let verify = run(&["verify", "--receipts", "--views"], &data);
            assert_eq!(verify.status.code(), Some(2), "{file}, {size} of {whole}: {}", printed(&verify));
            says_what_to_do(&printed(&verify));
            match start(&data) {
                Started::Refused(said) => says_what_to_do(&said),
                // Nothing of it is left, as if it had been deleted.
                Started::Serves(_) => {
                    assert!(file == VIEWS && size == 0, "{size} of {whole} of {file} are served");
                }
            }
        }
    }
}

#[tokio::test]
async fn wherever_a_page_is_damaged_no_wrong_answer_passes_for_a_right_one() {
    let (ledger, before) = ended_ledger().await;
    let pages = |file: &str| std::fs::metadata(ledger.data.join(file)).unwrap().len() / PAGE;
    let all: Vec<_> = FILES.iter().flat_map(|file| (0..pages(file)).map(move |page| (*file, page))).collect();
    let wanted = std::env::var("LEDGER_FAULTS_PAGES").map_or(PAGES, |pages| pages.parse().unwrap());
    let wanted = wanted.min(all.len());
    let mut shows = BTreeMap::<&str, usize>::new();
    for n in 0..wanted {
        let (file, page) = all[n * all.len() / wanted];
        let (_directory, data) = copy(&ledger);
        turn_over(&data.join(file), page);
        println!("{file}: page {page} of {}", pages(file));
        if let Some(place) = shown(&data, &before).await {
            *shows.entry(place).or_default() += 1;
        }
    }
    println!("of {wanted} damages, so many show at: {shows:?}");
    assert!(shows.values().sum::<usize>() >= wanted / 4 && shows.contains_key("verify"), "{shows:?}");
}

/// SQLite reads missing bytes of a page as zeros.
#[tokio::test]
async fn with_a_part_of_the_last_page_gone_no_wrong_answer_passes_for_a_right_one() {
    let (ledger, before) = ended_ledger().await;
    for file in FILES {
        let whole = std::fs::metadata(ledger.data.join(file)).unwrap().len();
        let (_directory, data) = copy(&ledger);
        cut(&data.join(file), whole - PAGE + 1);
        println!("the damage of {file} shows at: {:?}", shown(&data, &before).await);
    }
}

fn cut(file: &Path, size: u64) {
    OpenOptions::new().write(true).open(file).unwrap().set_len(size).unwrap();
}

/// Inverts every bit of a page.
fn turn_over(file: &Path, page: u64) {
    let mut bytes = std::fs::read(file).unwrap();
    let from = usize::try_from(page * PAGE).unwrap();
    for byte in &mut bytes[from..][..usize::try_from(PAGE).unwrap()] {
        *byte = !*byte;
    }
    std::fs::write(file, bytes).unwrap();
}
