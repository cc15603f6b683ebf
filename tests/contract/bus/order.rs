//! Readers see the entries of each bus in the order of their positions, from 1 and without a gap.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::timeout;

use super::{Buses, entries, entry, everything, ids, numbers, positions, put_all};

cases! { dyn publisher::LocalBus, [memory sqlite dynamodb];
    an_empty_bus_is_at_zero
    positions_begin_at_one_and_have_no_gaps
    entries_of_a_request_stand_in_their_order
    each_bus_counts_by_itself
    names_of_buses_that_begin_alike_are_kept_apart
    reading_begins_after_the_given_position
    a_page_is_filled_up_to_its_limit
    a_page_of_no_entries_is_empty
    nothing_is_after_the_newest_entry
    walking_page_by_page_meets_each_entry_once
    many_senders_leave_no_gap
    a_request_stays_together
    a_reader_sees_every_entry_once_while_others_send
    a_waiting_reader_is_woken
    a_woken_reader_can_read_what_was_appended
    positions_continue_after_reopening
    entries_survive_reopening
}

const SOON: Duration = Duration::from_secs(20);

async fn an_empty_bus_is_at_zero(bus: &Buses) {
    bus.put(&[entry("other", 1)]).await.unwrap();
    assert_eq!(bus.newest("local").await.unwrap(), 0);
    assert_eq!(everything(&**bus, "local").await, []);
}

async fn positions_begin_at_one_and_have_no_gaps(bus: &Buses) {
    for n in 0..12 {
        bus.put(&[entry("local", n)]).await.unwrap();
        assert_eq!(bus.newest("local").await.unwrap(), n + 1);
    }
    let retained = everything(&**bus, "local").await;
    assert_eq!((positions(&retained), numbers(&retained)), ((1..=12).collect(), (0..12).collect()));
}

async fn entries_of_a_request_stand_in_their_order(bus: &Buses) {
    for n in [5, 3, 9] {
        let request: Vec<_> = entries("local", 10 * n..10 * n + 10).into_iter().rev().collect();
        bus.put(&request).await.unwrap();
    }
    let expected: Vec<_> = [5, 3, 9].into_iter().flat_map(|n| (10 * n..10 * n + 10).rev()).collect();
    assert_eq!(numbers(&everything(&**bus, "local").await), expected);
}

async fn each_bus_counts_by_itself(bus: &Buses) {
    for n in 0..6 {
        bus.put(&[entry("a", n), entry("b", n), entry("a", n + 100)]).await.unwrap();
    }
    let (a, b) = (everything(&**bus, "a").await, everything(&**bus, "b").await);
    assert_eq!((positions(&a), positions(&b)), ((1..=12).collect(), (1..=6).collect()));
    assert_eq!(numbers(&b), [0, 1, 2, 3, 4, 5]);
}

async fn names_of_buses_that_begin_alike_are_kept_apart(bus: &Buses) {
    for (n, name) in (1..).zip(["bus", "bus2", "Bus", "bu", "bus#event-1", "1"]) {
        put_all(&**bus, name, 0..n).await;
    }
    for (n, name) in (1..).zip(["bus", "bus2", "Bus", "bu", "bus#event-1", "1"]) {
        assert_eq!(bus.newest(name).await.unwrap(), n, "{name}");
        assert_eq!(numbers(&everything(&**bus, name).await), (0..n).collect::<Vec<_>>(), "{name}");
    }
}

async fn reading_begins_after_the_given_position(bus: &Buses) {
    put_all(&**bus, "local", 0..6).await;
    for position in 0..=6 {
        let retained = bus.after("local", position, 100).await.unwrap();
        assert_eq!(positions(&retained), (position + 1..=6).collect::<Vec<_>>());
    }
}

async fn a_page_is_filled_up_to_its_limit(bus: &Buses) {
    put_all(&**bus, "local", 0..6).await;
    for limit in 1..=7_u16 {
        let retained = bus.after("local", 0, limit).await.unwrap();
        assert_eq!(positions(&retained), (1..=u64::from(limit.min(6))).collect::<Vec<_>>());
    }
    assert_eq!(positions(&bus.after("local", 4, 2).await.unwrap()), [5, 6]);
}

async fn a_page_of_no_entries_is_empty(bus: &Buses) {
    put_all(&**bus, "local", 0..6).await;
    assert_eq!(bus.after("local", 0, 0).await.unwrap(), []);
}

async fn nothing_is_after_the_newest_entry(bus: &Buses) {
    put_all(&**bus, "local", 0..3).await;
    for position in [3, 4, 1 << 40, u64::MAX >> 1, u64::MAX] {
        assert_eq!(bus.after("local", position, 10).await.unwrap(), [], "{position}");
    }
}

