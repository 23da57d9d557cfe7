use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use intentvision::clock::{Clock, DAY, Millis};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::client::{Answer, Client};
use super::history::History;
use super::load;
use crate::product::Backend;
use crate::served::{Installation, Serve};
use crate::sqld::Sqld;

/// Processes that serve one organization.
const PROCESSES: usize = 10;
/// Series of the organization.
const SERIES: usize = 100;

/// So many bad answers end a run: a database that stands still would take hours.
const ENOUGH: usize = 20;

/// Ten processes that serve one organization, with a client each, while it is folded, read and imported.
#[derive(Debug, Clone, Copy)]
pub struct Ten {
    /// which kind of database
    pub backend: Backend,
    /// requests of each client
    pub requests: usize,
}

/// What the clients of [`ten`] saw.
#[derive(Debug, Clone, Default)]
pub struct Impression {
    /// how long each request that was stored took, ascending
    pub writes: Vec<Duration>,
    /// how many points they had
    pub points: usize,
    /// how long each read took, ascending
    pub reads: Vec<Duration>,
    /// runs of maintenance meanwhile
    pub folds: usize,
    /// files that were imported meanwhile
    pub imports: usize,
    /// every answer but 200, and what is wrong with the points in the end
    pub wrong: Vec<String>,
}

impl Impression {
    /// The time that so many of a hundred stay below.
    #[must_use]
    pub fn percentile(sorted: &[Duration], percent: usize) -> Duration {
        let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
        sorted.get(at).copied().unwrap_or_default()
    }
}

struct Scene {
    installation: Installation,
    client: Client,
    history: Mutex<History>,
    impression: Mutex<Impression>,
    serves: Vec<Serve>,
    base: Millis,
    done: AtomicBool,
    folds: AtomicUsize,
    imports: AtomicUsize,
}

impl Scene {
    /// Notes what went wrong.
    fn complain(&self, what: String) {
        self.impression.lock().expect("the impression").wrong.push(what);
    }
}

/// Runs ten processes on one database, on a runtime of several threads.
///
/// # Panics
/// If they do not start.
pub async fn ten(ten: Ten) -> Impression {
    let folder = TempDir::new().expect("a temporary folder");
    let sqld = (ten.backend == Backend::Remote).then(Sqld::start);
    let file = format!("file:{}", folder.path().join("iv.db").display());
    let url = sqld.as_ref().map_or(file, Sqld::url);
    let installation = Installation::new(url, &folder.path().join("log"));
    let key = installation.set_up();
    let serves = (0..PROCESSES).map(|_| installation.serve(0).expect("it serves"));
    let now = Clock::system().wall();
    let scene = Arc::new(Scene {
        client: Client::new(&key),
        history: Mutex::default(),
        impression: Mutex::default(),
        serves: serves.collect(),
        base: now - now.rem_euclid(DAY) - 5 * DAY,
        done: AtomicBool::new(false),
        folds: AtomicUsize::new(0),
        imports: AtomicUsize::new(0),
        installation,
    });
    let mut others = JoinSet::new();
    others.spawn(read(Arc::clone(&scene)));
    let of_folds = Arc::clone(&scene);
    others.spawn_blocking(move || fold(&of_folds));
    let of_imports = Arc::clone(&scene);
    let files = folder.path().to_owned();
    others.spawn_blocking(move || import(&of_imports, &files));
    let mut clients = JoinSet::new();
    for process in 0..PROCESSES {
        clients.spawn(send(Arc::clone(&scene), process, ten.requests));
    }
    clients.join_all().await;
    scene.done.store(true, Ordering::Relaxed);
    others.join_all().await;
    let mut impression = std::mem::take(&mut *scene.impression.lock().expect("the impression"));
    impression.wrong.extend(compare(&scene).await);
    impression.folds = scene.folds.load(Ordering::Relaxed);
    impression.imports = scene.imports.load(Ordering::Relaxed);
    impression.writes.sort_unstable();
    impression.reads.sort_unstable();
    impression
}

