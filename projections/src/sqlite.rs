//! The file of the views on SQLite. It may be deleted: it is rebuilt from the commits.

use sqlite::Schema;

/// The file of the views, the price histories, and the projector's parking rows and checkpoint. A change is a new version;
/// a file of an earlier version is rebuilt.
pub const VIEWS: Schema = Schema {
    file: "views.sqlite3",
    application_id: 0x504c_5631,
    versions: &[
        include_str!("sqlite/views.sql"),
        include_str!("sqlite/views-2.sql"),
        include_str!("sqlite/views-3.sql"),
    ],
};
