//! Every way a batch can fail, without a stream or a function.

use super::*;

const RETRY: Retry = Retry {
    first_delay: Duration::from_millis(100),
    longest_delay: Duration::from_secs(10),
    bisect_after: 1,
    most_retries: 2,
};

fn batch(records: usize) -> Batch {
    Batch::new(records)
}

/// The records to send next, counted from 1.
fn next(batch: &Batch) -> Vec<usize> {
    batch.next().map(|place| place + 1).collect()
}

fn failed() -> Outcome {
    Outcome::Failed("no".to_owned())
}

#[test]
fn a_batch_that_succeeds_is_done_at_once() {
    let mut batch = batch(3);
    assert_eq!(next(&batch), [1, 2, 3]);
    assert_eq!(batch.done(), 0);
    assert!(batch.settle(Outcome::Done, &RETRY).advanced);
    assert_eq!(batch.done(), 3);
    assert!(batch.next().is_empty());
}

#[test]
fn a_reported_failure_is_the_checkpoint_and_everything_from_it_is_sent_again() {
    let mut batch = batch(4);
    let settled = batch.settle(Outcome::FailedFrom(2), &RETRY);
    assert_eq!((settled.advanced, settled.failures), (true, 1));
    assert_eq!(batch.done(), 2);
    assert_eq!(next(&batch), [3, 4]);
}

#[test]
fn failures_that_name_nobody_halve_the_batch_and_successes_double_it() {
    let mut batch = batch(8);
    assert_eq!(batch.settle(failed(), &RETRY).failures, 1);
    assert_eq!(next(&batch), [1, 2, 3, 4]);
    assert_eq!(batch.settle(failed(), &RETRY).failures, 2);
    assert_eq!(next(&batch), [1, 2]);
    batch.settle(Outcome::Done, &RETRY);
    assert_eq!(next(&batch), [3, 4, 5, 6]);
    assert_eq!(batch.settle(failed(), &RETRY).failures, 1);
}

#[test]
fn only_the_guilty_record_is_given_up_after_its_retries() {
    let mut batch = batch(2);
    batch.settle(failed(), &RETRY);
    assert_eq!(next(&batch), [1]);
    for _ in 0..=RETRY.most_retries {
        assert_eq!(next(&batch), [1]);
        let settled = batch.settle(failed(), &RETRY);
        assert_eq!(settled.skipped.is_some(), settled.advanced);
    }
    assert_eq!(batch.done(), 1);
    assert_eq!(next(&batch), [2]);
}

#[test]
fn a_record_that_is_reported_again_and_again_is_given_up_alone() {
    let mut batch = batch(3);
    batch.settle(Outcome::FailedFrom(1), &RETRY);
    let reported = |batch: &mut Batch| batch.settle(Outcome::FailedFrom(0), &RETRY);
    assert_eq!(reported(&mut batch).skipped, None);
    assert_eq!(next(&batch), [2, 3]);
    let (poison, _) = reported(&mut batch).skipped.unwrap();
    assert_eq!(poison, 1);
    assert_eq!(next(&batch), [3]);
}

#[test]
fn waits_double_up_to_the_longest_and_are_jittered() {
    assert_eq!(RETRY.delay(1), Duration::from_millis(100));
    assert_eq!(RETRY.delay(3), Duration::from_millis(400));
    assert_eq!(RETRY.delay(99), Duration::from_secs(10));
    let wait = RETRY.wait(99);
    assert!((Duration::from_secs(5)..=Duration::from_secs(10)).contains(&wait), "{wait:?}");
}

#[test]
fn nothing_is_given_up_before_a_day_has_passed() {
    let retry = Retry::default();
    let shortest = |failures| retry.delay(failures) / 2;
    let waited: Duration = (1..=retry.most_retries).map(shortest).sum();
    assert!(waited >= Duration::from_hours(23), "{waited:?}");
}
