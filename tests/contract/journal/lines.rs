//! The lines of an export where the store keeps them: in the order of an export, byte for byte, up to a position.

use event_store::{JournalRow, export};

use super::{Journals, append_all};
use crate::given::commits::{awkward_ids, made};

cases! { dyn event_store::Journal, [sqlite];
    lines_stand_in_the_order_of_an_export_whatever_the_order_of_recording
    a_line_is_the_canonical_form_of_its_commit_byte_for_byte
    a_row_says_what_its_line_says
    lines_page_by_page_are_all_lines
    lines_end_at_the_position_that_is_given
    the_newest_row_is_counted_from_the_first_commit
}

async fn all(journals: &Journals) -> Vec<JournalRow> {
    journals.rows(u64::MAX, None, usize::MAX).await.unwrap().unwrap()
}

fn keys(rows: &[JournalRow]) -> Vec<(String, u64)> {
    rows.iter().map(|row| (row.product_id.clone(), row.sequence)).collect()
}

async fn lines_stand_in_the_order_of_an_export_whatever_the_order_of_recording(journals: &Journals) {
    let ids = awkward_ids();
    for sequence in [2, 1] {
        for id in ids.iter().rev() {
            journals.append(&made(id.as_str(), sequence)).await.unwrap();
        }
    }
    let mut expected: Vec<(String, u64)> =
        ids.iter().flat_map(|id| [1, 2].map(|sequence| (id.to_string(), sequence))).collect();
    expected.sort();
    assert_eq!(keys(&all(journals).await), expected);
}

async fn a_line_is_the_canonical_form_of_its_commit_byte_for_byte(journals: &Journals) {
    let mut commit = made("p", 1);
    commit.0.insert("of a later build".into(), serde_json::json!({"é\u{1}": [1, null, "\u{2028}"]}));
    journals.append(&commit).await.unwrap();
    let line = all(journals).await.remove(0).line;
    assert_eq!(line.into_bytes(), export::canonical(&commit).unwrap());
}

async fn a_row_says_what_its_line_says(journals: &Journals) {
    let commit = made("p", 3);
    journals.append(&commit).await.unwrap();
    let row = all(journals).await.remove(0);
    assert_eq!(row.sequence, 3);
    let columns = [&row.product_id, &row.commit_id, &row.recorded_at, &row.hash];
    let said = ["product_id", "commit_id", "recorded_at", "hash"].map(|name| commit.text(name).unwrap());
    assert_eq!(columns.map(String::as_str), said);
}

async fn lines_page_by_page_are_all_lines(journals: &Journals) {
    append_all(&**journals, &[made("a", 1), made("b", 1), made("b", 2), made("b", 3), made("c", 1)]).await;
    let expected = all(journals).await;
    for limit in 1..=6 {
        let (mut rows, mut after) = (Vec::new(), None);
        while rows.len() <= expected.len() {
            let page = journals.rows(u64::MAX, after, limit).await.unwrap().unwrap();
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some((last.product_id.clone(), last.sequence));
            rows.extend(page);
        }
        assert_eq!(rows, expected, "{limit} at a time");
    }
    assert_eq!(journals.rows(u64::MAX, None, 0).await.unwrap(), Some(Vec::new()));
}

async fn lines_end_at_the_position_that_is_given(journals: &Journals) {
    append_all(&**journals, &[made("b", 1), made("a", 1), made("b", 2)]).await;
    for (up_to, expected) in
        [(0, vec![("b", 1)]), (1, vec![("a", 1), ("b", 1)]), (2, vec![("a", 1), ("b", 1), ("b", 2)])]
    {
        let rows = journals.rows(up_to, None, 10).await.unwrap().unwrap();
        let expected: Vec<_> = expected.into_iter().map(|(id, sequence)| (id.to_owned(), sequence)).collect();
        assert_eq!(keys(&rows), expected, "up to {up_to}");
    }
}

async fn the_newest_row_is_counted_from_the_first_commit(journals: &Journals) {
    for (count, id) in ["a", "b", "c"].into_iter().enumerate() {
        journals.append(&made(id, 1)).await.unwrap();
        assert_eq!(journals.newest_row().await.unwrap(), Some(count as u64));
    }
}
