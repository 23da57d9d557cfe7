//! Requirement 30: no statement reaches an organization's rows but through `authority`, which the
//! guard of the batch defines. Read from the sources of the common crate.

use std::collections::{BTreeMap, BTreeSet};

use tests::workspace::{self, without_tests};

/// Statements on tables of organizations that name no authority: file, a piece of the statement, why.
const EXCEPTIONS: [(&str, &str, &str); 4] = [
    (
        "shared/src/auth/authority.rs",
        "FROM api_keys",
        "the guard itself, which turns the hash of a key into its organization",
    ),
    (
        "shared/src/auth/authority.rs",
        "FROM organizations",
        "the guard itself, for one organization or for all",
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

/// One text of a source: a string, or strings that `concat!` joins or that follow in the same call.
struct Text {
    sql: String,
    place: Place,
}

#[derive(PartialEq, Eq)]
enum Place {
    Tenant,
    Global,
    Constant(String),
    Elsewhere,
}

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

/// The texts of a source with where they stand.
fn texts(source: &str) -> Vec<Text> {
    let mut found: Vec<Text> = Vec::new();
    let bytes = source.as_bytes();
    let mut at = 0;
    // open brackets: whether each belongs to a call of `Step::tenant` or `Step::global`
    let mut open: Vec<Option<bool>> = Vec::new();
    let mut constant: Option<String> = None;
    // strings of one call or one constant are one text
    let mut joined = false;
    while at < bytes.len() {
        match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += source[at..].find('\n').unwrap_or(source.len() - at);
            }
            b'"' => {
                let (content, end) = string(source, at);
                let place = match (open.iter().rev().find_map(|call| *call), &constant) {
                    (Some(true), _) => Place::Tenant,
                    (Some(false), _) => Place::Global,
                    (None, Some(name)) => Place::Constant(name.clone()),
                    (None, None) => Place::Elsewhere,
                };
                match found.last_mut().filter(|last| joined && last.place == place) {
                    Some(last) => last.sql.push_str(&content),
                    None => found.push(Text { sql: content, place }),
                }
                joined = true;
                at = end;
            }
            b'\'' => at = letter(bytes, at),
            b'(' | b'[' | b'{' => {
                let before = source[..at].trim_end();
                let call = if before.ends_with("Step::tenant") {
                    Some(true)
                } else if before.ends_with("Step::global") {
                    Some(false)
                } else {
                    None
                };
                joined &= call.is_none();
                open.push(call);
                at += 1;
            }
            b')' | b']' | b'}' => {
                joined &= open.pop().flatten().is_none();
                at += 1;
            }
            b';' => {
                constant = None;
                joined = false;
                at += 1;
            }
            b'c' if source[at..].starts_with("const ") && source[at..].contains(':') => {
                let name = source[at + 6..].split(':').next().unwrap_or("");
                if name.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_') {
                    constant = Some(name.to_owned());
                    joined = false;
                }
                at += 6;
            }
            b'r' if source[at..].starts_with("r#\"") => {
                let end = source[at..].find("\"#").map_or(source.len(), |length| at + length + 2);
                at = end;
            }
            _ => at += 1,
        }
    }
    found
}

/// The content of the string that begins here, and where it ends.
fn string(source: &str, start: usize) -> (String, usize) {
    let bytes = source.as_bytes();
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (source[start + 1..at.min(source.len())].to_owned(), at + 1)
}

/// Where a character, or the mark of a lifetime, that begins here ends.
fn letter(bytes: &[u8], start: usize) -> usize {
    match (bytes.get(start + 1), bytes.get(start + 2)) {
        (Some(b'\\'), _) => start + 3 + bytes[start + 3..].iter().position(|byte| *byte == b'\'').unwrap_or(0) + 1,
        (Some(_), Some(b'\'')) => start + 3,
        _ => start + 1,
    }
}

