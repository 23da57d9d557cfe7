use db::{Batch, Step, Value, args};
use http::Method;
use intentvision::App;
use intentvision::auth::Job;
use intentvision::clock::{Clock, Millis};
use intentvision::config::Config;
use intentvision::id::{AlertId, ChannelId, GroupId, OrgId, RuleId};
use intentvision::keys::Environment;
use intentvision::notify::address::Reach;
use intentvision::notify::connector::SystemNetwork;
use intentvision::notify::delivery::{self, Summary};
use intentvision::notify::notice::Why;
use intentvision::notify::outbox;
use intentvision::notify::sender::{Limits, Sender};
use intentvision::notify::{MessageKind, NewMessage};
use serde_json::json;
use std::sync::Arc;
use tests::product::{Backend, Product, Reply};
use tests::receiver::{Answer, Receiver};

/// 2026-11-23T10:00:00Z.
pub(crate) const MINUTE_ONE: Millis = 1_795_428_000_000;

/// A product with an organization, and alerts to tell of.
pub(crate) struct Scene {
    pub(crate) product: Product,
    pub(crate) org: OrgId,
    pub(crate) key: String,
}

impl Scene {
    pub(crate) async fn start(backend: Backend) -> Self {
        Self::start_in(backend, Environment::Live).await
    }

    pub(crate) async fn start_in(backend: Backend, environment: Environment) -> Self {
        let config = Config {
            allow_private_webhooks: true,
            ..Config::default()
        };
        let product = Product::start_with(backend, Clock::system(), config).await;
        let org = product.organization("acme", environment).await;
        let key = product.key(&org, &["admin"]).await;
        Self { product, org, key }
    }

    /// A channel to this URL, and its secret.
    pub(crate) async fn channel(&self, url: &str) -> (ChannelId, String) {
        let body = json!({"name": "ops", "type": "webhook", "config": {"url": url}});
        let reply = self.product.post("/v1/notification-channels", &self.key, &body).await;
        assert_eq!(reply.status, 201, "{}", reply.json());
        let text = |name: &str| reply.json()[name].as_str().unwrap().to_owned();
        (ChannelId::parse(&text("channel_id")).unwrap(), text("secret"))
    }

    pub(crate) async fn patch(&self, channel: &ChannelId, change: serde_json::Value) -> Reply {
        let path = format!("/v1/notification-channels/{channel}");
        self.product.call(Method::PATCH, &path, &self.key, Some(&change)).await
    }

    /// The id of the alert with this name.
    pub(crate) fn alert_id(&self, name: &str) -> AlertId {
        AlertId::derived(MINUTE_ONE, &[self.org.as_str().as_bytes(), name.as_bytes()])
    }

    /// An alert with its rule and series.
    pub(crate) async fn alert(&self, name: &str) -> AlertId {
        let alert = self.alert_id(name);
        let rule = RuleId::derived(MINUTE_ONE, &[self.org.as_str().as_bytes(), name.as_bytes()]);
        let hash = i64::from(
            name.bytes()
                .fold(7_u32, |hash, byte| hash.wrapping_mul(31) + u32::from(byte)),
        );
        let mut batch = Batch::write();
        batch.push(Step::global(
            "INSERT INTO time_series (org_id, series_id, metric_key, dimensions, created_at) VALUES (?1, ?2, 'latency', ?3, 0)",
            args![&self.org, hash, json!({"host": name}).to_string()],
        ));
        batch.push(Step::global(
            "INSERT INTO alert_rules (org_id, rule_id, name, metric_key, dimensions, severity, condition, channels, created_at, updated_at)
             VALUES (?1, ?2, 'too slow', 'latency', '{}', 'critical', '{\"type\":\"threshold\",\"operator\":\"gt\",\"value\":500}', '[]', 0, 0)",
            args![&self.org, &rule],
        ));
        batch.push(Step::global(
            "INSERT INTO alerts (org_id, alert_id, rule_id, series_id, status, severity, started_at, value, summary, reason, noticed)
             VALUES (?1, ?2, ?3, ?4, 'firing', 'critical', ?5, 512.5, 'latency is too high', '512.5 is above 500', 'firing')",
            args![&self.org, &alert, &rule, hash, MINUTE_ONE],
        ));
        self.product.app.operator(None).run(batch).await.unwrap();
        alert
    }

