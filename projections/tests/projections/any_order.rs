//! The same dated prices, recorded in any order around the same deletes and restores, give the same timeline, price in
//! force, lowest price, reduction and prior price, equal to a day-by-day evaluation of the same facts.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::{DateTime, TimeDelta};
use projections::prices::{
    PriceChange, PriceEntry, PricePeriod, PriceReduction, PriceWindow, PriorPrice, TimelinePosition,
    lowest_before_newest_change, prior_price, reduction, timeline,
};
use proptest::prelude::*;
use schema::{Money, Timestamp, fixtures};

/// Number of sets of facts, and of orders in which each is recorded.
const SETS: u32 = 200;
const ORDERS: u64 = 20;

/// Everything happens at the start of one of these days.
const DAYS: i64 = 60;

fn on(day: i64) -> Timestamp {
    Timestamp::new(DateTime::UNIX_EPOCH + TimeDelta::days(20_000 + day)).unwrap()
}

/// The recorded facts without their order.
#[derive(Debug, Clone)]
struct Facts {
    /// At most one per day.
    prices: BTreeMap<i64, Money>,
    /// Days of alternating deletes and restores, in the order in which they are recorded.
    statuses: Vec<i64>,
}

fn facts() -> impl Strategy<Value = Facts> {
    let money = (8..12_u32, 0..6_u32).prop_map(|(price, currency)| {
        fixtures::money(&price.to_string(), if currency == 0 { "EUR" } else { "USD" })
    });
    let prices = proptest::collection::btree_map(0..DAYS, money, 1..12);
    let statuses = proptest::collection::vec(0..DAYS, 0..5);
    (prices, statuses).prop_map(|(prices, statuses)| Facts { prices, statuses })
}

impl Facts {
    /// The entries in one order: prices in any, deletes and restores in theirs.
    fn recorded(&self, seed: u64) -> Vec<PriceEntry> {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut prices: Vec<_> =
            self.prices.iter().map(|(day, money)| (on(*day), PriceChange::Priced(*money))).collect();
        chance.shuffle(&mut prices);
        let mut order = prices;
        let mut least = 0;
        for (n, day) in self.statuses.iter().enumerate() {
            let at = chance.usize(least..=order.len());
            order.insert(
                at,
                (on(*day), if n % 2 == 0 { PriceChange::Deleted } else { PriceChange::Restored }),
            );
            least = at + 1;
        }
        let place = |at, sequence| TimelinePosition { at, sequence };
        (1..)
            .zip(order)
            .map(|(sequence, (at, change))| PriceEntry { position: place(at, sequence), change })
            .collect()
    }

    /// The price in force on each day up to `until`, after which nothing happens.
    fn days(&self, until: i64) -> Vec<Option<Money>> {
        let mut effect = i64::MIN;
        let mut statuses = Vec::new();
        for (n, day) in self.statuses.iter().enumerate() {
            effect = effect.max(*day);
            statuses.push((effect, n % 2 == 0));
        }
        let in_force = |day: i64| {
            let day = day.min(until);
            let deleted = statuses.iter().rev().find(|(from, _)| *from <= day).is_some_and(|(_, is)| *is);
            let (_, money) = self.prices.range(..=day).next_back()?;
            (!deleted).then_some(*money)
        };
        (0..DAYS + 40).map(in_force).collect()
    }
}

/// Everything derived from a timeline.
#[derive(Debug, PartialEq)]
struct Answered {
    periods: Vec<(Money, Timestamp, Option<Timestamp>)>,
    in_force: Option<Money>,
    lowest: Option<(Money, Timestamp)>,
    reduction: Option<PriceReduction>,
    references: Vec<Option<PriorPrice>>,
}

/// Windows of whole days, and anchors.
const WINDOWS: [(u16, Option<i64>); 5] =
    [(30, None), (7, None), (30, Some(DAYS - 20)), (1, Some(DAYS / 2)), (10, Some(DAYS + 20))];

fn reference_of(timeline: &[PricePeriod], (days, anchor): (u16, Option<i64>)) -> Option<PriorPrice> {
    prior_price(timeline, &PriceWindow { days, zone: None }, anchor.map(on))
}

