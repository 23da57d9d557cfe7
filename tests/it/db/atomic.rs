use db::{Batch, DbError, Step, Value, args};

use super::fixture::{Fixture, on_both};

on_both!(
    a_failed_step_undoes_the_batch_and_is_named,
    a_step_that_raises_stops_the_batch,
    wrong_sql_changes_nothing,
    a_rescue_looks_at_the_failed_transaction,
    a_rescue_of_another_step_does_not_run,
    replies_hold_rows_and_counts,
    tables_are_created_in_a_batch_or_not_at_all,
    an_empty_batch_is_fine,
    a_count_of_arguments_that_differs_is_refused,
);

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT";
const INSERT: &str = "INSERT INTO t (id, name) VALUES (?1, ?2)";
const COUNT: &str = "SELECT count(*) FROM t";

async fn a_failed_step_undoes_the_batch_and_is_named(fixture: Fixture) {
    fixture.write(TABLE).await;
    let mut batch = Batch::write();
    batch.push(Step::global(INSERT, args![1, "one"]));
    batch.push(Step::global(INSERT, args![1, "again"]));
    batch.push(Step::global(INSERT, args![2, "two"]));
    match fixture.run(batch).await.unwrap_err() {
        DbError::Constraint { step, message, .. } => {
            assert_eq!(step, 1);
            assert!(message.contains("t.id"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(fixture.value(COUNT).await, Value::Integer(0));
    for (sql, args) in [
        (INSERT, args![3, None::<i64>]),
        ("INSERT INTO t (id, name) VALUES (?1, x'00')", args![3]),
    ] {
        let error = fixture
            .run(Batch::write_one(Step::global(sql, args)))
            .await
            .unwrap_err();
        assert!(matches!(error, DbError::Constraint { step: 0, .. }), "{error:?}");
    }
}

async fn a_step_that_raises_stops_the_batch(fixture: Fixture) {
    fixture.write(TABLE).await;
    let mut batch = Batch::write();
    batch.push(Step::global(INSERT, args![1, "one"]));
    batch.push(Step::global(
        concat!("SELECT CASE WHEN count(*) = 1 THEN ", db::raise!(), " END FROM t"),
        args![],
    ));
    let error = fixture.run(batch).await.unwrap_err();
    assert!(matches!(error, DbError::Raised { step: 1, .. }), "{error:?}");
    assert_eq!(fixture.value(COUNT).await, Value::Integer(0));
}

async fn wrong_sql_changes_nothing(fixture: Fixture) {
    fixture.write(TABLE).await;
    for wrong in [
        "SELEC",
        "SELECT * FROM nowhere",
        "SELECT ?1 FROM t WHERE id = nothing()",
    ] {
        let mut batch = Batch::write();
        batch.push(Step::global(INSERT, args![1, "one"]));
        batch.push(Step::global(wrong, args![]));
        let error = fixture.run(batch).await.unwrap_err();
        assert!(matches!(error, DbError::Other(_)), "{wrong}: {error:?}");
    }
    assert_eq!(fixture.value(COUNT).await, Value::Integer(0));
}

async fn a_rescue_looks_at_the_failed_transaction(fixture: Fixture) {
    fixture.write(TABLE).await;
    fixture
        .run(Batch::write_one(Step::global(INSERT, args![1, "stored"])))
        .await
        .unwrap();
    let mut batch = Batch::write();
    batch.push(Step::global(INSERT, args![2, "in this batch"]));
    let failing = batch.push(Step::global(INSERT, args![1, "again"]));
    let rescue = batch.push_rescue(failing, Step::global("SELECT id, name FROM t ORDER BY id", args![]));
    batch.push(Step::global(INSERT, args![3, "never"]));
    match fixture.run(batch.clone()).await.unwrap_err() {
        DbError::Constraint { step, rescued, .. } => {
            assert_eq!(step, failing);
            assert_eq!(rescued.len(), 4);
            let names: Vec<_> = rescued[rescue].rows.iter().map(|row| row.text(1).unwrap()).collect();
            assert_eq!(names, ["stored", "in this batch"]);
            assert!(rescued[failing].rows.is_empty() && rescued[0].rows.is_empty());
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(fixture.value(COUNT).await, Value::Integer(1));
    // without the conflict the rescue does not run, and the rest does
    batch.steps[failing].0.args[0] = Value::Integer(4);
    let reply = fixture.run(batch).await.unwrap();
    assert_eq!(reply.steps.len(), 4);
    assert!(reply.steps[rescue].rows.is_empty());
    assert_eq!(fixture.value(COUNT).await, Value::Integer(4));
}

async fn a_rescue_of_another_step_does_not_run(fixture: Fixture) {
    fixture.write(TABLE).await;
    fixture
        .run(Batch::write_one(Step::global(INSERT, args![1, "stored"])))
        .await
        .unwrap();
    let mut batch = Batch::write();
    let first = batch.push(Step::global(INSERT, args![1, "again"]));
    let of_first = batch.push_rescue(first, Step::global("SELECT 1 FROM nowhere_at_all", args![]));
    let of_rescue = batch.push_rescue(of_first, Step::global("SELECT 'the rescue failed'", args![]));
    let second = batch.push(Step::global(INSERT, args![1, "skipped"]));
    let of_second = batch.push_rescue(second, Step::global("SELECT 'a skipped step has not failed'", args![]));
    let error = fixture.run(batch).await.unwrap_err();
    let DbError::Constraint { step, rescued, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(step, first);
    assert!(rescued[of_second].rows.is_empty());
    assert_eq!(rescued[of_rescue].one().unwrap().text(0).unwrap(), "the rescue failed");
}

async fn replies_hold_rows_and_counts(fixture: Fixture) {
    fixture.write(TABLE).await;
    let mut batch = Batch::write();
    batch.push(Step::global(
        "INSERT INTO t (id, name) VALUES (1, 'a'), (2, 'b'), (3, 'c')",
        args![],
    ));
    batch.push(Step::global(
        "UPDATE t SET name = name || '!' WHERE id > 1 RETURNING id, name",
        args![],
    ));
    batch.push(Step::global("SELECT id FROM t WHERE id > 99", args![]));
    batch.push(Step::global(
        "INSERT INTO t (id, name) VALUES (1, 'x') ON CONFLICT DO NOTHING",
        args![],
    ));
    batch.push(Step::global("DELETE FROM t WHERE id = ?1", args![3]));
    batch.push(Step::global("SELECT name FROM t ORDER BY id", args![]));
    let reply = fixture.run(batch).await.unwrap();
    let affected: Vec<u64> = reply.steps.iter().map(|step| step.affected).collect();
    assert_eq!(affected, [3, 2, 0, 0, 1, 0]);
    assert_eq!(reply.steps[1].rows.len(), 2);
    assert_eq!(reply.step(1).unwrap().one().unwrap().text(1).unwrap(), "b!");
    assert_eq!(reply.steps[5].rows[1].text(0).unwrap(), "b!");
    assert!(reply.step(6).is_err());
}

async fn tables_are_created_in_a_batch_or_not_at_all(fixture: Fixture) {
    let mut batch = Batch::write();
    batch.push(Step::global(TABLE, args![]));
    batch.push(Step::global("CREATE INDEX i ON t (name)", args![]));
    batch.push(Step::global("ALTER TABLE t ADD COLUMN more TEXT", args![]));
    let good = batch.clone();
    batch.push(Step::global(INSERT, args![1, None::<i64>]));
    assert!(matches!(
        fixture.run(batch).await,
        Err(DbError::Constraint { step: 3, .. })
    ));
    let tables = "SELECT count(*) FROM sqlite_master WHERE name IN ('t', 'i')";
    assert_eq!(fixture.value(tables).await, Value::Integer(0));
    fixture.run(good).await.unwrap();
    assert_eq!(fixture.value(tables).await, Value::Integer(2));
}

async fn an_empty_batch_is_fine(fixture: Fixture) {
    assert!(fixture.run(Batch::write()).await.unwrap().steps.is_empty());
    assert!(fixture.run(Batch::read()).await.unwrap().steps.is_empty());
}

async fn a_count_of_arguments_that_differs_is_refused(fixture: Fixture) {
    for args in [args![], args![1], args![1, 2, 3]] {
        let error = fixture
            .run(Batch::read_one(Step::global("SELECT ?1, ?2", args)))
            .await
            .unwrap_err();
        assert!(matches!(error, DbError::Other(_)), "{error:?}");
    }
}
