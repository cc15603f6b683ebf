//! What to do next about the shards of a stream: which to read, which wait for their parent, and where records may have been
//! missed, so that the consumer has to catch up from the table first. Pure.
//!
//! The promise: a shard that is not there is never taken for one that was read. Whatever a consumer forgets of the shards
//! leads to catching up once more, and never to a missed record.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use schema::Timestamp;
use tokio::time::Instant;

use super::shards::{Shard, StreamDescription};

/// A stream keeps a record for 24 hours. What was last up to date longer ago than this may have lost some.
const SAFE: Duration = Duration::from_hours(20);

/// A shard that is listed, open and cannot be read: after catching up for it, how long until the next time. Doubles.
const CATCH_UP_AGAIN: Duration = Duration::from_mins(1);
const CATCH_UP_SELDOM: Duration = Duration::from_hours(1);

/// Why a consumer catches up when it begins.
pub(super) const FIRST_START: &str = "this consumer has no checkpoint yet";

/// How far a consumer is in a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShardProgress {
    /// It begins with the oldest record.
    Oldest,
    /// It goes on after a record.
    Partly,
    /// The shard was read to its end.
    Finished,
}

/// What a consumer knows of a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KnownShard {
    /// The stream it is of; `None` where that cannot be read.
    pub(super) stream: Option<String>,
    pub(super) progress: ShardProgress,
    /// Everything older than this was handled.
    pub(super) until: Option<Timestamp>,
}

/// A shard to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ShardStart {
    pub(super) shard: String,
    /// Everything older than this was handled.
    pub(super) until: Option<Timestamp>,
    /// Whether that is new, and to be kept if the shard begins with its oldest record.
    pub(super) anew: bool,
}

/// What to do next.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ShardPlan {
    /// Shards to read at once.
    pub(super) begin: Vec<ShardStart>,
    /// Why records may have been missed: catch up before what follows.
    pub(super) missed: Vec<String>,
    /// Shards to read then.
    pub(super) begin_after: Vec<ShardStart>,
    /// Shards that then count as read to their end.
    pub(super) finish: Vec<String>,
    /// Shards whose checkpoints are then no longer needed.
    pub(super) forget: Vec<String>,
    /// When it was made. What is older than this is handled when it is carried out.
    pub(super) made_at: Option<Timestamp>,
}

/// A shard that answered that it does not exist.
#[derive(Debug)]
struct GoneShard {
    last: Instant,
    /// When to catch up for it if it is still listed and open.
    catch_up: Instant,
    wait: Duration,
}

/// The shards of one stream, as one consumer knows them.
#[derive(Debug)]
pub(super) struct ShardLineage {
    known: BTreeMap<String, KnownShard>,
    running: HashSet<String>,
    gone: BTreeMap<String, GoneShard>,
    /// Shards that were listed and wait for their parents.
    waiting: BTreeSet<String>,
    /// Whether it caught up since the process began to follow this stream.
    caught_up: bool,
    /// Whether it is catching up.
    settling: bool,
    patience: Duration,
}

impl ShardLineage {
    /// `patience`: how long an open shard may not be found before the consumer catches up for it.
    pub(super) fn new(known: BTreeMap<String, KnownShard>, patience: Duration) -> Self {
        Self {
            known,
            running: HashSet::new(),
            gone: BTreeMap::new(),
            waiting: BTreeSet::new(),
            caught_up: false,
            settling: false,
            patience,
        }
    }

    /// All shards are those of another stream now, and none is read.
    pub(super) fn stream_changed(&mut self) {
        self.running.clear();
        self.gone.clear();
        self.waiting.clear();
        self.caught_up = false;
        self.settling = false;
    }

    pub(super) fn is_running(&self) -> bool {
        !self.running.is_empty()
    }

    /// A shard is read from now on.
    pub(super) fn begun(&mut self, stream: &str, start: &ShardStart) {
        self.running.insert(start.shard.clone());
        self.waiting.remove(&start.shard);
        let known = KnownShard {
            stream: Some(stream.to_owned()),
            progress: ShardProgress::Oldest,
            until: start.until,
        };
        let known = self.known.entry(start.shard.clone()).or_insert(known);
        if start.anew {
            known.until = start.until;
        }
    }

