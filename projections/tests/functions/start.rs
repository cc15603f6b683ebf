//! A function that cannot work reports it in one line at startup, and its process exits.

use loopback::{Start, Tables};

use crate::given::{projector, query_api};

#[tokio::test]
async fn a_wrong_or_missing_setting_stops_the_start_with_a_line_that_names_it() {
    let tables = Tables::serve().await;
    let functions: [fn(&Tables) -> Start; 2] = [projector, query_api];
    for function in functions {
        let wrong = function(&tables).with("LEDGER_EVENTS_TABLE", "no spaces").start().await.refused().await;
        assert!(wrong.starts_with("LEDGER_EVENTS_TABLE=\"no spaces\""), "{wrong}");
        let missing = function(&tables).without("AWS_REGION").without("AWS_DEFAULT_REGION");
        assert_eq!(missing.start().await.refused().await, "AWS_REGION is not set");
    }
    assert_eq!(tables.asked(), []);
}
