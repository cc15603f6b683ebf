//! The evidence sheet, on a screen and on paper; and the Ledger's exports, counts, gaps, and entries of the bus.

use serde_json::{Value, json};

use super::access::fits;
use super::story::{FRAME, dearer, told};
use super::{axe, gallery, has_no_barriers, press, shows};
use crate::beneath;
use crate::browser::browser;
use crate::browser::devtools::Browser;
use crate::scenario::Ledger;

/// Keeps what the page saves as a file, by its name.
const CATCH_FILES: &str = "(() => { window.files = {}; const texts = new Map(); \
    const made = URL.createObjectURL.bind(URL); \
    URL.createObjectURL = blob => { const url = made(blob); texts.set(url, blob); return url; }; \
    const click = HTMLAnchorElement.prototype.click; \
    HTMLAnchorElement.prototype.click = function () { if (!this.download) return click.call(this); \
        const name = this.download; texts.get(this.href).text().then(text => { window.files[name] = text; }); }; \
    return true; })()";

/// The saved file whose name ends so, once it is there.
async fn saved(browser: &mut Browser, ending: &str) -> String {
    let found = format!(
        "(() => {{ const one = Object.entries(window.files).find(([name]) => name.endsWith({})); return one ? one[1] : null; }})()",
        json!(ending)
    );
    browser.until(&found, Value::is_string).await.as_str().unwrap().to_owned()
}

async fn run(browser: &mut Browser, script: &str) {
    browser.until(script, |done| *done == true).await;
}

/// How many pages a PDF has.
fn pages(pdf: &[u8]) -> usize {
    let text = String::from_utf8_lossy(pdf);
    text.matches("/Type /Page\n").count() + text.matches("/Type /Page ").count()
}

#[tokio::test]
async fn the_evidence_sheet_says_what_was_checked_on_every_screen_and_on_paper() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    let newest = ledger
        .until(&format!("/commits?product={FRAME}&order=desc&limit=1"), |status, _| status == 200)
        .await;
    let entry = format!("Commit 12 is entry {} of the log signed by", newest["commits"][0]["position"]);
    browser.open(&format!("{}/#/p/{FRAME}/evidence", ledger.url)).await;
    browser.emulate(1280, "light").await;
    let text = shows(
        &mut browser,
        &[
            "Checked. 12 of 12 commits hashed and linked in the browser that printed this.",
            &entry,
            "under the checkpoint of 22 commits",
            "$1,199.00 since 27 Nov 2026. Prior price $1,249.00",
            "12 commits by 4 people or programs",
            "19 Aug 2026 ◆",
            "--proof FR-R92R-62-12.tlog-proof",
            "It does not show that what was recorded is true",
        ],
    )
    .await;
    assert!(!text.contains("NOT CHECKED"), "{text}");
    fits(&mut browser, "evidence").await;
    let (_, complaints) = browser.heard();
    assert_eq!(complaints, Vec::<Value>::new());
    let pdf = browser.printed().await;
    assert!(pdf.starts_with(b"%PDF") && (1..=2).contains(&pages(&pdf)), "{} pages", pages(&pdf));
    if let Some(folder) = gallery() {
        std::fs::write(folder.join("evidence.pdf"), &pdf).unwrap();
    }
    // On paper there is the sheet alone, black on white, with the address of what it shows.
    browser.emulate_medium("print").await;
    for gone in [".top", ".foot", ".sheet-actions", "nav.bottom"] {
        let shown = format!("document.querySelector({}).checkVisibility()", json!(gone));
        browser.until(&shown, |shown| *shown == false).await;
    }
    let after = "getComputedStyle(document.querySelector('.with-url'), '::after').content";
    browser
        .until(after, |text| text.as_str().is_some_and(|text| text.contains(&format!("{FRAME}/evidence"))))
        .await;
    browser
        .until("getComputedStyle(document.body).backgroundColor", |colour| colour == "rgb(255, 255, 255)")
        .await;
}

