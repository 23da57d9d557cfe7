//! What a month costs as deployed, at list prices: AWS Lambda in front of a hosted libSQL.
//!
//! Free tiers of AWS are not taken off, the included amounts of a database plan are. Not counted: traffic out of
//! AWS, notifications, requests that read, customer-managed keys.

mod inputs;
mod prices;

pub use inputs::Inputs;
pub use prices::Plan;

/// Days of a month, as clouds count them.
const DAYS: f64 = 30.4;
const MINUTES: f64 = DAYS * 1_440.0;
const MILLION: f64 = 1e6;
/// Bytes of a gigabyte, as plans of databases count them.
const GIGABYTE: f64 = 1e9;

/// A month's bill, in US dollars but for the amounts at its end.
#[derive(Debug, Clone)]
pub struct Bill {
    /// requests to the HTTP API and to its function
    pub ingest: f64,
    /// ticks: rules of all series, each time that they have a new point
    pub evaluate: f64,
    /// forecasts
    pub forecast: f64,
    /// folds, merges, deliveries, the schedules and the queue
    pub background: f64,
    /// logs and alarms
    pub watch: f64,
    /// the database, on the cheapest plan that has room
    pub database: f64,
    /// that plan
    pub plan: Plan,
    /// points accepted
    pub points: f64,
    /// rows that the database wrote
    pub rows_written: f64,
    /// rows that it read
    pub rows_read: f64,
    /// gigabytes of the points that are kept
    pub gigabytes: f64,
}

/// Time of a function that is billed.
struct Run {
    /// runs a month
    count: f64,
    /// seconds of a whole processor that each needs
    cpu: f64,
    /// seconds that each waits for the database
    wait: f64,
    /// memory in gigabytes
    memory: f64,
}

impl Run {
    /// A function has the part of a processor that its memory has of [`prices::WHOLE_CPU_GB`].
    fn cost(&self) -> f64 {
        let stretched = self.cpu / (self.memory / prices::WHOLE_CPU_GB).min(1.0);
        let seconds = self.count * (stretched + self.wait);
        seconds * self.memory * prices::LAMBDA_GB_SECOND + self.count / MILLION * prices::LAMBDA_MILLION
    }
}

impl Bill {
    /// The bill for this many series.
    #[must_use]
    pub fn of(series: f64, inputs: &Inputs) -> Self {
        let steps = MINUTES / inputs.minutes_a_step;
        let points = series * steps;
        let requests = points / inputs.points_a_request;
        let forecasts = series * inputs.forecasts_a_day * DAYS;

        let ingest = Run {
            count: requests,
            cpu: inputs.cpu_us_a_request / MILLION,
            wait: inputs.wait_ms_a_request / 1e3,
            memory: 0.25,
        };
        let evaluate = Run {
            count: MINUTES,
            cpu: series / inputs.minutes_a_step * inputs.cpu_us_an_evaluation / MILLION,
            wait: 5.0 * inputs.wait_ms_a_request / 1e3,
            memory: 0.5,
        };
        // within ticks: they count no runs of their own
        let forecast = Run {
            count: 1.0,
            cpu: forecasts * inputs.cpu_us_a_forecast / MILLION,
            wait: 0.0,
            memory: 0.5,
        };
        let maintain = Run {
            count: MINUTES / 5.0,
            cpu: points / (MINUTES / 5.0) * inputs.cpu_us_a_point_folded / MILLION,
            wait: 20.0 * inputs.wait_ms_a_request / 1e3,
            memory: 0.5,
        };
        let deliver = Run {
            count: MINUTES,
            cpu: 0.001,
            wait: inputs.wait_ms_a_request / 1e3,
            memory: 0.25,
        };
        let scheduled = 2.0 * MINUTES + MINUTES / 5.0;

        let rows_written = points * inputs.rows_written_a_point
            + series * steps * inputs.rows_written_a_series_and_tick
            + forecasts * inputs.rows_written_a_forecast;
        let rows_read = points * inputs.rows_read_a_point
            + series * steps * inputs.rows_read_a_series_and_tick
            + forecasts * inputs.rows_read_a_forecast;
        let gigabytes = (points / DAYS * inputs.days_kept * inputs.bytes_a_point
            + series * inputs.bytes_a_series
            + requests / DAYS * inputs.bytes_a_request_of_a_day)
            / GIGABYTE;
        let (plan, database) = prices::cheapest(rows_written, rows_read, gigabytes);
        Self {
            ingest: ingest.cost() + requests / MILLION * prices::HTTP_API_MILLION,
            evaluate: evaluate.cost(),
            forecast: forecast.cost(),
            background: maintain.cost()
                + deliver.cost()
                + scheduled / MILLION * prices::SCHEDULER_MILLION
                // a message of the queue is sent, received and deleted
                + 3.0 * MINUTES / MILLION * prices::SQS_MILLION,
            watch: (requests + scheduled) * inputs.log_bytes_a_run / GIGABYTE * prices::LOGS_GIGABYTE
                + prices::ALARMS * prices::ALARM,
            database,
            plan,
            points,
            rows_written,
            rows_read,
            gigabytes,
        }
    }

    /// All of it.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.ingest + self.evaluate + self.forecast + self.background + self.watch + self.database
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_the_cheapest_that_has_room() {
        let (plan, cost) = prices::cheapest(1e6, 1e6, 1.0);
        assert_eq!((plan.name, cost), ("Free", 0.0));
        // 20 million writes beyond what is free cost more than the plan above
        let (plan, cost) = prices::cheapest(30e6, 1e6, 1.0);
        assert_eq!((plan.name, cost), ("Developer", 4.99 + 5.0));
        assert_eq!(prices::cheapest(1e6, 1e6, 20.0).0.name, "Scaler");
    }

    #[test]
    fn a_bill_grows_with_its_series_and_not_faster() {
        let inputs = Inputs::default();
        let [small, large] = [1_000.0, 10_000.0].map(|series| Bill::of(series, &inputs));
        assert!(small.total() < large.total() && large.total() < 10.0 * small.total());
        assert!((large.points / small.points - 10.0).abs() < 1e-9);
    }

    #[test]
    fn a_row_a_point_costs_what_packing_saves() {
        let mut inputs = Inputs::default();
        let packed = Bill::of(100_000.0, &inputs).database;
        assert!(inputs.set("rows_written_a_point", 2.0));
        assert!(Bill::of(100_000.0, &inputs).database > 20.0 * packed);
        assert!(!inputs.set("no_such_input", 1.0));
    }
}
