//! Every way in which shards come, split and go, without a stream.

use super::*;

const STREAM: &str = "arn:new";
const PATIENCE: Duration = Duration::from_mins(1);

fn shard(id: &str, parent: Option<&str>) -> Shard {
    Shard { id: id.to_owned(), parent: parent.map(str::to_owned), closed: false }
}

fn closed(id: &str, parent: Option<&str>) -> Shard {
    Shard { closed: true, ..shard(id, parent) }
}

fn listed(shards: &[Shard]) -> StreamDescription {
    StreamDescription { arn: STREAM.to_owned(), shards: shards.to_vec() }
}

fn at(hour: u32) -> Timestamp {
    Timestamp::parse(&format!("2026-11-{:02}T{:02}:00:00.000Z", 1 + hour / 24, hour % 24)).unwrap()
}

fn kept(progress: ShardProgress, hour: u32) -> KnownShard {
    KnownShard { stream: Some(STREAM.to_owned()), progress, until: Some(at(hour)) }
}

fn lineage(known: &[(&str, KnownShard)]) -> ShardLineage {
    let known = known.iter().map(|(id, known)| ((*id).to_owned(), known.clone())).collect();
    ShardLineage::new(known, PATIENCE)
}

fn ids(starts: &[ShardStart]) -> Vec<&str> {
    starts.iter().map(|start| start.shard.as_str()).collect()
}

/// Looks, and reads what the plan says to read at once.
fn look(lineage: &mut ShardLineage, stream: &StreamDescription, hour: u32) -> ShardPlan {
    look_at(lineage, stream, Instant::now(), hour)
}

fn look_at(lineage: &mut ShardLineage, stream: &StreamDescription, when: Instant, hour: u32) -> ShardPlan {
    let plan = lineage.look(stream, when, at(hour));
    for start in &plan.begin {
        lineage.begun(STREAM, start);
    }
    plan
}

fn settle(lineage: &mut ShardLineage, plan: &ShardPlan) {
    lineage.settled(Some(plan));
    for start in &plan.begin_after {
        lineage.begun(STREAM, start);
    }
}

use ShardProgress::{Finished, Oldest, Partly};

#[test]
fn without_a_checkpoint_the_consumer_catches_up_once_before_it_reads_any_shard() {
    let mut lineage = lineage(&[]);
    let stream = listed(&[closed("old", Some("gone")), shard("left", Some("old")), shard("other", None)]);
    let plan = look(&mut lineage, &stream, 1);
    assert_eq!(plan.missed, ["this consumer has no checkpoint yet"]);
    assert_eq!((ids(&plan.begin), ids(&plan.begin_after)), (vec![], vec!["old", "other"]));
    // It is catching up; nothing changes meanwhile.
    assert_eq!(look(&mut lineage, &stream, 1), ShardPlan::default());
    settle(&mut lineage, &plan);
    assert_eq!(look(&mut lineage, &stream, 1), ShardPlan { made_at: Some(at(1)), ..ShardPlan::default() });
}

#[test]
fn catching_up_that_was_given_up_is_due_again() {
    let mut lineage = lineage(&[]);
    let stream = listed(&[shard("a", None)]);
    let plan = look(&mut lineage, &stream, 1);
    lineage.settled(None);
    assert_eq!(look(&mut lineage, &stream, 1), plan);
}

#[test]
fn children_wait_until_their_parent_is_read_and_then_need_no_catching_up() {
    let mut lineage = lineage(&[("old", kept(Partly, 1))]);
    let stream =
        listed(&[shard("left", Some("old")), closed("old", Some("gone")), shard("right", Some("old"))]);
    assert_eq!(ids(&look(&mut lineage, &stream, 1).begin), ["old"]);
    assert_eq!(ids(&look(&mut lineage, &stream, 1).begin), [""; 0]);
    lineage.finished("old", Some(at(1)));
    let plan = look(&mut lineage, &stream, 2);
    assert_eq!((ids(&plan.begin), plan.is_to_settle()), (vec!["left", "right"], false));
    assert!(plan.begin.iter().all(|start| start.anew && start.until == Some(at(1))));
}

