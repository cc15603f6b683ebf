//! Rules of texts that are asked of changed values alone, so that what was recorded before never stands in the way of a command.
//!
//! The promise: a name, SKU or category that is recorded shows something, no text that is recorded changes the direction of
//! those around it, and a product stays small enough that a commit can always replace all of it.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};
use schema::{Details, Facts};

/// The most bytes of all texts of a product as JSON. A commit that replaces all of them holds them three times (before, after, and
/// in its state) and stays below [`event_store::chain::MOST_BYTES`].
pub const MOST_TEXT_BYTES: usize = 112 * 1024;

/// Texts that cannot be recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnfitTexts {
    /// Some of the changed ones break a rule: correct them.
    #[error("{} of the changed texts cannot be recorded", .0.len())]
    Faulty(Vec<TextFault>),
    /// They would be too large together: shorten some.
    #[error(
        "the texts of the product would have {bytes} bytes as JSON; at most {MOST_TEXT_BYTES} are allowed"
    )]
    TooLarge {
        /// Their size as JSON.
        bytes: usize,
    },
}

/// A text that cannot be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFault {
    /// The text.
    pub field: TextField,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// A text of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextField {
    /// Its name.
    Name,
    /// Its SKU.
    Sku,
    /// Its category.
    Category,
    /// Its description.
    Description,
    /// An attribute, key and value.
    Attribute(String),
}

/// The texts of a product.
struct Texts<'a> {
    name: &'a str,
    details: &'a Details,
}

impl Texts<'_> {
    fn json_bytes(&self) -> usize {
        serde_json::to_vec(&(self.name, self.details)).map_or(0, |json| json.len())
    }
}

/// Checks the texts that differ from those before.
///
/// # Errors
/// [`UnfitTexts`]: all faults at once.
pub(super) fn check(before: Option<&Facts>, name: &str, details: &Details) -> Result<(), UnfitTexts> {
    let before = before.map(|facts| Texts { name: &facts.name, details: &facts.details });
    let after = Texts { name, details };
    let faults = faults(before.as_ref(), &after);
    if !faults.is_empty() {
        return Err(UnfitTexts::Faulty(faults));
    }
    let bytes = after.json_bytes();
    // A product that an earlier build let grow larger can still shrink.
    if bytes > MOST_TEXT_BYTES && before.is_none_or(|before| bytes > before.json_bytes()) {
        return Err(UnfitTexts::TooLarge { bytes });
    }
    Ok(())
}

fn faults(before: Option<&Texts<'_>>, after: &Texts<'_>) -> Vec<TextFault> {
    let known = before.map(|before| before.details);
    let optional = |text: fn(&Details) -> &Option<String>| {
        let text_before = known.and_then(|details| text(details).as_deref());
        text(after.details).as_deref().filter(|text| Some(*text) != text_before)
    };
    let name = Some(after.name).filter(|name| before.is_none_or(|before| before.name != *name));
    let lines = [
        (TextField::Name, name),
        (TextField::Sku, optional(|details| &details.sku)),
        (TextField::Category, optional(|details| &details.category)),
    ];
    let mut found = Vec::new();
    for (field, text) in lines {
        let Some(text) = text else { continue };
        if !text.chars().any(is_visible) {
            found.push(TextFault { field, reason: "has no visible character" });
        } else if text.chars().any(overrides_direction) {
            found.push(TextFault { field, reason: OVERRIDES });
        }
    }
    if optional(|details| &details.description).is_some_and(|text| text.chars().any(overrides_direction)) {
        found.push(TextFault { field: TextField::Description, reason: OVERRIDES });
    }
    let attributes_before = known.and_then(|details| details.attributes.as_ref());
    for (key, value) in after.details.attributes.iter().flatten() {
        let value_before = attributes_before.and_then(|attributes| attributes.get(key));
        let is_new = value_before.is_none() && key.chars().any(overrides_direction);
        if is_new || (value_before != Some(value) && value.chars().any(overrides_direction)) {
            found.push(TextFault { field: TextField::Attribute(key.clone()), reason: OVERRIDES });
        }
    }
    found
}

const OVERRIDES: &str =
    "has characters that change the direction of text (U+202A to U+202E, U+2066 to U+2069)";

/// Whether the character is an embedding, override or isolate of the bidirectional algorithm, or ends one.
fn overrides_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether the character shows something by itself.
fn is_visible(c: char) -> bool {
    use GeneralCategory as Category;
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    let shows_nothing = matches!(
        category,
        Category::Control
            | Category::Format
            | Category::SpaceSeparator
            | Category::LineSeparator
            | Category::ParagraphSeparator
            | Category::NonspacingMark
            | Category::EnclosingMark
    );
    let blank_pattern = '\u{2800}';
    !shows_nothing && c != blank_pattern && !CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_112_kib_as_json_are_the_most_that_a_product_can_have() {
        let mut details = Details { description: Some(String::new()), ..Details::default() };
        let rest = serde_json::to_vec(&("n", &details)).unwrap().len();
        details.description = Some("x".repeat(114_688 - rest));
        assert_eq!(check(None, "n", &details), Ok(()));
        assert_eq!(check(None, "nn", &details), Err(UnfitTexts::TooLarge { bytes: 114_689 }));
    }

    #[test]
    fn letters_signs_and_pictures_are_visible_and_fillers_are_not() {
        for c in ['a', 'é', '中', 'ع', '-', '$', '🚲', '\u{903}'] {
            assert!(is_visible(c), "{c:?}");
        }
        for c in [
            ' ',
            '\t',
            '\u{a0}',
            '\u{ad}',
            '\u{300}',
            '\u{115f}',
            '\u{200b}',
            '\u{200d}',
            '\u{2060}',
            '\u{2800}',
            '\u{3000}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{e0020}',
        ] {
            assert!(!is_visible(c), "{c:?}");
        }
    }
}
