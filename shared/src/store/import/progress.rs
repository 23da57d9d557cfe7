use crate::Error;
use crate::auth::Tenant;
use db::{Batch, Step, args, wall_ms};

/// How far the import of a file has come. It is recorded with the points, in one batch, so that an import that was
/// killed goes on where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// what tells the file
    pub import_id: String,
    /// how many bytes of it are done
    pub byte: u64,
    /// how many lines of it are done
    pub line: u64,
    /// points stored so far
    pub points: u64,
    /// lines refused so far
    pub refused: u64,
}

impl Progress {
    pub(super) fn step(&self, tenant: &Tenant) -> Step {
        Step::tenant(
            concat!(
                "INSERT INTO imports (org_id, import_id, byte, line, points, refused, updated_at)
                 SELECT org_id, ?2, ?3, ?4, ?5, ?6, ",
                wall_ms!("?7"),
                " FROM authority WHERE true
                 ON CONFLICT (org_id, import_id) DO UPDATE SET byte = excluded.byte, line = excluded.line,
                    points = excluded.points, refused = excluded.refused, updated_at = excluded.updated_at"
            ),
            args![
                &self.import_id,
                integer(self.byte),
                integer(self.line),
                integer(self.points),
                integer(self.refused),
                tenant.clock().wall_offset()
            ],
        )
    }
}

fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// How far an import came that did not come to its end.
///
/// # Errors
/// 401, 403 or 503.
pub async fn progress(tenant: &Tenant, import_id: &str) -> Result<Option<Progress>, Error> {
    let step = Step::tenant(
        "SELECT byte, line, points, refused FROM imports
         WHERE org_id = (SELECT org_id FROM authority) AND import_id = ?2",
        args![import_id],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let Some(row) = reply.step(0)?.first() else {
        return Ok(None);
    };
    let count = |column| row.integer(column).map(|count| u64::try_from(count).unwrap_or(0));
    Ok(Some(Progress {
        import_id: import_id.to_owned(),
        byte: count(0)?,
        line: count(1)?,
        points: count(2)?,
        refused: count(3)?,
    }))
}

/// Forgets how far an import came: it is done, or shall begin anew.
///
/// # Errors
/// 401, 403 or 503.
pub async fn forget(tenant: &Tenant, import_id: &str) -> Result<(), Error> {
    let step = Step::tenant(
        "DELETE FROM imports WHERE org_id = (SELECT org_id FROM authority) AND import_id = ?2",
        args![import_id],
    );
    tenant.run(Batch::write_one(step).repeatable()).await?;
    Ok(())
}
