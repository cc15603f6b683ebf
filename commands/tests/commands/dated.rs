//! Dated prices: the newest one is in force in whatever order they are recorded, and none is lost.

use event_store::chain::hash_of;
use schema::event::{ProductCreated, ProductPriceChanged};
use schema::product::STATE_SCHEMA_VERSION;
use schema::{Commit, ProductEvent, StoredCommit, fixtures};
use serde_json::{Value, json};

use super::front::Front;

fn at(month_and_day: &str) -> String {
    format!("2026-{month_and_day}T00:00:00.000Z")
}

fn create(price: &str, month_and_day: &str) -> String {
    json!({"name": "Cap", "price": price, "occurred_at": at(month_and_day)}).to_string()
}

/// A front whose product `p` was created at a price on a day.
async fn created(price: &str, month_and_day: &str) -> Front {
    let front = Front::in_memory();
    assert_eq!(front.send("PUT /products/p", &[], &create(price, month_and_day)).await.status, 201);
    front
}

/// Sends a patch to `p`, and says what was recorded: each event's name and its data.
async fn patched(front: &Front, patch: Value) -> Vec<(String, Value)> {
    let before = front.commits("p").await.len();
    let answer = front.send("PATCH /products/p", &[], &patch.to_string()).await;
    assert_eq!(answer.status, 200, "{patch}: {}", answer.body);
    let commits = front.commits("p").await;
    let events = commits[before..].iter().flat_map(|commit| commit.0["events"].as_array().unwrap().clone());
    events.map(|event| (event["type"].as_str().unwrap().to_owned(), event["data"].clone())).collect()
}

/// Price, and since when, as the newest state has it.
async fn in_force(front: &Front) -> (Value, Value) {
    let newest = front.commits("p").await.pop().unwrap();
    let state = &newest.0["state"];
    (state["price"].clone(), state["price_occurred_at"].clone())
}

fn recorded(price: &str, month_and_day: &str) -> (String, Value) {
    let data = json!({"price": price, "currency": "USD", "from": at(month_and_day)});
    ("ProductPriceRecorded".into(), data)
}

fn changed(price: &str, before: &str) -> (String, Value) {
    let data =
        json!({"price": price, "currency": "USD", "previous_price": before, "previous_currency": "USD"});
    ("ProductPriceChanged".into(), data)
}

#[tokio::test]
async fn a_sale_that_was_never_entered_is_recorded_afterwards() {
    let front = created("100", "06-01").await;
    let sale = |price: &str, day: &str| json!({"price": price, "occurred_at": at(day)});
    assert_eq!(patched(&front, sale("80", "08-01")).await, [changed("80.00", "100.00")]);
    assert_eq!(patched(&front, sale("80", "07-10")).await, [recorded("80.00", "07-10")]);
    assert_eq!(patched(&front, sale("100", "07-20")).await, [recorded("100.00", "07-20")]);
    assert_eq!(in_force(&front).await, (json!("80.00"), json!(at("08-01"))));
}

#[tokio::test]
async fn a_price_of_the_past_does_not_replace_the_one_in_force() {
    let front = created("100", "06-01").await;
    patched(&front, json!({"price": "120", "occurred_at": at("09-01")})).await;
    let late = json!({"price": "90", "occurred_at": at("07-01"), "name": "Hat"});
    let renamed = json!({"name": "Hat", "previous_name": "Cap"});
    assert_eq!(
        patched(&front, late).await,
        [("ProductRenamed".into(), renamed), recorded("90.00", "07-01")],
        "where a price change would stand"
    );
    assert_eq!(in_force(&front).await, (json!("120.00"), json!(at("09-01"))));
}

#[tokio::test]
async fn a_price_stated_again_for_a_later_time_moves_the_time_and_only_the_very_same_is_no_change() {
    let front = created("100", "06-01").await;
    let same = |day: &str| json!({"price": "100.00", "occurred_at": at(day)});
    assert_eq!(patched(&front, same("06-01")).await, []);
    assert_eq!(patched(&front, json!({"currency": "USD", "occurred_at": at("06-01")})).await, []);
    assert_eq!(patched(&front, same("06-05")).await, [recorded("100.00", "06-05")]);
    assert_eq!(in_force(&front).await, (json!("100.00"), json!(at("06-05"))));
    assert_eq!(patched(&front, same("06-01")).await, [recorded("100.00", "06-01")]);
    assert_eq!(
        patched(&front, json!({"price": "100"})).await,
        [],
        "without a time an equal price is no change"
    );
}

