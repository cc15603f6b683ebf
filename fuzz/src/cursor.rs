//! The cursor of a page. Properties: only a cursor that this ledger made for the same query is accepted, and the next page
//! begins strictly after it.

use projections::catalogue::ListQuery;
use projections::views::{Lookup, LookupField, PositionRange, RowOrder};
use schema::{Currency, Price, Timestamp};

/// The first byte selects the query; the rest is the cursor.
pub fn check(data: &[u8]) -> bool {
    let Some((chosen, cursor)) = data.split_first() else {
        return false;
    };
    let selections = selections();
    let chosen = usize::from(*chosen) % selections.len();
    let selection = &selections[chosen];
    if let Ok(text) = std::str::from_utf8(cursor) {
        // A valid position survives being encoded and decoded; an invalid one is rejected.
        if let Ok(position) = selection.position(&selection.cursor(text)) {
            assert_eq!(position, text);
            goes_on_behind(selection, text);
        }
    }
    let Some(position) = std::str::from_utf8(cursor).ok().and_then(|text| selection.position(text).ok())
    else {
        return false;
    };
    assert_eq!(selection.cursor(&position).as_bytes(), cursor, "two cursors for one position");
    goes_on_behind(selection, &position);
    for (other, selection) in selections.iter().enumerate() {
        assert_eq!(
            selection.position(&selection.cursor(&position)).is_ok(),
            selection.range.contains(&position)
        );
        let accepted = std::str::from_utf8(cursor).is_ok_and(|text| selection.position(text).is_ok());
        assert_eq!(accepted, other == chosen, "a cursor of another query");
    }
    true
}

fn goes_on_behind(selection: &ListQuery, position: &str) {
    assert!(selection.range.contains(position));
    let rest = selection.range.behind(position, selection.descending);
    assert!(!rest.contains(position), "{position:?} comes again");
    assert!(rest.is_empty() || (selection.range.contains(&rest.from) && selection.range.contains(&rest.to)));
    assert!(rest.from.len().max(rest.to.len()) <= 1_024, "too long for an index key");
}

fn selections() -> Vec<ListQuery> {
    let currency = Currency::parse("USD").unwrap();
    let moment = Timestamp::parse("2025-01-01T00:00:00Z").unwrap();
    let orders = [
        (RowOrder::Id, false, PositionRange::all()),
        (RowOrder::Name, false, PositionRange::all()),
        (RowOrder::Name, false, PositionRange::name_prefix("ΟΔΟΣ")),
        (RowOrder::Price, false, PositionRange::prices(currency, None, None)),
        (
            RowOrder::Price,
            false,
            PositionRange::prices(currency, Price::parse("1").ok(), Price::parse("20").ok()),
        ),
        (RowOrder::Changes, false, PositionRange::all()),
        (RowOrder::Changes, true, PositionRange::since(moment)),
    ];
    let lookup = |field, value: &str| Lookup { field, value: value.into() };
    let found = [
        (RowOrder::Id, vec![lookup(LookupField::Sku, "A-1")]),
        (RowOrder::Name, vec![lookup(LookupField::Sku, "A-1")]),
        (RowOrder::Id, vec![lookup(LookupField::Category, "A-1")]),
        (RowOrder::Id, vec![lookup(LookupField::Sku, "A-1"), lookup(LookupField::Category, "Hats")]),
    ];
    let listed = orders.into_iter().map(|(order, deleted, range)| (order, deleted, range, Vec::new()));
    let found = found.into_iter().map(|(order, lookups)| (order, false, PositionRange::all(), lookups));
    let both = |(order, deleted, range, lookups): (RowOrder, bool, PositionRange, Vec<Lookup>)| {
        [false, true].map(|descending| ListQuery {
            order,
            deleted,
            descending,
            range: range.clone(),
            lookups: lookups.clone(),
        })
    };
    listed.chain(found).flat_map(both).collect()
}
