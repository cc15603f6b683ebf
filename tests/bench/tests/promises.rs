//! What the last run has to show: ours costs the same at any length, and at most a tenth of every peer's default.

use bench::measured::{COMPARED, LENGTHS, Measured, read};
use bench::product::Work;
use bench::report::at;

const OURS: &str = "product-ledger, default";
const WITH_KEYS: &str = "product-ledger, a key with every command";
const PEERS: [&str; 3] = ["dynamo-es, default", "event-store-adapter-rs, default", "castore, default"];

fn usd(measured: &[Measured], name: &str, events: u64) -> f64 {
    doing(measured, name, Work::Price, events)
}

fn doing(measured: &[Measured], name: &str, work: Work, events: u64) -> f64 {
    at(measured, name, work, events).and_then(Measured::usd).unwrap_or_else(|| panic!("{name} at {events}"))
}

#[test]
fn a_command_of_ours_costs_the_same_two_requests_from_1_to_100_000_events() {
    let measured = read().unwrap();
    let first = at(&measured, OURS, Work::Price, 1).unwrap().command.unwrap();
    assert_eq!((first.load.requests, first.append.requests), (1.0, 1.0));
    for events in LENGTHS {
        let one = at(&measured, OURS, Work::Price, events).unwrap();
        assert_eq!(one.command, Some(first), "{events} events");
        assert_eq!(one.load, first.load, "{events} events");
    }
}

/// A commit carries the newest 32 keys, so it grows until there are so many, and then no more.
#[test]
fn a_command_with_a_key_costs_the_same_once_32_keys_are_remembered() {
    let measured = read().unwrap();
    let full = usd(&measured, WITH_KEYS, 100);
    for events in LENGTHS {
        let usd = usd(&measured, WITH_KEYS, events);
        assert!(usd == full || (events < 100 && usd < full), "{events} events");
    }
}

#[test]
fn a_command_of_ours_costs_at_most_a_tenth_of_every_peer_s_default_at_1_000_events() {
    let measured = read().unwrap();
    for peer in PEERS {
        for work in [Work::Price, Work::Description] {
            let ours = doing(&measured, OURS, work, COMPARED);
            let theirs = doing(&measured, peer, work, COMPARED);
            assert!(ours * 10.0 <= theirs, "{}: {ours} beside {theirs} of {peer}", work.name());
        }
    }
}
