use super::METRIC;
use crate::Error;
use crate::alerting::lanes;
use crate::alerting::severity::Severity;
use crate::auth::Tenant;
use crate::id::{Entropy, RuleId};
use db::{Batch, DbError, Step, args, raise, wall_ms};

/// The name of the rule that the first external alert makes.
const NAME: &str = "Alertmanager";

/// Whether a rule watches external alerts: 1 or 0. One that was deleted is none.
pub(super) fn is_there() -> Step {
    Step::tenant(
        "SELECT EXISTS (SELECT 1 FROM alert_rules WHERE org_id = (SELECT org_id FROM authority) AND metric_key = ?2
                            AND deleted_at IS NULL)",
        args![METRIC],
    )
}

/// Makes a rule that watches them all and tells nobody, unless somebody else was faster.
pub(super) async fn make(tenant: &Tenant, entropy: &Entropy) -> Result<(), Error> {
    let clock = tenant.clock();
    let rule_id = RuleId::new(clock, entropy)?;
    let mut batch = Batch::write();
    let guard = batch.push(Step::tenant(
        concat!(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM alert_rules WHERE org_id = (SELECT org_id FROM authority) AND metric_key = ?2
                                        AND deleted_at IS NULL) THEN ",
            raise!(),
            " ELSE 1 END"
        ),
        args![METRIC],
    ));
    batch.push(Step::tenant(
        concat!(
            "INSERT INTO alert_rules (org_id, rule_id, name, metric_key, dimensions, severity, condition, channels, created_at, updated_at)
             SELECT org_id, ?2, ?3, ?4, '{}', ?5, '{\"type\":\"external\"}', '[]', now, now
             FROM authority, (SELECT coalesce(?6, ",
            wall_ms!("?7"),
            ") AS now)"
        ),
        args![
            &rule_id,
            NAME,
            METRIC,
            Severity::Error.as_str(),
            clock.product_override(),
            clock.wall_offset()
        ],
    ));
    for step in lanes::changed(tenant) {
        batch.push(step);
    }
    match tenant.run(batch).await {
        Ok(_) => Ok(()),
        Err(DbError::Raised { step, .. }) if step == guard => Ok(()),
        Err(error) => Err(error.into()),
    }
}
