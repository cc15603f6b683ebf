//! Every way in which a batch can fail, without a stream or a function.

use super::*;

const POLICY: RedeliveryPolicy = RedeliveryPolicy {
    backoff: Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(10) },
    bisect_after: 1,
    most_retries: 2,
};

fn batch(records: usize) -> DeliveryBatch {
    DeliveryBatch::new(records)
}

/// The records to send next, counted from 1.
fn next(batch: &DeliveryBatch) -> Vec<usize> {
    batch.next().map(|place| place + 1).collect()
}

fn failed() -> BatchOutcome {
    BatchOutcome::Failed("no".to_owned())
}

#[test]
fn a_batch_that_succeeds_is_done_at_once() {
    let mut batch = batch(3);
    assert_eq!(next(&batch), [1, 2, 3]);
    assert_eq!(batch.done(), 0);
    assert!(batch.apply(BatchOutcome::Done, &POLICY).advanced);
    assert_eq!(batch.done(), 3);
    assert!(batch.next().is_empty());
}

#[test]
fn a_reported_failure_is_the_checkpoint_and_everything_from_it_is_sent_again() {
    let mut batch = batch(4);
    let settled = batch.apply(BatchOutcome::FailedFrom(2), &POLICY);
    assert_eq!((settled.advanced, settled.failures), (true, 1));
    assert_eq!(batch.done(), 2);
    assert_eq!(next(&batch), [3, 4]);
}

#[test]
fn failures_that_name_no_record_halve_the_batch_and_successes_double_it() {
    let mut batch = batch(8);
    assert_eq!(batch.apply(failed(), &POLICY).failures, 1);
    assert_eq!(next(&batch), [1, 2, 3, 4]);
    assert_eq!(batch.apply(failed(), &POLICY).failures, 2);
    assert_eq!(next(&batch), [1, 2]);
    batch.apply(BatchOutcome::Done, &POLICY);
    assert_eq!(next(&batch), [3, 4, 5, 6]);
    assert_eq!(batch.apply(failed(), &POLICY).failures, 1);
}

#[test]
fn only_the_failing_record_is_given_up_after_its_retries() {
    let mut batch = batch(2);
    batch.apply(failed(), &POLICY);
    assert_eq!(next(&batch), [1]);
    for _ in 0..=POLICY.most_retries {
        assert_eq!(next(&batch), [1]);
        let settled = batch.apply(failed(), &POLICY);
        assert_eq!(settled.skipped.is_some(), settled.advanced);
    }
    assert_eq!(batch.done(), 1);
    assert_eq!(next(&batch), [2]);
}

#[test]
fn a_record_that_is_reported_again_and_again_is_given_up_alone() {
    let mut batch = batch(3);
    batch.apply(BatchOutcome::FailedFrom(1), &POLICY);
    let reported = |batch: &mut DeliveryBatch| batch.apply(BatchOutcome::FailedFrom(0), &POLICY);
    assert_eq!(reported(&mut batch).skipped, None);
    assert_eq!(next(&batch), [2, 3]);
    let (poison, _) = reported(&mut batch).skipped.unwrap();
    assert_eq!(poison, 1);
    assert_eq!(next(&batch), [3]);
}

#[test]
fn nothing_is_given_up_before_a_day_has_passed() {
    let policy = RedeliveryPolicy::default();
    let waited: Duration = (1..=policy.most_retries).map(|failures| policy.backoff.pause(failures)).sum();
    assert!(waited >= Duration::from_hours(23), "{waited:?}");
}
