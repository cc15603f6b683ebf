//! Waits until views and bus have every command, by the counts in `GET /metrics`, which work with any store, and then verifies
//! it for every product.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use serde_json::Value;

use crate::connection::Connection;
use crate::figures;
use crate::load::{PRODUCTS, last_price, path};

const PROJECTED: &str = "ledger_projection_lag_seconds_count";
const PUBLISHED: &str = "ledger_publish_lag_seconds_count";
const PAUSE: Duration = Duration::from_millis(20);
/// Timeout without progress.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long after the end of the load views and bus had everything.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Behind {
    pub views: Duration,
    pub bus: Duration,
}

impl Behind {
    /// Both.
    #[must_use]
    pub fn all(self) -> Duration {
        self.views.max(self.bus)
    }
}

/// The commits in the view with the fewest, and the events on the bus.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Counted {
    views: f64,
    bus: f64,
}

/// Waits until views and bus have this many commands.
///
/// # Errors
/// They stop before that.
pub async fn wait(address: SocketAddr, commands: f64) -> anyhow::Result<Behind> {
    let ended = Instant::now();
    let mut connection = Connection::open(address).await?;
    let (mut views, mut bus) = (None, None);
    let (mut last, mut moved) = (None, Instant::now());
    loop {
        let text = connection.succeed("GET", "/metrics", "").await?;
        let counted = counted(std::str::from_utf8(&text)?);
        if counted.views >= commands {
            views.get_or_insert(ended.elapsed());
        }
        if counted.bus >= commands {
            bus.get_or_insert(ended.elapsed());
        }
        if let (Some(views), Some(bus)) = (views, bus) {
            return Ok(Behind { views, bus });
        }
        if last != Some(counted) {
            (last, moved) = (Some(counted), Instant::now());
        }
        if moved.elapsed() > PATIENCE {
            bail!("of {commands} commands views and bus have had {counted:?} for a minute");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn counted(metrics: &str) -> Counted {
    let of = |name: &str, labels: &[(&str, &str)]| figures::sum(metrics, name, labels).unwrap_or(0.0);
    let views = ["products", "prices"].map(|view| of(PROJECTED, &[("view", view)]));
    Counted { views: views[0].min(views[1]), bus: of(PUBLISHED, &[]) }
}

/// Checks every product: the view has its last price, and with a bus its newest commit has a receipt.
///
/// # Errors
/// A product fails the check.
pub async fn check(address: SocketAddr, sent: &[usize], has_bus: bool) -> anyhow::Result<()> {
    let mut connection = Connection::open(address).await?;
    for (client, sent) in sent.iter().enumerate() {
        for product in 0..PRODUCTS {
            let Some(price) = last_price(*sent, product) else { continue };
            let path = path(client, product);
            let seen: Value = serde_json::from_slice(&connection.succeed("GET", &path, "").await?)?;
            ensure!(seen["price"] == price.as_str(), "{path} was to cost {price}: {seen}");
            if has_bus {
                let before = seen["version"].as_u64().unwrap_or(1) - 1;
                let path = format!("{path}/history?limit=1&after={before}");
                let history = connection.succeed("GET", &path, "").await?;
                let history: Value = serde_json::from_slice(&history)?;
                let receipt = &history["commits"][0]["receipts"][0]["published_at"];
                ensure!(!receipt.is_null(), "{path} has a commit without receipt: {history}");
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slower_view_counts() {
        let metrics = "ledger_projection_lag_seconds_count{view=\"products\"} 9\n\
                       ledger_projection_lag_seconds_count{view=\"prices\"} 4\n\
                       ledger_publish_lag_seconds_count 7\n";
        assert_eq!(counted(metrics), Counted { views: 4.0, bus: 7.0 });
        let early = metrics.lines().next().unwrap();
        assert_eq!(counted(early), Counted { views: 0.0, bus: 0.0 });
    }

    #[test]
    fn all_is_there_when_the_slower_of_both_is() {
        let (short, long) = (Duration::from_secs(1), Duration::from_secs(2));
        assert_eq!(Behind { views: short, bus: long }.all(), long);
        assert_eq!(Behind { views: long, bus: short }.all(), long);
    }
}
