//! Sends the lines of its products, those of a product in order, until there are no more or nothing more can be sent.
//!
//! Before a product's first line its history is read: the server remembers only the keys of a product's newest commands, and a
//! line that was recorded long ago must not be sent again. With a token that may write but not read histories, only products
//! that never existed are imported.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use schema::ProductId;
use tokio::sync::mpsc;

use super::client::{ImportClient, StopReason};
use super::identity::ImportId;
use super::line::{Condition, ImportLine, NumberedLine};
use super::product::{LineOutcome, ProductProgress, RecordedLine, RecordedLines, Step, StopCause};
use super::report::ImportReport;

/// The state that all workers share. Cheap to clone.
#[derive(Clone)]
pub(super) struct ImportWorker {
    pub(super) client: ImportClient,
    pub(super) import: Arc<ImportId>,
    pub(super) report: Arc<ImportReport>,
    /// Why histories cannot be read, once that is known.
    pub(super) history_refused: Arc<OnceLock<String>>,
    /// Whether no product has a second line, so that it need not be kept.
    pub(super) is_each_once: bool,
}

impl ImportWorker {
    /// Sends lines until there are no more, or the server does not answer or refuses access.
    pub(super) async fn work(self, mut entries: mpsc::Receiver<NumberedLine>) {
        let mut products: HashMap<ProductId, ProductProgress> = HashMap::new();
        while let Some(entry) = entries.recv().await {
            if self.report.is_stopped() {
                continue;
            }
            if let Err(stop) = self.advance(&mut products, &entry).await {
                self.report.stop(stop);
            }
            if self.is_each_once
                && let Some(product) = products.remove(&entry.product_id)
            {
                self.end(&entry.product_id, &product);
            }
        }
        for (id, product) in &products {
            self.end(id, product);
        }
    }

    /// No line of the product follows.
    fn end(&self, id: &ProductId, product: &ProductProgress) {
        if let Some(stopped) = product.stopped() {
            self.report.skipped_unnamed(id, stopped);
        }
        // If it stopped early, more lines may follow.
        if let Some(missing) = product.missing().filter(|_| !self.report.is_stopped()) {
            self.report.missing(id, missing);
        }
    }

    async fn advance(
        &self,
        products: &mut HashMap<ProductId, ProductProgress>,
        entry: &NumberedLine,
    ) -> Result<(), StopReason> {
        let id = &entry.product_id;
        if !products.contains_key(id) {
            let begun = match &entry.line {
                Ok(_) => self.recorded(id).await?,
                Err(_) => Ok(RecordedLines::default()),
            };
            let product = match begun {
                Ok(recorded) => ProductProgress::new(recorded),
                Err(reason) => {
                    let mut product = ProductProgress::new(RecordedLines::default());
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

    async fn take(&self, product: &mut ProductProgress, entry: &NumberedLine) -> Result<(), StopReason> {
        let (number, id) = (entry.number, &entry.product_id);
        let step = product.next(number, entry.line.as_ref().map_err(String::as_str));
        match (step, &entry.line) {
            (Step::Repeated, _) => self.report.repeated(),
            (Step::Fail(reason), _) => self.fail(product, entry, &reason),
            (Step::Skip(why, behind, naming), _) => {
                self.report.skipped(number, id, why, naming.then_some(behind));
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
        product: &mut ProductProgress,
        number: u64,
        line: &ImportLine,
        key: &str,
        condition: Condition,
    ) -> Result<(), StopReason> {
        let answer = self.client.command(line, key, condition).await?;
        match product.answered(line, condition, &answer) {
            LineOutcome::Written => self.report.written(),
            LineOutcome::Unchanged => self.report.unchanged(),
            LineOutcome::Repeated => self.report.repeated(),
            LineOutcome::LeftAlone(reason) => {
                product.stop(StopCause::LeftAlone, number);
                self.report.left_alone(number, &line.product_id, &reason);
            }
            LineOutcome::Failed(reason) => {
                product.stop(StopCause::Failed, number);
                self.report.failed(number, Some(&line.product_id), &reason);
            }
        }
        Ok(())
    }

    fn fail(&self, product: &mut ProductProgress, entry: &NumberedLine, reason: &str) {
        product.stop(StopCause::Failed, entry.number);
        self.report.failed(entry.number, Some(&entry.product_id), reason);
    }

    /// The product's commits of this import, from its history; the inner error is why nothing can be sent for this product.
    async fn recorded(&self, product: &ProductId) -> Result<Result<RecordedLines, String>, StopReason> {
        if let Some(reason) = self.history_refused.get() {
            return self.never_existed(product, reason).await;
        }
        let (mut recorded, mut after) = (RecordedLines::default(), 0);
        loop {
            let answer = self.client.history(product, after).await?;
            match answer.status.as_u16() {
                403 if answer.refuses_access() && after == 0 => {
                    let reason = self.history_refused.get_or_init(|| answer.reason());
                    return self.never_existed(product, reason).await;
                }
                403 if answer.refuses_access() => return Err(StopReason::Refused(answer.reason())),
                404 if answer.kind() == "product-not-found" => return Ok(Ok(recorded)),
                200 => {}
                _ => return Ok(Err(answer.reason())),
            }
            let page = match answer.page(product, after) {
                Ok(page) => page,
                Err(reason) => return Ok(Err(reason)),
            };
            for commit in &page.commits {
                if let Some(mark) = commit.key().and_then(|key| self.import.mark(key)) {
                    let line = RecordedLine { mark, version: commit.version() };
                    recorded.add(line, self.import.input_may_differ());
                }
            }
            match page.next {
                Some(next) => after = next,
                None => return Ok(Ok(recorded)),
            }
        }
    }

    /// Without histories, only a product that never existed certainly has no commit of this import.
    async fn never_existed(
        &self,
        product: &ProductId,
        reason: &str,
    ) -> Result<Result<RecordedLines, String>, StopReason> {
        let answer = self.client.change_nothing(product).await?;
        match (answer.status.as_u16(), answer.kind().as_str()) {
            (404, "product-not-found") => Ok(Ok(RecordedLines::default())),
            (200, _) | (409, "product-deleted") => Err(StopReason::Refused(reason.to_owned())),
            _ => Ok(Err(answer.reason())),
        }
    }
}
