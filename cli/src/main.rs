//! The program `ledger`.

use std::process::ExitCode;

use cli::{arguments, run};
use mimalloc::MiMalloc;

/// The SDK and SQLite allocate many small pieces of memory; with the C library's allocator that takes a fifth of the processor
/// time of a command and a third of that of a verification.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    run(arguments())
}