#[tokio::test]
async fn of_two_prices_of_one_moment_the_later_recorded_is_in_force() {
    let front = created("100", "06-01").await;
    let other = json!({"price": "99", "occurred_at": at("06-01")});
    assert_eq!(patched(&front, other).await, [changed("99.00", "100.00")]);
    assert_eq!(in_force(&front).await, (json!("99.00"), json!(at("06-01"))));
}

#[tokio::test]
async fn what_is_left_out_of_price_and_currency_is_that_of_the_price_in_force() {
    let front = created("100", "06-01").await;
    patched(&front, json!({"price": "80", "currency": "EUR", "occurred_at": at("08-01")})).await;
    let of = |price: &str, currency: &str, day: &str| {
        let data = json!({"price": price, "currency": currency, "from": at(day)});
        ("ProductPriceRecorded".to_owned(), data)
    };
    let price = json!({"price": "70", "occurred_at": at("07-01")});
    assert_eq!(patched(&front, price).await, [of("70.00", "EUR", "07-01")]);
    let currency = json!({"currency": "USD", "occurred_at": at("07-02")});
    assert_eq!(patched(&front, currency).await, [of("80.00", "USD", "07-02")]);
}

#[tokio::test]
async fn a_dated_replacement_states_a_price_of_its_time_and_restores() {
    let front = created("100", "06-01").await;
    patched(&front, json!({"price": "80", "occurred_at": at("08-01")})).await;
    front.send("DELETE /products/p?occurred_at=2026-08-02T00:00:00Z", &[], "").await;
    let answer = front.send("PUT /products/p", &[], &create("90", "07-01")).await;
    let names: Vec<&Value> =
        answer.body["events"].as_array().unwrap().iter().map(|event| &event["type"]).collect();
    assert_eq!(names, ["ProductRestored", "ProductPriceRecorded"]);
    assert_eq!(in_force(&front).await, (json!("80.00"), json!(at("08-01"))));
}

#[tokio::test]
async fn a_command_without_a_time_happens_no_earlier_than_the_price_in_force() {
    let front = created("100", "06-01").await;
    // The front's clock stands at 05:15:36.662.
    let ahead = "2026-11-23T05:16:30.000Z";
    patched(&front, json!({"price": "80", "occurred_at": ahead})).await;
    assert_eq!(patched(&front, json!({"price": "70"})).await, [changed("70.00", "80.00")]);
    assert_eq!(patched(&front, json!({"name": "Hat"})).await.len(), 1);
    let commits = front.commits("p").await;
    let times: Vec<&Value> = commits.iter().map(|commit| &commit.0["metadata"]["occurred_at"]).collect();
    assert_eq!(times[1..], [ahead, ahead, ahead]);
    assert_eq!(in_force(&front).await, (json!("70.00"), json!(ahead)));
}

#[tokio::test]
async fn a_time_lies_after_the_beginning_of_1970_and_at_most_a_minute_ahead() {
    for (time, status) in [
        ("1969-12-31T23:59:59.999Z", 422),
        ("1970-01-01T00:00:00Z", 200),
        ("2026-11-23T05:16:36.600Z", 200),
        ("2026-11-23T05:16:37.600Z", 422),
        ("9999-12-31T23:59:59Z", 422),
    ] {
        let front = created("100", "06-01").await;
        let body = json!({"price": "1", "occurred_at": time}).to_string();
        let answer = front.send("PATCH /products/p", &[], &body).await;
        assert_eq!(answer.status, status, "{time}: {}", answer.body);
        let answer = front.send(&format!("DELETE /products/p?occurred_at={time}"), &[], "").await;
        assert_eq!(answer.status, status, "{time} in the query");
        if status == 422 {
            assert_eq!(answer.body["errors"][0]["pointer"], "/occurred_at");
        }
    }
}

/// What an earlier build recorded: a price of 100 in June, 120 in September, and then 90 of July, which it took for the
/// present price.
async fn recorded_before() -> Front {
    recorded_before_as(&[("100", "06-01"), ("120", "09-01"), ("90", "07-01")]).await
}

