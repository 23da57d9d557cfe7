use db::{Batch, DbError, Guard, Step, Value, args};

use super::fixture::{Fixture, key, nobody, on_both};

on_both!(
    an_unknown_credential_and_a_missing_scope_differ,
    the_guard_checks_reads_too,
    a_key_revoked_between_two_batches_writes_nothing,
    a_tenant_step_sees_its_own_organization_only,
    a_prefix_without_parameters_takes_no_subject,
    a_guard_that_cannot_run_is_no_refusal,
);

async fn set_up(fixture: &Fixture) {
    let mut batch = Batch::write();
    batch.push(Step::global(
        "CREATE TABLE keys (hash TEXT PRIMARY KEY, org TEXT NOT NULL, scope TEXT NOT NULL, revoked INTEGER NOT NULL)",
        args![],
    ));
    batch.push(Step::global(
        "INSERT INTO keys VALUES ('a', 'org_a', 'write', 0), ('b', 'org_b', 'write', 0), ('r', 'org_a', 'read', 0)",
        args![],
    ));
    batch.push(Step::global(
        "CREATE TABLE notes (org_id TEXT NOT NULL, text TEXT NOT NULL)",
        args![],
    ));
    fixture.run(batch).await.unwrap();
}

fn note(text: &str) -> Batch {
    Batch::write_one(Step::tenant(
        "INSERT INTO notes (org_id, text) SELECT org_id, ?2 FROM authority",
        args![text],
    ))
}

fn notes() -> Batch {
    Batch::read_one(Step::tenant(
        "SELECT text FROM notes WHERE org_id = (SELECT org_id FROM authority) ORDER BY text",
        args![],
    ))
}

async fn an_unknown_credential_and_a_missing_scope_differ(fixture: Fixture) {
    set_up(&fixture).await;
    let unknown = fixture.db.batch(&key("x", "write"), note("1")).await.unwrap_err();
    assert!(matches!(unknown, DbError::Credential), "{unknown:?}");
    let scope = fixture.db.batch(&key("r", "write"), note("1")).await.unwrap_err();
    assert!(matches!(scope, DbError::Scope), "{scope:?}");
    fixture.db.batch(&key("a", "write"), note("1")).await.unwrap();
    assert_eq!(fixture.value("SELECT count(*) FROM notes").await, Value::Integer(1));
}

async fn the_guard_checks_reads_too(fixture: Fixture) {
    set_up(&fixture).await;
    let unknown = fixture.db.batch(&key("x", "read"), notes()).await.unwrap_err();
    assert!(matches!(unknown, DbError::Credential), "{unknown:?}");
    let scope = fixture.db.batch(&key("a", "read"), notes()).await.unwrap_err();
    assert!(matches!(scope, DbError::Scope), "{scope:?}");
}

async fn a_key_revoked_between_two_batches_writes_nothing(fixture: Fixture) {
    set_up(&fixture).await;
    fixture.db.batch(&key("a", "write"), note("before")).await.unwrap();
    fixture.write("UPDATE keys SET revoked = 1 WHERE hash = 'a'").await;
    for handle in [&fixture.db, &fixture.another()] {
        let error = handle.batch(&key("a", "write"), note("after")).await.unwrap_err();
        assert!(matches!(error, DbError::Credential), "{error:?}");
    }
    assert_eq!(
        fixture.value("SELECT group_concat(text) FROM notes").await,
        Value::from("before")
    );
}

async fn a_tenant_step_sees_its_own_organization_only(fixture: Fixture) {
    set_up(&fixture).await;
    fixture.db.batch(&key("a", "write"), note("of a")).await.unwrap();
    fixture.db.batch(&key("b", "write"), note("of b")).await.unwrap();
    let of_b = fixture.db.batch(&key("b", "write"), notes()).await.unwrap();
    assert_eq!(of_b.steps[0].rows.len(), 1);
    assert_eq!(of_b.steps[0].one().unwrap().text(0).unwrap(), "of b");
    // global and tenant steps of one batch number their arguments apart
    let mut mixed = Batch::write();
    mixed.push(Step::global(
        "INSERT INTO notes VALUES (?1, ?2)",
        args!["org_a", "global"],
    ));
    mixed.push(Step::tenant(
        "UPDATE notes SET text = text || ?2 FROM authority WHERE notes.org_id = authority.org_id AND text = ?3",
        args!["!", "global"],
    ));
    let reply = fixture.db.batch(&key("a", "write"), mixed).await.unwrap();
    assert_eq!(reply.steps[1].affected, 1);
}

async fn a_prefix_without_parameters_takes_no_subject(fixture: Fixture) {
    let operator = Guard {
        with: "WITH authority(org_id, actor) AS (SELECT 'all', 'operator') ",
        subject: Value::Integer(7),
        ..nobody()
    };
    let mut batch = Batch::read();
    batch.push(Step::tenant("SELECT actor FROM authority", args![]));
    batch.push(Step::tenant("SELECT actor, ?2 FROM authority", args!["second"]));
    batch.push(Step::tenant("SELECT ?1 FROM authority", args![]));
    let reply = fixture.db.batch(&operator, batch).await.unwrap();
    assert_eq!(reply.steps[0].one().unwrap().text(0).unwrap(), "operator");
    assert_eq!(reply.steps[1].one().unwrap().text(1).unwrap(), "second");
    assert_eq!(reply.steps[2].one().unwrap().integer(0).unwrap(), 7);
}

async fn a_guard_that_cannot_run_is_no_refusal(fixture: Fixture) {
    // the table of keys is missing: a defect of ours must not look like a wrong key
    let error = fixture.db.batch(&key("a", "write"), Batch::read()).await.unwrap_err();
    assert!(matches!(error, DbError::Other(_)), "{error:?}");
}
