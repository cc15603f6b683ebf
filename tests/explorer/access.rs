//! Everybody can use the pages: whatever state they are in, whichever colours are forced, at twice the size, by the keyboard alone and
//! without motion.

use serde_json::Value;

use super::between::{Between, Lie};
use super::questions::sees;
use super::story::{FRAME, told};
use super::{axe, has_no_barriers, pages};
use crate::browser::browser;
use crate::browser::devtools::Browser;
use crate::scenario::Ledger;

/// Screens, with what the user prefers on them.
const SCREENS: [(u32, &str, &str); 4] =
    [(1280, "light", "none"), (1280, "dark", "none"), (390, "light", "none"), (1280, "light", "active")];

/// Has axe-core look at pages on every screen, each once it shows what it has to.
async fn looks(browser: &mut Browser, url: &str, pages: &[(&str, &str)]) {
    let Some(axe) = axe() else { return };
    for (width, colours, forced) in SCREENS {
        for (fragment, wanted) in pages {
            browser.open_afresh(&format!("{url}/{fragment}"), width, colours).await;
            browser.prefer(&[("prefers-color-scheme", colours), ("forced-colors", forced)]).await;
            sees(browser, wanted).await;
            // Its name is in the navigation too, before the page itself is there.
            browser.until("document.querySelector('h1') !== null", |is_there| *is_there == true).await;
            has_no_barriers(
                browser,
                Some(&axe),
                &format!("{fragment} at {width}, {colours}, forced: {forced}"),
            )
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_an_empty_ledger_have_no_barriers() {
    let Some(mut browser) = browser().await else { return };
    let ledger = Ledger::start();
    let between = Between::before(&ledger.url).await;
    let empty = [
        ("#/", "This ledger is empty."),
        ("#/p/helmet", "No product has the id helmet."),
        ("#/proof", "Proof"),
        ("#/keys", "What it does"),
        ("#/about", "What is kept in this browser"),
    ];
    looks(&mut browser, &between.url, &empty).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_the_server_fails_have_no_barriers() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    let between = Between::before(&ledger.url).await;
    let internal = || Lie::Problem(500, "internal");
    between.tell(&[
        ("/commits", internal()),
        ("/products?", internal()),
        ("/products/hl-road-frame-red-62/", internal()),
        ("/log/", internal()),
    ]);
    let product = format!("#/p/{FRAME}");
    let failing = [
        ("#/ledger", "A fault of the ledger."),
        ("#/catalogue", "A fault of the ledger."),
        (&*product, "A fault of the ledger."),
        ("#/proof", "The log could not be checked"),
    ];
    looks(&mut browser, &between.url, &failing).await;
    between.tell(&[("/ui/config.json", Lie::Page(502))]);
    looks(&mut browser, &between.url, &[("#/", "Nothing to show yet.")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_have_no_barriers_in_forced_colours_do_not_move_and_fit_at_twice_the_size() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    let url = super::between::front(&ledger.url).await;
    let axe = axe();
    for (name, fragment, wanted) in pages() {
        // 1280 pixels at twice the size are 640.
        browser.open_afresh(&format!("{url}/{fragment}"), 640, "light").await;
        browser.prefer(&[("forced-colors", "active"), ("prefers-reduced-motion", "reduce")]).await;
        sees(&mut browser, &wanted.join(" | ")).await;
        let over = "document.documentElement.scrollWidth - innerWidth";
        let over = browser.until(over, Value::is_number).await;
        assert!(over.as_i64().unwrap() <= 0, "{name} is too wide by {over}");
        let moving = "document.getAnimations().filter(one => one.playState === 'running').length";
        assert_eq!(browser.until(moving, Value::is_number).await, 0, "{name} moves");
        has_no_barriers(&mut browser, axe.as_deref(), &format!("{name} in forced colours")).await;
    }
}

/// Notes each element that gets the focus.
const NOTED: &str = "(() => { window.reached = new Set(); \
    document.addEventListener('focusin', event => reached.add(event.target)); return true; })()";

/// The words of what can be pressed and never had the focus; one of a group of switches is enough.
const MISSED: &str = "[...document.querySelectorAll('a[href], button, input, select, summary')] \
    .filter(one => one.checkVisibility({ visibilityProperty: true }) && !one.disabled && one.tabIndex >= 0 && !reached.has(one)) \
    .map(one => one.outerHTML.slice(0, 120))";

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_can_be_pressed_is_reached_by_tab_and_shows_that_it_has_the_focus() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    let url = super::between::front(&ledger.url).await;
    for (name, fragment, wanted) in pages() {
        browser.open_afresh(&format!("{url}/{fragment}"), 1280, "light").await;
        sees(&mut browser, &wanted.join(" | ")).await;
        browser.until(NOTED, |noted| *noted == true).await;
        let mut steps = 0;
        while browser.until(MISSED, Value::is_array).await != Value::Array(Vec::new()) {
            browser.press("Tab").await;
            let ring = "document.activeElement === document.body || \
                getComputedStyle(document.activeElement).outlineStyle !== 'none'";
            assert_eq!(browser.until(ring, Value::is_boolean).await, true, "{name}, step {steps}: no ring");
            steps += 1;
            let missed = browser.until(MISSED, Value::is_array).await;
            assert!(steps < 300, "{name}: Tab does not reach {missed}");
        }
    }
}
