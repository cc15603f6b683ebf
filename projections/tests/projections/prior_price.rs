//! `GET …/prices` against cases worked out by hand: whether the price in force is a reduction, and the prior price that its
//! announcement has to state (Directive 98/6/EC, article 6a).

use schema::fixtures;
use serde_json::{Value, json};

use crate::given::prices::Act::{self, Delete, In, Price, Restore};
use crate::given::prices::{day, instant, lines, priced_life, prices_shown};
use crate::given::{Deed, asked, front_over};

/// The response for a product created at 10.00.
async fn shown(born: &str, acts: &[(&str, Act)], query: &str) -> Value {
    prices_shown(&priced_life(born, acts), query).await
}

/// `is_reduction since series_since`.
fn reduction(prices: &Value) -> String {
    let reduction = &prices["reduction"];
    let day = |name: &str| reduction[name].as_str().unwrap()[5..10].to_owned();
    format!("{} {} {}", reduction["is_reduction"], day("since"), day("series_since"))
}

/// `price since from to`, or `-`.
fn reference(prices: &Value) -> String {
    let reference = &prices["reference"];
    if reference.is_null() {
        return "-".into();
    }
    assert_eq!(reference["days"], 30);
    let text = |name: &str| reference[name].as_str().unwrap();
    let day = |name: &str| text(name)[5..10].to_owned();
    format!("{} {} {} {}", text("price"), day("since"), day("from"), day("to"))
}

#[tokio::test]
async fn a_sale_that_was_entered_late_is_in_the_prior_price() {
    let acts = [("08-01", Price("8")), ("07-10", Price("8")), ("07-20", Price("10"))];
    let prices = shown("06-01", &acts, "").await;
    assert_eq!(
        prices["reduction"],
        json!({"is_reduction": true, "since": instant("08-01"), "series_since": instant("08-01")})
    );
    assert_eq!(
        prices["reference"],
        json!({"price": "8.00", "since": instant("07-10"), "from": instant("07-02"), "to": instant("08-01"),
               "days": 30})
    );
    assert_eq!(prices["lowest_30_days"], json!({"price": "8.00", "since": instant("07-10")}));
}

#[tokio::test]
async fn a_first_price_and_a_higher_one_are_no_reductions() {
    let first = shown("01-01", &[], "").await;
    assert_eq!((reduction(&first), reference(&first)), ("false 01-01 01-01".into(), "-".into()));
    let higher = shown("01-01", &[("02-01", Price("9")), ("03-01", Price("12"))], "").await;
    assert_eq!((reduction(&higher), reference(&higher)), ("false 03-01 03-01".into(), "-".into()));
}

#[tokio::test]
async fn a_progressive_reduction_is_measured_by_what_was_before_its_first_step() {
    let acts = |third| [("03-01", Price("9")), ("03-10", third), ("03-20", Price("7"))];
    let series = shown("01-01", &acts(Price("8")), "").await;
    assert_eq!(
        (reduction(&series), reference(&series)),
        ("true 03-20 03-01".into(), "10.00 01-01 01-30 03-01".into())
    );
    // An increase in between begins a new one.
    let broken = shown("01-01", &acts(Price("9.5")), "").await;
    assert_eq!(
        (reduction(&broken), reference(&broken)),
        ("true 03-20 03-20".into(), "9.00 03-01 02-18 03-20".into())
    );
    // As it was to be told in between.
    let as_of = shown("01-01", &acts(Price("8")), "?as_of=2026-03-15T00:00:00Z").await;
    assert_eq!(
        (reduction(&as_of), reference(&as_of)),
        ("true 03-10 03-01".into(), "10.00 01-01 01-30 03-01".into())
    );
}

#[tokio::test]
async fn an_anchor_ends_the_window_whatever_the_price_in_force_is() {
    let acts = [("03-01", Price("8")), ("03-10", Price("12"))];
    for (anchor, expected) in [
        // The price that begins at the anchor is not in the window, one in force at its beginning is.
        ("03-01", "10.00 01-01 01-30 03-01"),
        ("03-02", "8.00 03-01 01-31 03-02"),
        ("04-08", "8.00 03-01 03-09 04-08"),
        ("04-09", "12.00 03-10 03-10 04-09"),
        ("12-24", "12.00 03-10 11-24 12-24"),
        ("01-01", "-"),
    ] {
        let query = format!("?anchor=2026-{anchor}T00:00:00Z");
        let prices = shown("01-01", &acts, &query).await;
        assert_eq!(reference(&prices), expected, "{anchor}");
        assert_eq!(reduction(&prices), "false 03-10 03-10", "{anchor}");
    }
    // It takes the place of the beginning of a series.
    let series = [("03-01", Price("9")), ("04-20", Price("8"))];
    let prices = shown("01-01", &series, "?anchor=2026-04-20T00:00:00Z").await;
    assert_eq!(reference(&prices), "9.00 03-01 03-21 04-20");
}

