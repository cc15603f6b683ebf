//! Compresses the files of `/docs` and `/openapi.json`, which would otherwise be a fifth of a function's binary on Lambda.
//! Swagger UI comes from the package that vendors it, so the build needs no network.

use std::error::Error;
use std::fs;
use std::io::{Cursor, Read};
use std::path::Path;

use miniz_oxide::deflate::compress_to_vec;

/// The committed document.
const DOCUMENT: &str = "../schema/json/openapi.json";

/// The compression level.
const SMALL: u8 = 9;

/// The files of Swagger UI, by their paths in the archive's folder.
const SERVED: [&str; 4] = ["dist/swagger-ui-bundle.js", "dist/swagger-ui.css", "LICENSE", "NOTICE"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={DOCUMENT}");
    keep("openapi.json", &fs::read(DOCUMENT)?)?;
    let mut archive = zip::ZipArchive::new(Cursor::new(utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED))?;
    let names = archive
        .file_names()
        .map(|name| Ok(name?.into_owned()))
        .collect::<Result<Vec<_>, zip::result::ZipError>>()?;
    for served in SERVED {
        // The folder is named after the version.
        let inside = |name: &&String| name.split_once('/').is_some_and(|(_, rest)| rest == served);
        let name = names.iter().find(inside).ok_or_else(|| format!("Swagger UI has no {served}"))?;
        let mut content = Vec::new();
        archive.by_name(name)?.read_to_end(&mut content)?;
        let file = Path::new(served).file_name().ok_or("a file has a name")?;
        keep(file, &content)?;
    }
    Ok(())
}

fn keep(name: impl AsRef<Path>, content: &[u8]) -> Result<(), Box<dyn Error>> {
    let target = std::env::var("OUT_DIR")?;
    Ok(fs::write(Path::new(&target).join(name), compress_to_vec(content, SMALL))?)
}
