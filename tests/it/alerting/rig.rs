use db::{Batch, Db, Row, Step, args};
use evaluate_alerts::{Budget, Count, Summary, Unlimited};
use intentvision::alerting::rules::{self, Saved};
use intentvision::alerting::{Draft, Rule};
use intentvision::auth::Tenant;
use intentvision::clock::{Clock, MINUTE, Millis};
use intentvision::config::Config;
use intentvision::id::{ChannelId, Entropy, OrgId};
use intentvision::keys::Environment;
use intentvision::series::{Dimensions, MetricKey, SeriesRef};
use intentvision::store::Sample;
use intentvision::store::append::Append;
use intentvision::{App, migrations, tenancy};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::TempDir;

/// Minute 0 of every story: a whole day, so that all grids agree.
pub(super) const START: Millis = 1_795_392_000_000;

/// One organization on a file, with a clock and identities that are the same in each run.
#[derive(Debug)]
pub(super) struct Rig {
    pub(super) app: App,
    pub(super) db: Arc<dyn Db>,
    pub(super) org: OrgId,
    _folder: TempDir,
}

/// A series of the metric `load`.
pub(super) fn series(host: usize) -> SeriesRef {
    let host = Dimensions::new([("host".to_owned(), format!("h{host:05}"))]).unwrap();
    SeriesRef::new(MetricKey::parse("load").unwrap(), host)
}

/// The body of a threshold rule `load > 100`, changed.
pub(super) fn threshold(change: impl FnOnce(&mut Value)) -> Value {
    let mut body = json!({
        "name": "load high", "metric_key": "load", "severity": "critical",
        "condition": {"type": "threshold", "operator": "gt", "value": 100}, "channels": [channel(1)],
    });
    change(&mut body);
    body
}

pub(super) fn channel(number: u8) -> ChannelId {
    ChannelId::derived(START, &[&[number]])
}

