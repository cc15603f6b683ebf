//! `--map`: which column, or which constant, is which field of a product. Without it the columns with the names of fields are
//! these fields.

use std::str::FromStr;

use super::listing::{Listing, Prices};
use super::presets::Reading;
use super::row::{ID_COLUMN, REFUSED_COLUMN, Row};
use super::sale::SaleDates;

/// A field of a product, or of its sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::VariantArray, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
enum Field {
    Id,
    Command,
    Name,
    Sku,
    Category,
    Description,
    Price,
    ListPrice,
    SalePrice,
    SaleFrom,
    SaleTo,
    Currency,
    OccurredAt,
}

/// Where a field comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Column(String),
    Constant(String),
}

/// A parsed `--map`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldMap {
    fields: Vec<(Field, Source)>,
    attributes: Vec<(String, Source)>,
    /// Every other column is an attribute.
    takes_rest: bool,
}

/// Reads rows by a map.
pub(super) struct MappedRows {
    map: FieldMap,
    /// Columns that no row has had so far.
    missing: Vec<String>,
    /// Columns that are not used, as far as one row shows.
    unused: Option<Vec<String>>,
}

/// What is wrong with a `--map`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidMap {
    /// A part is no `field=column`.
    #[error("{0:?} is not of the form field=column, field='constant' or attributes=*")]
    Form(String),
    /// There is no such field.
    #[error(
        "{0:?} is no field; a map has id, name, price, list_price, sale_price, sale_from, sale_to, currency, sku, category, \
         description, occurred_at, command, attributes.KEY and attributes=*"
    )]
    Field(String),
    /// A field stands twice.
    #[error("{0:?} stands twice")]
    Twice(String),
}

impl FromStr for FieldMap {
    type Err = InvalidMap;

    fn from_str(text: &str) -> Result<Self, InvalidMap> {
        let mut map = Self::default();
        for part in parts(text) {
            map.add(part)?;
        }
        Ok(map)
    }
}

impl FieldMap {
    fn add(&mut self, part: &str) -> Result<(), InvalidMap> {
        let form = || InvalidMap::Form(part.to_owned());
        let (name, source) = part.split_once('=').ok_or_else(form)?;
        let (name, source) = (name.trim(), source.trim());
        if (name, source) == ("attributes", "*") {
            self.takes_rest = true;
            return Ok(());
        }
        let quoted = |quote: char| source.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        let source = match (quoted('\''), quoted('"')) {
            (Some(constant), _) => Source::Constant(constant.to_owned()),
            (_, Some(column)) => Source::Column(column.to_owned()),
            _ if source.is_empty() || source == "*" => return Err(form()),
            _ => Source::Column(source.to_owned()),
        };
        if let Some(key) = name.strip_prefix("attributes.").filter(|key| !key.is_empty()) {
            if self.attributes.iter().any(|(known, _)| known == key) {
                return Err(InvalidMap::Twice(name.to_owned()));
            }
            self.attributes.push((key.to_owned(), source));
            return Ok(());
        }
        let field = Field::from_str(name).map_err(|_| InvalidMap::Field(name.to_owned()))?;
        if self.fields.iter().any(|(known, _)| *known == field) {
            return Err(InvalidMap::Twice(name.to_owned()));
        }
        self.fields.push((field, source));
        Ok(())
    }

    /// A further `--map`.
    ///
    /// # Errors
    /// When a field stands in both.
    pub(super) fn merge(mut self, other: &Self) -> Result<Self, InvalidMap> {
        for (field, source) in &other.fields {
            if self.fields.iter().any(|(known, _)| known == field) {
                return Err(InvalidMap::Twice(<&str>::from(field).to_owned()));
            }
            self.fields.push((*field, source.clone()));
        }
        self.attributes.extend(other.attributes.iter().cloned());
        self.takes_rest |= other.takes_rest;
        Ok(self)
    }

    /// The map of a file whose columns have the names of fields.
    fn by_name() -> Self {
        let fields = <Field as strum::VariantArray>::VARIANTS.iter();
        let fields = fields.map(|field| (*field, Source::Column(<&str>::from(field).to_owned())));
        Self { fields: fields.collect(), ..Self::default() }
    }

    fn sources(&self) -> impl Iterator<Item = &Source> {
        let attributes = self.attributes.iter().map(|(_, source)| source);
        self.fields.iter().map(|(_, source)| source).chain(attributes)
    }
}

impl MappedRows {
    /// By these maps, or by the names of columns.
    pub(super) fn new(map: Option<FieldMap>) -> Self {
        let missing = match &map {
            Some(map) => map.sources().filter_map(Source::column).map(str::to_owned).collect(),
            None => Vec::new(),
        };
        Self { map: map.unwrap_or_else(FieldMap::by_name), missing, unused: None }
    }

    /// The columns of the map that no row had.
    pub(super) fn missing(&self) -> &[String] {
        &self.missing
    }

    /// The columns of the first row that are not used.
    pub(super) fn unused(&self) -> &[String] {
        self.unused.as_deref().unwrap_or_default()
    }

