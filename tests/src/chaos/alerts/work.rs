//! What a process of the run does: one tick or one delivery, as its function does them.

use std::sync::Arc;
use std::time::Duration;

use db::Db;
use evaluate_alerts::{Count, Unlimited};
use intentvision::App;
use intentvision::clock::{Clock, Millis};
use intentvision::config::{Config, Secret};
use intentvision::id::Entropy;
use intentvision::notify::Sender;
use intentvision::notify::address::Reach;
use intentvision::notify::connector::SystemNetwork;
use intentvision::notify::delivery;
use intentvision::notify::sender::Limits;
use intentvision::secrets::Sealer;

/// How long a receiver is waited for: some of them never answer.
const PATIENCE: Duration = Duration::from_millis(200);
/// Attempts of one delivery.
const ATTEMPTS: usize = 500;

/// A piece of work.
#[derive(Debug, Clone, Copy)]
pub enum Work {
    /// the tick that this minute's event asks for
    Tick(Millis),
    /// a drain of the outbox
    Deliver,
}

/// Does it on this database, at this product time, and with the database's wall clock so far ahead.
///
/// # Panics
/// If the database does not open, or the work fails.
pub async fn work(work: Work, url: &str, secret_key: &str, now: Millis, ahead: Millis) {
    let db: Arc<dyn Db> = match url.strip_prefix("file:") {
        Some(path) => {
            Arc::new(db_embedded::open(path.as_ref(), db_embedded::Options::default()).expect("the file opens"))
        }
        None => db_remote::connect(url, None).expect("a client"),
    };
    let config = Config {
        allow_private_webhooks: true,
        ..Config::default()
    };
    let sealer = Sealer::new(&Secret::new(secret_key.to_owned())).expect("a key");
    let clock = Clock::at(now).with_wall_offset(ahead);
    let app = App::new(db, clock, Entropy::system(), config, Some(sealer));
    match work {
        Work::Tick(minute) => {
            let summary = evaluate_alerts::run(&app, minute, &mut Unlimited, &mut Count(0)).await;
            let failed = summary.expect("the database answers").failed;
            assert_eq!(failed, 0, "an organization failed");
        }
        Work::Deliver => {
            let limits = Limits {
                total: PATIENCE,
                ..Limits::default()
            };
            let sender = Sender::new(Arc::new(SystemNetwork), Reach::Private, limits);
            delivery::drain(&app, &sender, ATTEMPTS)
                .await
                .expect("the database answers");
        }
    }
}
