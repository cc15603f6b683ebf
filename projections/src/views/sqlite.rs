//! The product view on SQLite: one row per product with its position in each kept order, read by key or by index.

use std::collections::BTreeSet;

use async_trait::async_trait;
use event_store::StoreError;
use schema::{Hash, Orders, Product, ProductId};
use sqlite::rusqlite::{self, Connection, OptionalExtension, Row, params};
use sqlite::{Access, clamped};

use super::{
    CategoryPlace, CategoryRow, FoundRow, Generation, GenerationsError, IndexRow, Lookup, LookupField,
    Portion, ProductRow, RowOrder, RowPage, Slice, SlicePage, UnreadableRow, ViewGenerations, Views, id_of,
    lookup_order, not_kept, product_of, shard_of,
};

/// The file, in errors.
const FILE: &str = "views.sqlite3";

/// Name of the generations in the table `about`. Stored; never rename.
const GENERATIONS: &str = "lineup";

/// Name of a value in the table `about`, present while the views are built for the first time: the position up to which
/// they have to be built. Stored; never rename.
pub const BUILDING: &str = "building_up_to";

/// The view in a file with the schema [`crate::sqlite::VIEWS`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SqliteViews {
    access: Access,
    orders: Orders,
    for_queries: bool,
}

impl SqliteViews {
    /// The view in a file; it keeps `orders`.
    #[must_use]
    pub fn new(access: Access, orders: Orders) -> Self {
        Self { access, orders, for_queries: false }
    }

    /// The same view for queries, which fail while it is being built.
    #[must_use]
    pub fn for_queries(self) -> Self {
        Self { for_queries: true, ..self }
    }

    fn columns(&self, generation: Generation, shown: &ProductRow) -> Result<Columns, StoreError> {
        let product = &shown.product;
        let position = |order: RowOrder| order.position(product).filter(|_| self.orders.keep(order.sort()));
        Ok(Columns {
            generation: generation.0,
            id: product.id.to_string(),
            shard: shard_of(&product.id),
            version: product.version,
            product: serde_json::to_string(product).map_err(|error| StoreError::new(error.into()))?,
            hash: shown.hash.as_ref().map(Hash::to_string),
            by_id: position(RowOrder::Id),
            by_name: position(RowOrder::Name),
            by_price: position(RowOrder::Price),
            changes: position(RowOrder::Changes),
            sku: LookupField::Sku.value(product).map(str::to_owned),
            category: LookupField::Category.value(product).map(str::to_owned),
        })
    }
}

/// The views are not built yet, or still being built: try again later.
#[derive(Debug, thiserror::Error)]
#[error(
    "the views are not built yet: they are built at the next start of the server, or try again later if it runs"
)]
struct Building;

/// The columns of a row.
struct Columns {
    generation: u32,
    id: String,
    shard: u8,
    version: u64,
    product: String,
    hash: Option<String>,
    by_id: Option<String>,
    by_name: Option<String>,
    by_price: Option<String>,
    changes: Option<String>,
    sku: Option<String>,
    category: Option<String>,
}

impl Columns {
    /// The columns whose indexes a change of the price leaves alone.
    fn unmoved(&self) -> [&Option<String>; 4] {
        [&self.by_id, &self.by_name, &self.sku, &self.category]
    }
}

#[async_trait]
impl Views for SqliteViews {
    fn orders(&self) -> Orders {
        self.orders
    }

    async fn generations(&self) -> Result<ViewGenerations, StoreError> {
        let for_queries = self.for_queries;
        let (generations, building) = self
            .access
            .peek(move |connection| {
                Ok((about(connection, GENERATIONS)?, for_queries && about(connection, BUILDING)?.is_some()))
            })
            .await?;
        if building {
            return Err(StoreError::new(Building.into()));
        }
        generations.map_or_else(
            || Ok(ViewGenerations::default()),
            |text| serde_json::from_str(&text).map_err(|error| damaged_generations(&error)),
        )
    }

    async fn change_generations(&self, to: &ViewGenerations) -> Result<(), GenerationsError> {
        let text = serde_json::to_string(to).map_err(|error| StoreError::new(error.into()))?;
        let Some(before) = to.revision.checked_sub(1) else {
            return Err(GenerationsError::Changed);
        };
        let changed = self.access.write(move |connection| {
            let known = about(connection, GENERATIONS)?
                .and_then(|text| serde_json::from_str(&text).ok())
                .map_or(0, |generations: ViewGenerations| generations.revision);
            if known != before {
                return Ok(false);
            }
            connection
                .prepare_cached("INSERT OR REPLACE INTO about (name, value) VALUES (?1, ?2)")?
                .execute(params![GENERATIONS, text])?;
            Ok(true)
        });
        if changed.await.map_err(StoreError::from)? { Ok(()) } else { Err(GenerationsError::Changed) }
    }

