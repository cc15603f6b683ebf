//! Authentication and authorisation: tokens of a test issuer, each accepted or refused, and the routes of each scope.

mod clients;
pub mod issuer;
mod rotation;
mod scopes;
mod settings;
mod tokens;
