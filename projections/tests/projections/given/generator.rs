//! A catalogue from a seed: names in many scripts, some equal, some longer than an index key, prices from the lowest to the
//! highest, times that repeat. The same seed gives the same products.

use std::collections::BTreeMap;

use fastrand::Rng;
use schema::{Details, Facts, Product, Status, Timestamp, fixtures};

/// Words, some with a lower case that is longer, shorter, or depends on what follows.
const WORDS: [&str; 40] = [
    "Ärmel",
    "ärmelkanal",
    "Éclair",
    "naïve",
    "Ångström",
    "Žižkov",
    "Łódź",
    "e\u{301}tude",
    "helmet",
    "HELMET",
    "Зима",
    "ЗИМА",
    "Ёлка",
    "щука",
    "ΟΔΟΣ",
    "οδοσήμανση",
    "Ωμέγα",
    "ΣΊΣΥΦΟΣ",
    "ά",
    "مرحبا",
    "دراجة",
    "١٢٣",
    "自転車",
    "自行车",
    "자전거",
    "じてんしゃ",
    "🚲",
    "👩🏽‍🚒",
    "🏳️‍🌈",
    "Straße",
    "STRASSE",
    "ẞ",
    "İstanbul",
    "ISTANBUL",
    "ılık",
    "ȺȾ",
    "𐐀𐐩",
    "ﬁne",
    "\u{10ffff}",
    "~",
];

/// Names that many products share.
const SHARED: [&str; 5] = ["Helmet", "helmet", "自転車", "ΟΔΟΣ", "İ"];

const PRICES: [&str; 8] = ["0", "0.0001", "9.99", "10", "34.99", "99.9", "999999999999.9999", "100000000000"];

/// SKUs that many products share; one begins with another.
const SKUS: [&str; 4] = ["HL-U509", "HL-U509-R", "ÄÖ", "𐐀"];

/// Categories that many products share; one begins with another.
pub(crate) const CATEGORIES: [&str; 5] = ["Helmets", "Helmets / Red", "helmets", "自転車", "Ärmel"];

const CURRENCIES: [&str; 4] = ["USD", "EUR", "JPY", "KWD"];

/// 2025-11-13; everything happens within the two seconds after it.
const BEGIN: i64 = 1_763_000_000_000;

/// `count` products, one in twenty of them deleted, in no order.
pub(crate) fn products(seed: u64, count: usize) -> Vec<Product> {
    let mut random = Rng::with_seed(seed);
    (0..count).map(|n| product(&mut random, n)).collect()
}

/// A product after another commit: another name, price and time.
pub(crate) fn changed(random: &mut Rng, before: &Product) -> Product {
    let mut after = product(random, 0);
    (after.id, after.created_at, after.version) = (before.id.clone(), before.created_at, before.version + 1);
    after
}

fn product(random: &mut Rng, n: usize) -> Product {
    let updated_at = BEGIN + random.i64(0..2_000);
    let status = if random.u8(0..20) == 0 { Status::Deleted } else { Status::Active };
    let money = fixtures::money(&price(random), CURRENCIES[random.usize(0..CURRENCIES.len())]);
    let attributes = BTreeMap::from([("color".to_owned(), word(random).to_owned())]);
    let details = Details {
        sku: (!n.is_multiple_of(3)).then(|| SKUS[random.usize(0..SKUS.len())].to_owned()),
        category: (!n.is_multiple_of(4)).then(|| CATEGORIES[random.usize(0..CATEGORIES.len())].to_owned()),
        attributes: Some(attributes),
        ..Details::default()
    };
    Product {
        id: fixtures::id(&id(random, n)),
        facts: Facts { name: name(random), money, details, status },
        price_occurred_at: Some(moment(updated_at)),
        version: 1,
        created_at: moment(BEGIN),
        updated_at: moment(updated_at),
    }
}

/// Ids of several kinds; some begin with one another.
fn id(random: &mut Rng, n: usize) -> String {
    match random.u8(0..4) {
        0 => format!("{}{n}", ["a", "A", "~", "-", "_", "."][random.usize(0..6)]),
        1 => format!("{n}~"),
        2 => format!("{n}-{:x}", random.u64(..)),
        _ => format!("HL-U{n:06}-{}", "x".repeat(random.usize(0..52))),
    }
}

fn name(random: &mut Rng) -> String {
    match random.u8(0..10) {
        0..2 => SHARED[random.usize(0..SHARED.len())].to_owned(),
        // The first 900 bytes are the same for some of these, whatever comes behind.
        2 => format!("{}{}", "𐐀ΟΔΟΣ ".repeat(75), "x".repeat(random.usize(0..40))),
        3 => word(random).repeat(random.usize(1..200)),
        _ => {
            let words: Vec<&str> = (0..random.usize(1..5)).map(|_| word(random)).collect();
            words.join([" ", "-", ""][random.usize(0..3)])
        }
    }
}

fn word(random: &mut Rng) -> &'static str {
    WORDS[random.usize(0..WORDS.len())]
}

fn price(random: &mut Rng) -> String {
    if random.bool() {
        return PRICES[random.usize(0..PRICES.len())].to_owned();
    }
    let digits = random.u32(1..13);
    let whole = random.u64(0..10_u64.pow(digits));
    format!("{whole}.{:04}", random.u32(0..10_000))
}

fn moment(millis: i64) -> Timestamp {
    Timestamp::new(chrono::DateTime::from_timestamp_millis(millis).unwrap()).unwrap()
}
