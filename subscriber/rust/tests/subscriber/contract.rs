//! What holds on every store.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ledger_subscriber::{
    Apply, CannotApply, Failure, Inbox, InboxError, LedgerEvent, Outcome, Parking, Start, Store,
};

use crate::fake::{Effect, FakeLedger, Recorded, deliveries, recorded};

/// A store, and a log of effects beside it.
pub trait Place: Apply<<Self::Store as Store>::Tx> + Clone + Send + 'static {
    type Store: Store + Clone + 'static;
    /// What says how many events the long tests deliver, and how many if it does not.
    const DELIVERIES: (&str, usize);

    fn open() -> impl Future<Output = Self> + Send;
    fn store(&self) -> Self::Store;
    /// What was applied, in the order that the store can tell.
    fn effects(&self) -> impl Future<Output = Vec<Effect>> + Send;
    /// Effects in that order.
    fn ordered(effects: Vec<Effect>) -> Vec<Effect>;
}

pub fn inbox<P: Place>(place: &P, ledger: &FakeLedger) -> Inbox<P::Store, FakeLedger> {
    Inbox::new(place.store(), ledger.clone()).wait(Duration::ZERO)
}

/// Every event of the ledger once, in order, and nothing else.
pub async fn is_whole<P: Place>(place: &P, ledger: &FakeLedger) {
    let mut found: BTreeMap<String, Vec<Effect>> = BTreeMap::new();
    for effect in place.effects().await {
        found.entry(effect.0.clone()).or_default().push(effect);
    }
    // Not compared by `assert_eq`, which would print all of it.
    for (product, wanted) in ledger.effects() {
        assert_eq!(found.remove(&product).unwrap_or_default(), wanted);
    }
    assert_eq!(found, BTreeMap::new());
}

pub async fn a_second_delivery_is_seen<P: Place>() {
    let (place, ledger) = (P::open().await, FakeLedger::default());
    let event = ledger.record("p", 1, "")[0].sent();
    let inbox = inbox(&place, &ledger);
    for outcome in [Outcome::Applied, Outcome::Seen, Outcome::Seen] {
        assert_eq!(inbox.receive(event.json().to_string().as_str(), &place).await.unwrap(), outcome);
    }
    assert_eq!((place.effects().await.len(), inbox.fetches()), (1, 0));
}

pub async fn what_is_missing_is_fetched_with_one_request<P: Place>() {
    let (place, ledger) = (P::open().await, FakeLedger::default());
    let events = ledger.record("p", 30, "");
    let inbox = inbox(&place, &ledger);
    assert_eq!(inbox.receive(events[29].sent(), &place).await.unwrap(), Outcome::Applied);
    is_whole(&place, &ledger).await;
    assert_eq!((inbox.fetches(), ledger.with(|kept| kept.requests)), (1, 1));
}

pub async fn receivers_of_the_same_gap_fetch_it_once<P: Place>() {
    let (place, ledger) = (P::open().await, FakeLedger::default());
    let events = ledger.record("p", 30, "");
    let inbox = inbox(&place, &ledger);
    let received = || inbox.receive(events[29].sent(), &place);
    let (one, other, third) = tokio::join!(received(), received(), received());
    for outcome in [one, other, third] {
        assert_eq!(outcome.unwrap(), Outcome::Applied);
    }
    is_whole(&place, &ledger).await;
    assert_eq!(inbox.fetches(), 1);
}

pub async fn an_event_that_came_early_is_applied_when_the_gap_is_filled<P: Place>() {
    let (place, ledger) = (P::open().await, FakeLedger::default());
    let events = ledger.record("p", 3, "");
    let inbox = inbox(&place, &ledger).wait(Duration::from_mins(10));
    let others = async {
        while place.store().held("p", 3).await.unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        for event in &events[..2] {
            assert_eq!(inbox.receive(event.sent(), &place).await.unwrap(), Outcome::Applied);
        }
    };
    let (early, ()) = tokio::join!(inbox.receive(events[2].sent(), &place), others);
    assert_eq!(early.unwrap(), Outcome::Applied);
    is_whole(&place, &ledger).await;
    assert_eq!(inbox.fetches(), 0);
}

pub async fn an_event_is_delivered_again_while_the_ledger_does_not_answer<P: Place>() {
    let (place, ledger) = (P::open().await, FakeLedger::default());
    let events = ledger.record("p", 2, "");
    let inbox = inbox(&place, &ledger);
    ledger.with(|kept| kept.is_down = true);
    let failed = inbox.receive(events[1].sent(), &place).await;
    assert!(matches!(failed, Err(InboxError::Ledger(_))), "{failed:?}");
    assert_eq!(place.effects().await, []);
    ledger.with(|kept| kept.is_down = false);
    assert_eq!(inbox.receive(events[1].sent(), &place).await.unwrap(), Outcome::Applied);
    is_whole(&place, &ledger).await;
}