#[tokio::test]
async fn a_sheet_that_is_not_checked_or_does_not_fit_says_so_in_a_double_frame() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    let framed = "document.querySelector('.sheet-box')?.className";
    // Which commit is in the log is not answered.
    browser.open(&format!("{}/#/about", ledger.url)).await;
    shows(&mut browser, &["What is kept in this browser"]).await;
    run(
        &mut browser,
        "(() => { const real = window.fetch; window.fetch = (url, ...rest) => \
            String(url).includes('commit_id=') ? Promise.resolve(new Response('{}', { status: 500 })) : real(url, ...rest); \
            return true; })()",
    )
    .await;
    browser.go(&format!("#/p/{FRAME}/evidence")).await;
    let text =
        shows(&mut browser, &["NOT CHECKED Whether the newest commit is in the log could not be checked."])
            .await;
    assert!(!text.contains("Checked."), "{text}");
    browser.until(framed, |name| name == "sheet-box double").await;
    // A byte is changed.
    beneath::backdate(&ledger, FRAME).await;
    browser.open(&format!("{}/#/p/{FRAME}/evidence", ledger.url)).await;
    let text = shows(&mut browser, &["DOES NOT FIT Commit 1:", "0 of 12 commits fit before it."]).await;
    assert!(!text.contains("Checked."), "{text}");
    browser.until(framed, |name| name == "sheet-box double").await;
    has_no_barriers(&mut browser, axe().as_deref(), "a sheet that does not fit").await;
}

#[tokio::test]
async fn the_sheet_shows_the_moment_and_the_time_that_are_asked_for_and_ctrl_p_leads_to_it() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    let rows = "document.querySelectorAll('.sheet-rows tbody tr').length";
    for (parameters, wanted, count) in [
        ("at=2024-06-01T23:59:59.999Z", "$1,431.50 since 29 May 2024.", 3),
        ("at=2026-03-31T23:59:59.999Z&clock=recorded", "as recorded at the end of 31 Mar 2026, UTC", 7),
        ("from=2026-01-01T00:00:00Z&to=2026-11-10T00:00:00Z", "from 1 Jan 2026, 00:00:00 UTC", 3),
    ] {
        browser.open(&format!("{}/#/p/{FRAME}/evidence?{parameters}", ledger.url)).await;
        browser.emulate(1280, "light").await;
        shows(&mut browser, &[wanted, "Checked."]).await;
        browser.until(rows, |found| *found == count).await;
    }
    // Of a removed product, without a log, and with twelve rows or fewer the hashes are whole.
    browser.until("document.querySelector('.hash').textContent.length", |length| *length == 65).await;
    browser.open(&format!("{}/#/p/{FRAME}?at=2024-06-01T23:59:59.999Z", ledger.url)).await;
    shows(&mut browser, &["On 1 Jun 2024 it cost"]).await;
    run(
        &mut browser,
        "(() => { window.print = () => { window.printed = document.body.innerText; }; return true; })()",
    )
    .await;
    run(
        &mut browser,
        "document.dispatchEvent(new KeyboardEvent('keydown', { key: 'p', ctrlKey: true, cancelable: true })) === false",
    )
    .await;
    let text = browser.until("window.printed", Value::is_string).await;
    assert!(text.as_str().unwrap().contains("Checked. 12 of 12 commits"), "{text}");
    browser
        .until("location.hash", |hash| {
            hash == &json!(format!("#/p/{FRAME}/evidence?at=2024-06-01T23%3A59%3A59.999Z"))
        })
        .await;
}

#[tokio::test]
async fn lists_are_saved_as_csv_and_ndjson_and_counted() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    browser.open(&format!("{}/#/ledger?who=maria.lopez", ledger.url)).await;
    browser.emulate(1280, "light").await;
    shows(&mut browser, &["4 of 22 commits"]).await;
    run(&mut browser, CATCH_FILES).await;
    press(&mut browser, "Export").await;
    shows(&mut browser, &["CSV of these 4", "NDJSON of these 4", "CSV of all 22", "NDJSON of all 22"]).await;
    has_no_barriers(&mut browser, axe().as_deref(), "export").await;
    press(&mut browser, "NDJSON of these 4").await;
    let text = saved(&mut browser, ".ndjson").await;
    let feed = ledger.get("/commits?actor=maria.lopez&order=desc&limit=100").await.1;
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json!(lines), feed["commits"]);
    press(&mut browser, "Export").await;
    press(&mut browser, "CSV of these 4").await;
    let saved_csv = saved(&mut browser, ".csv").await;
    let asked = format!("{}/commits?actor=maria.lopez&order=desc", ledger.url);
    let csv = ledger.http.get(asked).header("accept", "text/csv").send().await.unwrap().text().await.unwrap();
    assert_eq!(saved_csv, csv);
    // All pages of a listing that has several; here the server's pages are made small.
    run(
        &mut browser,
        "(() => { window.files = {}; const real = window.fetch; window.fetch = (url, ...rest) => \
            real(String(url).replace('limit=10000', 'limit=5'), ...rest); return true; })()",
    )
    .await;
    press(&mut browser, "Export").await;
    press(&mut browser, "CSV of all 22").await;
    let whole = ledger.http.get(format!("{}/commits?order=desc", ledger.url)).header("accept", "text/csv");
    assert_eq!(saved(&mut browser, ".csv").await, whole.send().await.unwrap().text().await.unwrap());
}

