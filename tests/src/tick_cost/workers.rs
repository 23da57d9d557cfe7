//! Ticks in parts: the function's own program, as often as there are parts, side by side on a real server.

use std::time::{Duration, Instant};

use db::{Batch, Step, args};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use intentvision::clock::{Clock, HOUR, Millis};
use intentvision::config::Config;
use intentvision::time;
use serde_json::Value;

use super::STEP;
use super::organization::{Organization, Story};
use crate::binaries;
use crate::events::{queued, scheduled};
use crate::load::process::cpu_of;
use crate::many_series;
use crate::product::{Backend, Product};
use crate::queue::Queue;
use crate::runtime_api::Function;

/// How many series there are.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// in all
    pub series: usize,
    /// that have as many each
    pub organizations: usize,
    /// what each of them counts as its series, if that is not their number: a worker takes on 20,000
    pub counted: Option<i64>,
}

/// What one tick came to.
#[derive(Debug, Clone)]
pub struct Tick {
    /// one for the schedule's event, and one for each message of the queue
    pub invocations: Vec<Invocation>,
    /// from the schedule's event to the end of the last invocation
    pub wall: Duration,
    /// what the database server took of a processor meanwhile
    pub server: Duration,
    /// changes of alerts when one of the messages was handed out again
    pub again: u64,
}

impl Tick {
    /// Changes of alerts.
    #[must_use]
    pub fn transitions(&self) -> u64 {
        self.invocations.iter().map(|invocation| invocation.transitions).sum()
    }
}

/// What one invocation came to.
#[derive(Debug, Clone, Copy)]
pub struct Invocation {
    /// of all threads of its process, its start not included
    pub cpu: Duration,
    /// from the event to the reply
    pub wall: Duration,
    /// organizations that it evaluated
    pub organizations: u64,
    /// changes of alerts
    pub transitions: u64,
}

/// Ticks so many times, as [`super::cost`] does. The schedule's event goes to one worker; what that one hands out goes to others at
/// once, as SQS and Lambda would do it.
///
/// # Panics
/// If it cannot be measured, or a series is not evaluated exactly once.
pub async fn ticks(size: Size, ticks: usize) -> Vec<Tick> {
    // built before any clock runs
    let _ = binaries::program("evaluate-alerts");
    // the workers' clock is the real one, so that the story is of the past
    let now = Clock::system().wall();
    let story = Story {
        start: now - now.rem_euclid(STEP) - 2 * HOUR,
        ticks,
    };
    let clock = Clock::at(story.start);
    let mut product = Product::start_with(Backend::Remote, clock.clone(), Config::default()).await;
    let all = Organization::several(&product, story.start, size.series, size.organizations).await;
    for organization in &all {
        if let Some(series) = size.counted {
            many_series::count_as(&organization.tenant, series).await;
        }
    }
    let (database, server) = (product.server().url(), product.server().pid());
    let mut workers = Workers {
        queue: Queue::start(),
        database,
        idle: Vec::new(),
    };
    // the first tick meets the series and makes their forecasts
    let minute = story.tell(0, &all, &clock).await;
    product.tick(minute).await;
    let mut told = Vec::new();
    for tick in 1..=ticks {
        let minute = story.tell(tick, &all, &clock).await;
        let cpu = cpu_of(server);
        let (invocations, wall, message) = workers.tick(minute).await;
        let server = cpu_of(server).saturating_sub(cpu);
        let changes = changes(&all, minute).await;
        let again = match message {
            Some(message) => workers.take().await.run(queued(&[&message])).await.1.transitions,
            None => 0,
        };
        assert_eq!(
            self::changes(&all, minute).await,
            changes,
            "a message that comes twice changes nothing"
        );
        let tick = Tick {
            invocations,
            wall,
            server,
            again,
        };
        let visited: u64 = tick.invocations.iter().map(|one| one.organizations).sum();
        assert_eq!(
            visited,
            u64::try_from(all.len()).expect("a number"),
            "each organization goes to one worker"
        );
        assert_eq!(tick.transitions(), changes, "what the workers say is what is there");
        told.push(tick);
    }
    for organization in &all {
        organization.expect_nothing_open(&product).await;
    }
    told
}

/// How many alerts changed in a minute: of each organization none, or one of each series.
async fn changes(all: &[Organization], minute: Millis) -> u64 {
    let mut changes = 0;
    for organization in all {
        let step = Step::tenant(
            "SELECT count(*), count(DISTINCT series_id) FROM transitions WHERE org_id = (SELECT org_id FROM authority) AND minute = ?2",
            args![minute],
        );
        let reply = organization.tenant.run(Batch::read_one(step)).await.expect("a count");
        let row = reply.step(0).and_then(|rows| rows.one()).expect("a row");
        let [all, series] =
            [0, 1].map(|column| usize::try_from(row.integer(column).expect("a count")).expect("a count"));
        assert_eq!(all, series, "a series changes once");
        assert!(
            series == 0 || series == organization.series(),
            "{series} of {}",
            organization.series()
        );
        changes += series;
    }
    u64::try_from(changes).expect("a number")
}

/// The instances of the function; one that has replied is used again, as Lambda does.
struct Workers {
    queue: Queue,
    database: String,
    idle: Vec<Worker>,
}

impl Workers {
    async fn take(&mut self) -> Worker {
        match self.idle.pop() {
            Some(worker) => worker,
            None => Worker(self.queue.evaluate_alerts(&self.database).await),
        }
    }

    /// The event of a minute and all that follows from it, how long that takes, and one of the messages.
    async fn tick(&mut self, minute: Millis) -> (Vec<Invocation>, Duration, Option<String>) {
        let mut invocations = Vec::new();
        let mut one = None;
        let begun = Instant::now();
        let mut running = FuturesUnordered::from_iter([self.take().await.run(scheduled(&time::format(minute)))]);
        loop {
            tokio::select! {
                biased;
                message = self.queue.message() => {
                    running.push(self.take().await.run(queued(&[&message])));
                    one = Some(message);
                }
                Some((worker, invocation)) = running.next() => {
                    self.idle.push(worker);
                    invocations.push(invocation);
                }
            }
            if running.is_empty() {
                break;
            }
        }
        (invocations, begun.elapsed(), one)
    }
}

struct Worker(Function);

impl Worker {
    /// Hands it an event, and gives it back with what that took.
    async fn run(self, event: Value) -> (Self, Invocation) {
        let cpu = self.0.cpu().await;
        let begun = Instant::now();
        let reply = self.0.invoke(event).await;
        let wall = begun.elapsed();
        let reply = reply.unwrap_or_else(|error| panic!("{error:?} {}", self.0.log()));
        let count = |name: &str| reply[name].as_u64().expect("a count");
        let invocation = Invocation {
            cpu: self.0.cpu().await.saturating_sub(cpu),
            wall,
            organizations: count("organizations"),
            transitions: count("transitions"),
        };
        (self, invocation)
    }
}
