//! The files of this workspace, for tests that read it.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the workspace.
///
/// # Panics
/// Never in this layout.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the workspace")
}

/// The text of a file, named from the root.
///
/// # Panics
/// If it cannot be read.
#[must_use]
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files below a folder with this extension, named from the root, in order.
///
/// # Panics
/// If a folder cannot be read.
#[must_use]
pub fn files(folder: &str, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    collect(&root().join(folder), extension, &mut found);
    let mut names: Vec<String> = found
        .iter()
        .filter_map(|path| path.strip_prefix(root()).ok()?.to_str().map(str::to_owned))
        .collect();
    names.sort();
    names
}

fn collect(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("an entry of the folder").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !matches!(&*name, "target" | "node_modules") && !name.starts_with('.') {
                collect(&path, extension, found);
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

/// The functions that are deployed: every folder of functions/ but `local`.
///
/// # Panics
/// If the folder cannot be read.
#[must_use]
pub fn functions() -> Vec<String> {
    let entries = fs::read_dir(root().join("functions")).expect("functions/");
    let mut names: Vec<String> = entries
        .map(|entry| {
            entry
                .expect("an entry of functions/")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| name != "local")
        .collect();
    names.sort();
    names
}

/// The source of a Rust file without its tests: what comes before the first `#[cfg(test)]`.
#[must_use]
pub fn without_tests(source: &str) -> &str {
    source.split("#[cfg(test)]").next().unwrap_or(source)
}
