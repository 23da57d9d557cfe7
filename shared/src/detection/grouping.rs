//! Incidents of several series at the same time are one group: table `anomaly_groups`.
//!
//! An incident joins the open group that was joined last, if that is at most ten minutes ago and the group began within the
//! hour; otherwise it begins one, so that each incident is in a group, which may be of one. A group is over when all its
//! incidents are.

use super::contribution::{self, Contributor};
use crate::Error;
use crate::auth::Tenant;
use crate::clock::{HOUR, MINUTE, Millis};
use crate::id::{AnomalyGroupId, AnomalyId};
use crate::listed::listed;
use crate::series::{Dimensions, SeriesId};
use db::{Batch, DbError, Row, Step, args};
use prediction::detect::Severity;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How long after the last incident another one belongs to the same group.
pub const TOGETHER: Millis = 10 * MINUTE;
/// How long a group takes incidents in: so those of a large organization, of which one comes every few minutes, do not
/// become one without end.
pub const LONGEST: Millis = HOUR;
/// How many incidents are read together.
const PAGE: usize = 10_000;

/// The groups that are open, as a tick finds and leaves them.
#[derive(Debug, Clone, Default)]
pub struct Groups {
    groups: BTreeMap<AnomalyGroupId, Group>,
    /// of which group an incident is
    of: BTreeMap<AnomalyId, AnomalyGroupId>,
    changed: BTreeSet<AnomalyGroupId>,
}

#[derive(Debug, Clone)]
struct Group {
    started_at: Millis,
    joined_at: Millis,
    ended_at: Option<Millis>,
    severity: Severity,
    contributors: Vec<Contributor>,
    /// how many have joined
    incidents: usize,
    /// the series of those that are open
    open: BTreeMap<AnomalyId, SeriesId>,
}

#[derive(Serialize)]
struct Written<'a> {
    group_id: &'a AnomalyGroupId,
    started_at: Millis,
    joined_at: Millis,
    ended_at: Option<Millis>,
    series: usize,
    severity: &'static str,
    contributors: String,
}

impl Groups {
    /// Reads the open groups. One whose incidents were all ended beside it, as of a series whose state was lost, is over in
    /// `minute`.
    ///
    /// # Errors
    /// 401, 403 or 503.
    pub async fn load(tenant: &Tenant, minute: Millis) -> Result<Self, Error> {
        let step = Step::tenant(
            "SELECT group_id, started_at, joined_at, severity, contributors, series FROM anomaly_groups INDEXED BY anomaly_groups_open
             WHERE org_id = (SELECT org_id FROM authority) AND ended_at IS NULL",
            vec![],
        );
        let reply = tenant.run(Batch::read_one(step)).await?;
        let mut groups = Self::default();
        for row in &reply.step(0)?.rows {
            let (id, group) = group(row)?;
            groups.groups.insert(id, group);
        }
        groups.load_open(tenant).await?;
        for (id, group) in &mut groups.groups {
            if group.open.is_empty() {
                group.ended_at = Some(minute);
                groups.changed.insert(id.clone());
            }
        }
        Ok(groups)
    }

    /// Reads the incidents that are open: at most one of a series.
    async fn load_open(&mut self, tenant: &Tenant) -> Result<(), Error> {
        let mut after = -1;
        loop {
            let step = Step::tenant(
                "SELECT group_id, anomaly_id, series_id FROM anomalies INDEXED BY one_open_anomaly
                 WHERE org_id = (SELECT org_id FROM authority) AND ended_at IS NULL AND series_id > ?2
                 ORDER BY series_id LIMIT ?3",
                args![after, PAGE],
            );
            let reply = tenant.run(Batch::read_one(step)).await?;
            let rows = &reply.step(0)?.rows;
            for row in rows {
                let (id, anomaly_id, series_id) = open(row)?;
                after = series_id.raw();
                let Some(id) = id else { continue };
                if let Some(group) = self.groups.get_mut(&id) {
                    group.open.insert(anomaly_id.clone(), series_id);
                    self.of.insert(anomaly_id, id);
                }
            }
            if rows.len() < PAGE {
                return Ok(());
            }
        }
    }

