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

/// Points that are tried at once. A loss over a series mostly waits for its own last step, so four side by side take hardly
/// longer than one.
pub(crate) const LANES: usize = 4;

/// A point and its loss.
type Vertex<const D: usize> = ([f64; D], f64);

/// The best point that a search finds within `bounds`; `loss` gets [`LANES`] points and gives the loss of each.
///
/// A loss that is not finite counts as infinitely bad. Never worse than the start itself. What the next move may need
/// (reflection, expansion, both contractions) is tried at once; which of them is taken is as in the source.
pub(crate) fn minimise<const D: usize>(
    search: Search<D>,
    bounds: [(f64, f64); D],
    mut loss: impl FnMut(&[[f64; D]; LANES]) -> [f64; LANES],
) -> [f64; D] {
    let mut evaluate = |mut points: [[f64; D]; LANES]| -> [Vertex<D>; LANES] {
        for (x, (low, high)) in points.iter_mut().flat_map(|point| point.iter_mut().zip(bounds)) {
            *x = x.clamp(low, high);
        }
        let values = loss(&points).map(|value| if value.is_finite() { value } else { f64::INFINITY });
        std::array::from_fn(|lane| (points[lane], values[lane]))
    };
    let start = search.start;
    let mut corners = vec![start];
    for (axis, (low, high)) in bounds.into_iter().enumerate() {
        let mut corner = start;
        if let Some(x) = corner.get_mut(axis) {
            // to the side where there is room
            let stride = (high - low) * search.reach;
            *x += if *x + stride <= high { stride } else { -stride };
        }
        corners.push(corner);
    }
    let mut simplex: Vec<Vertex<D>> = Vec::with_capacity(D + LANES);
    for part in corners.chunks(LANES) {
        let points = std::array::from_fn(|lane| part.get(lane).copied().unwrap_or(start));
        simplex.extend(evaluate(points).into_iter().take(part.len()));
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
        let [reflected, expanded, outside, inside] = evaluate([along(1.0), along(2.0), along(0.5), along(-0.5)]);
        used += 2;
        let contracted = if reflected.1 < worst.1 { outside } else { inside };
        let replacement = if reflected.1 < best.1 {
            if expanded.1 < reflected.1 { expanded } else { reflected }
        } else if reflected.1 < next_worst {
            reflected
        } else if contracted.1 < worst.1.min(reflected.1) {
            contracted
        } else {
            // nothing helps: all move towards the best one
            for part in simplex.get_mut(1..).unwrap_or_default().chunks_mut(LANES) {
                let points = std::array::from_fn(|lane| {
                    let mut point = part.get(lane).map_or(best.0, |vertex| vertex.0);
                    point.iter_mut().zip(best.0).for_each(|(x, b)| *x = (*x + b) / 2.0);
                    point
                });
                part.iter_mut()
                    .zip(evaluate(points))
                    .for_each(|(vertex, nearer)| *vertex = nearer);
            }
            used += D;
            continue;
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
        let rosenbrock =
            |points: &[[f64; 2]; LANES]| points.map(|[x, y]| (1.0 - x).powi(2) + 100.0 * (y - x * x).powi(2));
        let [x, y] = minimise(from([-1.0, 1.0], 400), [(-2.0, 2.0), (-2.0, 2.0)], rosenbrock);
        assert!((x - 1.0).abs() < 1e-2 && (y - 1.0).abs() < 1e-2);
    }

    #[test]
    fn the_box_and_bad_values_are_respected() {
        assert_eq!(
            minimise(from([0.5], 60), [(0.0, 1.0)], |points| points.map(|[x]| -x)),
            [1.0]
        );
        assert_eq!(minimise(from([0.5], 60), [(0.0, 1.0)], |_| [f64::NAN; LANES]), [0.5]);
    }
}
