//! Promises over generated values: the same values in every run, so that what fails once fails again.

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

/// Runs a check on `count` values; a value that fails is made as small as it can be before it is shown.
pub fn for_all<S: Strategy>(count: u32, values: S, check: impl AsyncFn(S::Value)) {
    let config =
        Config { cases: count, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let checked = |value| {
        block_in_place(|| Handle::current().block_on(check(value)));
        Ok::<_, TestCaseError>(())
    };
    if let Err(failed) = runner.run(&values, checked) {
        panic!("{failed}");
    }
}
