//! The pages for people in a real browser: what they show, by which steps, that they contact no other server, fit a phone, and can
//! be read by everybody.

mod access;
mod between;
mod catalogue;
mod evidence;
mod health;
mod issuer;
mod pictures;
mod png;
mod presses;
mod product;
mod questions;
mod sign_in;
mod states;
mod story;
mod volume;
mod years;

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::auth::issuer::{Key, claims, key_set, ledger};
use crate::beneath;
use crate::browser::browser;
use crate::browser::devtools::Browser;
use crate::scenario::{Ledger, printed, repository};
use story::{FRAME, told};

/// The text that the page shows.
const TEXT: &str = "document.body.innerText";

/// Waits until the page shows all of these texts.
async fn shows(browser: &mut Browser, wanted: &[&str]) -> String {
    let has_all =
        |text: &Value| text.as_str().is_some_and(|text| wanted.iter().all(|part| text.contains(part)));
    browser.until(TEXT, has_all).await.as_str().unwrap().to_owned()
}

/// Presses the first button or link of this text, once it is there.
async fn press(browser: &mut Browser, words: &str) {
    let found = format!(
        "(() => {{ const one = [...document.querySelectorAll('button, a, [role=option]')] \
            .find(one => one.textContent.trim().startsWith({0}) && !one.disabled && one.checkVisibility()); \
            if (one) one.click(); return !!one; }})()",
        json!(words)
    );
    browser.until(&found, |pressed| *pressed == true).await;
}

/// A ledger with a helmet that only those with a token may read.
struct Guarded {
    ledger: Ledger,
    key: Key,
    _keys: tempfile::TempDir,
}

impl Guarded {
    async fn start() -> Self {
        let key = Key::ec("page");
        let directory = tempfile::tempdir().unwrap();
        let keys = directory.path().join("keys.json");
        std::fs::write(&keys, key_set(&[&key])).unwrap();
        let writes = key.token(&claims(json!({"scope": "products/read products/write"})));
        let ledger = ledger(keys.to_str().unwrap(), &[], &writes);
        ledger.send("PUT", "/products/helmet", r#"{"name":"Helmet","price":"34.99"}"#).await;
        Self { ledger, key, _keys: directory }
    }

    /// A token of these scopes.
    fn token(&self, scopes: &str) -> String {
        self.key.token(&claims(json!({"scope": scopes, "sub": "a.lindt"})))
    }
}

/// Types a token into the page that asks for one, and uses it if it looks like one.
async fn give_token(browser: &mut Browser, token: &str) {
    let focus = "(document.querySelector('input[type=password]')?.focus(), \
        document.activeElement?.matches('input[type=password]') === true)";
    browser.until(focus, |is_there| *is_there == true).await;
    browser.type_in(token).await;
    if token.contains('.') {
        press(browser, "Use this token").await;
    }
}

/// The rules of axe-core that a page breaks.
const AXE: &str = "(window.axeAsked ??= axe.run(document, { resultTypes: ['violations'], runOnly: \
    ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then(found => { \
    window.axeFound = found.violations.map(one => one.id + ': ' + one.nodes.map(node => node.html.slice(0, 160) + ' ' + \
    node.failureSummary).join(' | ')); })) && window.axeFound";

/// axe-core, which looks for barriers; `None` and a message where it is not installed.
fn axe() -> Option<String> {
    let file = repository().join("explorer/node_modules/axe-core/axe.min.js");
    let found = std::fs::read_to_string(&file).ok();
    if found.is_none() {
        println!("skipped: no axe-core, because `npm ci` was not run in explorer/");
    }
    found
}

/// Has axe-core look at the page.
async fn has_no_barriers(browser: &mut Browser, axe: Option<&str>, name: &str) {
    let Some(axe) = axe else { return };
    let loaded = format!("window.axeAsked = window.axeFound = null; {axe}; typeof axe.run");
    assert_eq!(browser.until(&loaded, Value::is_string).await, "function");
    assert_eq!(browser.until(AXE, Value::is_array).await, json!([]), "{name}");
}

/// Where pictures are written to, if somebody wants to look at them.
fn gallery() -> Option<PathBuf> {
    std::env::var_os("LEDGER_PICTURES").map(PathBuf::from)
}

#[tokio::test]
async fn the_questions_of_auditors_are_answered_within_a_few_presses() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    browser.open(&format!("{}/", ledger.url)).await;
    browser.emulate(1280, "light").await;
    shows(&mut browser, &["22 commits"]).await;
    // What did it cost on 1 June 2024, and who set that?
    browser.press("/").await;
    browser.type_in("FR-R92R-62").await;
    browser.press("Enter").await;
    shows(&mut browser, &["Prior price: $1,249.00"]).await;
    browser.until("(document.activeElement?.blur(), true)", |done| *done == true).await;
    browser.press("t").await;
    browser.until("document.activeElement?.placeholder ?? ''", |field| field == "1 Jun 2024").await;
    browser.type_in("1 Jun 2024").await;
    browser.press("Enter").await;
    shows(&mut browser, &["On 1 Jun 2024 it cost $1,431.50, set by catalogue-import in commit 3"]).await;
    // What did we tell then, and what is known now?
    browser.go(&format!("#/p/{FRAME}?at=2025-07-15T23:59:59.999Z&clock=recorded")).await;
    shows(&mut browser, &["On 15 Jul 2025 the ledger said $1,431.50"]).await;
    press(&mut browser, "In force").await;
    shows(&mut browser, &["On 15 Jul 2025 it cost $999.00, set by jonas.weber in commit 8"]).await;
    press(&mut browser, "Back to now").await;
    // The prior price, and how it was found.
    press(&mut browser, "How it was found").await;
    shows(&mut browser, &["$1,249.00 (lowest)", "$1,389.00", "$1,349.00"]).await;
    // What opens when it is pressed.
    for (fragment, pressed) in [
        ("#/ledger", "Who"),
        ("#/ledger", "What"),
        ("#/ledger", "When"),
        ("#/catalogue", "Category"),
        ("#/keys", "Settings"),
    ] {
        browser.go(fragment).await;
        press(&mut browser, pressed).await;
        browser.until("!!document.querySelector('.panel')", |opened| *opened == true).await;
        has_no_barriers(&mut browser, axe().as_deref(), &format!("{fragment}, {pressed}")).await;
    }
    // Everything of one person; who changed the past; which prices dropped; what belonged together.
    for (fragment, wanted, count) in [
        ("#/ledger?who=maria.lopez", "maria.lopez", "4 of 22 commits"),
        ("#/ledger?only=late", "changed the past: happened 1 Jul 2025", "2 of 22 commits"),
        ("#/ledger?only=drops", "11.1 %", "4 of 22 commits"),
        ("#/ledger?thread=black-friday-2026", "$27.99", "2 of 22 commits"),
        ("#/ledger?what=deleted", "Removed from the catalogue", "1 of 22 commits"),
        (
            "#/ledger?from=2026-11-01T00:00:00Z&to=2026-12-01T00:00:00Z&what=price",
            "$1,349.00",
            "4 of 22 commits",
        ),
    ] {
        browser.go(fragment).await;
        shows(&mut browser, &[wanted, count]).await;
    }
    // Was anything removed or rewritten since the last visit? At the first one there is nothing to compare with.
    press(&mut browser, "Proof").await;
    press(&mut browser, "Check all 22").await;
    shows(&mut browser, &["It fits together.", "22 commits of 9 products"]).await;
    browser.open(&ledger.url).await;
    press(&mut browser, "Proof").await;
    press(&mut browser, "Check all 22").await;
    shows(
        &mut browser,
        &["Nothing was removed or changed since your last visit.", "22 commits of 9 products"],
    )
    .await;
}

