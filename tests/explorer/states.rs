//! What the pages say when the server lies: an error, a part of an answer, silence, a changed byte, an older log, another key, an
//! old build. Nothing of it is ever shown as whole.

use serde_json::Value;

use super::between::{Between, Lie};
use super::press;
use super::questions::sees;
use super::story::{FRAME, told};
use super::years::copy;
use crate::browser::browser;
use crate::browser::devtools::Browser;
use crate::scenario::{Ledger, PATIENCE};

/// Lets the page's own limits come sixty times sooner, so that a test does not wait for them.
const HASTE: &str = "(() => { const real = globalThis.setTimeout; \
    globalThis.setTimeout = (then, after, ...rest) => real(then, after > 20000 ? after / 60 : after, ...rest); })()";

/// A browser and a ledger with a story, and the proxy between them.
async fn between() -> Option<(Browser, tempfile::TempDir, Ledger, Between)> {
    let mut browser = browser().await?;
    let (directory, ledger) = told();
    let between = Between::before(&ledger.url).await;
    browser.before_each(HASTE.to_owned());
    Some((browser, directory, ledger, between))
}

/// Shows a page while the server lies about what begins so, and waits for the sentences.
async fn says(browser: &mut Browser, between: &Between, fragment: &str, path: &str, lie: Lie, wanted: &str) {
    println!("{fragment}, {path}: {wanted}");
    between.tell(&[(path, lie)]);
    browser.open_afresh(&format!("{}/{fragment}", between.url), 1280, "light").await;
    let text = sees(browser, wanted).await;
    assert!(!text.contains("✓ Fits") || !path.contains("history"), "{text}");
}

