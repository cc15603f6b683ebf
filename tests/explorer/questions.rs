//! The questions that auditors, operators and developers ask, each by mouse and by keyboard, on a desktop and on a phone, in no
//! more presses than it may take; the address at its end shows a fresh browser the same, and HTTP and the program answer it too.
//! The file `questions.txt` has the ways and the answers.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::years::{NOW, Years, years};
use crate::browser::browser;
use crate::browser::devtools::Browser;
use crate::scenario::{any_program, printed, program, repository};

/// A question, how often it may take a press, and the lines below it.
struct Question {
    number: u32,
    text: String,
    presses: u32,
    steps: Vec<(String, String)>,
}

fn questions() -> Vec<Question> {
    let mut found: Vec<Question> = Vec::new();
    let file = std::fs::read_to_string(repository().join("tests/explorer/questions.txt")).unwrap();
    for line in file.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if let Ok(number) = word.parse() {
            let (text, presses) = rest.rsplit_once(' ').unwrap();
            let presses = presses.parse().unwrap();
            found.push(Question { number, text: text.to_owned(), presses, steps: Vec::new() });
        } else {
            found.last_mut().unwrap().steps.push((word.to_owned(), rest.to_owned()));
        }
    }
    found
}

/// How somebody uses the page.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hand {
    Mouse,
    Keys,
}

/// Gives the page a clock that began at the moment at which the questions are asked, and notes what it copies.
pub fn clock(moment: &str) -> String {
    format!(
        "(() => {{ const Real = Date; const ahead = Real.parse({moment}) - Real.now(); \
            globalThis.Date = class extends Real {{ \
                constructor(...given) {{ if (given.length === 0) super(Real.now() + ahead); else super(...given); }} \
                static now() {{ return Real.now() + ahead; }} }}; \
            globalThis.copied = []; \
            Object.defineProperty(navigator, 'clipboard', {{ value: {{ \
                writeText: async text => {{ copied.push(text); }} }} }}); }})()",
        moment = json!(moment)
    )
}

/// The text that the page shows, however its parts lie.
const SHOWN: &str = "document.body.innerText.replace(/\\s+/g, ' ')";

/// Waits until the page shows all of these texts, which ` | ` divides.
pub async fn sees(browser: &mut Browser, wanted: &str) -> String {
    let parts: Vec<&str> = wanted.split(" | ").collect();
    let has_all =
        |text: &Value| text.as_str().is_some_and(|text| parts.iter().all(|part| text.contains(part)));
    browser.until(SHOWN, has_all).await.as_str().unwrap().to_owned()
}

/// The first of what can be pressed whose words begin with these; with `@`, the first whose label does.
pub fn pressable(words: &str) -> String {
    format!(
        "[...document.querySelectorAll('main button, main a, header button, header a, nav a, [role=option], main label, [role=tab]')] \
            .find(one => [one.textContent, one.getAttribute('aria-label') ?? ''].some(text => \
                text.replace(/\\s+/g, ' ').trim().startsWith({})) && !one.disabled && one.checkVisibility())",
        json!(words)
    )
}

/// The first row that has these words.
fn row(words: &str) -> String {
    format!(
        "[...document.querySelectorAll('[data-row]')].find(one => \
            one.innerText.replace(/\\s+/g, ' ').includes({}))",
        json!(words)
    )
}

/// Goes to what can be pressed, and presses Enter; a tab of several is chosen by the arrows.
async fn press_by_keys(browser: &mut Browser, element: &str) {
    browser.until(&format!("!!({element})"), |found| *found == true).await;
    let is_tab = format!("({element})?.getAttribute('role') === 'tab'");
    if browser.until(&is_tab, Value::is_boolean).await == false {
        browser.tab_to(element).await;
        browser.press("Enter").await;
        return;
    }
    browser.tab_to("document.querySelector('[role=tab][aria-selected=true]')").await;
    for _ in 0..20 {
        if browser.until(&format!("document.activeElement === ({element})"), Value::is_boolean).await == true
        {
            return;
        }
        browser.press("ArrowRight").await;
    }
    panic!("no way by the arrows to {element}");
}

/// Does one step on the page, and says how many presses it took.
async fn step(browser: &mut Browser, hand: Hand, word: &str, rest: &str) -> u32 {
    match word {
        "key" => {
            // A field that has the focus would take it as a letter.
            browser
                .until(
                    "(document.activeElement?.matches('input') && document.activeElement.blur(), true)",
                    |done| *done == true,
                )
                .await;
            browser.press(rest).await;
        }
        "text" => {
            browser.until("document.activeElement?.matches('input') === true", |field| *field == true).await;
            browser.type_in(rest).await;
        }
        "field" => {
            let field = format!(
                "[...document.querySelectorAll('main label')].find(one => one.textContent.trim().startsWith({}))?.querySelector('input')",
                json!(rest)
            );
            if hand == Hand::Mouse { browser.click(&field).await } else { browser.tab_to(&field).await }
        }
        "enter" => browser.press("Enter").await,
        "press" if hand == Hand::Mouse => browser.click(&pressable(rest)).await,
        "press" => press_by_keys(browser, &pressable(rest)).await,
        "row" if hand == Hand::Mouse => {
            // In the row, but beside the link to its product.
            let what = format!("({})?.querySelector('.what, .event, time') ?? {}", row(rest), row(rest));
            browser.click(&what).await;
        }
        "row" => {
            browser.until(&format!("!!({})", row(rest)), |found| *found == true).await;
            browser.press("Escape").await;
            browser
                .until(
                    "(document.activeElement?.matches('input') && document.activeElement.blur(), true)",
                    |done| *done == true,
                )
                .await;
            for _ in 0..200 {
                browser.press("j").await;
                let there = format!("document.activeElement === ({})", row(rest));
                if browser.until(&there, Value::is_boolean).await == true {
                    break;
                }
            }
            browser.press("Enter").await;
        }
        "see" | "afresh" => {
            sees(browser, rest).await;
        }
        other => panic!("{other} is no step"),
    }
    u32::from(["enter", "press", "row"].contains(&word))
}

