//! Rows of a file, with their columns by name, however the file is written.

use std::collections::HashMap;
use std::rc::Rc;

/// The column whose text is an id as it is.
pub(super) const ID_COLUMN: &str = "product_id";
/// The column of a file of refused rows that says why; it is read by nobody.
pub(super) const REFUSED_COLUMN: &str = "refused_because";

/// The names of the columns.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) names: Vec<String>,
    /// By name and by comparable name; the first of several.
    places: HashMap<String, usize>,
}

/// A row.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// The number of its line, or of the item in an array or a feed, from 1.
    pub(super) number: u64,
    pub(super) columns: Rc<Columns>,
    /// In the order of the columns; a short row has fewer.
    pub(super) values: Vec<String>,
}

impl Columns {
    pub(super) fn new(names: Vec<String>) -> Self {
        let mut places = HashMap::new();
        for (place, name) in names.iter().enumerate() {
            places.entry(name.clone()).or_insert(place);
        }
        for (place, name) in names.iter().enumerate() {
            places.entry(comparable(name)).or_insert(place);
        }
        Self { names, places }
    }

    /// The place of a column with this name; without one, of one that differs in case, blanks or marks alone.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).or_else(|| self.places.get(&comparable(name))).copied()
    }
}

impl Row {
    /// The text in a column, without blanks around it; empty if there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.columns.place(name).map_or("", |place| self.at(place))
    }

    /// The text in the column of exactly this name.
    pub(super) fn exactly(&self, name: &str) -> &str {
        self.columns.names.iter().position(|known| known == name).map_or("", |place| self.at(place))
    }

    /// The text in the first of these columns that has one.
    pub(super) fn first(&self, names: &[&str]) -> &str {
        names.iter().map(|name| self.get(name)).find(|text| !text.is_empty()).unwrap_or_default()
    }

    /// The text at a place, without blanks around it.
    pub(super) fn at(&self, place: usize) -> &str {
        self.values.get(place).map_or("", |text| text.trim())
    }

    /// Sets the text of a column that the file has.
    pub(super) fn set(&mut self, name: &str, text: &str) {
        if let Some(place) = self.columns.place(name) {
            if self.values.len() <= place {
                self.values.resize(place + 1, String::new());
            }
            text.clone_into(&mut self.values[place]);
        }
    }

    /// Each column with a text.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let texts = self.columns.names.iter().zip(&self.values);
        texts.map(|(name, text)| (name.as_str(), text.trim())).filter(|(_, text)| !text.is_empty())
    }
}

/// A name in lower case, with one underscore for blanks and hyphens, without the star of a required column.
fn comparable(name: &str) -> String {
    let name = name.trim().trim_end_matches('*').trim();
    let words = name.split([' ', '-', '_']).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_found_by_its_name_and_then_by_one_that_differs_in_case_and_blanks() {
        let columns =
            Columns::new(["Price", "price", "Name *", "sale price", "Price"].map(str::to_owned).to_vec());
        assert_eq!(columns.place("price"), Some(1));
        assert_eq!(columns.place("PRICE"), Some(1));
        assert_eq!((columns.place("name"), columns.place("Sale_Price")), (Some(2), Some(3)));
        assert_eq!(columns.place("sku"), None);
        let mut row = Row { number: 1, columns: Rc::new(columns), values: vec![" 1 ".into()] };
        assert_eq!((row.get("Price"), row.get("name")), ("1", ""));
        row.set("name", "Cap");
        assert_eq!(row.first(&["sale price", "name"]), "Cap");
        assert_eq!(row.pairs().collect::<Vec<_>>(), [("Price", "1"), ("Name *", "Cap")]);
    }
}
