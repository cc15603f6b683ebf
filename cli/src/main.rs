//! `ledger`: the whole system in one process, and the tools of those who run and audit it.

use std::process::ExitCode;

use clap::Parser;
use cli::{Arguments, run};

fn main() -> ExitCode {
    run(Arguments::parse())
}
