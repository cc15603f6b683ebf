//! `ledger`: the whole system in one process, and the tools of those who run and audit it.

use std::process::ExitCode;

use clap::Parser;
use cli::{Arguments, run};
use mimalloc::MiMalloc;

/// The SDK and the engine take and give back memory in many small pieces; with the C library's allocator that is a fifth of
/// the processor time of a command and a third of that of a verification.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    run(Arguments::parse())
}
