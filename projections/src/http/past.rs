//! `GET /products?as_of=T` and `?in_force=T`: the catalogue of another time, page by page.
//!
//! The promise: a page looks at no more products than it may have, whatever the size of the catalogue. What was recorded is read
//! from the commits, what was in force from the price histories; which products there are is read from the view.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::try_join_all;
use schema::{Facts, Product, ProductId, Status, Timestamp};
use web::{Problem, QueryParameters, wrong_parameter};

use super::answer::{Stored, failed};
use super::csv::{CsvEntry, CsvListing, CsvPart, PART};
use super::parameters::{malformed, moment};
use super::product::Recorded;
use super::product_page::{ListBody, PRODUCT_COLUMNS, PRODUCTS_FILE, product_row};
use super::{Queries, answer};
use crate::catalogue::known;
use crate::cursor::{self, InvalidCursor};
use crate::prices::{PriceChange, timeline};
use crate::views::{Generation, View};

/// A page ends when its products reach this size.
const MOST_BYTES: usize = 1024 * 1024;

/// How many of them are read at the same time.
const AT_ONCE: usize = 16;

/// Which catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CatalogueOf {
    /// As the ledger had it, by `recorded_at`.
    Recorded(Timestamp),
    /// What was in force, by `occurred_at`, as known now.
    InForce(Timestamp),
}

impl CatalogueOf {
    /// Reads `as_of` and `in_force`; `None` without either.
    ///
    /// # Errors
    /// 400 for one that cannot be read, both, or another parameter that goes with neither.
    pub(super) fn read(parameters: &mut QueryParameters) -> Result<Option<Self>, Problem> {
        let as_of = parameters.optional("as_of", moment)?;
        let in_force = parameters.optional("in_force", moment)?;
        let of = match (as_of, in_force) {
            (None, None) => return Ok(None),
            (Some(as_of), None) => Self::Recorded(as_of),
            (None, Some(in_force)) => Self::InForce(in_force),
            (Some(_), Some(_)) => return Err(malformed("Give at most one of as_of and in_force.").loggable()),
        };
        parameters.optional("sort", only("id"))?;
        parameters.optional("order", only("asc"))?;
        std::mem::take(parameters)
            .nothing_else("as_of and in_force go with sort=id, limit and cursor alone")?;
        Ok(Some(of))
    }

    fn parts(self) -> [String; 2] {
        match self {
            Self::Recorded(at) => ["as_of".to_owned(), at.to_string()],
            Self::InForce(at) => ["in_force".to_owned(), at.to_string()],
        }
    }

    /// The cursor behind a product.
    fn cursor(self, id: &ProductId) -> String {
        let parts = self.parts();
        cursor::encode(&parts.each_ref().map(String::as_str), id.as_str())
    }

    /// The product of a cursor.
    ///
    /// # Errors
    /// 400: it was not made for this catalogue.
    pub(super) fn after(self, cursor: &str) -> Result<ProductId, Problem> {
        let parts = self.parts();
        let id = cursor::decode(&parts.each_ref().map(String::as_str), cursor).ok();
        id.and_then(|id| ProductId::new(id).ok()).ok_or_else(|| wrong_parameter("cursor", &InvalidCursor))
    }
}

/// Accepts one value.
fn only(value: &'static str) -> impl Fn(&str) -> Result<(), String> {
    move |text| {
        if text == value {
            Ok(())
        } else {
            Err(format!("{value} is expected together with as_of and in_force"))
        }
    }
}

/// The catalogue of another time behind a product.
pub(super) struct PastCatalogue {
    pub(super) queries: Arc<Queries>,
    pub(super) of: CatalogueOf,
    pub(super) after: Option<ProductId>,
    /// How many products a page of a table may still look at.
    pub(super) left: usize,
}

/// Products, and the one that was looked at last if more follow.
struct PastPage {
    products: Vec<Product>,
    /// How many products were looked at.
    looked_at: usize,
    behind: Option<ProductId>,
}

impl PastCatalogue {
    /// The next page.
    ///
    /// # Errors
    /// 503 if a store does not answer or the view is being built, 500 if something cannot be read.
    pub(super) async fn page(&mut self, limit: usize) -> Result<ListBody, Problem> {
        let page = self.looked_at(limit).await?;
        Ok(ListBody { products: page.products, next: page.behind.map(|last| self.of.cursor(&last)) })
    }

