//! What forecast rules look at: quantile paths of one series over one horizon, packed into a row of `rule_forecasts`.

use super::condition::{Forecast, MEDIAN};
use super::operator::Direction;
use super::state::BadState;
use super::state::bytes::{Reader, put_signed, put_unsigned};
use crate::clock::{DAY, Millis};

const KIND: u8 = b'O';
const VERSION: u8 = 1;
/// The most steps of a path: what a horizon of a day is at a quarter of an hour, and some.
pub const MAX_STEPS: usize = 128;

/// The quantile paths of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// the timestamp of the last point that it knew
    pub origin: Millis,
    /// how far it was asked to look
    pub horizon: Millis,
    /// the time of the first step
    pub first: Millis,
    /// the distance between steps, 1 or more
    pub step: Millis,
    /// each probability with its quantile at each step
    pub paths: Vec<(f64, Vec<f32>)>,
}

/// What an outlook says about a condition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Crossing {
    /// it was not computed for this probability
    NotKnown,
    /// it is too old to go by
    Stale,
    /// the limit is not crossed within the horizon
    Never,
    /// the limit is crossed within the horizon
    At(When),
}

/// When a limit is crossed; each time but the first is none if it lies behind the horizon, or was not computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When {
    /// when the quantile is beyond it that the condition asks for
    pub at: Millis,
    /// when the median is
    pub expected: Option<Millis>,
    /// when the quantile is that does so nine times of ten later
    pub earliest: Option<Millis>,
    /// when the quantile is that does so nine times of ten sooner
    pub latest: Option<Millis>,
}

impl Outlook {
    /// How old the origin may be.
    #[must_use]
    pub fn fresh_for(&self) -> Millis {
        self.step.max(self.horizon / 12).min(DAY)
    }

    /// Whether it was computed for this quantile.
    #[must_use]
    pub fn knows(&self, probability: f64) -> bool {
        self.path(probability).is_some()
    }

    fn path(&self, probability: f64) -> Option<&[f32]> {
        let found = self.paths.iter().find(|(known, _)| (known - probability).abs() < 1e-9);
        found.map(|(_, path)| path.as_slice())
    }

    /// When the limit is crossed, seen from `minute`.
    #[must_use]
    pub fn crossing(&self, condition: &Forecast, minute: Millis) -> Crossing {
        let Some(path) = self.path(condition.quantile()) else {
            return Crossing::NotKnown;
        };
        if minute.saturating_sub(self.origin) > self.fresh_for() {
            return Crossing::Stale;
        }
        let Some(at) = self.first_beyond(path, condition, minute) else {
            return Crossing::Never;
        };
        let of = |quantile| self.first_beyond(self.path(quantile)?, condition, minute);
        let [early, late] = condition.early_and_late();
        Crossing::At(When {
            at,
            expected: of(MEDIAN),
            earliest: of(early),
            latest: of(late),
        })
    }

    /// The first step within the horizon at which a path is beyond the limit.
    fn first_beyond(&self, path: &[f32], condition: &Forecast, minute: Millis) -> Option<Millis> {
        let until = minute.saturating_add(condition.horizon.millis());
        let mut time = self.first;
        for quantile in path {
            if time > until {
                break;
            }
            if time > minute && condition.operator.holds(f64::from(*quantile), limit(condition)) {
                return Some(time);
            }
            time = time.saturating_add(self.step);
        }
        None
    }

