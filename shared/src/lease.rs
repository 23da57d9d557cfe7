//! Who works on what: a lease with a fence.
//!
//! A lease runs out by the database's clock, and its token grows whenever it is taken. Work done
//! under it puts [`Lease::fence`] in front of its writes: a holder that was slow or frozen, and was
//! replaced meanwhile, finds its write refused.

use crate::Error;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::id::Entropy;
use db::{Batch, Step, args, raise, wall_ms};

/// A lease that was taken, on one name within one organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    name: String,
    owner: String,
    token: i64,
}

/// Takes the lease for `duration` if nobody holds it; `tenant` must stand for one organization.
///
/// # Errors
/// 401, 403 or 503.
pub async fn take(tenant: &Tenant, entropy: &Entropy, name: &str, duration: Millis) -> Result<Option<Lease>, Error> {
    let owner: String = entropy
        .bytes::<16>()?
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    // the owner is new each time, so that a batch sent twice takes the lease once
    let mut batch = Batch::write().repeatable();
    let offset = tenant.clock().wall_offset();
    batch.push(Step::tenant(
        concat!(
            "INSERT INTO leases (org_id, name, owner, until, token)
             SELECT org_id, ?2, ?3, ",
            wall_ms!("?4"),
            " + ?5, 1 FROM authority WHERE true
             ON CONFLICT (org_id, name) DO UPDATE SET owner = excluded.owner, until = excluded.until, token = token + 1
             WHERE until <= ",
            wall_ms!("?4")
        ),
        args![name, &owner, offset, duration],
    ));
    let held = batch.push(Step::tenant(
        "SELECT token FROM leases WHERE org_id = (SELECT org_id FROM authority) AND name = ?2 AND owner = ?3",
        args![name, &owner],
    ));
    let reply = tenant.run(batch).await?;
    let token = reply.step(held)?.first().map(|row| row.integer(0)).transpose()?;
    Ok(token.map(|token| Lease {
        name: name.to_owned(),
        owner,
        token,
    }))
}

impl Lease {
    /// A step that raises unless this lease is still the last that was taken.
    #[must_use]
    pub fn fence(&self) -> Step {
        Step::tenant(
            concat!(
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM leases
                    WHERE org_id = (SELECT org_id FROM authority) AND name = ?2 AND owner = ?3 AND token = ?4)
                 THEN 1 ELSE ",
                raise!(),
                " END"
            ),
            args![&self.name, &self.owner, self.token],
        )
    }

    /// Holds the lease for `duration` from now on; `false` if it was lost.
    ///
    /// # Errors
    /// 401, 403 or 503.
    pub async fn renew(&self, tenant: &Tenant, duration: Millis) -> Result<bool, Error> {
        let step = Step::tenant(
            concat!(
                "UPDATE leases SET until = ",
                wall_ms!("?5"),
                " + ?6
                 WHERE org_id = (SELECT org_id FROM authority) AND name = ?2 AND owner = ?3 AND token = ?4"
            ),
            args![
                &self.name,
                &self.owner,
                self.token,
                tenant.clock().wall_offset(),
                duration
            ],
        );
        let reply = tenant.run(Batch::write_one(step).repeatable()).await?;
        Ok(reply.step(0)?.affected > 0)
    }

    /// Gives the lease back; without effect if it was lost.
    ///
    /// # Errors
    /// 401, 403 or 503.
    pub async fn release(self, tenant: &Tenant) -> Result<(), Error> {
        let step = Step::tenant(
            "UPDATE leases SET until = 0
             WHERE org_id = (SELECT org_id FROM authority) AND name = ?2 AND owner = ?3 AND token = ?4",
            args![&self.name, &self.owner, self.token],
        );
        tenant.run(Batch::write_one(step).repeatable()).await?;
        Ok(())
    }
}
