//! The product aggregate: its commands, the pure decision, the refusals.

mod aggregate;
mod command;
mod decide;
mod pricing;
mod refusal;
#[cfg(test)]
mod tests;
mod texts;

pub use aggregate::ProductAggregate;
pub use command::{AttributesPatch, Command, NewProduct, Patch};
pub use decide::decide;
pub use pricing::{InForce, Pricing};
pub use refusal::Refusal;
pub use texts::{MOST_TEXT_BYTES, TextFault, TextField, UnfitTexts};

/// The most events one command can write: restored, renamed, price changed, details changed.
pub const MOST_EVENTS: u64 = 4;

/// The most attributes a product can have.
pub const MOST_ATTRIBUTES: usize = 50;
