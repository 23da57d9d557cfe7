//! Numbers as people write them: as many digits as tell the value from its range, thousands separated.

use prediction::detect::Finding;
use std::cmp::Ordering;

/// The figures of a finding, all with the same number of decimals.
pub(super) struct Figures {
    value: Option<f64>,
    expected: f64,
    lower: f64,
    upper: f64,
    /// the last digit that is shown, as a power of ten, of the value and of the range
    value_digit: i32,
    range_digit: i32,
}

/// The significant digits that are shown of a value, of the width of a range, and of an end of a range without width.
const VALUE_DIGITS: i32 = 3;
const RANGE_DIGITS: i32 = 2;
const END_DIGITS: i32 = 4;
/// The most digits that a float has.
const ALL_DIGITS: i32 = 17;
/// Numbers below are shown up to their unit at least.
const WHOLE: f64 = 1e5;
/// From the one on, and below the other, numbers are written with an exponent.
const LARGE: f64 = 1e15;
const SMALL: f64 = 1e-6;

impl Figures {
    pub(super) fn of(finding: &Finding) -> Self {
        let range = &finding.range;
        let mut figures = Self {
            value: finding.value.filter(|value| value.is_finite()),
            expected: range.expected,
            lower: range.lower,
            upper: range.upper,
            value_digit: 0,
            range_digit: 0,
        };
        for more in 0..ALL_DIGITS {
            figures.choose_digits(more);
            if figures.tell_apart() {
                break;
            }
        }
        figures
    }

    fn choose_digits(&mut self, more: i32) {
        let known = |size: &f64| size.is_finite() && *size != 0.0;
        let width = Some(self.upper - self.lower).filter(known);
        self.range_digit = match width {
            Some(width) => magnitude(width) + 1 - RANGE_DIGITS - more,
            None => {
                let end = [self.upper, self.lower, self.expected].into_iter().find(known);
                magnitude(end.unwrap_or(1.0)) + 1 - END_DIGITS - more
            }
        };
        let Some(value) = self.value.filter(known) else {
            self.value_digit = self.range_digit;
            return;
        };
        self.value_digit = magnitude(value) + 1 - VALUE_DIGITS - more;
        if value.abs() < WHOLE {
            self.value_digit = self.value_digit.min(0);
        }
    }

    /// Whether the numbers that are shown stand to each other as the numbers themselves do.
    fn tell_apart(&self) -> bool {
        let [lower, upper] = [self.lower, self.upper].map(|end| rounded(end, self.range_digit));
        let ends = lower < upper || self.lower.partial_cmp(&self.upper) != Some(Ordering::Less);
        let value = self.value.is_none_or(|value| {
            let shown = rounded(value, self.value_digit);
            (value < self.lower) == (shown < lower) && (value > self.upper) == (shown > upper)
        });
        ends && value
    }

    /// `412/min`, `97%`, `41 ms`; nothing if there is no value.
    pub(super) fn value(&self, unit: Option<&str>) -> Option<String> {
        let number = written(self.value?, self.value_digit);
        Some(match unit.map(str::trim).filter(|unit| !unit.is_empty()) {
            None => number,
            Some(unit) if unit.starts_with(['/', '%', '°']) => number + unit,
            Some(unit) => format!("{number} {unit}"),
        })
    }

    /// Whether the value lies in its range; one that is missing takes the place of what is expected.
    pub(super) fn inside(&self) -> bool {
        let value = self.value.unwrap_or(self.expected);
        self.lower <= value && value <= self.upper
    }

    /// `, expected 1,900-2,300`, or `, within the expected 1,900-2,300` if the value is; nothing if nothing is known.
    pub(super) fn expected(&self) -> String {
        let expected = if self.value.is_some() && self.inside() {
            "within the expected"
        } else {
            "expected"
        };
        let [lower, upper] = [self.lower, self.upper].map(|end| written(end, self.range_digit));
        match (self.lower.is_finite(), self.upper.is_finite()) {
            (true, true) if lower == upper => format!(", expected {lower}"),
            (true, true) if lower.starts_with('-') || upper.starts_with('-') => {
                format!(", {expected} {lower} to {upper}")
            }
            (true, true) => format!(", {expected} {lower}-{upper}"),
            (true, false) => format!(", expected at least {lower}"),
            (false, true) => format!(", expected at most {upper}"),
            (false, false) if self.expected.is_finite() => {
                format!(", expected {}", written(self.expected, self.range_digit))
            }
            (false, false) => String::new(),
        }
    }

    /// ` (78% below)`; nothing for a value within the range, and where there is no share, as of zero.
    pub(super) fn off(&self) -> String {
        let value = self.value.unwrap_or(self.expected);
        // of what may as well be negative as positive nothing is a share
        let either = self.lower < 0.0 && 0.0 < self.upper;
        if self.inside() || either {
            return String::new();
        }
        let percent = (value - self.expected).abs() / self.expected.abs() * 100.0;
        let side = if value > self.expected { "above" } else { "below" };
        if !percent.is_finite() || percent < 0.05 {
            return String::new();
        }
        if percent >= 1_000.0 {
            let times = value / self.expected;
            // a value on the other side of zero is no multiple
            return if times > 0.0 && times < 1e6 {
                format!(" ({} times as much)", written(times, magnitude(times) - 1))
            } else {
                format!(" (far {side})")
            };
        }
        format!(" ({}% {side})", written(percent, if percent < 10.0 { -1 } else { 0 }))
    }
}

/// The power of ten of the first digit.
fn magnitude(number: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "between -324 and 308")]
    let power = number.abs().log10().floor() as i32;
    power
}

/// The number as its reader takes it.
fn rounded(number: f64, digit: i32) -> f64 {
    written(number, digit).replace(',', "").parse().unwrap_or(number)
}

/// The number up to the digit of `10^digit`; nothing for an infinity and for no number.
fn written(number: f64, digit: i32) -> String {
    let size = number.abs();
    if !size.is_finite() {
        return String::new();
    }
    if size >= LARGE || (size > 0.0 && size < SMALL) {
        let decimals = usize::try_from(magnitude(number) - digit).unwrap_or_default();
        let text = format!("{number:.decimals$e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{exponent}", separated(mantissa));
    }
    if digit > 0 {
        let unit = 10_f64.powi(digit);
        return separated(&format!("{:.0}", (number / unit).round() * unit));
    }
    let decimals = usize::try_from(-digit).unwrap_or_default();
    separated(&format!("{number:.decimals$}"))
}

/// Thousands in threes, no zeros after the last decimal, no sign of a zero.
fn separated(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, decimals) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let decimals = decimals.trim_end_matches('0').trim_end_matches('.');
    let mut out = String::new();
    if whole != "0" || !decimals.is_empty() {
        out.push_str(sign);
    }
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + decimals
}

/// `third`, `11th`; nothing for the first.
pub(super) fn ordinal(number: u32) -> Option<String> {
    const WORDS: [&str; 9] = [
        "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    ];
    let place = usize::try_from(number).ok()?.checked_sub(2)?;
    if let Some(word) = WORDS.get(place) {
        return Some((*word).to_owned());
    }
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    Some(format!("{number}{ending}"))
}
