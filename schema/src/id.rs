//! The id of a product, chosen by the client and used unchanged in keys, paths and messages.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// 1 to 64 of `A-Z a-z 0-9 . _ ~ -`, case-sensitive; `.` and `..` alone are refused because URLs rewrite them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
// Without look-ahead, which not every engine has: no leading dot, or one dot and something else, or two dots and more.
#[schemars(extend("pattern" = r"^([A-Za-z0-9_~-][A-Za-z0-9._~-]{0,63}|\.[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,62}|\.\.[A-Za-z0-9._~-]{1,62})$"))]
pub struct ProductId(String);

/// The text is not a product id; the message says what is.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a product id is 1 to 64 of A-Z a-z 0-9 . _ ~ - and is not '.' or '..'")]
pub struct InvalidProductId;

impl ProductId {
    /// Checks a text.
    ///
    /// # Errors
    /// [`InvalidProductId`]: choose an id of the allowed characters.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidProductId> {
        let text = text.into();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(allowed);
        if fits && text != "." && text != ".." { Ok(Self(text)) } else { Err(InvalidProductId) }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<ulid::Ulid> for ProductId {
    fn from(ulid: ulid::Ulid) -> Self {
        Self(ulid.to_string())
    }
}

impl TryFrom<String> for ProductId {
    type Error = InvalidProductId;

    fn try_from(text: String) -> Result<Self, InvalidProductId> {
        Self::new(text)
    }
}

impl std::str::FromStr for ProductId {
    type Err = InvalidProductId;

    fn from_str(text: &str) -> Result<Self, InvalidProductId> {
        Self::new(text)
    }
}

impl From<ProductId> for String {
    fn from(id: ProductId) -> Self {
        id.0
    }
}

impl fmt::Display for ProductId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
