//! What a picture looks like, as SVG and as pixels.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use jiff::tz::TimeZone;
use picture::{Chart, Mark, Point, Range, Threshold, alt, svg};
use proptest::prelude::*;

const HOUR: i64 = 3_600_000;
/// 2026-11-28T13:35:00Z
const NOW: i64 = 1_795_872_900_000;

/// Two days of a daily rhythm that grows, and a forecast that crosses the threshold.
fn forecast() -> Chart {
    let value = |at: i64| {
        let hours = (at - NOW) as f64 / HOUR as f64;
        let rhythm = (hours / 24.0 * std::f64::consts::TAU).sin() * 40.0;
        let noise = ((at / 300_000) as f64 * 12.9898).sin() * 6.0;
        (310.0 + rhythm + noise + hours * 1.2, 310.0 + rhythm + hours * 1.2)
    };
    let history = (-576..=0)
        .map(|n| NOW + n * 300_000)
        .map(|at| Point { at, value: value(at).0 });
    let expected = (0..=24).map(|n| NOW + n * HOUR).map(|at| {
        let spread = 10.0 + 2.2 * ((at - NOW) as f64 / HOUR as f64);
        let middle = value(at).1 + 30.0 * ((at - NOW) as f64 / HOUR as f64 / 6.0).min(1.0);
        Range {
            at,
            lower: middle - spread,
            middle,
            upper: middle + spread,
        }
    });
    Chart {
        title: "queue.depth  host=web-1, region=eu-central-1".into(),
        subtitle: "Queue runs full: crosses 380 at about 18:20 (17:05 to 20:40) with a probability of 84 %".into(),
        zone: TimeZone::get("Europe/Berlin").unwrap(),
        now: NOW,
        history: history.collect(),
        history_label: "measured".into(),
        expected: expected.collect(),
        expected_label: "forecast, 80 %".into(),
        threshold: Some(Threshold {
            value: 380.0,
            label: "above 380".into(),
        }),
        flagged: Vec::new(),
        flagged_label: String::new(),
        marks: vec![Mark {
            at: NOW + 5 * HOUR,
            value: 380.0,
            label: "crosses about 18:20".into(),
        }],
    }
}

/// A day with an anomaly at its end, and the range that was expected.
fn anomaly() -> Chart {
    let mut chart = forecast();
    let middle = |at: i64| 0.95 + 0.01 * ((at - NOW) as f64 / HOUR as f64).sin();
    let times: Vec<i64> = (-288..=0).map(|n| NOW + n * 300_000).collect();
    chart.history = times
        .iter()
        .map(|at| Point {
            at: *at,
            value: middle(*at) + 0.004 * ((at / 300_000) as f64 * 7.3).sin(),
        })
        .collect();
    chart.expected = times
        .iter()
        .map(|at| Range {
            at: *at,
            lower: middle(*at) - 0.012,
            middle: middle(*at),
            upper: middle(*at) + 0.012,
        })
        .collect();
    let last = chart.history.len() - 1;
    chart.history[last].value = 0.71;
    chart.history.drain(100..130);
    chart.title = "checkout.success_ratio".into();
    chart.subtitle = "Checkout fails: 0.71 where 0.94 to 0.96 was expected".into();
    chart.expected_label = "expected".into();
    chart.flagged = chart.history.iter().rev().take(2).rev().copied().collect();
    chart.flagged_label = "unusual".into();
    chart.threshold = None;
    chart.marks = vec![Mark {
        at: NOW,
        value: 0.71,
        label: "0.71".into(),
    }];
    chart
}

#[test]
fn the_svg_is_as_it_was() {
    let mut small = forecast();
    small.history.drain(..560);
    small.expected.truncate(4);
    insta::assert_snapshot!(svg(&small));
}

#[test]
fn alt_says_what_the_picture_shows() {
    insta::assert_snapshot!(alt(&anomaly()), @"Chart of checkout.success_ratio; Checkout fails: 0.71 where 0.94 to 0.96 was expected; last value 0.71; 2 points unusual; 0.71");
}

#[cfg(feature = "png")]
mod pixels {
    use super::*;

    fn read(png: &[u8]) -> resvg::tiny_skia::Pixmap {
        resvg::tiny_skia::Pixmap::decode_png(png).unwrap()
    }

    #[test]
    fn a_png_is_small_and_painted() {
        for (name, chart) in [("forecast", forecast()), ("anomaly", anomaly())] {
            let png = picture::png(&svg(&chart)).unwrap();
            if let Ok(folder) = std::env::var("PICTURE_OUT") {
                std::fs::write(format!("{folder}/{name}.png"), &png).unwrap();
            }
            assert!(png.len() <= 60_000, "{name}: {} bytes", png.len());
            let pixels = read(&png);
            assert_eq!((pixels.width(), pixels.height()), (1600, 800));
            let colour = |x, y| {
                let pixel = pixels.pixel(x, y).unwrap();
                (pixel.red(), pixel.green(), pixel.blue())
            };
            assert_eq!(colour(2, 2), (255, 255, 255), "{name}: the background");
            let has = |wanted: (u8, u8, u8)| {
                pixels
                    .pixels()
                    .iter()
                    .filter(|p| (p.red(), p.green(), p.blue()) == wanted)
                    .count()
            };
            assert!(has((0x00, 0x72, 0xb2)) > 500, "{name}: the history");
            assert!(has((0xd5, 0x5e, 0x00)) > 100, "{name}: the mark");
            assert!(
                has((0x1f, 0x29, 0x33)) > 200,
                "{name}: the title is written in the bundled font"
            );
        }
    }

    #[test]
    fn what_is_no_svg_is_an_error() {
        assert!(picture::png("<html>").is_err());
        assert!(picture::png(r#"<svg xmlns="http://www.w3.org/2000/svg" width="1e9" height="1e9"/>"#).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_chart_is_an_svg_without_a_number_that_is_none(
        values in prop::collection::vec((any::<i32>(), any::<f64>()), 0..200),
        ranges in prop::collection::vec((any::<i32>(), any::<f64>(), any::<f64>(), any::<f64>()), 0..50),
        threshold in prop::option::of(any::<f64>()),
        title in ".{0,80}",
    ) {
        let mut history: Vec<_> = values.into_iter().map(|(at, value)| Point { at: NOW + i64::from(at), value }).collect();
        history.sort_by_key(|point| point.at);
        let mut expected: Vec<_> = ranges.into_iter().map(|(at, lower, middle, upper)| Range { at: NOW + i64::from(at), lower, middle, upper }).collect();
        expected.sort_by_key(|range| range.at);
        let chart = Chart {
            history,
            expected,
            threshold: threshold.map(|value| Threshold { value, label: title.clone() }),
            title,
            marks: vec![Mark { at: NOW, value: 1.0, label: "x".into() }],
            ..forecast()
        };
        let svg = svg(&chart);
        prop_assert!(!svg.contains("NaN") && !svg.contains("inf"), "{}", svg);
        #[cfg(feature = "png")]
        prop_assert!(picture::png(&svg).is_ok());
    }
}