const FAULT: &str = "A fault of the ledger. | Try again";
const AWAY: &str = "The server does not answer since | Trying again in";
const BROKE_OFF: &str = "The answer of the server broke off. | Try again";

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_that_is_none_has_its_sentence_and_the_other_parts_stay() {
    let Some((mut browser, _directory, _ledger, between)) = between().await else { return };
    let frame = format!("#/p/{FRAME}");
    let prices = format!("/products/{FRAME}/prices");
    let stays = "Try again | What happened | 12 commits";
    for (lie, wanted) in [
        (
            Lie::Problem(500, "internal"),
            "Whoever runs it finds it by the reference. | Reference 01M8XREFERENCE",
        ),
        (Lie::Problem(401, "unauthorized"), "Your sign-in is not accepted."),
        (Lie::Page(500), "Something between you and the ledger answered (500)."),
        (Lie::Page(200), "Something between you and the ledger answered (200)."),
        (Lie::Cut, BROKE_OFF),
    ] {
        says(&mut browser, &between, &frame, &prices, lie, &format!("{wanted} | {stays}")).await;
    }
    for (lie, wanted) in [
        (Lie::Problem(503, "unavailable"), AWAY),
        (Lie::Page(502), AWAY),
        (Lie::Silent, AWAY),
        (Lie::Busy(503, 9), "The server is busy; again in"),
        (Lie::Busy(429, 9), "The server is busy; again in"),
    ] {
        says(&mut browser, &between, &frame, &prices, lie, &format!("{wanted} | 12 commits")).await;
    }
    let history = format!("/products/{FRAME}/history");
    let refused = "Your sign-in may not read this. | products/audit | Prior price: $1,249.00";
    says(&mut browser, &between, &frame, &history, Lie::Problem(403, "forbidden"), refused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_page_says_what_the_server_did_not_answer() {
    let Some((mut browser, _directory, _ledger, between)) = between().await else { return };
    let fault = || Lie::Problem(500, "internal");
    let not_checked = "The log could not be checked";
    for (fragment, path, lie, wanted) in [
        (
            "#/p/helm",
            "/nothing",
            Lie::Silent,
            "No product has the id helm. | Ids distinguish upper and lower case.",
        ),
        ("#/ledger", "/commits", fault(), FAULT),
        ("#/ledger", "/commits", Lie::Cut, BROKE_OFF),
        ("#/catalogue", "/products", fault(), FAULT),
        ("#/proof", "/log/checkpoint", fault(), "log/checkpoint was answered 500. | Try again"),
        ("#/proof", "/log/checkpoint", Lie::Cut, not_checked),
        ("#/proof", "/log/checkpoint", Lie::Silent, not_checked),
        (
            "#/ledger",
            "/ui/config.json",
            Lie::Silent,
            "Nothing to show yet. | The server does not answer since",
        ),
        (
            "#/ledger",
            "/ui/config.json",
            Lie::Page(502),
            "Nothing to show yet. | The server does not answer since",
        ),
    ] {
        says(&mut browser, &between, fragment, path, lie, wanted).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_waited_goes_on_by_itself_once_the_server_answers() {
    let Some((mut browser, _directory, _ledger, between)) = between().await else { return };
    between.tell(&[("/ui/config.json", Lie::Page(502))]);
    browser.open_afresh(&format!("{}/#/ledger", between.url), 1280, "light").await;
    sees(&mut browser, "Nothing to show yet.").await;
    between.tell(&[]);
    press(&mut browser, "Now").await;
    sees(&mut browser, "22 commits, newest").await;
}

/// The scripts of a page that are loaded when it is opened.
fn later_scripts() -> Vec<String> {
    let built = std::env::var_os("LEDGER_PAGES")
        .map_or_else(|| crate::scenario::repository().join("explorer/dist"), Into::into);
    let names =
        std::fs::read_dir(built).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let names: Vec<String> = names.filter(|name| name.starts_with("Proof-")).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_another_build_no_longer_has_is_said_and_the_page_is_not_reloaded_by_itself() {
    let Some((mut browser, _directory, _ledger, between)) = between().await else { return };
    let gone = format!("/ui/{}", later_scripts()[0]);
    between.tell(&[(&gone, Lie::Problem(404, "not-found"))]);
    browser.open_afresh(&format!("{}/#/ledger", between.url), 1280, "light").await;
    sees(&mut browser, "22 commits").await;
    browser.until("(window.here = true)", |done| *done == true).await;
    browser.go("#/proof").await;
    sees(&mut browser, "This page could not be loaded. Try again").await;
    assert_eq!(browser.until("window.here", Value::is_boolean).await, true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_byte_of_an_answer_is_never_shown_as_whole() {
    let Some((mut browser, _directory, _ledger, between)) = between().await else { return };
    let history = format!("/products/{FRAME}/history");
    // A price, a person, a time, a link of the chain, and the hash that a commit carries, as the history answers them.
    for change in [
        Lie::Changed("1301.3636", "1301.3637"),
        Lie::Changed("maria.lopez", "maria.lopes"),
        Lie::Changed("2026-08-19T14:10:00", "2026-08-19T14:10:01"),
        Lie::Changed("\"sequence\":5", "\"sequence\":4"),
        Lie::Changed("\"previous_hash\":\"a", "\"previous_hash\":\"b"),
        Lie::Changed("\"hash\":\"", "\"hash\":\"0"),
    ] {
        between.tell(&[(&history, change)]);
        browser.open_afresh(&format!("{}/#/p/{FRAME}", between.url), 1280, "light").await;
        let text = sees(&mut browser, "What happened | Proof").await;
        assert!(!text.contains("✓ Fits"), "{text}");
        let told = |text: &Value| {
            let text = text.as_str().unwrap_or_default();
            text.contains("does not fit") || text.contains("cannot be checked")
        };
        let text = browser.until(super::TEXT, told).await;
        assert!(!text.as_str().unwrap().contains("✓ Fits"), "{text}");
    }
    // The list of all commits: what is shown is what is hashed, and not what another route answers.
    between.tell(&[("/commits", Lie::Changed("1199.00", "1198.00"))]);
    browser.open_afresh(&format!("{}/#/ledger?open=20", between.url), 1280, "light").await;
    let text = sees(&mut browser, "$1,198.00 | ✕").await;
    assert!(!text.contains("✓ checked in this browser"), "{text}");
    browser.go("#/proof").await;
    press(&mut browser, "Check all 22").await;
    let text = sees(&mut browser, "Does not fit. | contradict each other").await;
    assert!(!text.contains("It fits together."), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_left_out_or_put_in_another_place_does_not_fit() {
    let Some((mut browser, _directory, _ledger, between)) = between().await else { return };
    let history = format!("/products/{FRAME}/history");
    // The page asks for the commits after the first one and gets those: each hashes to what it carries, and none has its place.
    between.tell(&[(&history, Lie::From(format!("{}/later", shifted(&between).await)))]);
    browser.open_afresh(&format!("{}/#/p/{FRAME}", between.url), 1280, "light").await;
    let text = sees(&mut browser, "does not fit").await;
    assert!(!text.contains("✓ Fits"), "{text}");
}

/// A server that answers a history with its second and third commit exchanged.
async fn shifted(between: &Between) -> String {
    let (url, http) = (between.url.clone(), reqwest::Client::new());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = format!("http://{}", listener.local_addr().unwrap());
    let whole = http.get(format!("{url}/products/{FRAME}/history?limit=50")).send().await.unwrap();
    let mut page: Value = serde_json::from_str(&whole.text().await.unwrap()).unwrap();
    page["commits"].as_array_mut().unwrap().swap(1, 2);
    let router = axum::Router::new().fallback(move || {
        let page = page.clone();
        async move { axum::Json(page) }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    own
}

/// A copy of a ledger as it is now, served beside it.
fn copied(ledger: &mut Ledger, to: &std::path::Path) -> Ledger {
    assert_eq!(ledger.terminate(), Some(0));
    copy(&ledger.data, to);
    ledger.restart();
    Ledger::on(to.to_owned())
}

/// Waits until the log has so many entries.
async fn logs(ledger: &Ledger, size: u64) {
    let wanted = format!("\n{size}\n");
    let started = std::time::Instant::now();
    loop {
        let answer = ledger.http.get(format!("{}/log/checkpoint", ledger.url)).send().await.unwrap();
        if answer.text().await.unwrap().contains(&wanted) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "the log has not {size} entries");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_rolled_back_rewritten_or_signed_by_another_key_is_named() {
    let Some(mut browser) = browser().await else { return };
    let (directory, mut ledger) = told();
    logs(&ledger, 22).await;
    let older = copied(&mut ledger, &directory.path().join("older"));
    // The same log goes on in two ways.
    let rewritten = copied(&mut ledger, &directory.path().join("rewritten"));
    ledger.send("PUT", "/products/new", r#"{"name":"New","price":"1"}"#).await;
    rewritten.send("PUT", "/products/other", r#"{"name":"Other","price":"2"}"#).await;
    logs(&ledger, 23).await;
    logs(&rewritten, 23).await;
    let (_folder, other) = told();
    logs(&other, 22).await;
    for (next, wanted) in [
        (&older, "Does not fit. | is not the beginning of today's"),
        (&rewritten, "Does not fit. | is not the beginning of today's"),
        (&other, "than the one you"),
    ] {
        let between = Between::before(&ledger.url).await;
        browser.open_afresh(&format!("{}/#/proof", between.url), 1280, "light").await;
        sees(&mut browser, "It fits together. | It keeps one now.").await;
        between.tell(&[("/log/", Lie::From(next.url.clone())), ("/commits", Lie::From(next.url.clone()))]);
        browser.open_beside(&format!("{}/#/proof", between.url), 1280, "light").await;
        let text = sees(&mut browser, wanted).await;
        assert!(!text.contains("Nothing was removed") && !text.contains("It fits together."), "{text}");
    }
}
