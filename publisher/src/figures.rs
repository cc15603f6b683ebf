//! What publishing leaves behind besides receipts: what the bus accepted and refused, how late, and a span for each
//! product in the trace of the newest command that is published.

use schema::{ProductId, Timestamp};
use telemetry::meters::{PUBLISH_FAILURES, PUBLISH_LAG, PUBLISHED};
use telemetry::trace;
use tracing::Span;

use crate::bus::Refusal;
use crate::lane::Unsent;

/// The span of publishing these events of a product.
pub(crate) fn span<'a>(product: &ProductId, unsent: impl DoubleEndedIterator<Item = &'a Unsent>) -> Span {
    let mut traces = unsent.rev().map(|event| event.commit.metadata.traceparent.as_deref()).peekable();
    if traces.peek().is_none() {
        return Span::none();
    }
    let span = tracing::info_span!(target: "ledger::publisher", "publish", otel.kind = "producer", product_id = product.as_str());
    trace::follow(&span, traces.flatten());
    span
}

/// The bus accepted an event.
pub(crate) fn accepted(is_replay: bool) {
    let replay = if is_replay { "true" } else { "false" };
    metrics::counter!(PUBLISHED.name, "replay" => replay).increment(1);
}

/// How late an event came to the bus.
pub(crate) fn published(recorded_at: Timestamp, now: Timestamp) {
    metrics::histogram!(PUBLISH_LAG.name).record(recorded_at.seconds_until(now));
}

/// The bus, or the way to it, did not take an event.
pub(crate) fn refused(refusal: &Refusal) {
    metrics::counter!(PUBLISH_FAILURES.name, "code" => known(&refusal.code)).increment(1);
}

/// The code if it is one this publisher knows; the bus may make up others.
fn known(code: &str) -> &'static str {
    let all = [
        "AccessDeniedException",
        "ConstructionFailure",
        "EntryTooLarge",
        "InternalException",
        "InternalFailure",
        "NoConnection",
        "NotAuthorizedForDetailTypeException",
        "NotAuthorizedForSourceException",
        "ResourceNotFoundException",
        "ThrottlingException",
        "Timeout",
        "ValidationException",
    ];
    all.into_iter().find(|name| *name == code).unwrap_or("other")
}
