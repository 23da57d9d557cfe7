use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use intentvision::clock::{Clock, DAY, Millis};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;

use super::client::Answer;
use super::history::{Breaches, WriteId};
use super::tally::Tally;
use super::world::World;
use super::{imports, load, monkey, verify};
use crate::product::Backend;

/// Clients that send at once.
const CLIENTS: usize = 4;
/// How often a client repeats a request with a key before it leaves it for later.
const REPEATS: usize = 3;
/// Series of the first round; each round has more, so that buckets split.
const SERIES: usize = 40;

/// A run on a database of its own: rounds of load and faults, each ended by a restart and a look.
#[derive(Debug, Clone, Copy)]
pub struct Episode {
    /// what everything that is random comes from
    pub seed: u64,
    /// which kind of database
    pub backend: Backend,
    /// how many rounds
    pub rounds: usize,
    /// requests of each client in a round
    pub requests: usize,
}

/// What an episode found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// points that were acknowledged
    pub acknowledged: usize,
    /// writes that were sent
    pub writes: usize,
    /// points that are missing, made up or half there
    pub breaches: Breaches,
    /// what else is wrong
    pub findings: Vec<String>,
}

impl Report {
    /// Whether all is well.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.breaches.is_empty() && self.findings.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.breaches)?;
        self.findings.iter().try_for_each(|finding| writeln!(f, "{finding}"))
    }
}

/// Runs an episode, on a runtime of several threads. Faults are counted in `tally`.
///
/// # Panics
/// If the product cannot be started, or not be read after all faults are over.
pub async fn episode(episode: Episode, tally: Arc<Tally>) -> Report {
    let world = Arc::new(World::start(episode.backend, tally));
    // whole days, so that a replay begins at the same times within its chunks
    let now = Clock::system().wall();
    let base = now - now.rem_euclid(DAY) - 5 * DAY;
    let mut rng = StdRng::seed_from_u64(episode.seed);
    let mut report = Report::default();
    for round in 0..episode.rounds {
        let plan = Round {
            series: SERIES * (round + 1),
            base,
            requests: episode.requests,
        };
        run(&world, plan, &mut rng).await;
        for _ in 0..2 {
            look(&world, plan, &mut rng, &mut report).await;
            if !report.is_clean() {
                break;
            }
            // once more when all is folded and tidied
            let maintained = world.installation.command(&["maintain", "--force"]).status();
            if !maintained.is_ok_and(|status| status.success()) {
                report.findings.push(format!(
                    "maintenance fails without faults:\n{}",
                    world.installation.log()
                ));
            }
        }
        if !report.is_clean() {
            break;
        }
    }
    let history = world.history();
    report.acknowledged = history.acknowledged_points();
    report.writes = history.writes();
    report
        .findings
        .extend(world.wrong.lock().expect("what went wrong").drain(..));
    report
}

/// What is alike for all clients of a round.
#[derive(Debug, Clone, Copy)]
struct Round {
    series: usize,
    base: Millis,
    requests: usize,
}

/// A request with an idempotency key whose outcome is not known yet.
struct Unresolved {
    id: WriteId,
    key: String,
    body: Bytes,
}

/// One round: load and faults at once, then everything is started again.
async fn run(world: &Arc<World>, round: Round, rng: &mut StdRng) {
    world.disturb(rng.random());
    let stop = Arc::new(AtomicBool::new(false));
    let mut others = JoinSet::new();
    let blocking: [fn(&World, StdRng, &AtomicBool); 2] = [monkey::break_things, monkey::maintain];
    for work in blocking {
        let (world, stop, rng) = (
            Arc::clone(world),
            Arc::clone(&stop),
            StdRng::seed_from_u64(rng.random()),
        );
        others.spawn_blocking(move || work(&world, rng, &stop));
    }
    let (of_import, until, of_rng) = (
        Arc::clone(world),
        Arc::clone(&stop),
        StdRng::seed_from_u64(rng.random()),
    );
    let importing = tokio::task::spawn_blocking(move || imports::import(&of_import, of_rng, round.base, &until));
    others.spawn(read(
        Arc::clone(world),
        round,
        StdRng::seed_from_u64(rng.random()),
        Arc::clone(&stop),
    ));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(send(Arc::clone(world), round, StdRng::seed_from_u64(rng.random())));
    }
    let unresolved = clients.join_all().await;
    stop.store(true, Ordering::Relaxed);
    others.join_all().await;
    let unfinished = importing.await.expect("the imports");
    world.calm().await;
    tokio::task::block_in_place(|| {
        world.restart();
        verify::expire_leases(world);
        unfinished
            .iter()
            .for_each(|unfinished| imports::finish(world, unfinished));
    });
    for request in unresolved.into_iter().flatten() {
        match world
            .client
            .ingest(world.any(rng), &request.body, Some(&request.key))
            .await
        {
            Answer::Done => world.history().acknowledge(request.id),
            other => world.wrong(format!("write {} repeated after all faults: {other:?}", request.id)),
        }
    }
}

