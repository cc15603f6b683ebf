//! Calls that fail before or after their work, singly and in pairs; processes that are killed or overtaken at every step.

use std::sync::Arc;

use sequencer::Sequencer;

use crate::given::{Deed, FAILURES, Given, MINUTE, Plan, WAITS};

/// A ledger that begins with commits, three feed items that overlap, and one product that was never announced before.
async fn story() -> Given {
    let given = Given::default();
    given.commit("before", 2).await;
    let (a, b) = (given.commit("a", 1).await, given.commit("b", 2).await);
    given.announce(vec![a, b.clone()]).await;
    given.begun_except(&["c"]).await
}

impl Given {
    /// The log has begun, then further commits are recorded and announced.
    async fn begun_except(self, further: &[&str]) -> Self {
        let given = self.begun().await;
        let mut announced = vec![given.commit("a", 2).await];
        for product in further {
            announced.push(given.commit(product, 2).await);
        }
        given.announce(announced).await;
        given.announce(vec![given.announced("b"), given.commit("a", 1).await]).await;
        given
    }
}

/// Runs a sequencer until it has nothing to do; a failed run is repeated by another one, as after a restart.
async fn run_until_done(given: &Given, plan: &Arc<Plan>) {
    for _ in 0..20 {
        if given.planned(plan).drain(MINUTE).await.is_ok() {
            return;
        }
    }
    panic!("it does not end");
}

/// How many calls a run makes from the beginning.
async fn calls(given: &Given) -> usize {
    let plan = Plan::of([]);
    run_until_done(given, &plan).await;
    given.all_is_logged().await;
    plan.calls()
}

#[tokio::test]
async fn a_failure_of_any_call_leaves_what_the_next_round_goes_on_from() {
    let calls = calls(&story().await).await;
    assert!(calls > 15, "{calls} calls");
    for call in 1..=calls {
        for deed in FAILURES {
            let given = story().await;
            run_until_done(&given, &Plan::of([(call, deed)])).await;
            given.all_is_logged().await;
            assert_eq!(given.parked().await, [], "{call} {deed:?}");
        }
    }
}

#[tokio::test]
async fn two_failures_of_any_calls_leave_what_the_next_round_goes_on_from() {
    let calls = calls(&story().await).await;
    for first in 1..=calls {
        for second in first + 1..=calls + 12 {
            for deeds in FAILURES.map(|first| FAILURES.map(|second| (first, second))).as_flattened() {
                let given = story().await;
                run_until_done(&given, &Plan::of([(first, deeds.0), (second, deeds.1)])).await;
                given.all_is_logged().await;
            }
        }
    }
}

/// The same of the commits from before the log.
#[tokio::test]
async fn a_failure_while_the_log_begins_leaves_what_the_next_run_goes_on_from() {
    let before = async || {
        let given = Given::default();
        given.commit("b", 3).await;
        given.commit("a", 2).await;
        given
    };
    let calls = calls(&before().await).await;
    for first in 1..=calls {
        for second in first..=calls + 8 {
            for deed in FAILURES {
                let given = before().await;
                run_until_done(&given, &Plan::of([(first, deed), (second, deed)])).await;
                given.all_is_logged().await;
                assert_eq!(given.parked().await, []);
            }
        }
    }
}

/// Runs a sequencer up to the call that waits; `true` if there was one.
async fn up_to(sequencer: &Sequencer, plan: &Plan, then: impl AsyncFnOnce()) -> bool {
    let run = sequencer.drain(MINUTE);
    let mut run = std::pin::pin!(run);
    tokio::select! {
        done = &mut run => {
            done.unwrap();
            return false;
        }
        () = plan.waiting.notified() => {}
    }
    then().await;
    plan.goes_on.notify_one();
    run.await.unwrap();
    true
}

#[tokio::test]
async fn a_process_that_is_killed_at_any_step_leaves_what_the_next_one_goes_on_from() {
    for begins in [true, false] {
        let made = async || if begins { Given::default().unlogged().await } else { story().await };
        let calls = calls(&made().await).await;
        for call in 1..=calls {
            for deed in WAITS {
                let given = made().await;
                let plan = Plan::of([(call, deed)]);
                let sequencer = given.planned(&plan);
                tokio::select! {
                    _ = sequencer.drain(MINUTE) => panic!("call {call} is never made"),
                    () = plan.waiting.notified() => {}
                }
                drop(sequencer);
                run_until_done(&given, &Plan::of([])).await;
                given.all_is_logged().await;
            }
        }
    }
}

impl Given {
    /// Commits from before the log.
    async fn unlogged(self) -> Self {
        self.commit("b", 3).await;
        self.commit("a", 2).await;
        self
    }
}

