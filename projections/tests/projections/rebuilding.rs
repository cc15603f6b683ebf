//! A view is rebuilt while it is read and written: readers never see an older version, and a rebuild interrupted anywhere
//! leaves the view intact and can be run again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_config::retry::RetryConfig;
use engine::probe::{Faults, InjectedFault, Matching};
use event_store::MemoryJournal;
use futures::FutureExt;
use projections::rebuild::{
    Rebuild, RebuildConflict, RebuildError, ViewRebuildPhase, ViewRebuildProgress, ViewRebuildReport,
};
use projections::views::{Generation, Generations, RebuildClaim, View};
use projections::{Catalogue, Views};
use schema::fixtures;

use crate::given::{
    Deed, Life, Setting, in_memory, rows_of, setting, setting_in_memory, some_lives, tables, unwatched,
};

const OLD: Generation = Generation(1);

/// Writes until `over`, at least a hundred times: twenty products in turn, and a new one now and then.
async fn keep_writing(setting: Arc<Setting>, mut lives: Vec<Life>, over: Arc<AtomicBool>) -> Vec<Life> {
    for n in 0_usize.. {
        if n > 100 && over.load(Ordering::Relaxed) {
            break;
        }
        let place = n % lives.len();
        let deed = Deed::RenameAndReprice(format!("Hat {n}"), format!("{}", n + 1));
        setting.happens(&mut lives[place], &deed).await;
        if n % 10 == 0 {
            let born = Life::begins(&format!("new{n}"), "Helmet", "1");
            setting.recorded(&born).await;
            lives.push(born);
        }
    }
    lives
}

