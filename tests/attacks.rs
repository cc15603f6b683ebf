//! What the operator of a ledger can do to it and to its log, with the real key of the log and everything rebuilt, and who finds
//! it: `verify`, `verify --log`, an outsider with an export, one who kept an old checkpoint, or nobody.

mod ledger;
mod log;
mod operator;