#[tokio::test]
async fn the_window_is_as_long_as_was_asked() {
    let acts = [("03-01", Price("8")), ("03-31", Price("12")), ("04-30", Price("11"))];
    let price = async |query: &str| shown("01-01", &acts, query).await["reference"].clone();
    assert_eq!(price("").await["price"], "12.00");
    assert_eq!(
        price("?days=31").await,
        json!({"price": "8.00", "since": instant("03-01"), "from": instant("03-30"), "to": instant("04-30"),
               "days": 31})
    );
    assert_eq!(price("?days=1").await["from"], instant("04-29"));
    assert_eq!(price("?days=365").await["from"], "2025-04-30T00:00:00.000Z");
}

#[tokio::test]
async fn of_equal_lowest_prices_the_one_that_began_first_is_named() {
    let acts = [
        ("02-01", Price("8")),
        ("02-10", Price("10")),
        ("02-20", Price("8")),
        ("02-25", Price("12")),
        ("03-01", Price("11")),
    ];
    assert_eq!(reference(&shown("01-01", &acts, "").await), "8.00 02-01 01-30 03-01");
}

#[tokio::test]
async fn adjacent_equal_prices_are_joined_and_empty_periods_are_left_out() {
    // The fact of February 20 says again what is in force: the timeline shows it, the prior price began on January 10.
    let again = [("01-10", Price("12")), ("02-20", Price("12")), ("03-01", Price("9"))];
    let prices = shown("01-01", &again, "").await;
    assert_eq!(lines(&prices).len(), 4);
    assert_eq!(
        (reduction(&prices), reference(&prices)),
        ("true 03-01 03-01".into(), "12.00 01-10 01-30 03-01".into())
    );
    // The 5.00 was in force at no moment, neither as the lowest nor as the one before.
    let replaced = [("03-01", Price("5")), ("03-01", Price("12")), ("03-11", Price("11"))];
    let prices = shown("01-01", &replaced, "").await;
    assert_eq!(
        (reduction(&prices), reference(&prices)),
        ("true 03-11 03-11".into(), "10.00 01-01 02-09 03-11".into())
    );
    let taken_back = [("03-01", Price("5")), ("03-01", Price("10"))];
    let prices = shown("01-01", &taken_back, "").await;
    assert_eq!((reduction(&prices), lines(&prices).len()), ("false 01-01 01-01".into(), 3));
}

#[tokio::test]
async fn times_deleted_are_gaps_over_which_the_price_before_counts() {
    // Back in the catalogue at a lower price: the price of before is the last one in force.
    let lower = [("02-10", Delete), ("03-05", Price("8"))];
    let prices = shown("01-01", &lower, "").await;
    assert_eq!(
        (reduction(&prices), reference(&prices)),
        ("true 03-05 03-05".into(), "10.00 01-01 02-03 03-05".into())
    );
    // Nothing was for sale in the window.
    let long = [("01-20", Delete), ("03-05", Price("8"))];
    let prices = shown("01-01", &long, "").await;
    assert_eq!((reduction(&prices), reference(&prices)), ("true 03-05 03-05".into(), "-".into()));
    // Back at the same price is no reduction, and no increase that would end a series.
    let mut same = vec![("02-01", Price("8")), ("02-10", Delete), ("02-20", Restore)];
    let prices = shown("01-01", &same, "").await;
    assert_eq!((reduction(&prices), reference(&prices)), ("false 02-20 02-01".into(), "-".into()));
    same.push(("03-01", Price("7")));
    let prices = shown("01-01", &same, "").await;
    assert_eq!(
        (reduction(&prices), reference(&prices)),
        ("true 03-01 02-01".into(), "10.00 01-01 01-02 02-01".into())
    );
}

#[tokio::test]
async fn a_deleted_product_has_no_reduction_and_a_prior_price_only_at_an_anchor() {
    let acts = [("02-01", Price("8")), ("03-01", Delete)];
    let prices = shown("01-01", &acts, "").await;
    assert_eq!((&prices["reduction"], &prices["reference"]), (&Value::Null, &Value::Null));
    let prices = shown("01-01", &acts, "?anchor=2026-02-01T00:00:00Z").await;
    assert_eq!(
        (&prices["reduction"], reference(&prices).as_str()),
        (&Value::Null, "10.00 01-01 01-02 02-01")
    );
    // The last day with a price was February 28.
    assert_eq!(reference(&shown("01-01", &acts, "?anchor=2026-03-31T00:00:00Z").await), "-");
    assert_eq!(
        reference(&shown("01-01", &acts, "?anchor=2026-03-30T00:00:00Z").await),
        "8.00 02-01 02-28 03-30"
    );
}

