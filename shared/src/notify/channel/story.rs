//! A notice in words: what channels for people say where their owner has said nothing else.

use crate::notify::notice::{AlertNotice, Notice, Why};
use crate::notify::outbox::MessageKind;
use crate::time;
use std::fmt::Write;

/// Alerts that are listed one by one.
const LISTED: usize = 10;

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Story {
    /// one line
    pub(super) title: String,
    /// lines in plain words
    pub(super) text: String,
    /// what is worth a field of its own; none where several alerts are told of
    pub(super) facts: Vec<(&'static str, String)>,
}

impl Story {
    /// The words for this notice.
    pub(super) fn of(notice: &Notice) -> Self {
        let Some(kind) = notice.kind else {
            return Self {
                title: "Test message".into(),
                text: format!("A test call of the channel {}: no alert fires.", notice.channel_name),
                facts: Vec::new(),
            };
        };
        let told = notice.alerts.len() + notice.unlisted;
        let name = notice.alerts.first().map_or("an alert", rule_name);
        let one_rule = notice.alerts.iter().all(|one| rule_name(one) == name);
        let title = match (told, one_rule && notice.unlisted == 0) {
            _ if notice.digest.is_some() => notice.digest.map_or_else(String::new, |tally| tally.to_string()),
            (0 | 1, _) => format!("{}: {name}", heading(kind)),
            (_, true) => format!("{}: {name}, {told} series", heading(kind)),
            (_, false) => format!("{}: {name} and {} more", heading(kind), told - 1),
        };
        let mut text = notice.why.and_then(opening).map(str::to_owned).unwrap_or_default();
        let mut facts = Vec::new();
        if let ([one], 0) = (&notice.alerts[..], notice.unlisted) {
            for part in [&one.alert.summary, &one.alert.reason] {
                line(&mut text, part);
            }
            facts = facts_of(one);
        } else {
            for one in notice.alerts.iter().take(LISTED) {
                line(&mut text, &listed(one));
            }
            let more = told - notice.alerts.len().min(LISTED);
            if more > 0 {
                line(&mut text, &format!("and {more} more"));
            }
        }
        Self { title, text, facts }
    }
}

fn line(text: &mut String, more: &str) {
    if more.is_empty() {
        return;
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(more);
}

fn heading(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Firing => "Firing",
        MessageKind::NoData => "No data",
        MessageKind::Acknowledged => "Acknowledged",
        MessageKind::Resolved => "Resolved",
    }
}

fn opening(why: Why) -> Option<&'static str> {
    match why {
        Why::First | Why::Changed | Why::Acknowledged | Why::Resolved => None,
        Why::Repeat => Some("Nothing has changed since the last message."),
        Why::SilenceEnded => Some("A silence has ended, and it goes on."),
        Why::Escalation => Some("Nobody has acknowledged it in time."),
        Why::RuleClosed => Some("Its rule was deleted or disabled: nobody watches this any longer."),
    }
}

fn rule_name(one: &AlertNotice) -> &str {
    one.rule.as_ref().map_or("an alert", |rule| &rule.name)
}

/// `latency{host=a, region=b}`; empty for a composite rule.
fn series_name(one: &AlertNotice) -> String {
    let Some(series) = &one.series else {
        return String::new();
    };
    let mut name = series.metric_key.clone();
    for (n, (key, value)) in series.dimensions.iter().enumerate() {
        let before = if n == 0 { "{" } else { ", " };
        let value = value.as_str().unwrap_or_default();
        // a String takes all that is written to it
        let _ = write!(name, "{before}{key}={value}");
    }
    if !series.dimensions.is_empty() {
        name.push('}');
    }
    name
}

fn listed(one: &AlertNotice) -> String {
    let alert = &one.alert;
    let about = match series_name(one) {
        name if name.is_empty() => rule_name(one).to_owned(),
        name => name,
    };
    format!("• {} ({}), {about}: {}", alert.status, alert.severity, alert.reason)
}

fn facts_of(one: &AlertNotice) -> Vec<(&'static str, String)> {
    let alert = &one.alert;
    let mut facts = vec![("Severity", alert.severity.clone())];
    let series = series_name(one);
    if !series.is_empty() {
        facts.push(("Series", series));
    }
    if let Some(value) = alert.value {
        facts.push(("Value", value.to_string()));
    }
    facts.push(("Since", time::format(alert.started_at)));
    if let Some(at) = alert.resolved_at {
        facts.push(("Resolved", time::format(at)));
    }
    if let Some(by) = &alert.acknowledged_by {
        facts.push(("Acknowledged by", by.clone()));
    }
    facts
}

/// The text within `limit` UTF-16 units, the strictest way in which receivers count; each character
/// is written by `escape`, and none of what it writes is cut in half.
pub(super) fn fit(text: &str, limit: usize, escape: impl Fn(char, &mut String)) -> String {
    let mut fitted = String::new();
    let (mut units, mut whole) = (0, 0);
    for letter in text.chars().map(harmless) {
        let before = fitted.len();
        escape(letter, &mut fitted);
        units += fitted[before..].encode_utf16().count();
        if units > limit {
            fitted.truncate(whole);
            if limit > 0 {
                fitted.push('…');
            }
            return fitted;
        }
        // what leaves room for the ellipsis
        if units < limit {
            whole = fitted.len();
        }
    }
    fitted
}

