//! Minimisation without derivatives in a box.
//!
//! Source: J. A. Nelder & R. Mead, "A simplex method for function minimization" (1965), with points projected onto the
//! box.

/// Where a search begins, and how far it goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Search<const D: usize> {
    pub(crate) start: [f64; D],
    /// How far the first simplex reaches on each axis, as a share of the box.
    pub(crate) reach: f64,
    /// About how many calls of the loss to spend at most.
    pub(crate) evaluations: usize,
}

/// The best point that a search finds within `bounds`.
///
/// A loss that is not finite counts as infinitely bad. Never worse than `start` itself.
pub(crate) fn minimise<const D: usize>(
    search: Search<D>,
    bounds: [(f64, f64); D],
    mut loss: impl FnMut(&[f64; D]) -> f64,
) -> [f64; D] {
    let mut evaluate = |mut point: [f64; D]| {
        for (x, (low, high)) in point.iter_mut().zip(bounds) {
            *x = x.clamp(low, high);
        }
        let value = loss(&point);
        (point, if value.is_finite() { value } else { f64::INFINITY })
    };
    let start = search.start;
    let mut simplex = vec![evaluate(start)];
    for (axis, (low, high)) in bounds.into_iter().enumerate() {
        let mut corner = start;
        if let Some(x) = corner.get_mut(axis) {
            // to the side where there is room
            let stride = (high - low) * search.reach;
            *x += if *x + stride <= high { stride } else { -stride };
        }
        simplex.push(evaluate(corner));
    }
    let mut used = D + 1;
    while used < search.evaluations {
        simplex.sort_by(|a, b| a.1.total_cmp(&b.1));
        let (Some(best), Some(worst)) = (simplex.first().copied(), simplex.last().copied()) else {
            break;
        };
        let next_worst = simplex.get(D.saturating_sub(1)).map_or(worst.1, |vertex| vertex.1);
        if worst.1 - best.1 <= 1e-4 * best.1 {
            break;
        }
        let mut centre = [0.0; D];
        for (point, _) in simplex.iter().take(D) {
            centre.iter_mut().zip(point).for_each(|(c, x)| *c += x / D as f64);
        }
        // the point on the line from the worst vertex through the centre
        let along = |factor: f64| {
            let mut point = centre;
            point.iter_mut().zip(worst.0).for_each(|(c, x)| *c += factor * (*c - x));
            point
        };
        let reflected = evaluate(along(1.0));
        used += 1;
        let replacement = if reflected.1 < best.1 {
            used += 1;
            let expanded = evaluate(along(2.0));
            if expanded.1 < reflected.1 { expanded } else { reflected }
        } else if reflected.1 < next_worst {
            reflected
        } else {
            used += 1;
            let contracted = evaluate(along(if reflected.1 < worst.1 { 0.5 } else { -0.5 }));
            if contracted.1 >= worst.1.min(reflected.1) {
                for vertex in simplex.iter_mut().skip(1) {
                    let mut point = vertex.0;
                    point.iter_mut().zip(best.0).for_each(|(x, b)| *x = (*x + b) / 2.0);
                    *vertex = evaluate(point);
                }
                used += D;
                continue;
            }
            contracted
        };
        if let Some(vertex) = simplex.last_mut() {
            *vertex = replacement;
        }
    }
    simplex
        .into_iter()
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map_or(start, |(point, _)| point)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from<const D: usize>(start: [f64; D], evaluations: usize) -> Search<D> {
        Search {
            start,
            reach: 0.25,
            evaluations,
        }
    }

    #[test]
    fn a_valley_is_followed_to_its_bottom() {
        let rosenbrock = |p: &[f64; 2]| (1.0 - p[0]).powi(2) + 100.0 * (p[1] - p[0] * p[0]).powi(2);
        let [x, y] = minimise(from([-1.0, 1.0], 400), [(-2.0, 2.0), (-2.0, 2.0)], rosenbrock);
        assert!((x - 1.0).abs() < 1e-2 && (y - 1.0).abs() < 1e-2);
    }

    #[test]
    fn the_box_and_bad_values_are_respected() {
        assert_eq!(minimise(from([0.5], 60), [(0.0, 1.0)], |p| -p[0]), [1.0]);
        assert_eq!(minimise(from([0.5], 60), [(0.0, 1.0)], |_| f64::NAN), [0.5]);
    }
}
