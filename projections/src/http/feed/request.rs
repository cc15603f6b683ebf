//! The parameters of `GET /commits`.

use std::time::Duration;

use axum::http::HeaderMap;
use event_store::feed_reader::{FilteredTime, PageLimits};
use event_store::{CommitFilter, FeedQuery};
use schema::{ProductEvent, ProductId};
use ulid::Ulid;
use web::{Problem, QueryParameters, wrong_parameter};

use super::LONGEST_WAIT;
use crate::http::csv::{self, CsvRequest};
use crate::http::parameters::{DEFAULT_LIMIT, limit, literally_true, malformed, moment, whole};

/// Where a page of CSV ends.
const CSV_LIMITS: PageLimits =
    PageLimits { entries: csv::MOST_ENTRIES, rows: csv::MOST_ENTRIES, bytes: csv::MOST_BYTES };

/// What is asked for.
pub(super) struct FeedRequest {
    pub(super) query: FeedQuery,
    /// How long to wait for a newer position.
    pub(super) wait: Duration,
    /// What is wanted as CSV.
    pub(super) csv: Option<CsvRequest>,
}

impl FeedRequest {
    /// Reads the parameters.
    ///
    /// # Errors
    /// 400 for one that cannot be read, or that contradicts another.
    pub(super) fn read(parameters: &mut QueryParameters, headers: &HeaderMap) -> Result<Self, Problem> {
        let after = parameters.optional("after", position_or_none)?;
        let before = parameters.optional("before", whole)?;
        let newest_first = direction(parameters, after.is_some(), before.is_some())?;
        let wait = parameters.optional("wait", wait)?;
        if newest_first && wait.is_some() {
            return Err(wrong_parameter("wait", &"goes with the ascending order alone"));
        }
        let csv = CsvRequest::read(parameters, headers, true)?;
        let limits = match csv {
            Some(CsvRequest::Everything) if wait.is_some() => {
                return Err(wrong_parameter("all", &"cannot be combined with wait"));
            }
            Some(CsvRequest::Everything) => PageLimits { entries: csv::PART, ..CSV_LIMITS },
            Some(CsvRequest::Page { limit }) => PageLimits { entries: limit, ..CSV_LIMITS },
            None => {
                let entries = parameters.optional("limit", limit)?.unwrap_or(DEFAULT_LIMIT);
                PageLimits { entries, ..PageLimits::default() }
            }
        };
        let query =
            FeedQuery { after: after.flatten(), before, newest_first, filter: filter(parameters)?, limits };
        Ok(Self { query, wait: wait.unwrap_or_default(), csv })
    }
}

/// Whether the newest position comes first.
fn direction(parameters: &mut QueryParameters, after: bool, before: bool) -> Result<bool, Problem> {
    match parameters.optional("order", descending)? {
        Some(true) if after => Err(wrong_parameter("after", &"goes with the ascending order alone")),
        Some(false) if before && !after => {
            Err(wrong_parameter("before", &"needs after in the ascending order"))
        }
        Some(newest_first) => Ok(newest_first),
        None => Ok(before && !after),
    }
}

fn filter(parameters: &mut QueryParameters) -> Result<CommitFilter, Problem> {
    let filter = CommitFilter {
        product: parameters.optional("product", |text| ProductId::new(text))?,
        actor: parameters.optional("actor", text)?,
        types: parameters.each("type", event_name)?,
        correlation_id: parameters.optional("correlation_id", text)?,
        commit_id: parameters.optional("commit_id", ulid)?,
        event_id: parameters.optional("event_id", ulid)?,
        retroactive: parameters.optional("retroactive", literally_true)?.is_some(),
        from: parameters.optional("from", moment)?,
        to: parameters.optional("to", moment)?,
        by: parameters.optional("by", time)?.unwrap_or_default(),
    };
    match (filter.from, filter.to) {
        (Some(from), Some(to)) if from >= to => Err(malformed("The query parameter from must be before to.")
            .loggable()
            .fault("from", "must be before to")),
        _ => Ok(filter),
    }
}

/// A position, or `-1` for the beginning.
fn position_or_none(text: &str) -> Result<Option<u64>, &'static str> {
    if text == "-1" {
        Ok(None)
    } else {
        whole(text).map(Some).map_err(|_| "a whole number or -1 is expected")
    }
}

fn descending(text: &str) -> Result<bool, &'static str> {
    match text {
        "asc" => Ok(false),
        "desc" => Ok(true),
        _ => Err("asc or desc is expected"),
    }
}

fn wait(text: &str) -> Result<Duration, &'static str> {
    let seconds = whole(text).map(Duration::from_secs).ok();
    seconds.filter(|seconds| *seconds <= LONGEST_WAIT).ok_or("a number of seconds from 0 to 20 is expected")
}

pub(super) fn time(text: &str) -> Result<FilteredTime, &'static str> {
    match text {
        "recorded" => Ok(FilteredTime::Recorded),
        "happened" => Ok(FilteredTime::Happened),
        _ => Err("recorded or happened is expected"),
    }
}

fn text(text: &str) -> Result<String, &'static str> {
    if (1..=255).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err("1 to 255 characters without control characters are expected")
    }
}

fn event_name(text: &str) -> Result<&'static str, String> {
    let known = ProductEvent::NAMES.into_iter().find(|name| *name == text);
    known.ok_or_else(|| format!("one of {} is expected", ProductEvent::NAMES.join(", ")))
}

/// A ULID as it is stored.
fn ulid(text: &str) -> Result<String, &'static str> {
    Ulid::from_string(text).map(|ulid| ulid.to_string()).map_err(|_| "a ULID is expected")
}
