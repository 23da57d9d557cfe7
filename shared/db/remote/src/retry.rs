use std::future::Future;
use std::time::Duration;

use db::DbError;
use tokio::time::Instant;

use crate::options::Options;
use crate::transport::Lost;

/// The longest pause before the first repetition; it doubles with each, up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// Repeats what may be repeated: after a busy answer as long as there is time, because those who are in
/// the way get done; where nothing was sent, some times; and only if the batch is repeatable where the
/// request may have taken effect.
pub(crate) async fn attempts<T, F>(
    options: &Options,
    repeatable: bool,
    end: Instant,
    attempt: impl Fn() -> F,
) -> Result<T, DbError>
where
    F: Future<Output = Result<T, Lost>>,
{
    let mut pause = FIRST_PAUSE;
    let mut retries = options.retries;
    // what a later refusal does not undo: an attempt that may have taken effect
    let mut unknown = None;
    loop {
        let (error, again) = match attempt().await {
            Ok(reply) => return Ok(reply),
            Err(Lost::Refused(error @ DbError::Busy)) => (unknown.clone().unwrap_or(error), true),
            Err(Lost::Refused(error @ DbError::Auth)) => return Err(unknown.unwrap_or(error)),
            Err(Lost::Refused(error)) => return Err(error),
            Err(Lost::Unsent(text)) => {
                let error = unknown.clone().unwrap_or(DbError::Unavailable(text));
                (error, take_one(&mut retries))
            }
            Err(Lost::Unknown(text)) => {
                let error = unknown.insert(DbError::Unavailable(text)).clone();
                (error, repeatable && take_one(&mut retries))
            }
            Err(Lost::Timeout) => {
                let error = unknown.insert(DbError::Timeout).clone();
                (error, repeatable && take_one(&mut retries))
            }
        };
        // full jitter, so that those who collided do not meet again
        let nap = rand::random_range(Duration::ZERO..pause);
        if !again || Instant::now() + nap >= end {
            return Err(error);
        }
        tokio::time::sleep(nap).await;
        pause = LAST_PAUSE.min(pause * 2);
    }
}

/// Takes one, if there is one.
fn take_one(left: &mut u32) -> bool {
    let some = *left > 0;
    *left = left.saturating_sub(1);
    some
}