    /// Packs it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![KIND, VERSION];
        for number in [self.origin, self.horizon, self.first, self.step] {
            put_signed(&mut out, number);
        }
        put_unsigned(&mut out, self.paths.len() as u64);
        for (probability, path) in &self.paths {
            out.extend_from_slice(&probability.to_be_bytes());
            put_unsigned(&mut out, path.len() as u64);
            for quantile in path {
                out.extend_from_slice(&quantile.to_be_bytes());
            }
        }
        out
    }

    /// Reads what [`Outlook::encode`] wrote.
    ///
    /// # Errors
    /// [`BadState`] for anything else.
    pub fn decode(blob: &[u8]) -> Result<Self, BadState> {
        let mut reader = Reader(blob);
        if (reader.byte()?, reader.byte()?) != (KIND, VERSION) {
            return Err(BadState("its kind or version is not known"));
        }
        let (origin, horizon, first, step) = (reader.signed()?, reader.signed()?, reader.signed()?, reader.signed()?);
        if step < 1 {
            return Err(BadState("a step is not positive"));
        }
        let paths = (0..reader.count(9)?)
            .map(|_| {
                let probability = f64::from_be_bytes(reader.array()?);
                let path = (0..reader.count(4)?)
                    .map(|_| Ok(f32::from_be_bytes(reader.array()?)))
                    .collect::<Result<_, BadState>>()?;
                Ok((probability, path))
            })
            .collect::<Result<_, BadState>>()?;
        reader.end()?;
        Ok(Self {
            origin,
            horizon,
            first,
            step,
            paths,
        })
    }
}

/// The limit as the packed path can express it, so that a path that lies exactly on the limit is not above it.
fn limit(condition: &Forecast) -> f64 {
    #[expect(clippy::cast_possible_truncation, reason = "the precision of the path")]
    let packed = f64::from(condition.value as f32);
    packed
}

