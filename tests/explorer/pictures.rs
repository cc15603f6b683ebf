//! Pictures of every page, compared with those of `tests/explorer/pictures`, which `LEDGER_ACCEPT=1` takes over. They are
//! comparable under the version of the browser that took them; under another one they are taken and listed, and not compared.

use std::path::{Path, PathBuf};

use super::png::Picture;
use super::questions::sees;
use super::years::{NOW, years};
use crate::browser::browser;
use crate::browser::devtools::Browser;
use crate::scenario::repository;

/// The clock stands still at this moment, and nothing differs from run to run: not what the log signs, nor how long a check took.
fn still() -> String {
    format!(
        "(() => {{ const Real = Date; const now = Real.parse('{NOW}'); \
            globalThis.Date = class extends Real {{ \
                constructor(...given) {{ if (given.length === 0) super(now); else super(...given); }} \
                static now() {{ return now; }} }}; }})()"
    )
}

/// Gives the page the fonts that every machine has, and takes away what differs from run to run, such as a phone's scroll bar, which fades.
const SETTLED: &str = r"(() => {
    if (!window.dressed) {
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(`* { font-family: 'Liberation Sans' !important; caret-color: transparent !important; }
            code, pre, kbd, .sku, .code, small { font-family: 'Liberation Mono' !important; }
            @media (max-width: 600px) { * { scrollbar-width: none } }`);
        document.adoptedStyleSheets = [sheet];
        window.dressed = true;
    }
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const node = texts.currentNode;
        const own = node.data
            .replace(/\b[0-9]+ ms\b/g, '9 ms')
            .replace(/(less than )?\b[0-9.]+ s\b/g, '1.0 s')
            .replace(/product-ledger\.invalid\/[0-9a-f]+/g, 'product-ledger.invalid/0000000000000000')
            .replace(/\+[0-9a-f]{8}\+[A-Za-z0-9+\/=]{40,}/g, '+00000000+A')
            .replace(/\b[0-9a-f]{12}…/g, '000000000000…')
            .replace(/[A-Za-z0-9+\/]{40,}=*/g, 'A')
            .replace(/[A-Za-z0-9+\/]{12}…/g, 'AAAAAAAAAAAA…')
            .replace(/\b[0-9a-f]{8}\b/g, '00000000')
            .replace(/Version \S+/g, 'Version 0');
        if (own !== node.data) node.data = own;
    }
    return document.fonts.status === 'loaded' && !document.querySelector('[aria-busy=true]');
})()";

/// The pages, each with what it shows once it is whole.
const PAGES: [(&str, &str, &str); 9] = [
    ("ledger", "#/ledger", "714 commits, newest | Signed"),
    ("ledger-open", "#/ledger?open=713", "checked in this browser | black-friday-2026 · 3 commits | Signed"),
    ("catalogue", "#/catalogue", "products | Signed"),
    (
        "product",
        "#/p/052e4f8b-0a2a-46b2-9f42-10febcfae416",
        "Prior price: $1,249.00 | All 12 commits | Signed",
    ),
    (
        "product-at",
        "#/p/052e4f8b-0a2a-46b2-9f42-10febcfae416?at=2024-06-01T23%3A59%3A59.999Z",
        "On 1 Jun 2024 it cost | All 12 commits | Signed",
    ),
    ("proof", "#/proof", "Keep this | It is entry 713 of the 714 | Signed"),
    ("unknown", "#/p/helm", "No product has the id helm. | Signed"),
    ("keys", "#/keys", "What it does | Signed"),
    ("about", "#/about", "What is kept in this browser | Signed"),
];

fn folder() -> PathBuf {
    repository().join("tests/explorer/pictures")
}

/// Takes the picture of a page once two pictures in a row are the same.
async fn taken(browser: &mut Browser) -> Picture {
    browser.until(SETTLED, |settled| *settled == true).await;
    let mut last = Vec::new();
    for _ in 0..5 {
        browser.until(SETTLED, |settled| *settled == true).await;
        let next = browser.view().await;
        if next == last {
            break;
        }
        last = next;
    }
    Picture::read(&last)
}

/// Compares a picture with the kept one, or takes it over; what differs is written beside the build.
fn compare(name: &str, picture: &Picture) -> Option<String> {
    let file = folder().join(format!("{name}.png"));
    if std::env::var_os("LEDGER_ACCEPT").is_some() {
        std::fs::write(file, picture.written()).unwrap();
        return None;
    }
    let Ok(kept) = std::fs::read(&file) else { return Some(format!("{name}: no picture is kept")) };
    let share = Picture::read(&kept).difference(picture);
    if share <= 0.001 {
        return None;
    }
    let found = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png"));
    std::fs::write(&found, picture.written()).unwrap();
    Some(format!("{name}: {:.2} % of the pixels differ, see {}", share * 100.0, found.display()))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_looks_as_it_did() {
    let Some(mut browser) = browser().await else { return };
    let years = years().await;
    let version = browser.version().await;
    let note = folder().join("browser.txt");
    if std::env::var_os("LEDGER_ACCEPT").is_some() {
        std::fs::create_dir_all(folder()).unwrap();
        std::fs::write(&note, format!("{version}\n")).unwrap();
    }
    let recorded = std::fs::read_to_string(&note).unwrap();
    let is_comparable = recorded.trim() == version;
    browser.before_each(still());
    let mut differ = Vec::new();
    for (width, colours) in [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")] {
        for (name, fragment, wanted) in PAGES {
            browser.open_afresh(&format!("{}/{fragment}", years.url), width, colours).await;
            browser.prefer(&[("prefers-color-scheme", colours), ("prefers-reduced-motion", "reduce")]).await;
            sees(&mut browser, wanted).await;
            let picture = taken(&mut browser).await;
            let name = format!("{name}-{width}-{colours}");
            if is_comparable {
                differ.extend(compare(&name, &picture));
            } else {
                println!("taken and not compared: {name}, with {version}, kept with {}", recorded.trim());
            }
        }
    }
    assert_eq!(differ, Vec::<String>::new(), "`just accept` takes them over");
}

#[test]
fn the_kept_pictures_are_small() {
    let sizes = std::fs::read_dir(folder()).unwrap().map(|file| file.unwrap().metadata().unwrap().len());
    let sum: u64 = sizes.sum();
    assert!((1..3_000_000).contains(&sum), "{sum} bytes");
}

#[test]
fn a_picture_is_read_as_it_was_written_and_differs_where_a_pixel_does() {
    let mut picture = Picture { width: 40, height: 50, pixels: Vec::new() };
    for place in 0..2000_u32 {
        // More colours than a palette has.
        let (x, y) = (place % 40, place / 40);
        picture.pixels.push([x * 6, y * 5, (x + y) * 2].map(|part| u8::try_from(part).unwrap()));
    }
    let again = Picture::read(&picture.written());
    assert_eq!((again.width, again.height), (40, 50));
    assert!(picture.difference(&again) < f64::EPSILON, "{}", picture.difference(&again));
    let mut other = again.clone();
    other.pixels[7] = [255, 0, 255];
    assert!((other.difference(&picture) - 1.0 / 2000.0).abs() < 1e-9);
    other.width = 50;
    other.height = 40;
    assert!((other.difference(&picture) - 1.0).abs() < f64::EPSILON);
}
