//! What a start asks of the embedded engine does not grow with the ledger.

use cli::system::create_unlisted_tables;
use engine::Engine;
use engine::probe::Recorder;
use schema::settings::Settings;

#[tokio::test]
async fn a_start_on_a_ledger_that_is_there_lists_its_tables_and_counts_no_items() {
    let engine = Engine::in_memory().unwrap();
    let (config, wire) = Recorder::record(&engine.sdk_config());
    let settings = Settings::read(|_| None).unwrap();
    create_unlisted_tables(&config, &settings).await.unwrap();
    assert_eq!(wire.take_operations().iter().filter(|operation| *operation == "CreateTable").count(), 7);
    create_unlisted_tables(&config, &settings).await.unwrap();
    assert_eq!(wire.take_operations(), ["ListTables"]);
}
