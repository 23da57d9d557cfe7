//! Quantiles of the standard normal and of Student's t distribution.

/// The quantile of probability `p` in (0, 1); relative error below 1.2e-9.
///
/// Source: P. J. Acklam, "An algorithm for computing the inverse normal cumulative distribution function" (2003).
pub(crate) fn quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969683028665376e1,
        2.209460984245205e2,
        -2.759285104469687e2,
        1.38357751867269e2,
        -3.066479806614716e1,
        2.506628277459239,
    ];
    const B: [f64; 6] = [
        -5.447609879822406e1,
        1.615858368580409e2,
        -1.556989798598866e2,
        6.680131188771972e1,
        -1.328068155288572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784894002430293e-3,
        -3.223964580411365e-1,
        -2.400758277161838,
        -2.549732539343734,
        4.374664141464968,
        2.938163982698783,
    ];
    const D: [f64; 5] = [
        7.784695709041462e-3,
        3.224671290700398e-1,
        2.445134137142996,
        3.754408661907416,
        1.0,
    ];
    let polynomial = |coefficients: &[f64], x: f64| coefficients.iter().fold(0.0, |sum, c| sum * x + c);
    let tail = |p: f64| {
        let q = (-2.0 * p.ln()).sqrt();
        polynomial(&C, q) / polynomial(&D, q)
    };
    if p < 0.02425 {
        tail(p)
    } else if p > 1.0 - 0.02425 {
        -tail(1.0 - p)
    } else {
        let q = p - 0.5;
        q * polynomial(&A, q * q) / polynomial(&B, q * q)
    }
}

/// The quantile of Student's t; within 4% for 3 and more degrees of freedom and 0.005 < `p` < 0.995,
/// within 9% from 2.2 on for 0.025 <= `p` <= 0.975; too small further out.
///
/// Source: M. Abramowitz & I. Stegun (1964), 26.7.5, the expansion around the normal quantile.
pub(crate) fn student_quantile(p: f64, freedom: f64) -> f64 {
    let x = quantile(p);
    let square = x * x;
    let first = x * (square + 1.0) / 4.0;
    let second = x * ((5.0 * square + 16.0) * square + 3.0) / 96.0;
    x + (first + second / freedom) / freedom
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_quantiles() {
        // R: qnorm(c(.5, .9, .975, .999))
        for (p, z) in [
            (0.5, 0.0),
            (0.9, 1.2815515655),
            (0.975, 1.9599639845),
            (0.999, 3.0902323062),
        ] {
            assert!((quantile(p) - z).abs() < 1e-7);
            assert!((quantile(1.0 - p) + z).abs() < 1e-7);
        }
        // R: qt(c(.9, .975, .995), 6)
        for (p, t) in [(0.9, 1.439755747), (0.975, 2.446911851), (0.995, 3.707428021)] {
            assert!((student_quantile(p, 6.0) / t - 1.0).abs() < 0.02, "{p}");
        }
    }
}
