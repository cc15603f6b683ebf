//! Everybody can use the pages: each of them, on a ledger with commits, on an empty one and while the server fails, in the light and in
//! the dark, on a desktop and on phones, in the few colours of a system that forces its own and at twice the size; by the keyboard
//! alone and without motion. And each keeps the policy of the pages.

use serde_json::Value;

use super::between::{Between, Lie, front};
use super::questions::sees;
use super::story::{FRAME, told};
use super::{Guarded, axe, gallery, has_no_barriers};
use crate::browser::browser;
use crate::browser::devtools::Browser;
use crate::scenario::Ledger;

/// A way to look at a page.
struct Mode {
    name: &'static str,
    width: u32,
    colours: &'static str,
    /// Whether the system forces its colours, and its user wants nothing to move.
    is_forced: bool,
}

const fn mode(name: &'static str, width: u32, colours: &'static str) -> Mode {
    Mode { name, width, colours, is_forced: false }
}

/// 640 pixels are a desktop of 1280 at twice the size.
const MODES: [Mode; 6] = [
    mode("light", 1280, "light"),
    mode("dark", 1280, "dark"),
    mode("phone", 390, "light"),
    mode("dark phone", 390, "dark"),
    mode("narrow phone", 320, "light"),
    Mode { name: "forced colours", width: 640, colours: "light", is_forced: true },
];

impl Mode {
    async fn prefer(&self, browser: &mut Browser) {
        let (forced, motion) = if self.is_forced { ("active", "reduce") } else { ("none", "no-preference") };
        let preferences = [
            ("prefers-color-scheme", self.colours),
            ("forced-colors", forced),
            ("prefers-reduced-motion", motion),
        ];
        browser.prefer(&preferences).await;
    }
}

/// A page: its name, its address, and what it shows on the ledger of the story, on an empty ledger, and while the server fails;
/// nothing where it shows then what it shows otherwise.
struct Page {
    name: &'static str,
    path: String,
    filled: &'static str,
    empty: Option<&'static str>,
    failing: Option<&'static str>,
}

const EMPTY: Option<&str> = Some("This ledger is empty.");
const UNKNOWN: Option<&str> = Some("No product has the id hl-road-frame-red-62.");
const FAULT: Option<&str> = Some("A fault of the ledger.");

/// Every page of the explorer, but Sign in, which a ledger has that asks for a token.
fn pages() -> Vec<Page> {
    let product = |rest: &str| format!("#/p/{FRAME}{rest}");
    let compared = "#/catalogue?at=2026-11-28T23:59:59.999Z&clock=recorded&vs=2026-11-20T23:59:59.999Z";
    let page = |name, path: String, filled, empty, failing| Page { name, path, filled, empty, failing };
    vec![
        page(
            "ledger",
            "#/ledger".into(),
            "22 commits | HL Road Frame - Red, 62 | $1,199.00 | price-bot",
            EMPTY,
            FAULT,
        ),
        page(
            "ledger-open",
            "#/ledger?open=21".into(),
            "black-friday-2026 | checked in this browser",
            None,
            None,
        ),
        page(
            "catalogue",
            "#/catalogue".into(),
            "9 products | 红色头盔 | Components / Road Frames",
            EMPTY,
            FAULT,
        ),
        page("comparison", compared.into(), "renamed from | price-bot", None, FAULT),
        page(
            "product",
            product(""),
            "Prior price: $1,249.00 | All 12 commits | of the signed log of 22 commits | Print evidence",
            UNKNOWN,
            FAULT,
        ),
        page("product-table", product("?view=table&range=all"), "Set by | $999.00 | in force", None, None),
        page("product-at", product("?at=2024-06-01T23:59:59.999Z"), "On 1 Jun 2024 it cost", None, FAULT),
        page(
            "product-open",
            product("?commit=12"),
            "PRODUCT_PRICE_CHANGED | checked in this browser",
            None,
            None,
        ),
        page(
            "evidence",
            product("/evidence"),
            "Checked. | SHA-256 of the commit",
            Some("Evidence sheet | Try again"),
            FAULT,
        ),
        page(
            "proof",
            "#/proof".into(),
            "Keep this | It is entry 21 of the 22",
            Some("Proof"),
            Some("The log could not be checked"),
        ),
        page(
            "health",
            "#/health".into(),
            "Signed log | This server | none seen",
            Some("Signed log | This server"),
            FAULT,
        ),
        page("keys", "#/keys".into(), "What it does", None, None),
        page("about", "#/about".into(), "What is kept in this browser", None, None),
        page("runbook", "ui/runbook.html#a-product-is-parked".into(), "A product is parked", None, None),
    ]
}