pub async fn an_error_of_apply_leaves_nothing_behind<P: Place>() {
    let (place, ledger) = (P::open().await, FakeLedger::default());
    let event = ledger.record("p", 1, "")[0].sent();
    let inbox = inbox(&place, &ledger);
    let fails = |_: &LedgerEvent, _: &mut <P::Store as Store>::Tx| Err::<(), Failure>("on purpose".into());
    let failed = inbox.receive(event.clone(), &fails).await.unwrap_err();
    assert_eq!(failed.to_string(), "the event was not applied: on purpose");
    assert_eq!(place.store().cursor("p").await.unwrap(), None);
    assert_eq!(inbox.receive(event, &place).await.unwrap(), Outcome::Applied);
}

pub async fn what_cannot_be_applied_parks_its_product_alone_until_it_is_retried<P: Place>() {
    let (place, ledger) = (P::open().await, FakeLedger::default());
    let (events, other) = (ledger.record("p", 2, ""), ledger.record("q", 1, ""));
    let inbox = inbox(&place, &ledger);
    let refuses = |_: &LedgerEvent, _: &mut <P::Store as Store>::Tx| {
        Err::<(), Failure>(CannotApply("no such category".into()).into())
    };
    assert_eq!(inbox.receive(events[0].sent(), &place).await.unwrap(), Outcome::Applied);
    assert_eq!(inbox.receive(events[1].sent(), &refuses).await.unwrap(), Outcome::Parked);
    assert_eq!(inbox.receive(events[1].sent(), &place).await.unwrap(), Outcome::Parked);
    assert_eq!(inbox.receive(other[0].sent(), &place).await.unwrap(), Outcome::Applied);
    let parking = Parking { sequence: 2, reason: "no such category".into() };
    assert_eq!(inbox.parked().await.unwrap(), BTreeMap::from([("p".to_owned(), parking)]));
    assert_eq!(inbox.retry("p", &refuses).await.unwrap(), Outcome::Parked);
    assert_eq!(inbox.retry("p", &place).await.unwrap(), Outcome::Applied);
    assert_eq!(inbox.parked().await.unwrap(), BTreeMap::new());
    is_whole(&place, &ledger).await;
}

pub async fn a_replay_that_was_seen_is_told_to_whoever_asks_for_it<P: Place>() {
    let (place, ledger) = (P::open().await, FakeLedger::default());
    let event = &ledger.record("p", 1, "")[0];
    let heard = Arc::new(Mutex::new(Vec::new()));
    let inbox = inbox(&place, &ledger).on_replay({
        let heard = heard.clone();
        move |event| {
            heard.lock().unwrap().push(event.event_id().to_owned());
            std::future::ready(Ok(()))
        }
    });
    assert_eq!(inbox.receive(event.replayed(), &place).await.unwrap(), Outcome::Applied);
    assert_eq!(inbox.receive(event.sent(), &place).await.unwrap(), Outcome::Seen);
    assert_eq!(*heard.lock().unwrap(), Vec::<String>::new());
    assert_eq!(inbox.receive(event.replayed(), &place).await.unwrap(), Outcome::Seen);
    assert_eq!(*heard.lock().unwrap(), ["p-1"]);
    is_whole(&place, &ledger).await;
}

pub async fn from_now_everything_that_comes_to_an_empty_ledger_is_applied<P: Place>() {
    let (place, ledger) = (P::open().await, FakeLedger::default());
    let inbox = inbox(&place, &ledger).start(Start::Now);
    assert_eq!(inbox.catch_up(&place).await.unwrap(), 0);
    ledger.record("p", 1, "");
    assert_eq!(inbox.catch_up(&place).await.unwrap(), 1);
    is_whole(&place, &ledger).await;
}

pub async fn catching_up_goes_on_where_it_was<P: Place>() {
    let (place, ledger) = (P::open().await, recorded(20, 300, 1));
    let inbox = inbox(&place, &ledger);
    assert_eq!(inbox.catch_up(&place).await.unwrap(), 300);
    assert_eq!(inbox.catch_up(&place).await.unwrap(), 0);
    for _ in 0..150 {
        ledger.record("p3", 2, "");
    }
    assert_eq!(inbox.catch_up(&place).await.unwrap(), 150);
    is_whole(&place, &ledger).await;
}

