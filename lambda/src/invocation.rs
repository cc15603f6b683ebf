//! One invocation: its id is in every line logged during it, and its metrics are written before the response is sent.
//!
//! The metrics come first because Lambda may freeze the process as soon as it has the response.

use std::io::Write;

use crate::emf::Emf;
use lambda_runtime::Context;
use tracing::Instrument;
use web::ClockAndIds;

/// Runs one invocation.
pub(crate) async fn around<T>(
    metrics: &Emf,
    clock_and_ids: &ClockAndIds,
    context: &Context,
    work: impl Future<Output = T>,
) -> T {
    let span = tracing::info_span!(target: "ledger::function",
        "invocation",
        request_id = context.request_id,
        xray_trace_id = context.xray_trace_id,
    );
    let done = work.instrument(span).await;
    let mut out = std::io::stdout().lock();
    for line in metrics.lines((clock_and_ids.clock)()) {
        // If standard output is gone, there is nowhere to report it.
        let _ = writeln!(out, "{line}");
    }
    done
}
