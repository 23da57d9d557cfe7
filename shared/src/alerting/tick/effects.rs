use super::anomalies::Anomalies;
use crate::alerting::instance::{Status, Transition};
use crate::alerting::rule::{Definition, RuleKey};
use crate::clock::Millis;
use crate::id::AlertId;
use crate::series::SeriesId;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// What stands for the series of an alert that has none.
const NO_SERIES: i64 = -1;

/// An alert as the tick leaves it.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::alerting) struct AlertRow {
    pub(super) alert_id: AlertId,
    pub(super) rule_id: String,
    pub(super) series_id: i64,
    pub(super) status: Status,
    pub(super) severity: &'static str,
    pub(super) started_at: Millis,
    pub(super) resolved_at: Option<Millis>,
    pub(super) value: Option<f64>,
    pub(super) summary: String,
    pub(super) reason: String,
    /// of the rule that raised it, if it is born
    pub(super) rule_print: Option<String>,
}

/// One line of the transition log, but for its number.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::alerting) struct TransitionRow {
    pub(super) minute: Millis,
    pub(super) alert_id: AlertId,
    pub(super) rule_id: String,
    pub(super) series_id: i64,
    pub(super) from_state: &'static str,
    pub(super) to_state: &'static str,
    pub(super) value: Option<f64>,
    pub(super) reason: String,
    /// JSON
    pub(super) evidence: Option<String>,
}

/// A change of an alert that was not raised.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::alerting) struct Change {
    pub(in crate::alerting) minute: Millis,
    pub(in crate::alerting) alert_id: AlertId,
    pub(in crate::alerting) to: Status,
    pub(in crate::alerting) value: Option<f64>,
    pub(in crate::alerting) reason: String,
}

impl Change {
    fn of(row: &TransitionRow) -> Option<Self> {
        Some(Self {
            minute: row.minute,
            alert_id: row.alert_id.clone(),
            to: Status::parse(row.to_state)?,
            value: row.value,
            reason: row.reason.clone(),
        })
    }
}

/// A rule as it raised alerts, kept once for all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::alerting) struct RaisedRule {
    pub(super) rule_id: String,
    /// hash of the definition
    pub(super) print: String,
    /// JSON
    pub(super) definition: String,
}

impl RaisedRule {
    fn new(rule_id: String, definition: &Definition) -> Self {
        let definition = serde_json::to_string(definition).unwrap_or_default();
        let hash = Sha256::digest(&definition);
        let print = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            rule_id,
            print,
            definition,
        }
    }
}

/// What a transition needs beside itself to be written.
#[derive(Debug, Clone)]
pub(in crate::alerting) struct Told<'a> {
    pub(in crate::alerting) rule: RuleKey,
    /// none for a rule over other rules
    pub(in crate::alerting) series_id: Option<SeriesId>,
    pub(in crate::alerting) severity: &'static str,
    pub(in crate::alerting) value: Option<f64>,
    pub(in crate::alerting) summary: String,
    pub(in crate::alerting) reason: String,
    /// what else it rests on, in JSON
    pub(in crate::alerting) evidence: Option<String>,
    /// the rule, if there still is one: the same in all that is written together
    pub(in crate::alerting) definition: Option<&'a Definition>,
}

/// What minutes did to alerts and anomalies, not yet written. An alert that changes twice is one row with its last state, so that
/// rows written together never break "one open alert".
#[derive(Debug, Clone, Default)]
pub(in crate::alerting) struct Effects {
    born: BTreeMap<AlertId, AlertRow>,
    changed: BTreeMap<AlertId, AlertRow>,
    transitions: Vec<TransitionRow>,
    raised: BTreeMap<RuleKey, RaisedRule>,
    bytes: usize,
    pub(super) anomalies: Anomalies,
    /// the marks of users that were applied, by their seq, and in which minute
    pub(super) marks: BTreeMap<i64, Millis>,
}

impl Effects {
    pub(in crate::alerting) fn record(&mut self, minute: Millis, transition: &Transition, told: Told<'_>) {
        let rule_id = told.rule.text();
        let raw = told.series_id.map_or(NO_SERIES, SeriesId::raw);
        let alert_id = alert_id(transition.alert, told.rule, raw);
        self.bytes += 400 + 2 * told.reason.len() + told.summary.len();
        // JSON within JSON: its quotes are escaped
        self.bytes += told.evidence.as_ref().map_or(0, String::len) * 5 / 4;
        self.transitions.push(TransitionRow {
            minute,
            alert_id: alert_id.clone(),
            rule_id: rule_id.clone(),
            series_id: raw,
            from_state: transition.from.as_str(),
            to_state: transition.to.as_str(),
            value: told.value,
            reason: told.reason.clone(),
            evidence: told.evidence,
        });
        let resolved_at = (transition.to == Status::Resolved).then_some(minute);
        if let Some(row) = self.born.get_mut(&alert_id) {
            row.status = transition.to;
            row.resolved_at = resolved_at;
            row.value = told.value;
            row.reason = told.reason;
            return;
        }
        let definition = told.definition.filter(|_| transition.born);
        let rule_print = definition.map(|definition| self.raise(told.rule, definition));
        let row = AlertRow {
            alert_id: alert_id.clone(),
            rule_id,
            series_id: raw,
            status: transition.to,
            severity: told.severity,
            started_at: transition.alert,
            resolved_at,
            value: told.value,
            summary: told.summary,
            reason: told.reason,
            rule_print,
        };
        let rows = if transition.born {
            &mut self.born
        } else {
            &mut self.changed
        };
        rows.insert(alert_id, row);
    }

    /// Keeps a rule that raises an alert, and returns its print.
    fn raise(&mut self, rule: RuleKey, definition: &Definition) -> String {
        let raised = self.raised.entry(rule).or_insert_with(|| {
            let raised = RaisedRule::new(rule.text(), definition);
            self.bytes += 100 + raised.definition.len() * 5 / 4;
            raised
        });
        raised.print.clone()
    }

    /// The rules of the alerts that are born.
    pub(super) fn raised(&self) -> impl Iterator<Item = &RaisedRule> {
        self.raised.values()
    }

    pub(super) fn born(&self) -> impl Iterator<Item = &AlertRow> {
        self.born.values()
    }

    pub(super) fn changed(&self) -> impl Iterator<Item = &AlertRow> {
        self.changed.values()
    }

    /// The changes of the alerts of a rule.
    pub(in crate::alerting) fn changes(&self, rule: RuleKey) -> Vec<Change> {
        let rule_id = rule.text();
        let mine = self.transitions.iter().filter(|row| row.rule_id == rule_id);
        mine.filter_map(Change::of).collect()
    }

    pub(in crate::alerting) fn transitions(&self) -> &[TransitionRow] {
        &self.transitions
    }

    pub(in crate::alerting) fn rows(&self) -> usize {
        self.born.len() + self.changed.len() + self.transitions.len() + self.anomalies.rows() + self.marks.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.anomalies.bytes()
    }
}

/// An alert's identity follows from what it is about and when it began, so that a replay finds the same.
pub(super) fn alert_id(started_at: Millis, rule: RuleKey, series: i64) -> AlertId {
    AlertId::derived(started_at, &[rule.text().as_bytes(), &series.to_be_bytes()])
}
