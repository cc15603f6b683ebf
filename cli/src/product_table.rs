//! Products as a table, one line each: names are shortened to the width of the terminal, unless they are asked for in full.
//! Then they are the last column, which is wrapped.

use console::{measure_text_width, style, truncate_str};
use serde_json::Value;

use crate::text_table::{TextTable, escaped, shortened};

/// The shortest name that a long one is shortened to.
const SHORTEST: usize = 16;

/// A table of products, with a last column of its own.
pub struct ProductTable {
    last: &'static str,
    full: bool,
    rows: Vec<[String; 4]>,
}

impl ProductTable {
    /// A table whose last column has this title; `full` shows names to their end.
    #[must_use]
    pub fn new(last: &'static str, full: bool) -> Self {
        Self { last, full, rows: Vec::new() }
    }

    /// Adds a product, with its text in the last column.
    pub fn add(&mut self, product: &Value, last: String) {
        let text = |name: &str| product[name].as_str().unwrap_or("-");
        let name = escaped(text("name"));
        let name = if self.full { name } else { shortened(&name).into_owned() };
        let price = escaped(&format!("{} {}", text("price"), text("currency")));
        self.rows.push([escaped(text("id")), name, price, last]);
    }

    /// Whether there is nothing to draw.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The table as text, for a terminal of this width if there is one.
    #[must_use]
    pub fn draw(&self, width: Option<usize>) -> String {
        let styled = |id: &str| style(id).cyan().to_string();
        if self.full {
            let mut table = TextTable::new(&["id", "price", self.last, "name"]);
            for [id, name, price, last] in &self.rows {
                table.row(vec![styled(id), price.clone(), last.clone(), name.clone()]);
            }
            return table.draw(width);
        }
        let titles = ["id", "name", "price", self.last];
        let mut table = TextTable::new(&titles);
        let widest = |column: usize| {
            let cells = self.rows.iter().map(|row| measure_text_width(&row[column]));
            cells.max().unwrap_or(0).max(titles[column].len())
        };
        let room = width.map(|width| {
            let others: usize = [0, 2, 3].iter().map(|column| widest(*column) + 2).sum();
            width.saturating_sub(others).max(SHORTEST)
        });
        for [id, name, price, last] in &self.rows {
            let name = room.map_or_else(|| name.clone(), |room| truncate_str(name, room, "…").into_owned());
            table.row(vec![styled(id), name, price.clone(), last.clone()]);
        }
        table.draw(width)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table(full: bool) -> ProductTable {
        let mut table = ProductTable::new("status", full);
        for (id, name) in
            [("helmet", "Sport-100 Helmet, Red, for children of all ages"), ("z", "自転車 e\u{301}\u{1b}")]
        {
            let product = json!({"id": id, "name": name, "price": "34.99", "currency": "USD"});
            table.add(&product, "active".into());
        }
        table
    }

    fn drawn(table: &ProductTable, width: Option<usize>) -> String {
        console::strip_ansi_codes(&table.draw(width)).into_owned()
    }

    #[test]
    fn a_name_is_shortened_to_the_terminal_and_whole_elsewhere() {
        let expected = [
            "id      name              price      status",
            "helmet  Sport-100 Helme…  34.99 USD  active",
            "z       自転車 e\u{301}\\u{1b}    34.99 USD  active",
        ];
        assert_eq!(drawn(&table(false), Some(43)).lines().collect::<Vec<_>>(), expected);
        let whole = drawn(&table(false), None);
        assert!(whole.contains("for children of all ages  34.99 USD  active\n"), "{whole}");
        for width in [43, 60, 80, 200] {
            let drawn = drawn(&table(false), Some(width));
            assert_eq!(drawn.lines().count(), 3, "{drawn}");
            assert!(drawn.lines().all(|line| measure_text_width(line) <= width), "{width}: {drawn}");
        }
    }

    #[test]
    fn a_name_in_full_is_wrapped_and_not_shortened() {
        let drawn = drawn(&table(true), Some(60));
        assert!(drawn.lines().all(|line| measure_text_width(line) <= 60), "{drawn}");
        let words: Vec<&str> = drawn.split_whitespace().collect();
        assert!(words.join(" ").contains("Sport-100 Helmet, Red, for children of all ages"), "{drawn}");
    }
}
