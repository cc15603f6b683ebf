//! What the operators' routes work on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use projections::views::View;

use crate::stop::StopSignal;
use crate::system::System;

/// The system, until when the routes may work on it, and what runs.
#[derive(Clone)]
pub(super) struct OperatorContext {
    pub(super) system: Arc<System>,
    pub(super) stopping: StopSignal,
    pub(super) rebuilds: RunningRebuilds,
}

/// How many rebuilds of each view run in this process: two while one takes over.
#[derive(Clone, Default)]
pub(super) struct RunningRebuilds(Arc<Mutex<HashMap<View, usize>>>);

/// A rebuild, until this is dropped.
pub(super) struct RunningRebuild {
    running: RunningRebuilds,
    view: View,
}

impl RunningRebuilds {
    fn views(&self) -> MutexGuard<'_, HashMap<View, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` if the view is being rebuilt and `take_over` is not set.
    pub(super) fn begin(&self, view: View, take_over: bool) -> Option<RunningRebuild> {
        let mut views = self.views();
        let running = views.entry(view).or_default();
        if *running > 0 && !take_over {
            return None;
        }
        *running += 1;
        Some(RunningRebuild { running: self.clone(), view })
    }
}

impl Drop for RunningRebuild {
    fn drop(&mut self) {
        if let Some(running) = self.running.views().get_mut(&self.view) {
            *running -= 1;
        }
    }
}