#[tokio::test]
async fn prices_in_another_currency_are_neither_before_nor_lower() {
    let other = shown("01-01", &[("03-01", In("9", "EUR"))], "").await;
    assert_eq!((reduction(&other), reference(&other)), ("false 03-01 03-01".into(), "-".into()));
    let twice = [("03-01", In("9", "EUR")), ("03-11", In("8", "EUR"))];
    let prices = shown("01-01", &twice, "").await;
    assert_eq!(
        (reduction(&prices), reference(&prices)),
        ("true 03-11 03-11".into(), "9.00 03-01 02-09 03-11".into())
    );
    let prices = shown("01-01", &twice, "?anchor=2026-02-15T00:00:00Z").await;
    assert_eq!((&prices["currency"], reference(&prices).as_str()), (&json!("EUR"), "-"));
    // Dollars again: the euros between are left out of the window.
    let back = [("03-01", In("1", "EUR")), ("03-11", Price("12")), ("03-21", Price("11"))];
    assert_eq!(reference(&shown("01-01", &back, "").await), "10.00 01-01 02-19 03-21");
}

#[tokio::test]
async fn a_product_younger_than_the_window_has_the_lowest_price_of_its_life() {
    let acts = [("02-25", Price("12")), ("03-01", Price("8"))];
    assert_eq!(reference(&shown("02-20", &acts, "").await), "10.00 02-20 01-30 03-01");
}

#[tokio::test]
async fn in_a_time_zone_the_window_begins_with_a_day_over_the_change_to_winter_time_too() {
    let mut life = priced_life("01-01", &[]);
    for (at, price) in [
        ("2026-10-10T20:00:00Z", "6"),
        ("2026-10-10T22:30:00Z", "12"),
        // November 10 begins in Berlin.
        ("2026-11-09T23:00:00Z", "9"),
    ] {
        life.goes_on_at(Some(fixtures::at(at)), &Deed::Reprice(price.into(), "USD"));
    }
    // 30 times 24 hours before, the 6.00 was over.
    let prices = prices_shown(&life, "").await;
    assert_eq!(prices["reference"]["price"], "12.00");
    assert_eq!(prices["reference"]["from"], "2026-10-10T23:00:00.000Z");
    // October 11 began at 22:00 UTC, in summer time, and the 6.00 was in force for half an hour of it.
    let prices = prices_shown(&life, "?time_zone=Europe/Berlin").await;
    assert_eq!(
        prices["reference"],
        json!({"price": "6.00", "since": "2026-10-10T20:00:00.000Z", "from": "2026-10-10T22:00:00.000Z",
               "to": "2026-11-09T23:00:00.000Z", "days": 30})
    );
    // The day has begun already, or not yet, elsewhere.
    let prices = prices_shown(&life, "?time_zone=UTC&days=30").await;
    assert_eq!(prices["reference"]["from"], instant("10-10"));
}

#[tokio::test]
async fn an_anchor_may_have_any_offset_and_lie_at_the_ends_of_time() {
    let acts = [("03-01", Price("8"))];
    let prices = shown("01-01", &acts, "?anchor=2026-03-02T02:00:00%2B02:00").await;
    assert_eq!(prices["reference"]["to"], json!(day("03-02").to_string()));
    for anchor in ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"] {
        for zone in ["", "&time_zone=Europe/Berlin", "&time_zone=Pacific/Kiritimati"] {
            let prices = shown("01-01", &acts, &format!("?anchor={anchor}&days=365{zone}")).await;
            let expected = if anchor.starts_with('0') { Value::Null } else { json!("8.00") };
            assert_eq!(prices["reference"]["price"], expected, "{anchor} {zone}");
        }
    }
}

#[tokio::test]
async fn a_parameter_that_cannot_be_read_is_named() {
    let front = front_over(event_store::MemoryJournal::default());
    for (query, name) in [
        ("days=0", "days"),
        ("days=366", "days"),
        ("days=30.0", "days"),
        ("days=", "days"),
        ("days=-1", "days"),
        ("days=30&days=30", "days"),
        ("time_zone=Berlin", "time_zone"),
        ("time_zone=", "time_zone"),
        ("time_zone=%2B02:00", "time_zone"),
        ("anchor=2026-03-01", "anchor"),
        ("known_at=yesterday", "known_at"),
        ("as_of=now", "as_of"),
        ("min_version=-1", "min_version"),
        ("next=x", "next"),
        ("day=30", "day"),
        ("version=3", "version"),
    ] {
        let (status, problem) = asked(&front.router, &format!("/products/p/prices?{query}")).await;
        assert_eq!((status, &problem["errors"][0]["pointer"]), (400, &json!(name)), "{query} {problem}");
        assert_eq!(problem["type"], "urn:product-ledger:problem:malformed");
    }
}