/// A client: sends one request after the other, and notes what it hears.
async fn send(world: Arc<World>, round: Round, mut rng: StdRng) -> Vec<Unresolved> {
    let mut unresolved = Vec::new();
    let stranger = world.client.with_key("iv_live_unknown");
    for _ in 0..round.requests {
        let cells = load::cells(&mut rng, round.series, round.base);
        let id = world.history().call(cells.clone(), true);
        match rng.random_range(0..10) {
            0 => {
                // refused, or unknown where the database did not answer: never done either way
                world.history().refuse(id);
                let body = Bytes::from(load::body(id, &cells, "stranger").to_string());
                if stranger.ingest(world.any(&mut rng), &body, None).await == Answer::Done {
                    world.wrong(format!("write {id} was taken from a stranger"));
                }
            }
            1..4 => {
                let body = Bytes::from(load::body(id, &cells, "plain").to_string());
                let answer = world.client.ingest(world.any(&mut rng), &body, None).await;
                hear(&world, id, answer);
            }
            _ => {
                let key = format!("keyed-{id}");
                let body = Bytes::from(load::body(id, &cells, &key).to_string());
                for _ in 0..=REPEATS {
                    let answer = world.client.ingest(world.any(&mut rng), &body, Some(&key)).await;
                    let unknown = answer.is_unknown();
                    hear(&world, id, answer);
                    if !unknown {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(rng.random_range(0..100))).await;
                }
                if world.history().is_unknown(id) {
                    unresolved.push(Unresolved { id, key, body });
                }
            }
        }
    }
    unresolved
}

fn hear(world: &World, id: WriteId, answer: Answer) {
    match answer {
        Answer::Done => world.history().acknowledge(id),
        Answer::Unavailable | Answer::Nothing => {}
        Answer::Refused(status) => world.wrong(format!("write {id} was refused with {status}")),
        Answer::Wrong(what) => world.wrong(format!("write {id} was answered {what}")),
    }
}

/// A client that reads, and finds at any time what was acknowledged before it asked.
async fn read(world: Arc<World>, round: Round, mut rng: StdRng, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let number = rng.random_range(0..round.series);
        let called = world.history().moment();
        match world.client.points(world.any(&mut rng), number).await {
            Ok(Some(found)) => {
                let breaches = world.history().breaches_of_a_read(number, &found, called);
                if !breaches.is_empty() {
                    world.wrong(format!(
                        "a read of series {number} called at {called} found:\n{breaches}"
                    ));
                }
            }
            Ok(None) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(wrong) => world.wrong(format!("a read of series {number}: {wrong}")),
        }
    }
}

/// Compares all that is there with what may be there.
async fn look(world: &World, round: Round, rng: &mut StdRng, report: &mut Report) {
    let contents = verify::contents(world, round.series, rng).await;
    let contents = contents.unwrap_or_else(|wrong| panic!("{wrong}:\n{}", world.installation.log()));
    report.breaches = world.history().breaches(&contents);
    let structure = verify::structure(&*verify::open(world), &contents).await;
    report
        .findings
        .extend(structure.unwrap_or_else(|error| vec![format!("the tables cannot be read: {error}")]));
}
