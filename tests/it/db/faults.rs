//! The network between the remote backend and its server.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use db::{Batch, Db, DbError, Step, args};
use db_remote::{Options, Remote};
use tests::proxy::{Fault, Proxy};
use tests::sqld::{self, Sqld};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::fixture::nobody;

const INSERT: &str = "INSERT INTO t VALUES (NULL)";

async fn set_up() -> (Sqld, Proxy, Remote) {
    let server = Sqld::start();
    let proxy = Proxy::start(server.port());
    let db = db_remote::open(&proxy.url(), None, Options::default()).unwrap();
    let table = Step::global("CREATE TABLE t (id INTEGER PRIMARY KEY)", args![]);
    db.batch(&nobody(), Batch::write_one(table)).await.unwrap();
    let _ = proxy.take();
    (server, proxy, db)
}

fn insert() -> Batch {
    Batch::write_one(Step::global(INSERT, args![]))
}

async fn count(db: &Remote) -> i64 {
    let read = Batch::read_one(Step::global("SELECT count(*) FROM t", args![]));
    let reply = db.batch(&nobody(), read).await.unwrap();
    reply.steps[0].one().unwrap().integer(0).unwrap()
}

#[tokio::test]
async fn a_write_with_a_lost_reply_is_sent_again_only_if_it_is_repeatable() {
    let (_server, proxy, db) = set_up().await;
    for (fault, kept) in [(Fault::LoseReply, 1), (Fault::LoseRequest, 1), (Fault::Status(503), 1)] {
        proxy.fail_next(&[fault]);
        let error = db.batch(&nobody(), insert()).await.unwrap_err();
        assert!(matches!(error, DbError::Unavailable(_)), "{fault:?}: {error:?}");
        assert_eq!(proxy.take().len(), 1, "{fault:?}");
        // the lost reply had taken effect, the others had not
        assert_eq!(count(&db).await, kept, "{fault:?}");
        let _ = proxy.take();
    }
    // one that carries an operation id says so: here the primary key
    let mut with_id = Batch::write().repeatable();
    with_id.push(Step::global(
        "INSERT INTO t VALUES (77) ON CONFLICT DO NOTHING",
        args![],
    ));
    proxy.fail_next(&[Fault::LoseReply, Fault::LoseRequest, Fault::Status(502)]);
    db.batch(&nobody(), with_id).await.unwrap();
    assert_eq!(proxy.take().len(), 4);
    assert_eq!(count(&db).await, 2);
}

#[tokio::test]
async fn a_read_is_sent_again_three_times_at_most() {
    let (_server, proxy, db) = set_up().await;
    proxy.fail_next(&[Fault::LoseReply, Fault::LoseRequest, Fault::Status(504)]);
    assert_eq!(count(&db).await, 0);
    assert_eq!(proxy.take().len(), 4);
    proxy.fail_next(&[Fault::Status(500); 4]);
    let read = Batch::read_one(Step::global("SELECT count(*) FROM t", args![]));
    let error = db.batch(&nobody(), read).await.unwrap_err();
    assert!(matches!(error, DbError::Unavailable(_)), "{error:?}");
    assert_eq!(proxy.take().len(), 4);
}

/// The lock is taken, or the server has no connection left: nothing took effect, and others get done.
#[tokio::test]
async fn a_busy_server_is_asked_again_until_the_deadline() {
    let (_server, proxy, _) = set_up().await;
    let options = Options {
        deadline: Duration::from_secs(60),
        ..Options::default()
    };
    let db = db_remote::open(&proxy.url(), None, options.clone()).unwrap();
    for fault in [Fault::Busy, Fault::Status(429)] {
        let before = count(&db).await;
        let _ = proxy.take();
        proxy.fail_next(&vec![fault; 2 * options.retries as usize]);
        db.batch(&nobody(), insert()).await.unwrap();
        assert_eq!(proxy.take().len(), 2 * options.retries as usize + 1, "{fault:?}");
        assert_eq!(count(&db).await, before + 1, "{fault:?}");
    }
    let hasty = Options {
        deadline: Duration::from_millis(200),
        ..options
    };
    let db = db_remote::open(&proxy.url(), None, hasty).unwrap();
    proxy.disturb(Some(Box::new(|_| Some(Fault::Busy))));
    let error = db.batch(&nobody(), insert()).await.unwrap_err();
    assert!(matches!(error, DbError::Busy), "{error:?}");
}

