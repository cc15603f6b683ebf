//! An accepted entry is retained until a given number of newer ones have followed, and an event is found at its oldest entry.

use super::{Buses, entry, everything, numbers, positions, put_all};

cases! { dyn publisher::LocalBus, [memory sqlite dynamodb];
    the_newest_entries_are_retained
    the_oldest_entries_are_eventually_deleted
    retained_entries_have_no_gaps
    positions_continue_after_the_oldest_entries_are_deleted
    each_bus_retains_its_own_entries
    entries_beyond_the_limit_are_deleted_after_reopening
    a_reader_behind_the_oldest_entry_continues_with_it
    an_event_is_found_at_its_entry
    an_event_sent_again_is_found_at_its_oldest_entry
    an_event_whose_oldest_entry_is_deleted_is_found_at_the_next
    an_unknown_event_is_not_found
    an_event_of_another_bus_is_not_found
    an_event_whose_entries_are_deleted_is_not_found
}

/// An adapter deletes the oldest entries at the latest when it has this many more than it retains.
const DELETE_BATCH: usize = 256;

async fn the_newest_entries_are_retained(bus: &Buses) {
    let bus = bus.another(Some(50)).await;
    for end in [10, 40, 50, 60, 260, 300, 520] {
        put_all(&*bus, "local", bus.newest("local").await.unwrap()..end).await;
        let newest: Vec<_> = (end.saturating_sub(50)..end).collect();
        assert!(numbers(&everything(&*bus, "local").await).ends_with(&newest), "{end}");
    }
}

async fn the_oldest_entries_are_eventually_deleted(bus: &Buses) {
    let bus = bus.another(Some(50)).await;
    put_all(&*bus, "local", 0..700).await;
    let retained = everything(&*bus, "local").await;
    assert!((50..50 + DELETE_BATCH).contains(&retained.len()), "{}", retained.len());
}

async fn retained_entries_have_no_gaps(bus: &Buses) {
    let bus = bus.another(Some(20)).await;
    put_all(&*bus, "local", 0..530).await;
    let retained = positions(&everything(&*bus, "local").await);
    assert_eq!(retained, (retained[0]..=530).collect::<Vec<_>>());
}

async fn positions_continue_after_the_oldest_entries_are_deleted(bus: &Buses) {
    let bus = bus.another(Some(5)).await;
    put_all(&*bus, "local", 0..520).await;
    assert_eq!(bus.newest("local").await.unwrap(), 520);
    bus.put(&[entry("local", 520)]).await.unwrap();
    assert_eq!(positions(&bus.after("local", 520, 10).await.unwrap()), [521]);
}

async fn each_bus_retains_its_own_entries(bus: &Buses) {
    let bus = bus.another(Some(20)).await;
    put_all(&*bus, "quiet", 0..30).await;
    put_all(&*bus, "local", 0..600).await;
    let retained = numbers(&everything(&*bus, "quiet").await);
    assert!(retained.ends_with(&(10..30).collect::<Vec<_>>()), "{retained:?}");
    assert_eq!(bus.newest("quiet").await.unwrap(), 30);
}

async fn entries_beyond_the_limit_are_deleted_after_reopening(bus: &Buses) {
    let bus = bus.another(Some(400)).await;
    put_all(&*bus, "local", 0..500).await;
    let again = bus.opened_again(Some(400)).await;
    put_all(&*again, "local", 500..1_100).await;
    let retained = everything(&*again, "local").await;
    assert!((400..400 + DELETE_BATCH).contains(&retained.len()), "{}", retained.len());
}

async fn a_reader_behind_the_oldest_entry_continues_with_it(bus: &Buses) {
    let bus = bus.another(Some(5)).await;
    put_all(&*bus, "local", 0..520).await;
    let oldest = everything(&*bus, "local").await[0].position;
    assert!(oldest > 200, "{oldest}");
    for position in [0, 1, 100, oldest - 1] {
        assert_eq!(bus.after("local", position, 1).await.unwrap()[0].position, oldest);
    }
}

async fn position_of(bus: &Buses, name: &str, event: &str) -> Option<u64> {
    bus.position_of(name, event).await.unwrap()
}

async fn an_event_is_found_at_its_entry(bus: &Buses) {
    put_all(&**bus, "local", 0..20).await;
    for n in 0..20 {
        assert_eq!(position_of(bus, "local", &format!("event-{n}")).await, Some(n + 1));
    }
}

async fn an_event_sent_again_is_found_at_its_oldest_entry(bus: &Buses) {
    bus.put(&[entry("local", 1), entry("local", 2)]).await.unwrap();
    for _ in 0..3 {
        // As a replay does.
        bus.put(&[entry("local", 2)]).await.unwrap();
        assert_eq!(position_of(bus, "local", "event-2").await, Some(2));
    }
}

async fn an_event_whose_oldest_entry_is_deleted_is_found_at_the_next(bus: &Buses) {
    let bus = bus.another(Some(300)).await;
    put_all(&*bus, "local", 0..400).await;
    bus.put(&[entry("local", 1)]).await.unwrap();
    put_all(&*bus, "local", 400..620).await;
    assert_eq!(position_of(&bus, "local", "event-1").await, Some(401));
}

async fn an_unknown_event_is_not_found(bus: &Buses) {
    put_all(&**bus, "local", 0..3).await;
    for unknown in ["", "7", "event-3", "2", "event", "event-", "EVENT-1", "local#event-1"] {
        assert_eq!(position_of(bus, "local", unknown).await, None, "{unknown}");
    }
}

async fn an_event_of_another_bus_is_not_found(bus: &Buses) {
    bus.put(&[entry("local", 1), entry("other", 2)]).await.unwrap();
    assert_eq!(position_of(bus, "other", "event-1").await, None);
    assert_eq!(position_of(bus, "local", "event-2").await, None);
    assert_eq!(position_of(bus, "nowhere", "event-2").await, None);
}

async fn an_event_whose_entries_are_deleted_is_not_found(bus: &Buses) {
    let bus = bus.another(Some(5)).await;
    put_all(&*bus, "local", 0..520).await;
    assert_eq!(position_of(&bus, "local", "event-0").await, None);
    assert_eq!(position_of(&bus, "local", "event-519").await, Some(520));
}
