//! What a function's answer says about the records it was given, exactly as Lambda reads it.

/// What became of the records of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All are done.
    Done,
    /// Those before this place are done; this one failed.
    FailedFrom(usize),
    /// Some failed, and nobody knows which.
    Failed(String),
}

impl Outcome {
    /// What the ids of those that failed say about the records that were `sent`, in order, by their ids.
    pub(crate) fn of(failed: &[String], sent: &[String]) -> Self {
        let mut lowest: Option<usize> = None;
        for id in failed {
            let place = sent.iter().position(|sent| sent == id && !id.is_empty());
            let Some(place) = place else {
                return Self::Failed(format!("it reported {id:?}, which is no sequence number of its batch"));
            };
            lowest = Some(lowest.map_or(place, |lowest| lowest.min(place)));
        }
        lowest.map_or(Self::Done, Self::FailedFrom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(ids: &[&str]) -> Outcome {
        let owned = |ids: &[&str]| ids.iter().copied().map(str::to_owned).collect::<Vec<_>>();
        Outcome::of(&owned(ids), &owned(&["9", "10", "11"]))
    }

    #[test]
    fn an_empty_list_is_success() {
        assert_eq!(reported(&[]), Outcome::Done);
    }

    #[test]
    fn the_lowest_sequence_number_counts_not_the_first_nor_the_lowest_text() {
        assert_eq!(reported(&["11", "10"]), Outcome::FailedFrom(1));
        assert_eq!(reported(&["10", "9"]), Outcome::FailedFrom(0));
    }

    #[test]
    fn an_empty_or_unknown_id_fails_the_whole_batch() {
        assert!(matches!(reported(&[""]), Outcome::Failed(_)));
        assert!(matches!(reported(&["10", "12"]), Outcome::Failed(_)));
    }
}