    pub(super) fn read(&mut self, row: &Row) -> Reading {
        self.missing.retain(|name| row.columns.place(name).is_none());
        if self.unused.is_none() {
            self.unused = Some(self.rest(row).map(|(name, _)| name.to_owned()).collect());
        }
        let text = |field: Field| {
            let source = self.map.fields.iter().find(|(known, _)| *known == field);
            source.map(|(_, source)| source.text(row).to_owned()).unwrap_or_default()
        };
        let product_id = row.exactly(ID_COLUMN).to_owned();
        let id = text(Field::Id);
        if product_id.is_empty() && id.is_empty() {
            return Reading::Refused("it has no id".to_owned());
        }
        let price = text(Field::Price);
        let prices = match (text(Field::SalePrice), text(Field::ListPrice)) {
            _ if price.is_empty() => Prices::None,
            (sale, _) if !sale.is_empty() => {
                let dates = SaleDates { from: text(Field::SaleFrom), to: text(Field::SaleTo) };
                Prices::Regular { price, sale, dates }
            }
            (_, list) => Prices::Selling { price, list },
        };
        let mut attributes: Vec<(String, String)> = self
            .map
            .attributes
            .iter()
            .map(|(key, source)| (key.clone(), source.text(row).to_owned()))
            .collect();
        if self.map.takes_rest {
            attributes.extend(self.rest(row).map(|(name, value)| {
                let key = name.strip_prefix("attributes.").unwrap_or(name);
                (key.to_owned(), value.to_owned())
            }));
        } else {
            let named =
                row.pairs().filter_map(|(name, value)| Some((name.strip_prefix("attributes.")?, value)));
            attributes.extend(named.map(|(key, value)| (key.to_owned(), value.to_owned())));
        }
        Reading::Product(Box::new(Listing {
            product_id,
            ids: vec![id],
            command: text(Field::Command),
            name: text(Field::Name),
            sku: text(Field::Sku),
            category: text(Field::Category),
            description: text(Field::Description),
            prices,
            currency: text(Field::Currency),
            occurred_at: text(Field::OccurredAt),
            attributes,
        }))
    }

    /// The columns that are no field.
    fn rest<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = (&'a str, &'a str)> {
        let used: Vec<usize> =
            self.map.sources().filter_map(|source| row.columns.place(source.column()?)).collect();
        let pairs =
            row.columns.names.iter().enumerate().map(|(place, name)| (place, name.as_str(), row.at(place)));
        pairs
            .filter(move |(place, name, _)| {
                !used.contains(place) && !name.is_empty() && *name != ID_COLUMN && *name != REFUSED_COLUMN
            })
            .map(|(_, name, text)| (name, text))
    }
}

impl Source {
    fn column(&self) -> Option<&str> {
        match self {
            Self::Column(name) => Some(name),
            Self::Constant(_) => None,
        }
    }

    fn text<'a>(&'a self, row: &'a Row) -> &'a str {
        match self {
            Self::Column(name) => row.get(name),
            Self::Constant(text) => text,
        }
    }
}

/// The parts between commas that stand in no quotes.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quote) = (Vec::new(), 0, None);
    for (at, letter) in text.char_indices() {
        match letter {
            '\'' | '"' if quote.is_none() => quote = Some(letter),
            _ if quote == Some(letter) => quote = None,
            ',' if quote.is_none() => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::super::row::Columns;
    use super::*;

    fn row(pairs: &[(&str, &str)]) -> Row {
        let names = pairs.iter().map(|(name, _)| (*name).to_owned()).collect();
        let values = pairs.iter().map(|(_, value)| (*value).to_owned()).collect();
        Row { number: 1, columns: Rc::new(Columns::new(names)), values }
    }

    fn listing(map: Option<&str>, pairs: &[(&str, &str)]) -> Listing {
        match MappedRows::new(map.map(|map| map.parse().unwrap())).read(&row(pairs)) {
            Reading::Product(listing) => *listing,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn columns_constants_and_the_rest_become_fields_and_attributes() {
        let map =
            r#"id=Code, name="Name, long",price=Cost,currency='EUR',attributes.maker='A, B',attributes=*"#;
        let read = listing(
            Some(map),
            &[
                ("CODE", "a b"),
                ("Name, long", "Cap"),
                ("Cost", "9"),
                ("Colour", "red"),
                ("", "x"),
                (REFUSED_COLUMN, "y"),
            ],
        );
        assert_eq!(
            (read.ids, read.name.as_str(), read.currency.as_str()),
            (vec!["a b".to_owned()], "Cap", "EUR")
        );
        let attributes =
            [("maker", "A, B"), ("Colour", "red")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(read.attributes, attributes);
    }

    #[test]
    fn without_a_map_columns_with_the_names_of_fields_are_these_fields() {
        let read = listing(
            None,
            &[("product_id", "p"), ("Name", "Cap"), ("attributes.colour", "red"), ("stock", "7")],
        );
        assert_eq!((read.product_id.as_str(), read.name.as_str()), ("p", "Cap"));
        assert_eq!(read.attributes, [("colour".to_owned(), "red".to_owned())]);
        let mut rows = MappedRows::new(None);
        rows.read(&row(&[("id", "p"), ("stock", "7")]));
        assert_eq!((rows.unused(), rows.missing().len()), (&["stock".to_owned()][..], 0));
    }

    #[test]
    fn a_column_of_the_map_that_no_row_has_is_missing() {
        let mut rows = MappedRows::new(Some("id=code,name=title".parse().unwrap()));
        rows.read(&row(&[("code", "p")]));
        assert_eq!(rows.missing(), ["title"]);
        rows.read(&row(&[("Title", "")]));
        assert!(rows.missing().is_empty());
    }

    #[test]
    fn a_map_that_is_none_says_why() {
        for (map, error) in [
            ("id", InvalidMap::Form("id".into())),
            ("id=", InvalidMap::Form("id=".into())),
            ("name=*", InvalidMap::Form("name=*".into())),
            ("colour=x", InvalidMap::Field("colour".into())),
            ("id=a,id=b", InvalidMap::Twice("id".into())),
        ] {
            assert_eq!(map.parse::<FieldMap>(), Err(error));
        }
        let first: FieldMap = "id=a".parse().unwrap();
        assert!(first.merge(&"id=b".parse().unwrap()).is_err());
    }
}
