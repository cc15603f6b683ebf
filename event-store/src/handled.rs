//! What a consumer has handled of a product, by commit hash and not by sequence alone: where a commit was removed and its
//! version recorded anew, the new commit has the same sequence and another hash.
//!
//! The promise: commits of one chain never contradict what was handled of it.

use schema::{Commit, Hash, ProductId, StoredCommit, Timestamp};

use crate::follow::Tampering;

/// The newest event of a product that a consumer has handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handled {
    /// Its number.
    pub sequence: u64,
    /// Hash of its commit.
    pub hash: Hash,
    /// When its commit was recorded, or any later moment.
    pub at: Timestamp,
}

/// What the ledger has in the place of a handled event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// The same commit, or one that cannot be read and proves nothing.
    Same,
    /// Another commit, or an earlier one that was recorded later: what was handled is no longer part of the ledger.
    Rival,
    /// Nothing: the ledger ends before it, and nothing was recorded since.
    Shorter,
}

/// The place of a commit in its chain.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    first: u64,
    last: u64,
    hash: &'a str,
    previous: &'a str,
    recorded_at: Timestamp,
}

impl<'a> Link<'a> {
    /// The link of a stored commit, if it can be read.
    #[must_use]
    pub fn of(commit: &'a StoredCommit) -> Option<Self> {
        let events = commit.sequences().ok()?;
        Some(Self {
            first: events.start,
            last: events.end.checked_sub(1)?,
            hash: commit.text("hash").ok()?,
            previous: commit.text("previous_hash").ok()?,
            recorded_at: Timestamp::parse(commit.text("recorded_at").ok()?).ok()?,
        })
    }

    /// Whether this commit and one in its place or right behind it cannot both be in the ledger, so that one of them was
    /// removed and its versions recorded anew.
    #[must_use]
    pub fn is_rival_of(self, next: Link<'_>) -> bool {
        if self.first == next.first {
            return self.hash != next.hash;
        }
        next.first == self.last + 1 && next.previous != self.hash
    }

    fn holds(&self, sequence: u64) -> bool {
        (self.first..=self.last).contains(&sequence)
    }
}

impl<'a> From<&'a Commit> for Link<'a> {
    fn from(commit: &'a Commit) -> Self {
        Self {
            first: commit.sequence,
            last: commit.last_sequence(),
            hash: commit.hash.as_str(),
            previous: commit.previous_hash.as_str(),
            recorded_at: commit.recorded_at,
        }
    }
}

impl Handled {
    /// Whether a commit shows that the ledger does not have what was handled: it has the same place and another hash, follows
    /// another commit, or is earlier in the chain and was recorded later. `false` proves nothing.
    #[must_use]
    pub fn is_contradicted_by(&self, commit: Link<'_>) -> bool {
        if commit.first == self.sequence + 1 {
            commit.previous != self.hash.as_str()
        } else if commit.holds(self.sequence) {
            commit.hash != self.hash.as_str()
        } else {
            commit.last < self.sequence && commit.recorded_at > self.at
        }
    }

    /// What the ledger has in its place; `there` is the newest commit that begins at or before it.
    #[must_use]
    pub fn fit(&self, there: Option<&StoredCommit>) -> Fit {
        let Some(there) = there else { return Fit::Shorter };
        match Link::of(there) {
            Some(commit) if self.is_contradicted_by(commit) => Fit::Rival,
            Some(commit) if !commit.holds(self.sequence) => Fit::Shorter,
            _ => Fit::Same,
        }
    }
}

/// Counts and logs a version that was recorded anew, by another commit than the one that was handled.
pub fn recorded_anew(consumer: &'static str, what: &'static str, product: &ProductId, handled: &Handled) {
    let tampering = Tampering {
        operation: "MODIFY".to_owned(),
        product: product.to_string(),
        sequence: handled.sequence.to_string(),
    };
    tampering.count(consumer);
    tracing::warn!(target: "ledger::store",
        tampering = 1,
        consumer,
        what,
        product_id = product.as_str(),
        sequence = handled.sequence,
        handled = handled.hash.as_str(),
        "a version was recorded anew, by another commit than the one that was handled, which was removed; the event table \
         decides. Run `ledger verify` and compare with an export"
    );
}