#[test]
fn an_unfinished_shard_that_is_no_longer_listed_was_missed() {
    for progress in [Oldest, Partly] {
        let mut lineage = lineage(&[("old", kept(progress, 1)), ("other", kept(Partly, 1))]);
        let stream = listed(&[shard("child", Some("old")), shard("other", None)]);
        let plan = look(&mut lineage, &stream, 2);
        assert_eq!(plan.missed.len(), 2, "{:?}", plan.missed);
        assert_eq!((ids(&plan.begin), ids(&plan.begin_after)), (vec!["other"], vec!["child"]));
        assert_eq!(plan.forget, ["old"]);
        settle(&mut lineage, &plan);
        assert!(!look(&mut lineage, &stream, 2).is_to_settle());
    }
}

#[test]
fn a_shard_that_is_read_may_leave_the_list_and_is_missed_only_when_it_is_gone() {
    let mut lineage = lineage(&[("a", kept(Partly, 1))]);
    look(&mut lineage, &listed(&[shard("a", None)]), 1);
    assert!(!look(&mut lineage, &listed(&[]), 1).is_to_settle());
    lineage.gone("a", false, Instant::now());
    assert_eq!(look(&mut lineage, &listed(&[]), 1).forget, ["a"]);
}

#[test]
fn a_parent_that_is_neither_listed_nor_known_was_missed() {
    let mut lineage = lineage(&[("other", kept(Partly, 1))]);
    let stream = listed(&[shard("other", None), shard("child", Some("gone")), shard("root", None)]);
    let plan = look(&mut lineage, &stream, 1);
    assert_eq!(
        plan.missed,
        ["shard gone, the parent of child, is unknown", "shard root has no parent and was not known"]
    );
    assert_eq!((ids(&plan.begin), ids(&plan.begin_after)), (vec!["other"], vec!["child", "root"]));
}

#[test]
fn a_waiting_shard_that_goes_was_missed() {
    let mut lineage = lineage(&[("old", kept(Partly, 1))]);
    look(&mut lineage, &listed(&[closed("old", None), shard("child", Some("old"))]), 1);
    let plan = look(&mut lineage, &listed(&[closed("old", None)]), 1);
    assert_eq!(plan.missed, ["shard child is no longer there and was not read"]);
    settle(&mut lineage, &plan);
    assert!(!look(&mut lineage, &listed(&[closed("old", None)]), 1).is_to_settle());
}

#[test]
fn a_parent_that_is_listed_and_gone_is_finished_after_catching_up_and_lets_its_children_go() {
    for parent in [closed("old", None), shard("old", None)] {
        let mut lineage = lineage(&[("old", kept(Partly, 1))]);
        let stream = listed(&[parent, shard("child", Some("old"))]);
        look(&mut lineage, &stream, 1);
        lineage.gone("old", false, Instant::now());
        let plan = look(&mut lineage, &stream, 2);
        assert_eq!((plan.missed.len(), ids(&plan.begin)), (1, vec![]));
        assert_eq!(plan.finish, ["old"]);
        settle(&mut lineage, &plan);
        assert_eq!(ids(&look(&mut lineage, &stream, 2).begin), ["child"]);
    }
}

#[test]
fn an_open_shard_that_is_not_found_is_read_again_and_caught_up_for_ever_more_seldom() {
    let mut lineage = lineage(&[("a", kept(Partly, 1))]);
    let (stream, begun) = (listed(&[shard("a", None)]), Instant::now());
    let mut caught_up = Vec::new();
    for second in 0..=20 * 60 {
        let now = begun + Duration::from_secs(second);
        let plan = look_at(&mut lineage, &stream, now, 1);
        if !plan.missed.is_empty() {
            caught_up.push(second);
            assert_eq!(ids(&plan.begin_after), ["a"]);
            settle(&mut lineage, &plan);
        }
        lineage.gone("a", false, now);
    }
    assert_eq!(caught_up, [60, 120, 240, 480, 960]);
}

