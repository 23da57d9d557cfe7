//! What can go wrong with a series, put into one on purpose.

use prediction::detect::{Finding, Kind};

use crate::corpus::{DAY, Generator, HOUR, MINUTE, Series};
use crate::watch::Incident;

/// Something that goes wrong, in the standard deviations of the noise.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// All values are off by this much.
    Offset(f64),
    /// The same value again and again.
    Stuck,
    /// The noise is this many times what it was.
    Noise(f64),
    /// The values move away steadily, up to this much at the end, and then come back.
    Drift(f64),
    /// The values are this many times what they would be.
    Factor(f64),
}

/// A series with one fault in it.
pub(crate) struct Injected {
    pub(crate) series: Series,
    /// The first time, and the last one, of an abnormal value.
    pub(crate) during: (i64, i64),
}

impl Fault {
    /// Puts it into the series, `after` milliseconds from its start.
    pub(crate) fn inject(self, mut series: Series, after: i64, lasting: i64) -> Injected {
        let (from, to) = (
            series.index(after),
            series.index(after + lasting).min(series.values.len()),
        );
        let sd = series.sd;
        let values = &mut series.values[from..to];
        let (first, length) = (values[0], values.len() as f64);
        let mean = values.iter().sum::<f64>() / length;
        for (index, value) in values.iter_mut().enumerate() {
            match self {
                Self::Offset(size) => *value += size * sd,
                Self::Stuck => *value = first,
                Self::Noise(factor) => *value = mean + factor * (*value - mean),
                Self::Drift(size) => *value += size * sd * (index + 1) as f64 / length,
                Self::Factor(factor) => *value *= factor,
            }
        }
        let during = (series.time(from), series.time(to - 1));
        Injected { series, during }
    }
}

/// A fault that must be found, and as what.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) generator: &'static str,
    pub(crate) fault: Fault,
    pub(crate) step: i64,
    /// On how many days it has looked at the series before.
    pub(crate) learned: i64,
    /// Hours of the day at which it begins.
    pub(crate) hours: &'static [i64],
    pub(crate) lasting: i64,
    /// What it may be called, when it is told first or later.
    pub(crate) kinds: &'static [Kind],
}

use Kind::{Collective, Contextual, LevelShift, Point, Trend, Variance};

