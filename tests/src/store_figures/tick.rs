use super::send;
use crate::load::points::{Points, STEP};
use crate::product::Product;
use crate::traffic::Traffic;
use intentvision::clock::Clock;
use serde_json::json;

/// Steps of which the ticks are measured.
const STEPS: usize = 12;

/// An hour of ticks with three rules on every series.
pub(super) async fn measure(product: &Product, clock: &Clock, key: &str, points: &Points, days: usize) {
    for (name, condition) in [
        ("high", json!({"type": "threshold", "operator": "gt", "value": 1e9})),
        ("low", json!({"type": "threshold", "operator": "lt", "value": -1e9})),
        ("gone", json!({"type": "missing_data", "after": "1h"})),
    ] {
        let rule = json!({"name": name, "metric_key": "shop_orders", "severity": "warning", "condition": condition, "channels": []});
        assert_eq!(product.post("/v1/alert-rules", key, &rule).await.status, 201);
    }
    let mut ticks = Traffic::default();
    let later = Points {
        steps: points.steps + STEPS + 1,
        ..*points
    };
    let first = days * crate::load::points::STEPS_A_DAY;
    for step in first..=first + STEPS {
        let now = points.start + STEP * step as i64;
        clock.set(now);
        for at in (step * points.series..(step + 1) * points.series).step_by(super::REQUEST) {
            send(product, key, &later, at, super::REQUEST).await;
        }
        let _ = product.counted();
        product.tick(now).await;
        if step == first {
            // the first one reads the history that its new rules need
            let _ = product.counted();
        }
        ticks.add(product);
    }
    let each = |count: u64| count as f64 / (STEPS * points.series) as f64;
    println!(
        "\n| Ticks, three rules on each series | rows read a series and tick | rows written | bytes both ways a point |"
    );
    println!("|---|---|---|---|");
    println!(
        "| {} series, a point each | {:.3} | {:.4} | {:.0} |",
        points.series,
        each(ticks.rows_read),
        each(ticks.rows_written),
        each(ticks.bytes())
    );
}