pub async fn a_feed_that_changed_is_not_followed<P: Place>() {
    for is_cut in [true, false] {
        let (place, ledger) = (P::open().await, FakeLedger::default());
        ledger.record("p", 1, "");
        ledger.record("p", 1, "");
        let inbox = inbox(&place, &ledger);
        assert_eq!(inbox.catch_up(&place).await.unwrap(), 2);
        ledger.with(|kept| {
            let (mut newest, events) = kept.feed.pop().unwrap();
            newest.hash = "x".into();
            if !is_cut {
                kept.feed.push((newest, events));
            }
        });
        let changed = inbox.catch_up(&place).await;
        assert!(matches!(changed, Err(InboxError::FeedChanged(_))), "{changed:?}");
    }
}

pub async fn what_is_no_event_is_named<P: Place>() {
    let place = P::open().await;
    let inbox = inbox(&place, &FakeLedger::default());
    let malformed =
        r#"{"detail":{"metadata":{"product_id":"p","sequence":"1","event_id":"e","hash":"h"},"data":{}}}"#;
    for wrong in ["", "[]", "null", "{}", malformed, &malformed.replace("\"1\"", "0")] {
        let refused = inbox.receive(wrong, &place).await;
        assert!(matches!(refused, Err(InboxError::NotAnEvent(_))), "{wrong}: {refused:?}");
    }
}

/// How many events the long tests deliver.
fn many<P: Place>() -> usize {
    let (setting, otherwise) = P::DELIVERIES;
    std::env::var(setting).map_or(otherwise, |given| given.parse().unwrap())
}

pub fn sent((event, is_replay): (Recorded, bool)) -> LedgerEvent {
    if is_replay { event.replayed() } else { event.sent() }
}

pub async fn hostile_deliveries_have_one_effect_each<P: Place>() {
    let (place, ledger) = (P::open().await, recorded(200, many::<P>() * 3 / 5, 4));
    let (inbox, mut count) = (inbox(&place, &ledger), 0);
    for delivery in deliveries(&ledger, 5) {
        assert_ne!(inbox.receive(sent(delivery), &place).await.unwrap(), Outcome::Parked);
        count += 1;
    }
    let fetched = inbox.fetches();
    inbox.catch_up(&place).await.unwrap();
    is_whole(&place, &ledger).await;
    let (million, rest) = (1_000_000 * fetched / count, inbox.fetches() - fetched);
    let place = std::any::type_name::<P>();
    println!("{place}: {count} deliveries, {million} fetches in a million, {rest} to catch up");
}

/// Several inboxes, as in several processes, on several threads.
pub async fn several_receivers_of_hostile_deliveries_have_one_effect_each<P: Place>() {
    let (place, ledger) = (P::open().await, recorded(40, many::<P>() / 20, 2));
    let queue = Arc::new(Mutex::new(deliveries(&ledger, 3).into_iter()));
    let received = Arc::new(AtomicU64::new(0));
    let receivers: Vec<_> = (0..4)
        .map(|_| {
            let (place, queue, received) = (place.clone(), queue.clone(), received.clone());
            let inbox = inbox(&place, &ledger).wait(Duration::from_millis(10));
            tokio::spawn(async move {
                loop {
                    let next = queue.lock().unwrap().next();
                    let Some(delivery) = next else { return };
                    let outcome = inbox.receive(sent(delivery), &place).await.unwrap();
                    assert_ne!(outcome, Outcome::Parked);
                    received.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for receiver in receivers {
        receiver.await.unwrap();
    }
    assert!(received.load(Ordering::Relaxed) > 0);
    inbox(&place, &ledger).catch_up(&place).await.unwrap();
    is_whole(&place, &ledger).await;
}

/// The tests on one place.
macro_rules! on {
    ($place:ty: $($name:ident)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            crate::contract::$name::<$place>().await;
        })*
    };
    ($place:ty) => {
        crate::contract::on!($place:
            a_second_delivery_is_seen
            what_is_missing_is_fetched_with_one_request
            receivers_of_the_same_gap_fetch_it_once
            an_event_that_came_early_is_applied_when_the_gap_is_filled
            an_event_is_delivered_again_while_the_ledger_does_not_answer
            an_error_of_apply_leaves_nothing_behind
            what_cannot_be_applied_parks_its_product_alone_until_it_is_retried
            a_replay_that_was_seen_is_told_to_whoever_asks_for_it
            from_now_everything_that_comes_to_an_empty_ledger_is_applied
            catching_up_goes_on_where_it_was
            a_feed_that_changed_is_not_followed
            what_is_no_event_is_named
            hostile_deliveries_have_one_effect_each
            several_receivers_of_hostile_deliveries_have_one_effect_each
        );

        #[tokio::test]
        async fn the_vectors_have_the_effects_that_every_language_has() {
            crate::vectors::scenarios::<$place>().await;
            crate::vectors::hostile::<$place>().await;
        }
    };
}
pub(crate) use on;
