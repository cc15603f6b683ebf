//! A view is built anew beside the one that is read, and takes its place.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use futures::FutureExt;
use projections::rebuild::{OVERLAP, PAUSE, Phase, Progress, Rebuild, RebuildError, Report};
use projections::views::View;
use serde::Deserialize;
use serde_json::{Value, json};

use super::asked::answer;
use crate::system::System;

/// Which view, and whether only to compare it.
#[derive(Deserialize)]
pub(super) struct Wanted {
    view: Name,
    dry_run: bool,
    /// How long both generations are written after the switch; the usual minute if left out.
    overlap_seconds: Option<u64>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Name {
    Products,
    Prices,
}

impl From<Name> for View {
    fn from(name: Name) -> Self {
        match name {
            Name::Products => Self::Products,
            Name::Prices => Self::Prices,
        }
    }
}

/// Rebuilds or compares; lines of progress with phase and commits.
pub(super) async fn rebuild(State(system): State<Arc<System>>, Json(wanted): Json<Wanted>) -> Response {
    // Boxed: the compiler cannot see through the nested futures that they may change threads.
    answer(move |progress| rebuilt(system, wanted, progress).boxed())
}

async fn rebuilt(
    system: Arc<System>,
    wanted: Wanted,
    progress: super::asked::Progress,
) -> Result<Value, String> {
    let view = View::from(wanted.view);
    let _rebuilding = system.rebuilding();
    let found = system.read_models.iter().find(|projection| projection.view() == view).cloned();
    let rebuild = Rebuild {
        views: system.views.clone(),
        projection: found.ok_or_else(|| format!("there is no view {}", view.name()))?,
        journal: system.journal.clone(),
        overlap: wanted.overlap_seconds.map_or(OVERLAP, Duration::from_secs),
        pause: PAUSE,
    };
    let watch = |at: Progress| progress.tell(&json!({"phase": phase(at.phase), "commits": at.commits}));
    let report = if wanted.dry_run { rebuild.dry_run(&watch).await } else { rebuild.run(&watch).await };
    report.map(|report| told(&report)).map_err(|error: RebuildError| error.to_string())
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::CleaningUp => "cleaning up",
        Phase::Building => "building",
        Phase::Comparing => "comparing",
        Phase::Overlapping => "writing both",
        Phase::Dropping => "dropping the old",
    }
}

fn told(report: &Report) -> Value {
    let difference = |(product, difference): &(_, projections::projection::Difference)| json!({"product_id": product, "difference": difference.to_string()});
    json!({
        "generation": report.generation.map(|generation| generation.0),
        "commits": report.commits,
        "products": report.products,
        "differing": report.differing,
        "differences": report.differences.iter().map(difference).collect::<Vec<_>>(),
        "unreadable": report.unreadable.iter()
            .map(|(product, reason)| json!({"product_id": product, "reason": reason}))
            .collect::<Vec<_>>(),
        "dropped": report.dropped,
    })
}
