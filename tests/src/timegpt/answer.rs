//! What the stand-in computes: the value one season ago, and intervals as wide as the level.

use serde_json::{Map, Value, json};

/// Steps of a season by the alias of the frequency.
fn season(freq: &str) -> usize {
    match freq {
        "h" => 24,
        "D" => 7,
        "MS" => 12,
        "QS" => 4,
        "5min" => 288,
        _ => 1,
    }
}

fn histories(body: &Value) -> Vec<Vec<f64>> {
    let y: Vec<f64> = body["series"]["y"]
        .as_array()
        .expect("y")
        .iter()
        .filter_map(Value::as_f64)
        .collect();
    let mut rest = &y[..];
    let sizes = body["series"]["sizes"].as_array().expect("sizes");
    sizes
        .iter()
        .map(|size| {
            let length = usize::try_from(size.as_u64().expect("a size")).expect("a length");
            let (history, others) = rest.split_at(length);
            rest = others;
            history.to_vec()
        })
        .collect()
}

/// Half the width of an interval: the mean distance of neighbours, times the level.
fn half(values: &[f64], level: f64) -> f64 {
    let distances: f64 = values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
    (1.0 + distances / values.len() as f64) * level / 50.0
}

/// The answer to a forecast.
pub(super) fn forecast(body: &Value) -> Value {
    let horizon = usize::try_from(body["h"].as_u64().expect("h")).expect("a horizon");
    let season = season(body["freq"].as_str().expect("freq"));
    let (mut mean, mut spread) = (Vec::new(), Vec::new());
    let histories = histories(body);
    for values in &histories {
        let season = season.min(values.len());
        mean.extend((0..horizon).map(|step| values[values.len() - season + step % season]));
        spread.extend(std::iter::repeat_n(half(values, 1.0), horizon));
    }
    let mut intervals = Map::new();
    for level in body["level"].as_array().into_iter().flatten() {
        insert_ends(&mut intervals, level, &mean, &spread);
    }
    json!({
        "input_tokens": histories.iter().map(Vec::len).sum::<usize>(),
        "output_tokens": mean.len(),
        "finetune_tokens": 0,
        "intervals": if intervals.is_empty() { Value::Null } else { intervals.into() },
        "mean": mean,
        "weights_x": null,
        "feature_contributions": null,
    })
}

/// The answer to a detection.
pub(super) fn detection(body: &Value) -> Value {
    let season = season(body["freq"].as_str().expect("freq"));
    let level = body.get("level").cloned().unwrap_or(json!(99));
    let (mut mean, mut spread, mut anomaly, mut sizes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let histories = histories(body);
    for values in &histories {
        let season = season.min(values.len());
        let width = half(values, 1.0);
        sizes.push(values.len() - season);
        for at in season..values.len() {
            let expected = values[at - season];
            mean.push(expected);
            spread.push(width);
            anomaly.push((values[at] - expected).abs() > width * level.as_f64().expect("a level"));
        }
    }
    let mut intervals = Map::new();
    insert_ends(&mut intervals, &level, &mean, &spread);
    json!({
        "input_tokens": histories.iter().map(Vec::len).sum::<usize>(),
        "output_tokens": mean.len(),
        "finetune_tokens": 0,
        "mean": mean,
        "sizes": sizes,
        "anomaly": anomaly,
        "intervals": intervals,
        "weights_x": null,
    })
}

/// `lo-95` and `hi-95`, around the mean.
fn insert_ends(intervals: &mut Map<String, Value>, level: &Value, mean: &[f64], spread: &[f64]) {
    let width = level.as_f64().expect("a level");
    for (side, sign) in [("lo", -1.0), ("hi", 1.0)] {
        let ends: Vec<f64> = mean
            .iter()
            .zip(spread)
            .map(|(mean, half)| mean + sign * half * width)
            .collect();
        intervals.insert(format!("{side}-{level}"), ends.into());
    }
}
