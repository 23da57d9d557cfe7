//! The key that seals secrets of a file database: a file beside it, for its owner's eyes only.

use crate::Failure;
use intentvision::config::Secret;
use intentvision::id::Entropy;
use intentvision::secrets::Sealer;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Where the key of this database is kept: `intentvision.db.key` beside `intentvision.db`.
pub(crate) fn path_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".key");
    name.into()
}

/// The key of this database, made now if there is none. Of several processes that make one at once,
/// one wins and all read the same.
///
/// # Errors
/// If the file can neither be read nor made.
pub(crate) fn beside(database: &Path, entropy: &Entropy) -> Result<Secret, Failure> {
    let path = path_of(database);
    let cannot = |error: io::Error| Failure::Failed(format!("the key file {} cannot be used: {error}", path.display()));
    match fs::read_to_string(&path) {
        Ok(text) => return Ok(Secret::new(text.trim().to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(cannot(error)),
    }
    let key = Sealer::generate_key(entropy)?;
    match write(&path, key.reveal()) {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let text = fs::read_to_string(&path).map_err(cannot)?;
            Ok(Secret::new(text.trim().to_owned()))
        }
        Err(error) => Err(cannot(error)),
    }
}

/// The file appears whole or not at all, and never replaces a key that is there. A temporary file
/// has mode 0600 from its first moment.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut draft = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    writeln!(draft, "{text}")?;
    draft.as_file().sync_all()?;
    draft.persist_noclobber(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_then_read() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("iv.db");
        let first = beside(&database, &Entropy::system()).unwrap();
        let again = beside(&database, &Entropy::system()).unwrap();
        assert_eq!(first, again);
        assert!(Sealer::new(&first).is_ok());
        let names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["iv.db.key"]);
    }

    #[test]
    fn of_several_that_make_one_at_once_all_have_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("iv.db");
        let make = || beside(&database, &Entropy::system()).unwrap();
        let keys: Vec<Secret> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("iv.db");
        beside(&database, &Entropy::system()).unwrap();
        let mode = fs::metadata(path_of(&database)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_folder_that_is_not_there_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let failure = beside(&folder.path().join("no/iv.db"), &Entropy::system()).unwrap_err();
        assert!(failure.to_string().contains("key"), "{failure}");
    }
}
