//! `intentvision serve` on a file, as anybody runs it: durable when it acknowledges, keys checked, requests
//! recorded under their idempotency keys, one line of log a request.

use super::client::Target;
use super::points::Form;
use super::process::{Process, cpu_of_ended_children};
use super::{Figures, Load, wait_for};
use crate::binaries;
use db::{Batch, Db, Step};
use http::{HeaderMap, HeaderValue, header};
use intentvision::auth::Authority;
use intentvision::clock::Clock;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The program and its database.
struct Place {
    program: PathBuf,
    database: PathBuf,
}

pub(super) async fn measure(load: &Load) -> Figures {
    let folder = TempDir::new().expect("a folder");
    let place = Place {
        program: binaries::program("intentvision"),
        database: folder.path().join("iv.db"),
    };
    let mut process = Process::start(
        &mut place.command(&["serve", "--listen", "127.0.0.1:0", "--json"]),
        &folder.path().join("log"),
    )
    .expect("it starts");
    let stdout = process.child().stdout.take().expect("its output");
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).expect("its first line");
    let said: Value = serde_json::from_str(&line).expect("where it listens");
    let address = said["listening"].as_str().and_then(|url| url.strip_prefix("http://"));
    let address = address.and_then(|text| text.parse().ok()).expect("an address");
    wait_for(address, "/health/ready");
    let key = place.json(&["keys", "create", "--name", "load", "--json"])["key"].clone();

    let mut headers = HeaderMap::new();
    let bearer = format!("Bearer {}", key.as_str().expect("a key"));
    headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&bearer).expect("a header"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let target = Target {
        address,
        path: "/v1/ingest".into(),
        headers,
        keyed: true,
    };
    let (before, cared) = (process.cpu(), cpu_of_ended_children());
    let mut figures = load.send(Form::Json, &target, &process, || place.maintain()).await;
    figures.cpu_of_all = process.cpu() - before + (cpu_of_ended_children() - cared);
    figures.memory = process.peak_memory();
    process.end();
    (figures.bytes, figures.bytes_of_points) = sizes(&place.database).await;
    figures
}

impl Place {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        for name in ["DB_AUTH_TOKEN", "SECRET_KEY", "MAX_SERIES", "LOG"] {
            command.env_remove(format!("INTENTVISION_{name}"));
        }
        command
            .args(arguments)
            .env("INTENTVISION_DB_URL", format!("file:{}", self.database.display()));
        command
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.command(arguments).output().expect("the command starts");
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// What the schedule does in the background, here and now: folds the log, merges chunks, trims.
    fn maintain(&self) {
        let summary = self.json(&["maintain", "--force", "--json"]);
        assert_eq!(
            (&summary["busy"], &summary["failed"]),
            (&0.into(), &0.into()),
            "{summary}"
        );
    }
}

/// The bytes in use in the file, and those of the tables that hold points.
async fn sizes(database: &Path) -> (u64, Option<u64>) {
    let db = db_embedded::open(database, db_embedded::Options::default()).expect("the database");
    let statement = Step::global(
        "SELECT (SELECT page_count FROM pragma_page_count) - (SELECT freelist_count FROM pragma_freelist_count),
                (SELECT page_size FROM pragma_page_size),
                (SELECT sum(s.pgsize) FROM sqlite_schema AS t JOIN dbstat AS s ON s.name = t.name
                  WHERE t.tbl_name IN ('metrics', 'metric_segments'))",
        vec![],
    );
    let guard = Authority::operator(None).guard(&Clock::system());
    let reply = db.batch(&guard, Batch::read_one(statement)).await.expect("the sizes");
    let row = reply.step(0).and_then(|rows| rows.one()).expect("a row");
    let number = |column| row.integer(column).expect("a number").unsigned_abs();
    (number(0) * number(1), Some(number(2)))
}
