use intentvision::auth::Tenant;
use intentvision::clock::{Clock, MINUTE, Millis};
use intentvision::keys::Environment;
use intentvision::series::SeriesRef;
use intentvision::store::Sample;
use serde_json::{Value, json};

use super::STEP;
use crate::many_series::{self, METRIC};
use crate::points;
use crate::product::Product;

/// Points that each series has when its rules begin: enough for a forecast.
const HISTORY: i64 = 48;
/// Series of one request.
const REQUEST: usize = 10_000;
/// Breaks the first rule of each series.
const HIGH: f64 = 150.0;
const NORMAL: f64 = 50.0;

/// Has its series, their history and its rules: three for each series.
pub(super) struct Organization {
    pub(super) tenant: Tenant,
    key: String,
    names: Vec<SeriesRef>,
}

impl Organization {
    /// So many organizations that have as many series each, and their rules since `start`.
    pub(super) async fn several(product: &Product, start: Millis, series: usize, organizations: usize) -> Vec<Self> {
        let names = many_series::names(series / organizations);
        let mut all = Vec::new();
        for number in 0..organizations {
            all.push(Self::new(product, start, number, names.clone()).await);
        }
        all
    }

    async fn new(product: &Product, start: Millis, number: usize, names: Vec<SeriesRef>) -> Self {
        let id = product.organization(&format!("org{number}"), Environment::Live).await;
        let key = product.key(&id, &["admin"]).await;
        let tenant = product.app.operator(Some(id));
        let times: Vec<Millis> = (1..=HISTORY).rev().map(|ago| start - ago * STEP).collect();
        many_series::import(product, &tenant, &names, &times, |_, _| NORMAL).await;
        for condition in [
            json!({"type": "threshold", "operator": "gt", "value": 100}),
            json!({"type": "missing_data", "after": "15m"}),
            json!({"type": "forecast", "operator": "gt", "value": 200, "horizon": "24h"}),
        ] {
            let rule = json!({"name": "rule", "metric_key": METRIC, "severity": "error", "condition": condition});
            let made = product.post("/v1/alert-rules", &key, &rule).await;
            assert_eq!(made.status, 201, "{}", made.json());
        }
        Self { tenant, key, names }
    }

    pub(super) fn series(&self) -> usize {
        self.names.len()
    }

    /// Stores a point of each series.
    async fn append(&self, timestamp: Millis, value: f64) {
        for some in self.names.chunks(REQUEST) {
            let samples: Vec<Sample> = some
                .iter()
                .map(|name| Sample {
                    series_id: name.series_id,
                    timestamp,
                    value,
                })
                .collect();
            points::store(&self.tenant, &samples, &some.iter().collect::<Vec<_>>(), false).await;
        }
    }

    pub(super) async fn expect_nothing_open(&self, product: &Product) {
        let path = "/v1/alerts?status=firing&limit=1";
        let open: Value = product.get(path, &self.key).await.json();
        assert_eq!(open["items"], json!([]), "everything is well in the end");
    }
}

/// The story of all runs: five minutes before each tick comes a point of each series; in the last tick but two all break a rule, and
/// in the one after it all recover.
#[derive(Debug, Clone, Copy)]
pub(super) struct Story {
    pub(super) start: Millis,
    pub(super) ticks: usize,
}

impl Story {
    /// Lets the points of a tick come, leaves the clock at its minute and returns that.
    pub(super) async fn tell(self, tick: usize, all: &[Organization], clock: &Clock) -> Millis {
        let now = self.start + i64::try_from(tick).expect("a number") * STEP;
        let value = if tick + 2 == self.ticks { HIGH } else { NORMAL };
        clock.set(now + MINUTE / 2);
        for organization in all {
            organization.append(now, value).await;
        }
        clock.set(now + MINUTE);
        now + MINUTE
    }
}
