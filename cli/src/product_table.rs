//! Products as a table, one line each: names are shortened to what the other columns leave of the terminal, unless they are asked
//! for in full. Then they are the last column, which is wrapped. An id is shown whole: one that leaves no room for names has a line
//! of its own above its product.

use console::{measure_text_width, style, truncate_str};
use serde_json::Value;

use crate::text_table::{NARROWEST, TextTable, escaped, shortened};

/// The shortest name that a long one is shortened to, for an id beside it.
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
        let room = width.map(|width| self.room(width));
        let titles =
            if self.full { ["id", "price", self.last, "name"] } else { ["id", "name", "price", self.last] };
        let mut table = TextTable::new(&titles);
        if let Some((of_id, _)) = room {
            table.first_at_most(of_id);
        }
        for [id, name, price, last] in &self.rows {
            let (price, last) = (price.clone(), last.clone());
            table.row(match room {
                _ if self.full => vec![styled(id), price, last, name.clone()],
                Some((_, of_name)) => {
                    vec![styled(id), truncate_str(name, of_name, "…").into_owned(), price, last]
                }
                None => vec![styled(id), name.clone(), price, last],
            });
        }
        table.draw(width)
    }

    /// The room for ids and for names: names get what the ids beside them leave, and no id leaves too little.
    fn room(&self, width: usize) -> (usize, usize) {
        let titles = ["id", "name", "price", self.last];
        let widths = |column: usize| {
            let cells = self.rows.iter().map(move |row| measure_text_width(&row[column]));
            cells.chain([titles[column].len()])
        };
        let widest = |column: usize| widths(column).max().unwrap_or(0);
        let both = width.saturating_sub(widest(2) + widest(3) + 6);
        let shortest = if self.full { NARROWEST } else { SHORTEST };
        let of_id = both.saturating_sub(widest(1).min(shortest));
        let ids = widths(0).filter(|id| *id <= of_id).max().unwrap_or(titles[0].len());
        (of_id, both.saturating_sub(ids).max(SHORTEST))
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
    fn one_long_id_takes_a_line_of_its_own_and_the_names_the_room_of_the_others() {
        let mut table = table(false);
        let long = "x".repeat(64);
        let product = json!({"id": long, "name": "Cap", "price": "8.99", "currency": "USD"});
        table.add(&product, "active".into());
        let expected = [
            "id      name                                             price      status",
            "helmet  Sport-100 Helmet, Red, for children of all ages  34.99 USD  active",
            "z       自転車 e\u{301}\\u{1b}                                   34.99 USD  active",
            &long,
            "        Cap                                              8.99 USD   active",
        ];
        assert_eq!(drawn(&table, Some(80)).lines().collect::<Vec<_>>(), expected);
        assert_eq!(drawn(&table, Some(200)).lines().count(), 4);
        for width in [64, 80, 100, 120, 200] {
            let drawn = drawn(&table, Some(width));
            assert!(drawn.lines().all(|line| measure_text_width(line) <= width), "{width}: {drawn}");
        }
        table.full = true;
        let full = drawn(&table, Some(80));
        assert!(
            full.starts_with(
                "id      price      status  name\nhelmet  34.99 USD  active  Sport-100 Helmet, Red"
            ),
            "{full}"
        );
    }

    #[test]
    fn a_name_in_full_is_wrapped_and_not_shortened() {
        let drawn = drawn(&table(true), Some(60));
        assert!(drawn.lines().all(|line| measure_text_width(line) <= 60), "{drawn}");
        let words: Vec<&str> = drawn.split_whitespace().collect();
        assert!(words.join(" ").contains("Sport-100 Helmet, Red, for children of all ages"), "{drawn}");
    }
}
