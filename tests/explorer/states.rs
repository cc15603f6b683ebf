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

/// Whether a page says that a product's commits fit.
fn is_called_whole(text: &str) -> bool {
    text.contains("✓ Fits") || text.contains("✓ Whole")
}

/// Shows a page while the server lies about what begins so, and waits for the sentences.
async fn says(browser: &mut Browser, between: &Between, fragment: &str, path: &str, lie: Lie, wanted: &str) {
    println!("{fragment}, {path}: {wanted}");
    between.tell(&[(path, lie)]);
    browser.open_afresh(&format!("{}/{fragment}", between.url), 1280, "light").await;
    let text = sees(browser, wanted).await;
    assert!(!is_called_whole(&text) || !path.contains("history"), "{text}");
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
async fn a_log_that_is_refused_is_never_called_signed() {
    let Some((mut browser, _directory, _ledger, between)) = between().await else { return };
    for (status, kind) in [
        (401, "unauthorized"),
        (403, "forbidden"),
        (404, "no-log"),
        (429, "too-many-requests"),
        (500, "internal"),
        (503, "unavailable"),
    ] {
        let said = format!(
            "The log could not be checked: log/checkpoint was answered {status}. | Try again | Not checked yet"
        );
        let lie = || Lie::Problem(status, kind);
        says(&mut browser, &between, "#/proof", "/log/checkpoint", lie(), &said).await;
        // The rest of the ledger is shown, and not under a seal.
        says(&mut browser, &between, "#/ledger", "/log/checkpoint", lie(), "22 commits | Not checked yet")
            .await;
        let text = sees(&mut browser, "22 commits").await;
        assert!(!text.contains("Signed") && !text.contains("It fits together"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_that_is_denied_and_a_version_that_never_was_are_said_and_nothing_takes_their_place() {
    let Some((mut browser, _directory, _ledger, between)) = between().await else { return };
    let (frame, product) = (format!("#/p/{FRAME}"), format!("/products/{FRAME}"));
    let denied = Lie::Problem(404, "product-not-found");
    let wanted = format!("No product has the id {FRAME}. | Ids distinguish upper and lower case.");
    says(&mut browser, &between, &frame, &format!("{product}?"), denied, &wanted).await;
    between.tell(&[]);
    browser.open_afresh(&format!("{}/{frame}?v=99", between.url), 1280, "light").await;
    let text = sees(&mut browser, "This product never had version 99; the newest is 12.").await;
    assert!(!text.contains("$1,199.00 since"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_while_the_server_was_away_is_told_when_it_is_back() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    let between = Between::before(&ledger.url).await;
    // What is told for a moment is noted.
    let note = "(() => { globalThis.told = []; new MutationObserver(() => { \
        const text = document.querySelector('.toast')?.textContent.trim(); \
        if (text && told.at(-1) !== text) told.push(text); }) \
        .observe(document, { childList: true, subtree: true, characterData: true }); })()";
    browser.before_each(note.to_owned());
    browser.open_afresh(&format!("{}/#/ledger", between.url), 1280, "light").await;
    sees(&mut browser, "22 commits, newest").await;
    between.tell(&[("/", Lie::Page(502))]);
    // The poll that is open ends with what is new, and the next one finds no server.
    ledger.send("PUT", "/products/first", r#"{"name":"First","price":"1"}"#).await;
    sees(&mut browser, AWAY).await;
    for id in ["second", "third"] {
        ledger.send("PUT", &format!("/products/{id}"), r#"{"name":"Late","price":"1"}"#).await;
    }
    between.tell(&[]);
    let has =
        |told: &Value| told.as_array().is_some_and(|told| told.contains(&"Back. 2 new commits.".into()));
    browser.until("globalThis.told", has).await;
    let text = sees(&mut browser, "25 commits").await;
    assert!(!text.contains("does not answer"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_removed_and_what_was_not_there_yet_is_shown_as_that() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    ledger.send("PUT", "/products/gone", r#"{"name":"Gone","price":"9"}"#).await;
    ledger.send("DELETE", "/products/gone", "").await;
    browser.open_afresh(&format!("{}/#/p/gone", ledger.url), 1280, "light").await;
    sees(
        &mut browser,
        "□ Removed | by anonymous | $9.00 before it was removed | Before it was removed price | 2 commits",
    )
    .await;
    browser.go("#/p/gone?v=2").await;
    sees(&mut browser, "You see this product at version 2. | Not in the catalogue | 2 of 2 commits by then")
        .await;
    let frame = format!("#/p/{FRAME}");
    for (moment, wanted) in [
        (
            "2025-12-15T23:59:59.999Z",
            "□ Not in the catalogue | On 15 Dec 2025 it was not in the catalogue. | of 12 commits by then",
        ),
        (
            "2010-01-01T00:00:00Z&clock=recorded",
            "The ledger has this product since | Go there | Nothing was recorded by then. | 0 of 12 commits by then",
        ),
        (
            "2024-06-01T23:59:59.999Z",
            "● In the catalogue | Commit 3 is entry | 3 of 12 commits by then | of 3 events",
        ),
    ] {
        browser.go(&format!("{frame}?at={moment}")).await;
        let text = sees(&mut browser, wanted).await;
        assert!(!text.contains("There is no such product"), "{text}");
    }
    press(&mut browser, "Show the later ones").await;
    sees(&mut browser, "Hide the later ones | $1,349.00 → $1,199.00").await;
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
async fn another_build_is_said_with_a_way_to_load_it() {
    let Some((mut browser, _directory, ledger, between)) = between().await else { return };
    browser.open_afresh(&format!("{}/#/ledger", between.url), 1280, "light").await;
    sees(&mut browser, "22 commits").await;
    browser.until("(window.here = true)", |done| *done == true).await;
    let build = ledger.get("/ui/config.json").await.1["build"].as_str().unwrap().to_owned();
    let build: &'static str = build.leak();
    let gone = format!("/ui/{}", later_scripts()[0]);
    between.tell(&[
        (&gone, Lie::Problem(404, "not-found")),
        ("/ui/config.json", Lie::Changed(build, "9.9.9+another")),
    ]);
    browser.go("#/proof").await;
    let wanted = "This ledger runs a newer version now. Load it | This page could not be loaded. | \
                  belongs to a version that this ledger does not run any more";
    sees(&mut browser, wanted).await;
    assert_eq!(browser.until("window.here", Value::is_boolean).await, true);
    between.tell(&[]);
    press(&mut browser, "Load it").await;
    sees(&mut browser, "Nothing was removed or changed since your last visit.").await;
    assert_eq!(browser.until("window.here ?? null", |_| true).await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_byte_of_the_log_is_never_shown_as_whole() {
    let Some((mut browser, _directory, ledger, between)) = between().await else { return };
    logs(&ledger, 22).await;
    for path in ["/log/checkpoint", "/log/key"] {
        for share in [0, 300, 500, 700, 900] {
            between.tell(&[(path, Lie::Flipped(share))]);
            browser.open_afresh(&format!("{}/#/proof", between.url), 1280, "light").await;
            let text = sees(&mut browser, "Does not fit.").await;
            assert!(!text.contains("It fits together") && !text.contains("Signed"), "{path} {share}: {text}");
        }
    }
    // Without a kept checkpoint no tile is needed for the verdict, but for the path of a commit.
    for share in [0, 500, 950] {
        between.tell(&[("/log/tile/0", Lie::Flipped(share))]);
        browser.open_afresh(&format!("{}/#/proof?position=21", between.url), 1280, "light").await;
        let text = sees(&mut browser, "It does not lead to the signed root.").await;
        assert!(!text.contains("It is entry"), "{share}: {text}");
    }
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
        assert!(!is_called_whole(&text), "{text}");
        let told = |text: &Value| {
            let text = text.as_str().unwrap_or_default();
            text.contains("does not fit") || text.contains("cannot be checked")
        };
        let text = browser.until(super::TEXT, told).await;
        assert!(!is_called_whole(text.as_str().unwrap()), "{text}");
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
    assert!(!is_called_whole(&text), "{text}");
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

/// A ledger with a product, whose log has a name that somebody chose; of each there is another key.
async fn named_alike() -> Ledger {
    let ledger = Ledger::start_with(&["--log-origin", "ledger.example.com/log"], &[]);
    ledger.send("PUT", "/products/p", r#"{"name":"Helmet","price":"1"}"#).await;
    logs(&ledger, 1).await;
    ledger
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_under_the_same_name_is_said_and_trusted_only_by_a_typed_word() {
    let Some(mut browser) = browser().await else { return };
    let (ledger, other) = (named_alike().await, named_alike().await);
    let between = Between::before(&ledger.url).await;
    browser.open_afresh(&format!("{}/#/proof", between.url), 1280, "light").await;
    sees(&mut browser, "It fits together. | It keeps one now.").await;
    between.tell(&[("/log/", Lie::From(other.url.clone())), ("/commits", Lie::From(other.url.clone()))]);
    browser.open_beside(&format!("{}/#/proof", between.url), 1280, "light").await;
    let another = "Signed by another key. | not the key that you trusted on | by another way, whether it was changed | \
                   ! Another key";
    let text = sees(&mut browser, another).await;
    assert!(!text.contains("Nothing was removed") && !text.contains("It fits together."), "{text}");
    press(&mut browser, "Trust it").await;
    sees(&mut browser, another).await;
    browser.until("document.querySelector('.trust input').focus() ?? true", |done| *done == true).await;
    browser.type_in("trust").await;
    press(&mut browser, "Trust it").await;
    sees(&mut browser, "Nothing was removed or changed since your last visit.").await;
    // The key that was trusted before stays on record.
    let keys = "Object.values(JSON.parse(localStorage.getItem('ledger/')).logs).flatMap(log => \
        [log, ...(log.before ?? [])]).map(log => log.key)";
    let kept = browser.until(keys, Value::is_array).await;
    let mut expected = Vec::new();
    for one in [&other, &ledger] {
        let key = one.http.get(format!("{}/log/key", one.url)).send().await.unwrap().text().await.unwrap();
        expected.push(key.split(' ').next().unwrap().to_owned());
    }
    assert_eq!(kept, serde_json::json!(expected));
}

/// The text in the field of the comparison, and what is said of it.
async fn compares(browser: &mut Browser, text: &str, wanted: &str) {
    let paste = format!(
        "(() => {{ const box = document.querySelector('.compare'); if (!box) return false; box.open = true; \
            const field = box.querySelector('textarea'); field.value = {}; \
            field.dispatchEvent(new Event('input', {{ bubbles: true }})); return true; }})()",
        serde_json::json!(text)
    );
    browser.until(&paste, |done| *done == true).await;
    press(browser, "Compare").await;
    sees(browser, wanted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_a_proof_and_an_export_that_somebody_kept_are_compared_with_the_log() {
    let Some(mut browser) = browser().await else { return };
    let (directory, mut ledger) = told();
    logs(&ledger, 22).await;
    let other = copied(&mut ledger, &directory.path().join("other"));
    let text = async |ledger: &Ledger, path: &str| {
        ledger.http.get(format!("{}{path}", ledger.url)).send().await.unwrap().text().await.unwrap()
    };
    let old = text(&ledger, "/log/checkpoint").await;
    let proof = text(&ledger, &format!("/products/{FRAME}/history/12/proof")).await;
    let export = ledger.operate(&["export", "-o", "-"]);
    let export = String::from_utf8(export.stdout).unwrap();
    assert_eq!(export.lines().count(), 22, "{export}");
    ledger.send("PUT", "/products/new", r#"{"name":"New","price":"1"}"#).await;
    other.send("PUT", "/products/other", r#"{"name":"Other","price":"2"}"#).await;
    logs(&ledger, 23).await;
    logs(&other, 23).await;
    let rival = text(&other, "/log/checkpoint").await;
    let (_folder, another) = told();
    logs(&another, 22).await;
    let foreign = text(&another, "/log/checkpoint").await;
    browser.open_afresh(&format!("{}/#/proof", ledger.url), 1280, "light").await;
    sees(&mut browser, "It fits together.").await;
    let fits = "✓ It fits the file. | The log of 22 commits in the";
    compares(&mut browser, &old, fits).await;
    compares(&mut browser, &format!("\n{}\n\n", old.replace('\n', "\r\n")), fits).await;
    compares(
        &mut browser,
        &proof,
        "✓ It fits the file. | 22 commits in the proof is the beginning of today's, which has 23.",
    )
    .await;
    compares(
        &mut browser,
        &export,
        "✓ It fits the file. | All 22 commits of 9 products in the file are in this ledger",
    )
    .await;
    compares(
        &mut browser,
        &rival,
        "✕ Does not fit. | 23 commits in the checkpoint is not the beginning of today's",
    )
    .await;
    compares(&mut browser, &foreign, "! This is another log than that of the file.").await;
    compares(&mut browser, "22", "! Not compared. | This is no checkpoint, proof or export").await;
    compares(
        &mut browser,
        &export.replace("1301.3636", "1301.3637"),
        "! Not compared. | The file does not fit together",
    )
    .await;
    // Of the other ledger, whose commits after the same ones are others.
    let later = String::from_utf8(other.operate(&["export", "-o", "-"]).stdout).unwrap();
    compares(
        &mut browser,
        &later,
        "✕ Does not fit. | Commit 1 of product other in the file is not in this ledger.",
    )
    .await;
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
