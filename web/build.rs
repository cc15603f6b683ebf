//! Compresses the files of `/docs`, `/openapi.json`, `/asyncapi.json` and the explorer, which would otherwise be a fifth of a function's binary on
//! Lambda. Swagger UI comes from the package that vendors it, and the explorer is committed as it was built, so the build needs
//! no network and no Node.js.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use miniz_oxide::deflate::compress_to_vec;

/// The committed documents.
const DOCUMENTS: [(&str, &str); 2] =
    [("openapi.json", "../schema/json/openapi.json"), ("asyncapi.json", "../schema/json/asyncapi.json")];

/// The explorer as it was built.
const EXPLORER: &str = "../explorer/dist";

/// The compression level.
const SMALL: u8 = 9;

/// The files of Swagger UI, by their paths in the archive's folder.
const SERVED: [&str; 4] = ["dist/swagger-ui-bundle.js", "dist/swagger-ui.css", "LICENSE", "NOTICE"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    for (name, document) in DOCUMENTS {
        println!("cargo::rerun-if-changed={document}");
        keep(name, &fs::read(document)?)?;
    }
    keep_explorer()?;
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

/// Keeps each file of the explorer as a file of gzip, and a table of them.
fn keep_explorer() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={EXPLORER}");
    let target = Path::new(&std::env::var("OUT_DIR")?).join("explorer");
    fs::create_dir_all(&target)?;
    let mut names = Vec::new();
    for file in fs::read_dir(EXPLORER)? {
        let name =
            file?.file_name().into_string().map_err(|name| format!("{} is no text", name.display()))?;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&fs::read(Path::new(EXPLORER).join(&name))?)?;
        fs::write(target.join(&name), encoder.finish()?)?;
        names.push(name);
    }
    names.sort();
    let mut table = String::from("/// Every file but the page.\npub(super) const ASSETS: &[Asset] = &[\n");
    for name in names.iter().filter(|name| *name != "index.html") {
        let content = format!("concat!(env!(\"OUT_DIR\"), \"/explorer/{name}\")");
        writeln!(table, "    Asset {{ name: {name:?}, gzipped: include_bytes!({content}) }},")?;
    }
    table.push_str("];\n");
    Ok(fs::write(target.with_extension("rs"), table)?)
}
