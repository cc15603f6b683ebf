//! Trimming the embedded engine's stream: now and then, up to where the slowest consumer has come, never further. The
//! record of its checkpoint stays, so that a checkpoint without a record is known to be wrong.

use std::time::Duration;

use engine::Engine;

use super::shards::{Stream, discover};
use super::{Checkpoints, Position, Source, Stop, is_stopped, pause};

/// As many records as one call of the engine deletes at most.
const FULL: u64 = 500;

/// What to trim, and who must have passed it.
#[derive(Clone, Debug)]
pub struct Trimming {
    table: String,
    consumers: Vec<String>,
    every: Duration,
}

impl Trimming {
    /// The stream of `table`, which all `consumers` read, looked at once a minute.
    #[must_use]
    pub fn new<'a>(table: &str, consumers: impl IntoIterator<Item = &'a str>) -> Self {
        let consumers = consumers.into_iter().map(str::to_owned).collect();
        Self { table: table.to_owned(), consumers, every: Duration::from_mins(1) }
    }

    /// How often to look.
    #[must_use]
    pub fn every(self, interval: Duration) -> Self {
        Self { every: interval, ..self }
    }

    /// Trims until `stop`. A failure is logged; the next turn tries again.
    pub async fn run(&self, engine: &Engine, checkpoints: &Checkpoints, stop: Stop) {
        let source = Source::embedded(engine);
        let mut stream = None;
        while !is_stopped(&stop) {
            match self.turn(engine, checkpoints, &source, &mut stream).await {
                Ok(0) => {}
                Ok(trimmed) => tracing::debug!(table = self.table, trimmed, "trimmed the stream"),
                Err(reason) => tracing::warn!(table = self.table, reason, "the stream cannot be trimmed"),
            }
            pause(self.every, &stop).await;
        }
    }

    async fn turn(
        &self,
        engine: &Engine,
        checkpoints: &Checkpoints,
        source: &Source,
        known: &mut Option<Stream>,
    ) -> Result<u64, String> {
        let stream = match known {
            Some(stream) => stream,
            unknown => unknown.insert(Box::pin(discover(&source.streams, &self.table)).await?),
        };
        let Some(shard) = stream.shards.first() else {
            return Ok(0);
        };
        let mut passed: Option<u128> = None;
        for consumer in &self.consumers {
            let position = checkpoints.position(consumer, &stream.arn, &shard.id).await;
            match position.map_err(|error| error.to_string())? {
                Position::After(after) => {
                    let after =
                        after.parse().map_err(|_| format!("{consumer}: {after:?} is no checkpoint"))?;
                    passed = Some(passed.map_or(after, |passed| passed.min(after)));
                }
                Position::Start | Position::Finished | Position::Unreadable => return Ok(0),
            }
        }
        let Some(passed) = passed.and_then(|passed| passed.checked_sub(1)) else { return Ok(0) };
        let (passed, mut trimmed) = (passed.to_string(), 0);
        loop {
            let now = engine.trim_stream(&self.table, &passed).await.map_err(|error| error.to_string())?;
            trimmed += now;
            if now < FULL {
                return Ok(trimmed);
            }
        }
    }
}
