use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use db::Db;
use intentvision::clock::Clock;
use intentvision::config::Config;
use intentvision::id::Entropy;
use intentvision::{App, Error, migrations, store, tenancy};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tempfile::TempDir;

use super::image::{Images, Loss};
use super::journal::Journal;
use super::ledger::Account;
use super::shim;
use crate::binaries;
use crate::chaos::history::{Contents, History};
use crate::chaos::{load, verify};
use crate::worker::{self, SERIES};

/// A power cut at every sync of a database file.
#[derive(Debug, Clone, Copy)]
pub struct Trial {
    /// what everything that is random comes from
    pub seed: u64,
    /// how many writes the worker does
    pub writes: usize,
}

/// What a trial saw.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// syncs of the log of writes
    pub commits: usize,
    /// syncs of the database file itself
    pub checkpoints: usize,
    /// images that were opened
    pub images: usize,
    /// points that were acknowledged in the end
    pub acknowledged: usize,
    /// what was wrong, with the image
    pub findings: Vec<String>,
}

/// Lets a worker ingest, fold and tidy on a file, then opens every state in which a power cut could have
/// left it.
///
/// # Panics
/// If the worker fails, or an image cannot be written.
pub async fn trial(trial: Trial) -> Survey {
    let place = TempDir::new().expect("a temporary folder");
    let (folder, images) = (place.path().join("worker"), place.path().join("images"));
    fs::create_dir_all(&folder).expect("a folder");
    fs::create_dir_all(&images).expect("a folder");
    let journal = place.path().join("journal");
    let status = Command::new(binaries::program("store-worker"))
        .args([
            folder.as_os_str(),
            trial.seed.to_string().as_ref(),
            trial.writes.to_string().as_ref(),
        ])
        .env("LD_PRELOAD", shim())
        .env("SHIM_FOLDER", folder.join(""))
        .env("SHIM_JOURNAL", &journal)
        .status();
    assert!(status.is_ok_and(|status| status.success()), "the worker failed");

    let journal = Journal::read(&journal);
    let mut disk = Images::new(&journal);
    let mut account = Account::default();
    let mut rng = StdRng::seed_from_u64(trial.seed);
    let mut survey = Survey::default();
    for cut in disk.cuts() {
        disk.go_on(cut);
        let history = account.until(&journal, cut);
        for loss in [Loss::All, Loss::Nothing, Loss::Some, Loss::Torn] {
            disk.write(&images, &[worker::FILE, WAL, ROLLBACK], loss, &mut rng);
            // made anew when the file is opened
            let _ = fs::remove_file(images.join(SHM));
            survey.images += 1;
            if let Err(finding) = examine(&images.join(worker::FILE), history).await {
                survey.findings.push(format!(
                    "power cut at event {cut}, {loss:?} of what was not synced lost: {finding}"
                ));
            }
        }
        survey.acknowledged = history.acknowledged_points();
    }
    survey.commits = disk.syncs_of(WAL);
    survey.checkpoints = disk.syncs_of(worker::FILE);
    survey
}

const WAL: &str = "iv.db-wal";
/// in use only until the file is in WAL mode
const ROLLBACK: &str = "iv.db-journal";
const SHM: &str = "iv.db-shm";

/// Opens what a power cut has left, and compares it with what was acknowledged.
async fn examine(file: &Path, history: &History) -> Result<(), String> {
    let db = db_embedded::open(file, db_embedded::Options::default()).map_err(|error| error.to_string())?;
    let db: Arc<dyn Db> = Arc::new(db);
    let app = App::new(
        Arc::clone(&db),
        Clock::system(),
        Entropy::system(),
        Config::default(),
        None,
    );
    // as a process that starts would, for the power may have gone in the middle of it
    migrations::migrate(&app.operator(None), migrations::all())
        .await
        .map_err(|error| format!("{error:?}"))?;
    let contents = contents(&app).await.map_err(|error| format!("{error:?}"))?;
    let breaches = history.breaches(&contents);
    if !breaches.is_empty() {
        return Err(breaches.to_string());
    }
    let findings = verify::structure(&*db, &contents)
        .await
        .map_err(|error| error.to_string())?;
    findings.is_empty().then_some(()).ok_or_else(|| findings.join("\n"))
}

async fn contents(app: &App) -> Result<Contents, Error> {
    let mut contents = Contents::new();
    for org in tenancy::all(&app.operator(None)).await? {
        let tenant = worker::tenant(app, &org);
        for number in 0..SERIES {
            for point in store::points(&tenant, load::id(number), None, None).await? {
                contents.insert((number, point.timestamp), point.value);
            }
        }
    }
    Ok(contents)
}
