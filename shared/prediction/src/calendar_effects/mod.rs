//! What the calendar does to a series beyond its seasons: the turn of the month, trading days, leap years, holidays.
//!
//! Each kind of effect has coefficients for a few columns, of which a step shows one at most: ridge regression on the
//! remainder (A. E. Hoerl & R. W. Kennard 1970) is then a shrunk mean for each. A kind is kept only if it would have
//! reduced the squared error where its coefficients were estimated without the month, the year or the holiday in
//! question: cross-validation by blocks (M. Stone 1974). The regressors of months are those of X-13ARIMA-SEATS (W. R. Bell
//! & S. C. Hillmer, "Modeling time series with calendar variation", 1983).

mod calendar;
mod ridge;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub use calendar::Calendar;
use ridge::Term;

/// A kind of effect is kept if cross-validation says that it takes away more than so many times the mean squared
/// remainder ...
const MARGIN: f64 = 10.0;
/// ... and so much for each column: the more there are, the more luck some of them have.
const COLUMN_MARGIN: f64 = 0.25;

/// Steps with a name at which something happens: a holiday, a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regressor {
    /// What reports call it.
    pub name: String,
    /// The steps, counted from the first value of the history, in the past and in the future. Neighbouring ones are one
    /// occurrence. [`Step::count`](crate::Step::count) finds the step of a time.
    pub steps: BTreeSet<usize>,
}

/// The effects found in a history.
#[derive(Debug, Clone)]
pub struct Effects {
    calendar: Calendar,
    groups: Vec<Group>,
}

impl Effects {
    /// The effects that cross-validation confirms, or `None` without any.
    ///
    /// `remainder` is the history without trend and seasons, around zero; NaN is a gap. Its first value belongs to step 0
    /// of `calendar`. Days show the turn or the days of the month, months and quarters their trading days and leap years,
    /// and steps of any length the `regressors` with two occurrences or more in the history.
    pub fn estimate(remainder: &[f64], calendar: &Calendar, regressors: &[Regressor]) -> Option<Self> {
        let named = regressors.iter().map(|regressor| vec![Kind::Named(regressor.clone())]);
        // of the kinds of one list only the best one is taken
        let mut candidates: Vec<Vec<Kind>> = named.collect();
        if calendar.is_daily() {
            candidates.push(vec![Kind::MonthTurn, Kind::DayOfMonth]);
        } else if calendar.is_monthly() {
            candidates.extend([vec![Kind::TradingDays], vec![Kind::LeapYear]]);
        }
        let mut rest: Vec<f64> = remainder
            .iter()
            .map(|value| if value.is_finite() { *value } else { f64::NAN })
            .collect();
        let mut groups: Vec<Group> = Vec::new();
        for kinds in candidates {
            let tested = kinds.into_iter().filter_map(|kind| Group::test(kind, calendar, &rest));
            if let Some((_, group)) = tested.max_by(|a, b| a.0.total_cmp(&b.0)) {
                group.add(&mut rest, -1.0);
                groups.push(group);
            }
        }
        // once more without the others: a holiday may have hidden in the first of the month, and the reverse
        for group in &mut groups {
            group.add(&mut rest, 1.0);
            group.fit(&rest);
            group.add(&mut rest, -1.0);
        }
        (!groups.is_empty()).then_some(Self {
            calendar: *calendar,
            groups,
        })
    }

    /// The names of the kinds found: `month-turn`, `day-of-month`, `trading-days`, `leap-year`, and those of regressors.
    pub fn names(&self) -> Vec<&str> {
        self.groups.iter().map(|group| group.kind.name()).collect()
    }

    /// Takes the effects out of `values`, the first of which belongs to step `first`.
    pub fn remove(&self, first: usize, values: &mut [f64]) {
        self.add(first, values, -1.0);
    }

    /// The inverse of [`Self::remove`], for the past and the future.
    pub fn restore(&self, first: usize, values: &mut [f64]) {
        self.add(first, values, 1.0);
    }

