//! Proleptic Gregorian dates in UTC, as far as calendar steps need them.
//!
//! Source of the day arithmetic: H. Hinnant, "chrono-compatible low-level date algorithms" (2013),
//! `days_from_civil` and `civil_from_days`.

pub(crate) const DAY: i64 = 86_400_000;

/// A calendar day; `month` and `day` count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
}

impl Civil {
    /// The day that holds `time` (epoch milliseconds).
    pub(crate) fn of_time(time: i64) -> Self {
        // an era is 400 years, 146,097 days; years start in March so that the leap day is the last one
        let days = time.div_euclid(DAY) + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 {
            from_march + 3
        } else {
            from_march - 9
        };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day,
        }
    }

    /// Days since 1970-01-01.
    pub(crate) fn days(self) -> i64 {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let from_march = (self.month + 9) % 12;
        let of_year = (153 * from_march + 2) / 5 + self.day - 1;
        let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
        era * 146_097 + of_era - 719_468
    }

    /// 28 to 31.
    pub(crate) fn days_in_month(self) -> i64 {
        month_length(self.month_number())
    }

    /// Months since January of year 0.
    pub(crate) fn month_number(self) -> i64 {
        self.year * 12 + self.month - 1
    }
}

/// The first instant of the month that is `number` months after January of year 0.
fn month_start(number: i64) -> Civil {
    Civil {
        year: number.div_euclid(12),
        month: number.rem_euclid(12) + 1,
        day: 1,
    }
}

/// The days of the month that is `number` months after January of year 0.
fn month_length(number: i64) -> i64 {
    month_start(number + 1).days() - month_start(number).days()
}

/// `time` moved by `months`, on the same day of the month or on the last one of a shorter month; saturates.
pub(crate) fn add_months(time: i64, months: i64) -> i64 {
    let from = Civil::of_time(time);
    // i64 milliseconds reach 292 million years; months beyond that saturate before they can overflow
    let number = from.month_number().saturating_add(months);
    if number.unsigned_abs() > 4_000_000_000 {
        return if number < 0 { i64::MIN } else { i64::MAX };
    }
    let days = month_start(number).days() + from.day.min(month_length(number)) - 1;
    days.saturating_mul(DAY).saturating_add(time.rem_euclid(DAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_inverse() {
        for (days, year, month, day) in [
            (0, 1970, 1, 1),
            (-1, 1969, 12, 31),
            (11_016, 2000, 2, 29),
            (-719_468, 0, 3, 1),
            (19_782, 2024, 2, 29),
        ] {
            let civil = Civil { year, month, day };
            assert_eq!(civil.days(), days);
            assert_eq!(Civil::of_time(days * DAY), civil);
        }
        for days in (-1_000_000..1_000_000).step_by(997) {
            assert_eq!(Civil::of_time(days * DAY).days(), days);
        }
    }

    #[test]
    fn the_end_of_a_month_is_clamped() {
        let day = |year, month, day| Civil { year, month, day }.days() * DAY;
        assert_eq!(add_months(day(2024, 1, 31), 1), day(2024, 2, 29));
        assert_eq!(add_months(day(2023, 1, 31), 1), day(2023, 2, 28));
        assert_eq!(add_months(day(2023, 1, 31), 2), day(2023, 3, 31));
        assert_eq!(add_months(day(2023, 1, 31), -2), day(2022, 11, 30));
        assert_eq!(add_months(day(2024, 2, 29) + 5, 12), day(2025, 2, 28) + 5);
    }

    #[test]
    fn extremes_saturate() {
        for time in [i64::MIN, -1, 0, i64::MAX] {
            for months in [i64::MIN, -1, 0, 1, i64::MAX] {
                add_months(time, months);
            }
        }
        assert_eq!(add_months(0, i64::MAX), i64::MAX);
        assert_eq!(add_months(0, i64::MIN), i64::MIN);
    }
}
