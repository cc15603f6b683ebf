//! Compares the orders that LIST reads with the rows that GET reads: every row appears once, at its position, with the same
//! product, and there is nothing else; and so with the ids of all known products, from which catalogues of other times are made.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};

use event_store::StoreError;
use projections::Views;
use projections::views::{Generation, IndexRow, PositionRange, RowOrder, SHARDS, Slice, shard_of};
use schema::{Product, ProductId};

/// Rows of a request.
const PAGE: usize = 500;

/// Rows that are looked at in one position, where only one belongs.
const BESIDE: usize = 8;

/// The rows that GET reads, as hashes: about 100 bytes each, plus the id.
#[derive(Default)]
pub(super) struct ShownRows {
    rows: HashMap<String, Places>,
    hasher: RandomState,
}

/// A row, as hashes.
struct Places {
    product: u64,
    at: [Option<u64>; RowOrder::ALL.len()],
    met: [bool; RowOrder::ALL.len()],
}

/// A product that may be wrong in an order.
#[derive(Debug, Clone)]
pub(super) struct Misplaced {
    pub(super) product: ProductId,
    /// `None`: among the known products.
    pub(super) order: Option<RowOrder>,
    /// A position where it should not be, if it was there.
    at: Option<String>,
}

impl ShownRows {
    pub(super) fn add(&mut self, product: &Product) {
        let at = RowOrder::ALL.map(|order| order.position(product).map(|at| self.hasher.hash_one(at)));
        let places = Places { product: self.of(product), at, met: [false; RowOrder::ALL.len()] };
        self.rows.insert(product.id.to_string(), places);
    }

    fn of(&self, product: &Product) -> u64 {
        self.hasher.hash_one(serde_json::to_string(product).unwrap_or_default())
    }

    /// Whether a row of an order agrees with the row that GET reads.
    fn meet(&mut self, (order, place): (RowOrder, usize), shard: u8, row: &IndexRow) -> bool {
        let (product, at) = (self.of(&row.product), self.hasher.hash_one(&row.position));
        let Some(places) = self.rows.get_mut(row.product.id.as_str()) else { return false };
        let agrees = places.product == product
            && places.at[place] == Some(at)
            && order.position(&row.product).as_ref() == Some(&row.position)
            && shard == shard_of(&row.product.id)
            && !places.met[place];
        places.met[place] |= agrees;
        agrees
    }

    /// Products that should be in an order but were not.
    fn unmet(&self, place: usize) -> impl Iterator<Item = &str> {
        let rows = self.rows.iter();
        let unmet = rows.filter(move |(_, places)| places.at[place].is_some() && !places.met[place]);
        unmet.map(|(id, _)| id.as_str())
    }
}

/// Reads every order that is kept.
pub(super) async fn walk(
    views: &dyn Views,
    generation: Generation,
    mut shown: ShownRows,
) -> Result<Vec<Misplaced>, StoreError> {
    let mut misplaced = wrongly_known(views, generation, &shown).await?;
    for (place, order) in kept(views) {
        for shard in 0..SHARDS {
            let mut range = PositionRange::all();
            loop {
                let slice = Slice { shard, order, range: range.clone(), descending: false, limit: PAGE };
                // Rows that cannot be read were named with the rows that GET reads.
                let portion = views.slice(generation, &slice).await?;
                for row in &portion.rows {
                    if !shown.meet((order, place), shard, row) {
                        let (product, at) = (row.product.id.clone(), Some(row.position.clone()));
                        misplaced.push(Misplaced { product, order: Some(order), at });
                    }
                }
                match portion.last.filter(|_| !portion.exhausted) {
                    Some(last) => range = range.behind(&last, false),
                    None => break,
                }
            }
        }
        // A product that stands elsewhere is in the list already.
        let met: BTreeSet<ProductId> = misplaced
            .iter()
            .filter(|misplaced| misplaced.order == Some(order))
            .map(|misplaced| misplaced.product.clone())
            .collect();
        let unmet = shown.unmet(place).filter_map(|id| ProductId::new(id).ok());
        let unmet = unmet.filter(|product| !met.contains(product));
        misplaced.extend(unmet.map(|product| Misplaced { product, order: Some(order), at: None }));
    }
    Ok(misplaced)
}

