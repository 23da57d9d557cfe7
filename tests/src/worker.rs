//! The work of the program `store-worker`: it ingests, folds, tidies and trims on a file, and says in a ledger
//! what was acknowledged.

use std::path::Path;
use std::sync::Arc;

use intentvision::auth::{Job, Tenant};
use intentvision::clock::{Clock, DAY, Millis};
use intentvision::config::Config;
use intentvision::id::{Entropy, OrgId};
use intentvision::keys::Environment;
use intentvision::series::SeriesRef;
use intentvision::store::{self, Due, Sample};
use intentvision::{App, migrations, tenancy};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;

use crate::chaos::history::{Cell, WriteId, value};
use crate::chaos::load;
use crate::points;
use crate::powerloss::Ledger;

/// The name of the database file.
pub const FILE: &str = "iv.db";
/// How many series there are in the end; they come little by little, so that buckets split.
pub const SERIES: usize = 150;
/// Writes at once, which share a commit.
const AT_ONCE: usize = 4;

/// The organization as maintenance sees it.
#[must_use]
pub fn tenant(app: &App, org: &OrgId) -> Tenant {
    app.system(Job::Maintain, Some(org.clone()))
}

/// Does so many writes, with folds in between.
///
/// # Panics
/// If anything fails.
pub async fn work(folder: &Path, seed: u64, writes: usize) {
    let ledger = Arc::new(Ledger::create(folder));
    let mut app = open(folder);
    let operator = app.operator(None);
    migrations::migrate(&operator, migrations::all())
        .await
        .expect("the schema");
    let org = OrgId::new(&app.clock, &app.entropy).expect("an id");
    let org = tenancy::ensure(&operator, &org, "worker", Environment::Live)
        .await
        .expect("an organization");
    // a view of the database keeps it open
    drop(operator);
    let mut rng = StdRng::seed_from_u64(seed);
    let now = Clock::system().wall();
    let base = now - now.rem_euclid(DAY) - 5 * DAY;
    let mut done = 0;
    while done < writes {
        let mut group = JoinSet::new();
        for _ in 0..rng.random_range(1..=AT_ONCE) {
            let series = 20 + (SERIES - 20) * done / writes;
            let cells = load::cells(&mut rng, series, base);
            group.spawn(write(Arc::clone(&ledger), tenant(&app, &org), cells));
            done += 1;
        }
        group.join_all().await;
        match rng.random_range(0..20) {
            0..2 => maintain(&app, &org).await,
            // a restart: the log of writes goes into the database file, and is removed
            2 => {
                drop(app);
                app = open(folder);
            }
            _ => {}
        }
    }
    maintain(&app, &org).await;
}

fn open(folder: &Path) -> App {
    let db = db_embedded::open(&folder.join(FILE), db_embedded::Options::default()).expect("the file opens");
    App::new(
        Arc::new(db),
        Clock::system(),
        Entropy::system(),
        Config::default(),
        None,
    )
}

async fn write(ledger: Arc<Ledger>, tenant: Tenant, cells: Vec<Cell>) {
    let id = ledger.call(&cells);
    append(&tenant, id, &cells).await;
    ledger.acknowledge(id);
}

async fn append(tenant: &Tenant, id: WriteId, cells: &[Cell]) {
    let sample = |(number, timestamp): &(usize, Millis)| Sample {
        series_id: load::id(*number),
        timestamp: *timestamp,
        value: value(id),
    };
    let samples: Vec<Sample> = cells.iter().map(sample).collect();
    let numbers: std::collections::BTreeSet<usize> = cells.iter().map(|(number, _)| *number).collect();
    let names: Vec<SeriesRef> = numbers.into_iter().map(load::series).collect();
    points::store(tenant, &samples, &names.iter().collect::<Vec<_>>(), false).await;
}

/// Folds, tidies and trims everything.
async fn maintain(app: &App, org: &OrgId) {
    let tenant = tenant(app, org);
    store::maintain(&tenant, &app.entropy, Due::Everything)
        .await
        .expect("folds and the daily pass");
    store::trim(&tenant).await.expect("a trim");
}
