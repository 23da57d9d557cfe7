//! Migrations on both databases: once each, whoever races, and clear errors for what does not fit.

use intentvision::App;
use intentvision::migrations::{self, Migration};
use serde_json::json;
use tests::on_both;
use tests::product::{Backend, Product};

const GOOD: &[Migration] = &[
    Migration {
        name: "001_a",
        sql: "CREATE TABLE a (x INTEGER);\nINSERT INTO a VALUES (1);\n",
        min_reader: 1,
    },
    Migration {
        name: "002_b",
        sql: "CREATE TABLE b (x INTEGER);\nINSERT INTO b SELECT x FROM a;\n",
        min_reader: 1,
    },
];

/// Its second statement fails.
const BROKEN: &[Migration] = &[
    GOOD[0],
    GOOD[1],
    Migration {
        name: "003_c",
        sql: "CREATE TABLE c (x INTEGER);\nINSERT INTO nowhere VALUES (1);\n",
        min_reader: 1,
    },
];

/// A database of a product whose own migrations are forgotten.
async fn blank(product: &Product) -> &App {
    run(&product.app, "DELETE FROM _migrations").await;
    &product.app
}

async fn run(app: &App, sql: &'static str) {
    app.operator(None)
        .run(db::Batch::write_one(db::Step::global(sql, vec![])))
        .await
        .unwrap();
}

async fn count(app: &App, sql: &'static str) -> i64 {
    let reply = app
        .operator(None)
        .run(db::Batch::read_one(db::Step::global(sql, vec![])))
        .await
        .unwrap();
    reply.step(0).unwrap().one().unwrap().integer(0).unwrap()
}

on_both! {
    eight_migrators_at_once_apply_each_one_exactly_once => async |product: Product| {
        blank(&product).await;
        let mut apps = Vec::new();
        for _ in 0..8 {
            apps.push(product.again(intentvision::clock::Clock::system()).await);
        }
        let operators: Vec<_> = apps.iter().map(|app| app.operator(None)).collect();
        let done = futures::future::join_all(operators.iter().map(|operator| migrations::migrate(operator, GOOD))).await;
        let mut names: Vec<_> = done.into_iter().flat_map(Result::unwrap).collect();
        names.sort_unstable();
        assert_eq!(names, ["001_a", "002_b"]);
        assert_eq!(count(&product.app, "SELECT count(*) FROM a").await, 1);
        assert_eq!(count(&product.app, "SELECT count(*) FROM b").await, 1);
    };

    a_migration_that_fails_leaves_nothing => async |product: Product| {
        let app = blank(&product).await;
        assert!(migrations::migrate(&app.operator(None), BROKEN).await.is_err());
        let status = migrations::status(&app.operator(None), BROKEN).await.unwrap();
        assert_eq!((status.applied.len(), status.pending.len()), (2, 1));
        assert_eq!(count(app, "SELECT count(*) FROM sqlite_schema WHERE name = 'c'").await, 0);
    };

    /// Migration 19: two alerts of one rule, one of the same rule after a change, and one that is older than rules are kept.
    rules_that_were_kept_with_each_alert_are_kept_once => async |product: Product| {
        let app = &product.app;
        for sql in [
            "DROP TABLE raised_rules",
            "ALTER TABLE alerts DROP COLUMN rule_print",
            "ALTER TABLE alerts ADD COLUMN rule TEXT",
            "DELETE FROM _migrations WHERE name = '019_raised_rules'",
            "INSERT INTO alerts (org_id, alert_id, rule_id, series_id, status, severity, started_at, summary, reason, rule)
             SELECT 'org', value ->> 0, 'rule', value ->> 1, 'firing', 'error', 0, '', '', value ->> 2
             FROM json_each('[[\"a\", 1, \"old\"], [\"b\", 2, \"old\"], [\"c\", 3, \"new\"], [\"d\", 4, null]]')",
        ] {
            run(app, sql).await;
        }
        let done = migrations::migrate(&app.operator(None), migrations::all()).await.unwrap();
        assert_eq!(done, ["019_raised_rules"]);
        assert_eq!(count(app, "SELECT count(*) FROM raised_rules").await, 2);
        let kept = "SELECT group_concat(a.alert_id || coalesce(r.definition, '') , ' ') = 'aold bold cnew d' FROM (SELECT * FROM alerts ORDER BY alert_id) AS a
            LEFT JOIN raised_rules AS r ON r.org_id = a.org_id AND r.rule_id = a.rule_id AND r.print = a.rule_print";
        assert_eq!(count(app, kept).await, 1);
    };

    names_with_and_without_sql_are_one => async |product: Product| {
        run(&product.app, "UPDATE _migrations SET name = name || '.sql'").await;
        let operator = product.app.operator(None);
        assert!(migrations::migrate(&operator, migrations::all()).await.unwrap().is_empty());
        let status = migrations::status(&operator, migrations::all()).await.unwrap();
        assert_eq!((status.applied[0].name.as_str(), status.pending.len()), ("001_initial_schema", 0));
    };

    an_edited_migration_and_a_gap_are_clear_errors => async |product: Product| {
        let operator = product.app.operator(None);
        run(&product.app, "UPDATE _migrations SET checksum = 'other' WHERE name = '002_saas_tables'").await;
        let edited = migrations::status(&operator, migrations::all()).await.unwrap_err();
        assert_eq!(edited.to_string(), "the migration 002_saas_tables was edited after it was applied");
        run(&product.app, "DELETE FROM _migrations WHERE name = '001_initial_schema'").await;
        let gap = migrations::migrate(&operator, migrations::all()).await.unwrap_err();
        assert_eq!(gap.to_string(), "there is a gap: the database has 002_saas_tables where 001_initial_schema should be");
    };

    the_function_migrates_and_says_where_it_stands => async |product: Product| {
        let status = migrate::run(&product.app, migrate::Request::Status).await.unwrap();
        let json = serde_json::to_value(&status).unwrap();
        assert_eq!((&json["pending"], &json["applied_now"]), (&json!([]), &json!([])));
        assert_eq!(json["applied"][1]["name"], "002_saas_tables");
        let again = migrate::run(&product.app, migrate::Request::Migrate).await.unwrap();
        assert!(again.applied_now.is_empty());
    };
}

/// Requirement 29, on the schema as it is: `org_id` leads the key of every table of an organization.
#[tokio::test]
async fn r29_every_tenant_table_is_keyed_by_organization() {
    let product = Product::start(Backend::Embedded).await;
    let step = db::Step::global(
        "SELECT t.name, (SELECT c.name FROM pragma_table_info(t.name) AS c WHERE c.pk = 1) FROM sqlite_schema AS t
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE 'libsql_%' ORDER BY t.name",
        vec![],
    );
    let reply = product.app.operator(None).run(db::Batch::read_one(step)).await.unwrap();
    let tables = &reply.step(0).unwrap().rows;
    assert!(tables.len() > 20);
    for row in tables {
        let (table, key) = (row.text(0).unwrap(), row.opt_text(1).unwrap());
        if !matches!(table, "_migrations" | "users") {
            assert_eq!(key, Some("org_id"), "{table}");
        }
    }
}