/// Reads until `over`; returns from how many generations.
async fn keep_reading(setting: Arc<Setting>, over: Arc<AtomicBool>) -> usize {
    let (mut seen, mut generations) = (BTreeMap::new(), BTreeSet::new());
    while !over.load(Ordering::Relaxed) {
        for n in 0..20 {
            let id = fixtures::id(&format!("p{n:02}"));
            let generation = setting.generations(View::Products).await.read;
            generations.insert(generation);
            let product = setting.views.get(generation, &id).await.unwrap();
            let version = product.map_or(0, |product| product.version);
            let before = seen.insert(id.clone(), version).unwrap_or(1);
            assert!(version >= before, "{id}: {before} then {version} of {generation}");
        }
    }
    generations.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_constant_writes_readers_never_see_an_older_version() {
    let setting = Arc::new(setting(&tables().await, Arc::default()));
    let lives = some_lives(&setting, 20).await;
    let over = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn(keep_writing(setting.clone(), lives, over.clone()));
    let reading = tokio::spawn(keep_reading(setting.clone(), over.clone()));
    for (view, generation) in [(View::Products, 2), (View::Prices, 2), (View::Products, 3)] {
        let rebuild = Rebuild { overlap: Duration::from_millis(100), ..setting.rebuild(view) };
        let report = rebuild.run(&unwatched()).await.unwrap();
        assert_eq!((report.differing, report.unreadable.len()), (0, 0), "{report:?}");
        assert_eq!(report.generation, Some(Generation(generation)));
        let alone = Generations {
            filled: true,
            read: Generation(generation),
            write: vec![Generation(generation)],
            last: Generation(generation),
            ..Generations::default()
        };
        assert_eq!(setting.generations(view).await, alone);
    }
    over.store(true, Ordering::Relaxed);
    assert!(reading.await.unwrap() >= 2);
    let lives = writing.await.unwrap();
    assert!(lives.iter().map(|life| life.commits.len()).sum::<usize>() > 100);
    setting.agrees(&lives).await;
    // What was written between the last two steps of a rebuild may have left a row; nothing reads it.
    assert!(rows_of(&*setting.views, OLD).await <= 1);
}

/// Every request of the rebuild fails once: before it is applied, and after.
#[tokio::test]
async fn a_rebuild_interrupted_anywhere_leaves_the_view_intact_and_completes_when_run_again() {
    for view in View::ALL {
        for fault in [InjectedFault::FailBefore, InjectedFault::DropAnswer] {
            let config = tables().await;
            let journal = Arc::<MemoryJournal>::default();
            let whole = setting(&config, journal.clone());
            let lives = some_lives(&whole, 5).await;
            let (config, faults) = Faults::inject(&config);
            let config = config.to_builder().retry_config(RetryConfig::disabled()).build();
            let breaking = setting(&config, journal);
            let mut last = 1;
            for nth in 1.. {
                faults.clear();
                let before = faults.applied();
                faults.add(Matching::any().nth(nth), fault.clone());
                let outcome = breaking.rebuild(view).run(&unwatched()).await;
                whole.agrees(&lives).await;
                let generations = whole.generations(view).await;
                assert!(generations.write.contains(&generations.read));
                assert!(generations.last.0 >= last);
                last = generations.last.0;
                if faults.applied() == before {
                    outcome.unwrap();
                    assert!(nth > 20, "{nth}");
                    break;
                }
                // A heartbeat, or releasing the claim, may fail without harm.
                let is_done = generations.write == [generations.read] && generations.drop.is_empty();
                assert!(outcome.is_err() || is_done, "{nth}");
            }
            let generations = whole.generations(view).await;
            assert_eq!((&generations.write[..], &generations.drop[..]), (&[generations.read][..], &[][..]));
        }
    }
}

/// Each step is safe only after the one before it: the new generation is written before the scan of the event table begins,
/// and before the old one, so that it is never older; the old one is written until no query reads it any more.
#[tokio::test]
async fn the_generations_change_step_by_step() {
    let given = in_memory();
    Life::begins("p", "Helmet", "1").recorded_in(&*given.journal).await;
    let rebuild = Rebuild {
        views: given.views.clone(),
        projection: Arc::new(Catalogue::new(given.views.clone(), given.journal.clone())),
        journal: given.journal.clone(),
        overlap: Duration::from_millis(300),
        pause: Duration::from_millis(5),
        on_conflict: RebuildConflict::TakeOver,
    };
    let steps = Mutex::new(Vec::new());
    let watch = |progress: ViewRebuildProgress| {
        let generations = given.views.generations().now_or_never().unwrap().unwrap();
        let written: Vec<u32> = generations.products.write.iter().map(|generation| generation.0).collect();
        let step = (progress.phase, generations.products.read.0, written, Instant::now());
        steps.lock().unwrap().push(step);
    };
    rebuild.run(&watch).await.unwrap();
    let steps = steps.into_inner().unwrap();
    let seen: Vec<_> = steps.iter().map(|(phase, read, write, _)| (*phase, *read, &write[..])).collect();
    assert_eq!(
        seen,
        [
            (ViewRebuildPhase::Building, 1, &[2, 1][..]),
            (ViewRebuildPhase::Comparing, 1, &[2, 1]),
            (ViewRebuildPhase::Overlapping, 2, &[2, 1]),
            (ViewRebuildPhase::Dropping, 2, &[2]),
        ]
    );
    assert!(steps[3].3 - steps[2].3 >= Duration::from_millis(300));
}

#[tokio::test]
async fn the_old_generation_is_removed_and_the_new_one_is_complete() {
    let setting = setting(&tables().await, Arc::default());
    let lives = some_lives(&setting, 20).await;
    let phases = Mutex::new(Vec::new());
    let watch = |progress: ViewRebuildProgress| {
        let mut phases = phases.lock().unwrap();
        if phases.last() != Some(&progress.phase) {
            phases.push(progress.phase);
        }
    };
    let report = setting.rebuild(View::Products).run(&watch).await.unwrap();
    let commits = lives.iter().map(|life| life.commits.len() as u64).sum();
    assert_eq!(
        report,
        ViewRebuildReport {
            generation: Some(Generation(2)),
            commits,
            products: 20,
            dropped: 20,
            ..ViewRebuildReport::default()
        }
    );
    assert_eq!(
        *phases.lock().unwrap(),
        [
            ViewRebuildPhase::Building,
            ViewRebuildPhase::Comparing,
            ViewRebuildPhase::Overlapping,
            ViewRebuildPhase::Dropping
        ]
    );
    assert_eq!(rows_of(&*setting.views, OLD).await, 0);
    assert_eq!(rows_of(&*setting.views, Generation(2)).await, 20);
    setting.agrees(&lives).await;
}

/// A rebuild is killed while it removes the old generation, and so is the next one: what both had to remove is on record,
/// and a third removes all of it.
#[tokio::test]
async fn what_a_killed_rebuild_had_to_drop_is_dropped_by_a_later_one() {
    for view in View::ALL {
        let setting = setting(&tables().await, Arc::default());
        let lives = some_lives(&setting, 5).await;
        for expected in [vec![OLD], vec![OLD, Generation(2)]] {
            let rebuild = setting.rebuild(view);
            let dropping = Mutex::new(0);
            // Killed the moment it begins to drop the old one after its own switch.
            let kill = |at: ViewRebuildProgress| {
                let mut dropping = dropping.lock().unwrap();
                *dropping += usize::from(at.phase == ViewRebuildPhase::Dropping);
                let in_clean_up = usize::from(expected.len() > 1);
                assert!(*dropping <= in_clean_up, "killed");
            };
            let killed = std::panic::AssertUnwindSafe(rebuild.run(&kill));
            assert!(killed.catch_unwind().await.is_err());
            assert_eq!(setting.generations(view).await.drop, expected);
            setting.agrees(&lives).await;
        }
        setting.rebuild(view).run(&unwatched()).await.unwrap();
        let generations = setting.generations(view).await;
        assert_eq!(
            (generations.read, &generations.drop[..], generations.rebuild),
            (Generation(4), &[][..], None)
        );
        assert_eq!(setting.generations_with_rows(view, 1..=4).await, [Generation(4)]);
        setting.agrees(&lives).await;
    }
}

/// Runs a rebuild until it has switched, then something else meanwhile.
async fn while_one_runs(
    first: Rebuild,
    then: impl Future<Output = ()>,
) -> Result<ViewRebuildReport, RebuildError> {
    let (switched, is_switched) = tokio::sync::watch::channel(false);
    let first = tokio::spawn(async move {
        first
            .run(&move |at: ViewRebuildProgress| {
                switched.send_if_modified(|switched| {
                    *switched = *switched || at.phase == ViewRebuildPhase::Overlapping;
                    *switched
                });
            })
            .await
    });
    is_switched.clone().wait_for(|switched| *switched).await.unwrap();
    then.await;
    first.await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_second_rebuild_of_a_view_is_refused_while_the_first_runs_and_leaves_it_alone() {
    let setting = setting_in_memory();
    let lives = some_lives(&setting, 5).await;
    let pause = Duration::from_millis(20);
    let first = Rebuild { overlap: Duration::from_millis(500), pause, ..setting.rebuild(View::Products) };
    let second = async {
        let second =
            Rebuild { pause, on_conflict: RebuildConflict::Refuse, ..setting.rebuild(View::Products) };
        let outcome = second.run(&unwatched()).await;
        assert!(matches!(outcome, Err(RebuildError::Running)), "{outcome:?}");
        // Another view is not affected.
        let other = Rebuild { pause, on_conflict: RebuildConflict::Refuse, ..setting.rebuild(View::Prices) };
        other.run(&unwatched()).await.unwrap();
    };
    assert_eq!(while_one_runs(first, second).await.unwrap().generation, Some(Generation(2)));
    setting.agrees(&lives).await;
}

#[tokio::test]
async fn an_interrupted_rebuild_delays_the_next_only_briefly() {
    let setting = setting(&tables().await, Arc::default());
    let lives = some_lives(&setting, 5).await;
    let first = Rebuild { overlap: Duration::from_mins(1), ..setting.rebuild(View::Products) };
    let killed = tokio::spawn(async move { first.run(&unwatched()).await });
    while setting.generations(View::Products).await.read == OLD {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    killed.abort();
    assert!(killed.await.unwrap_err().is_cancelled());
    assert!(setting.generations(View::Products).await.rebuild.is_some());
    let next = Rebuild { on_conflict: RebuildConflict::Refuse, ..setting.rebuild(View::Products) };
    next.run(&unwatched()).await.unwrap();
    assert_eq!(setting.generations_with_rows(View::Products, 1..=3).await, [Generation(3)]);
    setting.agrees(&lives).await;
}

/// Each heartbeat of a rebuild changes the generations, which both views share.
#[tokio::test(start_paused = true)]
async fn an_interrupted_rebuild_is_watched_once_even_while_the_other_view_is_rebuilt() {
    let setting = setting_in_memory();
    let lives = some_lives(&setting, 5).await;
    let dead = Some(RebuildClaim { id: 1, beats: 7 });
    let generations = setting.views.generations().await.unwrap();
    let prices = Generations { rebuild: dead, ..generations.prices.clone() };
    setting.views.change_generations(&generations.with(View::Prices, prices)).await.unwrap();
    let lively = Rebuild { overlap: Duration::from_mins(1), ..setting.rebuild(View::Products) };
    let next = async {
        let watched = AtomicUsize::new(0);
        let watch = |at: ViewRebuildProgress| {
            watched.fetch_add(usize::from(at.phase == ViewRebuildPhase::Watching), Ordering::Relaxed);
        };
        let next = Rebuild { on_conflict: RebuildConflict::Refuse, ..setting.rebuild(View::Prices) };
        let report = next.run(&watch).await.unwrap();
        assert_eq!((report.generation, watched.into_inner()), (Some(Generation(2)), 1));
        let beats = setting.generations(View::Products).await.rebuild.unwrap().beats;
        assert!(beats > 1, "{beats}");
    };
    let watch = unwatched();
    tokio::select! {
        biased;
        () = next => {}
        ended = lively.run(&watch) => unreachable!("{ended:?}"),
    }
    setting.agrees(&lives).await;
}

#[tokio::test]
async fn a_rebuild_that_is_taken_over_stops_with_an_error_and_leaves_nothing_behind() {
    let setting = setting(&tables().await, Arc::default());
    let lives = some_lives(&setting, 5).await;
    let first = Rebuild { overlap: Duration::from_mins(1), ..setting.rebuild(View::Products) };
    let second = async {
        let second = Rebuild { on_conflict: RebuildConflict::TakeOver, ..setting.rebuild(View::Products) };
        second.run(&unwatched()).await.unwrap();
    };
    let outcome = while_one_runs(first, second).await;
    assert!(matches!(outcome, Err(RebuildError::TakenOver | RebuildError::Changed)), "{outcome:?}");
    assert_eq!(setting.generations_with_rows(View::Products, 1..=3).await, [Generation(3)]);
    setting.agrees(&lives).await;
}