#[cfg(test)]
mod tests {
    use schema::fixtures;

    use super::*;
    use crate::chain::seal;

    /// Commits of 1, 2 and 1 events, each a second after the one before it.
    fn commits() -> [StoredCommit; 3] {
        let id = fixtures::id("p");
        let (one, first) = seal(fixtures::commit_after(None, &id, vec![fixtures::helmet_created()])).unwrap();
        let both = vec![fixtures::helmet_deleted(), fixtures::helmet_restored()];
        let (two, second) = seal(fixtures::commit_after(Some(&one), &id, both)).unwrap();
        let third = vec![fixtures::helmet_deleted()];
        [first, second, seal(fixtures::commit_after(Some(&two), &id, third)).unwrap().1]
    }

    fn handled(commit: &StoredCommit, sequence: u64) -> Handled {
        let commit = commit.decode().unwrap();
        Handled { sequence, hash: commit.hash.clone(), at: commit.recorded_at }
    }

    #[test]
    fn no_commit_of_the_same_chain_contradicts_what_was_handled() {
        let commits = commits();
        for (of, sequence) in [(0, 1), (1, 2), (1, 3), (2, 4)] {
            let handled = handled(&commits[of], sequence);
            for commit in &commits {
                assert!(!handled.is_contradicted_by(Link::of(commit).unwrap()), "{sequence}");
                let decoded = commit.decode().unwrap();
                assert!(!handled.is_contradicted_by(Link::from(&decoded)), "{sequence}");
            }
            assert_eq!(handled.fit(Some(&commits[of])), Fit::Same);
            assert_eq!(handled.fit(None), Fit::Shorter);
        }
        assert_eq!(handled(&commits[2], 4).fit(Some(&commits[1])), Fit::Shorter, "its end was cut off");
    }

    #[test]
    fn a_commit_in_its_place_behind_it_or_before_it_and_later_contradicts() {
        let [first, second, third] = commits();
        let another =
            |sequence, commit: &StoredCommit| Handled { hash: Hash::genesis(), ..handled(commit, sequence) };
        for (handled, commit) in [
            (another(1, &first), &first),
            (another(2, &second), &second),
            (another(3, &second), &second),
            (another(3, &second), &third),
            (another(1, &first), &second),
            // Earlier in the chain, but recorded later.
            (another(4, &first), &second),
        ] {
            assert!(handled.is_contradicted_by(Link::of(commit).unwrap()), "{handled:?}");
        }
        assert_eq!(another(3, &second).fit(Some(&second)), Fit::Rival);
        assert_eq!(another(4, &first).fit(Some(&second)), Fit::Rival);
    }

    #[test]
    fn commits_of_two_chains_are_rivals_at_one_place_and_one_behind_the_other() {
        let chain = commits();
        let links = chain.each_ref().map(|commit| Link::of(commit).unwrap());
        assert!(
            !links[0].is_rival_of(links[0])
                && !links[0].is_rival_of(links[1])
                && !links[0].is_rival_of(links[2])
        );
        let mut other = chain[1].clone();
        other.0["hash"] = chain[2].0["hash"].clone();
        let other = Link::of(&other).unwrap();
        assert!(links[1].is_rival_of(other) && other.is_rival_of(links[2]) && !links[0].is_rival_of(other));
    }

    #[test]
    fn a_commit_that_cannot_be_read_says_nothing() {
        let [first, ..] = commits();
        for field in ["hash", "previous_hash", "recorded_at", "events", "sequence"] {
            let mut torn = first.clone();
            torn.0.remove(field);
            assert!(Link::of(&torn).is_none(), "{field}");
            assert_eq!(handled(&first, 1).fit(Some(&torn)), Fit::Same, "{field}");
        }
    }
}
