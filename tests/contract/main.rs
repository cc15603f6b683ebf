//! What every store must do: one case for each promise of a port, run on memory, SQLite and `DynamoDB` alike.
//!
//! A case is an async function over the port; `cases!` makes a test of it for each adapter of the port, named
//! `port::…::sentence::adapter`. On SQLite it is run for each way in which the adapter reaches its file. A port that an
//! adapter does not offer has no such tests, and `just contract` counts them as not applicable.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

/// A module for each case, with a test for each adapter in it. A case that is not named here is dead code, which is a
/// warning.
macro_rules! cases {
    ($port:ty, $adapters:tt; $($case:ident)+) => {
        $(mod $case { on_each! { $port, $case, $adapters } })+
    };
}

macro_rules! on_each {
    ($port:ty, $case:ident, [$($adapter:ident)+]) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $adapter() {
                crate::given::$adapter::<$port>(super::$case).await;
            }
        )+
    };
}

mod announced;
mod bus;
mod feed;
mod given;
mod journal;
mod log_table;
mod parking;
mod prices;
mod progress;
mod receipts;
mod rounds;
mod views;
