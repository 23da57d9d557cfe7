use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use db::{Batch, DbError, Step, args};

use super::fixture::{Fixture, nobody, on_both};

on_both!(a_read_batch_is_one_snapshot, a_read_does_not_write);

/// A writer moves amounts between two rows; the steps of a read, each of which looks at one row, must
/// find the same sum at all times.
async fn a_read_batch_is_one_snapshot(fixture: Fixture) {
    fixture
        .write("CREATE TABLE accounts (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL)")
        .await;
    fixture.write("INSERT INTO accounts VALUES (1, 1000), (2, 0)").await;
    let done = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let (db, done) = (fixture.another(), Arc::clone(&done));
        async move {
            let mut moved = 0;
            while !done.load(Ordering::Relaxed) && moved < 1000 {
                let mut batch = Batch::write();
                batch.push(Step::global(
                    "UPDATE accounts SET amount = amount - 1 WHERE id = 1",
                    args![],
                ));
                batch.push(Step::global(
                    "UPDATE accounts SET amount = amount + 1 WHERE id = 2",
                    args![],
                ));
                db.batch(&nobody(), batch).await.unwrap();
                moved += 1;
            }
            moved
        }
    });
    let mut seen = Vec::new();
    while seen.len() < 150 || seen.first() == seen.last() {
        let mut batch = Batch::read();
        batch.push(Step::global("SELECT amount FROM accounts WHERE id = 1", args![]));
        // long enough for a write in between
        batch.push(Step::global(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT max(i) FROM n",
            args![],
        ));
        batch.push(Step::global("SELECT amount FROM accounts WHERE id = 2", args![]));
        let reply = fixture.run(batch).await.unwrap();
        let amount = |step: usize| reply.steps[step].one().unwrap().integer(0).unwrap();
        assert_eq!(amount(0) + amount(2), 1000);
        seen.push(amount(0));
    }
    done.store(true, Ordering::Relaxed);
    assert!(writing.await.unwrap() > 0);
    assert!(
        seen.is_sorted_by(|earlier, later| earlier >= later),
        "reads went back in time"
    );
}

async fn a_read_does_not_write(fixture: Fixture) {
    fixture.write("CREATE TABLE t (id INTEGER PRIMARY KEY)").await;
    // a step that fails ends a read as well, and nothing is left open
    let mut batch = Batch::read();
    batch.push(Step::global("SELECT id FROM t", args![]));
    batch.push(Step::global(concat!("SELECT ", db::raise!()), args![]));
    let error = fixture.run(batch).await.unwrap_err();
    assert!(matches!(error, DbError::Raised { step: 1, .. }), "{error:?}");
    fixture.write("INSERT INTO t VALUES (1)").await;
    assert_eq!(fixture.value("SELECT count(*) FROM t").await, db::Value::Integer(1));
}
