//! Rebuilds a view next to the one that is read, and switches to it.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use futures::FutureExt;
use projections::projection::Difference;
use projections::rebuild::{
    OVERLAP, PAUSE, Rebuild, RebuildConflict, RebuildError, ViewRebuildPhase, ViewRebuildProgress,
    ViewRebuildReport,
};
use projections::views::View;

use super::answer::{OperatorError, ProgressSender, answer};
use super::context::OperatorContext;
use super::protocol::{
    DifferingProduct, RebuildPhase, RebuildProgress, RebuildReport, RebuildView, UnreadableProduct, ViewName,
};

/// Rebuilds or compares; lines of progress name the phase and count commits.
pub(super) async fn rebuild(
    State(context): State<OperatorContext>,
    Json(request): Json<RebuildView>,
) -> Response {
    // Boxed: the compiler cannot see through the nested futures that they may change threads.
    answer(context.stopping.clone(), move |progress| rebuilt(context, request, progress).boxed())
}

async fn rebuilt(
    context: OperatorContext,
    request: RebuildView,
    progress: ProgressSender<RebuildView>,
) -> Result<RebuildReport, OperatorError> {
    let (view, system) = (view(request.view), context.system);
    let running = if request.dry_run { None } else { context.rebuilds.begin(view, request.take_over) };
    if running.is_none() && !request.dry_run {
        return Err(OperatorError::Refused(RebuildError::Running.to_string()));
    }
    let _suspended = system.suspend_back_pressure();
    let found = system.read_models.iter().find(|projection| projection.view() == view).cloned();
    let found = found.ok_or_else(|| OperatorError::Failed(format!("there is no view {}", view.name())))?;
    // Only this process writes to a data directory: a rebuild on record there that is not known here was cut short.
    let alone = system.directory.is_some();
    let rebuild = Rebuild {
        views: system.views.clone(),
        projection: found,
        journal: system.journal.clone(),
        overlap: request.overlap_seconds.map_or(OVERLAP, Duration::from_secs),
        pause: PAUSE,
        on_conflict: if alone || request.take_over {
            RebuildConflict::TakeOver
        } else {
            RebuildConflict::Refuse
        },
    };
    let watch = |at: ViewRebuildProgress| {
        progress.counter(RebuildProgress { phase: phase(at.phase), commits: at.commits });
    };
    let report = if request.dry_run { rebuild.dry_run(&watch).await } else { rebuild.run(&watch).await };
    match report {
        Ok(report) => Ok(as_answer(report)),
        Err(ended @ (RebuildError::Running | RebuildError::TakenOver)) => {
            Err(OperatorError::Refused(ended.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

fn view(name: ViewName) -> View {
    match name {
        ViewName::Products => View::Products,
        ViewName::Prices => View::Prices,
    }
}

fn phase(phase: ViewRebuildPhase) -> RebuildPhase {
    match phase {
        ViewRebuildPhase::Watching => RebuildPhase::Watching,
        ViewRebuildPhase::CleaningUp => RebuildPhase::CleaningUp,
        ViewRebuildPhase::Building => RebuildPhase::Building,
        ViewRebuildPhase::Comparing => RebuildPhase::Comparing,
        ViewRebuildPhase::Overlapping => RebuildPhase::Overlapping,
        ViewRebuildPhase::Dropping => RebuildPhase::Dropping,
    }
}

fn as_answer(report: ViewRebuildReport) -> RebuildReport {
    let differing = |(product_id, difference): (String, Difference)| DifferingProduct {
        product_id,
        difference: difference.to_string(),
    };
    let unreadable = |(product_id, reason)| UnreadableProduct { product_id, reason };
    RebuildReport {
        generation: report.generation.map(|generation| generation.0),
        commits: report.commits,
        products: report.products,
        differing: report.differing,
        differences: report.differences.into_iter().map(differing).collect(),
        unreadable: report.unreadable.into_iter().map(unreadable).collect(),
        dropped: report.dropped,
    }
}
