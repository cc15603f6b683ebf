//! Price histories by hand: what happens to a price on which day, and what the route answers.

use event_store::MemoryJournal;
use projections::PriceLog;
use projections::prices::FoldedCommit;
use projections::views::Generation;
use schema::{Timestamp, fixtures};
use serde_json::Value;

use super::{Deed, Front, Life, asked, front_over};

const FIRST: Generation = Generation(1);

/// What happens on a day (of 2026, `MM-DD`), in the order it is recorded.
pub(crate) enum Act {
    /// In USD; a deleted product is restored by it.
    Price(&'static str),
    In(&'static str, &'static str),
    Delete,
    Restore,
}
use Act::{Delete, In, Price, Restore};

pub(crate) fn day(day: &str) -> Timestamp {
    fixtures::at(&format!("2026-{day}T00:00:00Z"))
}

pub(crate) fn instant(text: &str) -> String {
    format!("2026-{text}T00:00:00.000Z")
}

/// A product created on a day at 10.00 USD.
pub(crate) fn priced_life(born: &str, acts: &[(&str, Act)]) -> Life {
    let mut life = Life { id: fixtures::id("p"), commits: Vec::new() };
    let begun = Life::begins("p", "Helmet", "10");
    let created = begun.commits[0].0.events[0].event.clone();
    life.commit_at(Some(day(born)), vec![created]);
    for (date, act) in acts {
        let deed = match act {
            Price(price) => Deed::Reprice((*price).into(), "USD"),
            In(price, currency) => Deed::Reprice((*price).into(), currency),
            Delete | Restore => Deed::DeleteOrRestore,
        };
        life.goes_on_at(Some(day(date)), &deed);
    }
    life
}

/// The product in its view.
async fn shown(front: &Front, life: &Life) {
    let commits: Vec<FoldedCommit> =
        life.commits.iter().map(|(commit, _)| FoldedCommit::of(commit)).collect();
    front.prices.fold(FIRST, &life.id, &commits).await.unwrap();
}

pub(crate) async fn prices_shown(life: &Life, query: &str) -> Value {
    let front = front_over(MemoryJournal::default());
    shown(&front, life).await;
    let (status, prices) = asked(&front.router, &format!("/products/p/prices{query}")).await;
    assert_eq!(status, 200, "{prices}");
    prices
}

/// The timeline as `price currency from to sequence` lines.
pub(crate) fn lines(prices: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or("…", |text| &text[..text.len().min(10)]).to_owned();
    let line = |period: &Value| {
        let (price, currency) = (text(&period["price"]), text(&period["currency"]));
        let (from, to) = (text(&period["from"]), text(&period["to"]));
        format!("{price} {currency} {from} {to} {}", period["sequence"]).replace("2026-", "")
    };
    prices["timeline"].as_array().unwrap().iter().map(line).collect()
}
