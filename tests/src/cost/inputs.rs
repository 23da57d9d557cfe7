//! What the bill is made of: assumptions, and what was measured.

macro_rules! inputs {
    ($($name:ident = $value:literal, $from:literal;)*) => {
        /// What the bill is made of.
        #[derive(Debug, Clone)]
        pub struct Inputs {
            $(#[doc = $from] pub $name: f64,)*
        }

        impl Default for Inputs {
            fn default() -> Self {
                Self { $($name: $value,)* }
            }
        }

        impl Inputs {
            /// Name, value, and where it is from.
            #[must_use]
            pub fn list(&self) -> Vec<(&'static str, f64, &'static str)> {
                vec![$((stringify!($name), self.$name, $from),)*]
            }

            /// Changes one; `false` if there is none of this name.
            pub fn set(&mut self, name: &str, value: f64) -> bool {
                match name {
                    $(stringify!($name) => self.$name = value,)*
                    _ => return false,
                }
                true
            }
        }
    };
}

inputs! {
    minutes_a_step = 5.0, "assumed: each series has a point every 5 minutes";
    points_a_request = 500.0, "assumed";
    days_kept = 90.0, "assumed: history that is kept";
    forecasts_a_day = 1.0, "assumed: of each series";
    wait_ms_a_request = 10.0, "assumed: a request to a database of the same region";
    log_bytes_a_run = 600.0, "a line of ours and three of Lambda's";

    rows_written_a_point = 0.018, "`store_figures`: all, with idempotency keys, over 35 days";
    rows_written_a_series_and_tick = 0.017, "`store_figures`: three rules on each series";
    rows_written_a_forecast = 2.0, "`measure -- forecast`: POST /v1/forecasts";
    rows_read_a_point = 0.426, "`store_figures`: all, over 35 days";
    rows_read_a_series_and_tick = 2.1, "`store_figures`: three rules on each series";
    rows_read_a_forecast = 100.0, "a month in chunks of 256 points, and what checks the key: not yet measured";
    bytes_a_point = 1.64, "`store_figures`: chunks and segments after day 35";
    bytes_a_series = 189.0, "`store_figures`: `time_series`";
    bytes_a_request_of_a_day = 400.0, "a record of an idempotency key, which stays a day: not yet measured";

    cpu_us_a_request = 1150.0, "`measure -- ingest`: five times that of 100 points, warm";
    cpu_us_a_point_folded = 0.7, "`load`: with all that follows, less the requests";
    cpu_us_an_evaluation = 290.0, "assumed: 1 ms of a function of 512 MB, three times the figure to reach";
    cpu_us_a_forecast = 1300.0, "`cargo bench -p prediction`: hourly, 960 points";
}
