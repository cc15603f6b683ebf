//! The catalogue of metrics: names, units, labels and help texts. They are recorded where they occur, through the `metrics`
//! facade; without a recorder nothing happens.
//!
//! Dashboards and alarms depend on the names: add, never rename. A label never holds a value that a client can choose freely:
//! no product, no actor, no raw path.

use metrics::Unit;

/// The kind of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only increases.
    Counter,
    /// Increases and decreases.
    Gauge,
    /// A distribution.
    Histogram,
}

/// One metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// The name, by the rules of Prometheus.
    pub name: &'static str,
    /// The kind.
    pub kind: MetricKind,
    /// The unit.
    pub unit: Unit,
    /// The names of the labels.
    pub labels: &'static [&'static str],
    /// The upper bounds of a histogram's buckets.
    pub buckets: &'static [f64],
    /// The help text.
    pub help: &'static str,
}

const SECONDS: &[f64] = &[
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0,
];
const UNITS: &[f64] = &[0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: MetricKind::Counter, unit: Unit::Count, labels, buckets: &[], help }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { kind: MetricKind::Gauge, ..counter(name, labels, help) }
}

const fn gauge_seconds(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { unit: Unit::Seconds, ..gauge(name, labels, help) }
}

const fn seconds(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric {
        kind: MetricKind::Histogram,
        unit: Unit::Seconds,
        buckets: SECONDS,
        ..counter(name, labels, help)
    }
}

const fn units(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { kind: MetricKind::Histogram, buckets: UNITS, ..counter(name, labels, help) }
}