#[tokio::test]
async fn of_two_sequencers_one_of_which_waits_at_any_step_comes_one_history() {
    for begins in [true, false] {
        let made = async || if begins { Given::default().unlogged().await } else { story().await };
        let calls = calls(&made().await).await;
        let mut waited = 0;
        for call in 1..=calls {
            for deed in WAITS {
                let given = made().await;
                let plan = Plan::of([(call, deed)]);
                let slow = given.planned(&plan);
                let quick = async || {
                    run_until_done(&given, &Plan::of([])).await;
                    given.all_is_logged().await;
                    // The slow one finds more than it knew of.
                    let more = given.commit("a", 1).await;
                    given.announce(vec![more]).await;
                    run_until_done(&given, &Plan::of([])).await;
                };
                waited += usize::from(up_to(&slow, &plan, quick).await);
                given.all_is_logged().await;
                assert_eq!(given.parked().await, []);
            }
        }
        assert_eq!(waited, 2 * calls);
    }
}

/// One waits after each of its calls while the other one makes one: they overtake each other all the time.
#[tokio::test]
async fn of_sequencers_that_overtake_each_other_comes_one_history() {
    let given = story().await;
    let plan = Plan::of([]);
    let runs = (0..4).map(|_| async {
        let sequencer = given.planned(&plan);
        for _ in 0..10 {
            let more = given.commit("a", 1).await;
            given.announce(vec![more.clone(), given.announced("b")]).await;
            tokio::task::yield_now().await;
            // One that is overtaken each time gives up, and is called again.
            let _ = sequencer.log(&[more], None).await;
            let _ = sequencer.drain(MINUTE).await;
        }
    });
    futures::future::join_all(runs).await;
    run_until_done(&given, &plan).await;
    given.all_is_logged().await;
}

/// Of all lost answers, that to the insert of the batch alone does not fail the run: the batch is found to be its own.
#[tokio::test]
async fn a_lost_answer_is_told_from_the_batch_of_another_sequencer() {
    for (deed, not_failed) in [(Deed::FailAfter, 1), (Deed::FailBefore, 0)] {
        let mut done = 0;
        for call in 1.. {
            let given = Given::default().begun().await;
            let a = given.commit("a", 1).await;
            let plan = Plan::of([(call, deed)]);
            let run = given.planned(&plan).log(&[a], None).await;
            if plan.calls() < call {
                break;
            }
            if let Ok(run) = run {
                assert_eq!(run.logged, 1);
                given.all_is_logged().await;
                done += 1;
            }
        }
        assert_eq!(done, not_failed, "{deed:?}");
    }
}

/// The same on DynamoDB, where the SDK repeats requests: its last attempt hides that an earlier one was carried out.
#[tokio::test]
async fn on_dynamodb_requests_that_fail_or_lose_their_answers_leave_one_history() {
    use engine::probe::{Faults, InjectedFault, Matching};
    for operation in ["ExecuteStatement", "BatchExecuteStatement", "Query"] {
        for fault in [InjectedFault::FailBefore, InjectedFault::DropAnswer, InjectedFault::throttled()] {
            for times in [1, 2, 20] {
                let engine = engine::Engine::in_memory().unwrap();
                let (config, faults) = Faults::inject(&engine.sdk_config());
                let client = aws_sdk_dynamodb::Client::new(&config);
                event_store::table::create(&client, "log", sequencer::LOG_TABLE).await.unwrap();
                let table = Arc::new(sequencer::DynamoLogTable::new(client, "log"));
                let given = Given::default();
                let ports = sequencer::SequencerPorts { table: table.clone(), ..given.ports() };
                let new = || Sequencer::new(ports.clone(), Arc::new(crate::given::noon), given.ids.clone());
                given.commit("before", 3).await;
                new().drain(MINUTE).await.unwrap();
                let announced = [given.commit("a", 30).await, given.commit("before", 1).await];
                faults.add(Matching::operation(operation).times(times), fault.clone());
                let mut runs = 0;
                while new().log(&announced, None).await.is_err() {
                    runs += 1;
                    assert!(runs < 20, "{operation} {fault:?} {times}");
                }
                for first in [0, 3] {
                    use sequencer::LogTable;
                    let batch = table.batch_at(first).await.unwrap().unwrap();
                    assert!(given.table.insert_batch(&batch).await.unwrap());
                    let of = async |product: &str| {
                        table.entries_after(&schema::fixtures::id(product), 0, 100).await.unwrap()
                    };
                    let entries = [of("a").await, of("before").await].concat();
                    assert_eq!(given.table.insert_index(&entries).await.unwrap(), []);
                }
                assert_eq!(given.all_is_logged().await.len(), 34);
            }
        }
    }
}
