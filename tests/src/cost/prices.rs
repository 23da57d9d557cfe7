//! List prices in US dollars, eu-west-1 or us-east-1, as of June 2026.

/// A million requests to an HTTP API, each up to 512 KB.
pub(super) const HTTP_API_MILLION: f64 = 1.0;
/// A million runs of a function.
pub(super) const LAMBDA_MILLION: f64 = 0.2;
/// A gigabyte of memory for a second, arm64.
pub(super) const LAMBDA_GB_SECOND: f64 = 0.000_013_333_4;
/// The memory, in gigabytes, with which a function has a whole processor.
pub(super) const WHOLE_CPU_GB: f64 = 1.769;
/// A million calls of a queue.
pub(super) const SQS_MILLION: f64 = 0.4;
/// A million events of the scheduler.
pub(super) const SCHEDULER_MILLION: f64 = 1.0;
/// A gigabyte of logs taken in.
pub(super) const LOGS_GIGABYTE: f64 = 0.5;
/// An alarm for a month.
pub(super) const ALARM: f64 = 0.1;
/// The alarms of template.yaml.
pub(super) const ALARMS: f64 = 9.0;

/// A plan of a hosted libSQL, by the month.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the units are said by the names")]
pub struct Plan {
    pub name: &'static str,
    pub dollars: f64,
    pub gigabytes: f64,
    pub million_rows_read: f64,
    pub million_rows_written: f64,
}

/// Turso's plans.
const PLANS: [Plan; 4] = [
    plan("Free", 0.0, 5.0, 500.0, 10.0),
    plan("Developer", 4.99, 9.0, 2_500.0, 25.0),
    plan("Scaler", 24.92, 24.0, 100_000.0, 100.0),
    plan("Pro", 416.58, 50.0, 250_000.0, 250.0),
];
/// A million rows written, or a thousand million read, beyond a plan. A free plan stops instead.
const OVERAGE: f64 = 1.0;

const fn plan(
    name: &'static str,
    dollars: f64,
    gigabytes: f64,
    million_rows_read: f64,
    million_rows_written: f64,
) -> Plan {
    Plan {
        name,
        dollars,
        gigabytes,
        million_rows_read,
        million_rows_written,
    }
}

impl Plan {
    /// What it costs with this much; `None` where it has no room.
    fn cost(&self, rows_written: f64, rows_read: f64, gigabytes: f64) -> Option<f64> {
        let written = (rows_written / 1e6 - self.million_rows_written).max(0.0);
        let read = (rows_read / 1e6 - self.million_rows_read).max(0.0);
        let stops = self.dollars == 0.0 && written + read > 0.0;
        (gigabytes <= self.gigabytes && !stops).then_some(self.dollars + OVERAGE * (written + read / 1_000.0))
    }
}

/// The cheapest plan, and what it costs. The largest where none has room.
pub(super) fn cheapest(rows_written: f64, rows_read: f64, gigabytes: f64) -> (Plan, f64) {
    let costs = PLANS
        .iter()
        .filter_map(|plan| Some((*plan, plan.cost(rows_written, rows_read, gigabytes)?)));
    costs
        .min_by(|one, other| one.1.total_cmp(&other.1))
        .unwrap_or((PLANS[3], f64::INFINITY))
}
