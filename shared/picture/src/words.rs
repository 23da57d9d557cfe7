//! Numbers and texts as people read them.

/// A number in few characters: `0.25`, `1,234`, `12.5k`, `3.2M`.
#[must_use]
pub fn number(value: f64) -> String {
    let size = value.abs();
    if !size.is_finite() {
        return String::new();
    }
    let (scaled, unit) = match size {
        1e15.. => return format!("{value:.2e}"),
        1e12.. => (value / 1e12, "T"),
        1e9.. => (value / 1e9, "G"),
        1e6.. => (value / 1e6, "M"),
        1e4.. => (value / 1e3, "k"),
        _ => (value, ""),
    };
    if size != 0.0 && size < 1e-4 {
        return format!("{value:.2e}");
    }
    let places = match scaled.abs() {
        1000.0.. => 0,
        100.0.. => 1,
        1.0.. => 2,
        _ => 4,
    };
    let text = format!("{scaled:.places$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{text}{unit}")
}

/// Text for SVG, cut to about `width` units at this size.
pub(crate) fn text(text: &str, size: f64, width: f64) -> String {
    let mut escaped = String::new();
    let mut left = width;
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        left -= size * advance(c);
        if left < size {
            escaped.push('…');
            break;
        }
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // XML has no place for these
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// How wide a text is, about.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(|c| size * advance(c)).sum()
}

/// A character's width in parts of the size, on the wide side.
fn advance(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' => 0.28,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '/' | '-' | '{' | '}' | '"' => 0.36,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.9,
        'A'..='Z' => 0.66,
        _ if c.is_ascii() => 0.57,
        _ => 0.75,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_exact_enough() {
        for (value, expected) in [
            (0.0, "0"),
            (0.25, "0.25"),
            (-1.5, "-1.5"),
            (512.5, "512.5"),
            (1234.0, "1234"),
            (12_500.0, "12.5k"),
            (3_200_000.0, "3.2M"),
            (7e9, "7G"),
            (2e12, "2T"),
            (0.000_01, "1.00e-5"),
            (1e300, "1.00e300"),
            (f64::NAN, ""),
        ] {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn texts_are_escaped_and_cut() {
        assert_eq!(text("a<b>&\n", 10.0, 200.0), "a&lt;b&gt;&amp; ");
        let cut = text(&"x".repeat(100), 10.0, 100.0);
        assert!(cut.ends_with('…') && cut.chars().count() < 20, "{cut}");
    }
}
