use super::members::{Changes, Members, OpenAlerts, Says};
use crate::alerting::condition::{Composite, Condition};
use crate::alerting::instance::{Instance, Resolve, Status, Timers, Transition};
use crate::alerting::rule::{Revision, Rule, RuleKey};
use crate::alerting::tick::{Effects, Told};
use crate::clock::Millis;
use std::collections::{BTreeMap, HashMap};

/// What composite rules are evaluated from.
#[derive(Debug, Clone, Default)]
pub(super) struct Inputs {
    /// the composite rules, tombstones too
    pub(super) rules: Vec<Rule>,
    pub(super) states: BTreeMap<RuleKey, (Revision, Instance)>,
    /// of the rules that they name
    pub(super) names: HashMap<RuleKey, String>,
    /// of the rules that they name, before these changes
    pub(super) open: BTreeMap<RuleKey, OpenAlerts>,
    pub(super) changes: Changes,
    /// open alerts that somebody resolved by hand
    pub(super) resolves: HashMap<RuleKey, Resolve>,
}

/// The composite rules of an organization, minute by minute: pure, so that a replay of the same minutes gives the same.
#[derive(Debug)]
pub(super) struct Evaluation<'a> {
    rules: Vec<(Revision, &'a Rule, &'a Composite)>,
    names: &'a HashMap<RuleKey, String>,
    resolves: &'a HashMap<RuleKey, Resolve>,
    pub(super) members: Members,
    pub(super) states: BTreeMap<RuleKey, (Revision, Instance)>,
    pub(super) effects: Effects,
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(inputs: &'a Inputs) -> Self {
        Self {
            rules: in_order(&inputs.rules),
            names: &inputs.names,
            resolves: &inputs.resolves,
            members: Members::new(inputs.open.clone(), inputs.changes.clone()),
            states: inputs.states.clone(),
            effects: Effects::default(),
        }
    }

    /// Evaluates one minute.
    pub(super) fn minute(&mut self, minute: Millis) {
        self.members.advance(minute);
        self.end(minute);
        for at in 0..self.rules.len() {
            let Some((revision, rule, composite)) = self.rules.get(at).copied() else {
                continue;
            };
            if rule.updated_at <= minute && rule.is_live() {
                self.step(minute, revision, rule, composite);
            }
        }
    }

    /// Ends the instances of rules that are gone, disabled or changed. What came after this minute does not count yet.
    fn end(&mut self, minute: Millis) {
        let ended = |revision: &Revision| {
            let Some((current, rule, _)) = self.rules.iter().find(|(current, ..)| current.rule == revision.rule) else {
                return Some("the rule was changed");
            };
            match () {
                () if rule.updated_at > minute => None,
                () if rule.deleted => Some("the rule was deleted"),
                () if !rule.definition.enabled => Some("the rule was disabled"),
                () if current != revision => Some("the rule was changed"),
                () => None,
            }
        };
        let over: Vec<(RuleKey, &str)> = self
            .states
            .iter()
            .filter_map(|(key, (revision, _))| Some((*key, ended(revision)?)))
            .collect();
        for (key, reason) in over {
            let transition = self.states.remove(&key).and_then(|(_, instance)| instance.close());
            if let Some(transition) = transition {
                self.record(minute, key, None, &transition, None, reason.to_owned());
            }
        }
    }

    fn step(&mut self, minute: Millis, revision: Revision, rule: &Rule, composite: &Composite) {
        let known = self.states.get(&revision.rule).filter(|(known, _)| *known == revision);
        let mut instance = known.map_or_else(|| Instance::new(minute), |(_, instance)| *instance);
        let says = composite
            .rules
            .iter()
            .map(|member| (RuleKey::of(member), self.says(&RuleKey::of(member))));
        let says: Vec<(RuleKey, Says)> = says.collect();
        let firing: Vec<RuleKey> = says
            .iter()
            .filter(|(_, says)| *says == Says::Fires)
            .map(|(key, _)| *key)
            .collect();
        let unknown = says.iter().filter(|(_, says)| *says == Says::Unknown).count();
        let verdict = composite.verdict(firing.len(), unknown);
        #[expect(clippy::cast_precision_loss, reason = "at most 50")]
        let value = Some(firing.len() as f64);
        let asked = self.resolves.get(&revision.rule);
        if asked.is_some_and(|asked| asked.ends(&instance, minute))
            && let Some(transition) = instance.resolve()
        {
            self.record(
                minute,
                revision.rule,
                Some(rule),
                &transition,
                value,
                "resolved by hand".to_owned(),
            );
        }
        let timers = Timers {
            hold: rule.definition.hold.millis(),
            keep_firing_for: rule.definition.keep_firing_for.millis(),
        };
        if let Some(transition) = instance.step(minute, verdict, timers) {
            let reason = self.reason(composite, &firing);
            self.record(minute, revision.rule, Some(rule), &transition, value, reason);
        }
        self.states.insert(revision.rule, (revision, instance));
    }

    /// What a rule says in this minute; a composite one has been evaluated before those that name it.
    fn says(&self, key: &RuleKey) -> Says {
        if !self.rules.iter().any(|(revision, ..)| revision.rule == *key) {
            return self.members.says(*key);
        }
        match self.states.get(key) {
            Some((_, instance)) if instance.alert.is_some() => Says::Fires,
            _ => Says::Quiet,
        }
    }

    fn reason(&self, composite: &Composite, firing: &[RuleKey]) -> String {
        let count = format!("{} of {} rules fire", firing.len(), composite.rules.len());
        if firing.is_empty() {
            return count;
        }
        let name = |key: &RuleKey| self.names.get(key).cloned().unwrap_or_else(|| key.text());
        let names: Vec<String> = firing.iter().map(name).collect();
        format!("{count}: {}", names.join(", "))
    }

    fn record(
        &mut self,
        minute: Millis,
        key: RuleKey,
        rule: Option<&Rule>,
        transition: &Transition,
        value: Option<f64>,
        reason: String,
    ) {
        debug_assert!(
            transition.to != Status::NoData,
            "a composite rule has no series that is silent"
        );
        let told = Told {
            rule: key,
            series_id: None,
            severity: rule.map_or("", |rule| rule.definition.severity.as_str()),
            value,
            summary: rule.map_or_else(String::new, |rule| format!("{}: {reason}", rule.definition.name)),
            reason,
            evidence: None,
            definition: rule.map(|rule| &rule.definition),
        };
        self.effects.record(minute, transition, told);
    }
}

/// The rules, those that others name before those others.
fn in_order(rules: &[Rule]) -> Vec<(Revision, &Rule, &Composite)> {
    let mut left: Vec<(Revision, &Rule, &Composite)> = rules
        .iter()
        .filter_map(|rule| match &rule.definition.condition {
            Condition::Composite(composite) => Some((rule.revision(), rule, composite)),
            _ => None,
        })
        .collect();
    let mut ordered = Vec::new();
    while !left.is_empty() {
        let waiting: Vec<RuleKey> = left.iter().map(|(revision, ..)| revision.rule).collect();
        let waits = |composite: &Composite| {
            composite
                .rules
                .iter()
                .any(|member| waiting.contains(&RuleKey::of(member)))
        };
        let (later, ready): (Vec<_>, Vec<_>) = left.into_iter().partition(|(_, _, composite)| waits(composite));
        if ready.is_empty() {
            // a circle, which saving refuses
            ordered.extend(later);
            break;
        }
        ordered.extend(ready);
        left = later;
    }
    ordered
}
