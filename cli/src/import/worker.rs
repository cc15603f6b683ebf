//! Sends the lines of its products, each product's in order, until there are no more or nothing more can be sent.
//!
//! Before a product's first line its history is read: the server remembers the keys of a product's newest commands alone, and
//! a line that was recorded long ago must not be sent again. A token that may write and not read histories imports products
//! that never existed, and nothing else.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use schema::ProductId;
use tokio::sync::mpsc;

use super::client::{Client, Stop};
use super::identity::Identity;
use super::line::{Condition, Line};
use super::product::{Outcome, Product, Recorded, Step, Why};
use super::report::Report;

/// A line of the input.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its number in the input, from 1.
    pub(super) number: u64,
    pub(super) product_id: ProductId,
    /// What it says, or why it cannot be read.
    pub(super) line: Result<Line, String>,
}

/// What all workers share. Cheap to clone.
#[derive(Clone)]
pub(super) struct Worker {
    pub(super) client: Client,
    pub(super) import: Arc<Identity>,
    pub(super) report: Arc<Report>,
    /// Why histories cannot be read, once that is known.
    pub(super) blind: Arc<OnceLock<String>>,
}

impl Worker {
    /// Sends lines until there are no more, or the server is gone or refuses us.
    pub(super) async fn work(self, mut entries: mpsc::Receiver<Entry>) {
        let mut products: HashMap<ProductId, Product> = HashMap::new();
        while let Some(entry) = entries.recv().await {
            if self.report.is_stopped() {
                continue;
            }
            if let Err(stop) = self.advance(&mut products, &entry).await {
                self.report.stop(stop);
            }
        }
        for (id, product) in &products {
            if let Some(stopped) = product.stopped() {
                self.report.passed_over_unnamed(id, stopped);
            }
        }
    }

    async fn advance(&self, products: &mut HashMap<ProductId, Product>, entry: &Entry) -> Result<(), Stop> {
        let id = &entry.product_id;
        if !products.contains_key(id) {
            let begun = match &entry.line {
                Ok(_) => self.recorded(id).await?,
                Err(_) => Ok(None),
            };
            let product = match begun {
                Ok(recorded) => Product::new(recorded),
                Err(reason) => {
                    let mut product = Product::new(None);
                    self.fail(&mut product, entry, &reason);
                    products.insert(id.clone(), product);
                    return Ok(());
                }
            };
            products.insert(id.clone(), product);
        }
        match products.get_mut(id) {
            Some(product) => self.take(product, entry).await,
            None => Ok(()),
        }
    }

    async fn take(&self, product: &mut Product, entry: &Entry) -> Result<(), Stop> {
        let (number, id) = (entry.number, &entry.product_id);
        let step = product.next(number, entry.line.as_ref().map_err(String::as_str));
        match (step, &entry.line) {
            (Step::Repeated, _) => self.report.repeated(),
            (Step::Fail(reason), _) => self.fail(product, entry, &reason),
            (Step::PassOver(why, behind, naming), _) => {
                self.report.passed_over(number, id, why, naming.then_some(behind));
            }
            (Step::Send(condition, mark), Ok(line)) => {
                let key = self.import.key(&mark);
                self.send(product, number, line, &key, condition).await?;
            }
            (Step::Send(..), Err(reason)) => self.fail(product, entry, reason),
        }
        Ok(())
    }

    async fn send(
        &self,
        product: &mut Product,
        number: u64,
        line: &Line,
        key: &str,
        condition: Condition,
    ) -> Result<(), Stop> {
        let answer = self.client.command(line, key, condition).await?;
        match product.answered(line, condition, &answer) {
            Outcome::Written => self.report.written(),
            Outcome::Unchanged => self.report.unchanged(),
            Outcome::Repeated => self.report.repeated(),
            Outcome::LeftAlone(reason) => {
                product.stop(Why::LeftAlone, number);
                self.report.left_alone(number, &line.product_id, &reason);
            }
            Outcome::Failed(reason) => {
                product.stop(Why::Failed, number);
                self.report.failed(number, Some(&line.product_id), &reason);
            }
        }
        Ok(())
    }

    fn fail(&self, product: &mut Product, entry: &Entry, reason: &str) {
        product.stop(Why::Failed, entry.number);
        self.report.failed(entry.number, Some(&entry.product_id), reason);
    }

    /// The product's newest commit of this import, by its history; the inner error is why nothing can be sent to this product.
    async fn recorded(&self, product: &ProductId) -> Result<Result<Option<Recorded>, String>, Stop> {
        if let Some(reason) = self.blind.get() {
            return self.never_existed(product, reason).await;
        }
        let (mut newest, mut after) = (None, 0);
        loop {
            let answer = self.client.history(product, after).await?;
            match answer.status.as_u16() {
                403 if after == 0 => {
                    let reason = self.blind.get_or_init(|| answer.reason());
                    return self.never_existed(product, reason).await;
                }
                403 => return Err(Stop::Refused(answer.reason())),
                404 if answer.kind() == "product-not-found" => return Ok(Ok(None)),
                200 => {}
                _ => return Ok(Err(answer.reason())),
            }
            let page = match answer.page(product, after) {
                Ok(page) => page,
                Err(reason) => return Ok(Err(reason)),
            };
            for commit in &page.commits {
                if let Some(mark) = commit.key().and_then(|key| self.import.mark(key)) {
                    newest = Some(Recorded { mark, version: commit.version() });
                }
            }
            match page.next {
                Some(next) => after = next,
                None => return Ok(Ok(newest)),
            }
        }
    }

    /// Without histories only a product that never existed is sure to hold nothing of this import.
    async fn never_existed(
        &self,
        product: &ProductId,
        reason: &str,
    ) -> Result<Result<Option<Recorded>, String>, Stop> {
        let answer = self.client.change_nothing(product).await?;
        match (answer.status.as_u16(), answer.kind().as_str()) {
            (404, "product-not-found") => Ok(Ok(None)),
            (200, _) | (409, "product-deleted") => Err(Stop::Refused(reason.to_owned())),
            _ => Ok(Err(answer.reason())),
        }
    }
}
