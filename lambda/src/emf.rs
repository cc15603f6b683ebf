//! Metrics in CloudWatch's embedded metric format: the values of an invocation become JSON lines, which CloudWatch Logs
//! converts into metrics without a request.
//!
//! Every value recorded since the previous lines is in the next ones exactly once, within the limits of the format
//! (CloudWatch user guide, "Specification: Embedded metric format"). Usually that is one line; values of the same label that
//! differ need another one, since a line has one value for each dimension.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use serde_json::{Map, Value, json};

use schema::Timestamp;
use telemetry::meters;

/// The greatest number of metrics in a line, and of values in a metric.
const MOST: usize = 100;
/// The dimension that holds the name of the function.
const FUNCTION: &str = "function";

type Labels = BTreeMap<String, String>;
type AllSeries = BTreeMap<(String, Labels), Arc<Series>>;

/// A recorder for functions: install it and write [`Emf::lines`] to standard output after each invocation.
#[derive(Debug, Clone)]
pub struct Emf {
    namespace: String,
    function: String,
    series: Arc<Mutex<AllSeries>>,
}

/// The values of one metric with one set of labels.
#[derive(Debug, Default)]
struct Series(Mutex<Values>);

#[derive(Debug, Default)]
struct Values {
    /// The value of a counter or a gauge.
    level: f64,
    /// Whether it was recorded since the previous lines.
    touched: bool,
    /// The values of a histogram since the previous lines.
    each: Vec<f64>,
}

/// A line under construction.
#[derive(Default)]
struct Line {
    dimensions: Labels,
    metrics: BTreeMap<Vec<String>, Vec<Value>>,
    values: Map<String, Value>,
}

impl Emf {
    /// A recorder for the function of this name.
    #[must_use]
    pub fn new(namespace: impl Into<String>, function: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), function: function.into(), series: Arc::default() }
    }

    /// The lines for everything recorded since the last call.
    #[must_use]
    pub fn lines(&self, now: Timestamp) -> Vec<String> {
        let mut lines: Vec<Line> = Vec::new();
        for ((name, labels), series) in &*locked(&self.series) {
            for value in series.take() {
                let place = lines.iter().position(|line| line.has_room(name, labels));
                let place = place.unwrap_or_else(|| {
                    lines.push(Line::default());
                    lines.len() - 1
                });
                lines[place].add(name, labels, value);
            }
        }
        lines.into_iter().map(|line| line.json(&self.namespace, &self.function, now).to_string()).collect()
    }

    fn series(&self, key: &Key) -> Arc<Series> {
        let labels = key.labels().map(|label| (label.key().to_owned(), label.value().to_owned())).collect();
        locked(&self.series).entry((key.name().to_owned(), labels)).or_default().clone()
    }
}

impl Line {
    fn has_room(&self, name: &str, labels: &Labels) -> bool {
        let agrees =
            |(key, value): (&String, &String)| self.dimensions.get(key).is_none_or(|have| have == value);
        self.values.len() < MOST && !self.values.contains_key(name) && labels.iter().all(agrees)
    }

    fn add(&mut self, name: &str, labels: &Labels, value: Value) {
        self.dimensions.extend(labels.clone());
        let mut dimensions = vec![FUNCTION.to_owned()];
        dimensions.extend(labels.keys().cloned());
        let meter = meters::ALL.iter().find(|meter| meter.name == name);
        let unit = if meter.is_some_and(|meter| meter.unit == Unit::Seconds) { "Seconds" } else { "Count" };
        self.metrics.entry(dimensions).or_default().push(json!({"Name": name, "Unit": unit}));
        self.values.insert(name.to_owned(), value);
    }

    fn json(self, namespace: &str, function: &str, now: Timestamp) -> Value {
        let directives: Vec<Value> = self
            .metrics
            .into_iter()
            .map(|(keys, metrics)| json!({"Namespace": namespace, "Dimensions": [keys], "Metrics": metrics}))
            .collect();
        let mut line = self.values;
        line.extend(self.dimensions.into_iter().map(|(key, value)| (key, Value::from(value))));
        line.insert(FUNCTION.to_owned(), function.into());
        line.insert("_aws".to_owned(), json!({"Timestamp": now.millis(), "CloudWatchMetrics": directives}));
        line.into()
    }
}

impl Series {
    fn change(&self, change: impl FnOnce(f64) -> f64) {
        let mut values = locked(&self.0);
        (values.level, values.touched) = (change(values.level), true);
    }

