use std::sync::Arc;

use db::{Batch, Check, Db, DbError, Guard, Reply, Step, Value, args};
use tempfile::TempDir;
use tests::sqld::Sqld;

/// A database of one test, with what keeps it alive.
pub(crate) struct Fixture {
    pub(crate) db: Arc<dyn Db>,
    place: Place,
}

enum Place {
    File(TempDir),
    Server(Sqld),
}

impl Fixture {
    pub(crate) fn embedded() -> Self {
        let place = Place::File(TempDir::new().unwrap());
        Self {
            db: open(&place),
            place,
        }
    }

    pub(crate) fn remote() -> Self {
        let place = Place::Server(Sqld::start());
        Self {
            db: open(&place),
            place,
        }
    }

    /// A database file that the test has opened itself.
    pub(crate) fn of_file(folder: TempDir, db: Arc<dyn Db>) -> Self {
        Self {
            db,
            place: Place::File(folder),
        }
    }

    /// Another handle on the same database, as another process would have it.
    pub(crate) fn another(&self) -> Arc<dyn Db> {
        open(&self.place)
    }

    pub(crate) async fn run(&self, batch: Batch) -> Result<Reply, DbError> {
        self.db.batch(&nobody(), batch).await
    }

    /// Runs a write of one step that must succeed.
    pub(crate) async fn write(&self, sql: &'static str) {
        self.run(Batch::write_one(Step::global(sql, args![]))).await.unwrap();
    }

    /// The only value of a query.
    pub(crate) async fn value(&self, sql: &'static str) -> Value {
        let reply = self.run(Batch::read_one(Step::global(sql, args![]))).await.unwrap();
        reply.steps[0].one().unwrap().0[0].clone()
    }
}

fn open(place: &Place) -> Arc<dyn Db> {
    match place {
        Place::File(folder) => {
            Arc::new(db_embedded::open(&folder.path().join("test.db"), db_embedded::Options::default()).unwrap())
        }
        Place::Server(server) => Arc::new(db_remote::open(&server.url(), None, db_remote::Options::default()).unwrap()),
    }
}

/// A guard that checks nothing.
pub(crate) fn nobody() -> Guard {
    Guard {
        credential: None,
        scope: None,
        with: "",
        subject: Value::Null,
    }
}

/// A guard of the toy table `keys(hash, org, scope, revoked)`.
pub(crate) fn key(hash: &str, scope: &str) -> Guard {
    Guard {
        credential: Some(Check {
            sql: concat!(
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM keys WHERE hash = ?1 AND NOT revoked) THEN 1 ELSE ",
                db::raise!(),
                " END"
            ),
            args: args![hash],
        }),
        scope: Some(Check {
            sql: concat!(
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM keys WHERE hash = ?1 AND scope = ?2) THEN 1 ELSE ",
                db::raise!(),
                " END"
            ),
            args: args![hash, scope],
        }),
        with: "WITH authority(org_id, actor) AS (SELECT org, hash FROM keys WHERE hash = ?1) ",
        subject: hash.into(),
    }
}

/// Makes a test of each function for each backend: they take a [`Fixture`].
macro_rules! on_both {
    ($($case:ident),* $(,)?) => {
        mod on_a_file {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case($crate::db::fixture::Fixture::embedded()).await;
            })*
        }
        mod on_a_server {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case($crate::db::fixture::Fixture::remote()).await;
            })*
        }
    };
}
pub(crate) use on_both;
