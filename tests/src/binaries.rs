//! The programs of this workspace, built once as the running test was built.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The path of a function's program, or of `intentvision`.
///
/// # Panics
/// If it does not build, or there is no such program.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        let place = Place::of_this_test();
        // the selection of `cargo test`, so that hardly anything is compiled again
        place.cargo_build(&["--workspace", "--bins", "--profile", &place.profile]);
        place.folder
    });
    found(folder, name)
}

/// The path of a function's program as it is deployed: `--profile lambda`, beside the test's own profile.
///
/// # Panics
/// If it does not build.
#[must_use]
pub fn deployed(name: &str) -> PathBuf {
    let place = Place::of_this_test();
    place.cargo_build(&["-p", name, "--bins", "--profile", "lambda"]);
    found(&place.target.join("lambda"), name)
}

fn found(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(path.exists(), "cargo built no {}", path.display());
    path
}

/// Where the running program lies: `TARGET/[TRIPLE/]FOLDER/[deps/]PROGRAM`.
struct Place {
    target: PathBuf,
    folder: PathBuf,
    profile: String,
}

impl Place {
    fn of_this_test() -> Self {
        let executable = std::env::current_exe().expect("the path of this program");
        let mut folder = executable.parent().expect("a folder");
        if folder.ends_with("deps") {
            folder = folder.parent().expect("the folder of the profile");
        }
        let above = folder.parent().expect("the target folder");
        // cargo leaves a file in the target folder; with --target a triple lies between
        let target = if above.join(".rustc_info.json").exists() {
            above
        } else {
            above.parent().unwrap_or(above)
        };
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or("debug");
        Self {
            target: target.to_owned(),
            folder: folder.to_owned(),
            profile: if name == "debug" { "dev" } else { name }.to_owned(),
        }
    }

    /// Cargo's own lock on the target folder makes several test processes take turns.
    fn cargo_build(&self, arguments: &[&str]) {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(["build", "--locked", "--quiet"]).args(arguments);
        command.arg("--target-dir").arg(&self.target);
        if let Some(triple) = self.triple() {
            command.args(["--target", triple]);
        }
        // cargo tells a test about its own package; a build inside must not see that
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR" {
                command.env_remove(name);
            }
        }
        let status = command
            .current_dir(super::workspace::root())
            .status()
            .expect("cargo starts");
        assert!(status.success(), "cargo build {arguments:?} failed");
    }

    fn triple(&self) -> Option<&str> {
        let between = self.folder.parent()?;
        if between == self.target {
            return None;
        }
        between.file_name()?.to_str()
    }
}
