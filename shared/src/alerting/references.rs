//! What rules and schedules name beside themselves: channels, rules, schedules. It is checked in the batch that writes them.

use super::rule::Definition;
use crate::Error;
use crate::id::{ChannelId, RuleId, ScheduleId};
use db::{Batch, DbError, Rows, Step, args, raise};
use serde::Serialize;
use serde_json::json;

/// Raises unless all that `?2` lists is selected.
macro_rules! known {
    ($select:literal) => {
        concat!(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM json_each(?2) AS asked WHERE asked.value NOT IN (",
            $select,
            ")) THEN ",
            raise!(),
            " ELSE 1 END"
        )
    };
}

/// What of that list is not selected.
macro_rules! missing {
    ($select:literal) => {
        concat!(
            "SELECT asked.value FROM json_each(?2) AS asked WHERE asked.value NOT IN (",
            $select,
            ") ORDER BY asked.key"
        )
    };
}

const KNOWN_CHANNELS: &str = known!(
    "SELECT channel_id FROM notification_channels WHERE org_id = (SELECT org_id FROM authority) AND deleted_at IS NULL"
);
const MISSING_CHANNELS: &str = missing!(
    "SELECT channel_id FROM notification_channels WHERE org_id = (SELECT org_id FROM authority) AND deleted_at IS NULL"
);
const KNOWN_RULES: &str =
    known!("SELECT rule_id FROM alert_rules WHERE org_id = (SELECT org_id FROM authority) AND deleted_at IS NULL");
const MISSING_RULES: &str =
    missing!("SELECT rule_id FROM alert_rules WHERE org_id = (SELECT org_id FROM authority) AND deleted_at IS NULL");
const KNOWN_SCHEDULES: &str =
    known!("SELECT schedule_id FROM mute_schedules WHERE org_id = (SELECT org_id FROM authority)");
const MISSING_SCHEDULES: &str =
    missing!("SELECT schedule_id FROM mute_schedules WHERE org_id = (SELECT org_id FROM authority)");

/// Whether a rule would be among the parents of its parents.
const CIRCLE: &str = concat!(
    "SELECT CASE WHEN ?3 IN (
        WITH RECURSIVE above(rule_id) AS (
            SELECT value FROM json_each(?2)
            UNION
            SELECT parent.value FROM above
            JOIN alert_rules AS r ON r.org_id = (SELECT org_id FROM authority) AND r.rule_id = above.rule_id
            JOIN json_each(r.routing, '$.inhibited_by') AS parent)
        SELECT rule_id FROM above) THEN ",
    raise!(),
    " ELSE 1 END"
);

/// The check that some of one kind are there.
pub(super) struct Known {
    step: usize,
    missing: usize,
    words: &'static str,
}

impl Known {
    /// `steps` are the check of a list, and what it misses.
    fn check(batch: &mut Batch, named: &impl Serialize, words: &'static str, steps: fn(&str) -> [Step; 2]) -> Self {
        let [check, missing] = steps(&json!(named).to_string());
        let step = batch.push(check);
        let missing = batch.push_rescue(step, missing);
        Self { step, missing, words }
    }

    /// The check that these channels are there.
    pub(super) fn channels(batch: &mut Batch, named: &[&ChannelId]) -> Self {
        Self::check(batch, &named, "there is no channel", |list| {
            [
                Step::tenant(KNOWN_CHANNELS, args![list]),
                Step::tenant(MISSING_CHANNELS, args![list]),
            ]
        })
    }

    fn rules(batch: &mut Batch, named: &[RuleId]) -> Self {
        Self::check(batch, &named, "inhibited_by: there is no rule", |list| {
            [
                Step::tenant(KNOWN_RULES, args![list]),
                Step::tenant(MISSING_RULES, args![list]),
            ]
        })
    }

    fn schedules(batch: &mut Batch, named: &[ScheduleId]) -> Self {
        Self::check(batch, &named, "there is no mute schedule", |list| {
            [
                Step::tenant(KNOWN_SCHEDULES, args![list]),
                Step::tenant(MISSING_SCHEDULES, args![list]),
            ]
        })
    }

    /// What a failure of the batch means.
    pub(super) fn explain(&self, error: DbError) -> Error {
        match error {
            DbError::Raised { step, rescued } if step == self.step => {
                let rows = rescued.get(self.missing).map_or(&[][..], |rows: &Rows| &rows.rows);
                let names: Vec<&str> = rows.iter().filter_map(|row| row.text(0).ok()).collect();
                Error::schema(format!("{} {}", self.words, names.join(", ")))
            }
            other => other.into(),
        }
    }
}

/// The checks of a rule.
pub(super) struct References {
    known: [Known; 3],
    circle: usize,
}

impl References {
    /// Of a rule that has an identity, or none yet.
    pub(super) fn check(batch: &mut Batch, rule_id: Option<&RuleId>, definition: &Definition) -> Self {
        let routing = &definition.routing;
        let escalated = routing.escalate.iter().flat_map(|escalate| &escalate.channels);
        let channels: Vec<&ChannelId> = definition.channels.iter().chain(escalated).collect();
        let known = [
            Known::channels(batch, &channels),
            Known::rules(batch, &routing.inhibited_by),
            Known::schedules(batch, &routing.mute_schedules),
        ];
        let inhibited_by = json!(routing.inhibited_by).to_string();
        Self {
            known,
            circle: batch.push(Step::tenant(CIRCLE, args![&inhibited_by, rule_id.map(RuleId::as_str)])),
        }
    }

    /// What a failure of the batch means.
    pub(super) fn explain(&self, error: DbError) -> Error {
        let DbError::Raised { step, .. } = &error else {
            return error.into();
        };
        if *step == self.circle {
            return Error::schema("inhibited_by: a rule does not inhibit itself, nor through other rules");
        }
        match self.known.iter().find(|known| known.step == *step) {
            Some(known) => known.explain(error),
            None => error.into(),
        }
    }
}
