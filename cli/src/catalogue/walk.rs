//! Reads the catalogue of a time page by page, product by product in the order of their ids.

use std::collections::VecDeque;

use schema::Timestamp;
use serde_json::Value;

use crate::ledger_source::LedgerSource;

/// Products of a page of JSON.
const PAGE: usize = 100;

/// Which catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CatalogueTime {
    /// As the ledger had it.
    Recorded(Timestamp),
    /// What was in force, as known now.
    InForce(Timestamp),
}

impl CatalogueTime {
    /// The query of a page.
    pub(crate) fn query(self, limit: usize, cursor: Option<&str>) -> Vec<(&'static str, String)> {
        let time = match self {
            Self::Recorded(at) => ("as_of", at.to_string()),
            Self::InForce(at) => ("in_force", at.to_string()),
        };
        let cursor = cursor.map(|cursor| ("cursor", cursor.to_owned()));
        [time, ("limit", limit.to_string())].into_iter().chain(cursor).collect()
    }

    /// The time, for people.
    pub(crate) fn said(self) -> String {
        match self {
            Self::Recorded(at) => format!("as recorded by {at}"),
            Self::InForce(at) => format!("in force at {at}"),
        }
    }
}

/// The catalogue, as far as it is read.
pub(crate) struct CatalogueWalk<'a> {
    source: &'a LedgerSource,
    time: CatalogueTime,
    products: VecDeque<Value>,
    cursor: Option<String>,
    is_read: bool,
}

impl<'a> CatalogueWalk<'a> {
    pub(crate) fn new(source: &'a LedgerSource, time: CatalogueTime) -> Self {
        Self { source, time, products: VecDeque::new(), cursor: None, is_read: false }
    }

    /// The next product.
    ///
    /// # Errors
    /// When the ledger cannot be read, or refuses.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<Value>> {
        // A page may be empty although more follow.
        while self.products.is_empty() && !self.is_read {
            let query = self.time.query(PAGE, self.cursor.as_deref());
            let mut page = self.source.json("products", &query).await?;
            self.cursor = page["next"].as_str().map(str::to_owned);
            self.is_read = self.cursor.is_none();
            if let Some(products) = page["products"].as_array_mut() {
                self.products.extend(products.drain(..));
            }
        }
        Ok(self.products.pop_front())
    }
}
