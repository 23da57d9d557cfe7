use sha2::{Digest, Sha256};

/// One migration.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// `NNN_name`, without `.sql`
    pub name: &'static str,
    /// its statements, separated by `;` at the end of a line
    pub sql: &'static str,
    /// the oldest version of the code that can still read the schema afterwards
    pub min_reader: i64,
}

/// What version of the schema this code reads: refused are schemas whose `min_reader` is above it.
pub(super) const READER: i64 = 4;

macro_rules! migrations {
    ($($name:literal for $min_reader:literal),* $(,)?) => {
        &[$(Migration {
            name: $name,
            sql: include_str!(concat!("../../../migrations/", $name, ".sql")),
            min_reader: $min_reader,
        }),*]
    };
}

/// All migrations, in order.
#[must_use]
pub fn all() -> &'static [Migration] {
    migrations![
        "001_initial_schema" for 1,
        "002_saas_tables" for 1,
        "003_point_store" for 1,
        "004_alerting" for 1,
        "005_store_care" for 2,
        "006_imports" for 2,
        "007_forecast_jobs" for 2,
        "008_timegpt" for 2,
        "009_forecast_scores" for 2,
        "010_detection" for 2,
        "011_notification_groups" for 3,
        "012_channels" for 3,
        "013_delivery" for 3,
        "014_rule_types" for 3,
        "015_alert_evidence" for 3,
        "016_notice_indexes" for 3,
        "017_mail_taken" for 3,
        "018_external_alerts" for 3,
        "019_raised_rules" for 4,
    ]
}

impl Migration {
    /// SHA-256 of its text in hex, line ends made equal.
    #[must_use]
    pub fn checksum(&self) -> String {
        let digest = Sha256::digest(self.sql.replace("\r\n", "\n").as_bytes());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Its statements.
    #[must_use]
    pub fn statements(&self) -> Vec<&'static str> {
        let mut statements = Vec::new();
        let mut start = 0;
        let mut at = 0;
        for line in self.sql.split_inclusive('\n') {
            at += line.len();
            let code = line.split("--").next().unwrap_or("").trim_end();
            if code.ends_with(';') {
                statements.push(self.sql[start..at].trim());
                start = at;
            }
        }
        statements
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbered_without_a_gap() {
        for (at, migration) in all().iter().enumerate() {
            assert!(
                migration.name.starts_with(&format!("{:03}_", at + 1)),
                "{}",
                migration.name
            );
        }
    }

    #[test]
    fn statements_are_split_at_semicolons_that_end_a_line() {
        let migration = Migration {
            name: "001_x",
            sql: "-- a; b\nCREATE TABLE a (x); -- why;\nCREATE TABLE b (\n  y -- no;\n);\n",
            min_reader: 1,
        };
        let statements = migration.statements();
        assert_eq!(statements.len(), 2, "{statements:?}");
        assert!(statements[1].starts_with("CREATE TABLE b"));
    }

    /// What the tables promise: an organization's rows are found, and deleted, by `org_id` alone.
    #[test]
    fn r29_org_id_leads_the_primary_key_of_every_tenant_table() {
        for migration in all() {
            for statement in migration.statements() {
                let Some(name) = statement
                    .split("CREATE TABLE ")
                    .nth(1)
                    .and_then(|rest| rest.split([' ', '(']).next())
                else {
                    continue;
                };
                let global = matches!(name, "users");
                let leads = statement.contains("PRIMARY KEY (org_id")
                    || statement.contains("org_id      TEXT    NOT NULL PRIMARY KEY")
                    || statement.contains("org_id           TEXT    NOT NULL PRIMARY KEY");
                assert!(global || leads, "{name}");
                assert!(statement.contains("STRICT"), "{name}");
            }
        }
    }
}