async fn send(scene: Arc<Scene>, process: usize, requests: usize) {
    let mut rng = StdRng::seed_from_u64(process as u64);
    let address = scene.serves[process].address();
    for number in 0..requests {
        let cells = load::cells(&mut rng, SERIES, scene.base);
        let points = cells.len();
        let id = scene.history.lock().expect("the history").call(cells.clone(), true);
        let key = format!("{process}-{number}");
        let body = Bytes::from(load::body(id, &cells, "ten").to_string());
        let started = Instant::now();
        let answer = scene
            .client
            .ingest(address, &body, rng.random::<bool>().then_some(&*key))
            .await;
        let took = started.elapsed();
        let mut impression = scene.impression.lock().expect("the impression");
        if answer == Answer::Done {
            scene.history.lock().expect("the history").acknowledge(id);
            impression.writes.push(took);
            impression.points += points;
        } else {
            impression.wrong.push(format!("{answer:?} after {took:?}"));
        }
        if impression.wrong.len() >= ENOUGH {
            return;
        }
    }
}

async fn read(scene: Arc<Scene>) {
    let mut rng = StdRng::seed_from_u64(PROCESSES as u64);
    while !scene.done.load(Ordering::Relaxed) {
        let number = rng.random_range(0..SERIES);
        let address = scene.serves[rng.random_range(0..PROCESSES)].address();
        let called = scene.history.lock().expect("the history").moment();
        let started = Instant::now();
        let found = scene.client.points(address, number).await;
        let took = started.elapsed();
        let breaches = match &found {
            Ok(Some(found)) => Some(
                scene
                    .history
                    .lock()
                    .expect("the history")
                    .breaches_of_a_read(number, found, called),
            ),
            _ => None,
        };
        let mut impression = scene.impression.lock().expect("the impression");
        match breaches {
            Some(breaches) if breaches.is_empty() => impression.reads.push(took),
            Some(breaches) => impression.wrong.push(breaches.to_string()),
            None => impression.wrong.push(format!("a read after {took:?}: {found:?}")),
        }
    }
}

fn fold(scene: &Scene) {
    while !scene.done.load(Ordering::Relaxed) {
        let status = scene
            .installation
            .command(&["maintain", "--force"])
            .status()
            .expect("it runs");
        if status.success() {
            scene.folds.fetch_add(1, Ordering::Relaxed);
        } else {
            let log = scene.installation.log();
            scene.complain(format!("maintenance: {status}\n{log}"));
        }
    }
}

/// Imports one file after the other.
fn import(scene: &Scene, folder: &Path) {
    let mut rng = StdRng::seed_from_u64(PROCESSES as u64 + 1);
    while !scene.done.load(Ordering::Relaxed) {
        let cells = load::history(&mut rng, 3, scene.base);
        let id = scene.history.lock().expect("the history").call(cells.clone(), false);
        let file = folder.join(format!("import-{id}.ndjson"));
        load::write_file(&file, id, &cells);
        let command = scene
            .installation
            .command(&["import", &file.to_string_lossy()])
            .status();
        if command.is_ok_and(|status| status.success()) {
            scene.history.lock().expect("the history").acknowledge(id);
            scene.imports.fetch_add(1, Ordering::Relaxed);
        } else {
            let log = scene.installation.log();
            scene.complain(format!("an import failed\n{log}"));
        }
    }
}

/// What is wrong with all points in the end.
async fn compare(scene: &Scene) -> Option<String> {
    let mut contents = super::history::Contents::new();
    for number in 0..SERIES {
        match scene.client.points(scene.serves[0].address(), number).await {
            Ok(Some(found)) => contents.extend(found),
            other => return Some(format!("a read in the end: {other:?}")),
        }
    }
    let breaches = scene.history.lock().expect("the history").breaches(&contents);
    (!breaches.is_empty()).then(|| breaches.to_string())
}
