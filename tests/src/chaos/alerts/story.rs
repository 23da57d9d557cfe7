//! What the series do, and which alerts that must give: a model of three rules, apart from the product's.

use std::collections::BTreeSet;

use intentvision::clock::Millis;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

/// Minute 0: 2026-11-23T10:00:00Z.
pub(super) const START: Millis = 1_795_428_000_000;
/// How many series there are.
pub(super) const HOSTS: usize = 12;
/// Minutes at the end in which all is well, so that everything resolves.
const CALM: i64 = 10;

const LIMIT: f64 = 100.0;
const HOLD: i64 = 3;
const KEEP: i64 = 2;
const SILENCE: i64 = 5;

/// A rule of the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Rule {
    /// above the limit
    High,
    /// above the limit for three minutes, until it was not for two
    Long,
    /// no point for five minutes
    Silent,
}

impl Rule {
    pub(super) const ALL: [Self; 3] = [Self::High, Self::Long, Self::Silent];

    /// Its body, for these channels.
    pub(super) fn body(self, channels: &[String]) -> Value {
        let above = json!({"type": "threshold", "operator": "gt", "value": LIMIT});
        let mut body = json!({"name": format!("{self:?}"), "metric_key": "load", "severity": "critical",
            "channels": channels, "condition": above});
        match self {
            Self::High => {}
            Self::Long => {
                body["for"] = json!(format!("{HOLD}m"));
                body["keep_firing_for"] = json!(format!("{KEEP}m"));
            }
            Self::Silent => body["condition"] = json!({"type": "missing_data", "after": format!("{SILENCE}m")}),
        }
        body
    }
}

/// An alert as it must be: `[from, to)` in minutes of the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Episode {
    pub(super) rule: Rule,
    pub(super) host: usize,
    pub(super) from: i64,
    pub(super) to: i64,
}

/// What each series sends in each minute; a point of minute m is seen by the tick of minute m.
#[derive(Debug)]
pub(super) struct Story {
    /// by series and minute; minute 0 is not used
    values: Vec<Vec<Option<f64>>>,
    pub(super) minutes: i64,
}

impl Story {
    /// A story of so many minutes.
    pub(super) fn new(seed: u64, minutes: i64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let values = (0..HOSTS).map(|_| series(&mut rng, minutes)).collect();
        Self { values, minutes }
    }

    /// What arrives in a minute.
    pub(super) fn points(&self, minute: i64) -> Vec<(usize, f64)> {
        let at = |host: usize| Some((host, self.value(host, minute)?));
        (0..HOSTS).filter_map(at).collect()
    }

    fn value(&self, host: usize, minute: i64) -> Option<f64> {
        self.values[host][usize::try_from(minute).expect("a minute of the story")]
    }

    /// The alerts that there must be.
    pub(super) fn episodes(&self) -> BTreeSet<Episode> {
        let hosts = (0..HOSTS).flat_map(|host| Rule::ALL.map(|rule| (host, rule)));
        hosts.flat_map(|(host, rule)| self.of(host, rule)).collect()
    }

    fn of(&self, host: usize, rule: Rule) -> Vec<Episode> {
        let (hold, keep) = if rule == Rule::Long { (HOLD, KEEP) } else { (0, 0) };
        let mut episodes = Vec::new();
        let (mut last, mut value) = (None, 0.0);
        // since when the condition holds, and since when it does not
        let (mut holds, mut fails): (Option<i64>, Option<i64>) = (None, None);
        let mut open = None;
        for minute in 1..=self.minutes {
            if let Some(now) = self.value(host, minute) {
                (last, value) = (Some(minute), now);
            }
            let Some(last) = last else { continue };
            let breach = match rule {
                Rule::High | Rule::Long => value > LIMIT,
                Rule::Silent => minute - last >= SILENCE,
            };
            if breach {
                let since = *holds.get_or_insert(minute);
                fails = None;
                if minute - since >= hold {
                    open.get_or_insert(minute);
                }
            } else {
                let since = *fails.get_or_insert(minute);
                holds = None;
                if minute - since >= keep
                    && let Some(from) = open.take()
                {
                    episodes.push(Episode {
                        rule,
                        host,
                        from,
                        to: minute,
                    });
                }
            }
        }
        assert_eq!(open, None, "a story ends well");
        episodes
    }
}

/// Stretches of one to twenty minutes that are high, low or silent, and a point left out here and there.
fn series(rng: &mut StdRng, minutes: i64) -> Vec<Option<f64>> {
    let mut values = vec![None];
    while values.len() <= usize::try_from(minutes - CALM).expect("a story is longer") {
        let length = rng.random_range(1..20);
        let level = match rng.random_range(0..10) {
            0..4 => Some(150.0),
            4..8 => Some(50.0),
            _ => None,
        };
        for _ in 0..length {
            let there = rng.random_range(0..10) > 0;
            values.push(level.filter(|_| there).map(|level| level + rng.random_range(0.0..40.0)));
        }
    }
    values.truncate(usize::try_from(minutes - CALM + 1).expect("a story is longer"));
    values.resize(usize::try_from(minutes + 1).expect("a story has an end"), Some(50.0));
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One letter a minute: `h` high, `l` low, `.` nothing.
    fn told(letters: &str, rule: Rule) -> Vec<(i64, i64)> {
        let value = |letter| match letter {
            'h' => Some(150.0),
            'l' => Some(50.0),
            _ => None,
        };
        let values = std::iter::once(None).chain(letters.chars().map(value)).collect();
        let minutes = i64::try_from(letters.len()).unwrap();
        let story = Story {
            values: vec![values],
            minutes,
        };
        story
            .of(0, rule)
            .iter()
            .map(|episode| (episode.from, episode.to))
            .collect()
    }

    #[test]
    fn the_model_knows_the_rules() {
        assert_eq!(told("lhhl.hl", Rule::High), [(2, 4), (6, 7)]);
        assert_eq!(told("lhhhhlhlll", Rule::Long), [(5, 10)]);
        assert_eq!(told("lhhhlhhhll", Rule::Long), []);
        assert_eq!(told("l.....ll", Rule::Silent), [(6, 7)]);
        assert_eq!(told(".......h.l", Rule::Silent), []);
    }

    #[test]
    fn a_story_is_eventful_and_ends_well() {
        let story = Story::new(1, 200);
        let episodes = story.episodes();
        for rule in Rule::ALL {
            let count = episodes.iter().filter(|episode| episode.rule == rule).count();
            assert!(count > 10, "{rule:?} {count}");
        }
        assert_eq!(episodes, Story::new(1, 200).episodes());
    }
}