async fn recorded_before_as(prices: &[(&str, &str)]) -> Front {
    let front = Front::in_memory();
    let ProductEvent::ProductCreated(helmet) = fixtures::helmet_created() else { unreachable!() };
    let money = |price: &str| fixtures::money(price, "USD");
    let to = |price: &str, before: &str| {
        let before = money(before);
        ProductEvent::ProductPriceChanged(ProductPriceChanged {
            money: money(price),
            previous_price: before.price(),
            previous_currency: before.currency(),
        })
    };
    let mut last: Option<Commit> = None;
    for (n, (price, day)) in prices.iter().enumerate() {
        let event = match n.checked_sub(1) {
            None => ProductEvent::ProductCreated(ProductCreated { money: money(price), ..helmet.clone() }),
            Some(before) => to(price, prices[before].0),
        };
        let mut unsealed = fixtures::commit_after(last.as_ref(), &fixtures::id("p"), vec![event]);
        unsealed.metadata.occurred_at = fixtures::at(&at(day));
        unsealed.state.price_occurred_at = None;
        let mut stored = StoredCommit(unsealed.to_json().unwrap());
        stored.0["state"]["schema_version"] = json!(1);
        let hash = hash_of(&stored).unwrap();
        stored.0.insert("hash".into(), json!(hash));
        front.journal.append(&stored).await.unwrap();
        last = Some(stored.decode().unwrap());
    }
    front
}

#[tokio::test]
async fn a_price_of_an_earlier_build_is_compared_with_all_that_was_recorded() {
    let dated = |price: &str, day: &str| json!({"price": price, "occurred_at": at(day)});
    for (patch, events, price, time) in [
        (dated("95", "08-01"), vec![recorded("95.00", "08-01")], "90.00", Value::Null),
        (dated("90", "07-01"), vec![recorded("90.00", "07-01")], "90.00", Value::Null),
        (dated("120", "09-01"), vec![changed("120.00", "90.00")], "120.00", json!(at("09-01"))),
        (dated("90", "10-01"), vec![changed("90.00", "90.00")], "90.00", json!(at("10-01"))),
        (dated("110", "10-01"), vec![changed("110.00", "90.00")], "110.00", json!(at("10-01"))),
    ] {
        let front = recorded_before().await;
        assert_eq!(patched(&front, patch.clone()).await, events, "{patch}");
        assert_eq!(in_force(&front).await, (json!(price), time), "{patch}");
    }
}

#[tokio::test]
async fn without_a_time_only_a_price_equal_to_both_is_no_change() {
    for price in ["90", "120", "70"] {
        let front = recorded_before().await;
        let before = format!("{price}.00");
        assert_eq!(patched(&front, json!({"price": price})).await, [changed(&before, "90.00")]);
        let commit = front.commits("p").await.pop().unwrap();
        assert_eq!(commit.0["state"]["price_occurred_at"], commit.0["recorded_at"]);
    }
    let front = recorded_before_as(&[("100", "06-01"), ("120", "09-01")]).await;
    assert_eq!(patched(&front, json!({"price": "120"})).await, []);
    // What is left out is that of the price in force.
    let front = recorded_before().await;
    let in_euros = patched(&front, json!({"currency": "EUR"})).await;
    assert_eq!(in_euros[0].1["price"], "120.00");
}

#[tokio::test]
async fn the_time_of_a_price_of_an_earlier_build_stays_unknown_through_other_changes() {
    let front = recorded_before().await;
    patched(&front, json!({"name": "Hat"})).await;
    assert_eq!(in_force(&front).await, (json!("90.00"), Value::Null));
    let newest = front.commits("p").await.pop().unwrap();
    assert_eq!(newest.0["state"]["schema_version"], STATE_SCHEMA_VERSION);
    assert_eq!(
        patched(&front, json!({"price": "100", "occurred_at": at("06-15")})).await,
        [recorded("100.00", "06-15")]
    );
    assert_eq!(in_force(&front).await, (json!("90.00"), Value::Null));
}

#[tokio::test]
async fn the_same_dated_prices_in_any_order_leave_the_same_price_in_force() {
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..50 {
        let count = random.usize(2..8);
        let mut days: Vec<String> = (1..29).map(|day| format!("{:02}-{day:02}", random.u8(1..11))).collect();
        days.sort();
        days.dedup();
        random.shuffle(&mut days);
        let mut facts: Vec<(String, String)> =
            days.into_iter().take(count).map(|day| (random.u8(1..4).to_string(), day)).collect();
        let newest = facts.iter().max_by(|a, b| a.1.cmp(&b.1)).cloned().unwrap();
        for _ in 0..5 {
            random.shuffle(&mut facts);
            let front = created(&facts[0].0, &facts[0].1).await;
            for (price, day) in &facts[1..] {
                let events = patched(&front, json!({"price": price, "occurred_at": at(day)})).await;
                assert_eq!(events.len(), 1, "each is recorded: {facts:?}");
            }
            assert_eq!(
                in_force(&front).await,
                (json!(format!("{}.00", newest.0)), json!(at(&newest.1))),
                "{facts:?}"
            );
        }
    }
}
