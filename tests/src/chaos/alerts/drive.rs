//! The run itself: minute by minute, with events that get lost, doubled and late, and processes that are killed.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use db::{Batch, Step, args};
use intentvision::clock::{Clock, HOUR, MINUTE, Millis};
use intentvision::config::Config;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::judge::{self, Verdict};
use super::receivers::{Manner, Told};
use super::story::{Rule, START, Story};
use super::{Alerts, Work};
use crate::binaries;
use crate::chaos::Tally;
use crate::product::Product;

/// Product time of the tick of a minute, after its beginning.
const AFTER: Millis = 1_000;
/// Product time at which the points of a minute arrive, before its end.
const BEFORE: Millis = 30_000;
/// How late the latest event comes, in minutes.
const LATE: i64 = 6;
/// Drains at the end, an hour of the database's clock apart, until nothing is left.
const DRAINS: i64 = 20;

/// Simulates the minutes, lets everything come to its end, and judges. Faults are counted in `tally`.
///
/// # Panics
/// If the product cannot be started, or does not come to an end without faults.
pub async fn run(alerts: Alerts, tally: Arc<Tally>) -> Verdict {
    let mut rng = StdRng::seed_from_u64(alerts.seed);
    let story = Story::new(rng.random(), alerts.minutes);
    let mut stage = Stage::build(alerts, rng.random(), tally).await;
    let mut late: Vec<(i64, i64)> = Vec::new();
    let mut two_open = 0;
    for minute in 1..=story.minutes {
        stage.send(&story, minute).await;
        let mut ticks = match rng.random_range(0..10) {
            0..2 => stage.note("event of the schedule lost", vec![]),
            2..4 => stage.note("event of the schedule doubled", vec![minute, minute]),
            4..6 => {
                late.push((minute + rng.random_range(1..LATE), minute));
                stage.note("event of the schedule late", vec![])
            }
            _ => vec![minute],
        };
        ticks.extend(late.extract_if(.., |(when, _)| *when <= minute).map(|(_, event)| event));
        let ticks = ticks.into_iter().map(|event| Work::Tick(START + event * MINUTE));
        let deliveries = (0..rng.random_range(0..3)).map(|_| Work::Deliver);
        let works = ticks.chain(deliveries).collect();
        tokio::task::block_in_place(|| stage.work(works, minute, &mut rng));
        two_open += stage.two_open().await;
    }
    stage.end(story.minutes).await;
    judge::judge(&stage.product, &stage.key, &stage.rules, &stage.told, &story, two_open).await
}

/// The product, its rules and who is told.
struct Stage {
    product: Product,
    key: String,
    rules: Vec<(Rule, String)>,
    told: Vec<Told>,
    tally: Arc<Tally>,
    program: std::path::PathBuf,
    /// how long a tick and a delivery take
    usual: [Duration; 2],
}

impl Stage {
    async fn build(alerts: Alerts, seed: u64, tally: Arc<Tally>) -> Self {
        let config = Config {
            allow_private_webhooks: true,
            ..Config::default()
        };
        let product = Product::start_with(alerts.backend, Clock::at(START), config).await;
        let (_, key) = product.acme().await;
        let mut told = Vec::new();
        let mut channels = Vec::new();
        for manner in Manner::ALL {
            let receiver = Told::start(manner, seed).await;
            // each message alone: a digest would hide which of them arrive
            let body = json!({"name": format!("{manner:?}"), "type": "webhook", "rate_limit": 1_000,
                              "config": {"url": receiver.url()}});
            let channel = post(&product, "/v1/notification-channels", &key, &body).await;
            channels.push(channel["channel_id"].as_str().expect("an id").to_owned());
            told.push(receiver);
        }
        let mut rules = Vec::new();
        for rule in Rule::ALL {
            let made = post(&product, "/v1/alert-rules", &key, &rule.body(&channels)).await;
            rules.push((rule, made["rule_id"].as_str().expect("an id").to_owned()));
        }
        Self {
            product,
            key,
            rules,
            told,
            tally,
            program: binaries::program("alert-worker"),
            usual: [Duration::from_millis(50); 2],
        }
    }

    fn note(&self, fault: &'static str, ticks: Vec<i64>) -> Vec<i64> {
        self.tally.count(fault);
        ticks
    }

