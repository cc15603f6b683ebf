//! One pass over some products: find what is due, send it, record it, park what cannot go on.
//!
//! Its promise is the order of writes: `PutEvents`, then receipts, each product's in order. Whatever breaks in between,
//! the next pass finds it: an event without a receipt is sent again with the same id, one with a receipt is not.

use event_store::handled::recorded_anew;
use event_store::receipts::{claimed, published};
use event_store::{ParkingCause, StoreError};
use futures::stream::{self, StreamExt};
use schema::{Commit, ProductId, PublicationFailure};
use tokio::time::Instant;
use tracing::{Instrument, Span};

use crate::due::{self, Due, Then};
use crate::figures;
use crate::lane::Lane;
use crate::patience::Patience;
use crate::publish::{CONSUMER, Publisher};
use crate::record::Recorder;
use crate::send::Run;

/// What shall be published of a product.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) product: ProductId,
    /// The last event of interest; `None` is whatever is the newest.
    pub(crate) up_to: Option<u64>,
    /// Commits that are at hand, so that the event table need not be asked.
    pub(crate) commits: Vec<Commit>,
    /// A parked product waits for the schedule or an operator, unless these are who asks.
    pub(crate) even_if_parked: bool,
}

/// How a pass over one product ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) product: ProductId,
    /// Every event up to here counts as published.
    pub(crate) recorded: u64,
    pub(crate) end: End,
}

/// How a pass over one product ended.
#[derive(Debug)]
pub(crate) enum End {
    /// All that was wanted is published.
    Published,
    /// One pass was too short; this is left.
    More(Wanted),
    /// The product is parked, for this reason if it was this pass that parked it.
    Parked(Option<ParkingCause>),
    /// A table did not answer.
    Unavailable(StoreError),
}

/// A product in the middle of a pass.
struct Going {
    wanted: Wanted,
    /// How far it had got when the pass began.
    seen: u64,
    /// How far it gets when the lane is empty.
    last: u64,
    then: Then,
    /// From what is due to what is recorded, in the trace of the newest command that is published.
    span: Span,
}

impl Publisher {
    /// One pass over products, each of them named once.
    pub(crate) async fn pass(
        &self,
        wanted: Vec<Wanted>,
        patience: Patience,
        deadline: Instant,
    ) -> Vec<Finished> {
        let prepared = stream::iter(wanted).map(|wanted| self.prepare(wanted));
        let prepared: Vec<_> = prepared.buffered(self.at_once.products).collect().await;
        let (mut going, mut lanes, mut finished) = (Vec::new(), Vec::new(), Vec::new());
        for product in prepared {
            match product {
                Ok((product, lane)) => {
                    going.push(product);
                    lanes.push(lane);
                }
                Err(product) => finished.push(product),
            }
        }
        let outage = self.send_and_record(&mut lanes, patience, deadline).await.err();
        let ends = stream::iter(going.into_iter().zip(lanes));
        let ends = ends.map(|(product, lane)| {
            let span = product.span.clone();
            self.finish(product, lane, outage.as_ref()).instrument(span)
        });
        finished.extend(ends.buffer_unordered(self.at_once.products).collect::<Vec<_>>().await);
        finished
    }

