use super::script::{Migration, READER};
use crate::Error;
use crate::auth::Tenant;
use crate::clock::Millis;
use db::{Batch, DbError, Step, args, wall_ms};

/// A migration that the database has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// its name, without `.sql`
    pub name: String,
    /// SHA-256 of its text
    pub checksum: String,
    /// when, by the database's clock
    pub applied_at: Millis,
    min_reader: i64,
}

/// Where a database stands.
#[derive(Debug, Clone)]
pub struct Status {
    /// in order
    pub applied: Vec<Applied>,
    /// in order
    pub pending: Vec<Migration>,
}

const CREATE: &str = "CREATE TABLE IF NOT EXISTS _migrations (
    name       TEXT    NOT NULL PRIMARY KEY,
    checksum   TEXT    NOT NULL,
    applied_at INTEGER NOT NULL,
    min_reader INTEGER NOT NULL
) WITHOUT ROWID, STRICT";

/// Compares a database with the migrations of this code.
///
/// # Errors
/// 409 if an applied migration was edited since, if there is a gap, or if the database is newer
/// than this code; 503 if it does not answer.
pub async fn status(operator: &Tenant, migrations: &'static [Migration]) -> Result<Status, Error> {
    let exists = Step::global(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '_migrations'",
        vec![],
    );
    let found = operator.run(Batch::read_one(exists)).await?;
    if found.step(0)?.one()?.integer(0)? == 0 {
        return Ok(Status {
            applied: Vec::new(),
            pending: migrations.to_vec(),
        });
    }
    let rows = Step::global(
        "SELECT name, checksum, applied_at, min_reader FROM _migrations ORDER BY name",
        vec![],
    );
    let reply = operator.run(Batch::read_one(rows)).await?;
    let applied = reply
        .step(0)?
        .rows
        .iter()
        .map(|row| {
            Ok(Applied {
                name: bare(row.text(0)?).to_owned(),
                checksum: row.text(1)?.to_owned(),
                applied_at: row.integer(2)?,
                min_reader: row.integer(3)?,
            })
        })
        .collect::<Result<Vec<_>, DbError>>()?;
    compare(applied, migrations)
}

/// `001_x.sql` and `001_x` are the same migration.
fn bare(name: &str) -> &str {
    name.strip_suffix(".sql").unwrap_or(name)
}

fn compare(applied: Vec<Applied>, migrations: &'static [Migration]) -> Result<Status, Error> {
    for (at, have) in applied.iter().enumerate() {
        let Some(want) = migrations.get(at) else {
            return if have.min_reader > READER {
                Err(Error::conflict(format!(
                    "the database is newer than this version: it has {}",
                    have.name
                )))
            } else {
                continue;
            };
        };
        if have.name != want.name {
            return Err(Error::conflict(format!(
                "there is a gap: the database has {} where {} should be",
                have.name, want.name
            )));
        }
        if have.checksum != want.checksum() {
            return Err(Error::conflict(format!(
                "the migration {} was edited after it was applied",
                want.name
            )));
        }
    }
    let pending = migrations.get(applied.len()..).unwrap_or_default().to_vec();
    Ok(Status { applied, pending })
}

/// Applies what is pending, each migration in one transaction; returns the names that this call
/// applied. Any number of callers may race: each migration is applied by one of them.
///
/// # Errors
/// As [`status`], and 409 for a database that is newer than this code.
pub async fn migrate(operator: &Tenant, migrations: &'static [Migration]) -> Result<Vec<&'static str>, Error> {
    let mut done = Vec::new();
    operator.run(repeatable(vec![Step::global(CREATE, vec![])])).await?;
    let status = status(operator, migrations).await?;
    if status.applied.len() > migrations.len() {
        return Err(Error::conflict("the database is newer than this version"));
    }
    for migration in &status.pending {
        let mut steps = vec![Step::global(
            concat!(
                "INSERT INTO _migrations (name, checksum, applied_at, min_reader) VALUES (?1, ?2, ",
                wall_ms!("?3"),
                ", ?4)"
            ),
            args![
                migration.name,
                migration.checksum(),
                operator.clock().wall_offset(),
                migration.min_reader
            ],
        )];
        steps.extend(migration.statements().into_iter().map(|sql| Step::global(sql, vec![])));
        match operator.run(repeatable(steps)).await {
            Ok(_) => done.push(migration.name),
            // somebody else did it
            Err(DbError::Constraint { step: 0, .. }) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Ok(done)
}

/// The first statement makes a repetition harmless: a name is recorded once.
fn repeatable(steps: Vec<Step>) -> Batch {
    let mut batch = Batch::write().repeatable();
    for step in steps {
        batch.push(step);
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[Migration] = &[
        Migration {
            name: "001_a",
            sql: "CREATE TABLE a (x);\n",
            min_reader: 1,
        },
        Migration {
            name: "002_b",
            sql: "CREATE TABLE b (x);\n",
            min_reader: 1,
        },
    ];

    fn applied(name: &str, checksum: String) -> Applied {
        Applied {
            name: bare(name).to_owned(),
            checksum,
            applied_at: 0,
            min_reader: 1,
        }
    }

    #[test]
    fn a_name_with_and_without_sql_is_one() {
        let status = compare(vec![applied("001_a.sql", TWO[0].checksum())], TWO).unwrap();
        assert_eq!(status.pending.len(), 1);
    }

    #[test]
    fn an_edited_migration_and_a_gap_are_told() {
        let edited = compare(vec![applied("001_a", "0".into())], TWO).unwrap_err();
        assert!(edited.to_string().contains("edited"), "{edited}");
        let gap = compare(vec![applied("002_b", TWO[1].checksum())], TWO).unwrap_err();
        assert!(gap.to_string().contains("gap"), "{gap}");
    }

    #[test]
    fn only_a_newer_schema_that_this_code_cannot_read_is_refused() {
        let mut three = vec![
            applied("001_a", TWO[0].checksum()),
            applied("002_b", TWO[1].checksum()),
            applied("003_c", "0".into()),
        ];
        assert!(compare(three.clone(), TWO).is_ok());
        three[2].min_reader = READER + 1;
        assert!(compare(three, TWO).is_err());
    }
}
