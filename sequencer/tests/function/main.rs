//! The function `sequencer` on its own: the real program behind a Runtime API on loopback, with tables, a bucket and a key, invoked
//! with records of the table of feed items and with the events of its schedules.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed expectation fails the test")]

mod given;
mod protection;
mod runs;
mod silence;
mod start;