    /// A shard was read to its end, and everything up to `until` was handled.
    pub(super) fn finished(&mut self, shard: &str, until: Option<Timestamp>) {
        self.running.remove(shard);
        self.gone.remove(shard);
        if let Some(known) = self.known.get_mut(shard) {
            (known.progress, known.until) = (ShardProgress::Finished, until);
        }
    }

    /// A shard says that it does not exist, or, if `lost`, that it has lost records.
    pub(super) fn gone(&mut self, shard: &str, lost: bool, at: Instant) {
        self.running.remove(shard);
        let fresh = GoneShard { last: at, catch_up: at + self.patience, wait: CATCH_UP_AGAIN };
        let gone = self.gone.entry(shard.to_owned()).or_insert(fresh);
        // It was found in between.
        if at.duration_since(gone.last) > self.patience * 2 {
            (gone.catch_up, gone.wait) = (at + self.patience, CATCH_UP_AGAIN);
        }
        gone.last = at;
        if lost {
            gone.catch_up = at;
        }
    }

    /// What to do about the shards that are listed now.
    pub(super) fn look(&mut self, stream: &StreamDescription, at: Instant, now: Timestamp) -> ShardPlan {
        let mut plan = ShardPlan { made_at: Some(now), ..ShardPlan::default() };
        let listed: HashMap<&str, &Shard> =
            stream.shards.iter().map(|shard| (shard.id.as_str(), shard)).collect();
        self.of_other_streams(&stream.arn, &mut plan);
        if self.known.is_empty() && !self.caught_up {
            plan.missed.push(FIRST_START.to_owned());
        }
        // Then one reason is enough for all shards.
        let stream_is_new = !plan.missed.is_empty();
        self.unlisted(stream, &listed, &mut plan);
        self.not_found(stream, &listed, at, now, &mut plan);
        for shard in &stream.shards {
            let unsafe_because = self.plan_shard(shard, &listed, now, &mut plan);
            plan.missed.extend(unsafe_because.filter(|_| !stream_is_new));
        }
        let begin = std::mem::take(&mut plan.begin);
        if self.settling {
            return ShardPlan { begin, ..ShardPlan::default() };
        }
        self.settling = plan.is_to_settle();
        plan.begin = begin;
        plan
    }

    /// A plan is carried out but for its shards to read; `None`: it was given up.
    pub(super) fn settled(&mut self, plan: Option<&ShardPlan>) {
        self.settling = false;
        let Some(plan) = plan else { return };
        self.caught_up |= !plan.missed.is_empty();
        for shard in &plan.forget {
            self.known.remove(shard);
            self.gone.remove(shard);
            self.waiting.remove(shard);
        }
        for shard in &plan.finish {
            self.finished(shard, plan.made_at);
        }
    }

    /// Every shard that is not read to its end waits for one that is not read either.
    pub(super) fn is_blocked(&self, stream: &StreamDescription) -> bool {
        let open = |shard: &Shard| !self.is_finished(&shard.id);
        !self.is_running() && !self.settling && stream.shards.iter().any(open)
    }

    fn is_finished(&self, shard: &str) -> bool {
        self.known.get(shard).is_some_and(|known| known.progress == ShardProgress::Finished)
    }

    /// Checkpoints of a stream that the table had before.
    fn of_other_streams(&self, arn: &str, plan: &mut ShardPlan) {
        let others = self.known.iter().filter(|(_, known)| known.stream.as_deref() != Some(arn));
        plan.forget.extend(others.map(|(shard, _)| shard.clone()));
        if !plan.forget.is_empty() {
            plan.missed.push(format!("the table has another stream than the checkpoints, {arn}"));
        }
    }

    /// Shards that the stream no longer lists.
    fn unlisted(&self, stream: &StreamDescription, listed: &HashMap<&str, &Shard>, plan: &mut ShardPlan) {
        let unknown_children: HashSet<&str> = stream
            .shards
            .iter()
            .filter(|shard| !self.known.contains_key(&shard.id))
            .filter_map(|shard| shard.parent.as_deref())
            .collect();
        for (id, known) in &self.known {
            let of_this = known.stream.as_deref() == Some(stream.arn.as_str());
            if !of_this || listed.contains_key(id.as_str()) || self.running.contains(id) {
                continue;
            }
            if known.progress != ShardProgress::Finished {
                plan.missed.push(format!("shard {id} is no longer there and was not read to its end"));
                plan.forget.push(id.clone());
            } else if !unknown_children.contains(id.as_str()) {
                plan.forget.push(id.clone());
            }
        }
        for id in self.waiting.iter().filter(|id| !listed.contains_key(id.as_str())) {
            plan.missed.push(format!("shard {id} is no longer there and was not read"));
            plan.forget.push(id.clone());
        }
    }

