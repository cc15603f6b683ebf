//! A function without its settings says so in one line, and no server is asked at a start.

use crate::given::Surroundings;

#[tokio::test]
async fn a_missing_or_wrong_setting_stops_the_start_with_a_line_that_names_it() {
    let around = Surroundings::new().await;
    let _ = around.tables.take_requests();
    for name in ["LEDGER_LOG_BUCKET", "LEDGER_LOG_KEY_ID", "LEDGER_LOG_ORIGIN"] {
        let error = around.command().without(name).start().await.start_error().await;
        assert!(error.starts_with(&format!("{name} is not set")), "{error}");
    }
    let wrong = around.command().with("LEDGER_LOG_RETENTION", "for ever").start().await.start_error().await;
    assert!(wrong.starts_with("LEDGER_LOG_RETENTION"), "{wrong}");
    let wrong = around.command().with("LEDGER_LOG_PROTECTION", "{}").start().await.start_error().await;
    assert!(wrong.starts_with("LEDGER_LOG_PROTECTION: "), "{wrong}");
    let function = around.start().await;
    function.stop().await;
    assert_eq!(around.tables.take_requests(), []);
    assert_eq!(around.bucket.take_requests(), [""; 0]);
    assert_eq!(around.kms.requests(), 0);
}
