//! Finds the SQL of a Rust source: which text is run as what.

use std::collections::BTreeMap;

/// What a source holds.
#[derive(Default)]
pub(super) struct Scan {
    pub(super) texts: Vec<Text>,
    /// constants that stand in a call of `Step::tenant` (true) or `Step::global` (false)
    pub(super) run: Vec<(String, bool)>,
}

/// The strings of one call or of one constant, joined; macros that hold SQL are put in where they
/// are used.
pub(super) struct Text {
    pub(super) sql: String,
    pub(super) place: Place,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Tenant,
    Global,
    Constant(String),
    Elsewhere,
}

/// The macros of a source, with the strings that each of them holds.
pub(super) fn macros(source: &str) -> BTreeMap<String, String> {
    without_macros(source).1
}

/// Scans a source that may use macros of others.
pub(super) fn scan(source: &str, of_others: &BTreeMap<String, String>) -> Scan {
    let (source, macros) = without_macros(source);
    let mut scanner = Scanner {
        found: Scan::default(),
        open: Vec::new(),
        constant: None,
        joined: false,
    };
    for token in tokens(&source) {
        match token {
            Token::String(text) => scanner.text(text),
            Token::Open(call) => scanner.enter(call),
            Token::Close => scanner.leave(),
            Token::End => {
                scanner.constant = None;
                scanner.joined = false;
            }
            Token::Constant(name) => {
                scanner.constant = Some(name.to_owned());
                scanner.joined = false;
            }
            Token::Macro(name) => {
                if let Some(text) = macros.get(name).or_else(|| of_others.get(name)) {
                    scanner.text(text);
                }
            }
            Token::Name(name) => {
                if let Some(tenant) = scanner.call() {
                    scanner.found.run.push((name.to_owned(), tenant));
                }
            }
        }
    }
    scanner.found
}

struct Scanner {
    found: Scan,
    /// brackets that are open; for a call of `Step::...` whether it is a tenant's
    open: Vec<Option<bool>>,
    constant: Option<String>,
    /// whether the next string belongs to the text before
    joined: bool,
}

impl Scanner {
    fn call(&self) -> Option<bool> {
        self.open.iter().rev().find_map(|call| *call)
    }

    fn text(&mut self, text: &str) {
        let place = match (self.call(), &self.constant) {
            (Some(true), _) => Place::Tenant,
            (Some(false), _) => Place::Global,
            (None, Some(name)) => Place::Constant(name.clone()),
            (None, None) => Place::Elsewhere,
        };
        match self
            .found
            .texts
            .last_mut()
            .filter(|last| self.joined && last.place == place)
        {
            Some(last) => last.sql.push_str(text),
            None => self.found.texts.push(Text {
                sql: text.to_owned(),
                place,
            }),
        }
        self.joined = true;
    }

    fn enter(&mut self, call: Option<bool>) {
        self.joined &= call.is_none();
        self.open.push(call);
    }

    fn leave(&mut self) {
        self.joined &= self.open.pop().flatten().is_none();
    }
}

