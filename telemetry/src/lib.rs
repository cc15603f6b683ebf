//! Telemetry that every crate shares: the names of the metrics, the usage of a request, and the trace that it belongs to.

pub mod meters;
pub mod trace;
pub mod usage;
