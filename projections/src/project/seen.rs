//! What projecting a product leaves behind besides its views: how late each commit became visible, and a span in the
//! trace of the command that wrote the newest.

use schema::{StoredCommit, Timestamp};
use telemetry::meters::PROJECTION_LAG;
use telemetry::trace;
use tracing::Span;

use super::batch::Entry;

impl Entry {
    /// The span of bringing this product into a view.
    pub(super) fn span(&self, view: &'static str) -> Span {
        let product_id = self.news.product.as_str();
        let span = tracing::info_span!(target: "ledger::projector", "project", otel.kind = "consumer", view, product_id);
        trace::follow(&span, self.news.commits.values().rev().filter_map(traceparent));
        span
    }

    /// Every commit of the batch is in the view now.
    pub(super) fn record_lag(&self, view: &'static str, now: Timestamp) {
        let lag = metrics::histogram!(PROJECTION_LAG.name, "view" => view);
        for recorded_at in self.news.commits.values().filter_map(recorded_at) {
            lag.record(recorded_at.seconds_until(now));
        }
    }
}

fn traceparent(commit: &StoredCommit) -> Option<&str> {
    commit.0.get("metadata")?.get("traceparent")?.as_str()
}

fn recorded_at(commit: &StoredCommit) -> Option<Timestamp> {
    Timestamp::parse(commit.text("recorded_at").ok()?).ok()
}
