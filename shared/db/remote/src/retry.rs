use std::future::Future;
use std::time::Duration;

use db::DbError;

use crate::options::Options;
use crate::transport::Lost;

/// The longest pause before the first repetition; it doubles with each, up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// Repeats what may be repeated: always after a busy answer and where nothing was sent, and only if
/// the batch is repeatable where the request may have taken effect.
pub(crate) async fn attempts<T, F>(options: &Options, repeatable: bool, attempt: impl Fn() -> F) -> Result<T, DbError>
where
    F: Future<Output = Result<T, Lost>>,
{
    let mut pause = FIRST_PAUSE;
    for last in (0..=options.retries).map(|number| number == options.retries) {
        let (error, again) = match attempt().await {
            Ok(reply) => return Ok(reply),
            Err(Lost::Refused(DbError::Busy)) => (DbError::Busy, true),
            Err(Lost::Refused(error)) => (error, false),
            Err(Lost::Unsent(text)) => (DbError::Unavailable(text), true),
            Err(Lost::Unknown(text)) => (DbError::Unavailable(text), repeatable),
            Err(Lost::Timeout) => (DbError::Timeout, repeatable),
        };
        if last || !again {
            return Err(error);
        }
        // full jitter, so that those who collided do not meet again
        tokio::time::sleep(rand::random_range(Duration::ZERO..pause)).await;
        pause = LAST_PAUSE.min(pause * 2);
    }
    // not reached: the last attempt returns
    Err(DbError::Busy)
}