    /// Takes an incident that opens in `minute`; which group it is in.
    pub fn join(
        &mut self,
        minute: Millis,
        anomaly_id: &AnomalyId,
        series_id: SeriesId,
        severity: Severity,
    ) -> AnomalyGroupId {
        let near = |(_, group): &(&AnomalyGroupId, &Group)| {
            group.ended_at.is_none()
                && minute.saturating_sub(group.joined_at) <= TOGETHER
                && minute.saturating_sub(group.started_at) <= LONGEST
        };
        let joined = self.groups.iter().filter(near).max_by_key(|(_, group)| group.joined_at);
        let id = joined.map_or_else(
            || AnomalyGroupId::derived(minute, &[anomaly_id.as_str().as_bytes()]),
            |(id, _)| id.clone(),
        );
        let group = self.groups.entry(id.clone()).or_insert_with(|| Group {
            started_at: minute,
            joined_at: minute,
            ended_at: None,
            severity,
            contributors: Vec::new(),
            incidents: 0,
            open: BTreeMap::new(),
        });
        group.joined_at = minute;
        group.severity = group.severity.max(severity);
        group.incidents += 1;
        group.open.insert(anomaly_id.clone(), series_id);
        self.of.insert(anomaly_id.clone(), id.clone());
        self.changed.insert(id.clone());
        id
    }

    /// Takes an incident that got worse.
    pub fn worsen(&mut self, anomaly_id: &AnomalyId, severity: Severity) {
        let Some((id, group)) = self.with(anomaly_id) else {
            return;
        };
        if severity > group.severity {
            group.severity = severity;
            self.changed.insert(id);
        }
    }

    /// Takes the end of an incident.
    pub fn leave(&mut self, minute: Millis, anomaly_id: &AnomalyId) {
        let Some((id, group)) = self.with(anomaly_id) else {
            return;
        };
        group.open.remove(anomaly_id);
        if group.open.is_empty() {
            group.ended_at = Some(minute);
            self.changed.insert(id);
        }
    }

    fn with(&mut self, anomaly_id: &AnomalyId) -> Option<(AnomalyGroupId, &mut Group)> {
        let id = self.of.get(anomaly_id)?.clone();
        let group = self.groups.get_mut(&id)?;
        Some((id, group))
    }

    /// Finds anew what the series of the groups joined in `minute`, with incidents that are open, have in common.
    pub fn explain(&mut self, minute: Millis, watched: &BTreeMap<SeriesId, &Dimensions>) {
        for group in self.groups.values_mut() {
            if group.joined_at == minute && group.open.len() > 1 {
                let series: BTreeSet<SeriesId> = group.open.values().copied().collect();
                let dimensions = series.iter().filter_map(|id| watched.get(id).copied());
                group.contributors = contribution::rank(dimensions, watched.values().copied());
            }
        }
    }

    /// How many rows are to be written.
    #[cfg(test)]
    fn changed(&self) -> usize {
        self.changed.len()
    }

    /// The steps that write what has changed.
    ///
    /// # Errors
    /// 503 if a group cannot be written as JSON.
    pub fn write(&self) -> Result<Vec<Step>, Error> {
        let row = |id: &'_ AnomalyGroupId| {
            let (group_id, group) = self.groups.get_key_value(id)?;
            Some(Written {
                group_id,
                started_at: group.started_at,
                joined_at: group.joined_at,
                ended_at: group.ended_at,
                series: group.incidents,
                severity: group.severity.as_str(),
                contributors: serde_json::json!(group.contributors).to_string(),
            })
        };
        let lists = listed(self.changed.iter().filter_map(row))?;
        Ok(lists.into_iter().map(|list| Step::tenant(WRITE, args![list])).collect())
    }

    /// What was changed is in the database now; groups that are over are forgotten.
    pub fn saved(&mut self) {
        self.changed.clear();
        self.groups.retain(|_, group| group.ended_at.is_none());
        let groups = &self.groups;
        self.of.retain(|_, id| groups.contains_key(id));
    }
}

