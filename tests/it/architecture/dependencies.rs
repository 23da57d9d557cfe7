//! Who links what, as cargo resolves it.

use std::collections::BTreeSet;
use std::process::Command;

use tests::workspace;

use super::functions::http_functions;

/// The names of all packages that a program of this package links.
fn linked(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree", "--locked", "-p", package, "--edges", "normal", "--prefix", "none", "--format", "{p}",
        ])
        .current_dir(workspace::root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).unwrap();
    names
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

/// The packages that are our own, by name.
fn members() -> Vec<String> {
    let manifests = ["shared", "functions", "tests"]
        .into_iter()
        .flat_map(|folder| workspace::files(folder, "toml"));
    let mut names: Vec<String> = manifests
        .filter(|path| path.ends_with("Cargo.toml"))
        .map(|path| {
            let text = workspace::read(&path);
            let name = text.lines().find_map(|line| line.strip_prefix("name = ")).unwrap();
            name.trim_matches('"').to_owned()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn http_functions_link_neither_the_cloud_sdk_nor_sqlite() {
    for function in http_functions() {
        for name in linked(&function) {
            let heavy = name.starts_with("aws-") || name.starts_with("libsql") || name == "db-embedded";
            assert!(!heavy, "{function} links {name}");
        }
    }
}

#[test]
fn pictures_are_painted_where_messages_are_sent_alone() {
    let painting: Vec<String> = members()
        .into_iter()
        .filter(|package| linked(package).contains("resvg"))
        .collect();
    assert_eq!(painting, ["deliver-notifications", "local", "tests"]);
}

#[test]
fn sqlite_is_linked_by_local_and_the_tests_alone() {
    let linking: Vec<String> = members()
        .into_iter()
        .filter(|package| linked(package).contains("libsql"))
        .collect();
    assert_eq!(linking, ["db-embedded", "local", "tests"]);
}

#[test]
fn the_common_crate_knows_no_backend_and_no_cloud() {
    let names = linked("intentvision");
    for name in &names {
        assert!(
            !name.starts_with("aws-") && !["db-remote", "db-embedded", "libsql"].contains(&name.as_str()),
            "{name}"
        );
    }
    assert!(names.contains("db"));
}

#[test]
fn the_database_trait_links_no_backend() {
    for name in linked("db") {
        let io = ["tokio", "hyper", "libsql", "rustls", "mio", "intentvision"].contains(&name.as_str());
        assert!(!io, "db links {name}");
    }
}

/// No I/O, no clock, no async in the maths.
#[test]
fn prediction_links_nothing_that_could_do_io() {
    let own = linked("prediction");
    let io = [
        "async-trait",
        "axum",
        "chrono",
        "db",
        "futures",
        "getrandom",
        "http",
        "hyper",
        "intentvision",
        "lambda_http",
        "lambda_runtime",
        "libc",
        "libsql",
        "mio",
        "rand",
        "reqwest",
        "rustls",
        "socket2",
        "tempfile",
        "tokio",
        "tower",
        "tracing",
    ];
    for name in io {
        assert!(!own.contains(name), "prediction links {name}");
    }
    for path in workspace::files("shared/prediction/src", "rs") {
        let source = workspace::read(&path);
        for sign in [
            "std::fs",
            "std::net",
            "std::io",
            "std::env",
            "std::process",
            "SystemTime",
            "Instant::now",
            "async fn",
        ] {
            assert!(!source.contains(sign), "{path} holds {sign:?}");
        }
    }
}

#[test]
fn the_required_crates_are_in_use() {
    let manifests = ["shared", "functions", "tests"]
        .into_iter()
        .flat_map(|folder| workspace::files(folder, "toml"));
    let direct: String = manifests.map(|path| workspace::read(&path)).collect();
    for name in [
        "lambda_http",
        "lambda_runtime",
        "tokio",
        "libsql",
        "serde",
        "serde_json",
        "sha2",
        "rand",
        "aws-config",
    ] {
        assert!(
            direct.contains(&format!("\n{name}.workspace = true")),
            "nothing of ours depends on {name}"
        );
    }
}

#[test]
fn every_package_keeps_the_lints_of_the_workspace() {
    for path in ["shared", "functions", "tests"]
        .into_iter()
        .flat_map(|folder| workspace::files(folder, "toml"))
    {
        if path.ends_with("Cargo.toml") {
            assert!(workspace::read(&path).contains("[lints]\nworkspace = true"), "{path}");
        }
    }
    assert!(workspace::read("Cargo.toml").contains("unsafe_code = \"forbid\""));
}
