//! Where time and ids enter the program: nothing else reads the system clock or makes a random id, so that tests can fix
//! both.

use std::sync::Arc;

use schema::time::{Clock, Ids, Timestamp};

/// The clock and the source of new ids, passed to everything that needs either.
#[derive(Clone)]
pub struct ClockAndIds {
    /// The time.
    pub clock: Clock,
    /// New ids.
    pub ids: Ids,
}

impl ClockAndIds {
    /// The system's clock and random ids.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is where time and ids enter the program")]
    pub fn system() -> Self {
        // A clock outside the years that can be written is a broken machine; commits stay in order all the same.
        let clock = || Timestamp::new(chrono::Utc::now()).unwrap_or(Timestamp::EPOCH);
        Self { clock: Arc::new(clock), ids: Arc::new(ulid::Ulid::generate) }
    }
}