    /// The points of a minute, as a client sends them.
    async fn send(&self, story: &Story, minute: i64) {
        let now = START + minute * MINUTE - BEFORE;
        self.product.app.clock.set(now);
        let metric = |(host, value): (usize, f64)| {
            json!({"metric_key": "load", "value": value, "dimensions": {"host": format!("h{host}")},
                   "timestamp": intentvision::time::format(now)})
        };
        let metrics: Vec<Value> = story.points(minute).into_iter().map(metric).collect();
        if !metrics.is_empty() {
            post(&self.product, "/v1/ingest", &self.key, &json!({"metrics": metrics})).await;
        }
        self.product.app.clock.set(START + minute * MINUTE + AFTER);
    }

    /// All of it at once, each in a process of its own; more than half of the processes are killed.
    fn work(&mut self, works: Vec<Work>, minute: i64, rng: &mut StdRng) {
        let begun = Instant::now();
        let mut running: Vec<(Work, Child, Option<Duration>)> = Vec::new();
        for work in works {
            let kind = usize::from(matches!(work, Work::Deliver));
            let mortal = rng.random_range(0..10) < [7, 4][kind];
            let death = mortal.then(|| self.usual[kind].mul_f64(rng.random_range(0.0..1.2)));
            running.push((work, self.start(work, minute), death));
        }
        running.sort_by_key(|(_, _, death)| death.unwrap_or(Duration::MAX));
        for (work, mut child, death) in running {
            let Some(death) = death else {
                let status = child.wait().expect("its end");
                assert!(status.success(), "a worker failed: {work:?}");
                let kind = usize::from(matches!(work, Work::Deliver));
                self.usual[kind] = (self.usual[kind] * 3 + begun.elapsed()) / 4;
                continue;
            };
            std::thread::sleep(death.saturating_sub(begun.elapsed()));
            if child.try_wait().expect("its state").is_none() {
                child.kill().expect("it can be killed");
                self.tally.count(match work {
                    Work::Tick(_) => "kill -9 of the evaluator",
                    Work::Deliver => "kill -9 of the notifier",
                });
            }
            child.wait().expect("its end");
        }
    }

    fn start(&self, work: Work, minute: i64) -> Child {
        let now = START + minute * MINUTE + AFTER;
        let ahead = minute * MINUTE;
        let mut command = Command::new(&self.program);
        command.arg(match work {
            Work::Tick(_) => "tick",
            Work::Deliver => "deliver",
        });
        command
            .arg(self.product.database_url())
            .arg(self.product.secret_key.reveal());
        command.args([now, ahead].map(|time| time.to_string()));
        if let Work::Tick(event) = work {
            command.arg(event.to_string());
        }
        command.stdin(Stdio::null()).spawn().expect("it runs")
    }

    /// How many instances have more than one open alert.
    async fn two_open(&self) -> usize {
        let count = Step::global(
            "SELECT count(*) FROM (SELECT 1 FROM alerts WHERE status <> 'resolved'
                                   GROUP BY org_id, rule_id, series_id HAVING count(*) > 1)",
            args![],
        );
        let reply = self.product.app.operator(None).run(Batch::read_one(count)).await;
        let count = reply.expect("a count").steps[0].one().expect("a row").integer(0);
        usize::try_from(count.expect("a number")).expect("a count")
    }

    /// No faults from here on: one tick, and deliveries until there is nothing to send.
    async fn end(&mut self, minutes: i64) {
        self.told.iter().for_each(Told::recover);
        let key = self.product.secret_key.reveal().to_owned();
        let url = self.product.database_url();
        let last = START + minutes * MINUTE;
        super::work(Work::Tick(last), &url, &key, last + AFTER, minutes * MINUTE).await;
        for hour in 0..DRAINS {
            super::work(Work::Deliver, &url, &key, last + AFTER, minutes * MINUTE + hour * HOUR).await;
        }
    }
}

async fn post(product: &Product, path: &str, key: &str, body: &Value) -> Value {
    let reply = product.post(path, key, body).await;
    assert!(reply.status.is_success(), "{path}: {} {}", reply.status, reply.json());
    reply.json()
}
