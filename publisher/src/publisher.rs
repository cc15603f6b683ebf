//! The publisher: its ports, its retry policy and how much it does concurrently.
//!
//! Its promise: all durable state is behind the ports, so a publisher can be dropped at any await point and replaced by
//! another one. What it does is in `publish`, `catch_up` and `replay`.

use std::sync::Arc;
use std::time::Duration;

use event_store::{Backoff, Journal, Parking, Receipts};
use schema::Clock;
use tokio::sync::Mutex;

use crate::bus::{Bus, BusGuard, BusPresence};
use crate::message::Address;

/// The name of this consumer in the parking rows. Stored. Never change.
pub const CONSUMER: &str = "publisher";

/// The stores and the bus that a publisher works with.
#[derive(Clone)]
pub struct PublisherPorts {
    /// The event table, the source of truth.
    pub journal: Arc<dyn Journal>,
    /// The outcome of publishing each event.
    pub receipts: Arc<dyn Receipts>,
    /// Products whose publication is suspended.
    pub parking: Arc<dyn Parking>,
    /// The bus that receives the events.
    pub bus: Arc<dyn Bus>,
    /// Timestamps of receipts and failures.
    pub clock: Clock,
}

/// Publishes commits. Cheap to clone.
#[derive(Clone)]
pub struct Publisher {
    pub(crate) ports: PublisherPorts,
    pub(crate) address: Address,
    pub(crate) retry_policy: RetryPolicy,
    pub(crate) concurrency: Concurrency,
    /// Held while products are published from the event table, so that only one caller at a time does so.
    pub(crate) catching_up: Arc<Mutex<()>>,
}

/// How much is in flight at the same time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Concurrency {
    /// Products that are read or written.
    pub(crate) products: usize,
    /// Requests to the bus.
    pub(crate) requests: usize,
}

/// How long an entry that may be accepted later is sent again within one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The pauses between attempts.
    pub backoff: Backoff,
    /// How long one event may keep failing before its product is parked.
    pub total: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            backoff: Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(5) },
            total: Duration::from_secs(20),
        }
    }
}

impl Publisher {
    /// A publisher that sends to `address`: 16 products and 4 requests to the bus at a time, and nothing to a bus that does not
    /// exist.
    #[must_use]
    pub fn new(mut ports: PublisherPorts, address: Address, retry_policy: RetryPolicy) -> Self {
        ports.bus = Arc::new(BusGuard::new(ports.bus));
        let concurrency = Concurrency { products: 16, requests: 4 };
        Self { ports, address, retry_policy, concurrency, catching_up: Arc::default() }
    }

    /// The same publisher with another concurrency: up to `products` products, and an eighth as many requests to the bus.
    #[must_use]
    pub fn at_once(self, products: usize) -> Self {
        Self {
            concurrency: Concurrency { products: products.max(1), requests: (products / 8).max(1) },
            ..self
        }
    }

    /// The name of the bus.
    #[must_use]
    pub fn bus(&self) -> &str {
        &self.address.bus
    }

    /// Asks whether a bus exists, `None` for the configured one.
    pub async fn bus_presence(&self, bus: Option<&str>) -> BusPresence {
        self.ports.bus.presence(bus.unwrap_or(&self.address.bus)).await
    }
}
