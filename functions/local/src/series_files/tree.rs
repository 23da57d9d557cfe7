use crate::Failure;
use std::fs;
use std::path::{Path, PathBuf};

/// Every file under a folder, relative to it, in order; hidden ones are left out.
pub(crate) fn files(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let path = root.join(&folder);
        let cannot = |error| Failure::Input(format!("{} cannot be read: {error}", path.display()));
        for entry in fs::read_dir(&path).map_err(cannot)? {
            let entry = entry.map_err(cannot)?;
            let relative = folder.join(entry.file_name());
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            match entry.file_type().map_err(cannot)? {
                kind if kind.is_dir() => folders.push(relative),
                kind if kind.is_file() => found.push(relative),
                _ => {}
            }
        }
    }
    if found.is_empty() {
        return Err(Failure::Input(format!("{} holds no file", root.display())));
    }
    found.sort();
    Ok(found)
}
