//! The last problems that this server answered with, for `GET /status`: in memory, bounded, without bodies.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use projections::http::status::RefusedRequest;
use schema::Clock;
use web::{Problem, correlation_id};

/// How many are kept.
const KEPT: usize = 100;

/// The last problems. Clones share them.
#[derive(Clone)]
pub(crate) struct LastRefusals {
    clock: Clock,
    kept: Arc<Mutex<VecDeque<RefusedRequest>>>,
}

impl LastRefusals {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, kept: Arc::default() }
    }

    /// Notes the problems of these routes.
    pub(super) fn wrap(&self, routes: Router) -> Router {
        routes.layer(from_fn_with_state(self.clone(), noted))
    }

    /// The newest first.
    pub(crate) fn newest_first(&self) -> Vec<RefusedRequest> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).iter().rev().cloned().collect()
    }

    fn note(&self, refused: RefusedRequest) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(refused);
    }
}

async fn noted(State(refusals): State<LastRefusals>, request: Request, next: Next) -> Response {
    let method = request.method().to_string();
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let id = correlation_id(request.extensions()).unwrap_or_default().to_owned();
    let response = next.run(request).await;
    if let Some(problem) = response.extensions().get::<Problem>() {
        refusals.note(refused(problem, (refusals.clock)(), method, route, id));
    }
    response
}

fn refused(
    problem: &Problem,
    at: schema::Timestamp,
    mut method: String,
    route: String,
    correlation_id: String,
) -> RefusedRequest {
    let (kind, _, status) = problem.kind().parts();
    method.truncate(method.floor_char_boundary(32));
    let (detail, errors) = problem.said();
    let status = status.as_u16();
    RefusedRequest { at, method, route, status, kind: kind.to_owned(), detail, errors, correlation_id }
}

#[cfg(test)]
mod tests {
    use web::ProblemKind;

    use super::*;

    #[test]
    fn the_last_hundred_are_kept_the_newest_first() {
        let clock = web::ClockAndIds::system().clock;
        let refusals = LastRefusals::new(clock.clone());
        let problem = Problem::new(ProblemKind::NotFound, "There is nothing.");
        for n in 0..130 {
            refusals.note(refused(&problem, clock(), "GET".repeat(50), format!("/{n}"), String::new()));
        }
        let kept = refusals.newest_first();
        let routes: Vec<&str> = kept.iter().map(|one| one.route.as_str()).collect();
        assert_eq!((routes.len(), routes[0], routes[99]), (100, "/129", "/30"));
        assert_eq!((kept[0].status, kept[0].kind.as_str(), kept[0].method.len()), (404, "not-found", 32));
    }
}
