//! What the series of a group of incidents have in common more than others: the pairs of dimension and value that
//! contribute most to it.
//!
//! A pair is ranked by its part of the Kullback-Leibler divergence between the series of the group and all that are
//! watched: coverage x ln(lift), where coverage is the share of the group's series that have it, and lift that share over
//! its share among all. So a pair that half of the group has, and hardly anybody else, comes before one that all have.

use crate::series::Dimensions;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many pairs are named.
const MOST: usize = 5;

/// A pair that the series of a group have more often than others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contributor {
    /// the dimension
    pub key: String,
    /// its value
    pub value: String,
    /// how many series of the group have it
    pub series: usize,
    /// how many of all watched series have it
    pub watched: usize,
    /// the share of the group's series that have it, 0 to 1
    pub coverage: f64,
    /// how many times larger that is than its share among all watched series; above 1
    pub lift: f64,
}

/// Ranks the pairs of at least two of the group's series. `watched` are all series that are watched, those of the group
/// among them.
#[must_use]
pub fn rank<'a>(
    group: impl IntoIterator<Item = &'a Dimensions>,
    watched: impl IntoIterator<Item = &'a Dimensions>,
) -> Vec<Contributor> {
    let mut of_group: BTreeMap<(&str, &str), (usize, usize)> = BTreeMap::new();
    let mut size = 0_usize;
    for dimensions in group {
        size += 1;
        for pair in dimensions.iter() {
            of_group.entry(pair).or_default().0 += 1;
        }
    }
    of_group.retain(|_, (series, _)| *series > 1);
    if of_group.is_empty() {
        return Vec::new();
    }
    let mut all = 0_usize;
    for dimensions in watched {
        all += 1;
        for pair in dimensions.iter() {
            if let Some((_, watched)) = of_group.get_mut(&pair) {
                *watched += 1;
            }
        }
    }
    let mut ranked: Vec<(f64, Contributor)> = of_group
        .into_iter()
        .filter_map(|((key, value), (series, watched))| {
            let coverage = share(series, size);
            let lift = coverage / share(watched.max(series), all.max(size));
            let contributor = Contributor {
                key: key.to_owned(),
                value: value.to_owned(),
                series,
                watched: watched.max(series),
                coverage,
                lift,
            };
            (lift > 1.0).then(|| (coverage * lift.ln(), contributor))
        })
        .collect();
    // the sort is stable: of equals the first by name comes first
    ranked.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    ranked.truncate(MOST);
    ranked.into_iter().map(|(_, contributor)| contributor).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of series")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Vec<Dimensions> {
        let host = |index: usize| {
            let region = if index < 25 { "eu" } else { "us" };
            let pairs = [
                ("host", format!("h{index}")),
                ("region", region.to_owned()),
                ("app", "shop".to_owned()),
                ("rack", format!("r{}", index / 5)),
            ];
            Dimensions::new(pairs.map(|(key, value)| (key.to_owned(), value))).unwrap()
        };
        (0..100).map(host).collect()
    }

    fn named(contributors: &[Contributor]) -> Vec<String> {
        contributors
            .iter()
            .map(|one| format!("{}={}", one.key, one.value))
            .collect()
    }

    #[test]
    fn what_all_have_and_what_one_has_does_not_contribute() {
        let hosts = hosts();
        // rack r0 and most of it; another one of the same region; one elsewhere
        let group: Vec<&Dimensions> = [0, 1, 2, 3, 20, 90].map(|index| &hosts[index]).into();
        let ranked = rank(group, &hosts);
        assert_eq!(named(&ranked), ["rack=r0", "region=eu"]);
        assert_eq!((ranked[0].series, ranked[0].watched), (4, 5));
        assert!((ranked[0].coverage - 4.0 / 6.0).abs() < 1e-12 && (ranked[0].lift - 4.0 / 6.0 / 0.05).abs() < 1e-9);
        assert_eq!((ranked[1].series, ranked[1].watched), (5, 25));
    }

    #[test]
    fn one_series_has_nothing_in_common_with_others() {
        let hosts = hosts();
        assert_eq!(rank([&hosts[0]], &hosts), []);
        assert_eq!(rank([], &hosts), []);
        assert_eq!(rank(&hosts, &hosts), [], "all of them are like all of them");
    }

    #[test]
    fn five_are_named_whatever_the_order() {
        let wide = |index: usize| {
            let pairs = (0..9).map(|key| (format!("k{key}"), if index < 3 { "a" } else { "b" }.to_owned()));
            Dimensions::new(pairs).unwrap()
        };
        let all: Vec<Dimensions> = (0..9).map(wide).collect();
        let ranked = rank(&all[..3], &all);
        assert_eq!(named(&ranked), ["k0=a", "k1=a", "k2=a", "k3=a", "k4=a"]);
        assert_eq!(rank(all[..3].iter().rev(), all.iter().rev()), ranked);
    }
}