/// Busy says that nothing took effect; of a call whose first attempt did, it would be a lie.
#[tokio::test]
async fn a_lost_reply_is_not_forgotten_over_a_later_refusal() {
    let (_server, proxy, db) = set_up().await;
    proxy.fail_next(&[Fault::LoseReply, Fault::Status(401)]);
    let error = db.batch(&nobody(), insert().repeatable()).await.unwrap_err();
    assert!(matches!(error, DbError::Unavailable(_)), "{error:?}");
    assert_eq!(count(&db).await, 1);
}

#[tokio::test]
async fn a_refusal_is_not_repeated() {
    let (_server, proxy, db) = set_up().await;
    for status in [401, 403] {
        proxy.fail_next(&[Fault::Status(status)]);
        let error = db.batch(&nobody(), insert().repeatable()).await.unwrap_err();
        assert!(matches!(error, DbError::Auth), "{error:?}");
    }
    proxy.fail_next(&[Fault::Status(404)]);
    let error = db.batch(&nobody(), insert().repeatable()).await.unwrap_err();
    assert!(matches!(error, DbError::Other(_)), "{error:?}");
    assert_eq!(proxy.take().len(), 3);
}

/// Accepts connections, reads what comes and never answers; counts the connections.
async fn black_hole() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            held.push(stream);
        }
    });
    (url, connections)
}

#[tokio::test]
async fn a_server_that_never_answers_is_a_timeout_in_bounded_time() {
    let (url, connections) = black_hole().await;
    // so many retries that only the deadline ends them in time
    let options = Options {
        timeout: Duration::from_millis(200),
        deadline: Duration::from_millis(900),
        retries: 1000,
        ..Options::default()
    };
    let db = db_remote::open(&url, None, options).unwrap();
    let started = Instant::now();
    let error = db.batch(&nobody(), insert()).await.unwrap_err();
    assert!(matches!(error, DbError::Timeout), "{error:?}");
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    let error = db.batch(&nobody(), insert().repeatable()).await.unwrap_err();
    assert!(matches!(error, DbError::Timeout), "{error:?}");
    assert!(connections.load(Ordering::SeqCst) > 1);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_refused_connection_is_unavailable_after_retries() {
    let url = format!("http://127.0.0.1:{}", sqld::free_port());
    let db = db_remote::open(&url, None, Options::default()).unwrap();
    let started = Instant::now();
    let error = db.batch(&nobody(), insert()).await.unwrap_err();
    assert!(matches!(error, DbError::Unavailable(_)), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_write_waits_for_a_server_that_starts() {
    let mut server = Sqld::start();
    let url = server.url();
    server.kill();
    let options = Options {
        retries: 100,
        ..Options::default()
    };
    let db = db_remote::open(&url, None, options).unwrap();
    let table = Step::global("CREATE TABLE t (id INTEGER PRIMARY KEY)", args![]);
    // nothing is sent while nobody listens, so that even this one may be tried again
    let calling = tokio::spawn(async move { db.batch(&nobody(), Batch::write_one(table)).await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    server.restart();
    calling.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_reply_is_bounded() {
    let (server, _proxy, _) = set_up().await;
    let options = Options {
        max_reply: 100_000,
        ..Options::default()
    };
    let db = db_remote::open(&server.url(), None, options).unwrap();
    let large = Batch::read_one(Step::global("SELECT randomblob(200000)", args![]));
    let refused = db.batch(&nobody(), large).await;
    assert!(matches!(refused, Err(DbError::TooLarge)), "{refused:?}");
    let small = Batch::read_one(Step::global("SELECT randomblob(2000)", args![]));
    db.batch(&nobody(), small).await.unwrap();
}

/// The server refuses replies above 10 MB; a write must not have happened then.
#[tokio::test]
async fn a_write_whose_reply_is_too_large_for_the_server_writes_nothing() {
    let (_server, _proxy, db) = set_up().await;
    let mut batch = insert();
    for _ in 0..6 {
        batch.push(Step::global("SELECT randomblob(2000000)", args![]));
    }
    let error = db.batch(&nobody(), batch).await.unwrap_err();
    assert!(matches!(error, DbError::TooLarge), "{error:?}");
    assert_eq!(count(&db).await, 0);
}

/// More than this many writes at once only wait in the server, which can stop for good then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_of_a_process_take_turns() {
    let (_server, proxy, db) = set_up().await;
    let db = Arc::new(db);
    let mut writers = JoinSet::new();
    for _ in 0..64 {
        let db = Arc::clone(&db);
        // reads instead of effects: only the turns matter, and a write may be repeated
        let look = || Batch::write_one(Step::global("SELECT count(*) FROM t", args![])).repeatable();
        writers.spawn(async move {
            for _ in 0..5 {
                db.batch(&nobody(), look()).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    assert!(proxy.take().len() >= 320);
    assert!(proxy.peak() <= Options::default().writes, "{}", proxy.peak());
}
