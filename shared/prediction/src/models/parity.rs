//! Every model that others have too, digit by digit on published series, for given parameters and first states.
//!
//! The numbers were computed once: statsmodels 0.15.0 (`ETSModel.smooth`, where the share of the season is our `gamma` times
//! 1 - `alpha` and that of the slope `beta` times `alpha`), statsforecast 2.1.1 (its own parameters, as found on the series).

use super::{Complex, Filter, Holt, HoltWinters, Smoothing, Theta, run};
use crate::published::{AIRLINE, NILE};

fn meets<F: Filter>(model: F, series: &[f64], known: &[f64]) {
    let mut out = vec![0.0; known.len()];
    run(model, series, &[series.len()], known.len(), &mut out);
    for (value, known) in out.iter().zip(known).filter(|(_, known)| known.is_finite()) {
        assert!((value - known).abs() < 1e-9 * known.abs(), "{value} {known}");
    }
}

#[test]
fn simple_smoothing() {
    // statsmodels, SimpleExpSmoothing
    let model = Smoothing {
        alpha: 0.25,
        level: 1100.0,
    };
    meets(model, &NILE, &[803.8939881631313; 2]);
}

#[test]
fn damped_holt() {
    // statsmodels, ETSModel(error="add", trend="add", damped_trend=True)
    let model = Holt {
        alpha: 0.3,
        beta: 0.2,
        phi: 0.9,
        level: 1100.0,
        slope: -5.0,
    };
    let known = [
        746.9101264310756,
        728.6458798821644,
        712.2080579881443,
        697.4140182835263,
        684.09938254937,
    ];
    meets(model, &NILE, &known);
}

#[test]
fn holt_winters() {
    // statsmodels, ETSModel(error="add", trend="add", damped_trend=True, seasonal="add"), which counts first states backwards,
    // and ExponentialSmoothing(trend="add", damped_trend=True, seasonal="mul"), which repeats the index of one season earlier
    // for the last position: left out
    let additive = [
        -25.0, -36.0, -2.0, -8.0, -4.0, 35.0, 64.0, 63.0, 16.0, -21.0, -54.0, -28.0,
    ];
    let multiplicative = [0.91, 0.88, 1.0, 0.98, 0.98, 1.11, 1.23, 1.22, 1.06, 0.92, 0.8, 0.9];
    let known_additive = [
        464.83559724829723,
        451.6928678409042,
        494.5446456696304,
        494.553317658297,
        497.9774305953548,
        541.3294845872231,
        582.694576093219,
        565.3039543091094,
        487.1189985883149,
        446.5956240726557,
        409.8330217804636,
        452.8670383574208,
        471.482839565674,
    ];
    let known_multiplicative = [
        455.0471820297127,
        438.11518119111525,
        505.73242521348794,
        506.5195143982736,
        513.3813015400136,
        580.5998996631687,
        646.4471993806881,
        632.5419329025468,
        533.0044811080718,
        469.9883271373528,
        408.2818398798901,
        f64::NAN,
        474.58709731887467,
    ];
    for (kind, indices, known) in [
        (false, additive, known_additive),
        (true, multiplicative, known_multiplicative),
    ] {
        let model = HoltWinters {
            alpha: 0.4,
            beta: 0.1,
            gamma: 0.3,
            phi: 0.95,
            level: 120.0,
            slope: 2.0,
            multiplicative: kind,
            indices: indices.to_vec(),
            position: 0,
        };
        meets(model, &AIRLINE, &known);
    }
}

#[test]
fn theta() {
    // statsforecast, DynamicTheta (theta is 2) and DynamicOptimizedTheta, season_length=1
    for (series, alpha, theta, level, known) in [
        (
            &NILE[..],
            0.30327899456024143,
            2.0,
            844.1067762374878,
            [783.0334532717402, 781.6770263428314, 780.3220557558881],
        ),
        (
            &NILE,
            0.26749083643654775,
            1.0,
            1248.597638834178,
            [798.2301887296811, 798.2301887296811, 798.2301887296811],
        ),
        (
            &AIRLINE,
            0.9899999999999997,
            1.335172965107954,
            35.83181403044075,
            [432.2609276011816, 432.925045641651, 433.5862471890817],
        ),
    ] {
        meets(Theta::new(alpha, 1.0 - 1.0 / theta, level), series, &known);
    }
}

#[test]
fn complex_smoothing() {
    // statsforecast, AutoCES(season_length=1, model="N")
    for (series, real, imaginary, level, potential, known) in [
        (
            &NILE[..],
            1.2161187298712317,
            0.9951469605322917,
            1083.925441309434,
            891.3985346460761,
            [800.1277579715438, 797.5095308888601, 794.1923272118394],
        ),
        (
            &AIRLINE,
            1.7999999999999998,
            0.9839288711547911,
            111.56109323797962,
            69.46778548712476,
            [425.4909760014248, 418.2376632985754, 417.20219316306236],
        ),
    ] {
        let model = Complex {
            real,
            imaginary,
            level,
            potential,
            range: (f64::NEG_INFINITY, f64::INFINITY),
        };
        meets(model, series, &known);
    }
}
