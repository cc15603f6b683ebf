//! Catching up: what the stream may not have is read from the table, until that has succeeded, and only then is it on record.
//!
//! The promise: a process that ends while it catches up begins again the next time.

use event_store::error::causes;
use schema::Timestamp;

use super::checkpoint::{CheckpointTable, ShardPosition};
use super::lineage::{FIRST_START, ShardPlan};
use super::settings::EventSourceMapping;
use crate::stall::StallWatch;
use crate::stop::{StopSignal, is_stopped, pause, stopped};

/// How many reasons a line of the log has.
const REASONS: usize = 5;

/// What is to be on record about a shard of a stream.
pub(super) struct ShardRecord<'a> {
    pub(super) stream: &'a str,
    pub(super) shard: &'a str,
    /// `None`: nothing.
    pub(super) position: Option<ShardPosition>,
    pub(super) until: Option<Timestamp>,
}

impl EventSourceMapping {
    /// Reads what may be missing without the stream. False if the process stops before that is done.
    pub(super) async fn catch_up(&self, missed: &[String], stalls: &StallWatch, stop: &StopSignal) -> bool {
        let reason = reasons(missed);
        let (consumer, table) = (&self.consumer, &self.table);
        if reason == FIRST_START {
            tracing::info!(target: "ledger::stream", consumer, table, reason, "catching up from the table");
        } else {
            tracing::warn!(target: "ledger::stream",
                consumer,
                table,
                reason,
                "records of the stream may have been missed; catching up from the table"
            );
        }
        let part = "catching up from the table";
        stalls.pending(part, &reason);
        let mut failures = 0;
        loop {
            let done = tokio::select! {
                done = (self.on_missed)() => done,
                () = stopped(stop) => return false,
            };
            let Err(reason) = done else { break };
            failures += 1;
            stalls.pending(part, &reason);
            self.warn("catching up from the table failed", &reason);
            pause(self.redelivery.backoff.pause(failures), stop).await;
        }
        stalls.idle(part);
        true
    }

    /// Carries out a plan but for its shards to read. `None` if the process stops before that is done.
    pub(super) async fn settle(
        &self,
        plan: ShardPlan,
        stream: String,
        checkpoints: &CheckpointTable,
        stalls: &StallWatch,
        stop: StopSignal,
    ) -> Option<ShardPlan> {
        if !plan.missed.is_empty() && !self.catch_up(&plan.missed, stalls, &stop).await {
            return None;
        }
        let forget = plan.forget.iter().map(|shard| (shard, None));
        let finish = plan.finish.iter().map(|shard| (shard, Some(ShardPosition::Finished)));
        for (shard, position) in forget.chain(finish) {
            let record = ShardRecord { stream: &stream, shard, position, until: plan.made_at };
            if !self.keep(checkpoints, &record, &stop).await {
                return None;
            }
            stalls.idle(shard);
        }
        Some(plan)
    }

    /// Writes to the checkpoints until that has succeeded; false if the process stops before.
    pub(super) async fn keep(
        &self,
        checkpoints: &CheckpointTable,
        record: &ShardRecord<'_>,
        stop: &StopSignal,
    ) -> bool {
        let ShardRecord { stream, shard, position, until } = record;
        let mut failures = 0;
        loop {
            let kept = match position {
                Some(position) => checkpoints.keep(&self.consumer, stream, shard, position, *until).await,
                None => checkpoints.forget(&self.consumer, shard).await,
            };
            let Err(error) = kept else { return true };
            failures += 1;
            self.warn("the checkpoint cannot be kept", &causes(&error));
            pause(self.redelivery.backoff.pause(failures), stop).await;
            if is_stopped(stop) {
                return false;
            }
        }
    }

    pub(super) fn warn(&self, what: &str, reason: &str) {
        tracing::warn!(target: "ledger::stream",
            consumer = self.consumer,
            table = self.table,
            reason,
            "{what}; trying again"
        );
    }
}

fn reasons(missed: &[String]) -> String {
    let more = missed.len().saturating_sub(REASONS);
    let more = (more > 0).then(|| format!("and {more} more"));
    missed.iter().take(REASONS).cloned().chain(more).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::reasons;

    #[test]
    fn a_line_of_the_log_has_few_reasons_and_says_how_many_there_are() {
        let missed: Vec<String> = (1..=7).map(|number| number.to_string()).collect();
        assert_eq!(reasons(&missed[..5]), "1; 2; 3; 4; 5");
        assert_eq!(reasons(&missed), "1; 2; 3; 4; 5; and 2 more");
    }
}