impl Rig {
    pub(super) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let db: Arc<dyn Db> =
            Arc::new(db_embedded::open(&folder.path().join("iv.db"), db_embedded::Options::default()).unwrap());
        let app = App::new(
            db.clone(),
            Clock::at(START),
            Entropy::seeded(1),
            Config::default(),
            None,
        );
        migrations::migrate(&app.operator(None), migrations::all())
            .await
            .unwrap();
        let org = OrgId::derived(START, &[b"acme"]);
        tenancy::ensure(&app.operator(None), &org, "acme", Environment::Live)
            .await
            .unwrap();
        let rig = Self {
            app,
            db,
            org,
            _folder: folder,
        };
        for number in 1..=3 {
            rig.write(
                "INSERT INTO notification_channels (org_id, channel_id, name, type, config, created_at, updated_at)
                 SELECT org_id, ?2, ?2, 'webhook', '{}', 0, 0 FROM authority",
                args![&channel(number)],
            )
            .await;
        }
        rig
    }

    pub(super) fn tenant(&self) -> Tenant {
        self.app.operator(Some(self.org.clone()))
    }

    pub(super) async fn write(&self, sql: &'static str, args: Vec<db::Value>) {
        self.tenant()
            .run(Batch::write_one(Step::tenant(sql, args)))
            .await
            .unwrap();
    }

    pub(super) async fn read(&self, sql: &'static str) -> Vec<Row> {
        let reply = self
            .tenant()
            .run(Batch::read_one(Step::global(sql, vec![])))
            .await
            .unwrap();
        reply.step(0).unwrap().rows.clone()
    }

    /// Product time is this minute and so many milliseconds.
    pub(super) fn at(&self, minute: i64, ms: Millis) {
        self.app.clock.set(START + minute * MINUTE + ms);
    }

    pub(super) async fn rule(&self, body: Value) -> Rule {
        let draft: Draft = serde_json::from_value(body).unwrap();
        let saved = rules::create(&self.tenant(), &self.app.entropy, draft.check().unwrap(), None).await;
        match saved.unwrap() {
            Saved::Now(rule) => *rule,
            Saved::Before(_) => panic!("there was no idempotency key"),
        }
    }

    pub(super) async fn replace(&self, rule: &Rule, body: Value) {
        let draft: Draft = serde_json::from_value(body).unwrap();
        rules::replace(&self.tenant(), &rule.rule_id, &draft.check().unwrap())
            .await
            .unwrap();
    }

    /// Points at these times, as one request.
    pub(super) async fn points(&self, points: &[(usize, Millis, f64)], backfill: bool) {
        let named: Vec<(SeriesRef, Millis, f64)> = points
            .iter()
            .map(|(host, timestamp, value)| (series(*host), *timestamp, *value))
            .collect();
        self.store(&named, backfill).await;
    }

    /// Points of any series, as one request.
    pub(super) async fn store(&self, points: &[(SeriesRef, Millis, f64)], backfill: bool) {
        let samples: Vec<Sample> = points
            .iter()
            .map(|(name, timestamp, value)| Sample {
                series_id: name.series_id,
                timestamp: *timestamp,
                value: *value,
            })
            .collect();
        let mut known: Vec<&SeriesRef> = points.iter().map(|(name, ..)| name).collect();
        known.sort_by_key(|name| name.series_id);
        known.dedup_by_key(|name| name.series_id);
        let mut batch = Batch::write();
        let append = Append {
            samples: &samples,
            series: &known,
            epoch: None,
            max_series: None,
            backfill,
            provenance: None,
        };
        append.place(&mut batch, &self.tenant());
        self.tenant().run(batch).await.unwrap();
    }

    /// Points of now.
    pub(super) async fn send(&self, values: &[(usize, f64)]) {
        let now = self.app.clock.now();
        let points: Vec<_> = values.iter().map(|(host, value)| (*host, now, *value)).collect();
        self.points(&points, false).await;
    }

    pub(super) async fn tick(&self, minute: i64) -> Summary {
        self.tick_with(minute, &mut Count(0)).await
    }

    /// The tick of a minute, a second after it, with all histories and so many forecasts.
    pub(super) async fn tick_with(&self, minute: i64, forecasts: &mut dyn Budget) -> Summary {
        self.tick_within(minute, &mut Unlimited, forecasts).await
    }

    pub(super) async fn tick_within(
        &self,
        minute: i64,
        histories: &mut dyn Budget,
        forecasts: &mut dyn Budget,
    ) -> Summary {
        self.at(minute, 1_000);
        let summary = evaluate_alerts::run(&self.app, START + minute * MINUTE, histories, forecasts)
            .await
            .unwrap();
        assert_eq!(summary.failed, 0);
        summary
    }

    /// One minute with one value of one series, and its tick.
    pub(super) async fn minute(&self, minute: i64, value: Option<f64>) -> Summary {
        self.at(minute - 1, 30_000);
        if let Some(value) = value {
            self.send(&[(1, value)]).await;
        }
        self.tick(minute).await
    }

    /// `minute from>to` of each transition, in order.
    pub(super) async fn log(&self) -> Vec<String> {
        let rows = self
            .read("SELECT minute, from_state, to_state FROM transitions ORDER BY seq")
            .await;
        let line = |row: &Row| {
            let minute = (row.integer(0).unwrap() - START) / MINUTE;
            format!("{minute} {}>{}", row.text(1).unwrap(), row.text(2).unwrap())
        };
        rows.iter().map(line).collect()
    }

    /// `type state` of each message of a channel, in order.
    pub(super) async fn messages(&self, number: u8) -> Vec<String> {
        let rows = self
            .read("SELECT channel_id, type, state FROM outbox ORDER BY occurred_at, flush, channel_id")
            .await;
        let mine = rows
            .iter()
            .filter(|row| row.text(0).unwrap() == channel(number).as_str());
        mine.map(|row| format!("{} {}", row.text(1).unwrap(), row.text(2).unwrap()))
            .collect()
    }

    /// Statuses of all alerts, oldest first.
    pub(super) async fn statuses(&self) -> Vec<String> {
        let rows = self.read("SELECT status FROM alerts ORDER BY alert_id").await;
        rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect()
    }

    /// Everything that the tick leaves behind, but for what counts its writes and reads the wall clock.
    pub(super) async fn state(&self) -> BTreeMap<&'static str, Vec<Row>> {
        let mut state = BTreeMap::new();
        for (table, sql) in [
            (
                "lanes",
                "SELECT lane_id, active, watermark, minute, open_minute, next_series, skipped FROM lanes",
            ),
            ("lane_state", "SELECT page, blob FROM lane_state ORDER BY page"),
            ("alerts", "SELECT * FROM alerts ORDER BY alert_id"),
            ("transitions", "SELECT * FROM transitions ORDER BY seq"),
            (
                "outbox",
                "SELECT message_id, channel_id, group_id, flush, type, why, occurred_at, state FROM outbox ORDER BY message_id",
            ),
            ("notice_rules", "SELECT * FROM notice_rules ORDER BY rule_id"),
            (
                "notification_groups",
                "SELECT * FROM notification_groups ORDER BY channel_id, group_id",
            ),
            (
                "group_alerts",
                "SELECT * FROM group_alerts ORDER BY alert_id, channel_id",
            ),
            ("silences", "SELECT * FROM silences ORDER BY silence_id"),
            (
                "org_state",
                "SELECT notified_seq, config_version, due_at FROM org_state",
            ),
            ("rules", "SELECT * FROM alert_rules ORDER BY rule_id"),
            ("anomalies", "SELECT * FROM anomalies ORDER BY anomaly_id"),
            ("anomaly_groups", "SELECT * FROM anomaly_groups ORDER BY group_id"),
            (
                "detection_marks",
                "SELECT seq, series_id, mark, at, created_at, applied_at FROM detection_marks ORDER BY seq",
            ),
            ("detector_cold", "SELECT * FROM detector_cold ORDER BY bucket"),
        ] {
            state.insert(table, self.read(sql).await);
        }
        state
    }
}
