use crate::alerting::rule::{Revision, Rule, RuleKey};
use crate::alerting::{Definition, condition::Condition};
use crate::series::{MetricKey, SeriesRef};
use std::collections::{BTreeSet, HashMap};

/// The rules of an organization, found by metric and by key.
#[derive(Debug, Default)]
pub(super) struct RuleSet {
    rules: Vec<(Revision, Rule)>,
    by_metric: HashMap<MetricKey, Vec<usize>>,
    by_key: HashMap<RuleKey, usize>,
}

impl RuleSet {
    pub(super) fn new(rules: Vec<Rule>) -> Self {
        let mut set = Self::default();
        for rule in rules {
            let (index, revision) = (set.rules.len(), rule.revision());
            set.by_metric
                .entry(rule.definition.metric_key.clone())
                .or_default()
                .push(index);
            set.by_key.insert(revision.rule, index);
            set.rules.push((revision, rule));
        }
        set
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(Revision, Rule)> {
        self.rules.iter()
    }

    pub(super) fn by_key(&self, key: RuleKey) -> Option<&(Revision, Rule)> {
        self.by_key.get(&key).and_then(|index| self.rules.get(*index))
    }

    /// The rules, live or not, that watch a series.
    pub(super) fn watching<'a>(&'a self, series: &'a SeriesRef) -> impl Iterator<Item = &'a (Revision, Rule)> {
        let indexes = self.by_metric.get(&series.metric_key).map_or(&[][..], Vec::as_slice);
        indexes
            .iter()
            .filter_map(|index| self.rules.get(*index))
            .filter(|(_, rule)| rule.definition.dimensions.is_subset_of(&series.dimensions))
    }

    pub(super) fn metric_keys(&self) -> Vec<MetricKey> {
        let keys: BTreeSet<_> = self.by_metric.keys().cloned().collect();
        keys.into_iter().collect()
    }

    pub(super) fn any_live(&self) -> bool {
        self.rules.iter().any(|(_, rule)| rule.is_live())
    }

    pub(super) fn any_forecast(&self) -> bool {
        let forecasts = |definition: &Definition| matches!(definition.condition, Condition::Forecast(_));
        self.rules.iter().any(|(_, rule)| forecasts(&rule.definition))
    }

    /// Whether a rule watches what other systems found.
    pub(super) fn any_external(&self) -> bool {
        let external = |rule: &Rule| matches!(rule.definition.condition, Condition::External(_));
        self.rules.iter().any(|(_, rule)| external(rule))
    }

    /// Whether a live rule watches series for anomalies.
    pub(super) fn any_anomaly(&self) -> bool {
        let anomalies = |rule: &Rule| rule.is_live() && matches!(rule.definition.condition, Condition::Anomaly(_));
        self.rules.iter().any(|(_, rule)| anomalies(rule))
    }

    /// What a lane has met once `minute` is complete: the live rules whose last change counts by then, and others as they
    /// were met before.
    pub(super) fn met(&self, before: &BTreeSet<Revision>, minute: crate::clock::Millis) -> BTreeSet<Revision> {
        let mut met = BTreeSet::new();
        for (revision, rule) in &self.rules {
            if rule.updated_at > minute {
                met.extend(before.iter().filter(|known| known.rule == revision.rule));
            } else if rule.is_live() {
                met.insert(*revision);
            }
        }
        met
    }
}
