//! Rows of JSON: the objects of an array or of lines. The members are the columns; those of an object in an object are named with a
//! point, as in `price.amount`. Memory holds one object, and no number is read as a float.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::rc::Rc;

use serde_json::value::RawValue;

use super::form::Read;
use super::row::{Columns, Row};
use super::source::{LARGEST_ROW, RowLimit, TextSource};

/// Objects in objects beyond that are one text.
const DEEPEST: usize = 4;

/// The objects of an array.
pub(super) struct JsonRows {
    text: TextSource,
    limit: RowLimit,
    objects: ObjectRows,
    number: u64,
    state: ArrayState,
}

/// The objects of lines.
pub(super) struct LineRows {
    text: TextSource,
    limit: RowLimit,
    objects: ObjectRows,
    number: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ArrayState {
    Before,
    Within,
    Behind,
}

/// Makes rows of objects.
struct ObjectRows {
    is_mapped: bool,
    columns: Rc<Columns>,
}

impl JsonRows {
    pub(super) fn new(text: TextSource, is_mapped: bool) -> Self {
        let limit = text.limit();
        Self { text, limit, objects: ObjectRows::new(is_mapped), number: 0, state: ArrayState::Before }
    }

    pub(super) fn next(&mut self) -> anyhow::Result<Read> {
        if self.state == ArrayState::Before {
            let first = self.skip_blanks()?;
            anyhow::ensure!(first == Some(b'['), "is not a JSON array: it begins with {}", shown(first));
            self.text.consume(1);
            self.state = ArrayState::Within;
        }
        if self.state == ArrayState::Behind {
            return Ok(Read::End);
        }
        let mut sign = self.skip_blanks()?;
        if sign == Some(b',') && self.number > 0 {
            self.text.consume(1);
            sign = self.skip_blanks()?;
            anyhow::ensure!(sign != Some(b']'), "is not a JSON array: a comma stands before its end");
        } else if self.number > 0 {
            anyhow::ensure!(
                sign == Some(b']'),
                "is not a JSON array: {} stands behind item {}",
                shown(sign),
                self.number
            );
        }
        match sign {
            Some(b']') => {
                self.text.consume(1);
                self.state = ArrayState::Behind;
                let behind = self.skip_blanks()?;
                anyhow::ensure!(
                    behind.is_none(),
                    "is not one JSON array: {} stands behind it",
                    shown(behind)
                );
                Ok(Read::End)
            }
            Some(_) => {
                self.number += 1;
                let item = self.item()?;
                self.limit.row_ends();
                Ok(self.objects.read(self.number, &item))
            }
            None => anyhow::bail!("is cut off: the array does not end"),
        }
    }

    /// The next byte that is no blank, which stays to be read.
    fn skip_blanks(&mut self) -> anyhow::Result<Option<u8>> {
        loop {
            let bytes = self.text.fill_buf()?;
            if bytes.is_empty() {
                return Ok(None);
            }
            let blanks = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let next = bytes.get(blanks).copied();
            self.text.consume(blanks);
            if next.is_some() {
                return Ok(next);
            }
        }
    }

