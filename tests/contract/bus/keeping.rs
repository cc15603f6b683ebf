//! An accepted entry is kept until so many newer ones have come, and an event leads back to its oldest entry.

use super::{Buses, entry, everything, numbers, positions, put_all};

cases! { dyn publisher::LocalBus, [memory sqlite dynamodb];
    the_newest_entries_are_kept
    the_oldest_entries_go_in_the_end
    what_is_kept_has_no_gaps
    positions_go_on_though_the_oldest_are_gone
    each_bus_keeps_its_own
    what_is_left_over_goes_after_the_bus_is_opened_again
    a_reader_behind_the_oldest_entry_goes_on_with_it
    an_event_leads_back_to_its_entry
    an_event_that_was_sent_again_leads_back_to_its_oldest_entry
    an_event_whose_oldest_entry_is_gone_leads_back_to_the_next
    an_unknown_event_leads_nowhere
    an_event_of_another_bus_leads_nowhere
    an_event_whose_entries_are_gone_leads_nowhere
}

/// A store lets go of the oldest at the latest when it has this many more than it keeps.
const AT_ONCE: usize = 256;

async fn the_newest_entries_are_kept(bus: &Buses) {
    let bus = bus.another(Some(50)).await;
    for end in [10, 40, 50, 60, 260, 300, 520] {
        put_all(&*bus, "local", bus.newest("local").await.unwrap()..end).await;
        let newest: Vec<_> = (end.saturating_sub(50)..end).collect();
        assert!(numbers(&everything(&*bus, "local").await).ends_with(&newest), "{end}");
    }
}

async fn the_oldest_entries_go_in_the_end(bus: &Buses) {
    let bus = bus.another(Some(50)).await;
    put_all(&*bus, "local", 0..700).await;
    let kept = everything(&*bus, "local").await;
    assert!((50..50 + AT_ONCE).contains(&kept.len()), "{}", kept.len());
}

async fn what_is_kept_has_no_gaps(bus: &Buses) {
    let bus = bus.another(Some(20)).await;
    put_all(&*bus, "local", 0..530).await;
    let kept = positions(&everything(&*bus, "local").await);
    assert_eq!(kept, (kept[0]..=530).collect::<Vec<_>>());
}

async fn positions_go_on_though_the_oldest_are_gone(bus: &Buses) {
    let bus = bus.another(Some(5)).await;
    put_all(&*bus, "local", 0..520).await;
    assert_eq!(bus.newest("local").await.unwrap(), 520);
    bus.put(&[entry("local", 520)]).await.unwrap();
    assert_eq!(positions(&bus.after("local", 520, 10).await.unwrap()), [521]);
}

async fn each_bus_keeps_its_own(bus: &Buses) {
    let bus = bus.another(Some(20)).await;
    put_all(&*bus, "quiet", 0..30).await;
    put_all(&*bus, "local", 0..600).await;
    let kept = numbers(&everything(&*bus, "quiet").await);
    assert!(kept.ends_with(&(10..30).collect::<Vec<_>>()), "{kept:?}");
    assert_eq!(bus.newest("quiet").await.unwrap(), 30);
}

async fn what_is_left_over_goes_after_the_bus_is_opened_again(bus: &Buses) {
    let bus = bus.another(Some(400)).await;
    put_all(&*bus, "local", 0..500).await;
    let again = bus.opened_again(Some(400)).await;
    put_all(&*again, "local", 500..1_100).await;
    let kept = everything(&*again, "local").await;
    assert!((400..400 + AT_ONCE).contains(&kept.len()), "{}", kept.len());
}

async fn a_reader_behind_the_oldest_entry_goes_on_with_it(bus: &Buses) {
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

async fn an_event_leads_back_to_its_entry(bus: &Buses) {
    put_all(&**bus, "local", 0..20).await;
    for n in 0..20 {
        assert_eq!(position_of(bus, "local", &format!("event-{n}")).await, Some(n + 1));
    }
}

async fn an_event_that_was_sent_again_leads_back_to_its_oldest_entry(bus: &Buses) {
    bus.put(&[entry("local", 1), entry("local", 2)]).await.unwrap();
    for _ in 0..3 {
        // As a replay does.
        bus.put(&[entry("local", 2)]).await.unwrap();
        assert_eq!(position_of(bus, "local", "event-2").await, Some(2));
    }
}

async fn an_event_whose_oldest_entry_is_gone_leads_back_to_the_next(bus: &Buses) {
    let bus = bus.another(Some(300)).await;
    put_all(&*bus, "local", 0..400).await;
    bus.put(&[entry("local", 1)]).await.unwrap();
    put_all(&*bus, "local", 400..620).await;
    assert_eq!(position_of(&bus, "local", "event-1").await, Some(401));
}

async fn an_unknown_event_leads_nowhere(bus: &Buses) {
    put_all(&**bus, "local", 0..3).await;
    for unknown in ["", "7", "event-3", "2", "event", "event-", "EVENT-1", "local#event-1"] {
        assert_eq!(position_of(bus, "local", unknown).await, None, "{unknown}");
    }
}

async fn an_event_of_another_bus_leads_nowhere(bus: &Buses) {
    bus.put(&[entry("local", 1), entry("other", 2)]).await.unwrap();
    assert_eq!(position_of(bus, "other", "event-1").await, None);
    assert_eq!(position_of(bus, "local", "event-2").await, None);
    assert_eq!(position_of(bus, "nowhere", "event-2").await, None);
}

async fn an_event_whose_entries_are_gone_leads_nowhere(bus: &Buses) {
    let bus = bus.another(Some(5)).await;
    put_all(&*bus, "local", 0..520).await;
    assert_eq!(position_of(&bus, "local", "event-0").await, None);
    assert_eq!(position_of(&bus, "local", "event-519").await, Some(520));
}
