//! What the owner of a channel wants it to say: templates in the language of Jinja, for title and text.
//!
//! A template reads the notice and writes plain text, which each channel then escapes and cuts as it
//! does the default words. It is tried when it is saved; one that fails later all the same gives way
//! to the default words, for a mistake in a template must not be the reason that nobody is told.
//!
//! What a template can do is bounded: so many steps, so much output, no other templates, and nothing by
//! which a value could grow from itself. It looks values up and makes none: a step that compares two
//! lists takes as long as they are deep, and a list of lists can be deeper than any template is long.

mod language;

use super::story::Story;
use crate::notify::notice::{AlertFacts, AlertNotice, Notice, RuleFacts, SeriesFacts, Why};
use crate::notify::outbox::MessageKind;
use crate::series::SeriesId;
use language::check;
use minijinja::value::Serde;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, context};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::{Error, Write};

/// Bytes of what it writes.
const MAX_OUTPUT: usize = 16_384;
/// Instructions of its program.
const FUEL: u64 = 20_000;

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
mod tests;
