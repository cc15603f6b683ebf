//! Rows of a feed in XML: its items (RSS) or entries (Atom), or the elements in the outermost one. The elements in an item are the
//! columns, by their names without a prefix. Entities of a document's own are not expanded.

use std::rc::Rc;

use anyhow::Context;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::form::Read;
use super::row::{Columns, Row};
use super::source::{RowLimit, TextSource};

/// Items of feeds.
const ITEMS: [&str; 2] = ["item", "entry"];
/// Elements in an item beyond that depth are refused.
const DEEPEST: usize = 16;

/// A feed.
pub(super) struct XmlRows {
    reader: Reader<TextSource>,
    limit: RowLimit,
    buffer: Vec<u8>,
    /// The elements around the next one.
    path: Vec<String>,
    /// Whether the items are those of RSS or Atom.
    is_feed: bool,
    columns: Rc<Columns>,
    number: u64,
}

/// An item that is being read.
#[derive(Default)]
struct Item {
    names: Vec<String>,
    values: Vec<String>,
    /// The elements within the item around the next one, with the text so far.
    path: Vec<(String, String)>,
}

impl XmlRows {
    pub(super) fn new(text: TextSource) -> Self {
        let limit = text.limit();
        let mut reader = Reader::from_reader(text);
        reader.config_mut().expand_empty_elements = true;
        let columns = Rc::new(Columns::new(Vec::new()));
        Self { reader, limit, buffer: Vec::new(), path: Vec::new(), is_feed: false, columns, number: 0 }
    }

    pub(super) fn next(&mut self) -> anyhow::Result<Read> {
        loop {
            self.buffer.clear();
            match self.reader.read_event_into(&mut self.buffer).context("is not XML")? {
                Event::Start(start) => {
                    let name = start.local_name().into_inner().to_owned();
                    if self.path.is_empty() {
                        self.is_feed = matches!(name.as_str(), "rss" | "feed" | "RDF");
                    }
                    let is_item =
                        if self.is_feed { ITEMS.contains(&name.as_str()) } else { self.path.len() == 1 };
                    if is_item {
                        let item = Item::begun(&start)?;
                        return self.item(item);
                    }
                    anyhow::ensure!(self.path.len() < DEEPEST, "has elements {DEEPEST} deep without an item");
                    self.path.push(name);
                    self.limit.row_ends();
                }
                Event::End(_) => {
                    self.path.pop();
                }
                Event::Eof => {
                    anyhow::ensure!(self.path.is_empty(), "is cut off: an element does not end");
                    return Ok(Read::End);
                }
                _ => {}
            }
        }
    }

    fn item(&mut self, mut item: Item) -> anyhow::Result<Read> {
        self.number += 1;
        let number = self.number;
        loop {
            self.buffer.clear();
            let event = self.reader.read_event_into(&mut self.buffer);
            match event.with_context(|| format!("item {number} is not XML"))? {
                Event::Start(start) => {
                    anyhow::ensure!(
                        item.path.len() < DEEPEST,
                        "item {number} has elements more than {DEEPEST} deep"
                    );
                    item.path.push((start.local_name().into_inner().to_owned(), String::new()));
                }
                Event::Text(text) => item.add(&text.xml10_content()),
                Event::CData(text) => item.add(&text),
                Event::GeneralRef(reference) => {
                    let letter =
                        reference.resolve_char_ref().with_context(|| format!("item {number} is not XML"))?;
                    match letter.or_else(|| predefined(&reference)) {
                        Some(letter) => item.add(letter.encode_utf8(&mut [0; 4])),
                        None => anyhow::bail!(
                            "item {number} has the entity &{};, which XML does not know",
                            &*reference
                        ),
                    }
                }
                Event::End(_) if item.path.is_empty() => break,
                Event::End(_) => item.element_ends(),
                Event::Eof => anyhow::bail!("is cut off in item {number}"),
                _ => {}
            }
        }
        self.limit.row_ends();
        if item.names != self.columns.names {
            self.columns = Rc::new(Columns::new(item.names));
        }
        Ok(Read::Row(Row { number, columns: self.columns.clone(), values: item.values }))
    }
}

impl Item {
    /// An item with the attributes of its element.
    fn begun(start: &BytesStart<'_>) -> anyhow::Result<Self> {
        let mut item = Self::default();
        for attribute in start.attributes() {
            let attribute = attribute.context("is not XML")?;
            let value = attribute
                .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                .context("is not XML")?
                .into_owned();
            item.names.push(attribute.key.local_name().into_inner().to_owned());
            item.values.push(value);
        }
        Ok(item)
    }

    fn add(&mut self, text: &str) {
        if let Some((_, so_far)) = self.path.last_mut() {
            so_far.push_str(text);
        }
    }

    fn element_ends(&mut self) {
        let Some((name, text)) = self.path.pop() else { return };
        let mut names: Vec<&str> = self.path.iter().map(|(name, _)| name.as_str()).collect();
        names.push(&name);
        let name = names.join(".");
        // The elements that hold others are no columns.
        if !text.trim().is_empty() {
            self.names.push(name);
            self.values.push(text.trim().to_owned());
        }
    }
}

fn predefined(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, String> {
        let text = TextSource::open(std::io::Cursor::new(text.as_bytes().to_vec()), None).unwrap();
        let mut rows = XmlRows::new(text);
        let mut all = Vec::new();
        loop {
            match rows.next().map_err(|error| format!("{error:#}"))? {
                Read::Row(row) => {
                    let pairs: Vec<String> =
                        row.pairs().map(|(name, text)| format!("{name}={text}")).collect();
                    all.push(format!("{}: {}", row.number, pairs.join(" ")));
                }
                Read::End => return Ok(all),
                Read::Command(..) | Read::Faulty(..) => unreachable!(),
            }
        }
    }

    #[test]
    fn the_items_of_a_feed_and_the_elements_of_another_document_are_rows() {
        let rss = "<?xml version=\"1.0\"?><rss xmlns:g=\"x\"><channel><title>Shop</title><item><g:id>a</g:id>\
            <title>Cap &amp; hat &#8364;</title><description><![CDATA[<b>x</b>]]></description><link/>\
            <g:shipping><g:price>4 EUR</g:price></g:shipping><g:price>9 EUR</g:price></item><item><g:id>b</g:id></item></channel></rss>";
        assert_eq!(
            read(rss).unwrap(),
            ["1: id=a title=Cap & hat € description=<b>x</b> shipping.price=4 EUR price=9 EUR", "2: id=b"]
        );
        let atom = "<feed><title>x</title><entry><id>a</id></entry></feed>";
        assert_eq!(read(atom).unwrap(), ["1: id=a"]);
        let other = "<products><product sku='s&quot;1'><name>n</name></product><product><name>m</name></product></products>";
        assert_eq!(read(other).unwrap(), ["1: sku=s\"1 name=n", "2: name=m"]);
    }

    #[test]
    fn what_is_no_xml_or_is_cut_off_is_an_error_and_entities_are_not_expanded() {
        let bomb = "<!DOCTYPE r [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><r><i><x>&b;</x></i></r>";
        assert!(read(bomb).unwrap_err().contains("the entity &b;"));
        for text in
            ["<r><i><x>1", "<r><i></x></i></r>", "<r><i>&#x110000;</i></r>", "<r><i a=1></i></r>", "<r>"]
        {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read(&format!("<r><i>{}", "<x>".repeat(100_000))).is_err());
    }
}
