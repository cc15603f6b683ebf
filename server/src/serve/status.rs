//! What `GET /status` says of this server: from the stores, and from what it counts in memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use async_trait::async_trait;
use chrono::DateTime;
use event_store::follow::Change;
use event_store::{CheckpointStore, Feed, FeedEntry, StoreError};
use ledger_log::LogPath;
use metrics_exporter_prometheus::PrometheusHandle;
use projections::http::status::{
    BuildInfo, CommandCounts, ConsumerLag, CountedProducts, LedgerStatus, LogState, MOST_PARKED,
    ParkedProduct, ServerLoad, SettingInfo, StatusSource, ViewLags, variables,
};
use projections::views::View;
use schema::Timestamp;
use sequencer::{LogStore, PublishedCheckpoint};
use telemetry::lag;
use telemetry::meters::{COMMANDS, DYNAMODB_REQUESTS, HTTP_SECONDS, HTTP_SHED, TAMPERING};
use tokio::sync::watch;
use web::Problem;

use super::admission::Admission;
use super::metrics::COMMIT;
use super::refusals::LastRefusals;
use crate::backend::LocalFeed;
use crate::log::{LOG_DIRECTORY, oldest_unlogged};
use crate::stop::{StopSignal, stopped};
use crate::system::System;

/// How old the numbers of products may be.
const COUNTED_FOR_MILLIS: i64 = 60_000;

/// Tells how this server does.
pub(super) struct ServerStatus {
    system: Arc<System>,
    recorder: PrometheusHandle,
    /// The last problems, which a layer around the routes notes.
    pub(super) refusals: LastRefusals,
    admission: Admission,
    log: Option<LogProgress>,
    settings: Vec<SettingInfo>,
    counted: tokio::sync::Mutex<Option<CountedProducts>>,
}

/// How far the log is. Clones share it.
#[derive(Clone)]
pub(super) struct LogProgress {
    store: Arc<dyn LogStore>,
    published: watch::Receiver<u64>,
    signed_at: Arc<Mutex<Option<Timestamp>>>,
}

impl LogProgress {
    /// Of the log in a data directory, or in memory.
    pub(super) fn new(
        store: Arc<dyn LogStore>,
        published: watch::Receiver<u64>,
        data: Option<&Path>,
    ) -> Self {
        let file = data.map(|data| data.join(LOG_DIRECTORY).join("checkpoint"));
        let changed = file.and_then(|file| file.metadata().ok()?.modified().ok());
        let since = changed.and_then(|changed| changed.duration_since(UNIX_EPOCH).ok());
        let moment =
            since.and_then(|since| DateTime::from_timestamp_millis(i64::try_from(since.as_millis()).ok()?));
        let signed_at = moment.and_then(|moment| Timestamp::new(moment).ok());
        Self { store, published, signed_at: Arc::new(Mutex::new(signed_at)) }
    }

    /// Notes when checkpoints are signed, until `stop`.
    pub(super) async fn follow(mut self, clock: schema::Clock, stop: StopSignal) {
        loop {
            tokio::select! {
                changed = self.published.changed() => if changed.is_err() { return },
                () = stopped(&stop) => return,
            }
            self.published.mark_unchanged();
            *self.signed_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(clock());
        }
    }

    /// The names of the witnesses that cosigned the newest checkpoint.
    async fn witnesses(&self) -> Vec<String> {
        let store = self.store.clone();
        let read = tokio::task::spawn_blocking(move || store.read(LogPath::Checkpoint)).await;
        let note = read.ok().and_then(Result::ok).flatten();
        let checkpoint = note.and_then(|note| PublishedCheckpoint::read(&note, None));
        checkpoint.map(|checkpoint| checkpoint.witnesses).unwrap_or_default()
    }
}

#[async_trait]
impl StatusSource for ServerStatus {
    async fn status(&self) -> Result<LedgerStatus, Problem> {
        self.read().await.map_err(|error| {
            tracing::error!(target: "ledger::server", %error, "the status cannot be read");
            Problem::unavailable("A store did not answer; try again.")
        })
    }
}

impl ServerStatus {
    /// Of this system, with what was set on the command line.
    pub(super) fn new(
        system: &Arc<System>,
        (recorder, admission): (&PrometheusHandle, &Admission),
        log: Option<LogProgress>,
        flags: Vec<SettingInfo>,
    ) -> Self {
        let variables = variables(|name| std::env::var(name).ok());
        Self {
            system: system.clone(),
            recorder: recorder.clone(),
            admission: admission.clone(),
            refusals: LastRefusals::new(system.clock_and_ids.clock.clone()),
            log,
            settings: flags.into_iter().chain(variables).collect(),
            counted: tokio::sync::Mutex::default(),
        }
    }

