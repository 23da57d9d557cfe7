use std::time::{Duration, SystemTime};

use db::{Batch, Db, DbError, Step, args};
use db_remote::{Options, Remote};
use http::StatusCode;
use tests::proxy::Proxy;
use tests::sqld::Sqld;
use tests::token::{Access, TokenKey};

use super::fixture::nobody;

fn open(url: &str, token: Option<&str>) -> Remote {
    db_remote::open(url, token, Options::default()).unwrap()
}

fn step(sql: &'static str) -> Step {
    Step::global(sql, args![])
}

async fn write(db: &Remote, sql: &'static str) -> Result<db::Reply, DbError> {
    db.batch(&nobody(), Batch::write_one(step(sql))).await
}

async fn count(db: &Remote) -> i64 {
    let read = Batch::read_one(step("SELECT count(*) FROM t"));
    let reply = db.batch(&nobody(), read).await.unwrap();
    reply.steps[0].one().unwrap().integer(0).unwrap()
}

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY)";
const INSERT: &str = "INSERT INTO t VALUES (NULL)";

#[tokio::test]
async fn an_operation_is_one_request_and_all_share_a_connection() {
    let server = Sqld::start();
    let proxy = Proxy::start(server.port());
    let db = open(&proxy.url(), None);
    db.warm().await.unwrap();
    let warm = proxy.take();
    assert_eq!((warm.len(), warm[0].path.as_str()), (1, "/v3/pipeline"));
    write(&db, TABLE).await.unwrap();
    for _ in 0..5 {
        let mut batch = Batch::write();
        for _ in 0..3 {
            batch.push(step(INSERT));
        }
        db.batch(&nobody(), batch).await.unwrap();
    }
    assert_eq!(count(&db).await, 15);
    let failed = write(&db, "INSERT INTO t VALUES (1)").await.unwrap_err();
    assert!(matches!(failed, DbError::Constraint { step: 0, .. }), "{failed:?}");
    let exchanges = proxy.take();
    assert_eq!(exchanges.len(), 8);
    assert_eq!(proxy.connections(), 1);
    // what the server counts arrives in the reply
    let reply = write(&db, INSERT).await.unwrap();
    let exchange = &proxy.take()[0];
    assert_eq!(reply.rows_written, 1);
    assert_eq!(
        (reply.rows_read, reply.rows_written),
        (exchange.rows_read, exchange.rows_written)
    );
    assert!(exchange.sent > 0 && exchange.received > 0);
}

/// The server ends a stream after 10 s of silence; a raw stream beside proves that it did.
#[tokio::test]
async fn a_call_after_the_stream_limit_works() {
    let server = Sqld::start();
    let db = open(&server.url(), None);
    write(&db, TABLE).await.unwrap();
    let pipeline = format!("{}/v3/pipeline", server.url());
    let select = |baton: &serde_json::Value| {
        format!(r#"{{"baton":{baton},"requests":[{{"type":"execute","stmt":{{"sql":"SELECT 1"}}}}]}}"#)
    };
    let (status, reply) = tests::http::post(&pipeline, select(&serde_json::Value::Null)).await;
    assert_eq!(status, StatusCode::OK);
    let reply: serde_json::Value = serde_json::from_slice(&reply).unwrap();
    tokio::time::sleep(Duration::from_millis(11_000)).await;
    let (status, reply) = tests::http::post(&pipeline, select(&reply["baton"])).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{reply:?}");
    write(&db, INSERT).await.unwrap();
    assert_eq!(count(&db).await, 1);
}

#[tokio::test]
async fn a_pause_by_the_wall_clock_means_a_new_connection() {
    let server = Sqld::start();
    let proxy = Proxy::start(server.port());
    let options = Options {
        idle: Duration::from_millis(20),
        ..Options::default()
    };
    let db = db_remote::open(&proxy.url(), None, options).unwrap();
    db.warm().await.unwrap();
    tokio::time::sleep(Duration::from_millis(60)).await;
    db.warm().await.unwrap();
    assert_eq!(proxy.connections(), 2);
}

#[tokio::test]
async fn a_server_restart_between_calls_is_survived() {
    let mut server = Sqld::start();
    let db = open(&server.url(), None);
    write(&db, TABLE).await.unwrap();
    let mut acknowledged = 0;
    for _ in 0..3 {
        server.restart();
        // the old connection is dead; a read may simply be sent again
        assert_eq!(count(&db).await, acknowledged);
        server.restart();
        // so may a write that says so
        db.batch(&nobody(), Batch::write_one(step(INSERT)).repeatable())
            .await
            .unwrap();
        acknowledged += 1;
        server.restart();
        // another write either took effect or says that it is not known, and the next one works
        match write(&db, INSERT).await {
            Ok(_) => acknowledged += 1,
            Err(DbError::Unavailable(_)) => acknowledged = count(&db).await,
            Err(error) => panic!("{error:?}"),
        }
        write(&db, INSERT).await.unwrap();
        acknowledged += 1;
        assert_eq!(count(&db).await, acknowledged);
    }
}

#[tokio::test]
async fn a_write_without_a_token_or_with_a_wrong_expired_or_read_only_one_is_refused() {
    let key = TokenKey::generate();
    let server = Sqld::start_with_tokens(&key);
    let good = key.token(Access::ReadWrite);
    write(&open(&server.url(), Some(&good)), TABLE).await.unwrap();
    let read_only = key.token(Access::ReadOnly);
    let wrong = [
        None,
        Some("garbage".to_owned()),
        Some(TokenKey::generate().token(Access::ReadWrite)),
        Some(key.token_until(Access::ReadWrite, SystemTime::now() - Duration::from_secs(3600))),
        Some(read_only.clone()),
    ];
    for token in wrong {
        let db = open(&server.url(), token.as_deref());
        let error = write(&db, INSERT).await.unwrap_err();
        assert!(matches!(error, DbError::Auth), "{token:?}: {error:?}");
    }
    assert_eq!(count(&open(&server.url(), Some(&read_only))).await, 0);
}

#[tokio::test]
async fn the_token_is_in_no_debug_text_and_no_error() {
    let token = "canary-token";
    let db = open("http://127.0.0.1:1", Some(token));
    let error = db.warm().await.unwrap_err();
    let texts = format!("{db:?} {error:?} {error}");
    assert!(!texts.contains("canary"), "{texts}");
    let wrong = db_remote::open("http://127.0.0.1:1", Some("canary\n"), Options::default()).unwrap_err();
    assert!(!format!("{wrong:?}").contains("canary"), "{wrong:?}");
}
