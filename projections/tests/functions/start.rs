//! A function that cannot work reports it in one line at startup, and its process exits.

use loopback::{FunctionCommand, TableServer};

use crate::given::{projector, query_api};

#[tokio::test]
async fn a_wrong_or_missing_setting_stops_the_start_with_a_line_that_names_it() {
    let tables = TableServer::serve().await;
    let functions: [fn(&TableServer) -> FunctionCommand; 2] = [projector, query_api];
    for function in functions {
        let wrong =
            function(&tables).with("LEDGER_EVENTS_TABLE", "no spaces").start().await.start_error().await;
        assert!(wrong.starts_with("LEDGER_EVENTS_TABLE=\"no spaces\""), "{wrong}");
        let missing = function(&tables).without("AWS_REGION").without("AWS_DEFAULT_REGION");
        assert_eq!(missing.start().await.start_error().await, "AWS_REGION is not set");
    }
    assert_eq!(tables.take_requests(), []);
}
