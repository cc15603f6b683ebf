//! The publisher's metrics and spans: events accepted and refused, the lag of publication, and a span for each product in the
//! trace of the newest command that is published.

use schema::{ProductId, Timestamp};
use telemetry::meters::{PUBLISH_FAILURES, PUBLISH_LAG, PUBLISHED};
use telemetry::trace;
use tracing::Span;

use crate::bus::{BusRefusal, codes};
use crate::queue::UnsentEvent;

/// The span for publishing these events of a product; none where there are no events.
pub(crate) fn span<'a>(
    product: &ProductId,
    unsent: impl DoubleEndedIterator<Item = &'a UnsentEvent>,
) -> Span {
    let mut traces = unsent.rev().map(|event| event.commit.metadata.traceparent.as_deref()).peekable();
    if traces.peek().is_none() {
        return Span::none();
    }
    let span = tracing::info_span!(target: "ledger::publisher", "publish", otel.kind = "producer", product_id = product.as_str());
    trace::follow(&span, traces.flatten());
    span
}

/// Counts an event that the bus accepted.
pub(crate) fn accepted(is_replay: bool) {
    let replay = if is_replay { "true" } else { "false" };
    metrics::counter!(PUBLISHED.name, "replay" => replay).increment(1);
}

/// Records the lag between the commit and its publication.
pub(crate) fn published(recorded_at: Timestamp, now: Timestamp) {
    let seconds = recorded_at.seconds_until(now);
    metrics::histogram!(PUBLISH_LAG.name).record(seconds);
    telemetry::lag::note(crate::CONSUMER, seconds);
}

/// Counts an event that the bus refused or that did not reach it.
pub(crate) fn refused(refusal: &BusRefusal) {
    metrics::counter!(PUBLISH_FAILURES.name, "code" => codes::label(&refusal.code)).increment(1);
}
