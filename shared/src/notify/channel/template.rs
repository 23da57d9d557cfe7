//! What the owner of a channel wants it to say: templates in the language of Jinja, for title and text.
//!
//! A template reads the notice and writes plain text, which each channel then escapes and cuts as it
//! does the default words. It is tried when it is saved; one that fails later all the same gives way
//! to the default words, for a mistake in a template must not be the reason that nobody is told.
//!
//! What a template can do is bounded: so many steps, so much output, no other templates, and nothing by
//! which a value could grow from itself. It looks values up and makes none: a step that compares two
//! lists takes as long as they are deep, and a list of lists can be deeper than any template is long.

use super::story::Story;
use crate::notify::notice::{AlertFacts, AlertNotice, Notice, RuleFacts, SeriesFacts, Why};
use crate::notify::outbox::MessageKind;
use crate::series::SeriesId;
use minijinja::value::Serde;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, context};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::{Error, Write};

/// Bytes of a template.
const MAX_SOURCE: usize = 4_096;
/// Bytes of what it writes.
const MAX_OUTPUT: usize = 16_384;
/// Instructions of its program.
const FUEL: u64 = 20_000;
/// Bytes of a tag, and tags of a template: both are read by recursion.
const MAX_TAG: usize = 256;
const MAX_TAGS: usize = 128;
/// The statements that there are.
const STATEMENTS: [&str; 6] = ["if", "elif", "else", "endif", "for", "endfor"];

/// The templates of a channel, each tried.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Templates {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    title: Option<String>,
    text: Option<String>,
}

impl Templates {
    /// Reads `{"title"?, "text"?}` and tries each on an example.
    ///
    /// # Errors
    /// A sentence for people, with the line of the template.
    pub(super) fn parse(value: &Value) -> Result<Self, String> {
        let given = Given::deserialize(value).map_err(|error| error.to_string())?;
        let example = example();
        for (name, source) in [("title", &given.title), ("text", &given.text)] {
            let Some(source) = source else { continue };
            // a name that is not there is a mistake now, and nothing later: a composite rule has no series
            render(source, &example, UndefinedBehavior::Strict).map_err(|error| format!("{name}: {error}"))?;
        }
        Ok(Self {
            title: given.title,
            text: given.text,
        })
    }

    /// Templates as they were kept.
    pub(in crate::notify) fn kept(text: &str) -> Self {
        let given = serde_json::from_str(text).unwrap_or(Given {
            title: None,
            text: None,
        });
        Self {
            title: given.title,
            text: given.text,
        }
    }

