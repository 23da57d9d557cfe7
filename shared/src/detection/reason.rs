mod moment;
mod number;

use number::Figures;
use prediction::LocalTime;
use prediction::detect::{Direction, Finding, Kind, Member};

/// What is abnormal, in a sentence for people:
/// `requests 412/min, expected 1,900-2,300 for Monday 09:00 (78% below); third such drop this month`.
///
/// Times are those of `local`. Where a value is missing, `since` is when the last one came.
#[must_use]
pub fn reason(metric: &str, unit: Option<&str>, finding: &Finding, local: LocalTime) -> String {
    let figures = Figures::of(finding);
    let sentence = Sentence {
        metric,
        expected: figures.expected(),
        off: figures.off(),
        since: moment::weekday_and_time(finding.since, local),
        at: moment::weekday_and_time(finding.at, local),
        finding,
    };
    let main_clause = match figures.value(unit) {
        Some(value) => sentence.deviation(&value),
        None => sentence.silence(),
    };
    format!("{main_clause}{}", again(finding))
}

/// The parts of the sentence; `expected` and `off` begin with their separator, and are empty where nothing is known.
struct Sentence<'a> {
    metric: &'a str,
    /// `, expected 1,900-2,300`
    expected: String,
    /// ` (78% below)`
    off: String,
    /// `Monday 09:00`
    since: String,
    at: String,
    finding: &'a Finding,
}

impl Sentence<'_> {
    fn deviation(&self, value: &str) -> String {
        let Self {
            metric,
            expected,
            off,
            since,
            at,
            finding,
        } = self;
        let expected = match expected.as_str() {
            "" => format!(" at {at}"),
            expected => format!("{expected} for {at}"),
        };
        let either = |up, down, both| match finding.direction {
            Direction::Up => up,
            Direction::Down => down,
            Direction::Both => both,
        };
        match finding.kind {
            Kind::Collective if finding.member == Member::Flatline => {
                format!("{metric} stuck at {value} since {since}{expected}{off}")
            }
            Kind::Collective => {
                let how = either("too high", "too low", "not as usual");
                format!("{metric} {how} since {since}: {value}{expected}{off}")
            }
            Kind::LevelShift => {
                let how = either("moved up", "moved down", "moved");
                format!("{metric} {how} and stayed there since {since}: {value}{expected}{off}")
            }
            Kind::Trend => {
                let how = either("drifting up", "drifting down", "drifting away");
                format!("{metric} {how} since {since}: {value}{expected}{off}")
            }
            Kind::Variance => {
                let how = either("more than usual", "less than usual", "not as usual");
                format!("{metric} scattered {how} since {since}: {value}{expected}")
            }
            Kind::Point | Kind::Contextual | Kind::Missing => format!("{metric} {value}{expected}{off}"),
        }
    }

    fn silence(&self) -> String {
        let Self {
            metric,
            expected,
            since,
            at,
            finding,
            ..
        } = self;
        match finding.at.saturating_sub(finding.since) {
            lasted if lasted < moment::SECOND => format!("{metric}: no value by {at}{expected}"),
            lasted => {
                let lasted = crate::time::span(lasted);
                format!("{metric}: no value for {lasted}, since {since}{expected}")
            }
        }
    }
}

/// `; third such drop this month`.
fn again(finding: &Finding) -> String {
    let Some(ordinal) = number::ordinal(finding.ordinal) else {
        return String::new();
    };
    let what = match finding.direction {
        Direction::Up if finding.kind != Kind::Variance => "rise",
        Direction::Down if finding.kind != Kind::Variance => "drop",
        _ => "anomaly",
    };
    format!("; {ordinal} such {what} this month")
}

#[cfg(test)]
mod tests;