#[test]
fn an_open_shard_that_lost_records_is_caught_up_for_at_once() {
    let mut lineage = lineage(&[("a", kept(Oldest, 1))]);
    let stream = listed(&[shard("a", None)]);
    look(&mut lineage, &stream, 1);
    lineage.gone("a", true, Instant::now());
    assert_eq!(ids(&look(&mut lineage, &stream, 1).begin_after), ["a"]);
}

#[test]
fn another_stream_was_missed_as_a_whole_until_now() {
    let old = KnownShard { stream: Some("arn:old".to_owned()), ..kept(Finished, 1) };
    let torn = KnownShard { stream: None, ..kept(Partly, 1) };
    let mut lineage = lineage(&[("a", old), ("b", torn)]);
    let stream = listed(&[shard("a", None), shard("c", Some("b"))]);
    let plan = look(&mut lineage, &stream, 1);
    assert_eq!(plan.missed, ["the table has another stream than the checkpoints, arn:new"]);
    assert_eq!(
        (ids(&plan.begin_after), plan.forget.clone()),
        (vec!["a", "c"], vec!["a".to_owned(), "b".to_owned()])
    );
    settle(&mut lineage, &plan);
    assert!(!look(&mut lineage, &stream, 1).is_to_settle());
}

#[test]
fn a_shard_whose_oldest_records_the_stream_may_have_dropped_is_read_after_catching_up() {
    let stream = listed(&[shard("child", Some("old"))]);
    for (known, hour, late) in [
        (vec![("child", kept(Oldest, 1)), ("old", kept(Finished, 1))], 20, false),
        (vec![("child", kept(Oldest, 1)), ("old", kept(Finished, 1))], 21, true),
        (vec![("old", kept(Finished, 1))], 20, false),
        (vec![("old", kept(Finished, 1))], 21, true),
        // The stream refuses to go on after a record that it no longer has.
        (vec![("child", kept(Partly, 1))], 40, false),
        (vec![("child", KnownShard { until: None, ..kept(Oldest, 1) })], 2, true),
    ] {
        let plan = look(&mut lineage(&known), &stream, hour);
        assert_eq!(
            (plan.begin_after.len(), plan.begin.len()),
            (usize::from(late), usize::from(!late)),
            "{known:?}"
        );
        assert_eq!(!plan.missed.is_empty(), late);
    }
}

#[test]
fn a_finished_shard_is_forgotten_when_it_is_no_longer_listed_and_its_children_are_known() {
    let known = [("old", kept(Finished, 1)), ("left", kept(Partly, 1))];
    let (left, right) = (shard("left", Some("old")), shard("right", Some("old")));
    let mut both = lineage(&known);
    assert_eq!(look(&mut both, &listed(&[left.clone(), right.clone()]), 1).forget, [""; 0], "right needs it");
    let plan = look(&mut both, &listed(&[left, right.clone()]), 1);
    assert_eq!((plan.forget.clone(), plan.missed.len()), (vec!["old".to_owned()], 0));
    settle(&mut both, &plan);
    // Forgotten, it costs no more than catching up once.
    let mut forgetful = lineage(&[("left", kept(Partly, 1))]);
    assert_eq!(ids(&look(&mut forgetful, &listed(&[right]), 1).begin_after), ["right"]);
}

#[test]
fn a_shard_that_waits_for_one_that_is_never_read_blocks_the_consumer() {
    let mut lineage = lineage(&[("a", kept(Partly, 1))]);
    let ring = listed(&[shard("b", Some("c")), shard("c", Some("b"))]);
    look(&mut lineage, &listed(&[shard("a", None)]), 1);
    assert!(!lineage.is_blocked(&ring));
    lineage.finished("a", Some(at(1)));
    look(&mut lineage, &ring, 1);
    lineage.settled(None);
    assert!(lineage.is_blocked(&ring));
}