    /// Shards that are listed and answered that they do not exist.
    fn not_found(
        &mut self,
        stream: &StreamDescription,
        listed: &HashMap<&str, &Shard>,
        at: Instant,
        now: Timestamp,
        plan: &mut ShardPlan,
    ) {
        let has_child = |id: &str| stream.shards.iter().any(|shard| shard.parent.as_deref() == Some(id));
        for (id, gone) in &mut self.gone {
            let Some(shard) = listed.get(id.as_str()).filter(|_| !self.running.contains(id)) else {
                continue;
            };
            if shard.closed || has_child(id) {
                plan.missed.push(format!("shard {id} is listed, but gone, and was not read to its end"));
                plan.finish.push(id.clone());
            } else if at >= gone.catch_up && !self.settling {
                plan.missed.push(format!("shard {id} is listed and open, but cannot be read"));
                gone.catch_up = at + gone.wait;
                gone.wait = (gone.wait * 2).min(CATCH_UP_SELDOM);
                plan.begin_after.push(ShardStart { shard: id.clone(), until: Some(now), anew: true });
            }
        }
    }

    /// One shard that is listed: whether it is read now, or after catching up, for the reason that is returned.
    fn plan_shard(
        &mut self,
        shard: &Shard,
        listed: &HashMap<&str, &Shard>,
        now: Timestamp,
        plan: &mut ShardPlan,
    ) -> Option<String> {
        let id = &shard.id;
        let planned = plan.finish.contains(id) || plan.begin_after.iter().any(|start| start.shard == *id);
        let trusted = |id: &str| self.known.get(id).filter(|_| !plan.forget.iter().any(|other| other == id));
        let known = trusted(id);
        let is_finished = |known: &KnownShard| known.progress == ShardProgress::Finished;
        if planned || self.running.contains(id) || known.is_some_and(is_finished) {
            return None;
        }
        let parent = shard.parent.as_deref();
        let of_parent = parent.and_then(trusted);
        if parent.is_some_and(|parent| listed.contains_key(parent)) && !of_parent.is_some_and(is_finished) {
            self.waiting.insert(id.clone());
            return None;
        }
        let (until, anew, unsafe_because) = match (known, parent, of_parent) {
            (Some(known), ..) if known.progress == ShardProgress::Partly => (known.until, false, None),
            (Some(known), ..) => (known.until, false, stale(id, known.until, now)),
            (None, Some(_), Some(parent)) if is_finished(parent) => {
                (parent.until, true, stale(id, parent.until, now))
            }
            (None, Some(parent), _) => {
                (None, true, Some(format!("shard {parent}, the parent of {id}, is unknown")))
            }
            (None, None, _) => (None, true, Some(format!("shard {id} has no parent and was not known"))),
        };
        if unsafe_because.is_some() {
            plan.begin_after.push(ShardStart { shard: id.clone(), until: Some(now), anew: true });
        } else {
            plan.begin.push(ShardStart { shard: id.clone(), until, anew });
        }
        unsafe_because
    }
}

impl ShardPlan {
    /// Whether there is more to do than to read shards.
    pub(super) fn is_to_settle(&self) -> bool {
        !(self.missed.is_empty()
            && self.begin_after.is_empty()
            && self.finish.is_empty()
            && self.forget.is_empty())
    }
}

/// Whether the stream may have dropped records that are not older than `until`.
pub(super) fn is_stale(until: Option<Timestamp>, now: Timestamp) -> bool {
    let safe = i64::try_from(SAFE.as_millis()).unwrap_or(i64::MAX);
    until.is_none_or(|until| now.millis().saturating_sub(until.millis()) >= safe)
}

/// Why the oldest records of a shard may be gone, if so.
fn stale(shard: &str, until: Option<Timestamp>, now: Timestamp) -> Option<String> {
    let since = until.map_or_else(|| "an unknown time".to_owned(), |until| until.to_string());
    let reason = format!("shard {shard} was not read since {since}, longer than the stream may keep records");
    is_stale(until, now).then_some(reason)
}

#[cfg(test)]
mod tests;