    /// Finds what is due of a product; it is finished already when it is parked or a table does not answer.
    async fn prepare(&self, mut wanted: Wanted) -> Result<(Going, Lane), Finished> {
        let product = wanted.product.clone();
        let unavailable = |recorded: u64| {
            let product = product.clone();
            move |error| Finished { product, recorded, end: End::Unavailable(error) }
        };
        let position = self.ports.receipts.position(&product).await.map_err(unavailable(0))?;
        let (journal, receipts) = (&*self.ports.journal, &*self.ports.receipts);
        let said = claimed(journal, &product, &position).await.map_err(unavailable(0))?;
        let commits = std::mem::take(&mut wanted.commits);
        let at_hand = wanted.up_to.and_then(|up_to| due::in_batch(&said, up_to, commits));
        // Looked up only when it is likely: a parked product has a failure of its next event, or a gap before it.
        if !wanted.even_if_parked && (at_hand.is_none() || position.failure.is_some()) {
            let row = self.ports.parking.of(CONSUMER, &product).await;
            if let Some(row) = row.map_err(unavailable(said.published))? {
                self.leave(row).await.map_err(unavailable(said.published))?;
                return Err(Finished { product, recorded: said.published, end: End::Parked(None) });
            }
        }
        if let Some(due) = at_hand {
            return Ok(going(wanted, said.published, position.failure.as_ref(), due));
        }
        let published = published(journal, receipts, &product, &position).await.map_err(unavailable(0))?;
        let up_to = published.up_to;
        let due =
            due::in_journal(journal, &product, up_to, wanted.up_to).await.map_err(unavailable(up_to))?;
        if let Some(rival) = published.rival.filter(|_| !due.events.is_empty()) {
            recorded_anew(CONSUMER, "publication", &product, &rival);
        }
        Ok(going(wanted, up_to, position.failure.as_ref(), due))
    }

    async fn send_and_record(
        &self,
        lanes: &mut [Lane],
        patience: Patience,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        let mut recorder = Recorder::new(&*self.ports.receipts, &self.ports.clock, &self.address.bus);
        let mut run = Run {
            bus: &*self.ports.bus,
            address: &self.address,
            replay: None,
            at_once: self.at_once.requests,
            patience,
            deadline,
            lanes,
        };
        while let Some(sent) = run.next().await {
            if let Err(error) = recorder.take(sent).await {
                // What the bus has already accepted is worth one more try, or it is sent again.
                let _ = recorder.flush().await;
                return Err(error);
            }
        }
        recorder.flush().await
    }

    async fn finish(&self, going: Going, lane: Lane, outage: Option<&StoreError>) -> Finished {
        let product = lane.product.clone();
        let seen = going.seen;
        let unavailable =
            |recorded, error| Finished { product: product.clone(), recorded, end: End::Unavailable(error) };
        if let Some(outage) = outage {
            return unavailable(seen, StoreError::new(outage.to_string().into()));
        }
        let recorded = lane.first().map_or(going.last, |unsent| unsent.sequence - 1);
        match self.settle(going, lane, recorded).await {
            Ok(end) => Finished { product, recorded, end },
            Err(error) => unavailable(recorded, error),
        }
    }

    /// Parks what cannot go on.
    async fn settle(&self, going: Going, lane: Lane, recorded: u64) -> Result<End, StoreError> {
        let product = &lane.product;
        let halted = lane.halt.map(|halt| (recorded + 1, halt.refusal.to_string(), halt.retryable));
        let (from_sequence, reason, retryable) = match (halted, going.then) {
            (Some(halted), _) => halted,
            (None, Then::Trouble { from_sequence, reason, retryable }) => (from_sequence, reason, retryable),
            (None, Then::More) => return Ok(End::More(going.wanted)),
            (None, Then::Nothing) => return Ok(End::Published),
        };
        let trouble = ParkingCause { from_sequence, reason, retryable, at: (self.ports.clock)() };
        self.ports.parking.park(CONSUMER, product, &trouble).await?;
        event_store::parking::count(CONSUMER, &trouble);
        tracing::warn!(target: "ledger::publisher",
            parked = 1,
            product = product.as_str(),
            from_sequence,
            retryable,
            reason = trouble.reason,
            "a product is parked"
        );
        Ok(End::Parked(Some(trouble)))
    }
}

fn going(wanted: Wanted, published: u64, failure: Option<&PublicationFailure>, due: Due) -> (Going, Lane) {
    let last = due.events.back().map_or(published, |unsent| unsent.sequence);
    // A failure counts for its event alone: another one may have had its number.
    let next = due.events.front().and_then(|unsent| Some(unsent.recorded()?.event_id.to_string()));
    let failure = failure.filter(|failure| Some(&failure.event_id) == next.as_ref());
    let failures = failure.map_or(0, |failure| failure.attempts);
    let span = figures::span(&wanted.product, due.events.iter());
    let lane = Lane::new(wanted.product.clone(), due.events, failures);
    (Going { wanted, seen: published, last, then: due.then, span }, lane)
}
