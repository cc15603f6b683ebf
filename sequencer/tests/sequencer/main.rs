//! The sequencer of the log on AWS: whatever fails, is repeated, overtaken or killed, there is one history, with each commit in it
//! once and the commits of a product in order.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod announced;
mod beginning;
mod conflicts;
mod cost;
mod days;
mod faults;
mod feed;
mod given;
mod items;
mod publishing;
mod reconcile;
mod restore_table;
mod restored;
