//! Prices as files write them: with the signs and codes of currencies and with marks between thousands.
//!
//! The promise: a text that can be read in two ways is refused with a reason, never guessed.

use schema::{Currency, Price};

/// The sign between units and their parts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum DecimalSign {
    /// 1,234.50
    #[default]
    #[value(name = ".")]
    Point,
    /// 1.234,50
    #[value(name = ",")]
    Comma,
}

/// An amount as the API takes it, and the currency that stands beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GivenPrice {
    pub(super) price: Price,
    /// The amount as it is sent.
    pub(super) text: String,
    /// The currencies that its sign or code stands for; empty if there is none.
    currencies: Vec<&'static str>,
}

/// Signs and the currencies that they stand for; with several, the file or `--currency` has to say which.
const SIGNS: [(&str, &[&str]); 27] = [
    ("€", &["EUR"]),
    ("£", &["GBP"]),
    ("$", &["USD", "CAD", "AUD", "NZD", "MXN", "SGD", "HKD", "TWD", "ARS", "CLP", "COP"]),
    ("US$", &["USD"]),
    ("CA$", &["CAD"]),
    ("C$", &["CAD"]),
    ("A$", &["AUD"]),
    ("AU$", &["AUD"]),
    ("NZ$", &["NZD"]),
    ("R$", &["BRL"]),
    ("¥", &["JPY", "CNY"]),
    ("₹", &["INR"]),
    ("₽", &["RUB"]),
    ("₺", &["TRY"]),
    ("₴", &["UAH"]),
    ("₩", &["KRW"]),
    ("₪", &["ILS"]),
    ("₫", &["VND"]),
    ("฿", &["THB"]),
    ("zł", &["PLN"]),
    ("Kč", &["CZK"]),
    ("лв", &["BGN"]),
    ("лв.", &["BGN"]),
    ("lei", &["RON", "MDL"]),
    ("Ft", &["HUF"]),
    ("kr", &["SEK", "NOK", "DKK", "ISK"]),
    ("kr.", &["DKK", "ISK"]),
];

impl GivenPrice {
    /// Reads a price.
    ///
    /// # Errors
    /// Why it cannot be read, for people.
    pub(super) fn read(text: &str, sign: DecimalSign) -> Result<Self, String> {
        let text = text.trim();
        let is_digit = |c: char| c.is_ascii_digit();
        let (Some(first), Some(last)) = (text.find(is_digit), text.rfind(is_digit)) else {
            return Err(format!("the price {text:?} has no digits"));
        };
        // A point in front belongs to the number: .50
        let first =
            if text[..first].ends_with('.') && sign == DecimalSign::Point { first - 1 } else { first };
        let (before, behind) = (text[..first].trim(), text[last + 1..].trim());
        let behind = behind.strip_prefix(['.', ',']).filter(|rest| rest.is_empty()).unwrap_or(behind);
        let currencies = match (before, behind) {
            ("", "") => Vec::new(),
            (one, "") | ("", one) => currencies(one).ok_or_else(|| unknown(text, one))?,
            (one, two) => match (currencies(one), currencies(two)) {
                (Some(one), Some(two)) => one.into_iter().filter(|code| two.contains(code)).collect(),
                (None, _) => return Err(unknown(text, one)),
                (_, None) => return Err(unknown(text, two)),
            },
        };
        if currencies.is_empty() && !(before.is_empty() && behind.is_empty()) {
            return Err(format!("the price {text:?} names two currencies"));
        }
        let amount = amount(&text[first..=last], sign).map_err(|why| format!("the price {text:?} {why}"))?;
        let price = Price::parse_given(&amount).map_err(|error| format!("the price {text:?}: {error}"))?;
        Ok(Self { price, text: amount, currencies })
    }

    /// Another amount in the same currency.
    ///
    /// # Errors
    /// When it is no price.
    pub(super) fn with_amount(&self, amount: &str) -> Result<Self, String> {
        let price = Price::parse_given(amount).map_err(|error| format!("{amount}: {error}"))?;
        Ok(Self { price, text: amount.to_owned(), currencies: self.currencies.clone() })
    }

    /// The currency of the price: its own, checked against that of the file's column; or that of the column; or that of
    /// `--currency`, which is for prices without one.
    ///
    /// # Errors
    /// Why there is none, for people.
    pub(super) fn currency(
        &self,
        of_column: Option<Currency>,
        of_option: Option<Currency>,
    ) -> Result<Option<Currency>, String> {
        let own = match self.currencies.as_slice() {
            [] => return Ok(of_column.or(of_option)),
            [one] => one,
            several => {
                let named = of_column.or(of_option);
                return match named.filter(|named| several.contains(&named.code())) {
                    Some(named) => Ok(Some(named)),
                    None => Err(format!(
                        "the sign of its price stands for several currencies ({}); give the right one by --currency",
                        several.join(", ")
                    )),
                };
            }
        };
        if let Some(column) = of_column.filter(|column| column.code() != *own) {
            return Err(format!("its price is in {own}, but its currency is {}", column.code()));
        }
        Currency::parse(own).map(Some).map_err(|error| error.to_string())
    }
}

/// What a sign or code stands for.
fn currencies(text: &str) -> Option<Vec<&'static str>> {
    if let Some((_, codes)) = SIGNS.iter().find(|(sign, _)| sign.eq_ignore_ascii_case(text)) {
        return Some(codes.to_vec());
    }
    Currency::parse(&text.to_ascii_uppercase()).ok().map(|currency| vec![currency.code()])
}

