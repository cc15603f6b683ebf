//! Compares the indexes of look-ups with the rows that GET reads: every product is found by its SKU and its category, and
//! counted in its category and no other.
//!
//! A look-up leaves out what the row of the product contradicts, so an index that names too many products answers nobody
//! wrongly, except that the number of products in a category is counted in the index.

use event_store::StoreError;
use projections::Views;
use projections::views::{
    CategoryPlace, CategoryRow, Generation, Lookup, LookupField, PositionRange, RowOrder, SHARDS, Slice,
    shard_of,
};
use schema::{Product, ProductId};

/// Places of a request.
const PAGE: usize = 500;

/// A product that may be wrong in the indexes of look-ups.
#[derive(Debug, Clone)]
pub(super) struct LookedUp {
    pub(super) product: ProductId,
    /// A category in which it was counted.
    counted_in: Option<String>,
}

impl LookedUp {
    /// A product of the ledger.
    pub(super) fn of(product: ProductId) -> Self {
        Self { product, counted_in: None }
    }
}

/// Everything that is counted in a category.
pub(super) async fn counted(views: &dyn Views, generation: Generation) -> Result<Vec<LookedUp>, StoreError> {
    let mut counted = Vec::new();
    for shard in 0..SHARDS {
        let mut after = CategoryPlace::default();
        loop {
            let portion = views.categories(generation, shard, &after, PAGE).await?;
            // That a row lies under a false key is a fault of the row already.
            for CategoryRow { place, .. } in &portion.rows {
                if let Ok(product) = ProductId::new(place.id.clone()) {
                    counted.push(LookedUp { product, counted_in: Some(place.category.clone()) });
                }
            }
            match portion.rows.into_iter().next_back().filter(|_| !portion.exhausted) {
                Some(last) => after = last.place,
                None => break,
            }
        }
    }
    Ok(counted)
}

impl LookedUp {
    /// What is wrong now, if anything.
    pub(super) async fn look(&self, views: &dyn Views) -> Result<Option<String>, StoreError> {
        let generation = views.generations().await?.products.read;
        let shown = match views.get(generation, &self.product).await {
            // Such a row is a fault already.
            Err(error) if error.is_unreadable() => return Ok(None),
            shown => shown?,
        };
        match &self.counted_in {
            None => match &shown {
                Some(product) => Self::missing(views, generation, product).await,
                None => Ok(None),
            },
            Some(category) => self.wrongly_counted(views, generation, shown.as_ref(), category).await,
        }
    }

    /// By which of its values a product is not found.
    async fn missing(
        views: &dyn Views,
        generation: Generation,
        product: &Product,
    ) -> Result<Option<String>, StoreError> {
        for field in LookupField::ALL {
            let Some(value) = field.value(product) else { continue };
            let lookup = Lookup { field, value: value.to_owned() };
            for order in [RowOrder::Id, RowOrder::Name] {
                let kept = views.orders().keep(order.sort());
                if let Some(position) = order.position(product).filter(|_| kept)
                    && !is_found(views, generation, &lookup, (order, &position), &product.id).await?
                {
                    let (field, order) = (field.name(), order.sort().name());
                    return Ok(Some(format!("is not found by its {field} in the order by {order}")));
                }
            }
        }
        Ok(None)
    }

    /// Whether a product is counted in a category that GET does not show.
    async fn wrongly_counted(
        &self,
        views: &dyn Views,
        generation: Generation,
        shown: Option<&Product>,
        category: &str,
    ) -> Result<Option<String>, StoreError> {
        let lookup = Lookup { field: LookupField::Category, value: category.to_owned() };
        if shown.is_some_and(|product| lookup.finds(product)) {
            return Ok(None);
        }
        let position = (RowOrder::Id, self.product.as_str());
        let counted = is_found(views, generation, &lookup, position, &self.product).await?;
        Ok(counted.then(|| "is counted in a category that GET does not show".to_owned()))
    }
}

/// Whether a look-up finds the product at this position.
async fn is_found(
    views: &dyn Views,
    generation: Generation,
    lookup: &Lookup,
    (order, position): (RowOrder, &str),
    product: &ProductId,
) -> Result<bool, StoreError> {
    let slice = Slice {
        shard: shard_of(product),
        order,
        range: PositionRange { from: position.to_owned(), to: position.to_owned() },
        descending: false,
        limit: PAGE,
    };
    let found = views.find(generation, lookup, &slice).await?;
    Ok(found.rows.iter().any(|row| row.id == *product))
}
