use db::{Batch, DbError, Guard, Row, Step, Value, args};

use super::fixture::{Fixture, key, nobody, on_both};

on_both!(
    every_value_comes_back_as_it_was,
    every_finite_double_keeps_its_bits,
    what_a_database_would_change_is_refused,
    an_infinity_comes_back_as_null,
    large_values_pass,
);

async fn every_value_comes_back_as_it_was(fixture: Fixture) {
    fixture
        .write("CREATE TABLE v (id INTEGER PRIMARY KEY, value ANY) STRICT")
        .await;
    let values = vec![
        Value::Null,
        Value::Integer(0),
        Value::Integer(i64::MIN),
        Value::Integer(i64::MAX),
        Value::Integer((1 << 53) + 1),
        Value::Real(0.5),
        Value::Real(1.0),
        Value::from(""),
        Value::from("plain"),
        Value::from("quotes \" \\ / \u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f}"),
        Value::from("Grüße, 世界, 🦀, e\u{301}, \u{feff}\u{2028}\u{10ffff}"),
        Value::Blob(Vec::new()),
        Value::Blob(vec![0]),
        Value::Blob(vec![0, 255]),
        Value::Blob((0..=255).collect()),
    ];
    let mut batch = Batch::write();
    for (id, value) in (0_i64..).zip(&values) {
        batch.push(Step::global(
            "INSERT INTO v (id, value) VALUES (?1, ?2) RETURNING value",
            vec![Value::Integer(id), value.clone()],
        ));
    }
    let reply = fixture.run(batch).await.unwrap();
    for (rows, value) in reply.steps.iter().zip(&values) {
        assert_eq!(rows.rows, [Row(vec![value.clone()])]);
    }
    let stored = fixture
        .run(Batch::read_one(Step::global(
            "SELECT value FROM v ORDER BY id",
            args![],
        )))
        .await
        .unwrap();
    let stored: Vec<Value> = stored.steps[0].rows.iter().map(|row| row.0[0].clone()).collect();
    assert_eq!(stored, values);
}

async fn every_finite_double_keeps_its_bits(fixture: Fixture) {
    fixture
        .write("CREATE TABLE v (id INTEGER PRIMARY KEY, value REAL NOT NULL) STRICT")
        .await;
    let edges = [
        f64::MIN,
        f64::MAX,
        f64::MIN_POSITIVE,
        f64::EPSILON,
        f64::from_bits(1),
        0.1,
        -1.0 / 3.0,
        9_007_199_254_740_993.0,
        1e23,
    ];
    let random = std::iter::repeat_with(|| f64::from_bits(rand::random())).filter(|value| value.is_finite());
    let values: Vec<f64> = edges.into_iter().chain(random.take(1000)).collect();
    let mut batch = Batch::write();
    for (id, value) in (0_i64..).zip(&values) {
        batch.push(Step::global(
            "INSERT INTO v (id, value) VALUES (?1, ?2)",
            args![id, *value],
        ));
    }
    fixture.run(batch).await.unwrap();
    let read = Batch::read_one(Step::global("SELECT value FROM v ORDER BY id", args![]));
    let stored = fixture.run(read).await.unwrap();
    for (row, value) in stored.steps[0].rows.iter().zip(&values) {
        let stored = row.opt_real(0).unwrap().unwrap();
        assert_eq!(stored.to_bits(), value.to_bits(), "{stored:e} {value:e}");
    }
}

async fn what_a_database_would_change_is_refused(fixture: Fixture) {
    fixture.write("CREATE TABLE v (value ANY)").await;
    let wrong = [
        Value::Real(f64::NAN),
        Value::Real(f64::INFINITY),
        Value::Real(f64::NEG_INFINITY),
        Value::from("cut\0here"),
    ];
    for value in wrong {
        let mut batch = Batch::write();
        batch.push(Step::global("INSERT INTO v VALUES (1)", args![]));
        batch.push(Step::global("INSERT INTO v VALUES (?1)", vec![value.clone()]));
        let error = fixture.run(batch).await.unwrap_err();
        assert!(matches!(error, DbError::Other(_)), "{value:?}: {error:?}");
        let subject = Guard {
            subject: value,
            ..nobody()
        };
        let error = fixture.db.batch(&subject, Batch::read()).await.unwrap_err();
        assert!(matches!(error, DbError::Other(_)), "{error:?}");
    }
    let in_a_check = fixture.db.batch(&key("\0", "write"), Batch::read()).await.unwrap_err();
    assert!(matches!(in_a_check, DbError::Other(_)), "{in_a_check:?}");
    assert_eq!(fixture.value("SELECT count(*) FROM v").await, Value::Integer(0));
}

async fn an_infinity_comes_back_as_null(fixture: Fixture) {
    assert_eq!(fixture.value("SELECT 1e999").await, Value::Null);
    assert_eq!(fixture.value("SELECT -1e999").await, Value::Null);
}

async fn large_values_pass(fixture: Fixture) {
    fixture.write("CREATE TABLE v (text TEXT, blob BLOB)").await;
    let text = "ä\"1234567".repeat(100_000);
    let blob: Vec<u8> = (0..1_000_003_u32).map(|index| (index % 251) as u8).collect();
    let insert = Step::global("INSERT INTO v VALUES (?1, ?2)", args![&text, blob.clone()]);
    fixture.run(Batch::write_one(insert)).await.unwrap();
    let read = Batch::read_one(Step::global("SELECT text, blob FROM v", args![]));
    let reply = fixture.run(read).await.unwrap();
    let row = reply.steps[0].one().unwrap();
    assert!(row.text(0).unwrap() == text && row.blob(1).unwrap() == blob);
}