/// Looks at pages in every mode, each once it shows what it has to: it has no barriers, is not too wide, and nothing moves for
/// whoever wants that. Where nothing fails, no page complains or asks another server.
async fn looks(browser: &mut Browser, url: &str, pages: &[(String, &str, &str)], is_whole: bool) {
    let axe = axe();
    for mode in &MODES {
        for (name, path, wanted) in pages {
            let seen = format!("{name}, {}", mode.name);
            browser.open_afresh(&format!("{url}/{path}"), mode.width, mode.colours).await;
            mode.prefer(browser).await;
            sees(browser, wanted).await;
            // Its name is in the navigation too, before the page itself is there.
            browser.until("document.querySelector('h1') !== null", |is_there| *is_there == true).await;
            if is_whole {
                let (asked, complaints) = browser.heard();
                assert_eq!(complaints, Vec::<Value>::new(), "{seen}");
                let elsewhere =
                    asked.iter().find(|asked| !asked.starts_with(url) && !asked.starts_with("data:"));
                assert_eq!(elsewhere, None, "{seen}");
            }
            is_accessible(browser, axe.as_deref(), mode, name).await;
        }
    }
}

/// Looks at an opened page in every mode, and leaves it as the first of them shows it.
pub async fn fits(browser: &mut Browser, name: &str) {
    let axe = axe();
    for mode in &MODES {
        browser.emulate(mode.width, mode.colours).await;
        mode.prefer(browser).await;
        is_accessible(browser, axe.as_deref(), mode, name).await;
    }
    browser.emulate(MODES[0].width, MODES[0].colours).await;
}

/// The labels of charts that reach beyond their picture.
const CUT: &str = "[...document.querySelectorAll('.chart svg text')].filter(one => { \
    const [own, all] = [one, one.ownerSVGElement].map(part => part.getBoundingClientRect()); \
    return own.left < all.left || own.right > all.right; }).map(one => one.textContent)";

/// The page is not too wide, no label of a chart is cut, nothing moves for whoever wants that, and axe-core finds no barrier.
async fn is_accessible(browser: &mut Browser, axe: Option<&str>, mode: &Mode, name: &str) {
    let seen = format!("{name}, {}", mode.name);
    let over = browser
        .until(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth",
            Value::is_number,
        )
        .await;
    assert!(over.as_i64().unwrap() <= 0, "{seen}: too wide by {over}");
    assert_eq!(browser.until(CUT, Value::is_array).await, Value::Array(Vec::new()), "{seen}: cut labels");
    if mode.is_forced {
        let moving = "document.getAnimations().filter(one => one.playState === 'running').length";
        assert_eq!(browser.until(moving, Value::is_number).await, 0, "{seen}: moves");
    }
    if let Some(folder) = gallery() {
        let picture = browser.picture().await;
        std::fs::write(folder.join(format!("{name}-{}-{}.png", mode.width, mode.colours)), picture).unwrap();
    }
    has_no_barriers(browser, axe, &seen).await;
}

/// Looks at the pages of a ledger that show something of their own in this state.
async fn looks_at_all(
    browser: &mut Browser,
    url: &str,
    state: &str,
    shown: impl Fn(&Page) -> Option<&'static str>,
    is_whole: bool,
) {
    let all = pages();
    let named = |page: &Page| format!("{state}{}", page.name);
    let shown: Vec<_> =
        all.iter().filter_map(|page| Some((named(page), page.path.as_str(), shown(page)?))).collect();
    looks(browser, url, &shown, is_whole).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_every_screen_keeps_its_policy_and_has_no_barriers() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    looks_at_all(&mut browser, &front(&ledger.url).await, "", |page| Some(page.filled), true).await;
    let guarded = Guarded::start().await;
    let asks = [("sign-in".to_owned(), "#/p/helmet", "Sign in to read this ledger. | the product helmet")];
    looks(&mut browser, &front(&guarded.ledger.url).await, &asks, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_an_empty_ledger_have_no_barriers() {
    let Some(mut browser) = browser().await else { return };
    let ledger = Ledger::start();
    // What is not there is answered 404, of which the browser complains.
    looks_at_all(&mut browser, &front(&ledger.url).await, "empty-", |page| page.empty, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_the_server_fails_have_no_barriers() {
    let Some(mut browser) = browser().await else { return };
    let (_directory, ledger) = told();
    let between = Between::before(&ledger.url).await;
    let failing = ["/commits", "/products", "/log/", "/status"];
    between.tell(&failing.map(|path| (path, Lie::Problem(500, "internal"))));
    looks_at_all(&mut browser, &between.url, "failing-", |page| page.failing, false).await;
    between.tell(&[("/ui/config.json", Lie::Page(502))]);
    looks(&mut browser, &between.url, &[("nothing".to_owned(), "#/", "Nothing to show yet.")], false).await;
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
    let url = front(&ledger.url).await;
    for Page { name, path, filled, .. } in pages() {
        browser.open_afresh(&format!("{url}/{path}"), 1280, "light").await;
        sees(&mut browser, filled).await;
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
