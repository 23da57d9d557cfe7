//! What rules need of the last points of a series, from the store: a rule that meets a series looks at once at a whole
//! window, or at all the points that it asks for.

use super::history::{self, Known};
use super::minute::Arrivals;
use super::rule_set::RuleSet;
use crate::Error;
use crate::alerting::condition::{Need, Recent};
use crate::alerting::state::Lane;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::series::{SeriesId, SeriesRef};
use std::collections::{BTreeMap, BTreeSet};

/// How many series are read together.
const TOGETHER: usize = 64;
/// The most points of a series that are read, the newest: those of twice 31 days at one a minute.
const POINTS: usize = 2 * 31 * 1_440;

/// A series of which a lane does not remember what its rules need.
#[derive(Debug)]
pub(super) struct Missing {
    series_id: SeriesId,
    needs: BTreeSet<Need>,
    interval: Millis,
}

/// What is missing in `minute`, of the series that it looks at, in groups that are read together.
pub(super) fn missing(
    lane: &Lane,
    rules: &RuleSet,
    names: &BTreeMap<SeriesId, SeriesRef>,
    arrivals: &Arrivals,
    known: &Known,
    minute: Millis,
) -> Vec<Vec<Missing>> {
    if !rules.any_need() {
        return Vec::new();
    }
    let mut series: BTreeSet<SeriesId> = lane.iter().map(|tracked| tracked.series_id).collect();
    series.extend(arrivals.points.keys());
    series.extend(known.observed.keys());
    let mut missing: Vec<Missing> = Vec::new();
    for series_id in series {
        let Some(name) = names.get(&series_id) else { continue };
        let tracked = lane.get(series_id);
        let due = rules
            .watching(name)
            .filter(|(_, rule)| rule.is_live() && rule.updated_at <= minute);
        let needs: BTreeSet<Need> = due
            .flat_map(|(_, rule)| rule.definition.needs())
            .filter(|need| tracked.is_none_or(|tracked| tracked.recents.get(*need).is_none()))
            .collect();
        if !needs.is_empty() {
            let observed = tracked.map(|tracked| &tracked.observed);
            let observed = observed.or_else(|| known.observed.get(&series_id));
            missing.push(Missing {
                series_id,
                needs,
                interval: observed.map_or(0, |observed| observed.interval),
            });
        }
    }
    let mut groups = Vec::new();
    while !missing.is_empty() {
        let rest = missing.split_off(missing.len().min(TOGETHER));
        groups.push(std::mem::replace(&mut missing, rest));
    }
    groups
}

/// Reads what is missing, as of the batch `seq`: what came later has its own minutes. The store has points up to `newest`.
pub(super) async fn read(
    tenant: &Tenant,
    missing: &[Missing],
    seq: i64,
    minute: Millis,
    newest: Millis,
    known: &mut Known,
) -> Result<(), Error> {
    let later = newest.saturating_sub(minute);
    let series: Vec<SeriesId> = missing.iter().map(|missing| missing.series_id).collect();
    let reach = |missing: &Missing| {
        let reach = |need: &Need| Recent::reach(*need, missing.interval, later);
        missing
            .needs
            .iter()
            .map(reach)
            .fold((0, 0), |(back, most), (more_back, more)| {
                (back.max(more_back), most.max(more))
            })
    };
    let (back, most) = missing
        .iter()
        .map(reach)
        .fold((0, 0), |(back, most), (more_back, more)| {
            (back.max(more_back), most.max(more))
        });
    let from = minute.saturating_sub(back);
    let points = history::points(tenant, &series, from, most.min(POINTS), seq).await?;
    for missing in missing {
        let points = points.get(&missing.series_id).map_or(&[][..], Vec::as_slice);
        let recall = |need: &Need| (*need, Recent::of_history(*need, minute, points));
        let recents = missing.needs.iter().map(recall).collect();
        known.recents.insert(missing.series_id, recents);
    }
    Ok(())
}
