//! The parts that all HTTP routes share: request context, problems, request log, OpenAPI builder, and the public endpoints.

pub mod about;
pub mod api;
mod base_path;
mod clock_and_ids;
mod context;
mod excerpt;
mod finish;
mod forms;
mod notes;
pub mod openapi;
pub mod operation;
mod pages;
mod problem;
mod problems;
mod public;
mod query;
mod request_log;

pub use base_path::BasePath;
pub use clock_and_ids::ClockAndIds;
pub use context::{Actor, InvalidSubject, RequestContext, Scope, correlation_id};
pub use excerpt::excerpt;
pub use finish::{finish, finish_authenticated};
pub use notes::{Noted, Notes};
pub use pages::{AllowedOrigin, InvalidOrigin, PageRules, host_of};
pub use problem::{FieldError, Problem, ProblemKind};
pub use public::is_public;
pub use query::{QueryParameters, wrong_parameter};
