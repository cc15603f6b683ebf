//! The library's table of stream records, by SQL: an index without which writes get slower with every record, and the
//! deletion of a table's stream. Table and columns are those of `dynoxide-rs` 3.2.0, whose version is pinned for this.

use dynoxide::storage::Storage;

/// The two expressions by which writes and `GetRecords` look records up.
const INDEX: &str = "CREATE INDEX IF NOT EXISTS stream_records_by_table_and_sequence
    ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";

pub(crate) fn create_index(storage: &Storage) -> dynoxide::Result<()> {
    Ok(storage.conn().execute_batch(INDEX)?)
}

/// Deletes the records of a deleted table; otherwise a new table of the same name would begin with them.
pub(crate) fn forget(storage: &Storage, table: &str) -> dynoxide::Result<()> {
    storage.conn().execute("DELETE FROM _stream_records WHERE table_name = ?1", (table,))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "stream_records_by_table_and_sequence";

    fn plan(storage: &Storage, sql: &str) -> String {
        let mut plan = storage.conn().prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let rows = plan.query_map([], |row| row.get::<_, String>(3)).unwrap();
        rows.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    }

    /// The library's own statements, copied from its `storage.rs`.
    #[test]
    fn next_sequence_number_and_get_records_use_the_index() {
        let storage = Storage::memory().unwrap();
        let next = "SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1
            FROM _stream_records WHERE table_name = 'a'";
        let records = "SELECT event_name FROM _stream_records
            WHERE table_name = 'a' AND shard_id = 'b' AND CAST(sequence_number AS INTEGER) > 7
            ORDER BY CAST(sequence_number AS INTEGER) ASC LIMIT 9";
        assert!(!plan(&storage, next).contains(NAME));
        create_index(&storage).unwrap();
        for sql in [next, records] {
            let plan = plan(&storage, sql);
            assert!(plan.contains(NAME), "{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