    /// The values to write: the increase of a counter, the value of a gauge, or lists of at most [`MOST`] values of a histogram.
    fn take(&self) -> Vec<Value> {
        let mut values = locked(&self.0);
        let each = std::mem::take(&mut values.each);
        let mut taken: Vec<Value> = each.chunks(MOST).map(|chunk| json!(chunk)).collect();
        if std::mem::take(&mut values.touched) {
            taken.push(values.level.into());
        }
        taken
    }
}

/// A counter, which writes its increase and therefore restarts at zero.
struct Growth(Arc<Series>);

impl CounterFn for Growth {
    fn increment(&self, value: u64) {
        let mut values = locked(&self.0.0);
        let before = if values.touched { values.level } else { 0.0 };
        (values.level, values.touched) = (before + small(value), true);
    }

    fn absolute(&self, value: u64) {
        self.0.change(|_| small(value));
    }
}

impl GaugeFn for Series {
    fn increment(&self, value: f64) {
        self.change(|level| level + value);
    }

    fn decrement(&self, value: f64) {
        self.change(|level| level - value);
    }

    fn set(&self, value: f64) {
        self.change(|_| value);
    }
}

impl HistogramFn for Series {
    fn record(&self, value: f64) {
        locked(&self.0).each.push(value);
    }
}

impl Recorder for Emf {
    // The catalogue has the units.
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(Arc::new(Growth(self.series(key))))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.series(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.series(key))
    }
}

fn small(value: u64) -> f64 {
    f64::from(u32::try_from(value).unwrap_or(u32::MAX))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use metrics::{counter, gauge, histogram, with_local_recorder};

    use super::*;
    use telemetry::meters::{COMMANDS, HTTP_IN_FLIGHT, PROJECTION_LAG, PUBLISH_LAG};

    fn recorded(emf: &Emf, work: impl FnOnce()) -> Vec<Value> {
        with_local_recorder(emf, work);
        emf.lines(Timestamp::EPOCH).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn one_invocation_is_one_line_as_the_specification_has_it() {
        let emf = Emf::new("ProductLedger", "command-api");
        let lines = recorded(&emf, || {
            counter!(COMMANDS.name, "command" => "patch", "outcome" => "recorded").increment(1);
            counter!(COMMANDS.name, "command" => "patch", "outcome" => "recorded").increment(1);
            histogram!(PUBLISH_LAG.name).record(0.25);
        });
        let directive = |dimensions: Value, name: &str, unit: &str| {
            json!({"Namespace": "ProductLedger", "Dimensions": [dimensions],
                   "Metrics": [{"Name": name, "Unit": unit}]})
        };
        let directives = [
            directive(json!(["function"]), "ledger_publish_lag_seconds", "Seconds"),
            directive(json!(["function", "command", "outcome"]), "ledger_commands_total", "Count"),
        ];
        let expected = json!({
            "_aws": {"Timestamp": 0, "CloudWatchMetrics": directives},
            "function": "command-api", "command": "patch", "outcome": "recorded",
            "ledger_commands_total": 2.0, "ledger_publish_lag_seconds": [0.25],
        });
        assert_eq!(lines, [expected]);
        assert!(emf.lines(Timestamp::EPOCH).is_empty());
    }

    #[test]
    fn labels_that_contradict_each_other_and_more_than_100_values_take_a_further_line() {
        let emf = Emf::new("ProductLedger", "projector");
        let lines = recorded(&emf, || {
            for n in 0..250 {
                histogram!(PROJECTION_LAG.name, "view" => "products").record(f64::from(n));
            }
            histogram!(PROJECTION_LAG.name, "view" => "prices").record(1.0);
        });
        let counts: Vec<_> =
            lines.iter().map(|line| line[PROJECTION_LAG.name].as_array().unwrap().len()).collect();
        assert_eq!(counts, [1, 100, 100, 50]);
    }

    #[test]
    fn a_counter_writes_its_increase_and_a_gauge_its_value() {
        let emf = Emf::new("ProductLedger", "f");
        let count = || {
            counter!("a_total").increment(2);
            gauge!(HTTP_IN_FLIGHT.name).increment(1.0);
        };
        let (first, second) = (recorded(&emf, count), recorded(&emf, count));
        assert_eq!((&first[0]["a_total"], &second[0]["a_total"]), (&json!(2.0), &json!(2.0)));
        let gauges = (&first[0][HTTP_IN_FLIGHT.name], &second[0][HTTP_IN_FLIGHT.name]);
        assert_eq!(gauges, (&json!(1.0), &json!(2.0)));
    }
}
