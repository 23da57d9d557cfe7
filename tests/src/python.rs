//! Python with the packages of `tests/requirements.txt`, installed when they are missing.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// A script of `tests/python`, to be started with its packages at hand.
///
/// # Panics
/// If they cannot be installed, with the line to run: these tests are never skipped.
#[must_use]
pub fn script(name: &str) -> Command {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    let python = FOUND.get_or_init(installed);
    let mut command = Command::new(python);
    command.arg(folder().join("python").join(name));
    command
}

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn installed() -> PathBuf {
    let wanted = fs::read_to_string(folder().join("requirements.txt")).expect("requirements");
    // test processes of one target folder take turns; the lock ends with the file
    let executable = std::env::current_exe().expect("the path of this test");
    let lock = File::create(executable.with_file_name("python-install.lock")).expect("a lock file");
    lock.lock().expect("the lock of the installation");
    let place = executable.with_file_name("python-packages");
    let (python, stamp) = (place.join("bin/python"), place.join("requirements.txt"));
    if fs::read_to_string(&stamp).ok().as_ref() != Some(&wanted) {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&place));
        let requirements = folder().join("requirements.txt");
        run(Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(requirements));
        fs::write(stamp, wanted).expect("a stamp");
    }
    python
}

fn run(command: &mut Command) {
    let line = "install Python 3 with venv, so that `python3 -m venv` and `pip install -r tests/requirements.txt` work";
    match command.stdin(Stdio::null()).status() {
        Ok(status) => assert!(status.success(), "{command:?} failed: {line}"),
        Err(error) => panic!("{command:?} does not start ({error}): {line}"),
    }
}