    async fn get(&self, generation: Generation, id: &ProductId) -> Result<Option<Product>, StoreError> {
        let id = id.to_string();
        let product = self.access.peek(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, version, product FROM products WHERE generation = ?1 AND id = ?2",
            )?;
            statement.query_row(params![generation.0, id], |row| product(row, 0)).optional()
        });
        product.await?.transpose().map_err(unreadable)
    }

    async fn show(
        &self,
        generation: Generation,
        shown: &ProductRow,
    ) -> Result<Option<ProductRow>, StoreError> {
        let columns = self.columns(generation, shown)?;
        let there = self.access.write(move |connection| show(connection, &columns)).await?;
        there.transpose().map_err(unreadable)
    }

    async fn replace(
        &self,
        generation: Generation,
        seen: &ProductRow,
        by: &ProductRow,
    ) -> Result<bool, StoreError> {
        let (columns, version) = (self.columns(generation, by)?, seen.product.version);
        let hash = seen.hash.as_ref().map(Hash::to_string);
        let replaced = self.access.write(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT count(*) FROM products WHERE generation = ?1 AND id = ?2 AND version = ?3 AND hash IS ?4",
            )?;
            let as_seen = params![columns.generation, columns.id, version, hash];
            let is_there: bool = statement.query_row(as_seen, |row| row.get(0))?;
            if is_there {
                write(connection, &columns)?;
            }
            Ok(is_there)
        });
        Ok(replaced.await?)
    }

    async fn slice(&self, generation: Generation, slice: &Slice) -> Result<SlicePage, StoreError> {
        if !self.orders.keep(slice.order.sort()) {
            return Err(not_kept(slice.order));
        }
        let column = column(slice.order);
        let direction = if slice.descending { "DESC" } else { "ASC" };
        let query = format!(
            "SELECT {column}, id, version, product FROM products WHERE generation = ?1 AND shard = ?2 \
             AND {column} BETWEEN ?3 AND ?4 ORDER BY {column} {direction} LIMIT ?5"
        );
        let slice = slice.clone();
        let limit = slice.limit;
        let rows = self.access.read(move |connection| {
            let mut statement = connection.prepare_cached(&query)?;
            let range =
                params![generation.0, slice.shard, slice.range.from, slice.range.to, one_more(slice.limit)];
            let rows = statement.query_map(range, |row| Ok((row.get::<_, String>(0)?, product(row, 1)?)));
            rows?.collect::<rusqlite::Result<Vec<_>>>()
        });
        let Portion { rows: found, exhausted } = cut(rows.await?, limit);
        let last = found.last().map(|(position, _)| position.clone());
        let (mut rows, mut unreadable) = (Vec::with_capacity(found.len()), Vec::new());
        for (position, product) in found {
            match product {
                Ok(product) => rows.push(IndexRow { position, product }),
                Err(row) => unreadable.push(row),
            }
        }
        Ok(SlicePage { rows, unreadable, last, exhausted })
    }

    async fn find(
        &self,
        generation: Generation,
        lookup: &Lookup,
        slice: &Slice,
    ) -> Result<Portion<FoundRow>, StoreError> {
        lookup_order(self.orders, slice.order)?;
        let query = found_by(lookup.field, slice);
        let (value, slice) = (lookup.value.clone(), slice.clone());
        let limit = slice.limit;
        let rows = self.access.read(move |connection| {
            let mut statement = connection.prepare_cached(&query)?;
            let range = params![
                generation.0,
                slice.shard,
                value,
                slice.range.from,
                slice.range.to,
                one_more(slice.limit)
            ];
            let rows =
                statement.query_map(range, |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
            rows?.collect::<rusqlite::Result<Vec<_>>>()
        });
        let Portion { rows, exhausted } = cut(rows.await?, limit);
        let found = rows.into_iter().map(|(position, key)| Ok(FoundRow { position, id: id_of(key)? }));
        Ok(Portion { rows: found.collect::<Result<_, _>>().map_err(unreadable)?, exhausted })
    }

    async fn categories(
        &self,
        generation: Generation,
        shard: u8,
        after: &CategoryPlace,
        limit: usize,
    ) -> Result<Portion<CategoryRow>, StoreError> {
        let after = after.clone();
        let places = self.access.read(move |connection| {
            // Without the name of the index a future version of SQLite might sort.
            let mut statement = connection.prepare_cached(
                "SELECT category, by_id, id FROM products INDEXED BY products_category \
                 WHERE generation = ?1 AND shard = ?2 AND category IS NOT NULL AND by_id IS NOT NULL \
                 AND (category, by_id) > (?3, ?4) ORDER BY category, by_id LIMIT ?5",
            )?;
            let behind = params![generation.0, shard, after.category, after.id, one_more(limit)];
            let places = statement.query_map(behind, |row| {
                let place = CategoryPlace { category: row.get(0)?, id: row.get(1)? };
                Ok(CategoryRow { place, key: row.get(2)? })
            });
            places?.collect::<rusqlite::Result<Vec<_>>>()
        });
        Ok(cut(places.await?, limit))
    }

    async fn known(
        &self,
        generation: Generation,
        shard: u8,
        after: &str,
        limit: usize,
    ) -> Result<Portion<ProductId>, StoreError> {
        let mut after = after.to_owned();
        loop {
            let behind = after.clone();
            let keys = self.access.read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT id FROM products WHERE generation = ?1 AND id > ?2 AND shard = ?3 ORDER BY id LIMIT ?4",
                )?;
                let behind = params![generation.0, behind, shard, one_more(limit)];
                let keys = statement.query_map(behind, |row| row.get::<_, String>(0))?;
                keys.collect::<rusqlite::Result<Vec<_>>>()
            });
            let Portion { rows: keys, exhausted } = cut(keys.await?, limit);
            let last = keys.last().cloned();
            // A key that is no id is no product; `rows` names it.
            let rows: Vec<ProductId> =
                keys.into_iter().filter_map(|key| ProductId::new(key.as_str()).ok()).collect();
            match last.filter(|_| rows.is_empty() && !exhausted) {
                Some(last) => after = last,
                None => return Ok(Portion { rows, exhausted }),
            }
        }
    }

    async fn counted(&self, generation: Generation) -> Result<Option<[u64; 2]>, StoreError> {
        // The order by id is always kept, and has no deleted products.
        let counted = self.access.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT count(by_id), count(*) - count(by_id) FROM products WHERE generation = ?1",
            )?;
            statement.query_row([generation.0], |row| Ok([row.get(0)?, row.get(1)?]))
        });
        Ok(Some(counted.await?))
    }

    async fn get_all(&self, generation: Generation, ids: &[ProductId]) -> Result<Vec<Product>, StoreError> {
        let once: BTreeSet<String> = ids.iter().map(ToString::to_string).collect();
        let products = self.access.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, version, product FROM products WHERE generation = ?1 AND id = ?2",
            )?;
            let read = once.iter().filter_map(|id| {
                let of_key = params![generation.0, id];
                statement.query_row(of_key, |row| product(row, 0)).optional().transpose()
            });
            read.collect::<rusqlite::Result<Vec<_>>>()
        });
        products.await?.into_iter().map(|product| product.map_err(unreadable)).collect()
    }

    async fn rows(
        &self,
        generation: Generation,
        from: Option<String>,
        limit: usize,
    ) -> Result<RowPage, StoreError> {
        let rows = self.access.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, version, product FROM products WHERE generation = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
            )?;
            let (after, limit) = (from.unwrap_or_default(), clamped(limit));
            let rows = statement.query_map(params![generation.0, after, limit], |row| product(row, 0))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        });
        let rows = rows.await?;
        let key = |row: &Result<Product, UnreadableRow>| match row {
            Ok(product) => product.id.to_string(),
            Err(row) => row.key.clone(),
        };
        let next = rows.last().filter(|_| rows.len() == limit).map(key);
        let (mut products, mut unreadable) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in rows {
            match row {
                Ok(product) => products.push(product),
                Err(row) => unreadable.push(row),
            }
        }
        Ok(RowPage { products, unreadable, next })
    }

    async fn remove(&self, generation: Generation, key: &str) -> Result<(), StoreError> {
        let key = key.to_owned();
        let removed = self.access.write(move |connection| {
            connection
                .prepare_cached("DELETE FROM products WHERE generation = ?1 AND id = ?2")?
                .execute(params![generation.0, key])
        });
        Ok(removed.await.map(drop)?)
    }
}

