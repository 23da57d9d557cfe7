//! Ridge regression on columns of which a step shows one at most, and its cross-validation by blocks.
//!
//! The columns are then orthogonal: sums of each column in each block are all that any fit and any test of it needs.

/// The penalties tried, in steps: a coefficient from so many steps is half of their mean.
const PENALTIES: [f64; 3] = [0.5, 2.0, 8.0];

/// The value of one column at one step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Term {
    pub(super) step: usize,
    pub(super) column: usize,
    pub(super) weight: f64,
    /// Steps that are left out together, numbered from 0.
    pub(super) block: usize,
}

/// Sums of products of a column with itself and with the remainder.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    squares: f64,
    products: f64,
}

impl Sums {
    fn coefficient(self, penalty: f64) -> f64 {
        if self.squares > 0.0 {
            self.products / (self.squares + penalty)
        } else {
            0.0
        }
    }
}

/// The sums of each column, and of each column in each block, block after block.
fn sums(terms: &[Term], rest: &[f64]) -> (Vec<Sums>, Vec<Sums>) {
    let columns = terms.iter().map(|term| term.column + 1).max().unwrap_or(0);
    let blocks = terms.iter().map(|term| term.block + 1).max().unwrap_or(0);
    let mut all = vec![Sums::default(); columns];
    let mut each = vec![Sums::default(); columns * blocks];
    for term in terms {
        let value = rest.get(term.step).copied().unwrap_or_default();
        let cells = (
            all.get_mut(term.column),
            each.get_mut(term.block * columns + term.column),
        );
        if let (Some(all), Some(each)) = cells {
            for sums in [all, each] {
                sums.squares += term.weight * term.weight;
                sums.products += term.weight * value;
            }
        }
    }
    (all, each)
}

/// A penalty of so many steps in the unit of the squared weights.
fn in_unit(penalty: f64, all: &[Sums], terms: &[Term]) -> f64 {
    let squares: f64 = all.iter().map(|sums| sums.squares).sum();
    penalty * squares / terms.len().max(1) as f64
}

/// One coefficient a column.
pub(super) fn coefficients(terms: &[Term], rest: &[f64], penalty: f64) -> Vec<f64> {
    let (all, _) = sums(terms, rest);
    let penalty = in_unit(penalty, &all, terms);
    all.into_iter().map(|sums| sums.coefficient(penalty)).collect()
}

/// By how much the sum of squares would fall if each block were explained by all others, and the best penalty for it;
/// `None` with fewer than two blocks.
pub(super) fn cross_validate(terms: &[Term], rest: &[f64]) -> Option<(f64, f64)> {
    let (all, each) = sums(terms, rest);
    if each.len() < 2 * all.len().max(1) {
        return None;
    }
    let gain = |penalty: f64| -> f64 {
        let in_unit = in_unit(penalty, &all, terms);
        let blocks = each.chunks_exact(all.len()).flat_map(|block| all.iter().zip(block));
        blocks
            .map(|(all, own)| {
                let others = Sums {
                    squares: all.squares - own.squares,
                    products: all.products - own.products,
                };
                let coefficient = others.coefficient(in_unit);
                coefficient * (2.0 * own.products - coefficient * own.squares)
            })
            .sum()
    };
    let gains = PENALTIES.into_iter().map(|penalty| (gain(penalty), penalty));
    gains.max_by(|a, b| a.0.total_cmp(&b.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The gain by its definition: every block is predicted by coefficients of the terms outside it.
    fn by_definition(terms: &[Term], rest: &[f64], penalty: f64) -> f64 {
        let all = in_unit(penalty, &sums(terms, rest).0, terms);
        let gain = |term: &Term| {
            let others: Vec<&Term> = terms
                .iter()
                .filter(|other| other.block != term.block && other.column == term.column)
                .collect();
            let squares: f64 = others.iter().map(|other| other.weight.powi(2)).sum();
            let products: f64 = others.iter().map(|other| other.weight * rest[other.step]).sum();
            let coefficient = if squares > 0.0 { products / (squares + all) } else { 0.0 };
            rest[term.step].powi(2) - (rest[term.step] - coefficient * term.weight).powi(2)
        };
        terms.iter().map(gain).sum()
    }

    proptest! {
        #[test]
        fn the_gain_is_that_of_its_definition(
            steps in prop::collection::vec((0_usize..4, 0_usize..5, -3.0..3.0, -10.0..10.0), 2..60),
        ) {
            let terms: Vec<Term> = steps.iter().enumerate().map(|(step, (column, block, weight, _))| Term {
                step, column: *column, weight: *weight, block: *block,
            }).collect();
            let rest: Vec<f64> = steps.iter().map(|step| step.3).collect();
            if let Some((gain, penalty)) = cross_validate(&terms, &rest) {
                prop_assert!((gain - by_definition(&terms, &rest, penalty)).abs() < 1e-6);
                for other in PENALTIES {
                    prop_assert!(by_definition(&terms, &rest, other) < gain + 1e-6);
                }
            }
        }
    }

    #[test]
    fn a_coefficient_is_a_shrunk_mean() {
        let terms: Vec<Term> = (0..4)
            .map(|step| Term {
                step,
                column: step % 2,
                weight: 1.0,
                block: step / 2,
            })
            .collect();
        assert_eq!(coefficients(&terms, &[3.0, -1.0, 5.0, 1.0], 2.0), [2.0, 0.0]);
        assert_eq!(cross_validate(&terms[..2], &[3.0, -1.0]), None, "one block");
        assert_eq!(cross_validate(&[], &[]), None);
    }
}