    /// The bytes of an item, up to the comma or the bracket behind it.
    fn item(&mut self) -> anyhow::Result<Vec<u8>> {
        let (mut item, mut depth, mut is_text, mut is_escaped) = (Vec::new(), 0_u32, false, false);
        loop {
            let bytes = self.text.fill_buf()?;
            anyhow::ensure!(!bytes.is_empty(), "is cut off in item {}", self.number);
            let mut end = None;
            for (at, byte) in bytes.iter().enumerate() {
                match byte {
                    _ if is_escaped => is_escaped = false,
                    b'\\' if is_text => is_escaped = true,
                    b'"' => is_text = !is_text,
                    _ if is_text => {}
                    b'{' | b'[' => depth += 1,
                    b',' | b']' if depth == 0 => {
                        end = Some(at);
                        break;
                    }
                    b'}' | b']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
            let used = end.unwrap_or(bytes.len());
            item.extend_from_slice(&bytes[..used]);
            self.text.consume(used);
            anyhow::ensure!(
                item.len() as u64 <= LARGEST_ROW,
                "item {} has more than {LARGEST_ROW} bytes",
                self.number
            );
            if end.is_some() {
                return Ok(item);
            }
        }
    }
}

impl LineRows {
    pub(super) fn new(text: TextSource, is_mapped: bool) -> Self {
        let limit = text.limit();
        Self { text, limit, objects: ObjectRows::new(is_mapped), number: 0 }
    }

    pub(super) fn next(&mut self) -> anyhow::Result<Read> {
        loop {
            let mut line = Vec::new();
            if self.text.read_until(b'\n', &mut line)? == 0 {
                return Ok(Read::End);
            }
            self.limit.row_ends();
            self.number += 1;
            if !line.trim_ascii().is_empty() {
                return Ok(self.objects.read(self.number, &line));
            }
        }
    }
}

impl ObjectRows {
    fn new(is_mapped: bool) -> Self {
        Self { is_mapped, columns: Rc::new(Columns::new(Vec::new())) }
    }

    fn read(&mut self, number: u64, object: &[u8]) -> Read {
        let members = match serde_json::from_slice::<BTreeMap<String, Box<RawValue>>>(object) {
            Ok(members) => members,
            Err(error) => {
                return Read::Faulty(number, format!("is not a JSON object: {error}"));
            }
        };
        if !self.is_mapped && members.contains_key("command") {
            return Read::Command(number, String::from_utf8_lossy(object).into_owned());
        }
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for (name, value) in &members {
            flatten(name, value, DEEPEST, &mut |name, text| {
                names.push(name);
                values.push(text);
            });
        }
        if names != self.columns.names {
            self.columns = Rc::new(Columns::new(names));
        }
        Read::Row(Row { number, columns: self.columns.clone(), values })
    }
}

fn flatten(name: &str, value: &RawValue, depth: usize, take: &mut dyn FnMut(String, String)) {
    let raw = value.get();
    if raw.starts_with('"') {
        take(name.to_owned(), serde_json::from_str(raw).unwrap_or_default());
    } else if let Some(members) = Some(raw)
        .filter(|raw| raw.starts_with('{') && depth > 0)
        .and_then(|raw| serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(raw).ok())
    {
        for (inner, value) in &members {
            flatten(&format!("{name}.{inner}"), value, depth - 1, take);
        }
    } else {
        take(name.to_owned(), if raw == "null" { String::new() } else { raw.to_owned() });
    }
}

fn shown(byte: Option<u8>) -> String {
    byte.map_or_else(|| "its end".to_owned(), |byte| format!("{:?}", char::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, is_mapped: bool) -> Result<Vec<String>, String> {
        let text = TextSource::open(std::io::Cursor::new(text.as_bytes().to_vec()), None).unwrap();
        let mut rows = JsonRows::new(text, is_mapped);
        let mut all = Vec::new();
        loop {
            match rows.next().map_err(|error| error.to_string())? {
                Read::Row(row) => {
                    let pairs: Vec<String> =
                        row.pairs().map(|(name, text)| format!("{name}={text}")).collect();
                    all.push(format!("{}: {}", row.number, pairs.join(" ")));
                }
                Read::Command(number, text) => all.push(format!("{number}! {text}")),
                Read::Faulty(number, reason) => all.push(format!("{number}? {reason}")),
                Read::End => return Ok(all),
            }
        }
    }

    #[test]
    fn the_objects_of_an_array_are_rows_with_texts_as_they_are_written() {
        let text = "\u{feff} [ {\"id\":\"a]\\\"\",\"price\":33.6440,\"x\":null} ,\n{\"price\":{\"amount\":1e2,\"in\":[1,2]}}, 7, {} ]\n";
        let rows = read(text, false).unwrap();
        assert_eq!(rows[..2], ["1: id=a]\" price=33.6440", "2: price.amount=1e2 price.in=[1,2]"]);
        assert!(rows[2].starts_with("3? is not a JSON object"), "{rows:?}");
        assert_eq!(rows[3], "4: ");
        assert_eq!(read("[]", false), Ok(vec![]));
    }

    #[test]
    fn an_object_with_a_command_is_one_unless_it_is_mapped() {
        let text = r#"[{"command":"delete","product_id":"p"}]"#;
        assert_eq!(read(text, false).unwrap(), [r#"1! {"command":"delete","product_id":"p"}"#]);
        assert_eq!(read(text, true).unwrap(), ["1: command=delete product_id=p"]);
    }

    #[test]
    fn what_is_no_whole_array_is_an_error() {
        for text in ["", "{}", "[{}", "[{},]", "[{}] x", "[{\"a\":\"", "[{}{}]", "[,{}]"] {
            let read = read(text, true);
            assert!(read.is_err() || read.unwrap().iter().any(|row| row.contains('?')), "{text}");
        }
    }
}