#[tokio::test]
async fn an_empty_list_names_the_filter_that_keeps_everything_out() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    let fragment =
        "#/ledger?who=maria.lopez&from=2020-01-01T00:00:00Z&to=2021-01-01T00:00:00Z&product=helmet";
    browser.open(&format!("{}/{fragment}", ledger.url)).await;
    browser.emulate(1280, "light").await;
    shows(&mut browser, &["No commit fits.", "Clear all filters"]).await;
    browser.go("#/ledger?who=maria.lopez&from=2020-01-01T00:00:00Z&to=2021-01-01T00:00:00Z").await;
    let text = shows(
        &mut browser,
        &["Without “When” there is something, the newest by maria.lopez on 12 Mar 2026."],
    )
    .await;
    assert!(!text.contains("Without “Who”"), "{text}");
    press(&mut browser, "Clear When").await;
    shows(&mut browser, &["4 of 22 commits"]).await;
    let (asked, _) = browser.heard();
    let single = asked.iter().filter(|url| url.contains("limit=1&") || url.ends_with("limit=1")).count();
    assert!(single <= 8, "{asked:?}");
}

#[tokio::test]
async fn a_page_that_fails_leaves_a_gap_that_can_be_loaded_again() {
    let Some(mut browser) = browser().await else { return };
    let ledger = Ledger::start();
    for number in 0..230 {
        let body = json!({"name": format!("Product {number}"), "price": "1.00"}).to_string();
        ledger.send("PUT", &format!("/products/p-{number}"), &body).await;
    }
    browser.open(&format!("{}/#/about", ledger.url)).await;
    browser.emulate(1280, "light").await;
    shows(&mut browser, &["What is kept in this browser"]).await;
    run(
        &mut browser,
        "(() => { const real = window.fetch; window.isBroken = true; window.fetch = (url, ...rest) => \
            window.isBroken && String(url).includes('before=') ? Promise.resolve(new Response('{}', { status: 500 })) \
                : real(url, ...rest); return true; })()",
    )
    .await;
    // They fold into one row, so that the page loads more at once.
    browser.go("#/ledger").await;
    shows(&mut browser, &["230 commits", "Commits 80–179 did not load.", "Showing 50,"]).await;
    has_no_barriers(&mut browser, axe().as_deref(), "a gap").await;
    run(&mut browser, "(() => { window.isBroken = false; return true; })()").await;
    // What comes behind the gap can be loaded, and the gap afterwards.
    press(&mut browser, "Show 100 more").await;
    shows(&mut browser, &["Commits 80–179 did not load.", "Showing 130,"]).await;
    press(&mut browser, "Try again").await;
    let text = shows(&mut browser, &["Showing 230,"]).await;
    assert!(!text.contains("did not load"), "{text}");
}