fn unknown(text: &str, sign: &str) -> String {
    format!("the price {text:?} has {sign:?}, which is neither a number nor a currency")
}

/// The digits as a plain decimal.
fn amount(text: &str, sign: DecimalSign) -> Result<String, String> {
    let (decimal, thousands) = match sign {
        DecimalSign::Point => ('.', ','),
        DecimalSign::Comma => (',', '.'),
    };
    let (whole, parts) = match text.rsplit_once(decimal) {
        Some((whole, parts)) => (whole, Some(parts)),
        None => (text, None),
    };
    let is_mark = |c: char| c == thousands || c.is_whitespace() || matches!(c, '\'' | '\u{2019}');
    let groups: Vec<&str> = whole.split(is_mark).collect();
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !groups.iter().all(|group| all_digits(group)) || !parts.is_none_or(all_digits) {
        return Err(match sign {
            DecimalSign::Point => "is no number".to_owned(),
            DecimalSign::Comma => "is no number with a decimal comma".to_owned(),
        });
    }
    let (first, others) = groups.split_first().ok_or("is no number")?;
    let mut marks = whole.chars().filter(|c| is_mark(*c));
    let mark = marks.next();
    let is_grouped = (1..=3).contains(&first.len()) && others.iter().all(|group| group.len() == 3);
    if !others.is_empty() && !(is_grouped && marks.all(|other| Some(other) == mark)) {
        let other = if sign == DecimalSign::Point { ',' } else { '.' };
        return Err(match mark {
            Some(mark) if mark == other => {
                format!(
                    "has {other:?} where no thousands end; if it is the decimal sign, give --decimal {other}"
                )
            }
            _ => "has marks where no thousands end".to_owned(),
        });
    }
    let digits = groups.concat();
    let digits = digits.trim_start_matches('0');
    let whole = if digits.is_empty() { "0" } else { digits };
    Ok(match parts {
        None | Some("") => whole.to_owned(),
        Some(parts) => format!("{whole}.{parts}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, sign: DecimalSign) -> Result<(String, Option<&'static str>), String> {
        let given = GivenPrice::read(text, sign)?;
        Ok((given.text.clone(), given.currency(None, None)?.map(Currency::code)))
    }

    #[test]
    fn an_amount_is_read_with_its_currency_and_the_marks_between_thousands() {
        use DecimalSign::{Comma, Point};
        for (text, sign, amount, currency) in [
            ("9.50", Point, "9.50", None),
            (" 47.00 BGN ", Point, "47.00", Some("BGN")),
            ("eur 9", Point, "9", Some("EUR")),
            ("2,149", Point, "2149", None),
            ("1,234,567.8", Point, "1234567.8", None),
            ("€1.234,50", Comma, "1234.50", Some("EUR")),
            ("12,50 €", Comma, "12.50", Some("EUR")),
            ("1\u{a0}234,50 zł", Comma, "1234.50", Some("PLN")),
            ("CHF 1'234.50", Point, "1234.50", Some("CHF")),
            ("US$ 5", Point, "5", Some("USD")),
            ("€ 5 EUR", Point, "5", Some("EUR")),
            ("49.900000", Point, "49.900000", None),
            (".5", Point, "0.5", None),
            ("007", Point, "7", None),
            ("5.", Point, "5", None),
            ("0", Point, "0", None),
        ] {
            assert_eq!(read(text, sign), Ok((amount.to_owned(), currency)), "{text}");
        }
    }

    #[test]
    fn what_is_no_price_or_more_than_one_is_refused_with_a_reason() {
        use DecimalSign::{Comma, Point};
        for (text, sign, reason) in [
            ("12,50", Point, "--decimal ,"),
            ("12.50", Comma, "--decimal ."),
            ("1,23,456", Point, "--decimal ,"),
            ("1,234 567", Point, "where no thousands end"),
            ("-5", Point, "\"-\", which is neither"),
            ("1.5E+3", Point, "is no number"),
            ("from 5", Point, "\"from\", which is neither"),
            ("5-9", Point, "is no number"),
            ("1.2.3", Point, "is no number"),
            ("call us", Point, "has no digits"),
            ("€5 USD", Point, "names two currencies"),
            ("$2,030", Point, "several currencies (USD, CAD,"),
            ("1.23456", Point, "up to 4 digits"),
            ("1234567890123", Point, "up to 12 digits"),
        ] {
            let told = read(text, sign).unwrap_err();
            assert!(told.contains(reason), "{text}: {told}");
        }
    }

    #[test]
    fn a_currency_is_the_price_s_own_then_the_column_s_then_the_option_s() {
        let currency = |code: &str| Some(Currency::parse(code).unwrap());
        let of = |text: &str, column, option| {
            let given = GivenPrice::read(text, DecimalSign::Point).unwrap();
            given.currency(column, option).map(|currency| currency.map(Currency::code))
        };
        assert_eq!(of("5", currency("CHF"), currency("USD")), Ok(Some("CHF")));
        assert_eq!(of("5", None, currency("USD")), Ok(Some("USD")));
        assert_eq!(of("5 BGN", None, currency("USD")), Ok(Some("BGN")));
        assert_eq!(of("$5", None, currency("CAD")), Ok(Some("CAD")));
        assert!(of("$5", None, currency("EUR")).is_err());
        assert_eq!(
            of("5 BGN", currency("EUR"), None).unwrap_err(),
            "its price is in BGN, but its currency is EUR"
        );
    }
}