#[tokio::test]
async fn what_happens_appears_by_itself_and_moves_nothing_that_is_read() {
    let Some(mut browser) = browser().await else { return };
    let ledger = Ledger::start();
    browser.open(&format!("{}/", ledger.url)).await;
    browser.emulate(1280, "light").await;
    shows(&mut browser, &["This ledger is empty.", "Waiting for the first commit"]).await;
    has_no_barriers(&mut browser, axe().as_deref(), "empty").await;
    ledger.send("PUT", "/products/helmet", r#"{"name":"Helmet","price":"34.99"}"#).await;
    shows(&mut browser, &["1 commit", "Helmet", "Created, $34.99"]).await;
    browser.go("#/ledger?open=0").await;
    shows(&mut browser, &["checked in this browser"]).await;
    ledger.send("PATCH", "/products/helmet", r#"{"price":"29.99"}"#).await;
    shows(&mut browser, &["1 new commit"]).await;
    let text = browser.until(TEXT, Value::is_string).await;
    assert!(!text.as_str().unwrap().contains("$29.99"), "{text}");
    press(&mut browser, "1 new commit").await;
    shows(&mut browser, &["$29.99"]).await;
    browser.go("#/p/helmet").await;
    shows(&mut browser, &["All 2 commits"]).await;
    ledger.send("PATCH", "/products/helmet", r#"{"price":"19.99"}"#).await;
    shows(&mut browser, &["All 3 commits", "$19.99"]).await;
}

#[tokio::test]
async fn while_the_server_is_away_the_page_says_so_and_keeps_what_it_shows() {
    let Some(mut browser) = browser().await else { return };
    let mut ledger = Ledger::start();
    ledger.send("PUT", "/products/helmet", r#"{"name":"Helmet","price":"34.99"}"#).await;
    browser.open(&format!("{}/#/p/helmet", ledger.url)).await;
    shows(&mut browser, &["All 1 commit", "$34.99"]).await;
    ledger.kill();
    let text = shows(&mut browser, &["The server does not answer since", "Trying again in"]).await;
    assert!(text.contains("$34.99"), "{text}");
}

#[tokio::test]
async fn a_changed_byte_is_never_shown_as_whole() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    browser.open(&format!("{}/#/p/{FRAME}", ledger.url)).await;
    shows(&mut browser, &["All 12 commits", "✓ Whole"]).await;
    beneath::backdate(&ledger, FRAME).await;
    browser.open(&format!("{}/#/p/{FRAME}", ledger.url)).await;
    let text = shows(&mut browser, &["✕ Commit 1 does not fit", "The server finds a fault too."]).await;
    assert!(!text.contains("✓ Fits") && !text.contains("✓ Whole"), "{text}");
    browser.go("#/proof").await;
    press(&mut browser, "Check all 22").await;
    shows(&mut browser, &["Does not fit.", "contradict each other"]).await;
}

#[tokio::test]
async fn a_log_that_this_browser_does_not_know_is_never_called_whole() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    browser.open(&format!("{}/#/proof", ledger.url)).await;
    shows(&mut browser, &["It fits together.", "It keeps one now."]).await;
    for (change, told) in [
        // The kept log is longer: the end of today's was cut off.
        ("note = note.replace('\\n22\\n', '\\n23\\n')", "Does not fit."),
        ("key = 'product-ledger.invalid/x+00000000+AAAA'", "Does not fit."),
        ("origin = 'another.example/log'", "This is another log than the one you kept."),
    ] {
        let keep = format!(
            "(() => {{ const name = Object.keys(localStorage).find(name => name.startsWith('ledger')); \
                window.kept ??= localStorage.getItem(name); const all = JSON.parse(window.kept); \
                let [[origin, {{ note, key, keyAt, at }}]] = Object.entries(all.logs); {change}; \
                all.logs = {{ [origin]: {{ note, key, keyAt, at }} }}; \
                localStorage.setItem(name, JSON.stringify(all)); return true; }})()"
        );
        browser.until(&keep, |done| *done == true).await;
        press(&mut browser, "Check again").await;
        let text = shows(&mut browser, &[told]).await;
        assert!(!text.contains("Nothing was removed"), "{text}");
    }
}

#[tokio::test]
async fn the_program_accepts_the_proof_that_the_page_saves_and_no_other_commit() {
    let Some(mut browser) = browser().await else { return };
    let (directory, ledger) = told();
    browser.open(&format!("{}/#/proof?position=20", ledger.url)).await;
    shows(&mut browser, &["It is entry 20 of the 22"]).await;
    let catch = "(() => { window.saved = []; URL.createObjectURL = blob => { \
        blob.text().then(text => saved.push(text)); return 'data:,'; }; return true; })()";
    browser.until(catch, |done| *done == true).await;
    press(&mut browser, "Download proof").await;
    let both = |saved: &Value| saved.as_array().is_some_and(|saved| saved.len() == 2);
    let saved = browser.until("window.saved", both).await;
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (commit, proof) = (saved[0].as_str().unwrap(), saved[1].as_str().unwrap());
    let key = ledger.http.get(format!("{}/log/key", ledger.url)).send().await.unwrap().text().await.unwrap();
    let proof = file("saved.tlog-proof", proof);
    for (commit, code) in [(commit.to_owned(), 0), (commit.replace("1199.00", "1198.00"), 1)] {
        let commit = file("saved.json", &commit);
        let mut verify = crate::scenario::program();
        verify
            .args(["verify", "--proof"])
            .arg(&proof)
            .args(["--key", key.split(' ').next().unwrap(), "--commit"])
            .arg(&commit);
        let output = verify.output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", printed(&output));
    }
}

#[tokio::test]
async fn the_sample_is_recorded_once_by_the_page_and_an_import_together() {
    let Some(mut browser) = browser().await else { return };
    let ledger = Ledger::start();
    browser.open(&format!("{}/", ledger.url)).await;
    press(&mut browser, "Load the sample").await;
    press(&mut browser, "Load them").await;
    shows(&mut browser, &["Catalogue", "All-Purpose Bike Stand"]).await;
    let again = ledger.import(&repository().join("tests/data/adventureworks.ndjson")).output().unwrap();
    assert!(printed(&again).contains("696 commands: 0 written, 696 imported before"), "{}", printed(&again));
}

#[tokio::test]
async fn with_tokens_somebody_signs_in_and_gets_where_they_wanted() {
    let Some(mut browser) = browser().await else { return };
    let guarded = Guarded::start().await;
    for (token, wanted) in [
        ("no token".to_owned(), "That is no token."),
        (guarded.token("products/read"), "Your sign-in may read products, not their history."),
        (guarded.token("products/read products/audit"), "All 1 commit"),
    ] {
        browser.open(&format!("{}/#/p/helmet", guarded.ledger.url)).await;
        shows(&mut browser, &["Sign in to read this ledger.", "the product helmet"]).await;
        has_no_barriers(&mut browser, axe().as_deref(), "sign in").await;
        give_token(&mut browser, &token).await;
        shows(&mut browser, &[wanted]).await;
        let kept =
            browser.until("JSON.stringify([{...localStorage}, {...sessionStorage}])", Value::is_string).await;
        assert!(!kept.as_str().unwrap().contains(&token), "{kept}");
    }
    let (_, complaints) = browser.heard();
    assert_eq!(complaints, Vec::<Value>::new());
}

#[tokio::test]
async fn the_features_tell_what_the_server_has() {
    let ledger = Ledger::start_with(&["--log", "off"], &[("LEDGER_ORDERS", "id,name")]);
    let (status, told) = ledger.get("/ui/config.json").await;
    assert_eq!((status, &told["mode"]), (200, &json!("open")));
    let features: Vec<_> =
        told["features"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let of_all = ["as_of", "in_force", "status", "csv", "sku", "categories", "orders:id,name"];
    assert_eq!(features, [&["commits", "days", "events"][..], &of_all].concat());
    let without = Ledger::start_with(&["--no-explorer"], &[]);
    for path in ["/ui/config.json", "/ui/LICENSES.txt"] {
        assert_eq!(without.get(path).await.0, 404, "{path}");
    }
    let page = without.http.get(&without.url).header("accept", "text/html").send().await.unwrap();
    assert!(page.text().await.unwrap().starts_with("Product ledger 0."));
}

/// Whether what the explorer is built and tested with is installed.
fn has_node() -> bool {
    let is_installed = repository().join("explorer/node_modules/esbuild").is_dir()
        && Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success());
    if !is_installed {
        println!("skipped: Node.js is missing, or `npm ci` was not run in explorer/");
    }
    is_installed
}

#[test]
fn the_parts_of_the_pages_that_need_no_browser_do_what_they_say() {
    if has_node() {
        let output = Command::new("node").arg(repository().join("explorer/test/run.mjs")).output().unwrap();
        assert!(output.status.success(), "{}", printed(&output));
    }
}

#[test]
fn the_committed_build_is_that_of_the_sources() {
    if !has_node() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (built, committed) = (folder.path().join("dist"), repository().join("explorer/dist"));
    let output =
        Command::new("node").arg(repository().join("explorer/build.mjs")).arg(&built).output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    let files = |folder: &PathBuf| -> std::collections::BTreeMap<String, Vec<u8>> {
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap());
        files
            .map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap()))
            .collect()
    };
    let (built, committed) = (files(&built), files(&committed));
    let names =
        |files: &std::collections::BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&built), names(&committed), "run `node explorer/build.mjs`");
    assert!(built == committed, "run `node explorer/build.mjs`");
}