#[tokio::test]
async fn an_entry_is_shown_as_subscribers_got_it() {
    let Some(mut browser) = browser().await else { return };
    let ledger = Ledger::start();
    let helmet = "/products/helmet";
    ledger.send("PUT", helmet, r#"{"name":"Helmet","price":"34.99","attributes":{"colour":"red"}}"#).await;
    ledger
        .send(
            "PATCH",
            helmet,
            r#"{"price":"29.99","name":"Helm","description":"Light.","attributes":{"size":"M"}}"#,
        )
        .await;
    ledger.send("PATCH", helmet, r#"{"price":"27.99","occurred_at":"2026-01-01T00:00:00Z"}"#).await;
    ledger.send("DELETE", helmet, "").await;
    ledger.send("POST", "/products/helmet/restore", "{}").await;
    let history = ledger.get("/products/helmet/history").await.1;
    let commits = history["commits"].as_array().unwrap().clone();
    let events = commits.iter().map(|commit| commit["events"].as_array().unwrap().len()).sum::<usize>();
    let mut sent = std::collections::BTreeMap::new();
    for mut entry in ledger.bus(|entries| entries.len() == events).await {
        let id = entry["detail"]["metadata"]["event_id"].as_str().unwrap().to_owned();
        // What the bus itself adds.
        for added in ["id", "time", "version", "account", "region"] {
            entry.as_object_mut().unwrap().remove(added);
        }
        sent.insert(id, entry);
    }
    for commit in &commits {
        let first = &commit["sequence"];
        browser.open(&format!("{}/#/p/helmet?commit={first}", ledger.url)).await;
        browser.emulate(1280, "light").await;
        // The name of the log is known once its checkpoint is checked.
        let all = "[...document.querySelectorAll('.entries pre')].map(pre => pre.textContent)";
        let shown = browser
            .until(all, |texts| {
                texts.as_array().is_some_and(|texts| {
                    !texts.is_empty() && texts[0].as_str().unwrap().contains("log_origin")
                })
            })
            .await;
        let entries: Vec<Value> = shown
            .as_array()
            .unwrap()
            .iter()
            .map(|text| serde_json::from_str(text.as_str().unwrap()).unwrap())
            .collect();
        let wanted: Vec<Value> = commit["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| sent[event["event_id"].as_str().unwrap()].clone())
            .collect();
        assert_eq!(entries, wanted, "commit {first}");
    }
    has_no_barriers(&mut browser, axe().as_deref(), "entries of the bus").await;
    let over = browser.until("document.documentElement.scrollWidth - innerWidth", Value::is_number).await;
    assert!(over.as_i64().unwrap() <= 0, "{over}");
}

#[tokio::test]
async fn a_reader_who_lets_new_commits_wait_is_told_how_far_the_ledger_is_ahead() {
    let Some(mut browser) = browser().await else { return };
    let ledger = Ledger::start();
    ledger.send("PUT", "/products/helmet", r#"{"name":"Helmet","price":"34.99"}"#).await;
    browser.open(&format!("{}/#/ledger?open=0", ledger.url)).await;
    browser.emulate(1280, "light").await;
    shows(&mut browser, &["1 commit", "checked in this browser"]).await;
    ledger.send("PATCH", "/products/helmet", r#"{"price":"29.99"}"#).await;
    let text = shows(&mut browser, &["1 new commit"]).await;
    assert!(!text.contains("ahead of this page"), "{text}");
    run(&mut browser, "(() => { const now = Date.now; Date.now = () => now() + 40000; return true; })()")
        .await;
    shows(&mut browser, &["The ledger is 4", "s ahead of this page."]).await;
}

#[tokio::test]
async fn what_a_filter_selects_is_counted_and_large_files_are_told_before() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = dearer(240, 48);
    browser.open(&format!("{}/#/ledger?what=price", ledger.url)).await;
    browser.emulate(1280, "light").await;
    shows(&mut browser, &["50 and more of 241 commits"]).await;
    press(&mut browser, "Count them").await;
    let text = shows(&mut browser, &["240 of 241 commits"]).await;
    assert!(!text.contains("Count them"), "{text}");
    browser.until("document.querySelectorAll('tr.row').length", |rows| *rows == 50).await;
    press(&mut browser, "Export").await;
    let text = shows(&mut browser, &["NDJSON of these 240"]).await;
    assert!(!text.contains("More than"), "{text}");
    // A file that takes long is cancelled, and nothing is saved.
    run(&mut browser, CATCH_FILES).await;
    run(
        &mut browser,
        "(() => { const real = window.fetch; window.fetch = (url, options) => String(url).includes('before=') \
            ? new Promise((_, reject) => options.signal.addEventListener('abort', () => reject(new DOMException('', 'AbortError')))) \
            : real(url, options); return true; })()",
    )
    .await;
    press(&mut browser, "NDJSON of these 240").await;
    shows(&mut browser, &["Preparing the file: 100 commits…"]).await;
    press(&mut browser, "Cancel").await;
    shows(&mut browser, &["NDJSON of these 240"]).await;
    browser.until("Object.keys(window.files).length", |files| *files == 0).await;
}