/// Whether a step is one on the page.
fn is_on_page(word: &str) -> bool {
    !["http", "program", "has", "saves", "afresh"].contains(&word)
}

/// Asks a question by the page, and gives the address at its end.
async fn ask(browser: &mut Browser, years: &Years, question: &Question, width: u32, hand: Hand) -> String {
    let _ = std::fs::remove_dir_all(browser.saved());
    if question.text.contains("since my last visit") {
        visit_before(browser, years, width).await;
    } else {
        browser.open_afresh(&format!("{}/", years.url), width, "light").await;
    }
    sees(browser, "commits, newest").await;
    let mut presses = 0;
    for (word, rest) in question.steps.iter().filter(|(word, _)| is_on_page(word)) {
        presses += step(browser, hand, word, rest).await;
    }
    assert!(presses <= question.presses, "{}: {presses} presses", question.text);
    browser.until("location.href", Value::is_string).await.as_str().unwrap().to_owned()
}

/// A visit of which the browser keeps the checkpoint, and then one more commit.
async fn visit_before(browser: &mut Browser, years: &Years, width: u32) {
    browser.open_afresh(&format!("{}/", years.url), width, "light").await;
    browser
        .until("Object.keys(JSON.parse(localStorage.getItem('ledger/') ?? '{}').logs ?? {}).length", |kept| {
            *kept == 1
        })
        .await;
    let seen = years.ledger.get("/commits?order=desc&limit=1").await.1["newest"].as_u64().unwrap();
    let (status, answer) =
        years.ledger.send("PUT", &format!("/products/new-{seen}"), r#"{"name":"New","price":"1"}"#).await;
    assert_eq!(status, 201, "{answer}");
    let size = format!("\n{}\n", seen + 2);
    loop {
        let checkpoint = years.ledger.http.get(format!("{}/log/checkpoint", years.ledger.url)).send();
        if checkpoint.await.unwrap().text().await.unwrap().contains(&size) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    browser.open_beside(&format!("{}/", years.url), width, "light").await;
}

/// What the page saved, by the ends of the names.
async fn saved(browser: &mut Browser, ends: &str) -> Vec<PathBuf> {
    let folder = browser.saved();
    let mut found = Vec::new();
    for end in ends.split(' ') {
        let file = || {
            let files = std::fs::read_dir(&folder).into_iter().flatten().map(|file| file.unwrap().path());
            files.into_iter().find(|file| file.to_str().unwrap().ends_with(end))
        };
        let started = std::time::Instant::now();
        let file = loop {
            if let Some(file) = file() {
                break file;
            }
            assert!(started.elapsed() < crate::scenario::PATIENCE, "nothing saved ends with {end}");
            browser.until("1", Value::is_number).await;
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        };
        found.push(file);
    }
    found
}

/// Checks what a question leaves behind: saved files, or a copied request.
async fn check_left(browser: &mut Browser, years: &Years, question: &Question) {
    let saves = question.steps.iter().find(|(word, _)| word == "saves").map(|(_, ends)| ends);
    if let Some(ends) = saves {
        let files = saved(browser, ends).await;
        if let [commit, proof] = &files[..] {
            proves(years, commit, proof).await;
        } else {
            let rows = std::fs::read_to_string(&files[0]).unwrap().lines().count();
            assert_eq!(rows, 407, "{}", files[0].display());
        }
    }
    if question.text.contains("the request") {
        let copied = browser.until("globalThis.copied[0]", Value::is_string).await;
        let output = any_program("sh").args(["-c", copied.as_str().unwrap()]).output().unwrap();
        let page: Value = serde_json::from_slice(&output.stdout).unwrap();
        let positions: Vec<_> =
            page["commits"].as_array().unwrap().iter().map(|entry| entry["position"].to_string()).collect();
        let shown = "[...document.querySelectorAll('[data-row] td.number')].map(cell => cell.textContent)";
        let shown = browser.until(shown, Value::is_array).await;
        let shown: Vec<_> =
            shown.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect();
        assert!(positions.starts_with(&shown), "{shown:?} {positions:?}");
        assert!(positions.len() == 50, "{positions:?}");
    }
}

/// The checker of logs that is made of Go's own packages; `None` and a message where they are not installed.
fn checker() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let packages = "/usr/share/gocode";
        let has_go = any_program("go").arg("version").output().is_ok_and(|output| output.status.success());
        if !has_go || !Path::new(packages).join("src/golang.org/x/mod/sumdb").is_dir() {
            println!("skipped: no proof is checked by Go, because Go or golang.org/x/mod/sumdb is missing");
            return None;
        }
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("check-log");
        let mut build = any_program("go");
        build.args(["build", "-o"]).arg(&file).arg("tests/log/check.go").current_dir(repository());
        let output =
            build.env("GO111MODULE", "off").env("GOPATH", packages).env("GOFLAGS", "").output().unwrap();
        assert!(output.status.success(), "{}", printed(&output));
        Some(file)
    });
    built.as_deref()
}

