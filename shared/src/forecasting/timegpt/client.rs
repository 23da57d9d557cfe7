//! Calls with their tries, within one span of time and behind one circuit breaker.

use super::answer::{self, Detection, RemoteForecast, Tokens};
use super::circuit::{Circuit, CircuitStatus};
use super::failure::Failure;
use super::history::History;
use super::key::TimeGptKey;
use super::question::Question;
use super::settings::Settings;
use super::transport::{Lost, Transport};
use crate::clock::{Clock, Millis};
use bytes::Bytes;
use prediction::Step;
use std::time::Duration;
use tokio::time::Instant;

/// How often a call is tried.
const TRIES: u32 = 3;
/// How long to wait before the second try, where the service does not say; twice as long before the third.
const PAUSE: Duration = Duration::from_millis(500);

/// The client of TimeGPT: one in a process, shared by all organizations.
#[derive(Debug)]
pub struct TimeGpt {
    settings: Settings,
    transport: Transport,
    circuit: Circuit,
}

/// What a call came to, and what it took.
#[derive(Debug)]
pub struct Call<T> {
    /// the answer, or why there is none
    pub result: Result<T, Failure>,
    /// what was used up, whatever came of it
    pub spent: Spent,
}

/// What a call used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// each try counts, even one that found no connection
    pub requests: u32,
    /// those of them that brought no answer of use
    pub failures: u32,
    /// as the answer counts them
    pub tokens: Tokens,
}

impl TimeGpt {
    /// A client of the configured service. Nothing is connected yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            transport: Transport::default(),
            circuit: Circuit::default(),
        }
    }

    /// Which model is asked.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.settings.model
    }

    /// How its circuit breaker stands, in this process.
    #[must_use]
    pub fn circuit(&self, clock: &Clock) -> CircuitStatus {
        self.circuit.status(clock.wall())
    }

    /// `POST /v2/forecast`: `horizon` steps ahead, with intervals of these levels (per cent, from 0, below 100).
    pub async fn forecast(
        &self,
        clock: &Clock,
        key: &TimeGptKey,
        history: &History,
        step: Step,
        horizon: usize,
        levels: &[f64],
    ) -> Call<RemoteForecast> {
        let question = Question::forecast(self.model(), history, step, horizon, levels);
        let read = |body: &[u8]| {
            let answer = answer::forecast(body, horizon, levels)?;
            Ok((answer.tokens, answer))
        };
        self.call(clock, key, "/v2/forecast", &question, read).await
    }

    /// `POST /v2/anomaly_detection`: which values lie outside their interval of this level (per cent).
    pub async fn detect(
        &self,
        clock: &Clock,
        key: &TimeGptKey,
        history: &History,
        step: Step,
        level: f64,
    ) -> Call<Detection> {
        let question = Question::detection(self.model(), history, step, level);
        let read = |body: &[u8]| {
            let answer = answer::detection(body, history.values().len(), level)?;
            Ok((answer.tokens, answer))
        };
        self.call(clock, key, "/v2/anomaly_detection", &question, read).await
    }

    async fn call<T>(
        &self,
        clock: &Clock,
        key: &TimeGptKey,
        path: &str,
        question: &Question,
        read: impl Fn(&[u8]) -> Result<(Tokens, T), Failure>,
    ) -> Call<T> {
        let mut spent = Spent::default();
        let Some(permit) = self.circuit.admit(clock.wall()) else {
            return Call {
                result: Err(Failure::CircuitOpen),
                spent,
            };
        };
        let tries = if permit.is_probe() { 1 } else { TRIES };
        let body = self.attempts(clock, key, path, question, tries, &mut spent).await;
        let result = body.and_then(|body| read(&body));
        match &result {
            Err(failure) if failure.is_outage() => permit.failed(clock.wall()),
            _ => permit.succeeded(),
        }
        let result = match result {
            Ok((tokens, answer)) => {
                spent.tokens = tokens;
                Ok(answer)
            }
            Err(failure) => {
                spent.failures = spent.requests;
                Err(failure)
            }
        };
        Call { result, spent }
    }

    /// Tries until there is a body, nothing is to be hoped for, or the time does not suffice for another try.
    async fn attempts(
        &self,
        clock: &Clock,
        key: &TimeGptKey,
        path: &str,
        question: &Question,
        tries: u32,
        spent: &mut Spent,
    ) -> Result<Bytes, Failure> {
        let uri = self.settings.base.endpoint(path).ok_or(Failure::Unreachable)?;
        let end = Instant::now() + self.settings.timeout;
        loop {
            spent.requests += 1;
            let sending = self.transport.post(&uri, self.model(), key, question, clock.wall());
            let Ok(sent) = tokio::time::timeout_at(end, sending).await else {
                return Err(Failure::Timeout);
            };
            let Lost { failure, again } = match sent {
                Ok(body) => return Ok(body),
                Err(lost) => lost,
            };
            let Some(asked) = again.filter(|_| spent.requests < tries) else {
                return Err(failure);
            };
            let pause = pause(spent.requests, asked);
            if Instant::now() + pause >= end {
                return Err(failure);
            }
            spent.failures += 1;
            tokio::time::sleep(pause).await;
        }
    }
}

/// How long to wait after so many tries: as long as the service asks, else longer each time.
fn pause(tries: u32, asked: Option<Millis>) -> Duration {
    let asked = asked
        .and_then(|millis| u64::try_from(millis).ok())
        .map(Duration::from_millis);
    asked.unwrap_or(PAUSE * tries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_decides_how_long_to_wait() {
        assert_eq!(pause(1, Some(0)), Duration::ZERO);
        assert_eq!(pause(2, Some(7_000)), Duration::from_secs(7));
        assert_eq!((pause(1, None), pause(2, None)), (PAUSE, 2 * PAUSE));
    }
}