async fn walking_page_by_page_meets_each_entry_once(bus: &Buses) {
    put_all(&**bus, "local", 0..23).await;
    for limit in [1, 2, 22, 23, 24] {
        let (mut met, mut position) = (Vec::new(), 0);
        loop {
            let page = bus.after("local", position, limit).await.unwrap();
            let Some(last) = page.last() else { break };
            position = last.position;
            met.extend(numbers(&page));
            assert!(met.len() <= 23, "the walk does not end");
        }
        assert_eq!(met, (0..23).collect::<Vec<_>>(), "pages of {limit}");
    }
}

async fn many_senders_leave_no_gap(bus: &Buses) {
    let puts = (0..30).map(|n| {
        let bus = bus.shared();
        tokio::spawn(async move { bus.put(&[entry("local", n), entry("other", n)]).await.unwrap() })
    });
    for put in join_all(puts.collect::<Vec<_>>()).await {
        assert_eq!(ids(put.unwrap()).len(), 2);
    }
    for name in ["local", "other"] {
        let retained = everything(&**bus, name).await;
        assert_eq!(positions(&retained), (1..=30).collect::<Vec<_>>());
        let mut sent = numbers(&retained);
        sent.sort_unstable();
        assert_eq!(sent, (0..30).collect::<Vec<_>>());
    }
}

async fn a_request_stays_together(bus: &Buses) {
    let puts = (0..12).map(|n| {
        let bus = bus.shared();
        tokio::spawn(async move { bus.put(&entries("local", 10 * n..10 * n + 5)).await.unwrap() })
    });
    join_all(puts.collect::<Vec<_>>()).await.into_iter().for_each(|put| drop(put.unwrap()));
    for together in numbers(&everything(&**bus, "local").await).chunks(5) {
        assert_eq!(together, (together[0]..together[0] + 5).collect::<Vec<_>>());
    }
}

async fn a_reader_sees_every_entry_once_while_others_send(bus: &Buses) {
    let senders: Vec<_> = (0..3_u64)
        .map(|sender| {
            let bus = bus.shared();
            tokio::spawn(async move { put_all(&*bus, "local", 100 * sender..100 * sender + 40).await })
        })
        .collect();
    let (mut met, mut appended) = (Vec::new(), bus.appended());
    while met.len() < 120 {
        let page = bus.after("local", met.len() as u64, 7).await.unwrap();
        if page.is_empty() {
            timeout(SOON, appended.changed()).await.unwrap().unwrap();
        }
        met.extend(positions(&page));
    }
    assert_eq!(met, (1..=120).collect::<Vec<_>>());
    for sender in senders {
        sender.await.unwrap();
    }
}

async fn a_waiting_reader_is_woken(bus: &Buses) {
    let mut appended = bus.appended();
    appended.mark_unchanged();
    let waiting = tokio::spawn(async move { timeout(SOON, appended.changed()).await.unwrap().unwrap() });
    tokio::task::yield_now().await;
    bus.put(&[entry("local", 1)]).await.unwrap();
    waiting.await.unwrap();
}

async fn a_woken_reader_can_read_what_was_appended(bus: &Buses) {
    let (mut appended, sender) = (bus.appended(), bus.shared());
    appended.mark_unchanged();
    for n in 1..=10 {
        let sender = sender.clone();
        let put = tokio::spawn(async move { sender.put(&[entry("local", n)]).await.unwrap() });
        timeout(SOON, appended.changed()).await.unwrap().unwrap();
        assert_eq!(bus.newest("local").await.unwrap(), n);
        put.await.unwrap();
        appended.mark_unchanged();
    }
}

async fn positions_continue_after_reopening(bus: &Buses) {
    put_all(&**bus, "local", 0..3).await;
    let again = bus.opened_again(None).await;
    put_all(&*again, "local", 3..5).await;
    put_all(&*again, "other", 0..1).await;
    let retained = everything(&*again, "local").await;
    assert_eq!((positions(&retained), numbers(&retained)), (vec![1, 2, 3, 4, 5], vec![0, 1, 2, 3, 4]));
    assert_eq!(again.newest("other").await.unwrap(), 1);
}

async fn entries_survive_reopening(bus: &Buses) {
    put_all(&**bus, "local", 0..3).await;
    let before = everything(&**bus, "local").await;
    let again = bus.opened_again(None).await;
    assert_eq!(everything(&*again, "local").await, before);
    assert_eq!(again.position_of("local", "event-1").await.unwrap(), Some(2));
}
