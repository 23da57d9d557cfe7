//! What the demo says, step by step; in JSON mode only the end is printed.

use crate::Failure;
use crate::output::line;
use intentvision::clock::Millis;
use jiff::Timestamp;

/// Tells the steps and keeps count of them.
#[derive(Debug)]
pub(super) struct Story {
    silent: bool,
    step: usize,
    title: &'static str,
}

impl Story {
    pub(super) fn new(silent: bool) -> Self {
        Self {
            silent,
            step: 0,
            title: "set-up",
        }
    }

    /// Begins the next step.
    pub(super) fn step(&mut self, title: &'static str) -> Result<(), Failure> {
        self.step += 1;
        self.title = title;
        if self.silent {
            return Ok(());
        }
        line(&format!("\n{}. {title}", self.step))
    }

    /// Says something about the step.
    pub(super) fn say(&self, text: &str) -> Result<(), Failure> {
        if self.silent {
            return Ok(());
        }
        text.lines().try_for_each(|text| line(format!("   {text}").trim_end()))
    }

    /// The failure of the step under way, with its name.
    pub(super) fn failed(&self, failure: &Failure) -> Failure {
        Failure::Failed(format!("demo, step {} ({}): {failure}", self.step, self.title))
    }
}

/// That what should have happened did.
pub(super) fn check(holds: bool, what: impl FnOnce() -> String) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::Failed(what())) }
}

/// `Sun 08:45`, in UTC.
pub(super) fn clock_time(at: Millis) -> String {
    Timestamp::from_millisecond(at).map_or_else(|_| at.to_string(), |time| time.strftime("%a %H:%M").to_string())
}

/// `43,008`.
pub(super) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_read_well() {
        assert_eq!(thousands(7), "7");
        assert_eq!(thousands(43_008), "43,008");
        assert_eq!(thousands(1_000_000), "1,000,000");
        assert_eq!(clock_time(1_795_428_000_000), "Mon 10:00");
    }
}