/// The column of an order. Stored; never rename.
fn column(order: RowOrder) -> &'static str {
    match order {
        RowOrder::Id => "by_id",
        RowOrder::Name => "by_name",
        RowOrder::Price => "by_price",
        RowOrder::Changes => "changes",
    }
}

/// The query of a look-up. It names its index: without statistics SQLite might take that of the whole order.
fn found_by(field: LookupField, slice: &Slice) -> String {
    let index = match (field, slice.order) {
        (LookupField::Sku, RowOrder::Name) => "products_sku_name",
        (LookupField::Sku, _) => "products_sku",
        (LookupField::Category, RowOrder::Name) => "products_category_name",
        (LookupField::Category, _) => "products_category",
    };
    let (field, column) = (field.name(), column(slice.order));
    let direction = if slice.descending { "DESC" } else { "ASC" };
    format!(
        "SELECT {column}, id FROM products INDEXED BY {index} WHERE generation = ?1 AND shard = ?2 \
         AND {field} = ?3 AND {column} BETWEEN ?4 AND ?5 ORDER BY {column} {direction} LIMIT ?6"
    )
}

/// Writes a row unless the same or a newer version is there; returns that one then. Indexes whose position is unchanged are
/// not touched: a price change leaves all but two alone.
fn show(
    connection: &Connection,
    row: &Columns,
) -> rusqlite::Result<Option<Result<ProductRow, UnreadableRow>>> {
    let known = connection
        .prepare_cached(
            "SELECT by_id, by_name, sku, category, version FROM products WHERE generation = ?1 AND id = ?2",
        )?
        .query_row(params![row.generation, row.id], |row| {
            let columns: [Option<String>; 4] = [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?];
            Ok((row.get::<_, i64>(4)?, columns))
        })
        .optional()?;
    let unmoved = match &known {
        Some((version, _)) if *version >= clamped(row.version) => return shown(connection, row),
        Some((_, columns)) => columns.each_ref() == row.unmoved(),
        None => false,
    };
    if unmoved {
        connection
            .prepare_cached(
                "UPDATE products SET version = ?3, product = ?4, by_price = ?5, changes = ?6, hash = ?7 \
                 WHERE generation = ?1 AND id = ?2",
            )?
            .execute(params![
                row.generation,
                row.id,
                row.version,
                row.product,
                row.by_price,
                row.changes,
                row.hash
            ])?;
    } else {
        write(connection, row)?;
    }
    Ok(None)
}

