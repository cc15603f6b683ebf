//! One way of measuring for all: a product of so many events, some loads, some commands, each counted by the proxy.

use async_trait::async_trait;

use crate::measured::{COMPARED, CommandCost, Cost, Measured};
use crate::meter::Meter;
use crate::product::{self, Work};

/// How many loads and commands are counted at a length; the figures are means. A load of a long history takes long, and
/// what it asks for never differs.
#[must_use]
pub fn repeats(events: u64) -> u32 {
    if events > COMPARED { 1 } else { 3 }
}

/// An event store, as its users use it.
#[async_trait]
pub trait Store: Send + Sync {
    /// System and configuration.
    fn name(&self) -> (&'static str, &'static str);

    /// What it does to a product.
    fn work(&self) -> Work;

    /// Puts the items of a product of so many events where the library would have put them, past the proxy.
    ///
    /// # Errors
    /// When the engine refuses them.
    async fn prefill(&self, product: &str, events: u64) -> anyhow::Result<()>;

    /// Creates a product.
    ///
    /// # Errors
    /// When it cannot be done.
    async fn create(&self, product: &str) -> anyhow::Result<()>;

    /// Loads a product and says how many events it has, as far as the library sees.
    ///
    /// # Errors
    /// When it cannot be done.
    async fn load(&self, product: &str) -> anyhow::Result<u64>;

    /// Loads a product, decides, and appends the event that makes it `next` events long.
    ///
    /// # Errors
    /// When it cannot be done.
    async fn command(&self, product: &str, next: u64) -> anyhow::Result<()>;
}

/// Measures `store` at one length; 0 measures creation.
///
/// # Errors
/// When prefilling or loading fails, or a command succeeded that the store does not see.
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
