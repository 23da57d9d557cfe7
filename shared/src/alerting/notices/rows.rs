//! What the rows of the database mean to stage 2.

use super::situation::{Alert, Channel, Group, Logged, Noticed, Rule, Told};
use crate::alerting::Severity;
use crate::alerting::instance::Status;
use crate::alerting::silence::Silence;
use crate::id::{AlertId, ChannelId, GroupId, RuleId, ScheduleId, SilenceId};
use crate::series::Dimensions;
use db::{DbError, Row, Rows};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};

/// A group's channel and identity.
pub(super) type Place = (ChannelId, GroupId);

/// What is left of what was told when messages did not get out: `None` if that is nothing.
pub(super) fn heard(told: Told, void: &BTreeSet<i64>) -> Option<Told> {
    let lost = |flush: Option<i64>| flush.is_some_and(|flush| void.contains(&flush));
    if lost(told.from) {
        return None;
    }
    Some(Told {
        to: told.to.filter(|flush| !void.contains(flush)),
        ..told
    })
}

/// The messages of each group that nobody was told: given up before an attempt, or superseded by such a one.
pub(super) fn void(rows: &Rows) -> Result<BTreeMap<Place, BTreeSet<i64>>, DbError> {
    let mut void: BTreeMap<Place, BTreeSet<i64>> = BTreeMap::new();
    // newest first: what supersedes was seen before what it has superseded
    for row in &rows.rows {
        let flushes = void.entry(place(row, 0)?).or_default();
        let flush = row.integer(2)?;
        if row.text(3)? == "dead" || flushes.contains(&(flush + 1)) {
            flushes.insert(flush);
        }
    }
    Ok(void)
}

fn place(row: &Row, column: usize) -> Result<Place, DbError> {
    Ok((
        ChannelId::parse(row.text(column)?).ok_or_else(|| broken("a channel"))?,
        GroupId::parse(row.text(column + 1)?).ok_or_else(|| broken("a group"))?,
    ))
}

pub(super) fn logged(row: &Row) -> Result<(Logged, RuleId), DbError> {
    let logged = Logged {
        seq: row.integer(0)?,
        minute: row.integer(1)?,
        alert_id: AlertId::parse(row.text(2)?).ok_or_else(|| broken("a transition"))?,
        to: Status::parse(row.text(3)?).ok_or_else(|| broken("a transition"))?,
    };
    Ok((
        logged,
        RuleId::parse(row.text(4)?).ok_or_else(|| broken("a transition"))?,
    ))
}

pub(super) fn rule(row: &Row) -> Result<(RuleId, Rule), DbError> {
    let rule_id = RuleId::parse(row.text(0)?).ok_or_else(|| broken("a rule"))?;
    let rule = Rule {
        metric_key: row.text(1)?.to_owned(),
        live: row.integer(2)? != 0,
        channels: json(row, 3, "a rule's channels")?,
        routing: json(row, 4, "a rule's routing")?,
        groups: Vec::new(),
        due: row.opt_integer(5)?,
    };
    Ok((rule_id, rule))
}

pub(super) fn alert(row: &Row) -> Result<(AlertId, Alert), DbError> {
    let alert_id = AlertId::parse(row.text(0)?).ok_or_else(|| broken("an alert"))?;
    let alert = Alert {
        rule_id: RuleId::parse(row.text(1)?).ok_or_else(|| broken("an alert"))?,
        severity: Severity::parse(row.text(2)?).ok_or_else(|| broken("an alert"))?,
        metric_key: row.opt_text(3)?.map(str::to_owned),
        dimensions: Dimensions::from_json(row.text(4)?).ok_or_else(|| broken("a series"))?,
        started_at: row.integer(5)?,
        acknowledged_at: row.opt_integer(6)?,
        noticed: row.opt_text(7)?.and_then(Noticed::parse),
        seq: row.integer(8)?,
        since: row.integer(9)?,
    };
    Ok((alert_id, alert))
}

pub(super) fn channel(row: &Row) -> Result<(ChannelId, Channel), DbError> {
    let channel_id = ChannelId::parse(row.text(0)?).ok_or_else(|| broken("a channel"))?;
    let channel = Channel {
        enabled: row.integer(1)? != 0,
        acknowledges: row.text(2)? == "pagerduty",
        mute_schedules: json::<Vec<ScheduleId>>(row, 3, "a channel's schedules")?,
    };
    Ok((channel_id, channel))
}

pub(super) fn group(
    row: &Row,
    members: &mut BTreeMap<Place, BTreeMap<AlertId, Told>>,
) -> Result<(RuleId, Group), DbError> {
    let place = place(row, 0)?;
    let rule_id = RuleId::parse(row.text(2)?).ok_or_else(|| broken("a group"))?;
    let members = members.remove(&place).unwrap_or_default();
    let (channel_id, group_id) = place;
    let group = Group {
        channel_id,
        group_id: Some(group_id),
        labels: json(row, 3, "a group's labels")?,
        flush: row.integer(4)?,
        last_at: row.integer(5)?,
        closed: false,
        members,
    };
    Ok((rule_id, group))
}

pub(super) fn member(row: &Row) -> Result<(Place, AlertId, Told), DbError> {
    let bits = row.integer(3)?;
    let told = Told {
        fired: bits & Told::FIRED != 0,
        silent: bits & Told::SILENT != 0,
        acknowledged: bits & Told::ACKNOWLEDGED != 0,
        at: row.integer(4)?,
        from: row.opt_integer(5)?,
        to: row.opt_integer(6)?,
    };
    let alert_id = AlertId::parse(row.text(0)?).ok_or_else(|| broken("an alert"))?;
    Ok((place(row, 1)?, alert_id, told))
}

pub(super) fn silence(row: &Row) -> Result<Silence, DbError> {
    Ok(Silence {
        silence_id: SilenceId::parse(row.text(0)?).ok_or_else(|| broken("a silence"))?,
        matchers: json(row, 1, "a silence's matchers")?,
        created_at: row.integer(2)?,
        ends_at: row.opt_integer(3)?,
    })
}

pub(super) fn json<T: DeserializeOwned>(row: &Row, column: usize, what: &str) -> Result<T, DbError> {
    serde_json::from_str(row.text(column)?).map_err(|_| broken(what))
}

pub(super) fn broken(what: &str) -> DbError {
    DbError::Other(format!("{what} makes no sense"))
}
