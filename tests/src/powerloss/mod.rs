//! Disks that fail: full ones, and those that lose what was not synced when the power goes.
//!
//! A small library in C (`tests/powerloss/shim.c`) stands between a program and the C library. It
//! needs Linux and a C compiler, as building libSQL does.

mod disk;
mod image;
mod journal;
mod ledger;
mod trial;

pub use disk::Disk;
pub use ledger::Ledger;
pub use trial::{Survey, Trial, trial};

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The library, compiled once for this process.
///
/// # Panics
/// If there is no C compiler (`CC`, or `cc`).
#[must_use]
pub fn shim() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let library = BUILT.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("powerloss/shim.c");
        let program = std::env::current_exe().expect("the path of this program");
        // test processes of one target folder must not overwrite what another one has loaded
        let library = program.with_file_name(format!("shim-{}.so", std::process::id()));
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let status = Command::new(&compiler)
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o"])
            .args([&library, &source])
            .args(["-ldl", "-lpthread"])
            .status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "the shim does not compile: {} must be a C compiler",
            compiler.display()
        );
        library
    });
    library.clone()
}
