//! Metrics of a server, parsed from the Prometheus text of `GET /metrics`.

/// The sum of all samples with this name and these labels; `None` if there is none.
#[must_use]
pub fn sum(text: &str, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let mut sum = None;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((series, value)) = sample(line) else { continue };
        let (found, given) = series.split_once('{').unwrap_or((series, ""));
        let is_labelled = |(label, value): &(&str, &str)| {
            let wanted = format!("{label}=\"{value}\"");
            pairs(given.trim_end_matches('}')).any(|pair| pair == wanted)
        };
        if found == name && labels.iter().all(is_labelled) {
            sum = Some(sum.unwrap_or(0.0) + value);
        }
    }
    sum
}

/// Name with labels, and value, without the optional timestamp.
fn sample(line: &str) -> Option<(&str, f64)> {
    let end = line.rfind('}').map_or_else(|| line.find(' '), |brace| Some(brace + 1))?;
    let (series, rest) = line.split_at(end);
    Some((series, rest.split_whitespace().next()?.parse().ok()?))
}

/// The labels, split at commas outside quotation marks.
fn pairs(labels: &str) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    labels.split(move |character| {
        let is_mark = character == '"' && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
        is_quoted ^= is_mark;
        character == ',' && !is_quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# TYPE ledger_projection_lag_seconds histogram
ledger_projection_lag_seconds_bucket{view="products",le="+Inf"} 7
ledger_projection_lag_seconds_sum{view="products"} 0.5
ledger_projection_lag_seconds_count{view="products"} 7
ledger_projection_lag_seconds_count{view="prices"} 5 1700000000000
ledger_publish_lag_seconds_count 12
odd{a="x,view=\"products\"",b="}"} 1e3
"#;

    #[test]
    fn a_sample_is_found_by_name_and_labels() {
        let count = "ledger_projection_lag_seconds_count";
        assert_eq!(sum(TEXT, count, &[("view", "products")]), Some(7.0));
        assert_eq!(sum(TEXT, count, &[("view", "prices")]), Some(5.0));
        assert_eq!(sum(TEXT, count, &[]), Some(12.0));
        assert_eq!(sum(TEXT, "ledger_publish_lag_seconds_count", &[]), Some(12.0));
    }

    #[test]
    fn what_is_not_there_is_not_nothing() {
        assert_eq!(sum(TEXT, "ledger_publish_lag_seconds", &[]), None);
        assert_eq!(sum(TEXT, "ledger_projection_lag_seconds_count", &[("view", "product")]), None);
    }

    #[test]
    fn text_in_a_label_is_no_label() {
        assert_eq!(sum(TEXT, "odd", &[("view", "products")]), None);
        assert_eq!(sum(TEXT, "odd", &[("b", "}")]), Some(1_000.0));
        assert_eq!(sum(TEXT, "odd", &[]), Some(1_000.0));
    }
}