fn write(connection: &Connection, row: &Columns) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT OR REPLACE INTO products \
         (generation, id, shard, version, product, by_id, by_name, by_price, changes, hash, sku, category) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    let values = params![
        row.generation,
        row.id,
        row.shard,
        row.version,
        row.product,
        row.by_id,
        row.by_name,
        row.by_price,
        row.changes,
        row.hash,
        row.sku,
        row.category
    ];
    statement.execute(values).map(drop)
}

/// The row in the view.
fn shown(
    connection: &Connection,
    key: &Columns,
) -> rusqlite::Result<Option<Result<ProductRow, UnreadableRow>>> {
    connection
        .prepare_cached("SELECT id, version, product, hash FROM products WHERE generation = ?1 AND id = ?2")?
        .query_row(params![key.generation, key.id], |row| {
            let hash = hash(row, 3)?;
            Ok(product(row, 0)?.map(|product| ProductRow { product, hash }))
        })
        .optional()
}

/// A hash that cannot be read counts as none: the row is then compared by its content.
pub(crate) fn hash(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Hash>> {
    let text: Option<String> = row.get(column)?;
    Ok(text.and_then(|text| Hash::try_from(text).ok()))
}

fn about(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT value FROM about WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

/// One row more tells whether others follow.
fn one_more(limit: usize) -> i64 {
    clamped(limit.saturating_add(1))
}

fn cut<R>(mut rows: Vec<R>, limit: usize) -> Portion<R> {
    let exhausted = rows.len() <= limit;
    rows.truncate(limit);
    Portion { rows, exhausted }
}

/// The product of a row with the columns `id, version, product`, the first of them at `first`.
fn product(row: &Row<'_>, first: usize) -> rusqlite::Result<Result<Product, UnreadableRow>> {
    // Text of SQLite need not be UTF-8.
    let key = String::from_utf8_lossy(row.get_ref(first)?.as_bytes()?);
    let version = row.get::<_, i64>(first + 1)?.to_string();
    let text = std::str::from_utf8(row.get_ref(first + 2)?.as_bytes()?).map_err(|error| error.to_string());
    Ok(product_of(&key, Some(&version), text))
}

fn unreadable(row: UnreadableRow) -> StoreError {
    StoreError::from(row).of(FILE)
}

fn damaged_generations(error: &serde_json::Error) -> StoreError {
    let reason = format!(
        "the generations in its table about cannot be read: {error}; stop the server and delete the file: the views are rebuilt"
    );
    StoreError::unreadable(reason.into()).of(FILE)
}
