//! `GET …/prices` against cases worked out by hand: the lowest price in the 30 days before the newest change.

use schema::fixtures;
use serde_json::{Value, json};

use crate::given::Deed;
use crate::given::prices::Act::{Delete, In, Price, Restore};
use crate::given::prices::{instant, lines, priced_life, prices_shown};

#[tokio::test]
async fn the_first_price_ever_has_no_lower_one_before_it() {
    let prices = prices_shown(&priced_life("01-01", &[]), "").await;
    assert_eq!(
        prices,
        json!({
            "currency": "USD", "current": "10.00", "version": 1, "lowest_30_days": null, "next": null,
            "reduction": {"is_reduction": false, "since": instant("01-01"), "series_since": instant("01-01")},
            "reference": null,
            "timeline": [{"price": "10.00", "currency": "USD", "from": instant("01-01"), "to": null, "sequence": 1}],
        })
    );
}

#[tokio::test]
async fn three_prices_follow_each_other_and_the_lowest_of_30_days_is_named() {
    let life = priced_life("01-01", &[("03-01", Price("8")), ("03-20", Price("12")), ("04-10", Price("9"))]);
    let prices = prices_shown(&life, "").await;
    assert_eq!(
        lines(&prices),
        [
            "10.00 USD 01-01 03-01 1",
            "8.00 USD 03-01 03-20 2",
            "12.00 USD 03-20 04-10 3",
            "9.00 USD 04-10 … 4"
        ]
    );
    assert_eq!(prices["current"], "9.00");
    // 30 days before April 10 is March 11: the 8.00 was still in force.
    assert_eq!(prices["lowest_30_days"], json!({"price": "8.00", "since": instant("03-01")}));
}

#[tokio::test]
async fn a_price_that_ended_30_days_before_the_change_no_longer_counts() {
    // 30 days before April 19 is March 20, when the 8.00 had just ended.
    let acts = |last| [("03-01", Price("8")), ("03-20", Price("12")), (last, Price("9"))];
    let prices = prices_shown(&priced_life("01-01", &acts("04-19")), "").await;
    assert_eq!(prices["lowest_30_days"]["price"], "12.00");
    let prices = prices_shown(&priced_life("01-01", &acts("04-18")), "").await;
    assert_eq!(prices["lowest_30_days"]["price"], "8.00");
}

#[tokio::test]
async fn a_price_unchanged_for_years_is_the_lowest_since_then() {
    let mut life = priced_life("01-01", &[]);
    let later = fixtures::at("2031-06-01T00:00:00Z");
    life.goes_on_at(Some(later), &Deed::Reprice("7".into(), "USD"));
    let prices = prices_shown(&life, "").await;
    assert_eq!(prices["lowest_30_days"], json!({"price": "10.00", "since": instant("01-01")}));
    assert_eq!(prices["current"], "7.00");
}

#[tokio::test]
async fn of_two_changes_at_one_moment_the_later_recorded_one_holds() {
    let life = priced_life("01-01", &[("03-01", Price("5")), ("03-01", Price("12")), ("03-11", Price("11"))]);
    let prices = prices_shown(&life, "").await;
    assert_eq!(
        lines(&prices),
        [
            "10.00 USD 01-01 03-01 1",
            "5.00 USD 03-01 03-01 2",
            "12.00 USD 03-01 03-11 3",
            "11.00 USD 03-11 … 4"
        ]
    );
    // The 5.00 was in force at no moment.
    assert_eq!(prices["lowest_30_days"]["price"], "10.00");
}

#[tokio::test]
async fn prices_in_another_currency_do_not_count() {
    let only = priced_life("01-01", &[("03-01", In("9", "EUR"))]);
    let prices = prices_shown(&only, "").await;
    assert_eq!((&prices["currency"], &prices["current"]), (&json!("EUR"), &json!("9.00")));
    assert_eq!(prices["lowest_30_days"], Value::Null);

    let twice = priced_life("01-01", &[("03-01", In("9", "EUR")), ("03-11", In("12", "EUR"))]);
    let prices = prices_shown(&twice, "").await;
    assert_eq!(prices["lowest_30_days"], json!({"price": "9.00", "since": instant("03-01")}));

    let back = priced_life("01-01", &[("03-01", In("9", "EUR")), ("03-11", Price("12"))]);
    let prices = prices_shown(&back, "").await;
    assert_eq!(prices["lowest_30_days"], json!({"price": "10.00", "since": instant("01-01")}));
}

#[tokio::test]
async fn times_deleted_are_gaps_and_their_price_does_not_count() {
    let acts = [
        ("02-01", Price("8")),
        ("02-10", Delete),
        ("03-05", Restore),
        ("03-06", Price("12")),
        ("03-20", Price("11")),
    ];
    let prices = prices_shown(&priced_life("01-01", &acts), "").await;
    assert_eq!(
        lines(&prices),
        [
            "10.00 USD 01-01 02-01 1",
            "8.00 USD 02-01 02-10 2",
            "8.00 USD 03-05 03-06 4",
            "12.00 USD 03-06 03-20 5",
            "11.00 USD 03-20 … 6"
        ]
    );
    // Within 30 days the 8.00 was in force on March 5 alone.
    assert_eq!(prices["lowest_30_days"], json!({"price": "8.00", "since": instant("03-05")}));

    let all_deleted = priced_life("01-01", &[("02-01", Delete), ("04-01", Price("7"))]);
    let prices = prices_shown(&all_deleted, "").await;
    assert_eq!(lines(&prices), ["10.00 USD 01-01 02-01 1", "7.00 USD 04-01 … 4"]);
    assert_eq!(prices["lowest_30_days"], Value::Null);
}

#[tokio::test]
async fn a_restore_is_not_a_price_change() {
    let restored = priced_life("01-01", &[("02-01", Price("8")), ("03-01", Delete), ("04-01", Restore)]);
    let prices = prices_shown(&restored, "").await;
    assert_eq!(lines(&prices).last().unwrap(), "8.00 USD 04-01 … 4");
    // The newest change is still that of February 1.
    assert_eq!(prices["lowest_30_days"], json!({"price": "10.00", "since": instant("01-01")}));
}
