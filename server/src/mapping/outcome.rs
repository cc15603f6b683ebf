//! The outcome of a function call, read from its answer exactly as Lambda reads it.

/// The outcome of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BatchOutcome {
    /// All records are handled.
    Done,
    /// The records before this index are handled; this one failed.
    FailedFrom(usize),
    /// Some failed, and it is not known which.
    Failed(String),
}

impl BatchOutcome {
    /// The outcome where `failed` are the ids of failed records, and `sent` those of all records in order.
    pub(crate) fn of(failed: &[String], sent: &[String]) -> Self {
        let mut lowest: Option<usize> = None;
        for id in failed {
            let place = sent.iter().position(|sent| sent == id && !id.is_empty());
            let Some(place) = place else {
                return Self::Failed(format!(
                    "it reported {id:?}, which is not a sequence number of its batch"
                ));
            };
            lowest = Some(lowest.map_or(place, |lowest| lowest.min(place)));
        }
        lowest.map_or(Self::Done, Self::FailedFrom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(ids: &[&str]) -> BatchOutcome {
        let owned = |ids: &[&str]| ids.iter().copied().map(str::to_owned).collect::<Vec<_>>();
        BatchOutcome::of(&owned(ids), &owned(&["9", "10", "11"]))
    }

    #[test]
    fn an_empty_list_is_success() {
        assert_eq!(reported(&[]), BatchOutcome::Done);
    }

    #[test]
    fn the_lowest_sequence_number_counts_not_the_first_nor_the_lowest_text() {
        assert_eq!(reported(&["11", "10"]), BatchOutcome::FailedFrom(1));
        assert_eq!(reported(&["10", "9"]), BatchOutcome::FailedFrom(0));
    }

    #[test]
    fn an_empty_or_unknown_id_fails_the_whole_batch() {
        assert!(matches!(reported(&[""]), BatchOutcome::Failed(_)));
        assert!(matches!(reported(&["10", "12"]), BatchOutcome::Failed(_)));
    }
}
