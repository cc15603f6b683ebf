//! A press is never lost: what somebody is about to press stays where it is while answers come, the focus stays where its owner put it,
//! and a press elsewhere closes a panel without being swallowed.

use serde_json::{Value, json};

use super::between::{Between, Lie, front};
use super::questions::{pressable, sees};
use super::story::{FRAME, told};
use super::{press, shows};
use crate::browser::browser;
use crate::browser::devtools::Browser;
use crate::scenario::Ledger;

/// Where something is, from the top of the window.
async fn top(browser: &mut Browser, element: &str) -> Value {
    browser.until(&format!("({element})?.getBoundingClientRect().top"), Value::is_number).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pressed_next_stays_where_it_is_while_a_filter_is_answered() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    let between = Between::before(&ledger.url).await;
    for width in [1280, 390] {
        browser.open_afresh(&format!("{}/", between.url), width, "light").await;
        sees(&mut browser, "22 commits, newest").await;
        let when = pressable("When");
        let before = top(&mut browser, &when).await;
        between.tell(&[("/commits?", Lie::Silent)]);
        browser.click(&pressable("Removed")).await;
        browser.until("!!document.querySelector('main .waiting')", |waits| *waits == true).await;
        assert_eq!(top(&mut browser, &when).await, before, "while it is asked for, at {width}");
        between.tell(&[]);
        // Taken away and set again, it is asked for anew.
        press(&mut browser, "Removed").await;
        press(&mut browser, "Removed").await;
        sees(&mut browser, "1 of 22 commits").await;
        assert_eq!(top(&mut browser, &when).await, before, "when it is answered, at {width}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_commits_that_wait_move_no_row() {
    let Some(mut browser) = browser().await else { return };
    let ledger = Ledger::start();
    ledger.send("PUT", "/products/helmet", r#"{"name":"Helmet","price":"34.99"}"#).await;
    browser.open_afresh(&format!("{}/#/ledger?open=0", front(&ledger.url).await), 1280, "light").await;
    sees(&mut browser, "checked in this browser").await;
    let row = "document.querySelector('[data-row]')";
    let before = top(&mut browser, row).await;
    ledger.send("PATCH", "/products/helmet", r#"{"price":"29.99"}"#).await;
    sees(&mut browser, "1 new commit").await;
    assert_eq!(top(&mut browser, row).await, before);
    // One commit is one, on the seal too.
    let seal = "document.querySelector('.seal').getAttribute('aria-label')";
    browser.until(seal, |words| *words == "Proof: Signed · 2 commits").await;
}

/// Lets the page do what it does a moment after a change: the timers that it had set, and those of them that set more.
const SETTLED: &str = "(window.settles ??= (setTimeout(() => { window.isSettled = true; }, 2000), true)) && \
    window.isSettled === true";

#[tokio::test(flavor = "multi_thread")]
async fn the_focus_stays_on_a_filter_that_was_pressed_and_goes_to_the_heading_of_another_page() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    browser.open_afresh(&format!("{}/", front(&ledger.url).await), 1280, "light").await;
    sees(&mut browser, "22 commits, newest").await;
    let late = pressable("Entered late");
    browser.tab_to(&late).await;
    browser.press("Enter").await;
    sees(&mut browser, "2 of 22 commits").await;
    browser.until(SETTLED, |settled| *settled == true).await;
    browser.until(&format!("document.activeElement === ({late})"), |has_focus| *has_focus == true).await;
    browser.press("g").await;
    browser.press("c").await;
    browser
        .until("document.activeElement.outerHTML", |focus| *focus == "<h1 tabindex=\"-1\">Catalogue</h1>")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_elsewhere_closes_a_panel_and_does_what_it_is_for() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    // On a phone the filters stand in several lines while a panel is open, and in one when it is not: what is pressed moves.
    browser.open_afresh(&format!("{}/", front(&ledger.url).await), 390, "light").await;
    sees(&mut browser, "22 commits, newest").await;
    browser.click(&pressable("What")).await;
    sees(&mut browser, "Restored").await;
    browser.click(&pressable("When")).await;
    let text = sees(&mut browser, "Yesterday").await;
    assert!(!text.contains("Restored"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_menu_stays_beside_a_seal_of_many_words() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    for width in [390, 320] {
        browser.open_afresh(&format!("{}/", front(&ledger.url).await), width, "light").await;
        sees(&mut browser, "22 commits, newest").await;
        browser
            .until("document.querySelector('.seal')?.textContent ?? ''", |words| {
                words.as_str().unwrap().contains("Signed")
            })
            .await;
        let beside = "(() => { const words = document.querySelector('.seal-words'); words.textContent = 'Unsigned for 12 minutes and 30 seconds'; \
            const [seal, menu] = ['.seal', '.top > .popover'].map(name => document.querySelector(name).getBoundingClientRect()); \
            return [menu.top < seal.bottom && seal.top < menu.bottom, seal.right <= menu.left, document.documentElement.scrollWidth <= innerWidth]; })()";
        assert_eq!(browser.until(beside, Value::is_array).await, json!([true, true, true]), "at {width}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_is_offered_once_the_log_has_the_commit_and_then_the_product_is_whole() {
    let Some(mut browser) = browser().await else { return };
    let ledger = Ledger::start();
    ledger.send("PUT", "/products/helmet", r#"{"name":"Helmet","price":"34.99"}"#).await;
    let between = Between::before(&ledger.url).await;
    browser.open_afresh(&format!("{}/#/p/helmet?commit=1", between.url), 1280, "light").await;
    sees(&mut browser, "✓ Whole | Commit 1 is entry 0 of the signed log of 1 commit. | Download proof").await;
    let seal = "document.querySelector('.seal').getAttribute('aria-label')";
    browser.until(seal, |words| *words == "Proof: Signed · 1 commit").await;
    // The page learns of a commit that the checkpoint it has does not cover.
    between.tell(&[("/log/", Lie::Silent)]);
    ledger.send("PATCH", "/products/helmet", r#"{"price":"29.99"}"#).await;
    browser.go("#/p/helmet?commit=2").await;
    let text =
        sees(&mut browser, "All 2 commits | ✓ Fits | Commit 2 is not in the signed log yet. | Published")
            .await;
    assert!(!text.contains("Download proof") && !text.contains("✓ Whole"), "{text}");
    between.tell(&[]);
    browser.open_beside(&format!("{}/#/p/helmet?commit=2", between.url), 1280, "light").await;
    shows(&mut browser, &["✓ Whole", "Commit 2 is entry 1 of", "Download proof"]).await;
}

/// The two moments of the range in the address.
async fn range(browser: &mut Browser) -> [String; 2] {
    let hash = "decodeURIComponent(/range=([^&]*)/.exec(location.hash)?.[1] ?? '')";
    let found = browser.until(hash, |range| range.as_str().is_some_and(|range| range.contains('~'))).await;
    let (from, to) = found.as_str().unwrap().split_once('~').unwrap();
    [from.to_owned(), to.to_owned()]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_chart_shows_is_chosen_by_two_handles_and_stands_in_the_address() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    let url = front(&ledger.url).await;
    browser.open_afresh(&format!("{url}/#/p/{FRAME}?range=all"), 1280, "light").await;
    sees(&mut browser, "Prior price: $1,249.00").await;
    let handle = |which: &str| {
        format!("document.querySelector('.overview input[aria-label=\"The chart {which} on\"]')")
    };
    let says = |which: &str| format!("{}.getAttribute('aria-valuetext')", handle(which));
    // By keys: a month, a day, and to the end.
    browser.until(&says("begins"), |day| *day == "30 May 2022").await;
    browser.tab_to(&handle("begins")).await;
    for _ in 0..12 {
        browser.press("PageUp").await;
    }
    browser.press("ArrowRight").await;
    browser.until(&says("begins"), |day| *day == "26 May 2023").await;
    let [from, _] = range(&mut browser).await;
    assert_eq!(from, "2023-05-26T00:00:00.000Z");
    browser.tab_to(&handle("ends")).await;
    browser.press("PageDown").await;
    let to = range(&mut browser).await[1].clone();
    // The axis begins where the handle stands, no range has its name, and the address shows a fresh browser the same.
    let pressed = "document.querySelectorAll('[aria-label=Range] [aria-pressed=true]').length";
    browser.until(pressed, |count| *count == 0).await;
    let least = "document.querySelector('.plot').getAttribute('aria-valuemin')";
    let seconds = chrono::DateTime::parse_from_rfc3339(&from).unwrap().timestamp();
    browser.until(least, |least| *least == json!(seconds.to_string())).await;
    let address = browser.until("location.href", Value::is_string).await.as_str().unwrap().to_owned();
    browser.open_afresh(&address, 1280, "light").await;
    browser.until(least, |least| *least == json!(seconds.to_string())).await;
    browser.until(&says("begins"), |day| *day == "26 May 2023").await;
    // By the mouse: the handle is drawn to the middle of the strip; the picture follows, and the address when it is let go.
    let thumb = "(() => { const one = document.querySelector('.overview input'); one.scrollIntoView({ block: 'center' }); \
        const box = one.getBoundingClientRect(); const share = one.value / one.max; \
        return [box.x + 12 + share * (box.width - 24), box.y + box.height / 2, box.x + box.width / 2]; })()";
    let place = browser.until(thumb, Value::is_array).await;
    let [x, y, middle] = [0, 1, 2].map(|at| place[at].as_f64().unwrap());
    browser.drag([x, y], [middle, y]).await;
    let moved = format!("location.hash.includes('{}')", &from[..10]);
    browser.until(&moved, |is_same| *is_same == false).await;
    let [later, same] = range(&mut browser).await;
    assert!(later > from && later < to && same == to, "{later} {same}");
    // The handles do not pass each other.
    browser.tab_to(&handle("ends")).await;
    browser.press("Home").await;
    let end = range(&mut browser).await[1].clone();
    assert!(end > later, "{end} {later}");
    for wrong in ["2024-01-01T00:00:00Z~2023-01-01T00:00:00Z", "2024-01-01~2025-01-01", "40d"] {
        browser.go(&format!("#/p/{FRAME}?range={wrong}")).await;
        sees(&mut browser, &format!("This link asks for range={wrong}")).await;
    }
}
