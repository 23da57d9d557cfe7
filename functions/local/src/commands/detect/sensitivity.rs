use prediction::detect::Settings;

/// Names for budgets of false alarms, per series and 30 days.
const NAMED: [(&str, f64); 3] = [("low", 0.3), ("medium", Settings::DEFAULT_BUDGET), ("high", 5.0)];

/// Reads a budget, or the name of one.
pub(super) fn parse(text: &str) -> Result<f64, String> {
    let named = NAMED.into_iter().find(|(name, _)| *name == text);
    let budget = named.map_or_else(|| text.parse().unwrap_or(f64::NAN), |(_, budget)| budget);
    if (Settings::MIN_BUDGET..=Settings::MAX_BUDGET).contains(&budget) {
        Ok(budget)
    } else {
        Err(format!(
            "low, medium, high, or a number from {} to {}",
            Settings::MIN_BUDGET,
            Settings::MAX_BUDGET
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_have_names_and_limits() {
        assert_eq!(parse("medium"), parse("1"));
        assert!(parse("low") < parse("medium") && parse("medium") < parse("high"));
        for text in ["0", "31", "NaN", "", "none"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
