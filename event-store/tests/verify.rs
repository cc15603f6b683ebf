//! Verification finds and names every fault; what a chain alone cannot show, witnesses show.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod verify {
    mod alone;
    mod export;
    mod given;
    mod heads;
    mod journal;
    mod lines;
    mod mutants;
    mod python;
    mod rows;
    mod shape;
    mod versions;
    mod witnesses;
}
