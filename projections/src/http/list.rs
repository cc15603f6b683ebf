//! `GET /products`: reads each page from one index. A filter is a range of it; a SKU or a category selects an index of its own.

use std::convert::Infallible;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::IntoResponse;
use schema::{Currency, Orders, Price, Product, ProductId, Sort};
use web::{Problem, QueryParameters, RequestContext, Scope, wrong_parameter};

use super::answer::Stored;
use super::csv::{CsvEntry, CsvListing, CsvPart, CsvRequest, PART};
use super::parameters::{DEFAULT_LIMIT, limit, malformed, moment};
use super::past::{CatalogueOf, PastCatalogue};
use super::product_page::{ListBody, PRODUCT_COLUMNS, PRODUCTS_FILE, product_row};
use super::{Answer, Api, Queries, answer};
use crate::catalogue::{self, ListPage, ListQuery};
use crate::views::{Lookup, LookupField, PositionRange, RowOrder, View};

pub(super) async fn products(
    State(queries): Api,
    mut parameters: QueryParameters,
    context: RequestContext,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    context.require(if is_of_the_past(&parameters) { Scope::Audit } else { Scope::Read })?;
    let stopping = queries.api.stopping.clone();
    let csv = CsvRequest::read(&mut parameters, &headers, stopping.is_some())?;
    let limit = parameters.optional("limit", limit)?.unwrap_or(DEFAULT_LIMIT);
    let cursor = parameters.optional("cursor", |text| Ok::<_, Infallible>(text.to_owned()))?;
    if let Some(of) = CatalogueOf::read(&mut parameters)? {
        let after = cursor.map(|cursor| of.after(&cursor)).transpose()?;
        let mut catalogue = PastCatalogue { queries, of, after, left: 0 };
        return match csv {
            Some(csv) => csv.answer(catalogue, &uri, stopping).await,
            None => Ok(Json(catalogue.page(limit).await?).into_response()),
        };
    }
    let selection = selection(parameters, queries.api.views.orders())?;
    let after = cursor
        .map(|cursor| selection.position(&cursor))
        .transpose()
        .map_err(|error| wrong_parameter("cursor", &error))?;
    if let Some(csv) = csv {
        let table = ProductTable { queries, selection, after };
        return csv.answer(table, &uri, stopping).await;
    }
    let page = queries.listed(&selection, after.as_deref(), limit).await?;
    let answer =
        ListBody { next: page.next.map(|position| selection.cursor(&position)), products: page.products };
    Ok(Json(answer).into_response())
}

/// Whether the catalogue of another time is asked for.
fn is_of_the_past(parameters: &QueryParameters) -> bool {
    ["as_of", "in_force"].into_iter().any(|name| parameters.has(name))
}

impl Queries {
    async fn listed(
        &self,
        selection: &ListQuery,
        after: Option<&str>,
        limit: usize,
    ) -> Result<ListPage, Problem> {
        let generations = self.generations().await?.products;
        if !generations.filled {
            return Err(answer::being_built());
        }
        let views = self.api.views.as_ref();
        let page = catalogue::page(views, generations.read, selection, after, limit).await;
        page.map_err(answer::failed(Stored::View(View::Products), None))
    }
}

/// The products of a selection as a table.
struct ProductTable {
    queries: Arc<Queries>,
    selection: ListQuery,
    after: Option<String>,
}

#[async_trait]
impl CsvListing for ProductTable {
    const FILE: &'static str = PRODUCTS_FILE;

    fn columns() -> Vec<&'static str> {
        PRODUCT_COLUMNS.into()
    }

    fn next_parameter(&self) -> &'static str {
        "cursor"
    }

    async fn part(&mut self, limit: usize) -> Result<CsvPart, Problem> {
        let (selection, after) = (&self.selection, self.after.as_deref());
        let page = self.queries.listed(selection, after, limit.min(PART)).await?;
        let entry = |product: &Product| {
            let position = selection.order.position(product).unwrap_or_default();
            CsvEntry { rows: vec![product_row(product)], place: selection.cursor(&position) }
        };
        let entries = page.products.iter().map(entry).collect();
        let next = page.next.as_deref().map(|position| selection.cursor(position));
        self.after = page.next;
        Ok(CsvPart { entries, next, ends_page: page.is_read_out })
    }
}

