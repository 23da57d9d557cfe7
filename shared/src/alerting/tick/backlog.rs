//! Outlooks that ticks had no time for.

use super::forecasts::{compute, due};
use super::{grid, load};
use crate::auth::Tenant;
use crate::budget::Budget;
use crate::clock::MINUTE;
use crate::id::OrgId;
use crate::{Error, series};
use db::{Batch, DbError, Row, Step, args};

/// The organizations whose last tick left forecasts of rules undone.
///
/// # Errors
/// 503 if the database does not answer.
pub async fn backlog(system: &Tenant) -> Result<Vec<OrgId>, Error> {
    let step = Step::tenant(
        "SELECT l.org_id FROM lanes AS l INDEXED BY lanes_behind CROSS JOIN authority AS a ON a.org_id = l.org_id
         WHERE l.forecasts_left > 0 ORDER BY l.org_id",
        vec![],
    );
    let reply = system.run(Batch::read_one(step)).await?;
    let org =
        |row: &Row| OrgId::parse(row.text(0)?).ok_or_else(|| DbError::Other("an organization has a wrong id".into()));
    Ok(reply.step(0)?.rows.iter().map(org).collect::<Result<_, _>>()?)
}

/// Computes forecasts of rules that are due, as far as the budget goes; how many it made.
///
/// They count from the minute after the next: whatever a tick evaluates meanwhile, or replays because it was killed, sees
/// the same forecasts with them and without.
///
/// # Errors
/// 503 if the database does not answer.
pub async fn catch_up(tenant: &Tenant, budget: &mut dyn Budget) -> Result<usize, Error> {
    let Some(snapshot) = load::lane(tenant).await? else {
        return Ok(0);
    };
    let names = series::matching(tenant, &snapshot.rules.metrics()).await?;
    let names = names.into_iter().map(|name| (name.series_id, name)).collect();
    let outlooks = load::outlooks(tenant).await?;
    let minute = snapshot.position.minute;
    let due = due(&snapshot.lane, &snapshot.rules, &names, &outlooks, minute);
    let valid_from = grid::floor(snapshot.now.max(minute)).saturating_add(2 * MINUTE);
    let computed = compute(tenant, &due, valid_from, budget).await?;
    leave(tenant, snapshot.forecasts_left, computed.left).await?;
    Ok(computed.stored)
}

/// Notes how many forecasts are left undone, where that changes.
pub(super) async fn leave(tenant: &Tenant, before: i64, left: usize) -> Result<(), Error> {
    let left = i64::try_from(left).unwrap_or(i64::MAX);
    if left == before {
        return Ok(());
    }
    let step = Step::tenant(
        "UPDATE lanes SET forecasts_left = ?3 WHERE org_id = (SELECT org_id FROM authority) AND lane_id = ?2",
        args![load::LANE, left],
    );
    tenant.run(Batch::write_one(step).repeatable()).await?;
    Ok(())
}
