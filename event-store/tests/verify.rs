//! Every fault is found and named, and what a chain alone cannot show is shown by those who saw it before.
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
    mod versions;
    mod witnesses;
}