macro_rules! catalogue {
    ($($constant:ident = $kind:ident($name:literal, $labels:expr, $help:literal);)+) => {
        $(#[doc = $help] pub const $constant: Metric = $kind($name, &$labels, $help);)+

        /// All metrics.
        pub const ALL: &[Metric] = &[$($constant),+];
    };
}

catalogue! {
    BUILD_INFO = gauge("ledger_build_info", ["version", "commit"],
        "Always 1; version and, if the build was told it, commit of the program");
    HTTP_REQUESTS = counter("ledger_http_requests_total", ["method", "route", "status"],
        "Requests answered, by method, route and status");
    HTTP_SECONDS = seconds("ledger_http_request_duration_seconds", ["method", "route"],
        "Time from the head of a request to the head of its answer");
    HTTP_IN_FLIGHT = gauge("ledger_http_requests_in_flight", [],
        "Requests in progress, including those whose client has gone");
    HTTP_STREAMS = gauge("ledger_http_streams_open", [], "Open event streams");
    HTTP_CONNECTIONS = gauge("ledger_http_connections_open", [], "Open connections");
    HTTP_SHED = counter("ledger_http_shed_total", ["limit"],
        "Requests rejected because a limit was reached");
    HTTP_TIMEOUTS = counter("ledger_http_timeouts_total", ["waited_for"],
        "Requests that timed out: the client's body or the server's answer was too late");
    COMMANDS = counter("ledger_commands_total", ["command", "outcome"],
        "Commands by kind and outcome; the outcome of a rejected command is the kind of its problem");
    CONFLICTS = counter("ledger_command_conflicts_total", [],
        "Races lost to another writer; the command is decided again after each");
    HELD_UP = counter("ledger_recorded_at_held_up_total", [],
        "Commits recorded with the time of the previous commit, because that time is ahead of the clock");
    COMMANDS_DELAYED = seconds("ledger_commands_delayed_seconds", [],
        "How long delayed commands waited for views and bus to catch up; others are not counted");
    DYNAMODB_REQUESTS = counter("ledger_dynamodb_requests_total", ["table", "operation", "result"],
        "Requests to the tables, retries by the SDK included");
    DYNAMODB_UNITS = units("ledger_dynamodb_capacity_units", ["table", "operation"],
        "Capacity units of each request whose response reported them");
    PROJECTION_LAG = seconds("ledger_projection_lag_seconds", ["view"],
        "Time from recording a commit until it is in the view");
    PUBLISH_LAG = seconds("ledger_publish_lag_seconds", [],
        "Time from recording an event until the bus accepts it");
    PUBLISHED = counter("ledger_events_published_total", ["replay"], "Events that the bus accepted");
    PUBLISH_FAILURES = counter("ledger_publish_failures_total", ["code"],
        "Events that the bus did not accept, counted for each attempt");
    TAMPERING = counter("ledger_tampering_total", ["consumer", "operation"],
        "Commits that were changed, removed or recorded again in the event table, as seen by each consumer");
    PARKINGS = counter("ledger_parkings_total", ["consumer", "retryable"],
        "How often products were parked");
    PARKED = gauge("ledger_parked_products", ["consumer"],
        "Products parked at the last scheduled check");
    BUS_MISSING = gauge("ledger_bus_missing", [],
        "1 if the bus did not exist at the last scheduled check, otherwise 0");
    RECONCILE_AGE = gauge_seconds("ledger_reconcile_age_seconds", ["consumer"],
        "Time since the last complete round of the scheduled reconcile");
    RECONCILE_LEFT = gauge("ledger_reconcile_left_products", ["consumer"],
        "Products that were still behind or different after the last complete round");
    RECONCILE_OLDEST = gauge_seconds("ledger_reconcile_oldest_seconds", ["consumer"],
        "Age of the oldest commit that a consumer lacked at the end of a round");
    RECONCILED = counter("ledger_reconciled_products_total", ["consumer", "result"],
        "Products that complete rounds compared, by what came of it");
    PROTECTION = counter("ledger_protection_checks_total", ["result"],
        "Scheduled checks of what protects the event table, by what was found");
    GIVEN_UP = counter("ledger_stream_records_given_up_total", ["consumer"],
        "Stream records given up: after all their retries, or because they do not say which product they are of");
    STALLED = gauge_seconds("ledger_consumer_stalled_seconds", ["consumer"],
        "For how long the consumer has had something to do and made no progress");
    LOG_OLDEST_UNLOGGED = gauge_seconds("ledger_log_oldest_unlogged_seconds", [],
        "Age of the oldest commit that is in no checkpoint of the log; 0 if all are");
    LOG_CHECKPOINT_AGE = gauge_seconds("ledger_log_checkpoint_age_seconds", [],
        "Age of the newest checkpoint at the end of the last run of the sequencer");
    LOG_CONFLICTS = counter("ledger_log_conflicts_total", ["kind"],
        "Contradictions in the log, or between log and ledger, over which nothing is signed");
    LOG_SIGNING = gauge("ledger_log_signing", [],
        "1 while checkpoints of the log are signed, 0 while none are");
    LOG_COSIGNATURES = gauge("ledger_log_cosignatures", [],
        "Witnesses that have cosigned the newest checkpoint of the log");
    LOG_WITNESS_REQUESTS = counter("ledger_log_witness_requests_total", ["result"],
        "Requests to witnesses of the log, by what came of them");
}

/// Registers units and help texts with the recorder of this process.
pub fn describe() {
    for metric in ALL {
        match metric.kind {
            MetricKind::Counter => metrics::describe_counter!(metric.name, metric.unit, metric.help),
            MetricKind::Gauge => metrics::describe_gauge!(metric.name, metric.unit, metric.help),
            MetricKind::Histogram => metrics::describe_histogram!(metric.name, metric.unit, metric.help),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_follow_the_rules_of_prometheus() {
        let names: BTreeSet<_> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len());
        for metric in ALL {
            assert!(metric.name.starts_with("ledger_"), "{}", metric.name);
            assert_eq!(
                metric.name.ends_with("_total"),
                metric.kind == MetricKind::Counter,
                "{}",
                metric.name
            );
            assert_eq!(metric.name.ends_with("_seconds"), metric.unit == Unit::Seconds, "{}", metric.name);
            let is_plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            assert!(is_plain(metric.name) && metric.labels.iter().all(|label| is_plain(label)));
        }
    }

    #[test]
    fn no_label_holds_a_value_that_a_client_chooses() {
        let labels: BTreeSet<_> = ALL.iter().flat_map(|metric| metric.labels).copied().collect();
        let bounded = [
            "code",
            "command",
            "commit",
            "consumer",
            "kind",
            "limit",
            "method",
            "operation",
            "outcome",
            "replay",
            "result",
            "retryable",
            "route",
            "status",
            "table",
            "version",
            "view",
            "waited_for",
        ];
        assert_eq!(labels, BTreeSet::from(bounded));
    }
}
