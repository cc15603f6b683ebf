//! `GET /products/{id}?version=` and `?as_of=`: the product as the ledger had it, read from the commits and nothing else.

use schema::{Commit, Fold, Product, ProductId, StoredCommit, Timestamp};
use web::{Problem, ProblemKind};

use super::{Queries, answer};
use crate::catalogue::state_of;

impl Queries {
    /// The product at one of its versions: one request, two when the version lies inside a commit.
    pub(super) async fn at_version(&self, id: &ProductId, version: u64) -> Result<Product, Problem> {
        if version == 0 {
            return Err(Problem::new(ProblemKind::VersionNotFound, "The first version of a product is 1."));
        }
        let stored = self.newest_up_to(id, version).await?.ok_or_else(|| answer::unknown(id))?;
        let after = state_of(&stored).map_err(|error| answer::unreadable(id, &error))?;
        if after.version == version {
            return Ok(after);
        }
        if after.version < version {
            let detail = format!("The product's newest version is {}.", after.version);
            return Err(
                Problem::new(ProblemKind::VersionNotFound, detail).with("current_version", after.version)
            );
        }
        let commit = stored.decode().map_err(|error| answer::unreadable(id, &error))?;
        let before = match commit.sequence {
            1 => None,
            sequence => self.newest_up_to(id, sequence - 1).await?,
        };
        let before = before.map(|before| state_of(&before)).transpose();
        let before = before.map_err(|error| answer::unreadable(id, &error))?;
        let inside =
            inside(&commit, before.as_ref(), version).map_err(|error| answer::unreadable(id, &error))?;
        let price_occurred_at = inside.price_occurred_at.filter(|_| stored.keeps_price_time());
        Ok(Product { price_occurred_at, ..inside })
    }

    /// The product at a moment, by `recorded_at`: the newest commit, then halving what is before it, so at most
    /// 1 + log2 n requests for n events. It relies on `recorded_at` never running backwards.
    pub(super) async fn at_moment(&self, id: &ProductId, moment: Timestamp) -> Result<Product, Problem> {
        let newest = self.newest_up_to(id, u64::MAX).await?;
        let mut later = newest.ok_or_else(|| answer::unknown(id))?;
        let mut found = None;
        // Every commit that begins at or before `below` is too early or found, every one from `above` on too late.
        let (mut below, mut above) = (0, sequence(id, &later)?);
        if recorded_at(id, &later)? <= moment {
            return state_of(&later).map_err(|error| answer::unreadable(id, &error));
        }
        while below + 1 < above {
            let middle = below + (above - below) / 2;
            let Some(commit) = self.newest_up_to(id, middle).await? else {
                break;
            };
            if recorded_at(id, &commit)? <= moment {
                let state = state_of(&commit).map_err(|error| answer::unreadable(id, &error))?;
                below = state.version;
                found = Some(state);
            } else {
                above = sequence(id, &commit)?;
                later = commit;
            }
        }
        found.ok_or_else(|| not_yet(id, moment, &later))
    }

    async fn newest_up_to(&self, id: &ProductId, version: u64) -> Result<Option<StoredCommit>, Problem> {
        let commit = self.api.journal.newest(id, version).await;
        commit.map_err(answer::unavailable)
    }
}

/// The product after some of a commit's events.
fn inside(commit: &Commit, before: Option<&Product>, version: u64) -> Result<Product, schema::Misfit> {
    let events = commit.numbered().take_while(|(sequence, _)| *sequence <= version);
    let mut fold = Fold::of(before);
    for (_, recorded) in events {
        fold = fold.then(&recorded.event, commit.metadata.occurred_at)?;
    }
    Ok(Product {
        facts: fold.facts.unwrap_or_else(|| commit.state.facts.clone()),
        price_occurred_at: fold.price_occurred_at,
        version,
        ..commit.state.clone()
    })
}

pub(super) fn not_yet(id: &ProductId, moment: Timestamp, first: &StoredCommit) -> Problem {
    let since = first.text("recorded_at").unwrap_or_default();
    let detail = format!("There was no product {id} at {moment}; it was recorded first at {since}.");
    Problem::new(ProblemKind::ProductNotFound, detail)
}

fn recorded_at(id: &ProductId, commit: &StoredCommit) -> Result<Timestamp, Problem> {
    let text = commit.text("recorded_at").map_err(|error| answer::unreadable(id, &error))?;
    Timestamp::parse(text).map_err(|error| answer::unreadable(id, &error))
}

fn sequence(id: &ProductId, commit: &StoredCommit) -> Result<u64, Problem> {
    commit.sequence().map_err(|error| answer::unreadable(id, &error))
}
