//! What the owner of a channel wants it to say: templates in the language of Jinja, for title and text.
//!
//! A template reads the notice and writes plain text, which each channel then escapes and cuts as it
//! does the default words. It is tried when it is saved; one that fails later all the same gives way
//! to the default words, for a mistake in a template must not be the reason that nobody is told.
//!
//! What a template can do is bounded: so many steps, so much output, no other templates, and none of
//! the operators by which a text could grow from itself.

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
            check(source).map_err(|error| format!("{name}: {error}"))?;
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

/// No statement but those that choose and repeat, and no operator that joins texts.
fn check(source: &str) -> Result<(), String> {
    if source.len() > MAX_SOURCE {
        return Err(format!("a template has at most {MAX_SOURCE} bytes"));
    }
    let mut rest = source;
    while let Some(at) = rest.find("{%").into_iter().chain(rest.find("{{")).min() {
        let statement = rest[at..].starts_with("{%");
        rest = &rest[at + 2..];
        let end = rest.find(if statement { "%}" } else { "}}" }).unwrap_or(rest.len());
        let inside = &rest[..end];
        let word = inside
            .trim_start_matches('-')
            .split_whitespace()
            .next()
            .unwrap_or_default();
        if statement && !STATEMENTS.contains(&word.trim_end_matches('-')) {
            return Err(format!("the statement {word:?} is none of {}", STATEMENTS.join(", ")));
        }
        if let Some(sign) = inside.chars().find(|sign| matches!(sign, '+' | '~' | '*')) {
            return Err(format!(
                "the operator {sign} is not taken: write one value after the other"
            ));
        }
        rest = &rest[end..];
    }
    Ok(())
}

fn render(source: &str, notice: &Notice, undefined: UndefinedBehavior) -> Result<String, String> {
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
        let (story, failure) = templates.tell(&notice(Some(MessageKind::Firing), "a"));
        assert_eq!(
            (story.title.as_str(), story.text.as_str(), failure),
            ("a is firing", "latency on a: 512.5", None)
        );
        let again = Templates::kept(&serde_json::to_string(&templates).unwrap());
        assert_eq!(again, templates);
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
            ("{% macro a() %}{% endmacro %}", "macro"),
            ("{% with a = alerts %}{% endwith %}", "with"),
            ("{{ rule.name ~ rule.name }}", "~"),
            ("{{ 'a' * 1000000 }}", "*"),
            ("{{ 'a' + 'b' }}", "+"),
        ] {
            let error = text(source).unwrap_err();
            assert!(error.contains(said) && error.starts_with("text: "), "{source}: {error}");
        }
        assert!(text(&"a".repeat(4_097)).unwrap_err().contains("4096"));
        assert!(Templates::parse(&json!({"subject": "a"})).is_err());
    }

    /// Repetition within repetition ends by its fuel or its output, at once.
    #[test]
    fn a_bomb_is_refused() {
        let nest = |depth: usize, inner: &str| {
            let lists = "[1,1,1,1,1,1,1,1,1,1]";
            let open: String = (0..depth).map(|n| format!("{{% for x{n} in {lists} %}}")).collect();
            format!("{open}{inner}{}", "{% endfor %}".repeat(depth))
        };
        assert!(text(&nest(6, "a")).unwrap_err().contains("fuel"));
        assert!(text(&nest(3, &"a".repeat(100))).unwrap_err().contains("16384"));
        let list: String = (0..40)
            .map(|n| format!("{{% for x{} in [[x{n}, x{n}]] %}}", n + 1))
            .collect();
        let bomb = format!("{{% for x0 in [1] %}}{list}{{{{ x40 }}}}{}", "{% endfor %}".repeat(41));
        assert!(text(&bomb).is_err());
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
        fn any_template_is_read_without_panic(source in "(\\{\\{|\\{%|%\\}|\\}\\}|[a-z ().|'\"-]){0,20}", notice in any_notice()) {
            if let Ok(templates) = text(&source) {
                let (story, _) = templates.tell(&notice);
                prop_assert!(!story.title.is_empty());
            }
        }
    }
}
