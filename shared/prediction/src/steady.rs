//! Positions of a season that have always had the same value, as a closed shop has at night.
//!
//! A combination of models would forecast them a little off.

/// So many cycles must have shown the value.
const LEAST_CYCLES: usize = 6;

/// A value that a position has always had.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Steady {
    pub(crate) value: f64,
    /// In how many cycles.
    pub(crate) cycles: usize,
}

/// The steady positions of each season.
#[derive(Debug, Clone, Default)]
pub(crate) struct SteadyPositions {
    /// One table a season, one cell a position of it.
    seasons: Vec<Vec<Option<Steady>>>,
}

impl SteadyPositions {
    /// Nothing is steady in a series of which everything is: its models know that themselves.
    pub(crate) fn find(values: &[f64], observed: &[bool], seasons: &[usize]) -> Self {
        let enough = |season: &&usize| values.len() >= LEAST_CYCLES * **season;
        let seasons: Vec<Vec<Option<Steady>>> = seasons
            .iter()
            .filter(enough)
            .map(|season| table(values, observed, *season))
            .filter(|table| table.iter().any(Option::is_some))
            .collect();
        let everything = seasons.iter().any(|table| table.iter().all(Option::is_some));
        Self {
            seasons: if everything { Vec::new() } else { seasons },
        }
    }

    /// What step `t` has always been, by the season with the most cycles.
    pub(crate) fn at(&self, t: usize) -> Option<Steady> {
        let of_season = |table: &Vec<Option<Steady>>| table.get(t.checked_rem(table.len())?).copied().flatten();
        self.seasons
            .iter()
            .filter_map(of_season)
            .max_by_key(|steady| steady.cycles)
    }
}

/// For each position of a season the value that all its cycles had, if they did.
fn table(values: &[f64], observed: &[bool], season: usize) -> Vec<Option<Steady>> {
    // none yet, the same so far, or different
    let mut seen: Vec<Option<Option<Steady>>> = vec![None; season];
    for ((value, observed), position) in values.iter().zip(observed).zip((0..season).cycle()) {
        if let Some(cell) = seen.get_mut(position).filter(|_| *observed) {
            *cell = Some(match *cell {
                None => Some(Steady {
                    value: *value,
                    cycles: 1,
                }),
                Some(known) => known.filter(|steady| steady.value == *value).map(|steady| Steady {
                    cycles: steady.cycles + 1,
                    ..steady
                }),
            });
        }
    }
    let enough = |steady: &Steady| steady.cycles >= LEAST_CYCLES;
    seen.into_iter().map(|cell| cell.flatten().filter(enough)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_season_with_most_cycles_counts() {
        // nothing at the first step of each pair, nor at the third of each four
        let values: Vec<f64> = (0..32)
            .map(|t| {
                if t % 2 == 0 {
                    0.0
                } else if t % 4 == 3 {
                    7.0
                } else {
                    f64::from(t)
                }
            })
            .collect();
        let steady = SteadyPositions::find(&values, &[true; 32], &[2, 4]);
        assert_eq!(steady.at(32), Some(Steady { value: 0.0, cycles: 16 }));
        assert_eq!(steady.at(33), None);
        assert_eq!(steady.at(35), Some(Steady { value: 7.0, cycles: 8 }));
    }

    #[test]
    fn gaps_do_not_count_and_pure_seasons_are_left_to_the_models() {
        let mut values: Vec<f64> = (0..14).map(|t| if t % 2 == 0 { 1.0 } else { f64::from(t) }).collect();
        values[4] = 9.0;
        let mut observed = [true; 14];
        observed[4] = false;
        let steady = |observed: &[bool]| SteadyPositions::find(&values, observed, &[2]).at(14);
        assert_eq!(steady(&observed), Some(Steady { value: 1.0, cycles: 6 }));
        assert_eq!(steady(&[true; 14]), None);
        let pure: Vec<f64> = (0..14).map(|t| f64::from(t % 2)).collect();
        assert_eq!(SteadyPositions::find(&pure, &[true; 14], &[2]).at(14), None);
    }
}