    async fn read(&self) -> Result<LedgerStatus, StoreError> {
        let text = self.recorder.render();
        let ends = match &self.system.feed {
            Some(feed) => Some(Ends::of(&*feed.feed).await?),
            None => None,
        };
        let [projector, publisher] = self.behind().await?;
        let of_view =
            |view: View| ConsumerLag { lag_ms: newest_lag(view.name()), oldest_behind_ms: projector };
        Ok(LedgerStatus {
            commits: ends.as_ref().map(|ends| ends.commits),
            first_recorded_at: ends.as_ref().and_then(|ends| ends.first),
            newest_recorded_at: ends.as_ref().and_then(|ends| ends.newest),
            products: self.products().await?,
            views: ViewLags { products: of_view(View::Products), prices: of_view(View::Prices) },
            bus: ConsumerLag { lag_ms: newest_lag(publisher::CONSUMER), oldest_behind_ms: publisher },
            parked: Some(self.parked().await?),
            log: self.log_state(ends.as_ref().map_or(0, |ends| ends.commits)).await?,
            tampering: Some(sums(&text, TAMPERING.name, "operation").into_values().sum()),
            build: BuildInfo {
                version: env!("CARGO_PKG_VERSION"),
                commit: COMMIT.filter(|commit| !commit.is_empty()),
            },
            settings: self.settings.clone(),
            commands: Some(commands(&text)),
            load: Some(self.load(&text)),
            refused: Some(self.refusals.newest_first()),
        })
    }

    fn load(&self, text: &str) -> ServerLoad {
        let [requests, streams, page_streams] = self.admission.used();
        let turned_away = sums(text, HTTP_SHED.name, "limit").into_values().sum();
        let mut results = sums(text, DYNAMODB_REQUESTS.name, "result");
        let throttled = self.system.feed.is_none().then(|| results.remove("throttled").unwrap_or_default());
        ServerLoad { requests, streams, page_streams, turned_away, throttled }
    }

    fn now(&self) -> Timestamp {
        (self.system.clock_and_ids.clock)()
    }

    /// How long ago the oldest commit was recorded that projector and publisher lack, if they are fed by position.
    async fn behind(&self) -> Result<[Option<u64>; 2], StoreError> {
        let Some(LocalFeed { feed, projector, publisher, .. }) = &self.system.feed else {
            return Ok([None; 2]);
        };
        let mut ages = [None; 2];
        for (age, consumer) in ages.iter_mut().zip([projector, publisher]) {
            let checkpoint = CheckpointStore::checkpoint(&**consumer).await?;
            let handled = checkpoint.map_or(0, |checkpoint| checkpoint.position + 1);
            *age = Some(self.age(oldest_unlogged(&**feed, handled).await?));
        }
        Ok(ages)
    }

    /// The age of what is not handled yet; 0 if there is nothing.
    fn age(&self, oldest: Option<Timestamp>) -> u64 {
        oldest.map_or(0, |oldest| millis(oldest, self.now()))
    }

    async fn products(&self) -> Result<Option<CountedProducts>, StoreError> {
        // Whoever comes meanwhile waits for the one that counts.
        let mut counted = self.counted.lock().await;
        let now = self.now();
        let is_fresh = |counted: &CountedProducts| {
            (0..COUNTED_FOR_MILLIS).contains(&(now.millis() - counted.counted_at.millis()))
        };
        if !counted.as_ref().is_some_and(is_fresh) {
            let numbers = self.system.count_products().await?;
            *counted = numbers.map(|[active, deleted]| CountedProducts { active, deleted, counted_at: now });
        }
        Ok(*counted)
    }

    async fn parked(&self) -> Result<Vec<ParkedProduct>, StoreError> {
        let next_turn = self.system.next_turn();
        let mut parked = Vec::new();
        for (consumer, parking) in self.system.consumers() {
            let rows = parking.list(consumer, None, MOST_PARKED).await?;
            parked.extend(rows.into_iter().map(|row| ParkedProduct::of(row, next_turn)));
        }
        Ok(parked)
    }

    async fn log_state(&self, commits: u64) -> Result<Option<LogState>, StoreError> {
        let (Some(log), Some(feed)) = (&self.log, &self.system.feed) else { return Ok(None) };
        let size = *log.published.borrow();
        let signed_at = *log.signed_at.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Some(LogState {
            size,
            signed_at,
            unlogged: commits.saturating_sub(size),
            oldest_unlogged_ms: self.age(oldest_unlogged(&*feed.feed, size).await?),
            witnesses: log.witnesses().await,
        }))
    }
}

/// The number of commits, and when the first and the newest were recorded.
struct Ends {
    commits: u64,
    first: Option<Timestamp>,
    newest: Option<Timestamp>,
}

impl Ends {
    async fn of(feed: &dyn Feed) -> Result<Self, StoreError> {
        let Some(newest) = feed.newest_position().await? else {
            return Ok(Self { commits: 0, first: None, newest: None });
        };
        let first = feed.after(None, 1).await?;
        let last = feed.after(newest.checked_sub(1), 1).await?;
        let recorded = |entries: &[FeedEntry]| entries.first().and_then(recorded_at);
        Ok(Self { commits: newest + 1, first: recorded(&first), newest: recorded(&last) })
    }
}