const WRITE: &str =
    "INSERT INTO anomaly_groups (org_id, group_id, started_at, joined_at, ended_at, series, severity, contributors)
     SELECT a.org_id, j.value ->> 'group_id', j.value ->> 'started_at', j.value ->> 'joined_at', j.value ->> 'ended_at',
        j.value ->> 'series', j.value ->> 'severity', j.value ->> 'contributors'
     FROM authority AS a JOIN json_each(?2) AS j WHERE true
     ON CONFLICT (org_id, group_id) DO UPDATE SET joined_at = excluded.joined_at, ended_at = excluded.ended_at,
        series = excluded.series, severity = excluded.severity, contributors = excluded.contributors";

fn group(row: &Row) -> Result<(AnomalyGroupId, Group), DbError> {
    let broken = || DbError::Other("a group of anomalies cannot be read".into());
    let id = AnomalyGroupId::parse(row.text(0)?).ok_or_else(broken)?;
    let group = Group {
        started_at: row.integer(1)?,
        joined_at: row.integer(2)?,
        ended_at: None,
        severity: Severity::parse(row.text(3)?).ok_or_else(broken)?,
        contributors: serde_json::from_str(row.text(4)?).map_err(|_| broken())?,
        incidents: usize::try_from(row.integer(5)?).map_err(|_| broken())?,
        open: BTreeMap::new(),
    };
    Ok((id, group))
}

fn open(row: &Row) -> Result<(Option<AnomalyGroupId>, AnomalyId, SeriesId), DbError> {
    let broken = || DbError::Other("an anomaly cannot be read".into());
    let group = row.opt_text(0)?.map(|id| AnomalyGroupId::parse(id).ok_or_else(broken));
    Ok((
        group.transpose()?,
        AnomalyId::parse(row.text(1)?).ok_or_else(broken)?,
        SeriesId::from_raw(row.integer(2)?).ok_or_else(broken)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERIES: i64 = 9;

    fn anomaly(number: u8) -> AnomalyId {
        AnomalyId::derived(0, &[&[number]])
    }

    fn join(groups: &mut Groups, minute: i64, number: u8) -> AnomalyGroupId {
        let series = SeriesId::from_raw(SERIES + i64::from(number)).unwrap();
        groups.join(minute * MINUTE, &anomaly(number), series, Severity::Low)
    }

    #[test]
    fn what_opens_within_ten_minutes_of_the_last_is_together() {
        let mut groups = Groups::default();
        let first = join(&mut groups, 0, 1);
        assert_eq!(join(&mut groups, 10, 2), first);
        assert_eq!(join(&mut groups, 20, 3), first, "it counts from the one before");
        let second = join(&mut groups, 31, 4);
        assert_ne!(second, first);
        assert_eq!(join(&mut groups, 32, 5), second);
    }

    #[test]
    fn a_group_takes_no_more_in_after_an_hour() {
        let mut groups = Groups::default();
        let first = join(&mut groups, 0, 0);
        for number in 1..=6 {
            assert_eq!(join(&mut groups, i64::from(number) * 10, number), first);
        }
        assert_ne!(join(&mut groups, 61, 7), first);
    }

    #[test]
    fn a_group_is_over_with_its_last_incident_and_is_not_joined_any_more() {
        let mut groups = Groups::default();
        let first = join(&mut groups, 0, 1);
        join(&mut groups, 0, 2);
        groups.leave(MINUTE, &anomaly(1));
        assert_eq!(groups.groups[&first].ended_at, None);
        groups.leave(2 * MINUTE, &anomaly(2));
        assert_eq!(groups.groups[&first].ended_at, Some(2 * MINUTE));
        assert_ne!(join(&mut groups, 3, 3), first);
        groups.saved();
        assert!(!groups.groups.contains_key(&first) && groups.changed() == 0);
        // of one that is forgotten nothing is left to change
        groups.leave(4 * MINUTE, &anomaly(1));
        groups.worsen(&anomaly(2), Severity::Critical);
        assert_eq!(groups.changed(), 0);
    }

    #[test]
    fn a_group_is_as_bad_as_its_worst() {
        let mut groups = Groups::default();
        let id = join(&mut groups, 0, 1);
        join(&mut groups, 0, 2);
        groups.saved();
        groups.worsen(&anomaly(2), Severity::High);
        groups.worsen(&anomaly(1), Severity::Medium);
        assert_eq!((groups.groups[&id].severity, groups.changed()), (Severity::High, 1));
    }
}
