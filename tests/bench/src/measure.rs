//! The measurement, the same for all: a product with a number of events, some loads, some commands, counted by the proxy.

use async_trait::async_trait;

use crate::measured::{COMPARED, CommandCost, Cost, Measured};
use crate::meter::Meter;
use crate::product::{self, Work};

/// How many loads and commands are counted at a length; results are means. Fewer for a long history, where loads are slow
/// and their requests never vary.
#[must_use]
pub fn repeats(events: u64) -> u32 {
    if events > COMPARED { 1 } else { 3 }
}

/// An event store, as its users use it.
#[async_trait]
pub trait Store: Send + Sync {
    /// The system and its configuration.
    fn name(&self) -> (&'static str, &'static str);

    /// The kind of change to a product.
    fn work(&self) -> Work;

    /// Writes the items of a product with this many events as the library would have, without the proxy.
    ///
    /// # Errors
    /// The engine rejects them.
    async fn prefill(&self, product: &str, events: u64) -> anyhow::Result<()>;

    /// Creates a product.
    ///
    /// # Errors
    /// The system fails.
    async fn create(&self, product: &str) -> anyhow::Result<()>;

    /// Loads a product; returns how many events the library sees.
    ///
    /// # Errors
    /// The system fails.
    async fn load(&self, product: &str) -> anyhow::Result<u64>;

    /// Loads a product, decides, and appends the event that makes it `next` events long.
    ///
    /// # Errors
    /// The system fails.
    async fn command(&self, product: &str, next: u64) -> anyhow::Result<()>;
}

/// Measures `store` at one length; 0 measures creation.
///
/// # Errors
/// Prefilling or loading fails, or the store does not see a command that succeeded.
pub async fn measure(store: &dyn Store, meter: &Meter, events: u64) -> anyhow::Result<Measured> {
    let (system, configuration) = store.name();
    let id = product::id(system, configuration, store.work(), events);
    if events > 0 {
        store.prefill(&id, events).await?;
    }
    drop(meter.take());
    let (mut seen, repeats) = (0, repeats(events));
    for _ in 0..repeats {
        seen = store.load(&id).await?;
    }
    let load = Cost::mean(meter.take().reads(), repeats);
    let done = commands(store, &id, events).await;
    let metered = meter.take();
    let (command, failure) = match done {
        Ok(()) => (Some(CommandCost::mean(&metered, repeats)?), None),
        Err(error) => (None, Some(format!("{error:#}"))),
    };
    let (system, configuration, work) =
        (system.to_owned(), configuration.to_owned(), store.work().name().to_owned());
    let measured = Measured { system, configuration, work, events, seen, load, command, failure };
    measured.check()?;
    Ok(measured)
}

async fn commands(store: &dyn Store, id: &str, events: u64) -> anyhow::Result<()> {
    for n in 1..=u64::from(repeats(events)) {
        if events == 0 {
            store.create(&format!("{id}-{n}")).await?;
        } else {
            store.command(id, events + n).await?;
        }
    }
    Ok(())
}