#[derive(Debug)]
enum Token<'a> {
    String(&'a str),
    /// a bracket; whether it begins the arguments of `Step::tenant` or of `Step::global`
    Open(Option<bool>),
    Close,
    /// `;`
    End,
    /// `const NAME`
    Constant(&'a str),
    /// `name!`
    Macro(&'a str),
    /// a name in capitals
    Name(&'a str),
}

fn tokens(source: &str) -> Vec<Token<'_>> {
    let bytes = source.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    let mut word = "";
    while at < bytes.len() {
        match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => at += source[at..].find('\n').unwrap_or(source.len() - at),
            b'"' => {
                let end = end_of_string(bytes, at);
                found.push(Token::String(&source[at + 1..end]));
                at = end + 1;
            }
            b'\'' => at = end_of_letter(bytes, at),
            b'(' | b'[' | b'{' => {
                let before = source[..at].trim_end();
                let tenant = before.ends_with("Step::tenant");
                found.push(Token::Open(
                    (tenant || before.ends_with("Step::global")).then_some(tenant),
                ));
                at += 1;
            }
            b')' | b']' | b'}' => {
                found.push(Token::Close);
                at += 1;
            }
            b';' => {
                found.push(Token::End);
                at += 1;
            }
            b'r' if source[at..].starts_with("r#\"") => {
                at += source[at..].find("\"#").map_or(source.len(), |length| length + 2);
            }
            byte if byte.is_ascii_alphabetic() || byte == b'_' => {
                let length = bytes[at..]
                    .iter()
                    .take_while(|b| b.is_ascii_alphanumeric() || **b == b'_')
                    .count();
                let earlier = std::mem::replace(&mut word, &source[at..at + length]);
                at += length;
                let capitals = word.len() > 1
                    && word
                        .bytes()
                        .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
                if bytes.get(at) == Some(&b'!') && bytes.get(at + 1) != Some(&b'=') {
                    found.push(Token::Macro(word));
                } else if capitals {
                    found.push(if earlier == "const" {
                        Token::Constant(word)
                    } else {
                        Token::Name(word)
                    });
                }
            }
            _ => at += 1,
        }
    }
    found
}

/// Where the string that begins here ends: at its closing mark.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at.min(bytes.len())
}

/// Where a character, or the mark of a lifetime, that begins here ends.
fn end_of_letter(bytes: &[u8], start: usize) -> usize {
    match (bytes.get(start + 1), bytes.get(start + 2)) {
        (Some(b'\\'), _) => start + 4 + bytes[start + 3..].iter().position(|byte| *byte == b'\'').unwrap_or(0),
        (Some(_), Some(b'\'')) => start + 3,
        _ => start + 1,
    }
}

/// The source with its `macro_rules!` blanked out, and the strings that each of them holds.
fn without_macros(source: &str) -> (String, BTreeMap<String, String>) {
    let mut rest = source.to_owned();
    let mut macros = BTreeMap::new();
    while let Some(start) = rest.find("macro_rules! ") {
        let name: String = rest[start + 13..]
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect();
        // rustfmt puts the closing bracket of an item where its line begins
        let indent = start - rest[..start].rfind('\n').map_or(0, |line| line + 1);
        let closing = format!("\n{}}}", " ".repeat(indent));
        let end = rest[start..]
            .find(&closing)
            .map_or(rest.len(), |length| start + length + closing.len());
        let strings = tokens(&rest[start..end]).into_iter().filter_map(|token| match token {
            Token::String(text) => Some(text.to_owned()),
            _ => None,
        });
        macros.insert(name, strings.collect());
        rest.replace_range(start..end, "");
    }
    (rest, macros)
}

#[test]
fn finds_calls_constants_macros_and_strays() {
    let source = r##"
const ONE: &str = concat!("SELECT 1 FROM alerts ", raise!(), " END");
macro_rules! piece {
    () => {
        "FROM alerts"
    };
}
fn f<'a>(x: &'a str) -> char {
    run(Step::tenant("UPDATE alerts SET a = '\"' WHERE authority", args!["text", 'x']));
    run(Step::global(concat!("DELETE ", piece!(), other!()), vec![]));
    run(Step::tenant(if x { ONE } else { two::TWO }, vec![]));
    other("SELECT 2 FROM alerts"); // "no string"
    '"'
}
"##;
    let others = macros("macro_rules! other {\n    () => {\n        \" WHERE 1\"\n    };\n}\n");
    let found = scan(source, &others);
    let texts: Vec<(&str, &Place)> = found
        .texts
        .iter()
        .map(|text| (text.sql.as_str(), &text.place))
        .collect();
    assert_eq!(
        texts,
        [
            ("SELECT 1 FROM alerts  END", &Place::Constant("ONE".into())),
            (r#"UPDATE alerts SET a = '\"' WHERE authoritytext"#, &Place::Tenant),
            ("DELETE FROM alerts WHERE 1", &Place::Global),
            ("SELECT 2 FROM alerts", &Place::Elsewhere),
        ]
    );
    assert_eq!(found.run, [("ONE".to_owned(), true), ("TWO".to_owned(), true)]);
}