/// Every source of the explorer, by its path in `explorer/src`.
fn sources() -> Vec<(String, String)> {
    let root = repository().join("explorer/src");
    let mut folders = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                found.push((name, std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    assert!(found.len() > 40, "{}", found.len());
    found
}

#[test]
fn the_sources_write_no_markup_from_texts_and_what_decides_imports_no_preact() {
    for (name, text) in sources() {
        for forbidden in
            ["innerHTML", "dangerouslySetInnerHTML", "style={", "eval(", "document.cookie", "new Function"]
        {
            assert!(!text.contains(forbidden), "{name} has {forbidden}");
        }
        let decides = [
            "verify/",
            "chart/scale",
            "chart/steps",
            "catalogue/compare.ts",
            "catalogue/days.ts",
            "catalogue/list.ts",
            "catalogue/table.ts",
            "url.ts",
            "words.ts",
            "money.ts",
            "time.ts",
            "csv.ts",
            "qr.ts",
            "diff.ts",
            "visible.ts",
            "entry.ts",
            "programs.ts",
            "quoted.ts",
            "history-window.ts",
            "health.ts",
        ];
        if decides.iter().any(|part| name.starts_with(part)) {
            assert!(!text.contains("preact") && !text.contains("Date.now"), "{name}");
        }
        let is_script = matches!(name.rsplit_once('.'), Some((_, "ts" | "tsx")));
        assert!(!is_script || text.starts_with("// "), "{name} must open with its purpose");
    }
}
