use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use db::{Batch, Db, DbError, Step, Value, args};
use db_embedded::{Embedded, Options};
use futures::FutureExt;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::fixture::nobody;

fn open(file: &Path) -> Embedded {
    db_embedded::open(file, Options::default()).unwrap()
}

async fn write(db: &Embedded, sql: &'static str) {
    db.batch(&nobody(), Batch::write_one(Step::global(sql, args![])))
        .await
        .unwrap();
}

async fn value(db: &Embedded, sql: &'static str) -> Value {
    let reply = db
        .batch(&nobody(), Batch::read_one(Step::global(sql, args![])))
        .await
        .unwrap();
    reply.steps[0].one().unwrap().0[0].clone()
}

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY)";
const NEXT: &str = "INSERT INTO t SELECT 1 + coalesce(max(id), 0) FROM t RETURNING id";

#[tokio::test]
async fn a_file_has_the_settings_that_make_it_durable() {
    let folder = TempDir::new().unwrap();
    let options = Options {
        page_size: 8192,
        ..Options::default()
    };
    let db = db_embedded::open(&folder.path().join("a.db"), options).unwrap();
    assert_eq!(value(&db, "PRAGMA journal_mode").await, Value::from("wal"));
    assert_eq!(value(&db, "PRAGMA synchronous").await, Value::Integer(3));
    assert_eq!(value(&db, "PRAGMA foreign_keys").await, Value::Integer(1));
    assert_eq!(value(&db, "PRAGMA page_size").await, Value::Integer(8192));
    let file = folder.path().join("b.db");
    assert_eq!(value(&open(&file), "PRAGMA page_size").await, Value::Integer(4096));
}

