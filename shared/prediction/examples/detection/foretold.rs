//! What stored forecasts say of a series: each day the next one is forecast from the last two weeks, as a forecast job does.

use prediction::detect::Range;
use prediction::{Options, Step, regularise};

const DAY: i64 = 86_400_000;
const HISTORY: i64 = 14 * DAY;
/// A forecast needs so much history.
const LEAST: i64 = 3 * DAY;

/// The newest forecast of a series, of which the points come one after the other.
pub(crate) struct Foretold {
    /// of its steps; without, that of the series
    step: Option<Step>,
    points: Vec<(i64, f64)>,
    due: i64,
    start: i64,
    length: i64,
    ranges: Vec<Range>,
}

impl Foretold {
    pub(crate) fn each_day(step: Option<Step>) -> Self {
        Self {
            step,
            points: Vec::new(),
            due: i64::MIN,
            start: 0,
            length: 1,
            ranges: Vec::new(),
        }
    }

    /// What is expected at `t`, from the points before it.
    pub(crate) fn at(&mut self, t: i64) -> Option<Range> {
        let first = self.points.first()?.0;
        if t >= self.due.max(first + LEAST) {
            self.due = t + DAY;
            self.look_ahead(t);
        }
        let step = usize::try_from((t - self.start).div_euclid(self.length)).ok()?;
        self.ranges.get(step).copied()
    }

    fn look_ahead(&mut self, t: i64) {
        self.points.retain(|(time, _)| *time >= t - HISTORY);
        self.ranges.clear();
        let Ok(regular) = regularise(&self.points, self.step) else {
            return;
        };
        let Step::Millis(length) = regular.step else { return };
        let grid = regular.grid();
        let options = Options {
            probabilities: vec![0.025, 0.975],
            ..Options::new((DAY / length + 2) as usize)
        };
        let Ok(forecast) = prediction::forecast(&grid, &options) else {
            return;
        };
        // a cell of the grid is around its time
        (self.start, self.length) = (grid.time(regular.values.len()) - length / 2, length);
        self.ranges = forecast
            .mean
            .iter()
            .zip(&forecast.quantiles.values)
            .map(|(mean, row)| Range {
                expected: *mean,
                lower: row[0].min(*mean),
                upper: row[1].max(*mean),
            })
            .collect();
    }

    pub(crate) fn push(&mut self, t: i64, value: f64) {
        self.points.push((t, value));
    }
}
