//! Seeded series in which nothing happens that is not their nature.

mod noise;

use std::f64::consts::TAU;

pub(crate) use noise::Noise;

pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;
/// Monday, 5 January 2026, 00:00 UTC: all series begin there.
pub(crate) const START: i64 = 1_767_571_200_000;

/// Values at regular times.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    /// Milliseconds between two values.
    pub(crate) step: i64,
    pub(crate) values: Vec<f64>,
    /// The standard deviation of the noise, where it is the same all the time; else of a typical hour.
    pub(crate) sd: f64,
}

impl Series {
    pub(crate) fn time(&self, index: usize) -> i64 {
        START + self.step * index as i64
    }

    /// The place of the first value that is not before `after` milliseconds from the start.
    pub(crate) fn index(&self, after: i64) -> usize {
        (after + self.step - 1).div_euclid(self.step) as usize
    }

    pub(crate) fn points(&self) -> impl Iterator<Item = (i64, f64)> + '_ {
        self.values
            .iter()
            .enumerate()
            .map(|(index, value)| (self.time(index), *value))
    }
}

/// A kind of series.
pub(crate) struct Generator {
    pub(crate) name: &'static str,
    /// How many false alarms a month are put up with, at the default budget.
    pub(crate) most: f64,
    /// The values at these hours since the start, and the standard deviation of the noise.
    values: fn(&mut Noise, &[f64]) -> (Vec<f64>, f64),
}

impl Generator {
    pub(crate) fn make(&self, seed: u64, days: i64, step: i64) -> Series {
        let hours: Vec<f64> = (0..days * DAY / step)
            .map(|index| (index * step) as f64 / HOUR as f64)
            .collect();
        let (values, sd) = (self.values)(&mut Noise::new(seed), &hours);
        Series { step, values, sd }
    }

    /// The one of this name.
    pub(crate) fn named(name: &str) -> &'static Self {
        GENERATORS.iter().find(|one| one.name == name).unwrap()
    }
}

/// All kinds. The first four are those that the issue names.
pub(crate) const GENERATORS: &[Generator] = &[
    generator("gaussian", 0.5, gaussian),
    generator("t4", 0.5, heavy),
    generator("gamma", 0.5, gamma),
    generator("seasonal", 0.5, seasonal),
    generator("wave", 0.5, wave),
    generator("peak", 0.5, peak),
    generator("batch", 1.0, batch),
    generator("seasonal gamma", 1.0, seasonal_gamma),
    generator("autoregression", 1.0, autoregression),
    generator("counts", 0.5, counts),
    generator("daily counts", 0.5, daily_counts),
    generator("constant", 0.5, constant),
    generator("quantised", 0.5, quantised),
    generator("growth", 1.0, growth),
    generator("web", 0.5, web),
];

const fn generator(name: &'static str, most: f64, values: fn(&mut Noise, &[f64]) -> (Vec<f64>, f64)) -> Generator {
    Generator { name, most, values }
}

/// A level of any magnitude, and noise of 2 to 20 % of it.
fn level_and_sd(noise: &mut Noise) -> (f64, f64) {
    let level = noise.magnitude(1.0, 1e5);
    (level, level * noise.between(0.02, 0.2))
}

/// 1 at the top of a day and -1 at its bottom, with a shoulder.
fn daily(hour: f64) -> f64 {
    let phase = TAU * (hour - 9.0) / 24.0;
    (phase.sin() + 0.4 * (2.0 * phase).sin()) / 1.2
}

/// 1 on Saturday and Sunday, 0 on other days, and between them in the nights before and after.
fn weekend(hour: f64) -> f64 {
    let from_its_middle = (hour.rem_euclid(168.0) - 144.0 + 84.0).rem_euclid(168.0) - 84.0;
    ((30.0 - from_its_middle.abs()) / 12.0).clamp(0.0, 1.0)
}

fn gaussian(noise: &mut Noise, hours: &[f64]) -> (Vec<f64>, f64) {
    let (level, sd) = level_and_sd(noise);
    (hours.iter().map(|_| level + sd * noise.normal()).collect(), sd)
}

fn heavy(noise: &mut Noise, hours: &[f64]) -> (Vec<f64>, f64) {
    let (level, sd) = level_and_sd(noise);
    (hours.iter().map(|_| level + sd * noise.heavy()).collect(), sd)
}

fn gamma(noise: &mut Noise, hours: &[f64]) -> (Vec<f64>, f64) {
    let level = noise.magnitude(1.0, 1e5);
    let shape = noise.between(2.0, 10.0);
    let values = hours.iter().map(|_| level * noise.gamma(shape)).collect();
    (values, level / shape.sqrt())
}

fn seasonal(noise: &mut Noise, hours: &[f64]) -> (Vec<f64>, f64) {
    let (level, sd) = level_and_sd(noise);
    let (day, lower) = (noise.between(3.0, 20.0), noise.between(0.0, 6.0));
    let value = |hour: &f64| level + sd * (day * daily(*hour) - lower * weekend(*hour) + noise.normal());
    (hours.iter().map(value).collect(), sd)
}

