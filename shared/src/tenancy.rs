//! Organizations.

use crate::Error;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::id::OrgId;
use crate::keys::Environment;
use db::{Batch, DbError, Step, args, wall_ms};

/// The organization with this name, made by an operator if there is none.
///
/// # Errors
/// 503 if the database does not answer.
pub async fn ensure(operator: &Tenant, new_id: &OrgId, name: &str, environment: Environment) -> Result<OrgId, Error> {
    let mut batch = Batch::write().repeatable();
    let now = operator.clock().wall_offset();
    batch.push(Step::global(
        concat!(
            "INSERT INTO organizations (org_id, name, environment, created_at, updated_at)
             SELECT ?1, ?2, ?3, now, now FROM (SELECT ",
            wall_ms!("?4"),
            " AS now) WHERE true ON CONFLICT (name) DO NOTHING"
        ),
        args![new_id, name, environment.as_str(), now],
    ));
    batch.push(Step::global(
        "INSERT INTO org_state (org_id) SELECT org_id FROM organizations WHERE name = ?1 ON CONFLICT DO NOTHING",
        args![name],
    ));
    let found = batch.push(Step::global(
        "SELECT org_id FROM organizations WHERE name = ?1",
        args![name],
    ));
    let reply = operator.run(batch).await?;
    Ok(org_id(reply.step(found)?.one()?)?)
}

/// The organization with this id or name, as an operator calls it.
///
/// # Errors
/// 503 if the database does not answer.
pub async fn find(operator: &Tenant, id_or_name: &str) -> Result<Option<OrgId>, Error> {
    let step = Step::global(
        "SELECT org_id FROM organizations WHERE org_id = ?1 OR name = ?1 ORDER BY org_id = ?1 DESC LIMIT 1",
        args![id_or_name],
    );
    let reply = operator.run(Batch::read_one(step)).await?;
    Ok(reply.step(0)?.first().map(org_id).transpose()?)
}

/// Every organization, for schedules that visit them one by one.
///
/// # Errors
/// 503 if the database does not answer.
pub async fn all(system: &Tenant) -> Result<Vec<OrgId>, Error> {
    let step = Step::tenant("SELECT org_id FROM authority ORDER BY org_id", vec![]);
    let reply = system.run(Batch::read_one(step)).await?;
    Ok(reply.step(0)?.rows.iter().map(org_id).collect::<Result<_, _>>()?)
}

/// What the database's own clock shows, to be held against this process'.
///
/// # Errors
/// 503 if the database does not answer.
pub async fn wall_clock(operator: &Tenant) -> Result<Millis, Error> {
    let step = Step::global(
        concat!("SELECT ", wall_ms!("?1")),
        args![operator.clock().wall_offset()],
    );
    let reply = operator.run(Batch::read_one(step)).await?;
    Ok(reply.step(0)?.one()?.integer(0)?)
}

fn org_id(row: &db::Row) -> Result<OrgId, DbError> {
    OrgId::parse(row.text(0)?).ok_or_else(|| DbError::Other("an organization has a wrong id".into()))
}
