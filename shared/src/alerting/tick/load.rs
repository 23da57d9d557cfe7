use super::grid;
use super::marks::{self, Marks};
use super::minute::Outlooks;
use super::rule_set::RuleSet;
use super::watching::Watching;
use crate::Error;
use crate::alerting::instance::Resolve;
use crate::alerting::outlook::Outlook;
use crate::alerting::rule::RuleKey;
use crate::alerting::rules;
use crate::alerting::state::{BadState, Lane};
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::detection::DetectionSettings;
use crate::id::RuleId;
use crate::series::SeriesId;
use db::{Batch, DbError, Reply, Row, Rows, Step, args, wall_ms};
use std::collections::HashMap;

/// The only lane of an organization, for now: all its series.
pub(super) const LANE: i64 = 0;
/// Rows of outlooks in one page, which stays below 8 MB in base64.
const OUTLOOK_ROWS: i64 = 2_000;
/// Rows of state in one page, and their bytes but for the last one, which stay below 8 MB in base64.
const STATE_ROWS: usize = 200;
const STATE_BYTES: usize = 4 * 1024 * 1024;

/// Where a lane stands.
#[derive(Debug, Clone)]
pub(super) struct Position {
    pub(super) version: i64,
    /// batches up to this one are evaluated
    pub(super) watermark: i64,
    /// the last minute that is complete
    pub(super) minute: Millis,
    /// the minute after it, if it is begun
    pub(super) open_minute: Option<Millis>,
    /// where the open minute goes on
    pub(super) next_series: i64,
}

/// A lane as a tick finds it, in one snapshot.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) position: Position,
    pub(super) config_version: i64,
    pub(super) compacted_seq: i64,
    /// the database's product clock
    pub(super) now: Millis,
    /// what the last tick had no time for
    pub(super) forecasts_left: i64,
    /// bytes of the log that wait
    pub(super) waiting: i64,
    pub(super) rules: RuleSet,
    pub(super) lane: Lane,
    pub(super) resolves: HashMap<(RuleKey, SeriesId), Resolve>,
    pub(super) watching: Watching,
    pub(super) marks: Marks,
}

/// Reads the active lane; `None` if there is none.
pub(super) async fn lane(tenant: &Tenant) -> Result<Option<Snapshot>, Error> {
    let clock = tenant.clock();
    let mut batch = Batch::read();
    batch.push(Step::tenant(
        concat!(
            "SELECT l.version, l.watermark, l.minute, l.open_minute, l.next_series, s.config_version, s.compacted_seq,
                coalesce(?2, ",
            wall_ms!("?3"),
            "), (SELECT coalesce(sum(length(blob)), 0) FROM metric_batches WHERE org_id = l.org_id AND seq > l.watermark), l.forecasts_left,
                s.detection, s.detection_at, o.time_zone
             FROM lanes AS l JOIN org_state AS s ON s.org_id = l.org_id JOIN organizations AS o ON o.org_id = l.org_id
             WHERE l.org_id = (SELECT org_id FROM authority) AND l.lane_id = ?4 AND l.active = 1"
        ),
        args![clock.product_override(), clock.wall_offset(), LANE],
    ));
    batch.push(Step::tenant(
        concat!(
            "SELECT ",
            rules::columns!(),
            " FROM alert_rules WHERE org_id = (SELECT org_id FROM authority) ORDER BY rule_id"
        ),
        vec![],
    ));
    batch.push(state(i64::MIN));
    batch.push(Step::tenant(
        "SELECT rule_id, series_id, started_at, requested_resolve_at FROM alerts INDEXED BY alerts_to_resolve
         WHERE org_id = (SELECT org_id FROM authority) AND status <> 'resolved' AND requested_resolve_at IS NOT NULL",
        vec![],
    ));
    let waiting = batch.push(marks::waiting());
    let reply = tenant.run(batch).await?;
    let Some(row) = reply.step(0)?.first() else {
        return Ok(None);
    };
    Ok(Some(Snapshot {
        position: Position {
            version: row.integer(0)?,
            watermark: row.integer(1)?,
            minute: row.integer(2)?,
            open_minute: row.opt_integer(3)?,
            next_series: row.integer(4)?,
        },
        config_version: row.integer(5)?,
        compacted_seq: row.integer(6)?,
        now: row.integer(7)?,
        waiting: row.integer(8)?,
        forecasts_left: row.integer(9)?,
        rules: RuleSet::new(
            reply
                .step(1)?
                .rows
                .iter()
                .map(rules::of_row)
                .collect::<Result<_, _>>()?,
        ),
        lane: pages(tenant, reply.step(2)?).await?,
        resolves: resolves(&reply)?,
        watching: watching(row)?,
        marks: marks::of_rows(reply.step(waiting)?)?,
    }))
}

fn watching(row: &Row) -> Result<Watching, DbError> {
    let settings = |text: &str| {
        DetectionSettings::from_json(text)
            .ok_or_else(|| DbError::Other("the settings of detection cannot be read".into()))
    };
    let since = row.opt_integer(11)?.unwrap_or(Millis::MIN);
    let all = row.opt_text(10)?.map(settings).transpose()?;
    Ok(Watching::new(all.map(|settings| (settings, since)), row.text(12)?))
}

/// The step that reads rows of the lane's state, after one.
fn state(after: i64) -> Step {
    Step::tenant(
        "SELECT page, blob FROM (
            SELECT page, blob, sum(length(blob)) OVER (ORDER BY page) - length(blob) AS before FROM (
                SELECT page, blob FROM lane_state
                WHERE org_id = (SELECT org_id FROM authority) AND lane_id = ?2 AND page > ?3 ORDER BY page LIMIT ?4))
         WHERE before < ?5 ORDER BY page",
        args![LANE, after, STATE_ROWS, STATE_BYTES],
    )
}