/// A day that is large beside the noise: from 20 standard deviations below to 20 above.
fn wave(noise: &mut Noise, hours: &[f64]) -> (Vec<f64>, f64) {
    let level = noise.magnitude(1.0, 1e5);
    let sd = level / 50.0;
    let value = |hour: &f64| level + 20.0 * sd * daily(*hour) + sd * noise.normal();
    (hours.iter().map(value).collect(), sd)
}

/// Flat but for two hours from 9:00 on.
fn peak(noise: &mut Noise, hours: &[f64]) -> (Vec<f64>, f64) {
    let (level, sd) = level_and_sd(noise);
    let value = |hour: &f64| level + sd * (noise.normal() + job(*hour, 9.0, 2.0));
    (hours.iter().map(value).collect(), sd)
}

/// A job that begins some time in an hour and lasts some time.
fn batch(noise: &mut Noise, hours: &[f64]) -> (Vec<f64>, f64) {
    let (level, sd) = level_and_sd(noise);
    let (begin, lasting) = (noise.between(0.0, 20.0), noise.between(0.5, 4.0));
    let value = |hour: &f64| level + sd * (noise.normal() + job(*hour, begin, lasting));
    (hours.iter().map(value).collect(), sd)
}

fn job(hour: f64, begin: f64, lasting: f64) -> f64 {
    let runs = (hour.rem_euclid(24.0) - begin).rem_euclid(24.0) < lasting;
    if runs { 20.0 } else { 0.0 }
}

fn seasonal_gamma(noise: &mut Noise, hours: &[f64]) -> (Vec<f64>, f64) {
    let level = noise.magnitude(1.0, 1e5);
    let (shape, day) = (noise.between(4.0, 20.0), noise.between(0.2, 0.7));
    let value = |hour: &f64| level * (1.0 + day * daily(*hour)) * noise.gamma(shape);
    (hours.iter().map(value).collect(), level / shape.sqrt())
}

fn autoregression(noise: &mut Noise, hours: &[f64]) -> (Vec<f64>, f64) {
    let (level, sd) = level_and_sd(noise);
    let persistence = noise.between(0.7, 0.95);
    let innovation = f64::sqrt(1.0 - persistence * persistence);
    let mut state = noise.normal();
    let value = |_| {
        state = persistence * state + innovation * noise.normal();
        level + sd * state
    };
    (hours.iter().map(value).collect(), sd)
}

fn counts(noise: &mut Noise, hours: &[f64]) -> (Vec<f64>, f64) {
    let rate = noise.magnitude(0.02, 5.0);
    (hours.iter().map(|_| noise.poisson(rate)).collect(), rate.sqrt())
}

fn daily_counts(noise: &mut Noise, hours: &[f64]) -> (Vec<f64>, f64) {
    let most = noise.between(0.5, 5.0);
    let value = |hour: &f64| noise.poisson(most * (1.0 + daily(*hour)).max(0.0) / 2.0);
    (hours.iter().map(value).collect(), (most / 2.0).sqrt())
}

fn constant(noise: &mut Noise, hours: &[f64]) -> (Vec<f64>, f64) {
    const VALUES: [f64; 7] = [0.0, 1.0, 100.0, 99.9, -3.5, 1e-9, 1e12];
    let value = VALUES[(noise.uniform() * VALUES.len() as f64) as usize];
    (vec![value; hours.len()], 0.0)
}

/// A gauge that shows whole steps of something that moves slowly.
fn quantised(noise: &mut Noise, hours: &[f64]) -> (Vec<f64>, f64) {
    let step = noise.magnitude(0.01, 100.0);
    let (level, width) = (noise.between(20.0, 200.0), noise.between(0.2, 1.5));
    let mut slow = 0.0;
    let value = |_| {
        slow = 0.98 * slow + 0.2 * width * noise.normal();
        step * (level + slow + 0.2 * noise.normal()).round()
    };
    (hours.iter().map(value).collect(), step)
}

/// What fills up: it grows by some of its noise each day.
fn growth(noise: &mut Noise, hours: &[f64]) -> (Vec<f64>, f64) {
    let (level, sd) = level_and_sd(noise);
    let slope = sd * noise.between(0.1, 1.0) / 24.0;
    (
        hours
            .iter()
            .map(|hour| level + slope * hour + sd * noise.normal())
            .collect(),
        sd,
    )
}

/// Requests to a service: two humps a day, quieter weekends, noise in per cent that lasts some minutes, small bursts.
fn web(noise: &mut Noise, hours: &[f64]) -> (Vec<f64>, f64) {
    let level = noise.magnitude(50.0, 1e5);
    let (depth, fewer) = (noise.between(0.3, 0.8), noise.between(0.0, 0.5));
    let (spread, burstiness) = (noise.between(0.02, 0.06), noise.between(0.1, 0.3));
    let (mut lasting, mut burst) = (0.0, 0.0);
    let value = |hour: &f64| {
        let shape = 1.0 + depth * daily(*hour);
        lasting = 0.8 * lasting + 0.6 * noise.normal();
        burst *= 0.5;
        // two a day at five minutes
        if noise.uniform() < 2.0 / 288.0 {
            burst = burstiness * noise.uniform();
        }
        let usual = level * shape * (1.0 - fewer * weekend(*hour));
        (usual * (1.0 + burst) * (spread * (0.6 * lasting + 0.8 * noise.normal())).exp()).round()
    };
    (hours.iter().map(value).collect(), level * spread)
}
