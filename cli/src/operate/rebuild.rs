//! A view is built anew beside the one that is read, and takes its place.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use futures::FutureExt;
use projections::rebuild::{
    OVERLAP, PAUSE, Rebuild, RebuildConflict, RebuildError, RebuildPhase, RebuildProgress, RebuildReport,
};
use projections::views::View;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Desk;
use super::asked::{Undone, answer};

/// Which view, and whether only to compare it.
#[derive(Deserialize)]
pub(super) struct Wanted {
    view: Name,
    dry_run: bool,
    /// Takes the place of a rebuild of the view that runs.
    #[serde(default)]
    take_over: bool,
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

/// The views that are being rebuilt in this process, and how often: two where one takes over.
#[derive(Clone, Default)]
pub(super) struct Running(Arc<Mutex<HashMap<View, usize>>>);

/// One of them, until it is dropped.
struct Rebuilding {
    running: Running,
    view: View,
}

impl Running {
    fn views(&self) -> MutexGuard<'_, HashMap<View, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` if the view is being rebuilt, unless that is taken over.
    fn begin(&self, view: View, take_over: bool) -> Option<Rebuilding> {
        let mut views = self.views();
        let running = views.entry(view).or_default();
        if *running > 0 && !take_over {
            return None;
        }
        *running += 1;
        Some(Rebuilding { running: self.clone(), view })
    }
}

impl Drop for Rebuilding {
    fn drop(&mut self) {
        if let Some(running) = self.running.views().get_mut(&self.view) {
            *running -= 1;
        }
    }
}

/// Rebuilds or compares; lines of progress with phase and commits.
pub(super) async fn rebuild(State(desk): State<Desk>, Json(wanted): Json<Wanted>) -> Response {
    // Boxed: the compiler cannot see through the nested futures that they may change threads.
    answer(desk.stopping.clone(), move |progress| rebuilt(desk, wanted, progress).boxed())
}

async fn rebuilt(desk: Desk, wanted: Wanted, progress: super::asked::Progress) -> Result<Value, Undone> {
    let (view, system) = (View::from(wanted.view), desk.system);
    let rebuilding = if wanted.dry_run { None } else { desk.running.begin(view, wanted.take_over) };
    if rebuilding.is_none() && !wanted.dry_run {
        return Err(Undone::Refused(RebuildError::Running.to_string()));
    }
    let _no_pace = system.rebuilding();
    let found = system.read_models.iter().find(|projection| projection.view() == view).cloned();
    let found = found.ok_or_else(|| Undone::Failed(format!("there is no view {}", view.name())))?;
    // Nobody but this process writes to a data directory: what is on record there and not known here was cut short.
    let alone = system.directory.is_some();
    let rebuild = Rebuild {
        views: system.views.clone(),
        projection: found,
        journal: system.journal.clone(),
        overlap: wanted.overlap_seconds.map_or(OVERLAP, Duration::from_secs),
        pause: PAUSE,
        on_conflict: if alone || wanted.take_over {
            RebuildConflict::TakeOver
        } else {
            RebuildConflict::Refuse
        },
    };
    let watch =
        |at: RebuildProgress| progress.tell(&json!({"phase": phase(at.phase), "commits": at.commits}));
    let report = if wanted.dry_run { rebuild.dry_run(&watch).await } else { rebuild.run(&watch).await };
    match report {
        Ok(report) => Ok(told(&report)),
        Err(ended @ (RebuildError::Running | RebuildError::TakenOver)) => {
            Err(Undone::Refused(ended.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

fn phase(phase: RebuildPhase) -> &'static str {
    match phase {
        RebuildPhase::Watching => "watching whether another rebuild still runs",
        RebuildPhase::CleaningUp => "cleaning up",
        RebuildPhase::Building => "building",
        RebuildPhase::Comparing => "comparing",
        RebuildPhase::Overlapping => "writing both",
        RebuildPhase::Dropping => "dropping the old",
    }
}

fn told(report: &RebuildReport) -> Value {
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
