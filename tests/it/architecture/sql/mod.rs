//! Requirement 30: no statement reaches an organization's rows but through `authority`, which the
//! guard of the batch defines. Read from the sources of the common crate.

mod scan;

use std::collections::{BTreeMap, BTreeSet};

use scan::{Place, Scan, macros, scan};
use tests::workspace::{self, without_tests};

/// Statements on tables of organizations that name no authority: file, a piece of the statement, why.
const EXCEPTIONS: [(&str, &str, &str); 3] = [
    (
        "shared/src/auth/authority.rs",
        "FROM api_keys",
        "the guard itself, which turns a key, or the word of an operator, into its organization",
    ),
    (
        "shared/src/tenancy.rs",
        "INTO organizations",
        "an operator makes an organization, which has no rows and no keys before",
    ),
    (
        "shared/src/tenancy.rs",
        "FROM organizations",
        "an operator looks an organization up by its name",
    ),
];

/// The tables that hold rows of organizations, from the migrations.
fn tenant_tables() -> BTreeSet<String> {
    let mut tables = BTreeSet::new();
    for path in workspace::files("migrations", "sql") {
        for statement in workspace::read(&path).split(';') {
            if let Some((_, rest)) = statement.split_once("CREATE TABLE ") {
                let name = rest.split_whitespace().next().unwrap().to_owned();
                if rest.contains("org_id ") {
                    tables.insert(name);
                }
            }
        }
    }
    tables
}

/// Whether the text names the table as a statement does.
fn names(sql: &str, table: &str) -> bool {
    let words: Vec<&str> = sql
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .filter(|word| !word.is_empty())
        .collect();
    words
        .windows(2)
        .any(|pair| ["FROM", "INTO", "UPDATE", "JOIN"].contains(&pair[0]) && pair[1] == table)
}

#[test]
fn r30_tables_of_organizations_are_reached_through_authority_alone() {
    let tables = tenant_tables();
    assert!(tables.len() >= 14, "{tables:?}");
    let sources: BTreeMap<String, String> = workspace::files("shared/src", "rs")
        .into_iter()
        .map(|path| {
            let source = without_tests(&workspace::read(&path)).to_owned();
            (path, source)
        })
        .collect();
    let macros = sources.values().flat_map(|source| macros(source)).collect();
    let scans: BTreeMap<&str, Scan> = sources
        .iter()
        .map(|(path, source)| (path.as_str(), scan(source, &macros)))
        .collect();
    // constants are run as tenant steps, never as global ones
    let run_as = |tenant: bool| -> BTreeSet<&str> {
        let all = scans.values().flat_map(|found| &found.run);
        all.filter(|(_, of_tenant)| *of_tenant == tenant)
            .map(|(name, _)| name.as_str())
            .collect()
    };
    let (tenant, global) = (run_as(true), run_as(false));
    let mut excused = BTreeSet::new();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (path, text) in scans
        .iter()
        .flat_map(|(path, found)| found.texts.iter().map(move |text| (path, text)))
    {
        let Some(table) = tables.iter().find(|table| names(&text.sql, table)) else {
            continue;
        };
        seen += 1;
        let exception = EXCEPTIONS
            .iter()
            .position(|(file, piece, _)| file == path && text.sql.contains(piece));
        if let Some(exception) = exception {
            excused.insert(exception);
            continue;
        }
        let as_tenant = match &text.place {
            Place::Tenant => true,
            Place::Constant(name) => tenant.contains(name.as_str()) && !global.contains(name.as_str()),
            Place::Global | Place::Elsewhere => false,
        };
        if !as_tenant || !text.sql.contains("authority") {
            let statement = text.sql.split_whitespace().collect::<Vec<_>>().join(" ");
            wrong.push(format!("{path} ({table}, {:?}): {statement}", text.place));
        }
    }
    assert!(seen >= 20, "the scan found only {seen} statements");
    assert!(wrong.is_empty(), "not through authority:\n{}", wrong.join("\n"));
    for (number, (file, piece, _)) in EXCEPTIONS.iter().enumerate() {
        assert!(
            excused.contains(&number),
            "the exception {file}: {piece:?} is not needed any more"
        );
    }
}

/// Statements are constants, so that no text of a caller can become part of one.
#[test]
fn r30_no_statement_is_built_from_strings() {
    for path in workspace::files("shared/src", "rs") {
        let source = workspace::read(&path);
        for (number, line) in without_tests(&source).lines().enumerate() {
            let built = line.contains("format!(") || line.contains("push_str(");
            let sql = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WHERE "]
                .iter()
                .any(|word| line.contains(word));
            assert!(!(built && sql), "{path}:{}: {line}", number + 1);
        }
    }
}

#[test]
fn a_table_is_a_whole_word_after_a_keyword() {
    assert!(names("SELECT 1 FROM alerts", "alerts"));
    assert!(!names("SELECT 1 FROM alert_rules", "alerts"));
    assert!(!names("no alerts here", "alerts"));
}
