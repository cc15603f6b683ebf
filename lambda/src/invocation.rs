//! Around each invocation: its id in every line that is logged meanwhile, and its figures before its answer goes out.
//!
//! The figures are written first because Lambda may freeze the process as soon as it has the answer.

use std::io::Write;

use crate::emf::Emf;
use lambda_runtime::Context;
use tracing::Instrument;
use web::ClockAndIds;

/// Does the work of one invocation.
pub(crate) async fn around<T>(
    figures: &Emf,
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
    for line in figures.lines((clock_and_ids.clock)()) {
        // Without standard output there is nobody to tell.
        let _ = writeln!(out, "{line}");
    }
    done
}
