use std::process::Stdio;

use db::{Batch, Db, Step, Value, args};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::fixture::{Fixture, nobody, on_both};

const WRITERS: i64 = 8;
const BATCHES: i64 = 50;

on_both!(eight_writers_lose_nothing_and_double_nothing);

pub(super) async fn marks(fixture: &Fixture) {
    let mut batch = Batch::write();
    batch.push(Step::global("CREATE TABLE counter (value INTEGER NOT NULL)", args![]));
    batch.push(Step::global("INSERT INTO counter VALUES (0)", args![]));
    batch.push(Step::global(
        "CREATE TABLE marks (writer INTEGER, number INTEGER, PRIMARY KEY (writer, number)) WITHOUT ROWID",
        args![],
    ));
    fixture.run(batch).await.unwrap();
}

/// Each with a handle of its own. Every batch reads before it writes, which is where locks collide.
async fn eight_writers_lose_nothing_and_double_nothing(fixture: Fixture) {
    marks(&fixture).await;
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write(fixture.another(), writer));
    }
    writers.join_all().await;
    all_are_there(&fixture).await;
}

async fn write(db: Arc<dyn Db>, writer: i64) {
    for number in 0..BATCHES {
        // the mark is the operation id: what was done already is not done again, so that the batch may
        // be repeated when this server stalls, as it rarely does under several writers (measured)
        let mut batch = Batch::write().repeatable();
        batch.push(Step::global(
            "UPDATE counter SET value = (SELECT value FROM counter) + 1
             WHERE NOT EXISTS (SELECT 1 FROM marks WHERE writer = ?1 AND number = ?2)",
            args![writer, number],
        ));
        batch.push(Step::global(
            "INSERT INTO marks VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            args![writer, number],
        ));
        db.batch(&nobody(), batch).await.unwrap();
    }
}

async fn all_are_there(fixture: &Fixture) {
    assert_eq!(
        fixture.value("SELECT value FROM counter").await,
        Value::Integer(WRITERS * BATCHES)
    );
    assert_eq!(
        fixture.value("SELECT count(*) FROM marks").await,
        Value::Integer(WRITERS * BATCHES)
    );
}

#[tokio::test]
async fn eight_processes_on_one_file_lose_nothing_and_double_nothing() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("shared.db");
    let db = db_embedded::open(&file, db_embedded::Options::default()).unwrap();
    let fixture = Fixture::of_file(folder, Arc::new(db));
    marks(&fixture).await;
    let start = |writer: i64| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_db-writer"));
        command.arg(&file).arg(writer.to_string()).arg(BATCHES.to_string());
        command.stdout(Stdio::null()).spawn().unwrap()
    };
    let children: Vec<_> = (0..WRITERS).map(start).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    all_are_there(&fixture).await;
    assert_eq!(fixture.value("PRAGMA integrity_check").await, Value::from("ok"));
}