/// When a commit was recorded, if it can be read.
fn recorded_at(entry: &FeedEntry) -> Option<Timestamp> {
    match &entry.change {
        Change::Committed(commit) => Timestamp::parse(commit.text("recorded_at").ok()?).ok(),
        Change::Tampered(_) | Change::Unreadable { .. } | Change::Nameless { .. } => None,
    }
}

fn newest_lag(consumer: &str) -> Option<u64> {
    let millis = std::time::Duration::try_from_secs_f64(lag::newest(consumer)?).ok()?.as_millis();
    u64::try_from(millis).ok()
}

fn millis(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.millis().saturating_sub(from.millis())).unwrap_or_default()
}

/// The values of a counter, added up by one of its labels.
fn sums(text: &str, name: &str, label: &str) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for line in text.lines() {
        let Some((labels, value)) = line
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('{'))
            .and_then(|rest| rest.rsplit_once("} "))
        else {
            continue;
        };
        let of_label = labels.split(',').find_map(|pair| pair.strip_prefix(label)?.strip_prefix("=\""));
        if let (Some(found), Ok(value)) = (of_label, value.trim().parse::<u64>()) {
            *sums.entry(found.trim_end_matches('"').to_owned()).or_default() += value;
        }
    }
    sums
}

fn commands(text: &str) -> CommandCounts {
    let mut counts = CommandCounts { p90_ms: p90_ms(text), ..CommandCounts::default() };
    for (outcome, commands) in sums(text, COMMANDS.name, "outcome") {
        match outcome.as_str() {
            "recorded" => counts.recorded += commands,
            "unchanged" | "replayed" => counts.without_effect += commands,
            _ => {
                counts.refused.insert(outcome, commands);
            }
        }
    }
    counts
}

/// The least bound of a bucket below which nine of ten changing requests were answered, in milliseconds.
fn p90_ms(text: &str) -> Option<f64> {
    let buckets = format!("{}_bucket{{", HTTP_SECONDS.name);
    let changing = ["PUT", "POST", "PATCH", "DELETE"].map(|method| format!("method=\"{method}\""));
    let mut within: BTreeMap<String, u64> = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix(&buckets)) {
        let Some((labels, value)) = line.rsplit_once("} ") else { continue };
        let bound = labels.rsplit_once("le=\"").and_then(|(_, rest)| rest.split('"').next());
        let is_change = changing.iter().any(|method| labels.split(',').any(|label| label == method));
        if let (true, Some(bound), Ok(value)) = (is_change, bound, value.trim().parse::<u64>()) {
            *within.entry(bound.to_owned()).or_default() += value;
        }
    }
    let all = within.remove("+Inf").filter(|all| *all > 0)?;
    let bounds = within.into_iter().filter(|(_, answered)| answered * 10 >= all * 9);
    let seconds = bounds.filter_map(|(bound, _)| bound.parse::<f64>().ok()).min_by(f64::total_cmp)?;
    Some((seconds * 10_000.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_added_up_by_a_label() {
        let text = "# TYPE ledger_commands_total counter\n\
                    ledger_commands_total{command=\"put\",outcome=\"recorded\"} 3\n\
                    ledger_commands_total{command=\"patch\",outcome=\"recorded\"} 4\n\
                    ledger_commands_total{command=\"patch\",outcome=\"unchanged\"} 1\n\
                    ledger_commands_total{command=\"patch\",outcome=\"replayed\"} 1\n\
                    ledger_commands_total{command=\"put\",outcome=\"invalid\"} 2\n\
                    ledger_commands_total_other{outcome=\"recorded\"} 9\n";
        let refused = BTreeMap::from([("invalid".to_owned(), 2)]);
        let counted = CommandCounts { recorded: 7, without_effect: 2, refused, p90_ms: None };
        assert_eq!(commands(text), counted);
        assert!(sums(text, "ledger_tampering_total", "operation").is_empty());
    }

    #[test]
    fn the_time_of_nine_in_ten_is_that_of_all_changing_requests_together() {
        let bucket = |method: &str, bound: &str, answered: u64| {
            format!(
                "ledger_http_request_duration_seconds_bucket{{method=\"{method}\",route=\"/products/{{id}}\",le=\"{bound}\"}} {answered}\n"
            )
        };
        let text = |slow: u64| {
            let put = [("0.0025", 5), ("0.005", 12), ("0.01", 12), ("+Inf", 12)];
            let patch = [("0.0025", 0), ("0.005", 6), ("0.01", 8), ("+Inf", 8 + slow)];
            let get = [("0.0025", 900), ("0.005", 900), ("0.01", 900), ("+Inf", 900)];
            let lines = [("PUT", put), ("PATCH", patch), ("GET", get)];
            let lines = lines.iter().flat_map(|(method, of)| of.map(|(bound, n)| bucket(method, bound, n)));
            lines.collect::<String>()
        };
        assert_eq!(p90_ms(&text(0)), Some(5.0), "18 of 20");
        assert_eq!(p90_ms(&text(2)), Some(10.0), "18 of 22 are not nine in ten");
        assert_eq!(p90_ms(&text(9)), None, "beyond every bucket");
        assert_eq!(p90_ms(""), None);
    }
}
