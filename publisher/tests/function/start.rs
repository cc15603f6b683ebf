//! A function with a wrong setting prints one line when it starts, and its process ends.

use crate::given::publisher;

#[tokio::test]
async fn a_wrong_or_missing_setting_ends_the_start_with_a_line_that_names_it() {
    let wrong = publisher().with("LEDGER_EVENTS_TABLE", "no spaces").start().await.start_error().await;
    assert!(wrong.starts_with("LEDGER_EVENTS_TABLE=\"no spaces\""), "{wrong}");
    let no_bus = publisher().without("LEDGER_EVENT_BUS").start().await.start_error().await;
    assert!(no_bus.starts_with("LEDGER_EVENT_BUS is not set"), "{no_bus}");
    let kind = publisher().with("LEDGER_EVENT_BUS_KIND", "fifo").start().await.start_error().await;
    assert!(kind.starts_with("LEDGER_EVENT_BUS=\"ledger\": with LEDGER_EVENT_BUS_KIND=fifo"), "{kind}");
    let entries = publisher().with("LEDGER_EVENT_BUS_ENTRIES", "11").start().await.start_error().await;
    assert_eq!(entries, "LEDGER_EVENT_BUS_ENTRIES=\"11\": must be 1 to 10");
    let protection = publisher().with("LEDGER_EVENTS_PROTECTION", "{}").start().await.start_error().await;
    assert!(protection.starts_with("LEDGER_EVENTS_PROTECTION: "), "{protection}");
    let no_region = publisher().without("AWS_REGION").without("AWS_DEFAULT_REGION").start().await;
    assert_eq!(no_region.start_error().await, "AWS_REGION is not set");
}