/// How constants are used: by name, whether as tenant steps and whether as global ones.
fn uses(sources: &BTreeMap<String, String>) -> impl Fn(&str, &str) -> bool + '_ {
    move |kind, name| {
        sources.values().any(|source| {
            let mut rest = source.as_str();
            while let Some((_, after)) = rest.split_once(kind) {
                let argument = after.trim_start_matches(|letter: char| letter == '(' || letter.is_whitespace());
                let path: String = argument
                    .chars()
                    .take_while(|letter| letter.is_ascii_alphanumeric() || ['_', ':'].contains(letter))
                    .collect();
                if path.rsplit(':').next() == Some(name) {
                    return true;
                }
                rest = after;
            }
            false
        })
    }
}

#[test]
fn r30_tables_of_organizations_are_reached_through_authority_alone() {
    let tables = tenant_tables();
    assert!(tables.len() >= 14, "{tables:?}");
    let sources: BTreeMap<String, String> = workspace::files("shared/src", "rs")
        .into_iter()
        .map(|path| (path.clone(), without_tests(&workspace::read(&path)).to_owned()))
        .collect();
    let used_as = uses(&sources);
    let mut excused = BTreeSet::new();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (path, source) in &sources {
        for text in texts(source) {
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
            let guarded = match &text.place {
                Place::Tenant => text.sql.contains("authority"),
                Place::Global => false,
                // a constant: only ever run as a tenant step
                Place::Constant(name) => {
                    text.sql.contains("authority") && used_as("Step::tenant", name) && !used_as("Step::global", name)
                }
                Place::Elsewhere => false,
            };
            if !guarded {
                wrong.push(format!("{path} ({table}): {}", text.sql.split_whitespace().collect::<Vec<_>>().join(" ")));
            }
        }
    }
    assert!(seen >= 20, "the scan found only {seen} statements");
    assert!(wrong.is_empty(), "not through authority:\n{}", wrong.join("\n"));
    for (number, (file, piece, _)) in EXCEPTIONS.iter().enumerate() {
        assert!(excused.contains(&number), "the exception {file}: {piece:?} is not needed any more");
    }
}

/// Statements are constants, so that no text of a caller can become part of one.
#[test]
fn r30_no_statement_is_built_from_strings() {
    for path in workspace::files("shared/src", "rs") {
        let source = workspace::read(&path);
        let code = without_tests(&source);
        for (number, line) in code.lines().enumerate() {
            let built = line.contains("format!(") || line.contains("push_str(");
            let sql = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WHERE "].iter().any(|word| line.contains(word));
            assert!(!(built && sql), "{path}:{}: {line}", number + 1);
        }
    }
}

mod the_scan_itself {
    use super::{Place, names, texts};

    #[test]
    fn finds_calls_constants_and_strays() {
        let source = r##"
            const ONE: &str = concat!("SELECT 1 FROM alerts ", raise!(), " END");
            fn f<'a>(x: &'a str) -> char {
                run(Step::tenant("UPDATE alerts SET a = '\"' WHERE authority", args!["text", 'x']));
                run(Step::global(concat!("DELETE ", "FROM alerts"), vec![]));
                other("SELECT 2 FROM alerts"); // "no string"
                '"'
            }
        "##;
        let found: Vec<(String, bool, bool)> = texts(source)
            .into_iter()
            .filter(|text| names(&text.sql, "alerts"))
            .map(|text| (text.sql, text.place == Place::Tenant, text.place == Place::Constant("ONE".into())))
            .collect();
        let shapes: Vec<(bool, bool)> = found.iter().map(|(_, tenant, constant)| (*tenant, *constant)).collect();
        assert_eq!(shapes, [(false, true), (true, false), (false, false), (false, false)]);
        assert_eq!(found[2].0, "DELETE FROM alerts");
    }

    #[test]
    fn a_table_is_a_whole_word_after_a_keyword() {
        assert!(names("SELECT 1 FROM alerts", "alerts"));
        assert!(!names("SELECT 1 FROM alert_rules", "alerts"));
        assert!(!names("no alerts here", "alerts"));
    }
}
