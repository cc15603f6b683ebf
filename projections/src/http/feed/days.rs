//! `GET /commits/days`: how many commits there are of each day.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use web::operation::{Components, Operation, OperationResponse, example, query};
use web::{Problem, ProblemKind, QueryParameters, RequestContext, Scope};

use super::FeedRoute;
use super::request::time;
use crate::http::Answer;
use crate::http::answer::{Stored, failed};

/// The number of commits of each day.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CommitDays")]
struct DaysBody {
    /// The days that have commits, the earliest first.
    days: Vec<DayBody>,
}

/// A day.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CommitDay")]
struct DayBody {
    /// In UTC.
    day: String,
    /// How many commits it has.
    commits: u64,
}

pub(super) async fn days(
    State(FeedRoute { api, .. }): State<FeedRoute>,
    context: RequestContext,
    mut parameters: QueryParameters,
) -> Answer {
    context.require(Scope::Audit)?;
    let by = parameters.optional("by", time)?.unwrap_or_default();
    let days = api.feed.days(by).await.map_err(failed(Stored::Commits, None))?;
    let days =
        days.ok_or_else(|| Problem::unavailable("The commits are still being counted; try again later."))?;
    let days = days.into_iter().map(|(day, commits)| DayBody { day, commits }).collect();
    Ok(Json(DaysBody { days }).into_response())
}

pub(super) fn documented(components: &mut Components) -> Operation {
    let shown = json!({"days": [{"day": "2024-05-29", "commits": 195}]});
    Operation::new("getCommitDays", "Audit", "Count the commits of each day")
        .description(
            "The days, in UTC, that have commits, in ascending order. Commits that cannot be read are not counted. On files and in \
             memory the server counts the commits after each start, and on AWS the sequencer counts them as it puts them into \
             the log, and those of an earlier build once; until that is done the answer is a 503.",
        )
        .scopes(&[Scope::Audit])
        .problems(&[ProblemKind::Malformed, ProblemKind::Unavailable])
        .parameter(query(
            "by",
            "The time that is counted: `recorded_at` or `occurred_at`.",
            &json!({"type": "string", "enum": ["recorded", "happened"], "default": "recorded"}),
        ))
        .answer(
            200,
            OperationResponse::new("The days.").json(&components.of::<DaysBody>(), &example("days", &shown)),
        )
}