    fn add(&self, first: usize, values: &mut [f64], sign: f64) {
        for group in &self.groups {
            for (step, value) in (first..).zip(&mut *values) {
                if let Some((column, weight)) = group.kind.column(&self.calendar, step) {
                    *value += sign * weight * group.coefficients.get(column).copied().unwrap_or_default();
                }
            }
        }
    }
}

/// A kind of effect.
#[derive(Debug, Clone)]
enum Kind {
    /// The first three and the last three days of a month.
    MonthTurn,
    /// Each day of the month by its number.
    DayOfMonth,
    /// Days from Monday to Friday against the others.
    TradingDays,
    /// A 29 February, or its absence.
    LeapYear,
    Named(Regressor),
}

impl Kind {
    fn name(&self) -> &str {
        match self {
            Self::MonthTurn => "month-turn",
            Self::DayOfMonth => "day-of-month",
            Self::TradingDays => "trading-days",
            Self::LeapYear => "leap-year",
            Self::Named(regressor) => &regressor.name,
        }
    }

    /// The column that a step shows, and its value there.
    fn column(&self, calendar: &Calendar, step: usize) -> Option<(usize, f64)> {
        match self {
            Self::MonthTurn => calendar.month_turn(step).map(|column| (column, 1.0)),
            Self::DayOfMonth => Some((calendar.day_of_month(step), 1.0)),
            Self::TradingDays => Some((0, calendar.trading_days(step))),
            Self::LeapYear => calendar.leap_day(step).map(|weight| (0, weight)),
            Self::Named(regressor) => regressor.steps.contains(&step).then_some((0, 1.0)),
        }
    }

    /// What the observed steps show, with the blocks for cross-validation: months for days, years for months, and
    /// occurrences for what has a name.
    fn terms(&self, calendar: &Calendar, rest: &[f64]) -> Vec<Term> {
        let mut occurrence = 0;
        let mut before: Option<usize> = None;
        let mut terms = Vec::new();
        for step in 0..rest.len() {
            let Some((column, weight)) = self.column(calendar, step) else {
                continue;
            };
            let block = match self {
                Self::MonthTurn | Self::DayOfMonth => calendar.month(step),
                Self::TradingDays | Self::LeapYear => calendar.year(step),
                Self::Named(_) => {
                    occurrence += usize::from(before.is_some_and(|before| before + 1 < step));
                    before = Some(step);
                    occurrence
                }
            };
            if rest.get(step).is_some_and(|value| value.is_finite()) {
                terms.push(Term {
                    step,
                    column,
                    weight,
                    block,
                });
            }
        }
        terms
    }
}

/// A kind of effect with its coefficients.
#[derive(Debug, Clone)]
struct Group {
    kind: Kind,
    terms: Vec<Term>,
    penalty: f64,
    coefficients: Vec<f64>,
}

impl Group {
    /// The gain of cross-validation and the group, if it is enough.
    fn test(kind: Kind, calendar: &Calendar, rest: &[f64]) -> Option<(f64, Self)> {
        let terms = kind.terms(calendar, rest);
        let (gain, penalty) = ridge::cross_validate(&terms, rest)?;
        let known = rest.iter().filter(|value| value.is_finite());
        let (sum, count) = known.fold((0.0, 0.0), |(sum, count), value| (sum + value * value, count + 1.0));
        let mut group = Self {
            kind,
            terms,
            penalty,
            coefficients: Vec::new(),
        };
        group.fit(rest);
        let margin = MARGIN + COLUMN_MARGIN * group.coefficients.len() as f64;
        (gain > margin * sum / count).then_some((gain, group))
    }

    fn fit(&mut self, rest: &[f64]) {
        self.coefficients = ridge::coefficients(&self.terms, rest, self.penalty);
    }

    /// Adds the effect, times `sign`, to the observed steps of the history.
    fn add(&self, rest: &mut [f64], sign: f64) {
        for term in &self.terms {
            if let (Some(value), Some(coefficient)) = (rest.get_mut(term.step), self.coefficients.get(term.column)) {
                *value += sign * term.weight * coefficient;
            }
        }
    }
}
