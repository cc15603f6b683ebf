//! The error codes of `EventBridge`, classic and FIFO: one list for an entry that was refused and for a request that failed as a
//! whole.
//!
//! Its promise: only what the event itself causes is permanent. Whatever else fails, also with a code that this build does not
//! know, is sent again, soon or after a repair: none of it is a reason to leave an event unpublished.

use super::Remedy;

/// The codes of `PutEventsResultEntry`, of `PutEvents` and of requests to AWS in general, with what to do about each. The names
/// are the ones that the metric of failures has as a label; other codes are counted as `other`.
pub const CODES: [(&str, Remedy); 47] = [
    // Soon: the service is busy or has a fault of its own.
    ("InternalException", Remedy::SendAgain),
    ("InternalFailure", Remedy::SendAgain),
    ("InternalServerError", Remedy::SendAgain),
    ("InternalServiceError", Remedy::SendAgain),
    ("LimitExceededException", Remedy::SendAgain),
    ("NoConnection", Remedy::SendAgain),
    ("RequestAbortedException", Remedy::SendAgain),
    ("RequestLimitExceeded", Remedy::SendAgain),
    ("RequestThrottled", Remedy::SendAgain),
    ("RequestThrottledException", Remedy::SendAgain),
    ("RequestTimeout", Remedy::SendAgain),
    ("RequestTimeoutException", Remedy::SendAgain),
    ("ServiceUnavailable", Remedy::SendAgain),
    ("ServiceUnavailableException", Remedy::SendAgain),
    ("SlowDown", Remedy::SendAgain),
    ("Throttling", Remedy::SendAgain),
    ("ThrottlingException", Remedy::SendAgain),
    ("Timeout", Remedy::SendAgain),
    ("TooManyRequestsException", Remedy::SendAgain),
    // After a repair: permissions, credentials, keys, the bus, the account.
    ("AccessDenied", Remedy::Repair),
    ("AccessDeniedException", Remedy::Repair),
    ("ConstructionFailure", Remedy::Repair),
    ("ExpiredToken", Remedy::Repair),
    ("ExpiredTokenException", Remedy::Repair),
    ("IncompleteSignature", Remedy::Repair),
    ("InvalidAccountIdException", Remedy::Repair),
    // A source or a name that the settings have, as well as anything else.
    ("InvalidArgument", Remedy::Repair),
    ("InvalidClientTokenId", Remedy::Repair),
    ("InvalidSignatureException", Remedy::Repair),
    // A FIFO bus that is still being created, or is being deleted.
    ("InvalidStateException", Remedy::Repair),
    ("KMSAccessDeniedException", Remedy::Repair),
    ("KMSDisabledException", Remedy::Repair),
    ("KMSInvalidStateException", Remedy::Repair),
    ("KMSNotFoundException", Remedy::Repair),
    ("NotAuthorizedForDetailTypeException", Remedy::Repair),
    ("NotAuthorizedForSourceException", Remedy::Repair),
    ("RedactionFailure", Remedy::Repair),
    ("ResourceNotFoundException", Remedy::Repair),
    ("UnrecognizedClientException", Remedy::Repair),
    // Never: what the event holds.
    ("EntryTooLarge", Remedy::Split),
    ("InvalidInputException", Remedy::Split),
    ("MalformedDetail", Remedy::Split),
    ("RequestEntityTooLargeException", Remedy::Split),
    ("SerializationException", Remedy::Split),
    ("UnwritableMessage", Remedy::Split),
    ("VALIDATION_ERROR", Remedy::Split),
    ("ValidationException", Remedy::Split),
];

/// What to do about a code; about one that is not known: repair, because nobody has said that the event causes it.
#[must_use]
pub fn remedy(code: &str) -> Remedy {
    CODES.iter().find(|(known, _)| *known == code).map_or(Remedy::Repair, |(_, remedy)| *remedy)
}

/// The code if it is known, otherwise `other`: a label has few values.
#[must_use]
pub fn label(code: &str) -> &'static str {
    CODES.iter().map(|(known, _)| *known).find(|known| *known == code).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_event_itself_causes_is_permanent() {
        let permanent = CODES.iter().filter(|(_, remedy)| *remedy == Remedy::Split).map(|(code, _)| *code);
        let expected = [
            "EntryTooLarge",
            "InvalidInputException",
            "MalformedDetail",
            "RequestEntityTooLargeException",
            "SerializationException",
            "UnwritableMessage",
            "VALIDATION_ERROR",
            "ValidationException",
        ];
        assert!(permanent.eq(expected));
        for unknown in ["", "KMSSomethingException", "AFailureOfNextYear"] {
            assert_eq!((remedy(unknown), label(unknown)), (Remedy::Repair, "other"), "{unknown}");
        }
    }

    #[test]
    fn every_code_is_listed_once_and_is_its_own_label() {
        let mut codes: Vec<&str> = CODES.iter().map(|(code, _)| *code).collect();
        assert!(codes.iter().all(|code| label(code) == *code));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), CODES.len());
    }
}
