//! Prices and currencies.
//!
//! The promise: an amount is kept exactly, never as a float, and equal amounts are written in one way.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A non-negative amount with up to 12 digits before and 4 after the point; equal amounts are equal whatever their zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,4})?$"))]
pub struct Price(Decimal);

/// An ISO 4217 code in upper case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = r"^[A-Z]{3}$"))]
pub struct Currency(iso_currency::Currency);

/// A price in a currency, padded to the currency's minor unit and without further trailing zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Unformatted")]
pub struct Money {
    price: Price,
    currency: Currency,
}

/// What is wrong with a price or a currency.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidMoney {
    /// Not of the form `(0|[1-9][0-9]{0,11})(\.[0-9]{1,4})?`.
    #[error(
        "a price is a plain decimal: up to 12 digits, then optionally a point and up to 4 digits; no sign, no exponent"
    )]
    Price,
    /// Not a code of ISO 4217.
    #[error("a currency is an ISO 4217 code in upper case, for example USD")]
    Currency,
}

impl Price {
    /// Reads a price from its text, never through a float.
    ///
    /// # Errors
    /// [`InvalidMoney::Price`]: send a plain decimal.
    pub fn parse(text: &str) -> Result<Self, InvalidMoney> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (text, None),
        };
        let digits = |part: &str, most: usize| {
            (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        let whole_fits = digits(whole, 12) && (whole == "0" || !whole.starts_with('0'));
        if !whole_fits || !fraction.is_none_or(|part| digits(part, 4)) {
            return Err(InvalidMoney::Price);
        }
        Decimal::from_str_exact(text).map(Self).map_err(|_| InvalidMoney::Price)
    }

    /// Reads a price as a client writes it: further zeros after the fourth decimal change nothing.
    ///
    /// # Errors
    /// [`InvalidMoney::Price`]: send a plain decimal.
    pub fn parse_given(text: &str) -> Result<Self, InvalidMoney> {
        const DECIMALS: usize = 4;
        let point = text.find('.').map_or(text.len(), |point| point + 1);
        let end = text.floor_char_boundary(point.saturating_add(DECIMALS));
        let (kept, further) = text.split_at(end);
        Self::parse(if further.bytes().all(|byte| byte == b'0') { kept } else { text })
    }

    /// The exact amount.
    #[must_use]
    pub fn amount(self) -> Decimal {
        self.0
    }
}

impl Currency {
    /// Reads an ISO 4217 code.
    ///
    /// # Errors
    /// [`InvalidMoney::Currency`]: send a code of ISO 4217 in upper case.
    pub fn parse(text: &str) -> Result<Self, InvalidMoney> {
        iso_currency::Currency::from_code(text).map(Self).ok_or(InvalidMoney::Currency)
    }

    /// All codes in order.
    #[must_use]
    pub fn codes() -> Vec<&'static str> {
        let mut codes: Vec<_> = <iso_currency::Currency as iso_currency::IntoEnumIterator>::iter()
            .map(|currency| currency.code())
            .collect();
        codes.sort_unstable();
        codes
    }

    /// Digits after the point of the smallest unit, by ISO 4217 (USD 2, JPY 0, KWD 3).
    #[must_use]
    pub fn minor_unit(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }

    /// The code.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }
}

impl Money {
    /// A price in a currency, in its canonical form.
    #[must_use]
    pub fn new(price: Price, currency: Currency) -> Self {
        let mut amount = price.0.normalize();
        if amount.scale() < currency.minor_unit() {
            amount.rescale(currency.minor_unit());
        }
        Self { price: Price(amount), currency }
    }

    /// The price in its canonical form.
    #[must_use]
    pub fn price(self) -> Price {
        self.price
    }

    /// The currency.
    #[must_use]
    pub fn currency(self) -> Currency {
        self.currency
    }
}

#[derive(Deserialize, JsonSchema)]
struct Unformatted {
    price: Price,
    currency: Currency,
}

impl From<Unformatted> for Money {
    fn from(given: Unformatted) -> Self {
        Self::new(given.price, given.currency)
    }
}

impl TryFrom<String> for Price {
    type Error = InvalidMoney;

    fn try_from(text: String) -> Result<Self, InvalidMoney> {
        Self::parse(&text)
    }
}

impl From<Price> for String {
    fn from(price: Price) -> Self {
        price.to_string()
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for Currency {
    type Error = InvalidMoney;

    fn try_from(text: String) -> Result<Self, InvalidMoney> {
        Self::parse(&text)
    }
}

impl FromStr for Currency {
    type Err = InvalidMoney;

    fn from_str(text: &str) -> Result<Self, InvalidMoney> {
        Self::parse(text)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(price: &str, currency: &str) -> String {
        Money::new(Price::parse(price).unwrap(), Currency::parse(currency).unwrap()).price().to_string()
    }

    #[test]
    fn a_price_is_padded_to_the_minor_unit_and_keeps_no_further_zeros() {
        for (given, currency, expected) in [
            ("34.99", "USD", "34.99"),
            ("33.6442", "USD", "33.6442"),
            ("10", "USD", "10.00"),
            ("10.5000", "USD", "10.50"),
            ("10.0000", "JPY", "10"),
            ("10.5", "JPY", "10.5"),
            ("0", "USD", "0.00"),
            ("1.5", "KWD", "1.500"),
            ("999999999999.9999", "USD", "999999999999.9999"),
        ] {
            assert_eq!(written(given, currency), expected, "{given} {currency}");
        }
    }

    #[test]
    fn anything_but_a_plain_decimal_is_refused() {
        for text in
            ["", "-1", "+1", "1e3", "01", "1.", ".5", "1.23456", "1234567890123", "1,5", " 1", "NaN", "１"]
        {
            assert_eq!(Price::parse(text), Err(InvalidMoney::Price), "{text}");
        }
    }

    #[test]
    fn further_zeros_after_the_fourth_decimal_are_taken_from_clients_alone() {
        for (given, price) in
            [("34.000000", "34"), ("0.00010", "0.0001"), ("34.99", "34.99"), ("1.12340000", "1.1234")]
        {
            assert_eq!(Price::parse_given(given), Price::parse(price), "{given}");
        }
        for text in [
            "34.00001",
            "34.0000001",
            "1.é0000",
            "1234567890123",
            "1.0000e0",
            "1.0000 ",
            "00000000000000",
            "0000.0",
        ] {
            assert_eq!(Price::parse_given(text), Err(InvalidMoney::Price), "{text}");
        }
        assert_eq!(Price::parse("34.000000"), Err(InvalidMoney::Price));
    }

    #[test]
    fn only_iso_4217_in_upper_case_is_a_currency() {
        for text in ["usd", "US", "ZZZ", "", "DOLLAR"] {
            assert_eq!(Currency::parse(text), Err(InvalidMoney::Currency), "{text}");
        }
    }
}