/// Control characters, and those that turn the direction of what follows, become spaces.
fn harmless(letter: char) -> char {
    match letter {
        '\n' => letter,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => ' ',
        _ if letter.is_control() => ' ',
        _ => letter,
    }
}

/// Writes a character as it is.
pub(super) fn plain(letter: char, to: &mut String) {
    to.push(letter);
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::notify::notice::{AlertFacts, RuleFacts, SeriesFacts};
    use crate::series::SeriesId;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// A notice of one alert, each of its texts being `text`.
    pub(in crate::notify::channel) fn notice(kind: Option<MessageKind>, text: &str) -> Notice {
        let mut notice = Notice {
            kind,
            why: kind.map(|_| Why::First),
            occurred_at: 1_795_428_000_000,
            channel_id: "chan_1".into(),
            channel_name: text.into(),
            group: "alert_1".into(),
            unlisted: 0,
            digest: None,
            alerts: vec![AlertNotice {
                alert: AlertFacts {
                    alert_id: "alert_1".into(),
                    status: "firing",
                    severity: "critical".into(),
                    started_at: 1_795_428_000_000,
                    resolved_at: None,
                    value: Some(512.5),
                    summary: text.into(),
                    reason: text.into(),
                    acknowledged_by: Some(text.into()),
                },
                rule: Some(RuleFacts {
                    rule_id: "rule_1".into(),
                    name: text.into(),
                    severity: "critical".into(),
                    condition: json!({"type": "threshold", "operator": "gt", "value": 500.0}),
                }),
                series: Some(SeriesFacts {
                    series_id: SeriesId::from_raw(255).unwrap(),
                    metric_key: "latency".into(),
                    dimensions: [("host".to_owned(), Value::from(text))].into_iter().collect(),
                }),
            }],
        };
        if kind.is_none() {
            notice.alerts.clear();
        }
        notice
    }

    /// Any notice: any texts, as many alerts and dimensions, any reason to send it.
    pub(in crate::notify::channel) fn any_notice() -> impl Strategy<Value = Notice> {
        let kind = prop::sample::select(vec![
            None,
            Some(MessageKind::Firing),
            Some(MessageKind::NoData),
            Some(MessageKind::Acknowledged),
            Some(MessageKind::Resolved),
        ]);
        let hostile = prop::sample::select(vec![
            "<!channel> <@U1> @everyone",
            "<https://evil.example|click> [a](https://evil.example)",
            "*bold* _it_ ~no~ `code` ``` > # - \\ ||x|| <at>all</at>",
            "a\r\nBcc: victim@example.com\u{202e}\u{0}",
            "&amp; & &lt;",
            "",
        ]);
        let text = prop_oneof![
            hostile.prop_map(str::to_owned),
            ".{0,200}",
            "[&<>*]{0,5000}",
            "😀{0,3000}"
        ];
        (kind, text, 0_usize..40, 0_usize..30, 0_usize..500).prop_map(|(kind, text, alerts, dimensions, unlisted)| {
            let mut notice = notice(kind, &text);
            if let Some(one) = notice.alerts.first_mut() {
                if let Some(series) = &mut one.series {
                    let more = (0..dimensions).map(|n| (format!("{text}{n}"), Value::from(text.as_str())));
                    series.dimensions.extend(more);
                }
                notice.alerts = vec![one.clone(); alerts.max(1)];
                notice.unlisted = unlisted;
            }
            notice
        })
    }

    #[test]
    fn one_alert_is_told_with_its_facts() {
        let story = Story::of(&notice(Some(MessageKind::Firing), "slow"));
        assert_eq!(story.title, "Firing: slow");
        assert_eq!(story.text, "slow\nslow");
        let facts: Vec<_> = story
            .facts
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        assert_eq!(
            facts,
            [
                "Severity: critical",
                "Series: latency{host=slow}",
                "Value: 512.5",
                "Since: 2026-11-23T10:00:00Z",
                "Acknowledged by: slow"
            ]
        );
    }

    #[test]
    fn many_alerts_are_listed_and_counted() {
        let mut many = notice(Some(MessageKind::Resolved), "slow");
        many.alerts = vec![many.alerts[0].clone(); 12];
        many.unlisted = 30;
        many.why = Some(Why::RuleClosed);
        let story = Story::of(&many);
        assert_eq!(story.title, "Resolved: slow and 41 more");
        let lines: Vec<_> = story.text.lines().collect();
        assert_eq!(lines.len(), 12);
        assert!(lines[0].starts_with("Its rule was deleted"));
        assert_eq!(lines[1], "• firing (critical), latency{host=slow}: slow");
        assert_eq!(lines[11], "and 32 more");
        many.unlisted = 0;
        assert_eq!(Story::of(&many).title, "Resolved: slow, 12 series");
    }

    proptest! {
        #[test]
        fn a_fitted_text_keeps_its_limit_and_says_that_it_was_cut(text: String, limit in 0_usize..40) {
            let fitted = fit(&text, limit, plain);
            prop_assert!(fitted.encode_utf16().count() <= limit);
            let whole = text.encode_utf16().count() <= limit;
            prop_assert_eq!(fitted.ends_with('…') && !text.ends_with('…'), !whole && limit > 0 && !text.ends_with('…'));
            prop_assert!(!fitted.chars().any(|letter| letter.is_control() && letter != '\n'));
        }
    }
}