    /// Looks at the next products.
    async fn looked_at(&mut self, limit: usize) -> Result<PastPage, Problem> {
        let generations = self.queries.generations().await?.products;
        if !generations.filled {
            return Err(answer::being_built());
        }
        let views = self.queries.api.views.as_ref();
        let known = known(views, generations.read, self.after.as_ref(), limit).await;
        let known = known.map_err(failed(Stored::View(View::Products), None))?;
        let products = match self.of {
            CatalogueOf::Recorded(at) => self.queries.recorded(&known.ids, at).await?,
            CatalogueOf::InForce(at) => self.queries.in_force(generations.read, &known.ids, at).await?,
        };
        let (mut page, mut bytes) = (Vec::new(), 0);
        let mut behind = known.ids.last().filter(|_| known.more).cloned();
        for product in products.into_iter().flatten() {
            if bytes >= MOST_BYTES {
                behind = page.last().map(|last: &Product| last.id.clone());
                break;
            }
            // A product that cannot be serialized counts as 0 bytes and fails when the response is written.
            bytes += serde_json::to_vec(&product).map_or(0, |json| json.len());
            page.push(product);
        }
        self.after.clone_from(&behind);
        Ok(PastPage { products: page, looked_at: known.ids.len(), behind })
    }
}

impl Queries {
    /// Each of these products as the ledger had it at a moment, unless it was deleted or not recorded then.
    async fn recorded(&self, ids: &[ProductId], at: Timestamp) -> Result<Vec<Option<Product>>, Problem> {
        let mut products = Vec::with_capacity(ids.len());
        for some in ids.chunks(AT_ONCE) {
            products.extend(try_join_all(some.iter().map(|id| self.recorded_by(id, at))).await?);
        }
        let active = |recorded| match recorded {
            Recorded::As(product) => Some(*product).filter(|product| product.facts.status == Status::Active),
            Recorded::Later(_) | Recorded::Never => None,
        };
        Ok(products.into_iter().map(active).collect())
    }

    /// Each of these products with the price that was in force at a moment, unless it was not in the catalogue then.
    async fn in_force(
        &self,
        generation: Generation,
        ids: &[ProductId],
        at: Timestamp,
    ) -> Result<Vec<Option<Product>>, Problem> {
        let now = self.api.views.get_all(generation, ids).await;
        let now = now.map_err(failed(Stored::View(View::Products), None))?;
        let mut now: HashMap<ProductId, Product> =
            now.into_iter().map(|product| (product.id.clone(), product)).collect();
        let mut now = ids.iter().filter_map(|id| now.remove(id));
        let mut products = Vec::with_capacity(ids.len());
        loop {
            let some: Vec<_> =
                now.by_ref().take(AT_ONCE).map(|product| self.priced_at(product, at)).collect();
            if some.is_empty() {
                return Ok(products);
            }
            products.extend(try_join_all(some).await?);
        }
    }

    /// The product with the price in force at a moment; `None` if it was not in the catalogue then.
    async fn priced_at(&self, product: Product, at: Timestamp) -> Result<Option<Product>, Problem> {
        // Never older than the product beside it.
        let history = self.prices(&product.id, product.version).await?;
        let period = timeline(&history.entries, Some(at)).pop().filter(|period| period.to.is_none());
        let prices = history.entries.iter().filter(|entry| matches!(entry.change, PriceChange::Priced(_)));
        let stated = prices.map(|entry| entry.position).filter(|position| position.at <= at).max();
        Ok(period.map(|period| Product {
            facts: Facts { money: period.money, status: Status::Active, ..product.facts },
            price_occurred_at: stated.map(|position| position.at),
            ..product
        }))
    }
}

#[async_trait]
impl CsvListing for PastCatalogue {
    const FILE: &'static str = PRODUCTS_FILE;

    fn columns() -> Vec<&'static str> {
        PRODUCT_COLUMNS.into()
    }

    fn next_parameter(&self) -> &'static str {
        "cursor"
    }

    async fn part(&mut self, limit: usize) -> Result<CsvPart, Problem> {
        if self.left == 0 {
            self.left = limit;
        }
        let page = self.looked_at(limit.min(PART).min(self.left)).await?;
        self.left = self.left.saturating_sub(page.looked_at);
        let entry = |product: &Product| CsvEntry {
            rows: vec![product_row(product)],
            place: self.of.cursor(&product.id),
        };
        let entries = page.products.iter().map(entry).collect();
        let next = page.behind.map(|last| self.of.cursor(&last));
        Ok(CsvPart { entries, next, ends_page: self.left == 0 })
    }
}
