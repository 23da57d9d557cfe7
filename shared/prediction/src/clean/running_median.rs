//! The running median of seven: it follows trends and level shifts, and no spike of up to three values.
//!
//! Source: J. W. Tukey, "Exploratory Data Analysis" (1977), with his rule for the ends.

use super::median;

/// Values on each side of the middle one.
const REACH: usize = 3;

/// The running median of seven; towards the ends of five and of three, and at the ends Tukey's rule.
pub(super) fn running_median(values: &[f64]) -> Vec<f64> {
    let n = values.len();
    let mut medians = values.to_vec();
    for (middle, window) in medians.iter_mut().skip(REACH).zip(values.windows(2 * REACH + 1)) {
        if let [a, b, c, d, e, f, g] = *window {
            *middle = median_of_seven([a, b, c, d, e, f, g]);
        }
    }
    let mut near_an_end = |index: usize, reach: usize| {
        let window = index
            .checked_sub(reach)
            .and_then(|from| values.get(from..=index + reach));
        if let (Some(window), Some(middle)) = (window, medians.get_mut(index)) {
            *middle = median(&mut window.to_vec());
        }
    };
    for reach in 1..REACH {
        near_an_end(reach, reach);
        near_an_end(n.saturating_sub(1 + reach), reach);
    }
    // the end itself: the median of the value, the last smooth one, and where the line of the last two leads
    let end = |value: f64, next: f64, third: f64| {
        let line = 3.0 * next - 2.0 * third;
        f64::max(f64::min(value, next), f64::min(f64::max(value, next), line))
    };
    if let [first, second, third, .., before, previous, last] = medians.as_mut_slice() {
        *first = end(*first, *second, *third);
        *last = end(*last, *previous, *before);
    }
    medians
}

/// By the exchanges of A. W. Paeth's and N. Devillard's median network, without a branch.
fn median_of_seven([mut a, mut b, mut c, mut d, mut e, mut f, mut g]: [f64; 7]) -> f64 {
    let exchange = |low: &mut f64, high: &mut f64| {
        let (x, y) = (*low, *high);
        *low = if x < y { x } else { y };
        *high = if x < y { y } else { x };
    };
    exchange(&mut a, &mut f);
    exchange(&mut a, &mut d);
    exchange(&mut b, &mut g);
    exchange(&mut c, &mut e);
    exchange(&mut a, &mut b);
    exchange(&mut d, &mut f);
    exchange(&mut c, &mut g);
    exchange(&mut c, &mut d);
    exchange(&mut d, &mut g);
    exchange(&mut e, &mut f);
    exchange(&mut b, &mut e);
    exchange(&mut b, &mut d);
    exchange(&mut d, &mut e);
    d
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_finds_the_median() {
        // a network of exchanges that sorts every series of zeros and ones sorts all (D. E. Knuth, the zero-one principle)
        for bits in 0_u8..128 {
            let series: [f64; 7] = std::array::from_fn(|index| f64::from(bits >> index & 1));
            assert_eq!(median_of_seven(series), f64::from(u8::from(bits.count_ones() >= 4)));
        }
    }

    #[test]
    fn trends_and_steps_are_followed_to_the_ends() {
        for values in [
            [4.0; 10],
            [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0],
            [1.0, 1.0, 1.0, 1.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0],
        ] {
            assert_eq!(running_median(&values), values);
        }
        let spikes = [9.0, 1.0, 1.0, 1.0, 1.0, 7.0, 8.0, 9.0, 1.0, 1.0, 1.0, 1.0, -5.0];
        assert_eq!(running_median(&spikes), [1.0; 13]);
        assert_eq!(running_median(&[3.0, 9.0]), [3.0, 9.0]);
    }
}