#[tokio::test]
async fn an_acknowledged_write_is_seen_by_the_next_read_and_by_another_handle() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("a.db");
    let (one, two) = (open(&file), open(&file));
    write(&one, TABLE).await;
    for round in 0..50 {
        let (writer, reader) = if round % 2 == 0 { (&one, &two) } else { (&two, &one) };
        write(writer, NEXT).await;
        assert_eq!(value(reader, "SELECT count(*) FROM t").await, Value::Integer(round + 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_commits_in_order_and_a_failing_batch_harms_no_neighbour() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("a.db");
    let db = Arc::new(open(&file));
    write(&db, TABLE).await;
    let mut tasks = JoinSet::new();
    for task in 0..400 {
        let db = Arc::clone(&db);
        tasks.spawn(async move {
            let mut batch = Batch::write();
            batch.push(Step::global(NEXT, args![]));
            if task % 3 == 0 {
                batch.push(Step::global("INSERT INTO t SELECT max(id) FROM t", args![]));
            }
            match db.batch(&nobody(), batch).await {
                Ok(reply) => Some(reply.steps[0].one().unwrap().integer(0).unwrap()),
                Err(DbError::Constraint { step: 1, .. }) => None,
                Err(error) => panic!("{error:?}"),
            }
        });
    }
    let acknowledged: BTreeSet<i64> = tasks.join_all().await.into_iter().flatten().collect();
    // a failed batch gave its number back, so that the rest has no gap
    assert_eq!(acknowledged, (1..=266).collect());
    drop(db);
    assert_eq!(value(&open(&file), "SELECT count(*) FROM t").await, Value::Integer(266));
}

#[tokio::test]
async fn dropping_the_database_runs_the_writes_that_wait() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("a.db");
    let db = open(&file);
    write(&db, TABLE).await;
    let guard = nobody();
    for _ in 0..300 {
        // queued when first polled, and its answer given up
        let _ = db
            .batch(&guard, Batch::write_one(Step::global(NEXT, args![])))
            .now_or_never();
    }
    drop(db);
    assert!(
        !folder.path().join("a.db-wal").exists(),
        "the last connection was not closed"
    );
    assert_eq!(value(&open(&file), "SELECT count(*) FROM t").await, Value::Integer(300));
}

#[tokio::test]
async fn what_a_killed_process_acknowledged_is_there() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("a.db");
    let db = open(&file);
    write(&db, "CREATE TABLE counter (value INTEGER NOT NULL)").await;
    write(&db, "INSERT INTO counter VALUES (0)").await;
    write(
        &db,
        "CREATE TABLE marks (writer INTEGER, number INTEGER, PRIMARY KEY (writer, number))",
    )
    .await;
    let mut child = Command::new(env!("CARGO_BIN_EXE_db-writer"))
        .arg(&file)
        .args(["1", "1000000"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let acknowledged: i64 = lines.take(200).last().unwrap().unwrap().parse().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let Value::Integer(last) = value(&db, "SELECT max(number) FROM marks").await else {
        panic!("no marks");
    };
    assert!(
        last >= acknowledged,
        "{acknowledged} was acknowledged, {last} is the last"
    );
    assert_eq!(value(&db, "SELECT count(*) FROM marks").await, Value::Integer(last + 1));
    assert_eq!(value(&db, "SELECT value FROM counter").await, Value::Integer(last + 1));
    assert_eq!(value(&db, "PRAGMA integrity_check").await, Value::from("ok"));
}

#[tokio::test]
async fn a_read_batch_cannot_write() {
    let folder = TempDir::new().unwrap();
    let db = open(&folder.path().join("a.db"));
    write(&db, TABLE).await;
    let error = db
        .batch(&nobody(), Batch::read_one(Step::global(NEXT, args![])))
        .await
        .unwrap_err();
    assert!(matches!(error, DbError::Other(_)), "{error:?}");
}

#[tokio::test]
async fn text_that_is_none_is_an_error_and_harms_nobody() {
    let folder = TempDir::new().unwrap();
    let db = open(&folder.path().join("a.db"));
    write(&db, TABLE).await;
    for batch in [Batch::read(), Batch::write()] {
        let mut batch = batch;
        batch.push(Step::global("SELECT CAST(x'ff' AS TEXT)", args![]));
        let error = db.batch(&nobody(), batch).await.unwrap_err();
        assert!(matches!(error, DbError::Other(_)), "{error:?}");
    }
    write(&db, NEXT).await;
    assert_eq!(value(&db, "SELECT count(*) FROM t").await, Value::Integer(1));
}

/// Runs the steps between two good neighbours, most likely in one group, and returns their error.
async fn fails_between_neighbours(steps: [&'static str; 2]) -> DbError {
    let folder = TempDir::new().unwrap();
    let db = open(&folder.path().join("a.db"));
    write(&db, "CREATE TABLE b (id INTEGER PRIMARY KEY, blob BLOB)").await;
    let good = || Batch::write_one(Step::global("INSERT INTO b VALUES (NULL, randomblob(10))", args![]));
    let mut bad = Batch::write();
    for sql in steps {
        bad.push(Step::global(sql, args![]));
    }
    let guard = nobody();
    let (first, failed, last) = futures::join!(
        db.batch(&guard, good()),
        db.batch(&guard, bad),
        db.batch(&guard, good())
    );
    first.unwrap();
    last.unwrap();
    assert_eq!(value(&db, "SELECT count(*) FROM b").await, Value::Integer(2));
    write(&db, "DELETE FROM b").await;
    failed.unwrap_err()
}

#[tokio::test]
async fn a_full_database_refuses_one_batch_and_goes_on() {
    let full = [
        "PRAGMA max_page_count = 100",
        "INSERT INTO b VALUES (NULL, randomblob(4000000))",
    ];
    let error = fails_between_neighbours(full).await;
    assert!(
        matches!(&error, DbError::Other(text) if text.contains("full")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_batch_that_ends_its_transaction_fails_alone() {
    let ending = ["INSERT INTO b VALUES (NULL, randomblob(10))", "ROLLBACK"];
    let error = fails_between_neighbours(ending).await;
    assert!(matches!(error, DbError::Other(_)), "{error:?}");
}

#[tokio::test]
async fn a_lock_held_too_long_is_busy() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("a.db");
    let holder = open(&file);
    write(&holder, TABLE).await;
    let options = Options {
        patience: std::time::Duration::from_millis(300),
        ..Options::default()
    };
    let waiting = db_embedded::open(&file, options).unwrap();
    let long = "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000000) \
                SELECT max(i) FROM n";
    let guard = nobody();
    let mut held = holder.batch(&guard, Batch::write_one(Step::global(long, args![])));
    assert!((&mut held).now_or_never().is_none(), "a long write is over at once");
    // until the lock is taken a write gets through
    let mut refused = None;
    for _ in 0..1000 {
        let write = Batch::write_one(Step::global("DELETE FROM t WHERE id < 0", args![]));
        refused = waiting.batch(&guard, write).await.err();
        if refused.is_some() {
            break;
        }
    }
    assert!(matches!(refused, Some(DbError::Busy)), "{refused:?}");
    held.await.unwrap();
    write(&waiting, "INSERT INTO t VALUES (99000000)").await;
}

#[test]
fn a_file_that_is_none_is_an_error() {
    let folder = TempDir::new().unwrap();
    assert!(db_embedded::open(&folder.path().join("no/such/folder.db"), Options::default()).is_err());
    let file = folder.path().join("text.db");
    std::fs::write(
        &file,
        "this is no database, but long enough to be looked at".repeat(100),
    )
    .unwrap();
    assert!(matches!(
        db_embedded::open(&file, Options::default()),
        Err(DbError::Other(_))
    ));
}
