//! The sort orders of LIST, and the set of them that is maintained: each costs one more write for every change.

use std::fmt;

/// A sort order of LIST.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sort {
    /// By id, in byte order.
    Id,
    /// By the Unicode-lower-cased name.
    Name,
    /// By currency, then price.
    Price,
    /// By the time of the newest commit.
    UpdatedAt,
}

/// The orders that are maintained; [`Sort::Id`] always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orders {
    name: bool,
    price: bool,
    updated_at: bool,
}

/// The text is not a valid set of orders.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidOrders {
    /// It has a name that is not an order.
    #[error(
        "{0:?} is not an order; give id, name, price and updated_at, or some of them, separated by commas"
    )]
    Unknown(String),
    /// `id` is missing, which the catalogue needs.
    #[error("id is missing; it is always maintained")]
    WithoutId,
}

impl Sort {
    /// Every order.
    pub const ALL: [Self; 4] = [Self::Id, Self::Name, Self::Price, Self::UpdatedAt];

    /// Its name in queries and settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Name => "name",
            Self::Price => "price",
            Self::UpdatedAt => "updated_at",
        }
    }

    /// The order of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.name() == name)
    }
}

impl Orders {
    /// Reads names separated by commas.
    ///
    /// # Errors
    /// [`InvalidOrders`]: correct what it names.
    pub fn parse(text: &str) -> Result<Self, InvalidOrders> {
        let (mut orders, mut id) = (Self { name: false, price: false, updated_at: false }, false);
        for name in text.split(',').map(str::trim) {
            match Sort::parse(name).ok_or_else(|| InvalidOrders::Unknown(name.to_owned()))? {
                Sort::Id => id = true,
                Sort::Name => orders.name = true,
                Sort::Price => orders.price = true,
                Sort::UpdatedAt => orders.updated_at = true,
            }
        }
        if id { Ok(orders) } else { Err(InvalidOrders::WithoutId) }
    }

    /// Whether the order is maintained.
    #[must_use]
    pub fn keep(self, sort: Sort) -> bool {
        match sort {
            Sort::Id => true,
            Sort::Name => self.name,
            Sort::Price => self.price,
            Sort::UpdatedAt => self.updated_at,
        }
    }
}

impl Default for Orders {
    /// All of them.
    fn default() -> Self {
        Self { name: true, price: true, updated_at: true }
    }
}

impl fmt::Display for Orders {
    /// The form that [`Orders::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = Sort::ALL.into_iter().filter(|sort| self.keep(*sort));
        f.write_str(&kept.map(Sort::name).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_was_read() {
        for text in ["id", "id,name", "id,name,price,updated_at", "id,updated_at"] {
            assert_eq!(Orders::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Orders::parse("price, id,price"), Orders::parse("id,price"));
        assert_eq!(Orders::default().to_string(), "id,name,price,updated_at");
    }

    #[test]
    fn what_is_no_set_of_orders_is_refused_and_says_why() {
        for (text, named) in
            [("", "\"\""), ("id,", "\"\""), ("id,sku", "\"sku\""), ("ID", "\"ID\""), ("name", "id")]
        {
            let refused = Orders::parse(text).unwrap_err().to_string();
            assert!(refused.contains(named), "{text}: {refused}");
        }
    }
}
