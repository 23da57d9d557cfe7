//! Looks at everything that is stored, once nothing is under way.

use std::collections::BTreeSet;
use std::sync::Arc;

use db::{Batch, Db, DbError, Guard, Reply, Step, Value, args};

use super::history::Contents;
use super::world::{Database, World};

/// What a look found wrong; nothing if all is well.
pub(crate) type Findings = Vec<String>;

/// A guard that checks nothing: these looks are those of an operator with the database at hand.
fn nobody() -> Guard {
    Guard {
        credential: None,
        scope: None,
        with: "",
        subject: Value::Null,
    }
}

async fn run(db: &dyn Db, batch: Batch) -> Result<Reply, DbError> {
    db.batch(&nobody(), batch).await
}

/// A handle on the database itself, past the proxy and the product.
pub(super) fn open(world: &World) -> Arc<dyn Db> {
    match &world.database {
        Database::File(_) => {
            let path = world.folder.path().join("iv.db");
            Arc::new(db_embedded::open(&path, db_embedded::Options::default()).expect("the file opens"))
        }
        Database::Server(sqld, _) => {
            let url = sqld.lock().expect("the server").url();
            db_remote::connect(&url, None).expect("a client")
        }
    }
}

/// Lets the time of every lease pass: a killed folder would hold its own for two minutes.
pub(super) fn expire_leases(world: &World) {
    let expire = Batch::write_one(Step::global("UPDATE leases SET until = 0", args![])).repeatable();
    // the server may be down; then the next call does it
    let _ = tokio::runtime::Handle::current().block_on(run(&*open(world), expire));
}

/// Reads every series through one of the processes, as any user would.
pub(super) async fn contents(world: &World, series: usize, rng: &mut rand::rngs::StdRng) -> Result<Contents, String> {
    let mut contents = Contents::new();
    for number in 0..series {
        let found = world.client.points(world.any(rng), number).await?;
        contents.extend(found.ok_or("a series cannot be read after a restart")?);
    }
    Ok(contents)
}

/// Whether the tables agree with themselves and with each other.
pub(crate) async fn structure(db: &dyn Db, contents: &Contents) -> Result<Findings, DbError> {
    let mut findings = Findings::new();
    let mut batch = Batch::read();
    let integrity = batch.push(Step::global(
        "SELECT integrity_check FROM pragma_integrity_check",
        args![],
    ));
    let counts = batch.push(Step::global(COUNTS, args![]));
    let chunks = batch.push(Step::global(OVERLAPPING_CHUNKS, args![]));
    let segments = batch.push(Step::global(OVERLAPPING_SEGMENTS, args![]));
    let buckets = batch.push(Step::global("SELECT DISTINCT bucket FROM metric_segments", args![]));
    let twice = batch.push(Step::global(TWICE, args![]));
    let reply = run(db, batch).await?;

    let text = reply.step(integrity)?.one()?.text(0)?;
    if text != "ok" {
        findings.push(format!("integrity_check: {text}"));
    }
    let row = reply.step(counts)?.one()?;
    let (counted, rows) = (row.integer(0)?, row.integer(1)?);
    if counted != rows {
        findings.push(format!("org_state counts {counted} series, there are {rows}"));
    }
    let written: BTreeSet<usize> = contents.keys().map(|(number, _)| *number).collect();
    if rows != written.len() as i64 {
        findings.push(format!("{rows} series are listed, {} have points", written.len()));
    }
    for (step, what) in [(chunks, "chunks that overlap"), (segments, "segments that overlap")] {
        let count = reply.step(step)?.one()?.integer(0)?;
        if count > 0 {
            findings.push(format!("{count} {what}"));
        }
    }
    let mut sizes = Vec::new();
    for row in &reply.step(buckets)?.rows {
        sizes.push(row.integer(0)?);
    }
    for bucket in &sizes {
        let mut parent = bucket >> 1;
        while parent > 0 {
            if sizes.contains(&parent) {
                findings.push(format!("bucket {bucket} lies within bucket {parent}"));
            }
            parent >>= 1;
        }
    }
    for row in &reply.step(twice)?.rows {
        findings.push(format!("{} is in the log {} times", row.text(0)?, row.integer(1)?));
    }
    Ok(findings)
}

const COUNTS: &str =
    "SELECT (SELECT coalesce(sum(series_count), 0) FROM org_state), (SELECT count(*) FROM time_series)";

const OVERLAPPING_CHUNKS: &str = "SELECT count(*) FROM metrics AS a JOIN metrics AS b
    ON b.org_id = a.org_id AND b.series_id = a.series_id AND b.start_ts > a.start_ts AND b.start_ts <= a.end_ts";

const OVERLAPPING_SEGMENTS: &str = "SELECT count(*) FROM metric_segments AS a JOIN metric_segments AS b
    ON b.org_id = a.org_id AND b.bucket = a.bucket AND b.start_ts > a.start_ts AND b.start_ts <= a.end_ts";

/// Requests with an idempotency key say so in their provenance.
const TWICE: &str = "SELECT provenance, count(*) FROM metric_batches WHERE provenance LIKE 'keyed-%'
    GROUP BY provenance HAVING count(*) > 1";
