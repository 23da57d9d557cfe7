mod moment;
mod number;

use number::Figures;
use prediction::LocalTime;
use prediction::detect::{Direction, Finding, Kind, Member};

/// What is abnormal, in a sentence for people:
/// `requests 412/min, expected 1,900-2,300 for Monday 09:00 (78% below); third such drop this month`.
///
/// Times are those of `local`, which people have on their walls ([`super::wall_time`]). Where values are missing, `since` is the time of the last one.
#[must_use]
pub fn reason(metric: &str, unit: Option<&str>, finding: &Finding, local: LocalTime) -> String {
    let figures = Figures::of(finding);
    let sentence = Sentence {
        metric,
        expected: figures.expected(),
        off: figures.off(),
        inside: figures.inside(),
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
    /// the value alone is nothing unusual: it is one of many, or people have got used to where it is
    inside: bool,
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
            inside,
            since,
            at,
            finding,
        } = self;
        let expected = match expected.as_str() {
            "" => format!(" at {at}"),
            expected => format!("{expected} for {at}"),
        };
        let how = match (finding.kind, finding.direction) {
            (Kind::Collective, _) if finding.member == Member::Flatline => "stuck",
            (Kind::Collective, Direction::Up) if *inside => "high for too long",
            (Kind::Collective, Direction::Down) if *inside => "low for too long",
            (Kind::Collective, Direction::Up) => "too high",
            (Kind::Collective, Direction::Down) => "too low",
            (Kind::Collective, Direction::Both) => "not as usual",
            (Kind::LevelShift, Direction::Up) => "moved up and stayed there",
            (Kind::LevelShift, Direction::Down) => "moved down and stayed there",
            (Kind::LevelShift, Direction::Both) => "moved and stayed there",
            (Kind::Trend, Direction::Up) => "drifting up",
            (Kind::Trend, Direction::Down) => "drifting down",
            (Kind::Trend, Direction::Both) => "drifting away",
            (Kind::Variance, Direction::Up) => "scattered more than usual",
            (Kind::Variance, Direction::Down) => "scattered less than usual",
            (Kind::Variance, Direction::Both) => "scattered unlike before",
            (Kind::Point | Kind::Contextual | Kind::Missing, _) => return format!("{metric} {value}{expected}{off}"),
        };
        // an incident that opens begins with the point that tells it
        if since == at {
            format!("{metric} {how}: {value}{expected}{off}")
        } else {
            format!("{metric} {how} since {since}: {value}{expected}{off}")
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
            lasted if expected.is_empty() => {
                format!("{metric}: no value for {}, since {since}", crate::time::span(lasted))
            }
            lasted => {
                let lasted = crate::time::span(lasted);
                format!("{metric}: no value for {lasted}{expected} from {since} on")
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
