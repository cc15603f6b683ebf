//! Whether the measurement measures right: the engine's figures against `DynamoDB`'s rules, and the items that are put
//! into the tables against those the libraries write.

mod formats;
mod given;
mod rules;