    /// Writes messages as stage 2 does, each alert a group of its own, and says how many rows a server read for it.
    pub(crate) async fn tell(&self, messages: &[NewMessage]) -> u64 {
        let stage = self.product.app.system(Job::Evaluate, Some(self.org.clone()));
        let mut batch = Batch::write();
        for message in messages {
            let ended = (message.kind == MessageKind::Resolved).then_some(message.flush);
            batch.push(Step::global(
                "INSERT INTO group_alerts (org_id, alert_id, channel_id, group_id, told, told_at, flush_from, flush_to)
                 VALUES (?1, 'alert_' || substr(?3, 5), ?2, ?3, 1, 0, ?4, ?5)
                 ON CONFLICT (org_id, alert_id, channel_id) DO UPDATE SET flush_to = excluded.flush_to",
                args![&self.org, &message.channel_id, &message.group_id, message.flush, ended],
            ));
        }
        for step in outbox::enqueue(messages, stage.clock()).unwrap() {
            batch.push(step);
        }
        stage.run(batch).await.unwrap().rows_read
    }

    /// The app in a process whose database is so far ahead.
    pub(crate) fn later(&self, offset: Millis) -> App {
        let mut app = self.product.app.clone();
        app.clock = Clock::system().with_wall_offset(offset);
        app
    }

    /// Drains when the database's clock is so far ahead.
    pub(crate) async fn drain(&self, offset: Millis) -> Summary {
        delivery::drain(&self.later(offset), &sender(Limits::default()), 1_000)
            .await
            .unwrap()
    }

    /// Leaves one attempt to each message that waits.
    pub(crate) async fn exhaust(&self) {
        let sql = "UPDATE outbox SET attempts = spent + iif(type = 'alert.resolved' OR digest_of > 0, 175, 7) WHERE state = 'pending'";
        let batch = Batch::write_one(Step::global(sql, vec![]));
        self.product.app.operator(None).run(batch).await.unwrap();
    }

    /// The only row of a query on the database.
    pub(crate) async fn row(&self, sql: &'static str) -> Vec<Value> {
        let operator = self.product.app.operator(None);
        let reply = operator.run(Batch::read_one(Step::global(sql, vec![]))).await;
        reply.unwrap().steps[0].one().unwrap().0.clone()
    }

    /// The states of the outbox, in order of transition: `delivered, pending`.
    pub(crate) async fn states(&self) -> String {
        let row = self
            .row("SELECT coalesce(group_concat(state, ', '), '') FROM (SELECT state FROM outbox ORDER BY flush, message_id)")
            .await;
        match &row[0] {
            Value::Text(text) => text.clone(),
            other => panic!("{other:?}"),
        }
    }
}

/// A receiver that hangs at `/dead`, with a channel to there and one to `/alive`.
pub(crate) async fn one_hangs() -> (Scene, Receiver, ChannelId, ChannelId) {
    let receiver = Receiver::start(|message| match message.path.as_str() {
        "/dead" => Answer::Hang,
        _ => Answer::Status(200),
    })
    .await;
    let scene = Scene::start(Backend::Embedded).await;
    let (dead, _) = scene.channel(&receiver.url("/dead")).await;
    let (alive, _) = scene.channel(&receiver.url("/alive")).await;
    (scene, receiver, dead, alive)
}

pub(crate) fn sender(limits: Limits) -> Sender {
    Sender::new(Arc::new(SystemNetwork), Reach::Private, limits)
}

pub(crate) fn message(channel: &ChannelId, alert: &AlertId, seq: i64, kind: MessageKind) -> NewMessage {
    NewMessage {
        channel_id: channel.clone(),
        group_id: group(alert),
        flush: seq,
        minute: MINUTE_ONE + seq * 60_000,
        kind,
        why: if kind == MessageKind::Resolved {
            Why::Resolved
        } else {
            Why::First
        },
    }
}

/// The group of an alert that is told alone.
pub(crate) fn group(alert: &AlertId) -> GroupId {
    let hex = alert.as_str().strip_prefix(AlertId::PREFIX).unwrap();
    GroupId::parse(&format!("{}{hex}", GroupId::PREFIX)).unwrap()
}
