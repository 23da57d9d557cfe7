use crate::Failure;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs;
use std::io::Write;
use std::path::Path;

/// Writes the whole text or nothing, zipped if the name ends with `.gz`; makes the folder.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let cannot = |error: std::io::Error| Failure::Input(format!("{} cannot be written: {error}", path.display()));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = path.with_file_name(format!(".{name}.{}", std::process::id()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(cannot)?;
    }
    let written = bytes(path, text)
        .and_then(|bytes| fs::write(&draft, bytes))
        .and_then(|()| fs::rename(&draft, path));
    written.map_err(|error| {
        // it may not be there
        let _ = fs::remove_file(&draft);
        cannot(error)
    })
}

fn bytes(path: &Path, text: &str) -> std::io::Result<Vec<u8>> {
    if path.extension().is_none_or(|extension| extension != "gz") {
        return Ok(text.as_bytes().to_vec());
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes())?;
    encoder.finish()
}
