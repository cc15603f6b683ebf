//! `GET /products/{id}`: the product now and never older than the client asks for, or as it was.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use schema::{Product, ProductId};
use web::{Problem, RequestContext, Scope};

use super::parameters::{Parameters, malformed, moment, whole};
use super::{Answer, Api, Id, Queries, answer, path_id};
use crate::catalogue::state_of;

pub(super) async fn product(
    State(queries): Api,
    id: Id,
    uri: Uri,
    headers: HeaderMap,
    context: RequestContext,
) -> Answer {
    let mut parameters = Parameters::of(&uri, &["min_version", "version", "as_of"])?;
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
            return Err(malformed("Only one of version, as_of and min_version can be asked for."));
        }
    };
    answer::product(&product, &headers)
}

impl Queries {
    /// The product from its view if that is new enough, else from the ledger.
    async fn current(&self, id: &ProductId, min_version: Option<u64>) -> Result<Product, Problem> {
        let generations = self.lineup().await?.products;
        let seen = self.api.views.get(generations.read, id).await.map_err(answer::unavailable)?;
        match (seen, min_version) {
            (Some(product), None) => Ok(product),
            (None, None) if !generations.filled => Err(answer::being_built()),
            (None, None) => Err(answer::unknown(id)),
            (Some(product), Some(least)) if product.version >= least => Ok(product),
            (_, Some(least)) => self.newest(id, least).await,
        }
    }

    async fn newest(&self, id: &ProductId, least: u64) -> Result<Product, Problem> {
        let newest = self.api.journal.newest(id, u64::MAX).await;
        let commit = newest.map_err(answer::unavailable)?.ok_or_else(|| answer::unknown(id))?;
        let product = state_of(&commit).map_err(|error| answer::unreadable(id, &error))?;
        if product.version >= least {
            return Ok(product);
        }
        Err(answer::not_reached(product.version))
    }
}
