//! The project builds anywhere: nothing in it names a machine.

use tests::workspace;

fn all_files() -> Vec<String> {
    ["rs", "toml", "lock", "md", "json", "yaml", "yml", "sql", "py", "sh"]
        .into_iter()
        .flat_map(|extension| workspace::files(".", extension))
        .chain([".ci/run", "Dockerfile"].map(str::to_owned))
        .collect()
}

#[test]
fn no_file_names_a_folder_of_some_machine() {
    // in pieces, so that this file does not name one either
    let folders = [
        ["/wo", "rk/"],
        ["/ro", "ot/"],
        ["/ho", "me/"],
        ["/Us", "ers/"],
        ["C:", "\\"],
        ["/tm", "p/"],
    ];
    for path in all_files() {
        let text = workspace::read(&path);
        for [start, end] in folders {
            let folder = format!("{start}{end}");
            assert!(!text.contains(&folder), "{path} names {folder}");
        }
    }
}

/// A lock file fixes what is fetched, not from where.
#[test]
fn lock_files_hold_no_download_addresses() {
    let lock = workspace::read("Cargo.lock");
    for line in lock.lines().filter(|line| line.starts_with("source = ")) {
        assert_eq!(
            line,
            "source = \"registry+https://github.com/rust-lang/crates.io-index\""
        );
    }
    let packages = workspace::read("tests/package-lock.json");
    assert!(
        !packages.contains("\"resolved\"") && !packages.contains("://"),
        "tests/package-lock.json"
    );
}