/// The words for the side that a condition watches.
#[must_use]
pub fn side(condition: &Forecast) -> &'static str {
    match condition.operator.direction() {
        Some(Direction::Down) => "below",
        _ => "above",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::{Operator, Span};
    use crate::clock::{HOUR, MINUTE};
    use proptest::prelude::*;

    fn condition(operator: Operator, value: f64, probability: f64) -> Forecast {
        Forecast {
            operator,
            value,
            horizon: Span::from_millis(6 * HOUR),
            probability: Some(probability),
            interval: None,
        }
    }

    /// Rises by 10 an hour from 0 on; the quantile at 0.9 is 5 higher than the median, at 0.1 5 lower.
    fn rising() -> Outlook {
        let path = |offset: f32| (1..=8_u8).map(|hour| 10.0 * f32::from(hour) + offset).collect();
        Outlook {
            origin: 0,
            horizon: 6 * HOUR,
            first: HOUR,
            step: HOUR,
            paths: vec![(0.1, path(-5.0)), (0.5, path(0.0)), (0.9, path(5.0))],
        }
    }

    fn at(outlook: &Outlook, condition: &Forecast, minute: Millis) -> Option<Millis> {
        match outlook.crossing(condition, minute) {
            Crossing::At(when) => Some(when.at),
            _ => None,
        }
    }

    #[test]
    fn it_says_when_the_limit_is_crossed_and_odds_move_the_time() {
        let at = |operator, value, probability| at(&rising(), &condition(operator, value, probability), 0);
        assert_eq!(at(Operator::Gt, 33.0, 0.5), Some(4 * HOUR));
        // one chance in ten comes earlier
        assert_eq!(at(Operator::Gt, 33.0, 0.1), Some(3 * HOUR));
        assert_eq!(at(Operator::Gt, 37.0, 0.9), Some(5 * HOUR));
        assert_eq!(at(Operator::Lt, 12.0, 0.5), Some(HOUR));
        assert_eq!(at(Operator::Lt, 8.0, 0.1), Some(HOUR));
        let unknown = rising().crossing(&condition(Operator::Gt, 33.0, 0.7), 0);
        assert_eq!(unknown, Crossing::NotKnown);
    }

    #[test]
    fn the_time_of_a_crossing_has_a_range() {
        let when = |outlook: &Outlook, value, probability| match outlook
            .crossing(&condition(Operator::Gt, value, probability), 0)
        {
            Crossing::At(when) => (when.earliest, when.expected, when.latest),
            other => panic!("{other:?}"),
        };
        let hour = |hours: i64| Some(hours * HOUR);
        // the quantile at 0.9 is above 27 from the third hour on, that at 0.1 from the fourth
        assert_eq!(when(&rising(), 27.0, 0.5), (hour(3), hour(3), hour(4)));
        assert_eq!(when(&rising(), 58.0, 0.5), (hour(6), hour(6), None));
        assert_eq!(when(&rising(), 61.0, 0.1), (hour(6), None, None));
        let mut narrow = rising();
        narrow.paths.remove(0);
        assert_eq!(when(&narrow, 27.0, 0.5), (hour(3), hour(3), None));
    }

    #[test]
    fn what_falls_is_early_where_the_low_quantile_is() {
        let mut falling = rising();
        for (_, path) in &mut falling.paths {
            path.reverse();
        }
        let Crossing::At(when) = falling.crossing(&condition(Operator::Lt, 33.0, 0.5), 0) else {
            panic!()
        };
        // 85, 75, ... for the quantile at 0.9; its fall below 33 lies behind the horizon
        assert_eq!(
            (when.earliest, when.expected, when.latest),
            (Some(6 * HOUR), Some(6 * HOUR), None)
        );
    }

    #[test]
    fn only_the_horizon_counts_and_what_is_past_does_not() {
        let gt = |value| condition(Operator::Gt, value, 0.5);
        assert_eq!(rising().crossing(&gt(65.0), 0), Crossing::Never);
        let mut fresh = rising();
        fresh.origin = 2 * HOUR;
        assert_eq!(at(&fresh, &gt(65.0), 2 * HOUR), Some(7 * HOUR));
        assert_eq!(
            fresh.crossing(&condition(Operator::Lt, 25.0, 0.5), 2 * HOUR),
            Crossing::Never
        );
    }

    #[test]
    fn an_old_origin_is_stale_at_a_step_or_a_twelfth_of_the_horizon() {
        let crossing = |outlook: &Outlook, minute| outlook.crossing(&condition(Operator::Gt, 33.0, 0.5), minute);
        assert_ne!(crossing(&rising(), HOUR), Crossing::Stale);
        assert_eq!(crossing(&rising(), HOUR + MINUTE), Crossing::Stale);
        let far = Outlook {
            horizon: 400 * DAY,
            ..rising()
        };
        assert_eq!(far.fresh_for(), DAY);
        let fine = Outlook {
            step: MINUTE,
            ..rising()
        };
        assert_eq!(fine.fresh_for(), HOUR / 2);
    }

    #[test]
    fn golden_version_1() {
        let outlook = Outlook {
            origin: 60_000,
            horizon: 3_600_000,
            first: 120_000,
            step: 60_000,
            paths: vec![(0.5, vec![1.5])],
        };
        let golden = "4f01c0a90780bab70380d30ec0a907013fe0000000000000013fc00000";
        let hex: String = outlook.encode().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, golden);
    }

    proptest! {
        #[test]
        fn it_reads_back_and_nothing_makes_it_panic(
            numbers in proptest::array::uniform3(any::<i64>()), step in 1..i64::MAX,
            paths in proptest::collection::vec((0.0..1.0_f64, proptest::collection::vec(-1e30..1e30_f32, 0..9)), 0..4),
            noise in proptest::collection::vec(any::<u8>(), 0..99),
        ) {
            let outlook = Outlook { origin: numbers[0], horizon: numbers[1], first: numbers[2], step, paths };
            let blob = outlook.encode();
            prop_assert_eq!(&Outlook::decode(&blob).unwrap(), &outlook);
            for cut in 0..blob.len() {
                prop_assert!(Outlook::decode(&blob[..cut]).is_err());
            }
            let _ = outlook.crossing(&condition(Operator::Gt, 1.0, 0.5), numbers[1]);
            let _ = Outlook::decode(&noise);
        }
    }
}
