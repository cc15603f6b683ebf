//! `GET /categories`: the categories of active products, with how many products each has.

use std::convert::Infallible;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use schemars::JsonSchema;
use serde::Serialize;
use web::{QueryParameters, RequestContext, Scope, wrong_parameter};

use super::answer::Stored;
use super::parameters::{DEFAULT_LIMIT, limit};
use super::{Answer, Api, answer};
use crate::catalogue::{self, CategoriesStart, CategoryCount};
use crate::views::View;

/// A page of categories.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CategoryPage")]
pub(super) struct CategoriesBody {
    /// By category, in byte order.
    categories: Vec<CategoryCount>,
    /// The value of `cursor` for the next page, if there is one.
    next: Option<String>,
}

pub(super) async fn categories(
    State(queries): Api,
    mut parameters: QueryParameters,
    context: RequestContext,
) -> Answer {
    context.require(Scope::Read)?;
    let limit = parameters.optional("limit", limit)?.unwrap_or(DEFAULT_LIMIT);
    let cursor = parameters.optional("cursor", |text| Ok::<_, Infallible>(text.to_owned()))?;
    let start = cursor
        .map(|cursor| CategoriesStart::of_cursor(&cursor))
        .transpose()
        .map_err(|error| wrong_parameter("cursor", &error))?;
    let generations = queries.generations().await?.products;
    if !generations.filled {
        return Err(answer::being_built());
    }
    let views = queries.api.views.as_ref();
    let page = catalogue::categories(views, generations.read, start.as_ref(), limit).await;
    let page = page.map_err(answer::failed(Stored::View(View::Products), None))?;
    let next = page.next.map(|start| start.cursor());
    Ok(Json(CategoriesBody { categories: page.categories, next }).into_response())
}