/// Products that GET shows and that are not known, and the other way round.
async fn wrongly_known(
    views: &dyn Views,
    generation: Generation,
    shown: &ShownRows,
) -> Result<Vec<Misplaced>, StoreError> {
    let (mut met, mut wrong) = (BTreeSet::new(), Vec::new());
    for shard in 0..SHARDS {
        let mut after = String::new();
        loop {
            let portion = views.known(generation, shard, &after, PAGE).await?;
            if let Some(last) = portion.rows.last() {
                last.as_str().clone_into(&mut after);
            }
            for id in portion.rows {
                if !shown.rows.contains_key(id.as_str()) || shard_of(&id) != shard {
                    wrong.push(id.clone());
                }
                met.insert(id);
            }
            if portion.exhausted {
                break;
            }
        }
    }
    let ids = shown.rows.keys().filter_map(|id| ProductId::new(id.as_str()).ok());
    wrong.extend(ids.filter(|id| !met.contains(id)));
    Ok(wrong.into_iter().map(|product| Misplaced { product, order: None, at: None }).collect())
}

/// The orders to check for one product.
pub(super) fn places(views: &dyn Views, product: &ProductId) -> Vec<Misplaced> {
    let orders = kept(views).map(|(_, order)| Some(order)).chain([None]);
    orders.map(|order| Misplaced { product: product.clone(), order, at: None }).collect()
}

fn kept(views: &dyn Views) -> impl Iterator<Item = (usize, RowOrder)> + use<> {
    let orders = views.orders();
    RowOrder::ALL.into_iter().enumerate().filter(move |(_, order)| orders.keep(order.sort()))
}

impl Misplaced {
    /// What is wrong now, if anything: a row may have moved while its order was read.
    pub(super) async fn look(&self, views: &dyn Views) -> Result<Option<String>, StoreError> {
        let generation = views.generations().await?.products.read;
        let shown = match views.get(generation, &self.product).await {
            // Named already.
            Err(error) if error.is_unreadable() => return Ok(None),
            shown => shown?,
        };
        let Some(order) = self.order else {
            let is_known = self.is_known(views, generation).await?;
            return Ok(match (shown.is_some(), is_known) {
                (true, false) => Some("is not among the known products".to_owned()),
                (false, true) => Some("is among the known products and GET does not show it".to_owned()),
                (true, true) | (false, false) => None,
            });
        };
        let expected = shown.as_ref().and_then(|product| order.position(product));
        let name = order.sort().name();
        if let Some(expected) = &expected
            && self.at(views, generation, (order, expected)).await? != shown
        {
            return Ok(Some(format!("does not stand in the order by {name} as GET shows it")));
        }
        if let Some(at) = self.at.as_ref().filter(|at| Some(*at) != expected.as_ref())
            && self
                .at(views, generation, (order, at))
                .await?
                .is_some_and(|product| product.id == self.product)
        {
            return Ok(Some(format!("stands in the order by {name} where it does not belong")));
        }
        Ok(None)
    }

    /// Whether the product is among the known ones.
    async fn is_known(&self, views: &dyn Views, generation: Generation) -> Result<bool, StoreError> {
        let (shard, mut after) = (shard_of(&self.product), String::new());
        loop {
            let portion = views.known(generation, shard, &after, PAGE).await?;
            if portion.rows.contains(&self.product) {
                return Ok(true);
            }
            let Some(last) = portion.rows.last().filter(|last| !portion.exhausted && **last < self.product)
            else {
                return Ok(false);
            };
            last.as_str().clone_into(&mut after);
        }
    }

    /// The product at a position of the order.
    async fn at(
        &self,
        views: &dyn Views,
        generation: Generation,
        (order, position): (RowOrder, &str),
    ) -> Result<Option<Product>, StoreError> {
        let slice = Slice {
            shard: shard_of(&self.product),
            order,
            range: PositionRange { from: position.to_owned(), to: position.to_owned() },
            descending: false,
            limit: BESIDE,
        };
        let rows = views.slice(generation, &slice).await?.rows.into_iter().map(|row| row.product);
        let (own, others): (Vec<_>, Vec<_>) = rows.partition(|product| product.id == self.product);
        Ok(own.into_iter().chain(others).next())
    }
}
