//! Counts in texts: `1 product`, `2000 products`. Numbers have no separators: scripts read these lines too.

/// A count of something that is named by its singular.
#[must_use]
pub fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {}", many(one)) }
}

/// The plural of a noun that forms it regularly.
fn many(one: &str) -> String {
    match one.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ => format!("{one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn only_one_is_singular() {
        let told = [0, 1, 2, 6_000].map(|count| counted(count, "product"));
        assert_eq!(told, ["0 products", "1 product", "2 products", "6000 products"]);
        assert_eq!(
            [counted(2, "entry"), counted(2, "day"), counted(1, "entry")],
            ["2 entries", "2 days", "1 entry"]
        );
    }
}
