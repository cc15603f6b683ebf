//! One page of the categories of all active products, each with their number, counted in the index when it is asked for:
//! a stored number would be wrong as soon as one delivery is repeated.
//!
//! A page looks at a limited number of products. Where a category has more, its cursor carries what was counted so far, so
//! that each category is returned once, with all of its products.

use async_trait::async_trait;
use event_store::StoreError;
use schema::ProductId;
use schemars::JsonSchema;
use serde::Serialize;

use super::walk::{ShardedRows, Walk, WalkStep};
use crate::cursor::{self, InvalidCursor};
use crate::views::lookup::CategoryRow;
use crate::views::order::TIE;
use crate::views::{CategoryPlace, Generation, Portion, Views};

/// Most products of a shard that a page looks at, so that it ends however many there are.
const MOST_READ: usize = 10_000;

/// Products that are looked at first; later requests ask for as many as were looked at before.
const FIRST_READ: usize = 256;

/// The query of a cursor.
const QUERY: [&str; 1] = ["categories"];

/// A category of active products.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CategoryCount {
    /// The category.
    pub category: String,
    /// How many active products it has.
    pub products: u64,
}

/// A page of categories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoriesPage {
    /// By category, in byte order.
    pub categories: Vec<CategoryCount>,
    /// Where the next page begins, if there is one.
    pub next: Option<CategoriesStart>,
}

/// Where a page begins: behind a product, and how many of its category were counted on earlier pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoriesStart {
    after: CategoryPlace,
    counted: u64,
}

impl CategoriesStart {
    /// Behind a category that was returned.
    fn behind(category: String) -> Self {
        Self { after: CategoryPlace::behind(category), counted: 0 }
    }

    /// The cursor of this place.
    #[must_use]
    pub fn cursor(&self) -> String {
        let CategoryPlace { category, id } = &self.after;
        cursor::encode(&QUERY, &format!("{}{TIE}{category}{TIE}{id}", self.counted))
    }

    /// The place of a cursor.
    ///
    /// # Errors
    /// [`InvalidCursor`]: it is not one of `/categories`; begin without one.
    pub fn of_cursor(cursor: &str) -> Result<Self, InvalidCursor> {
        let text = cursor::decode(&QUERY, cursor)?;
        let (counted, place) = text.split_once(TIE).ok_or(InvalidCursor)?;
        let (category, id) = place.rsplit_once(TIE).ok_or(InvalidCursor)?;
        let start = Self {
            after: CategoryPlace { category: category.to_owned(), id: id.to_owned() },
            counted: counted.parse().map_err(|_| InvalidCursor)?,
        };
        // The checksum is not secret: a place that a client computed must be one that a page can end with.
        if start.is_possible() && start.cursor() == cursor { Ok(start) } else { Err(InvalidCursor) }
    }

    fn is_possible(&self) -> bool {
        let CategoryPlace { category, id } = &self.after;
        let inside = self.counted > 0 && ProductId::new(id.clone()).is_ok();
        let behind = self.counted == 0 && self.after == CategoryPlace::behind(category.clone());
        (1..=CategoryPlace::LONGEST).contains(&category.len()) && (inside || behind)
    }
}

/// The first `limit` categories from `start` on, or fewer if the page has looked at as many products as it may: only `next`
/// tells whether more follow.
///
/// # Errors
/// [`StoreError`]: try again later.
pub async fn categories(
    views: &dyn Views,
    generation: Generation,
    start: Option<&CategoriesStart>,
    limit: usize,
) -> Result<CategoriesPage, StoreError> {
    let rows = Places { views, generation };
    let mut walk = Walk::new(&rows, start.map(|start| &start.after), false, MOST_READ);
    let mut open = start
        .filter(|start| start.counted > 0)
        .map(|start| CategoryCount { category: start.after.category.clone(), products: start.counted });
    let (mut categories, mut looked_at) = (Vec::new(), 0);
    let mut last = CategoryPlace::default();
    loop {
        match walk.next(FIRST_READ.max(looked_at)).await? {
            WalkStep::Row(place) => {
                looked_at += 1;
                match &mut open {
                    Some(count) if count.category == place.category => {
                        // A client may have made up a cursor with any number.
                        count.products = count.products.saturating_add(1);
                    }
                    _ => {
                        let begun = CategoryCount { category: place.category.clone(), products: 1 };
                        categories.extend(open.replace(begun));
                        if categories.len() >= limit {
                            let next =
                                categories.last().map(|last| CategoriesStart::behind(last.category.clone()));
                            return Ok(CategoriesPage { categories, next });
                        }
                    }
                }
                last = *place;
            }
            WalkStep::End => {
                categories.extend(open);
                return Ok(CategoriesPage { categories, next: None });
            }
            WalkStep::Limit => {
                let counted = open.map_or(0, |count| count.products);
                let next = CategoriesStart { after: last, counted };
                return Ok(CategoriesPage { categories, next: Some(next) });
            }
        }
    }
}

/// The places of all active products with a category.
struct Places<'a> {
    views: &'a dyn Views,
    generation: Generation,
}

#[async_trait]
impl ShardedRows for Places<'_> {
    type Row = CategoryPlace;
    type Place = CategoryPlace;

    fn place(&self, row: &CategoryPlace) -> CategoryPlace {
        row.clone()
    }

    async fn read(
        &self,
        shard: u8,
        after: Option<&CategoryPlace>,
        limit: usize,
    ) -> Result<Portion<CategoryPlace>, StoreError> {
        let from = after.cloned().unwrap_or_default();
        let Portion { rows, exhausted } = self.views.categories(self.generation, shard, &from, limit).await?;
        // A page that left it out, or counted it, would look right.
        let places = rows.into_iter().map(CategoryRow::checked).collect::<Result<_, _>>()?;
        Ok(Portion { rows: places, exhausted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(category: &str, id: &str, counted: u64) -> CategoriesStart {
        CategoriesStart { after: CategoryPlace { category: category.into(), id: id.into() }, counted }
    }

    #[test]
    fn a_cursor_leads_back_to_its_place() {
        let longest = "\u{10ffff}".repeat(200);
        for start in [of("Hats", "p", 1), of("a\u{1}b", "p-1", u64::MAX), CategoriesStart::behind(longest)] {
            assert_eq!(CategoriesStart::of_cursor(&start.cursor()), Ok(start));
        }
    }

    #[test]
    fn a_place_that_no_page_ends_with_is_refused() {
        let too_long = "\u{10ffff}".repeat(300);
        for made_up in [
            of("Hats", "p", 0),
            of("Hats", "\u{7f}", 1),
            of("", "p", 1),
            of("Hats", "", 1),
            of(&too_long, "p", 1),
        ] {
            assert_eq!(CategoriesStart::of_cursor(&made_up.cursor()), Err(InvalidCursor), "{made_up:?}");
        }
        for text in ["", "x", "1\u{1}Hats", "01\u{1}Hats\u{1}p", "-1\u{1}Hats\u{1}p"] {
            assert_eq!(
                CategoriesStart::of_cursor(&cursor::encode(&QUERY, text)),
                Err(InvalidCursor),
                "{text:?}"
            );
        }
        let listed = cursor::encode(&["id"], "1\u{1}Hats\u{1}p");
        assert_eq!(CategoriesStart::of_cursor(&listed), Err(InvalidCursor));
    }
}
