//! The system in one process: the stores, what follows the commits, HTTP, sign-in and limits, and what operators may ask of it. It calls the
//! same functions as the Lambdas, and is fed by the same streams.

pub mod auth;
pub mod backend;
pub mod directory;
pub mod environment;
pub mod follower;
pub mod logs;
pub mod mapping;
pub mod openapi;
pub mod operators;
pub mod pace;
pub mod serve;
pub mod signals;
pub mod stop;
pub mod system;
pub mod traces;