    /// The notice in these words; in the default ones where a template fails, and then why.
    pub(super) fn tell(&self, notice: &Notice) -> (Story, Option<String>) {
        let mut story = Story::of(notice);
        let mut failure = None;
        let written = |source: &Option<String>, failure: &mut Option<String>| {
            let rendered = render(source.as_ref()?, notice, UndefinedBehavior::Chainable);
            rendered
                .map_err(|error| *failure = Some(format!("the default words were sent: a template failed: {error}")))
                .ok()
        };
        if let Some(title) = written(&self.title, &mut failure).filter(|title| !title.trim().is_empty()) {
            story.title = title.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        if let Some(text) = written(&self.text, &mut failure) {
            story.text = text.trim().to_owned();
        }
        (story, failure)
    }
}

/// No statement but those that choose and repeat, and nothing in a tag that makes a value.
fn check(source: &str) -> Result<(), String> {
    if source.len() > MAX_SOURCE {
        return Err(format!("a template has at most {MAX_SOURCE} bytes"));
    }
    let mut rest = source;
    let mut tags = 0;
    while let Some(at) = ["{{", "{%", "{#"].into_iter().filter_map(|mark| rest.find(mark)).min() {
        let (mark, after) = rest[at..].split_at(2);
        if mark == "{#" {
            rest = after.split_once("#}").map_or("", |(_, rest)| rest);
            continue;
        }
        let end = if mark == "{%" { "%}" } else { "}}" };
        let (inside, following) = after.split_at(length(after, end)?);
        if inside.len() > MAX_TAG {
            return Err(format!(
                "what stands between {mark} and {end} has at most {MAX_TAG} bytes"
            ));
        }
        let word = inside
            .trim_start_matches('-')
            .split_whitespace()
            .next()
            .unwrap_or_default();
        if mark == "{%" && !STATEMENTS.contains(&word.trim_end_matches('-')) {
            return Err(format!("the statement {word:?} is none of {}", STATEMENTS.join(", ")));
        }
        tags += 1;
        rest = following.strip_prefix(end).unwrap_or_default();
    }
    if tags > MAX_TAGS {
        return Err(format!("a template has at most {MAX_TAGS} tags"));
    }
    Ok(())
}

/// Bytes of the inside of a tag before its `end`, which is none within a text; all of it where the tag
/// has no end, which is said when it is rendered.
fn length(tag: &str, end: &str) -> Result<usize, String> {
    let mut at = 0;
    while let Some(sign) = tag[at..].chars().next() {
        let rest = &tag[at..];
        if rest.starts_with(end) {
            return Ok(at);
        }
        at += match sign {
            '\'' | '"' => quoted(rest, sign)?,
            '[' => lookup(rest)?,
            '+' | '~' | '*' => {
                return Err(format!(
                    "the operator {sign} is not taken: write one value after the other"
                ));
            }
            ',' | '(' | ')' | '{' | '}' | ']' | '\\' => {
                return Err(format!(
                    "{sign} is not taken: a template looks values up, and makes none"
                ));
            }
            _ => sign.len_utf8(),
        };
    }
    Ok(tag.len())
}

/// Bytes of the text that begins here, which says what it is without escapes.
fn quoted(rest: &str, quote: char) -> Result<usize, String> {
    let length = rest[1..].find(quote).map_or(rest.len(), |end| end + 2);
    if rest[..length].contains('\\') {
        return Err("\\ is not taken: a text has no escapes".into());
    }
    Ok(length)
}

/// Bytes of the `["name"]` or `[0]` that begins here: with anything else in it, it could be a list.
fn lookup(rest: &str) -> Result<usize, String> {
    let inside = rest[1..].trim_start();
    let key = match inside.chars().next() {
        Some(quote @ ('\'' | '"')) => quoted(inside, quote)?,
        _ => inside.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(inside.len()),
    };
    let end = inside[key..].trim_start();
    if key == 0 || !end.starts_with(']') {
        return Err("between [ and ] stands one \"name\" or one number".into());
    }
    Ok(rest.len() - end.len() + 1)
}

/// Looked at before each time, for what was kept may be from before a rule was made.
fn render(source: &str, notice: &Notice, undefined: UndefinedBehavior) -> Result<String, String> {
    check(source)?;
    let mut environment = Environment::empty();
    environment.set_fuel(Some(FUEL));
    environment.set_undefined_behavior(undefined);
    let first = notice.alerts.first();
    let story = Story::of(notice);
    let context = context! {
        status => notice.kind.map_or("test", MessageKind::status),
        why => notice.why.map(Why::as_str),
        channel => notice.channel_name.as_str(),
        title => story.title,
        text => story.text,
        alerts => Serde(&notice.alerts),
        unlisted => notice.unlisted,
        alert => Serde(first.map(|one| &one.alert)),
        rule => Serde(first.and_then(|one| one.rule.as_ref())),
        series => Serde(first.and_then(|one| one.series.as_ref())),
    };
    let template = environment.template_from_str(source).map_err(|error| words(&error))?;
    let mut output = Bounded(Vec::new());
    let rendered = template.render_captured_to(context, &mut output);
    rendered.map_err(|error| words(&error))?;
    String::from_utf8(output.0).map_err(|error| error.to_string())
}

/// The error with its line, and not the template, nor what it was given.
fn words(error: &minijinja::Error) -> String {
    let line = error.line().map(|line| format!(" in line {line}")).unwrap_or_default();
    match error.detail() {
        _ if error.kind() == ErrorKind::WriteFailure => format!("it writes more than {MAX_OUTPUT} bytes"),
        Some(detail) => format!("{}: {detail}{line}", error.kind()),
        None => format!("{}{line}", error.kind()),
    }
}

/// Takes so many bytes and no more.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        if self.0.len() + bytes.len() > MAX_OUTPUT {
            return Err(Error::other("enough"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// What a template is tried on: a notice in which everything has a value.
fn example() -> Notice {
    Notice {
        kind: Some(MessageKind::Firing),
        why: Some(Why::First),
        occurred_at: 1_795_428_000_000,
        channel_id: "chan_example".into(),
        channel_name: "on call".into(),
        group: "grp_example".into(),
        alerts: vec![AlertNotice {
            alert: AlertFacts {
                alert_id: "alert_example".into(),
                status: "firing",
                severity: "critical".into(),
                started_at: 1_795_428_000_000,
                resolved_at: Some(1_795_428_000_000),
                value: Some(512.5),
                summary: "latency is above 500".into(),
                reason: "512.5 is above 500".into(),
                acknowledged_by: Some("key_example".into()),
            },
            rule: Some(RuleFacts {
                rule_id: "rule_example".into(),
                name: "too slow".into(),
                severity: "critical".into(),
                condition: json!({"type": "threshold", "operator": "gt", "value": 500.0}),
            }),
            series: SeriesId::from_raw(1).map(|series_id| SeriesFacts {
                series_id,
                metric_key: "latency".into(),
                dimensions: [("host".to_owned(), Value::from("web-1"))].into_iter().collect(),
            }),
        }],
        unlisted: 0,
        digest: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::tests::{any_notice, notice};
    use super::*;
    use proptest::prelude::*;

    fn text(source: &str) -> Result<Templates, String> {
        Templates::parse(&json!({"text": source}))
    }

    #[test]
    fn a_template_says_what_its_owner_wants() {
        let templates = Templates::parse(&json!({
            "title": "{{ rule.name }} is {{ status }}",
            "text": "{% for one in alerts %}{{ one.series.metric_key }} on {{ one.series.dimensions.host }}: {{ one.alert.value }}\n{% endfor %}{% if unlisted %}and {{ unlisted }} more{% endif %}",
        }))
        .unwrap();
        // as it was given, and as it was kept
        let kept = Templates::kept(&serde_json::to_string(&templates).unwrap());
        for templates in [templates, kept] {
            let (story, failure) = templates.tell(&notice(Some(MessageKind::Firing), "a"));
            assert_eq!(
                (story.title.as_str(), story.text.as_str(), failure),
                ("a is firing", "latency on a: 512.5", None)
            );
        }
    }

    #[test]
    fn a_mistake_is_refused_with_its_line() {
        for (source, said) in [
            ("{{ rule.name", "line 1"),
            ("\n{{ rule.nmae }}", "line 2"),
            ("{{ nothing }}", "undefined"),
            ("{{ rule|shout }}", "shout"),
            ("{% include 'other' %}", "include"),
            ("{%- set a = 1 %}", "set"),
            ("{% macro a %}{% endmacro %}", "macro"),
            ("{% with a = alerts %}{% endwith %}", "with"),
            ("{{ rule.name ~ rule.name }}", "~"),
            ("{{ 'a' * 1000000 }}", "*"),
            ("{{ 'a' + 'b' }}", "+"),
            ("{{ '}}' ~ 'a' }}", "~"),
            ("{% if '%}' ~ 'a' %}{% endif %}", "~"),
            ("{{ 'a\\'}}' }}", "\\"),
            ("{{ \"a\\\"}}\" }}", "\\"),
            ("{# {{ ' #}{{ [status, status] }}{# ' }} #}", "["),
            ("{{ [status] }}", "["),
            ("{% for a in[status] %}{% endfor %}", "["),
            ("{{ [[0]] }}", "["),
            ("{{ text[1:5] }}", "["),
            ("{{ alerts[unlisted] }}", "["),
            ("{{ {'a': status} }}", "{"),
            ("{{ (status, status) }}", "("),
            ("{% for a, b in alerts %}{% endfor %}", ","),
            ("{{ loop(alerts) }}", "("),
            ("{{ status ] }}", "]"),
            ("{{ status[0 }}", "["),
            ("{{ 'a }}", "line 1"),
        ] {
            let error = text(source).unwrap_err();
            assert!(error.contains(said) && error.starts_with("text: "), "{source}: {error}");
        }
        assert!(text(&"a".repeat(4_097)).unwrap_err().contains("4096"));
        assert!(Templates::parse(&json!({"subject": "a"})).is_err());
    }

    #[test]
    fn a_value_is_looked_up_by_any_name() {
        let templates =
            text("{# a } of \" #}{{ alerts[0].series.dimensions[ \"host\" ] }} {{ '}} {%' }} {{ \"it's\" }} { a }")
                .unwrap();
        let (story, failure) = templates.tell(&notice(Some(MessageKind::Firing), "a"));
        assert_eq!((story.text.as_str(), failure), ("a }} {% it's { a }", None));
    }

    /// Repetition within repetition ends by its fuel or its output, at once.
    #[test]
    fn a_bomb_is_refused() {
        let nest = |depth: usize, inner: &str| {
            let open: String = (0..depth)
                .map(|n| format!("{{% for x{n} in '1111111111' %}}"))
                .collect();
            format!("{open}{inner}{}", "{% endfor %}".repeat(depth))
        };
        assert!(text(&nest(6, "a")).unwrap_err().contains("fuel"));
        assert!(text(&nest(3, &"a".repeat(100))).unwrap_err().contains("16384"));
    }

    /// Two lists, each of two of the one before: to compare them takes as many steps as two to the power of their depth.
    /// In a branch that the example does not take it would be saved; one that was saved before gives way.
    #[test]
    fn lists_of_lists_are_refused_where_they_are_not_reached_too() {
        let doubled = |name: char| -> String {
            let lists = (0..22).map(|n| format!("{{% for {name}{} in [[{name}{n},{name}{n}]] %}}", n + 1));
            format!("{{% for {name}0 in [1] %}}{}", lists.collect::<String>())
        };
        let bomb = format!(
            "{{% if status == \"resolved\" %}}{}{}{{{{ a22 == b22 }}}}{}{{% endif %}}",
            doubled('a'),
            doubled('b'),
            "{% endfor %}".repeat(46)
        );
        assert!(bomb.len() <= MAX_SOURCE);
        assert!(text(&bomb).unwrap_err().contains('['));
        let kept = Templates::kept(&json!({"text": bomb}).to_string());
        let resolved = notice(Some(MessageKind::Resolved), "a");
        let (story, failure) = kept.tell(&resolved);
        assert_eq!(story, Story::of(&resolved));
        assert!(failure.unwrap().starts_with("the default words were sent"));
    }

    /// What is read by recursion stays well within a stack.
    #[test]
    fn the_deepest_template_is_read_and_a_deeper_one_refused() {
        let tag = |inside: String| format!("{{{{{inside}}}}}");
        for deepest in [
            tag(format!("{}1", "-".repeat(MAX_TAG - 1))),
            tag(format!("1{}", "-1".repeat(MAX_TAG / 2 - 1))),
            tag(format!("{} 1", "not ".repeat(MAX_TAG / 4 - 1))),
            tag(format!("1{}", "==1".repeat(MAX_TAG / 3 - 1))),
            format!("{{%if 0%}}{}{{%endif%}}", "{%elif 0%}".repeat(MAX_TAGS - 2)),
            format!(
                "{}{}",
                "{%if 0%}".repeat(MAX_TAGS / 2),
                "{%endif%}".repeat(MAX_TAGS / 2)
            ),
        ] {
            // some of it minijinja refuses by itself
            let _ = text(&deepest);
            assert!(check(&deepest).is_ok(), "{deepest}");
        }
        assert!(text(&tag("-".repeat(MAX_TAG + 1))).unwrap_err().contains("256"));
        assert!(text(&"{{ 1 }}".repeat(MAX_TAGS + 1)).unwrap_err().contains("128"));
    }

    #[test]
    fn one_that_fails_later_gives_way_to_the_default_words_and_says_so() {
        let templates = text("{% if alert.value > 100 %}high{% endif %}{{ text }}{{ text }}").unwrap();
        let long = notice(Some(MessageKind::Firing), &"a".repeat(10_000));
        let (story, failure) = templates.tell(&long);
        assert_eq!(story, Story::of(&long));
        assert!(failure.unwrap().starts_with("the default words were sent"));
    }

    #[test]
    fn a_composite_rule_has_no_series_and_is_told_all_the_same() {
        let templates = text("{{ series.metric_key }}/{{ series.dimensions.host }}!").unwrap();
        let mut composite = notice(Some(MessageKind::Firing), "a");
        composite.alerts[0].series = None;
        assert_eq!(templates.tell(&composite).0.text, "/!");
    }

    proptest! {
        #[test]
        fn any_template_is_read_without_panic(source in "(\\{\\{|\\{%|\\{#|#\\}|%\\}|\\}\\}|[a-zé0 ().|'\"\\[\\]\\\\-]){0,20}", notice in any_notice()) {
            if let Ok(templates) = text(&source) {
                let (story, _) = templates.tell(&notice);
                prop_assert!(!story.title.is_empty());
            }
        }
    }
}
