//! The engine's table of stream records, through SQL: the index without which every write grows slower, and the
//! trimming it never does by itself. Names and columns are those of `dynoxide-rs` 3.2.0, which is pinned for this.

use dynoxide::storage::Storage;

/// The most records one call of [`trim`] deletes, so that no request waits long behind it.
pub(crate) const TRIM_LIMIT: u64 = 500;

/// Public sequence numbers are the stored ones plus this.
const SEQUENCE_NUMBER_OFFSET: u128 = 100_000_000_000_000_000_000;

/// Writes and `GetRecords` look records up by exactly these two expressions.
const INDEX: &str = "CREATE INDEX IF NOT EXISTS stream_records_by_table_and_sequence
    ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";

/// The newest record of a table stays: the next sequence number is one more than the largest there is.
const TRIM: &str = "DELETE FROM _stream_records WHERE id IN (
    SELECT id FROM _stream_records
    WHERE table_name = ?1
      AND CAST(sequence_number AS INTEGER) <= ?2
      AND CAST(sequence_number AS INTEGER) <
          (SELECT MAX(CAST(sequence_number AS INTEGER)) FROM _stream_records WHERE table_name = ?1)
    ORDER BY CAST(sequence_number AS INTEGER) LIMIT ?3)";

/// A trim that deleted nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrimError {
    /// Pass the `SequenceNumber` of a stream record, as `GetRecords` gave it.
    #[error("{0:?} is not a sequence number of the embedded engine; pass one that GetRecords gave")]
    SequenceNumber(String),
    /// The deletion failed and changed nothing; try again later.
    #[error("trimming the stream failed; nothing was deleted, try again later")]
    Database(#[source] dynoxide::DynoxideError),
    /// The engine has ended.
    #[error(transparent)]
    Ended(#[from] crate::Ended),
}

pub(crate) fn create_index(storage: &Storage) -> dynoxide::Result<()> {
    Ok(storage.conn().execute_batch(INDEX)?)
}

/// The id of the newest stream record of any table; it grows whenever a write reached a stream.
pub(crate) fn newest(storage: &Storage) -> dynoxide::Result<i64> {
    let mut newest = storage.conn().prepare_cached("SELECT COALESCE(MAX(id), 0) FROM _stream_records")?;
    Ok(newest.query_row([], |row| row.get(0))?)
}

/// Deletes up to [`TRIM_LIMIT`] records of `table`, oldest first, up to and including `up_to`.
pub(crate) fn trim(storage: &Storage, table: &str, up_to: i64) -> dynoxide::Result<u64> {
    let deleted =
        storage.conn().execute(TRIM, (table, up_to, i64::try_from(TRIM_LIMIT).unwrap_or(i64::MAX)))?;
    Ok(deleted as u64)
}

/// Forgets the stream of a deleted table: one of the same name would begin with its records.
pub(crate) fn forget(storage: &Storage, table: &str) -> dynoxide::Result<()> {
    storage.conn().execute("DELETE FROM _stream_records WHERE table_name = ?1", (table,))?;
    Ok(())
}

/// The number a record is stored under.
pub(crate) fn stored_sequence_number(public: &str) -> Result<i64, TrimError> {
    let stored = public.parse::<u128>().ok().and_then(|public| public.checked_sub(SEQUENCE_NUMBER_OFFSET));
    stored
        .and_then(|stored| i64::try_from(stored).ok())
        .ok_or_else(|| TrimError::SequenceNumber(public.to_owned()))
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

    /// The engine's own statements, copied from its `storage.rs`.
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

    #[test]
    fn a_made_up_sequence_number_is_refused() {
        assert_eq!(stored_sequence_number("100000000000000000007").unwrap(), 7);
        assert!(stored_sequence_number("7").is_err());
        assert!(stored_sequence_number("seven").is_err());
    }
}