/// The index and the range of it that answer the query.
fn selection(mut parameters: QueryParameters, kept: Orders) -> Result<ListQuery, Problem> {
    let descending = parameters.optional("order", direction)?.unwrap_or_default();
    let sort = parameters.optional("sort", sort)?.unwrap_or(Sort::Id);
    if !kept.keep(sort) {
        let detail = format!("The order {} is not kept; the kept orders are {kept}.", sort.name());
        return Err(malformed(detail).loggable().fault("sort", format!("must be one of {kept}")));
    }
    let lookups = lookups(&mut parameters)?;
    if !lookups.is_empty() && !matches!(sort, Sort::Id | Sort::Name) {
        return Err(wrong_parameter("sort", &"id or name is expected together with sku or category"));
    }
    let mut deleted = false;
    let (order, range) = match sort {
        Sort::Id => {
            let prefix = parameters.optional("id_prefix", id_prefix)?;
            (RowOrder::Id, prefix.map_or_else(PositionRange::all, |prefix| PositionRange::id_prefix(&prefix)))
        }
        Sort::Name => {
            let prefix = parameters.optional("name_prefix", prefix)?;
            (
                RowOrder::Name,
                prefix.map_or_else(PositionRange::all, |prefix| PositionRange::name_prefix(&prefix)),
            )
        }
        Sort::Price => {
            let currency = parameters.optional("currency", Currency::parse)?;
            let currency =
                currency.ok_or_else(|| malformed("sort=price needs the query parameter currency."))?;
            let least = parameters.optional("min_price", Price::parse_given)?;
            let most = parameters.optional("max_price", Price::parse_given)?;
            (RowOrder::Price, PositionRange::prices(currency, least, most))
        }
        Sort::UpdatedAt => {
            deleted = parameters.optional("include", include)?.is_some();
            let since = parameters.optional("updated_since", moment)?;
            (RowOrder::Changes, since.map_or_else(PositionRange::all, PositionRange::since))
        }
    };
    parameters.nothing_else(
        "id_prefix goes with sort=id, name_prefix with sort=name, currency, min_price and max_price with sort=price, \
         updated_since and include with sort=updated_at",
    )?;
    Ok(ListQuery { order, deleted, descending, range, lookups })
}

/// The look-ups, the one that finds fewer products first.
fn lookups(parameters: &mut QueryParameters) -> Result<Vec<Lookup>, Problem> {
    let mut lookups = Vec::new();
    for (field, longest) in [(LookupField::Sku, 64), (LookupField::Category, 200)] {
        let value = parameters.optional(field.name(), |text| match text.chars().count() {
            length if (1..=longest).contains(&length) && !text.chars().any(char::is_control) => {
                Ok(text.to_owned())
            }
            _ => Err(format!("1 to {longest} characters without control characters are expected")),
        })?;
        lookups.extend(value.map(|value| Lookup { field, value }));
    }
    Ok(lookups)
}

/// A prefix of an id.
fn id_prefix(text: &str) -> Result<String, &'static str> {
    // `.` and `..` are no ids, but some begin with them.
    if text == "." || text == ".." || ProductId::new(text).is_ok() {
        Ok(text.to_owned())
    } else {
        Err("1 to 64 characters of an id are expected: A-Z a-z 0-9 . _ ~ -")
    }
}

fn sort(text: &str) -> Result<Sort, &'static str> {
    Sort::parse(text).ok_or("id, name, price or updated_at is expected")
}

/// Whether the order is descending.
fn direction(text: &str) -> Result<bool, &'static str> {
    match text {
        "asc" => Ok(false),
        "desc" => Ok(true),
        _ => Err("asc or desc is expected"),
    }
}

fn include(text: &str) -> Result<(), &'static str> {
    if text == "deleted" { Ok(()) } else { Err("deleted is expected") }
}

/// A prefix of a name; a longer one could not be looked up in the index.
fn prefix(text: &str) -> Result<String, &'static str> {
    if text.chars().count() <= 200 && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err("up to 200 characters without control characters are expected")
    }
}
