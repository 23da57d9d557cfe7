//! Alarms against labelled events: segments of labels, merged where they are no more than an hour apart. An alarm from one row before an event
//! until half an hour after it hits; any other is false. The first three days do not count.

use crate::series::Series;

const WARM_UP: f64 = 3.0 * 86_400.0;
const MERGED: f64 = 3_600.0;
const LATE: f64 = 1_800.0;

#[derive(Default)]
struct Sum {
    events: f64,
    hit: f64,
    alarms: f64,
    right: f64,
    days: f64,
}

pub(crate) fn score(all: &[Series]) {
    let mut sum = Sum::default();
    for series in all {
        sum.add(series);
    }
    let (recall, precision) = (sum.hit / sum.events.max(1.0), sum.right / sum.alarms.max(1.0));
    println!("| series | events | recall | precision | F1 | false alarms a series and 30 days |");
    println!("|---:|---:|---:|---:|---:|---:|");
    println!(
        "| {} | {} | {recall:.3} | {precision:.3} | {:.3} | {:.2} |",
        all.len(),
        sum.events,
        2.0 * recall * precision / (recall + precision).max(1e-9),
        30.0 * (sum.alarms - sum.right) / sum.days.max(1e-9)
    );
}

impl Sum {
    fn add(&mut self, series: &Series) {
        let times = &series.times;
        let begin = times[0] + WARM_UP;
        let mut steps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        steps.sort_by(f64::total_cmp);
        let step = steps[steps.len() / 2];
        let events: Vec<(f64, f64)> = events(series).into_iter().filter(|event| event.0 >= begin).collect();
        let alarms: Vec<f64> = times
            .iter()
            .zip(&series.alerts)
            .filter(|(time, alert)| **alert && **time >= begin)
            .map(|(time, _)| *time)
            .collect();
        let hits = |event: &(f64, f64), alarm: f64| alarm >= event.0 - step && alarm <= event.1 + LATE;
        self.events += events.len() as f64;
        self.hit += events
            .iter()
            .filter(|event| alarms.iter().any(|alarm| hits(event, *alarm)))
            .count() as f64;
        self.alarms += alarms.len() as f64;
        self.right += alarms
            .iter()
            .filter(|alarm| events.iter().any(|event| hits(event, **alarm)))
            .count() as f64;
        self.days += ((times[times.len() - 1] - begin) / 86_400.0).max(0.0);
    }
}

fn events(series: &Series) -> Vec<(f64, f64)> {
    let mut events: Vec<(f64, f64)> = Vec::new();
    let mut inside = false;
    for (time, label) in series.times.iter().zip(&series.labels) {
        if *label {
            match events.last_mut() {
                Some(last) if inside || time - last.1 <= MERGED => last.1 = *time,
                _ => events.push((*time, *time)),
            }
        }
        inside = *label;
    }
    events
}
