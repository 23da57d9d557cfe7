use crate::Error;
use crate::alerting::rule::Definition;
use crate::id::RuleId;
use db::{Batch, DbError, Step, args, raise};

/// The check that the rules that a composite one names are there, and that it does not come to name itself.
pub(in crate::alerting) struct Members {
    missing: usize,
    circle: usize,
}

impl Members {
    pub(in crate::alerting) fn check(batch: &mut Batch, rule_id: &RuleId, definition: &Definition) -> Option<Self> {
        let members = definition.condition.members();
        if members.is_empty() {
            return None;
        }
        let list = serde_json::json!(members).to_string();
        let missing = batch.push(Step::tenant(
            concat!(
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM json_each(?2) AS asked WHERE asked.value NOT IN (
                    SELECT rule_id FROM alert_rules WHERE org_id = (SELECT org_id FROM authority) AND deleted_at IS NULL))
                 THEN ",
                raise!(),
                " ELSE 1 END"
            ),
            args![&list],
        ));
        let circle = batch.push(Step::tenant(
            concat!(
                "SELECT CASE WHEN EXISTS (
                    WITH RECURSIVE named(rule_id) AS (
                        SELECT value FROM json_each(?2)
                        UNION SELECT m.value FROM named JOIN alert_rules AS r ON r.org_id = (SELECT org_id FROM authority)
                            AND r.rule_id = named.rule_id JOIN json_each(r.condition, '$.rules') AS m)
                    SELECT 1 FROM named WHERE rule_id = ?3)
                 THEN ",
                raise!(),
                " ELSE 1 END"
            ),
            args![&list, rule_id],
        ));
        Some(Self { missing, circle })
    }
}

/// Says what of the members of a rule is wrong, or leaves it to another.
pub(in crate::alerting) trait Explain {
    fn explain(&self, error: DbError, other: impl FnOnce(DbError) -> Error) -> Error;
}

impl Explain for Option<Members> {
    fn explain(&self, error: DbError, other: impl FnOnce(DbError) -> Error) -> Error {
        match (self, &error) {
            (Some(members), DbError::Raised { step, .. }) if *step == members.missing => {
                Error::schema("condition.rules names a rule that is not there")
            }
            (Some(members), DbError::Raised { step, .. }) if *step == members.circle => {
                Error::schema("condition.rules must not lead back to the rule itself")
            }
            _ => other(error),
        }
    }
}
