//! What a rule names beside itself: channels, other rules and schedules. It is checked in the batch that writes the rule.

use super::rule::Definition;
use crate::Error;
use crate::id::RuleId;
use db::{Batch, DbError, Rows, Step, args, raise};
use serde_json::json;

/// The checks, by their steps.
pub(super) struct References {
    /// each check, what it reads if it fails, and what is said before that
    checks: Vec<(usize, usize, &'static str)>,
    circle: usize,
}

macro_rules! missing {
    ($select:literal) => {
        (
            concat!(
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM json_each(?2) AS asked WHERE asked.value NOT IN (",
                $select,
                ")) THEN ",
                raise!(),
                " ELSE 1 END"
            ),
            concat!(
                "SELECT asked.value FROM json_each(?2) AS asked WHERE asked.value NOT IN (",
                $select,
                ") ORDER BY asked.key"
            ),
        )
    };
}

const CHANNELS: (&str, &str) = missing!(
    "SELECT channel_id FROM notification_channels WHERE org_id = (SELECT org_id FROM authority) AND deleted_at IS NULL"
);
const RULES: (&str, &str) =
    missing!("SELECT rule_id FROM alert_rules WHERE org_id = (SELECT org_id FROM authority) AND deleted_at IS NULL");
const SCHEDULES: (&str, &str) =
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

impl References {
    pub(super) fn check(batch: &mut Batch, rule_id: &RuleId, definition: &Definition) -> Self {
        let routing = &definition.routing;
        let escalated = routing.escalate.iter().flat_map(|escalate| &escalate.channels);
        let channels: Vec<_> = definition.channels.iter().chain(escalated).collect();
        let inhibited_by = json!(routing.inhibited_by).to_string();
        let checks = [
            (CHANNELS, json!(channels).to_string(), "there is no channel"),
            (RULES, inhibited_by.clone(), "inhibited_by: there is no rule"),
            (
                SCHEDULES,
                json!(routing.mute_schedules).to_string(),
                "there is no mute schedule",
            ),
        ];
        let checks = checks.map(|((check, missing), list, words)| {
            let step = batch.push(Step::tenant(check, args![&list]));
            (
                step,
                batch.push_rescue(step, Step::tenant(missing, args![&list])),
                words,
            )
        });
        Self {
            checks: checks.to_vec(),
            circle: batch.push(Step::tenant(CIRCLE, args![&inhibited_by, rule_id])),
        }
    }

    /// What a failure of the batch means.
    pub(super) fn explain(&self, error: DbError) -> Error {
        let DbError::Raised { step, rescued } = error else {
            return error.into();
        };
        if step == self.circle {
            return Error::schema("inhibited_by: a rule does not inhibit itself, nor through other rules");
        }
        let Some((_, missing, words)) = self.checks.iter().find(|(check, ..)| *check == step) else {
            return DbError::Raised { step, rescued }.into();
        };
        let rows = rescued.get(*missing).map_or(&[][..], |rows: &Rows| &rows.rows);
        let names: Vec<&str> = rows.iter().filter_map(|row| row.text(0).ok()).collect();
        Error::schema(format!("{words} {}", names.join(", ")))
    }
}
