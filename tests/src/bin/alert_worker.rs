//! One tick or one delivery, in a process that can be killed:
//! `alert-worker tick|deliver DATABASE SECRET_KEY NOW AHEAD [MINUTE]`, times in milliseconds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper of the tests fails its test"
)]

use tests::chaos::alerts::{Work, work};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |text: &String| text.parse().expect("a number");
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "tick", url, key, ..] => {
            let [now, ahead, minute] = [4, 5, 6].map(|place| number(&arguments[place]));
            work(Work::Tick(minute), url, key, now, ahead).await;
        }
        [_, "deliver", url, key, ..] => {
            let [now, ahead] = [4, 5].map(|place| number(&arguments[place]));
            work(Work::Deliver, url, key, now, ahead).await;
        }
        _ => panic!("alert-worker tick|deliver DATABASE SECRET_KEY NOW AHEAD [MINUTE]"),
    }
}
