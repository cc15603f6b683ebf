//! Turns `tests/bench/results/NAME.json` into `docs/benchmarks/NAME.svg`: all of them, or the files given.

use std::path::{Path, PathBuf};

use anyhow::Context;

mod chart;
mod colours;
mod scale;

fn main() -> anyhow::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let to = here.join("../../../docs/benchmarks");
    std::fs::create_dir_all(&to)?;
    let given: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).collect();
    let files = if given.is_empty() { all(&here.join("../results"))? } else { given };
    for file in files {
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let plot: chart::Plot = serde_json::from_str(&text).with_context(|| file.display().to_string())?;
        let name = file.file_stem().context("a result has a name")?;
        let svg = to.join(name).with_extension("svg");
        std::fs::write(&svg, chart::draw(&plot)? + "\n")?;
        println!("{}", svg.file_name().unwrap_or_default().display());
    }
    Ok(())
}

fn all(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let files = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut files = files.collect::<Result<Vec<_>, _>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    Ok(files)
}
