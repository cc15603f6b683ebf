//! The types of the packages for subscribers, and the frozen messages that they are tested with, both made from the `AsyncAPI` document.

#[path = "subscriber/frozen.rs"]
mod frozen;
#[path = "subscriber/model.rs"]
mod model;
#[path = "subscriber/python.rs"]
mod python;
#[path = "subscriber/rust.rs"]
mod rust;
#[path = "subscriber/typescript.rs"]
mod typescript;

use super::{asyncapi, folder};

#[test]
fn the_types_of_the_packages_for_subscribers_are_those_of_the_schemas() {
    let model = model::Model::of(&asyncapi::document());
    for (name, text) in [
        ("rust/src/messages.rs", rust::file(&model)),
        ("typescript/src/messages.ts", typescript::file(&model)),
        ("python/ledger_subscriber/messages.py", python::file(&model)),
    ] {
        let path = folder("../subscriber").join(name);
        if std::env::var_os("LEDGER_ACCEPT").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == text,
            "subscriber/{name} differs from the schemas; `just accept` takes the new form"
        );
    }
}
