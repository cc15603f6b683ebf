//! The promises of the read side, one file per promise.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod anew;
mod announced;
mod any_order;
mod budgets;
mod convergence;
mod csv;
mod cursors;
mod deleted;
mod feed;
mod folding;
mod following;
mod fresh_prices;
mod given;
mod history;
mod hostile;
mod in_time;
mod kept;
mod list_cost;
mod listing;
mod lookups;
mod lowest_price;
mod messages;
mod one_product;
mod parked;
mod past;
mod past_catalogue;
mod positions;
mod price_log;
mod prices;
mod prior_price;
mod rebuild_report;
mod rebuilding;
mod unreadable;
mod verification;
mod walking;
