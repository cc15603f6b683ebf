//! The system in one process: stores, consumers, HTTP, authentication, limits and operators' commands. It calls the same
//! functions as the Lambdas, and is fed by the same streams.

pub mod auth;
pub mod back_pressure;
pub mod backend;
pub mod directory;
pub mod environment;
pub mod follower;
pub mod log;
pub mod logs;
pub mod mapping;
pub mod openapi;
pub mod operators;
pub mod serve;
pub mod signals;
mod stall;
pub mod stop;
pub mod system;
pub mod traces;