/// The program and Go's packages accept the saved files, and no other commit.
async fn proves(years: &Years, commit: &Path, proof: &Path) {
    let key = years.ledger.http.get(format!("{}/log/key", years.ledger.url)).send().await.unwrap();
    let key = key.text().await.unwrap();
    let key = key.split(' ').next().unwrap();
    let other = proof.with_file_name("other");
    std::fs::write(&other, std::fs::read_to_string(commit).unwrap().replace("1199.00", "1198.00")).unwrap();
    for (commit, code) in [(commit, 0), (&other, 1)] {
        let mut verify = program();
        verify.args(["verify", "--key", key, "--proof"]).arg(proof);
        let output = verify.arg("--commit").arg(commit).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", printed(&output));
        let Some(checker) = checker() else { continue };
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key.vkey"), key).unwrap();
        std::fs::copy(proof, folder.path().join("proof")).unwrap();
        std::fs::copy(commit, folder.path().join("commit.json")).unwrap();
        let output = Command::new(checker).arg("commit").arg(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", printed(&output));
    }
}

/// Asks all questions in one way, and opens each address at the end afresh.
async fn all(width: u32, hand: Hand) {
    let Some(mut browser) = browser().await else { return };
    let years = years().await;
    browser.before_each(clock(NOW));
    let only = std::env::var("LEDGER_QUESTION").ok().map(|number| number.parse::<u32>().unwrap());
    for question in questions().iter().filter(|one| only.is_none_or(|number| one.number == number)) {
        println!("{} {}", question.number, question.text);
        // One question adds a commit, which the others do not count.
        let own =
            if question.text.contains("since my last visit") { Some(self::years().await) } else { None };
        let years = own.as_ref().unwrap_or(&years);
        let address = ask(&mut browser, years, question, width, hand).await;
        check_left(&mut browser, years, question).await;
        let afresh = |wanted: &str| question.steps.iter().rev().find(|(word, _)| word == wanted);
        let (_, wanted) = afresh("afresh").or_else(|| afresh("see")).unwrap();
        browser.open_afresh(&address, width, "light").await;
        sees(&mut browser, wanted).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_questions_are_answered_on_a_desktop_by_mouse() {
    all(1280, Hand::Mouse).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_questions_are_answered_on_a_desktop_by_keyboard() {
    all(1280, Hand::Keys).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_questions_are_answered_on_a_phone_by_mouse() {
    all(390, Hand::Mouse).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_questions_are_answered_on_a_phone_by_keyboard() {
    all(390, Hand::Keys).await;
}

/// What a command of a shell prints, in the folder of the ledger.
fn run(years: &Years, line: &str) -> String {
    let mut shell: Command = any_program("sh");
    let path = std::path::Path::new(crate::scenario::LEDGER).parent().unwrap();
    let path = format!("{}:{}", path.display(), std::env::var("PATH").unwrap_or_default());
    shell.args(["-c", line]).current_dir(years.folder.path()).env("PATH", path).env("URL", &years.ledger.url);
    printed(&shell.output().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn http_and_the_program_answer_the_questions_too() {
    let years = years().await;
    for question in questions() {
        let mut printed = String::new();
        let mut asked = Vec::new();
        for (word, rest) in &question.steps {
            match word.as_str() {
                "http" => printed = run(&years, &format!("curl -sg \"$URL{rest}\"")),
                "program" => printed = run(&years, rest),
                "has" => {
                    let text = printed.split_whitespace().collect::<Vec<_>>().join(" ");
                    for part in rest.split(" | ") {
                        assert!(text.contains(part), "{}: {part} is missing in {text}", question.text);
                    }
                }
                _ => continue,
            }
            asked.push(word.as_str());
        }
        for word in ["http", "program", "has"] {
            assert!(asked.contains(&word), "{} has no {word}", question.text);
        }
    }
}

#[test]
fn the_page_of_questions_and_the_scripts_ask_the_same() {
    let page = std::fs::read_to_string(repository().join("docs/questions.md")).unwrap();
    let headings = page.lines().filter(|line| line.starts_with("## ")).count();
    let numbers: Vec<u32> = questions().iter().map(|question| question.number).collect();
    assert_eq!(numbers, (1..=14).collect::<Vec<_>>());
    assert_eq!(headings, numbers.len());
}