/// The whole lane, of which this is the beginning. If another tick moves it meanwhile, it is a mixture, and the version in the
/// guard of the write is an old one.
async fn pages(tenant: &Tenant, first: &Rows) -> Result<Lane, Error> {
    let mut blobs = Vec::new();
    let mut take = |rows: &Rows| {
        let mut bytes = 0;
        for row in &rows.rows {
            let blob = row.blob(1)?;
            bytes += blob.len();
            blobs.push((row.integer(0)?, blob.to_vec()));
        }
        let last = blobs.last().map(|(page, _)| *page);
        Ok::<_, DbError>(last.filter(|_| rows.rows.len() == STATE_ROWS || bytes >= STATE_BYTES))
    };
    let mut more = take(first)?;
    while let Some(after) = more {
        let reply = tenant.run(Batch::read_one(state(after))).await?;
        more = take(reply.step(0)?)?;
    }
    Lane::decode(blobs.iter().map(|(page, blob)| (*page, blob.as_slice()))).map_err(broken)
}

fn broken(error: BadState) -> Error {
    Error::unavailable(error.to_string())
}

fn resolves(reply: &Reply) -> Result<HashMap<(RuleKey, SeriesId), Resolve>, Error> {
    let mut resolves = HashMap::new();
    for row in &reply.step(3)?.rows {
        let rule = RuleId::parse(row.text(0)?).ok_or_else(|| Error::unavailable("an alert has a wrong rule"))?;
        if let Some(series_id) = SeriesId::from_raw(row.integer(1)?) {
            let resolve = Resolve {
                alert: row.integer(2)?,
                at: row.integer(3)?,
            };
            resolves.insert((RuleKey::of(&rule), series_id), resolve);
        }
    }
    Ok(resolves)
}

/// All outlooks of the organization.
pub(super) async fn outlooks(tenant: &Tenant) -> Result<Outlooks, Error> {
    let mut outlooks = Outlooks::new();
    let mut after = (-1, 0, 0);
    loop {
        let step = Step::tenant(
            "SELECT series_id, horizon, valid_from, blob FROM rule_forecasts
             WHERE org_id = (SELECT org_id FROM authority) AND (series_id, horizon, valid_from) > (?2, ?3, ?4)
             ORDER BY series_id, horizon, valid_from LIMIT ?5",
            args![after.0, after.1, after.2, OUTLOOK_ROWS],
        );
        let reply = tenant.run(Batch::read_one(step)).await?;
        let rows = &reply.step(0)?.rows;
        for row in rows {
            let (series_id, horizon, valid_from, outlook) = outlook(row)?;
            after = (series_id.raw(), horizon, valid_from);
            outlooks
                .entry((series_id, horizon))
                .or_default()
                .push((valid_from, outlook));
        }
        if i64::try_from(rows.len()).unwrap_or(i64::MAX) < OUTLOOK_ROWS {
            return Ok(outlooks);
        }
    }
}

fn outlook(row: &Row) -> Result<(SeriesId, Millis, Millis, Outlook), Error> {
    let series_id =
        SeriesId::from_raw(row.integer(0)?).ok_or_else(|| Error::unavailable("a series has a negative id"))?;
    let outlook = Outlook::decode(row.blob(3)?).map_err(broken)?;
    Ok((series_id, row.integer(1)?, row.integer(2)?, outlook))
}

impl Snapshot {
    /// The minute up to which a tick for `scheduled` goes.
    pub(super) fn target(&self, scheduled: Millis) -> Millis {
        grid::floor(scheduled.min(self.now))
    }
}
