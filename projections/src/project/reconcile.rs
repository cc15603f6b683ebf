//! What the views lack of a product, for `ledger reconcile`: also what no record of the stream ever told a projector.

use schema::ProductId;

use super::Projector;
use crate::projection::{Difference, Stuck};
use crate::views::View;

impl Projector {
    /// How the views that are read differ from the event table; [`Projector::retry`] repairs what is missing or behind.
    ///
    /// # Errors
    /// [`Stuck`]: a store did not answer, or the ledger has a commit that cannot be read.
    pub async fn differences(&self, product: &ProductId) -> Result<Vec<(View, Difference)>, Stuck> {
        let lineup = self.views.lineup().await;
        let lineup = lineup.map_err(|error| Stuck::for_now(1, &error))?;
        let mut differences = Vec::new();
        for projection in &self.projections {
            let view = projection.view();
            let difference = projection.compare(lineup.of(view).read, product).await?;
            differences.extend(difference.map(|difference| (view, difference)));
        }
        Ok(differences)
    }
}