fn answered(entries: &[PriceEntry], until: i64) -> Answered {
    let timeline = timeline(entries, Some(on(until)));
    Answered {
        periods: timeline.iter().map(|period| (period.money, period.from, period.to)).collect(),
        in_force: timeline.last().filter(|period| period.to.is_none()).map(|period| period.money),
        lowest: lowest_before_newest_change(&timeline).map(|period| (period.money, period.from)),
        reduction: reduction(&timeline),
        references: WINDOWS.iter().map(|window| reference_of(&timeline, *window)).collect(),
    }
}

/// Runs of days with one price in force, in order.
fn runs(days: &[Option<Money>]) -> Vec<(Money, Range<usize>)> {
    let mut runs: Vec<(Money, Range<usize>)> = Vec::new();
    for (day, money) in days.iter().enumerate() {
        let Some(money) = money else { continue };
        match runs.last_mut() {
            Some((last, range)) if last == money && range.end == day => range.end = day + 1,
            _ => runs.push((*money, day..day + 1)),
        }
    }
    runs
}

fn moment(day: usize) -> Timestamp {
    on(i64::try_from(day).unwrap())
}

fn lower(pair: &[(Money, Range<usize>)]) -> bool {
    pair[0].0.currency() == pair[1].0.currency() && pair[1].0.price() < pair[0].0.price()
}

fn not_higher(pair: &[(Money, Range<usize>)]) -> bool {
    lower(pair) || pair[0].0 == pair[1].0
}

/// By definition: the first run that is lower than the one before it and followed only by equal or lower ones.
fn reduction_by_day(days: &[Option<Money>]) -> Option<PriceReduction> {
    days.last().copied().flatten()?;
    let runs = runs(days);
    let since = moment(runs.last()?.1.start);
    let begins_series =
        |first: &usize| lower(&runs[first - 1..=*first]) && runs[first - 1..].windows(2).all(not_higher);
    let series = (1..runs.len()).find(begins_series);
    Some(PriceReduction {
        is_reduction: runs.windows(2).next_back().is_some_and(lower),
        since,
        series_since: series.map_or(since, |first| moment(runs[first].1.start)),
    })
}

/// By definition: the lowest price of the days in the window.
fn reference_by_day(
    days: &[Option<Money>],
    currency: schema::Currency,
    (length, anchor): (u16, Option<i64>),
) -> Option<PriorPrice> {
    let reduced = reduction_by_day(days).filter(|reduction| reduction.is_reduction);
    let to = anchor.map(on).or(reduced.map(|reduction| reduction.series_since))?;
    let from = to.days_before(length.into());
    let inside: Vec<usize> = (0..days.len()).filter(|day| (from..to).contains(&moment(*day))).collect();
    let (money, day) = inside
        .iter()
        .filter_map(|day| Some((days[*day].filter(|money| money.currency() == currency)?, *day)))
        .min_by_key(|(money, day)| (money.price(), *day))?;
    let (_, run) = runs(days).into_iter().find(|(_, run)| run.contains(&day))?;
    Some(PriorPrice { money, since: moment(run.start), from, to })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: SETS, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_recording_gives_the_same_answers(facts in facts(), until in 0..DAYS + 5) {
        let expected = answered(&facts.recorded(0), until);
        for seed in 1..ORDERS {
            prop_assert_eq!(&answered(&facts.recorded(seed), until), &expected, "{}", seed);
        }
    }

    #[test]
    fn the_answers_equal_a_day_by_day_evaluation(facts in facts(), seed: u64, until in 0..DAYS + 5) {
        let timeline = timeline(&facts.recorded(seed), Some(on(until)));
        let days = facts.days(until);
        for (day, expected) in days.iter().enumerate() {
            let day = moment(day);
            let there = |period: &&PricePeriod| period.from <= day && period.to.is_none_or(|to| day < to);
            let in_force: Vec<Money> = timeline.iter().filter(there).map(|period| period.money).collect();
            prop_assert_eq!(in_force, Vec::from_iter(*expected), "{}", day);
        }
        prop_assert_eq!(reduction(&timeline), reduction_by_day(&days));
        let Some(newest) = timeline.last() else { return Ok(()) };
        for window in WINDOWS {
            let expected = reference_by_day(&days, newest.money.currency(), window);
            prop_assert_eq!(reference_of(&timeline, window), expected, "{:?}", window);
        }
    }
}
