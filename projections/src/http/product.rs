//! `GET /products/{id}`: the product as it is, never older than the client asks for, or with `version` or `as_of` as it was.
//! The past is read from the commits alone.

use axum::extract::State;
use axum::http::HeaderMap;
use schema::{Commit, Fold, Product, ProductId, StoredCommit, Timestamp};
use web::{Problem, ProblemKind, QueryParameters, RequestContext, Scope};

use super::answer::Stored;
use super::parameters::{malformed, moment, whole};
use super::{Answer, Api, Id, Queries, answer, path_id};
use crate::catalogue::state_of;
use crate::views::View;

pub(super) async fn product(
    State(queries): Api,
    id: Id,
    mut parameters: QueryParameters,
    headers: HeaderMap,
    context: RequestContext,
) -> Answer {
    let version = parameters.optional("version", whole)?;
    let as_of = parameters.optional("as_of", moment)?;
    let min_version = parameters.optional("min_version", whole)?;
    let past = version.is_some() || as_of.is_some();
    context.require(if past { Scope::Audit } else { Scope::Read })?;
    let id = path_id(id)?;
    let product = match (version, as_of, min_version) {
        (Some(version), None, None) => queries.at_version(&id, version).await?,
        (None, Some(as_of), None) => queries.at_moment(&id, as_of).await?,
        (None, None, min_version) => queries.current(&id, min_version).await?,
        _ => {
            return Err(malformed("Give at most one of version, as_of and min_version."));
        }
    };
    answer::product(&product, &headers)
}

/// What was recorded of a product by a moment.
pub(super) enum Recorded {
    /// The product was so, deleted or not.
    As(Box<Product>),
    /// It was first recorded later, with this commit.
    Later(Box<StoredCommit>),
    /// It never was.
    Never,
}

impl Queries {
    /// The product from its view if that is new enough, otherwise from the event table.
    async fn current(&self, id: &ProductId, min_version: Option<u64>) -> Result<Product, Problem> {
        let generations = self.generations().await?.products;
        let seen = self.api.views.get(generations.read, id).await;
        let seen = seen.map_err(answer::failed(Stored::View(View::Products), Some(id)))?;
        match (seen, min_version) {
            (Some(product), None) => Ok(product),
            (None, None) if !generations.filled => Err(answer::being_built()),
            (None, None) => Err(answer::unknown(id)),
            (Some(product), Some(least)) if product.version >= least => Ok(product),
            (_, Some(least)) => self.newest(id, least).await,
        }
    }

    async fn newest(&self, id: &ProductId, least: u64) -> Result<Product, Problem> {
        let commit = self.newest_up_to(id, u64::MAX).await?.ok_or_else(|| answer::unknown(id))?;
        let product = readable(id, state_of(&commit))?;
        if product.version >= least {
            return Ok(product);
        }
        Err(answer::not_reached(product.version))
    }

    /// The product at a version: one request, or two if the version lies inside a commit.
    async fn at_version(&self, id: &ProductId, version: u64) -> Result<Product, Problem> {
        if version == 0 {
            return Err(Problem::new(ProblemKind::VersionNotFound, "The first version of a product is 1."));
        }
        let stored = self.newest_up_to(id, version).await?.ok_or_else(|| answer::unknown(id))?;
        let after = readable(id, state_of(&stored))?;
        if after.version == version {
            return Ok(after);
        }
        if after.version < version {
            let detail = format!("The product's newest version is {}.", after.version);
            let problem = Problem::new(ProblemKind::VersionNotFound, detail).loggable();
            return Err(problem.with("current_version", after.version));
        }
        let commit = readable(id, stored.decode())?;
        let before = match commit.sequence {
            1 => None,
            sequence => self.newest_up_to(id, sequence - 1).await?,
        };
        let before = readable(id, before.map(|before| state_of(&before)).transpose())?;
        let inside = readable(id, inside(&commit, before.as_ref(), version))?;
        let price_occurred_at = inside.price_occurred_at.filter(|_| stored.keeps_price_time());
        Ok(Product { price_occurred_at, ..inside })
    }

    /// The product at a moment, by `recorded_at`.
    async fn at_moment(&self, id: &ProductId, moment: Timestamp) -> Result<Product, Problem> {
        match self.recorded_by(id, moment).await? {
            Recorded::As(product) => Ok(*product),
            Recorded::Later(first) => Err(not_yet(id, moment, &first)),
            Recorded::Never => Err(answer::unknown(id)),
        }
    }

    /// What was recorded of a product by a moment: a binary search over the commits, at most 1 + log2 n requests for n
    /// events. It relies on `recorded_at` never decreasing within a product.
    pub(super) async fn recorded_by(&self, id: &ProductId, moment: Timestamp) -> Result<Recorded, Problem> {
        let Some(mut later) = self.newest_up_to(id, u64::MAX).await? else { return Ok(Recorded::Never) };
        let mut found = None;
        // Commits at or before `below` are too early or found, those from `above` on too late.
        let (mut below, mut above) = (0, readable(id, later.sequence())?);
        if recorded_at(id, &later)? <= moment {
            return readable(id, state_of(&later)).map(|product| Recorded::As(Box::new(product)));
        }
        while below + 1 < above {
            let middle = below + (above - below) / 2;
            let Some(commit) = self.newest_up_to(id, middle).await? else {
                break;
            };
            if recorded_at(id, &commit)? <= moment {
                let state = readable(id, state_of(&commit))?;
                below = state.version;
                found = Some(state);
            } else {
                above = readable(id, commit.sequence())?;
                later = commit;
            }
        }
        Ok(found.map_or_else(|| Recorded::Later(Box::new(later)), |product| Recorded::As(Box::new(product))))
    }

    async fn newest_up_to(&self, id: &ProductId, version: u64) -> Result<Option<StoredCommit>, Problem> {
        let commit = self.api.journal.newest(id, version).await;
        commit.map_err(answer::failed(Stored::Commits, Some(id)))
    }
}

/// The product after the events of a commit up to `version`.
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

/// The product did not exist at that moment.
pub(super) fn not_yet(id: &ProductId, moment: Timestamp, first: &StoredCommit) -> Problem {
    let since = first.text("recorded_at").unwrap_or_default();
    let detail = format!("Product {id} did not exist at {moment}; it was first recorded at {since}.");
    Problem::new(ProblemKind::ProductNotFound, detail)
}

fn recorded_at(id: &ProductId, commit: &StoredCommit) -> Result<Timestamp, Problem> {
    let text = readable(id, commit.text("recorded_at"))?;
    readable(id, Timestamp::parse(text))
}

/// A commit that cannot be read is a 500.
fn readable<T, E: std::error::Error>(id: &ProductId, read: Result<T, E>) -> Result<T, Problem> {
    read.map_err(|error| answer::unreadable(id, &error))
}