/// All that must be found. Which kinds are right:
/// - a drop inside the range of the day is contextual, or collective if what tells is that it lasts;
/// - a value that is stuck is collective; what it scatters less is a variance; in a daily pattern it is soon contextual;
/// - more noise is a variance, or its large values are told;
/// - a drift is a trend, or a shift by the time that it is far enough.
pub(crate) const CASES: &[Case] = &[
    case(
        "drop in the day, 5 min",
        "wave",
        Fault::Offset(-15.0),
        5 * MINUTE,
        14,
        &[11, 13, 15],
        5 * MINUTE,
        &[Contextual, Collective],
    ),
    case(
        "drop in the day, 30 min",
        "wave",
        Fault::Offset(-15.0),
        5 * MINUTE,
        14,
        &[11, 13, 15],
        30 * MINUTE,
        &[Contextual, Collective],
    ),
    case(
        "drop in the day, 15 min of 1",
        "wave",
        Fault::Offset(-15.0),
        MINUTE,
        8,
        &[11, 13, 15],
        15 * MINUTE,
        &[Contextual, Collective],
    ),
    case(
        "rise in the night, 30 min",
        "wave",
        Fault::Offset(15.0),
        5 * MINUTE,
        14,
        &[2, 4, 6],
        30 * MINUTE,
        &[Contextual, Collective],
    ),
    case(
        "stuck, 3 h",
        "gaussian",
        Fault::Stuck,
        5 * MINUTE,
        7,
        &[2, 9, 20],
        3 * HOUR,
        &[Collective, Variance],
    ),
    case(
        "stuck, 3 h of a day",
        "wave",
        Fault::Stuck,
        5 * MINUTE,
        14,
        &[2, 9, 20],
        3 * HOUR,
        &[Collective, Variance, Contextual],
    ),
    case(
        "stuck, 1 h of 1 min",
        "gaussian",
        Fault::Stuck,
        MINUTE,
        4,
        &[2, 9, 20],
        HOUR,
        &[Collective, Variance],
    ),
    case(
        "four times the noise",
        "gaussian",
        Fault::Noise(4.0),
        5 * MINUTE,
        14,
        &[1, 10, 19],
        DAY,
        &[Variance, Contextual, Point],
    ),
    case(
        "four times heavy noise",
        "t4",
        Fault::Noise(4.0),
        5 * MINUTE,
        14,
        &[1, 10, 19],
        DAY,
        &[Variance, Contextual, Point],
    ),
    case(
        "a tenth of the noise",
        "gaussian",
        Fault::Noise(0.1),
        5 * MINUTE,
        14,
        &[1, 10, 19],
        DAY,
        &[Variance, Collective],
    ),
    case(
        "drift of 12 sd in 3 days",
        "gaussian",
        Fault::Drift(12.0),
        5 * MINUTE,
        14,
        &[0, 13],
        3 * DAY,
        &[Trend, LevelShift, Collective],
    ),
    case(
        "drift of -15 sd in 5 days",
        "gaussian",
        Fault::Drift(-15.0),
        5 * MINUTE,
        14,
        &[0, 13],
        5 * DAY,
        &[Trend, LevelShift, Collective],
    ),
    case(
        "drift of 12 sd in 3 days, seasonal",
        "wave",
        Fault::Drift(12.0),
        5 * MINUTE,
        21,
        &[0, 13],
        3 * DAY,
        &[Trend, LevelShift, Collective],
    ),
    case(
        "spike of 20 sd, 5 min",
        "t4",
        Fault::Offset(20.0),
        5 * MINUTE,
        7,
        &[4, 16],
        5 * MINUTE,
        &[Point],
    ),
    case(
        "a peak that does not come",
        "peak",
        Fault::Offset(-20.0),
        5 * MINUTE,
        14,
        &[9],
        2 * HOUR,
        &[Contextual, Collective],
    ),
    case(
        "half of the requests, 20 min",
        "web",
        Fault::Factor(0.4),
        5 * MINUTE,
        14,
        &[10, 15, 20],
        20 * MINUTE,
        &[Contextual, Collective, Point],
    ),
];

#[expect(clippy::too_many_arguments, reason = "one line a row")]
const fn case(
    name: &'static str,
    generator: &'static str,
    fault: Fault,
    step: i64,
    learned: i64,
    hours: &'static [i64],
    lasting: i64,
    kinds: &'static [Kind],
) -> Case {
    Case {
        name,
        generator,
        fault,
        step,
        learned,
        hours,
        lasting,
        kinds,
    }
}

impl Case {
    /// The series of this seed with the fault at this hour.
    pub(crate) fn make(&self, seed: u64, hour: i64) -> Injected {
        let days = self.learned + self.lasting.div_euclid(DAY) + 2;
        let series = Generator::named(self.generator).make(seed, days, self.step);
        self.fault
            .inject(series, self.learned * DAY + hour * HOUR, self.lasting)
    }
}

impl Injected {
    /// What is told while the fault lasts, or within half an hour if it does not last longer: the way back from a long one is
    /// not the fault.
    pub(crate) fn found<'a>(&self, incidents: &'a [Incident]) -> impl Iterator<Item = &'a Finding> {
        let (from, to) = self.during;
        let grace = if to - from < HOUR - MINUTE { HOUR / 2 } else { 0 };
        let to = to + grace;
        let told = incidents.iter().flat_map(|incident| &incident.told);
        told.filter(move |finding| (from..=to).contains(&finding.at))
    }
}
