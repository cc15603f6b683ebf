//! Ids made of texts that are none.
//!
//! The promise: an escaped id leads back to its text, and two texts never have the same one.

use schema::ProductId;
use sha2::{Digest, Sha256};

/// Hexadecimal digits of a hashed id.
const HASHED: usize = 32;

/// Escapes a text: each byte of its UTF-8 outside `A-Za-z0-9._-` as `~HH`. Part of stored ids: never change.
#[must_use]
pub(super) fn escaped(text: &str) -> String {
    let is_dots = matches!(text, "." | "..");
    let mut id = String::with_capacity(text.len());
    for byte in text.bytes() {
        if !is_dots && (byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
            id.push(char::from(byte));
        } else {
            id.push_str(&format!("~{byte:02X}"));
        }
    }
    id
}

/// The id of a text: escaped, or if that is too long and `hashes` allows it, `~h` and 32 digits of the text's SHA-256. Part of
/// stored ids: never change.
///
/// # Errors
/// Why there is none, for people.
pub(super) fn id_of(text: &str, hashes: bool) -> Result<ProductId, String> {
    let id = escaped(text);
    match ProductId::new(id.clone()) {
        Ok(id) => Ok(id),
        Err(_) if hashes && id.len() > 64 => {
            let digest = hex::encode(Sha256::digest(text.as_bytes()));
            ProductId::new(format!("~h{}", &digest[..HASHED])).map_err(|error| error.to_string())
        }
        Err(_) if id.is_empty() => Err("it has no id".to_owned()),
        Err(_) => Err(format!(
            "its id {id} has {} characters, and 64 are allowed; --id-hash makes a hash of longer ones",
            id.len()
        )),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The text of an escaped id.
    fn text_of(id: &str) -> Option<String> {
        let (mut bytes, mut rest) = (Vec::new(), id.as_bytes());
        while let Some((first, behind)) = rest.split_first() {
            if *first == b'~' {
                let digits = std::str::from_utf8(behind.get(..2)?).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = &behind[2..];
            } else {
                bytes.push(*first);
                rest = behind;
            }
        }
        String::from_utf8(bytes).ok()
    }

    #[test]
    fn the_stored_form_of_an_escaped_id_stays() {
        for (text, id) in [
            ("cap-1_b.2", "cap-1_b.2"),
            ("a b", "a~20b"),
            ("a/b", "a~2Fb"),
            ("a~b", "a~7Eb"),
            ("~20", "~7E20"),
            ("Mütze", "M~C3~BCtze"),
            (".", "~2E"),
            ("..", "~2E~2E"),
            ("...", "..."),
            ("https://x.example/p?id=1", "https~3A~2F~2Fx.example~2Fp~3Fid~3D1"),
        ] {
            assert_eq!(id_of(text, false).unwrap().as_str(), id);
        }
    }

    #[test]
    fn a_text_that_is_too_long_is_refused_or_hashed() {
        let longest = "x".repeat(64);
        assert_eq!(id_of(&longest, true).unwrap().as_str(), longest);
        let long = "ü".repeat(22);
        assert!(id_of(&long, false).unwrap_err().contains("has 132 characters"));
        let digest = hex::encode(Sha256::digest(long.as_bytes()));
        assert_eq!(id_of(&long, true).unwrap().as_str(), format!("~h{}", &digest[..32]));
        assert!(id_of("", true).is_err());
    }

    proptest! {
        #[test]
        fn an_escaped_id_leads_back_to_its_text(text in "\\PC{1,40}") {
            prop_assert_eq!(text_of(&escaped(&text)), Some(text));
        }
    }
}
