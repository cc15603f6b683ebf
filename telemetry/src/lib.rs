//! Telemetry shared by the crates: the catalogue of metrics, the usage of a request, and trace propagation.

pub mod lag;
pub mod meters;
pub mod trace;
pub mod usage;
