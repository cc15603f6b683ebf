//! Following changes by `updated_since`: with the documented overlap no change by several writers is missed, with a shorter
//! one something can be.
//!
//! `updated_at` is set before a commit is stored, by the clock of the writer, and LIST shows it some time after.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use projections::MemoryViews;
use projections::views::Generation;
use schema::{Product, Timestamp};

use crate::given::{Deed, Life, PutProduct, asked, front};

/// How far a writer's clock may be ahead of the others, and how long after `updated_at` LIST may show a commit, as
/// documented; both in milliseconds.
const AHEAD: i64 = 60_000;
const LATE: i64 = 240_000;
const WRITERS: usize = 4;
const PRODUCTS: usize = 40;
const BEGIN: i64 = 1_763_000_000_000;

/// A version of a product, and when LIST shows it.
struct Shown {
    at: i64,
    product: Product,
}

/// The overlap that the interface documents, in milliseconds.
fn documented() -> i64 {
    let interface = include_str!("../../../docs/interface.md");
    let (_, behind) = interface.split_once("Subtract ").unwrap();
    let (seconds, _) = behind.split_once(" s from").unwrap();
    seconds.parse::<i64>().unwrap() * 1_000
}

fn at(millis: i64) -> Timestamp {
    Timestamp::new(chrono::DateTime::from_timestamp_millis(BEGIN + millis).unwrap()).unwrap()
}

fn version(life: &Life, version: u64, updated_at: i64) -> Product {
    Product { version, updated_at: at(updated_at), ..life.newest().state.clone() }
}

/// What writers record in an hour, each by its own clock, in the order in which LIST shows it.
fn recorded_by_several(random: &mut fastrand::Rng) -> Vec<Shown> {
    let clocks: [i64; WRITERS] = std::array::from_fn(|_| random.i64(0..=AHEAD));
    // Of each product the life, the newest commit's time and version, and when LIST shows it.
    let mut products: Vec<(Life, i64, u64, i64)> =
        (0..PRODUCTS).map(|n| (Life::begins(&format!("p{n:02}"), "Helmet", "1"), 0, 0, 0)).collect();
    let (mut now, mut shown) = (0, Vec::new());
    for _ in 0..600 {
        now += random.i64(0..12_000);
        let (life, newest, versions, visible) = &mut products[random.usize(0..PRODUCTS)];
        if random.u8(0..10) == 0 {
            life.goes_on(&Deed::DeleteOrRestore);
        }
        *newest = (now + clocks[random.usize(0..WRITERS)]).max(*newest);
        *versions += 1;
        *visible = (now + random.i64(0..=LATE)).max(*visible);
        shown.push(Shown { at: *visible, product: version(life, *versions, *newest) });
    }
    shown.sort_by_key(|shown| shown.at);
    shown
}

/// A client that asks for what changed since the newest time it has seen, less `overlap`.
struct Follower {
    overlap: i64,
    newest: Option<Timestamp>,
    seen: BTreeMap<String, u64>,
}

impl Follower {
    fn new(overlap: i64) -> Self {
        Self { overlap, newest: None, seen: BTreeMap::new() }
    }

    async fn asks(&mut self, front: &Router) {
        let since = self.newest.map_or(0, |newest| newest.millis() - self.overlap);
        let since = Timestamp::new(chrono::DateTime::from_timestamp_millis(since).unwrap()).unwrap();
        let mut cursor = String::new();
        loop {
            let query = format!("/products?sort=updated_at&include=deleted&updated_since={since}&limit=100");
            let (status, page) = asked(front, &format!("{query}{cursor}")).await;
            assert_eq!(status, 200, "{page}");
            for product in page["products"].as_array().unwrap() {
                let id = product["id"].as_str().unwrap().to_owned();
                self.seen.insert(id, product["version"].as_u64().unwrap());
                let updated_at = Timestamp::parse(product["updated_at"].as_str().unwrap()).unwrap();
                self.newest = self.newest.max(Some(updated_at));
            }
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return,
            }
        }
    }
}

/// The products that a client with this overlap does not have in their newest version, when it asks after everything
/// that LIST shows.
async fn missed(shown: &[Shown], overlap: i64) -> Vec<String> {
    let views = Arc::new(MemoryViews::default());
    let front = front(views.clone());
    let (mut follower, mut newest) = (Follower::new(overlap), BTreeMap::new());
    for Shown { product, .. } in shown {
        views.put(Generation(1), product).await.unwrap();
        newest.insert(product.id.to_string(), product.version);
        follower.asks(&front).await;
    }
    newest.retain(|id, version| follower.seen.get(id) != Some(version));
    newest.into_keys().collect()
}

#[tokio::test]
async fn with_the_documented_overlap_nothing_of_several_writers_is_missed() {
    for seed in 0..4 {
        let shown = recorded_by_several(&mut fastrand::Rng::with_seed(seed));
        assert_eq!(missed(&shown, documented()).await, Vec::<String>::new(), "seed {seed}");
        assert!(!missed(&shown, 0).await.is_empty(), "seed {seed}: without an overlap products are missed");
    }
}

/// A commit that LIST shows as late as allowed, and another by a clock as far ahead as allowed.
#[tokio::test]
async fn the_documented_overlap_is_not_a_millisecond_too_long() {
    let (late, ahead) = (Life::begins("late", "Helmet", "1"), Life::begins("ahead", "Helmet", "1"));
    let shown = [
        Shown { at: LATE, product: version(&ahead, 1, LATE + AHEAD) },
        Shown { at: LATE, product: version(&late, 1, 0) },
    ];
    assert_eq!(missed(&shown, documented()).await, Vec::<String>::new());
    assert_eq!(missed(&shown, documented() - 1).await, ["late"]);
}
