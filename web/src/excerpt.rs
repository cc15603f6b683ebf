//! The beginning of a text that a client chose, for log lines and problems.
//!
//! The promise: whatever a client sends, what is written about it stays short.

use std::borrow::Cow;

/// The text if it has at most `most` bytes; otherwise its beginning and an ellipsis.
#[must_use]
pub fn excerpt(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{}…", &text[..text.floor_char_boundary(most)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(excerpt("", 0), "");
        assert_eq!(excerpt("abc", 3), "abc");
        assert_eq!(excerpt("abcd", 3), "abc…");
        assert_eq!(excerpt("aéé", 4), "aé…");
        assert_eq!(excerpt("🦀", 3), "…");
    }
}
