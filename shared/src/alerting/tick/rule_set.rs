use crate::alerting::rule::{Revision, Rule, RuleKey};
use crate::alerting::{Definition, condition::Condition, external};
use crate::series::{MetricKey, MetricPattern, SeriesRef};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

/// The rules of an organization, found by the metric and dimensions of a series and by key.
#[derive(Debug, Default)]
pub(super) struct RuleSet {
    rules: Vec<(Revision, Rule)>,
    by_metric: HashMap<MetricKey, ByDimension>,
    /// those of several metrics
    patterns: Vec<(MetricPattern, usize)>,
    /// which of those match a metric, once that was asked for
    matched: RwLock<HashMap<MetricKey, Arc<[usize]>>>,
    by_key: HashMap<RuleKey, usize>,
}

/// The rules of a metric by the first dimension that they ask for, so that a rule for each host is not tried on every host.
#[derive(Debug, Default)]
struct ByDimension {
    of_all: Vec<usize>,
    by_pair: HashMap<String, HashMap<String, Vec<usize>>>,
}

impl ByDimension {
    fn insert(&mut self, rule: &Rule, index: usize) {
        match rule.definition.dimensions.iter().next() {
            None => self.of_all.push(index),
            Some((key, value)) => {
                let values = self.by_pair.entry(key.to_owned()).or_default();
                values.entry(value.to_owned()).or_default().push(index);
            }
        }
    }

    fn of<'a>(&'a self, series: &'a SeriesRef) -> impl Iterator<Item = usize> + 'a {
        let pairs = series.dimensions.iter();
        let pairs = pairs.filter_map(|(key, value)| self.by_pair.get(key)?.get(value));
        self.of_all.iter().chain(pairs.flatten()).copied()
    }
}

impl RuleSet {
    pub(super) fn new(rules: Vec<Rule>) -> Self {
        let mut set = Self::default();
        for rule in rules {
            let (index, revision) = (set.rules.len(), rule.revision());
            let pattern = &rule.definition.metric_key;
            match pattern.key() {
                Some(key) => set.by_metric.entry(key).or_default().insert(&rule, index),
                None => set.patterns.push((pattern.clone(), index)),
            }
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

    /// The rules, live or not, that watch a series, in order of their keys.
    pub(super) fn watching<'a>(&'a self, series: &'a SeriesRef) -> impl Iterator<Item = &'a (Revision, Rule)> {
        let exact = self.by_metric.get(&series.metric_key);
        let mut indexes: Vec<usize> = exact.into_iter().flat_map(|rules| rules.of(series)).collect();
        // what other systems found is no measurement: a rule of all metrics means none of it
        if !self.patterns.is_empty() && series.metric_key.as_str() != external::METRIC {
            indexes.extend(self.matching(&series.metric_key).iter());
        }
        indexes.sort_unstable();
        indexes
            .into_iter()
            .filter_map(|index| self.rules.get(index))
            .filter(|(_, rule)| rule.definition.dimensions.is_subset_of(&series.dimensions))
    }

    /// The rules with a pattern that matches a metric.
    fn matching(&self, metric: &MetricKey) -> Arc<[usize]> {
        let known = self
            .matched
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(metric)
            .cloned();
        known.unwrap_or_else(|| {
            let matching = self.patterns.iter().filter(|(pattern, _)| pattern.matches(metric));
            let matching: Arc<[usize]> = matching.map(|(_, index)| *index).collect();
            let mut matched = self.matched.write().unwrap_or_else(PoisonError::into_inner);
            matched.insert(metric.clone(), Arc::clone(&matching));
            matching
        })
    }

    /// The metrics that they watch.
    pub(super) fn metrics(&self) -> Vec<MetricPattern> {
        let patterns: BTreeSet<_> = self
            .rules
            .iter()
            .map(|(_, rule)| rule.definition.metric_key.clone())
            .collect();
        patterns.into_iter().collect()
    }

    pub(super) fn any_live(&self) -> bool {
        self.rules.iter().any(|(_, rule)| rule.is_live())
    }

    /// Whether a rule needs more of a series than its last point.
    pub(super) fn any_need(&self) -> bool {
        self.rules
            .iter()
            .any(|(_, rule)| rule.is_live() && rule.definition.needs().next().is_some())
    }

    pub(super) fn any_forecast(&self) -> bool {
        let forecasts = |definition: &Definition| matches!(definition.condition, Condition::Forecast(_));
        self.rules.iter().any(|(_, rule)| forecasts(&rule.definition))
    }

    /// Whether a rule watches what other systems found.
    pub(super) fn any_external(&self) -> bool {
        let is_external = |rule: &Rule| rule.definition.condition.is_external();
        self.rules.iter().any(|(_, rule)| is_external(rule))
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
