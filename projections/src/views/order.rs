//! The orders of LIST: a product's position in each is a text that sorts bytewise and is unique per product.
//!
//! Positions are stored as index keys. Changing their form needs a new generation of the view (`rebuild.rs`).

use schema::{Currency, Price, Product, Sort, Status, Timestamp};

/// Number of partitions of an order. Changing it needs a new generation of the view.
pub const SHARDS: u8 = 4;

/// Sort values are cut to this length: a `DynamoDB` sort key has at most 1,024 bytes, of which the id takes up to 65.
const MOST_BYTES: usize = 900;

/// Separates the sort value from the id: below every character of a name, so that shorter names sort first.
pub(crate) const TIE: char = '\u{1}';

/// Above every character of an id.
pub(crate) const ABOVE_IDS: char = '\u{7f}';

/// The longest position: a cut value, [`TIE`] and an id.
const LONGEST_POSITION: usize = MOST_BYTES + 1 + 64;

/// An order of the rows, with an index of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RowOrder {
    /// By id, in byte order.
    Id,
    /// By the Unicode-lower-cased name.
    Name,
    /// By currency, then price.
    Price,
    /// By the time of the newest commit, deleted products included; answers [`Sort::UpdatedAt`].
    Changes,
}

impl RowOrder {
    /// Every order.
    pub const ALL: [Self; 4] = [Self::Id, Self::Name, Self::Price, Self::Changes];

    /// Its name in LIST.
    #[must_use]
    pub fn sort(self) -> Sort {
        match self {
            Self::Id => Sort::Id,
            Self::Name => Sort::Name,
            Self::Price => Sort::Price,
            Self::Changes => Sort::UpdatedAt,
        }
    }

    /// The product's position; `None` if it is not in this order.
    #[must_use]
    pub fn position(self, product: &Product) -> Option<String> {
        if product.facts.status == Status::Deleted && self != Self::Changes {
            return None;
        }
        Some(match self {
            Self::Id => product.id.to_string(),
            Self::Name => tied(&folded(&product.facts.name), product),
            Self::Price => {
                tied(&price_key(product.facts.money.currency(), product.facts.money.price()), product)
            }
            Self::Changes => tied(&product.updated_at.to_string(), product),
        })
    }
}

/// A closed range of positions; empty if `from` is above `to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionRange {
    /// The lowest position.
    pub from: String,
    /// The highest position.
    pub to: String,
}

impl PositionRange {
    /// The whole order.
    #[must_use]
    pub fn all() -> Self {
        Self { from: TIE.into(), to: above_all("") }
    }

    /// Ids that begin with `prefix`.
    #[must_use]
    pub fn id_prefix(prefix: &str) -> Self {
        Self { from: prefix.to_owned(), to: format!("{prefix}{ABOVE_IDS}") }
    }

    /// Names that begin with `prefix`, ignoring case.
    #[must_use]
    pub fn name_prefix(prefix: &str) -> Self {
        if prefix.is_empty() {
            return Self::all();
        }
        let from = folded(prefix);
        // The lower case of Σ is ς at the end of a word and σ elsewhere, its neighbour in Unicode; which one the name has
        // depends on what follows the prefix.
        let to = match from.strip_suffix('ς') {
            Some(stem) if prefix.ends_with('Σ') => above_all(&format!("{stem}σ")),
            _ => above_all(&from),
        };
        Self { from, to }
    }

    /// Prices in one currency, both ends included.
    #[must_use]
    pub fn prices(currency: Currency, least: Option<Price>, most: Option<Price>) -> Self {
        let key = |price| price_key(currency, price);
        Self {
            from: least.map_or_else(|| format!("{currency}#"), key),
            to: most.map_or_else(
                || format!("{currency}#{ABOVE_IDS}"),
                |price| format!("{}{TIE}{ABOVE_IDS}", key(price)),
            ),
        }
    }

    /// From a moment on, inclusive.
    #[must_use]
    pub fn since(moment: Timestamp) -> Self {
        Self { from: moment.to_string(), to: above_all("") }
    }

    /// Whether the range is empty; `DynamoDB` rejects such a range.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.from > self.to
    }

    /// Whether the position is in the range.
    #[must_use]
    pub fn contains(&self, position: &str) -> bool {
        *self.from <= *position && *position <= *self.to
    }

    /// The rest of the range after `position`, in the direction of the walk.
    #[must_use]
    pub fn behind(&self, position: &str, descending: bool) -> Self {
        if descending {
            Self { from: self.from.clone(), to: just_below(position).min(self.to.clone()) }
        } else {
            Self { from: format!("{position}{TIE}").max(self.from.clone()), to: self.to.clone() }
        }
    }
}

/// A text below `position` and above every position below it: positions end in an id, whose characters are all below
/// [`ABOVE_IDS`].
fn just_below(position: &str) -> String {
    let mut below = position.to_owned();
    let last = below.pop().and_then(|last| char::from_u32(u32::from(last).saturating_sub(1)));
    below.extend(last);
    below.push(ABOVE_IDS);
    below
}

/// A text above every position that begins with `prefix`. A single greatest character is not enough: a name may contain it.
fn above_all(prefix: &str) -> String {
    let missing = (MOST_BYTES + 1).saturating_sub(prefix.len());
    let fill = std::iter::repeat_n(char::MAX, missing.div_ceil(char::MAX.len_utf8()));
    prefix.chars().chain(fill).collect()
}

/// Whether the text can be a position: it ends in an id and is not too long.
pub(crate) fn is_position(text: &str) -> bool {
    let ends_in_id = text.ends_with(|last: char| last.is_ascii_graphic());
    ends_in_id && text.len() <= LONGEST_POSITION
}

fn tied(value: &str, product: &Product) -> String {
    format!("{}{TIE}{}", cut(value), product.id)
}

fn cut(value: &str) -> &str {
    &value[..value.floor_char_boundary(MOST_BYTES)]
}

fn folded(name: &str) -> String {
    name.to_lowercase()
}

/// Fixed width, so that text order is the order of amounts: 12 digits, point, 4 digits.
fn price_key(currency: Currency, price: Price) -> String {
    format!("{currency}#{:0>17.4}", price.amount())
}
