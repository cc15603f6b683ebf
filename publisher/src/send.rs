//! A run: lanes are sent round by round until each is empty or halted, or the time is over.
//!
//! Its promise: every answer of the bus comes out of [`Run::next`] exactly once, to be recorded by the caller; only what
//! failed is sent again.

use std::sync::Arc;

use futures::future::join_all;
use schema::message::Replay;
use schema::{Commit, ProductId};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::bus::{Answer, Bus, BusError, Refusal, Remedy};
use crate::figures;
use crate::lane::{Again, Lane, Unsent};
use crate::message::Address;
use crate::patience::Patience;
use crate::round::{Chunk, plan};

/// What became of one event that was sent.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) product: ProductId,
    pub(crate) commit: Arc<Commit>,
    pub(crate) sequence: u64,
    pub(crate) event_id: String,
    /// How often it was sent, this time and earlier runs included.
    pub(crate) attempts: u32,
    /// The bus's receipt id, or why not.
    pub(crate) result: Result<String, Refusal>,
}

/// Lanes being sent.
pub(crate) struct Run<'a> {
    pub(crate) bus: &'a dyn Bus,
    pub(crate) address: &'a Address,
    pub(crate) replay: Option<&'a Replay>,
    /// How many requests are under way at once at most.
    pub(crate) at_once: usize,
    pub(crate) patience: Patience,
    pub(crate) deadline: Instant,
    pub(crate) lanes: &'a mut [Lane],
}

impl Run<'_> {
    /// Sends the next round and says what became of its events; `None` when nothing is left to send or to wait for.
    pub(crate) async fn next(&mut self) -> Option<Vec<Sent>> {
        loop {
            let now = Instant::now();
            if now >= self.deadline {
                self.time_is_over();
                return None;
            }
            let chunks = plan(self.lanes, now, self.at_once, self.address, self.replay);
            if !chunks.is_empty() {
                return Some(self.send(chunks).await);
            }
            let open = self.lanes.iter().filter(|lane| lane.is_open());
            let wake = open.filter_map(Lane::not_before).min()?;
            sleep_until(wake.min(self.deadline)).await;
        }
    }

    fn time_is_over(&mut self) {
        for lane in self.lanes.iter_mut().filter(|lane| lane.is_open()) {
            let refusal = Refusal::new("TimeOver", "the time was over before the bus accepted the event");
            lane.halt(refusal, true);
        }
    }

    async fn send(&mut self, chunks: Vec<Chunk>) -> Vec<Sent> {
        let puts = chunks.iter().map(|chunk| timeout_at(self.deadline, self.bus.put(&chunk.entries)));
        let answers = join_all(puts).await;
        let mut sent = Vec::new();
        for (chunk, answer) in chunks.into_iter().zip(answers) {
            let answer = answer.unwrap_or_else(|_| {
                Err(BusError::new(Remedy::SendAgain, "Timeout", "the bus did not answer in time"))
            });
            match answer {
                Ok(answers) => sent.extend(self.apply_each(&chunk, answers)),
                Err(error) => sent.extend(self.apply_to_all(&chunk, &error)),
            }
        }
        sent
    }

    fn apply_each(&mut self, chunk: &Chunk, answers: Vec<Answer>) -> Vec<Sent> {
        // An adapter that answers for fewer entries than it was given has said nothing about the others.
        let silence = std::iter::repeat_with(|| {
            Answer::Refused(Refusal::new("InternalFailure", "the bus gave no answer for this entry"))
        });
        let each = chunk.lanes.iter().zip(answers.into_iter().chain(silence));
        each.filter_map(|(lane, answer)| match answer {
            Answer::Accepted { receipt_id } => self.accepted(*lane, receipt_id),
            Answer::Refused(refusal) => {
                let again = if refusal.is_retryable() { Again::Soon } else { Again::Never };
                self.failed(*lane, &refusal, again)
            }
        })
        .collect()
    }

    fn apply_to_all(&mut self, chunk: &Chunk, error: &BusError) -> Vec<Sent> {
        if error.remedy == Remedy::Split && chunk.lanes.len() > 1 {
            for lane in &chunk.lanes {
                self.lanes[*lane].alone = true;
            }
            return Vec::new();
        }
        let again = match error.remedy {
            Remedy::SendAgain => Again::Soon,
            Remedy::Repair => Again::Later,
            Remedy::Split => Again::Never,
        };
        chunk.lanes.iter().filter_map(|lane| self.failed(*lane, &error.refusal, again)).collect()
    }

    fn accepted(&mut self, lane: usize, receipt_id: String) -> Option<Sent> {
        let lane = &mut self.lanes[lane];
        let (unsent, attempts) = lane.accepted()?;
        figures::accepted(self.replay.is_some());
        sent(lane.product.clone(), unsent, attempts, Ok(receipt_id))
    }

    fn failed(&mut self, lane: usize, refusal: &Refusal, again: Again) -> Option<Sent> {
        let lane = &mut self.lanes[lane];
        let (unsent, attempts) =
            lane.failed(refusal, again, &self.patience, (Instant::now(), self.deadline))?;
        figures::refused(refusal);
        sent(lane.product.clone(), unsent, attempts, Err(refusal.clone()))
    }
}

fn sent(product: ProductId, unsent: Unsent, attempts: u32, result: Result<String, Refusal>) -> Option<Sent> {
    let event_id = unsent.recorded()?.event_id.to_string();
    Some(Sent { product, sequence: unsent.sequence, commit: unsent.commit, event_id, attempts, result })
}
