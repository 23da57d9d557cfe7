//! Who is told: a receiver that is well, and two that are not.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

use crate::receiver::{Answer, Message, Receiver};

/// A message that a receiver took.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    /// its `webhook-id`
    pub(super) id: String,
    /// its body
    pub(super) body: Value,
}

/// How often a receiver that is not well fails at one message: fewer than there are attempts, or it would be a dead letter.
const FAILURES: usize = 2;

/// How a receiver behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// takes everything
    Well,
    /// refuses for now, or takes a message and cuts the line before it has said so
    Failing,
    /// does not answer, or takes a message and does not say so
    Hanging,
}

impl Manner {
    pub(super) const ALL: [Self; 3] = [Self::Well, Self::Failing, Self::Hanging];
}

/// A receiver with what it took.
pub(super) struct Told {
    pub(super) manner: Manner,
    receiver: Receiver,
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl Told {
    pub(super) async fn start(manner: Manner, seed: u64) -> Self {
        let taken: Arc<Mutex<Vec<Taken>>> = Arc::default();
        let receiver = Receiver::start(script(manner, seed, Arc::clone(&taken))).await;
        Self {
            manner,
            receiver,
            taken,
        }
    }

    /// Where it is.
    pub(super) fn url(&self) -> String {
        self.receiver.url("/")
    }

    /// From here on it takes everything.
    pub(super) fn recover(&self) {
        self.receiver.change(script(Manner::Well, 0, Arc::clone(&self.taken)));
    }

    /// What it took, again and again included.
    pub(super) fn taken(&self) -> Vec<Taken> {
        self.taken.lock().expect("what was taken").clone()
    }

    /// How many messages it took twice or more often, of how many.
    pub(super) fn duplicates(&self) -> (usize, usize) {
        let taken = self.taken();
        let ids: HashSet<&str> = taken.iter().map(|taken| taken.id.as_str()).collect();
        (taken.len() - ids.len(), taken.len())
    }
}

fn script(
    manner: Manner,
    seed: u64,
    taken: Arc<Mutex<Vec<Taken>>>,
) -> impl Fn(&Message) -> Answer + Send + Sync + 'static {
    let rng = Mutex::new(StdRng::seed_from_u64(seed));
    let failures: Mutex<HashMap<String, usize>> = Mutex::default();
    move |message| {
        let dice = rng.lock().expect("the dice").random_range(0..10);
        let mut failures = failures.lock().expect("the failures");
        let failures = failures.entry(message.id().to_owned()).or_default();
        let (takes, answer) = match (manner, dice) {
            (Manner::Well, _) | (_, 0..4) => (true, Answer::Status(200)),
            _ if *failures == FAILURES => (true, Answer::Status(200)),
            (Manner::Failing, 4..7) => (false, Answer::Status(503)),
            (Manner::Failing, 7) => (false, Answer::Reset),
            (Manner::Failing, _) => (true, Answer::Reset),
            (Manner::Hanging, 4..8) => (false, Answer::Hang),
            (Manner::Hanging, _) => (true, Answer::Hang),
        };
        *failures += usize::from(!matches!(answer, Answer::Status(200)));
        if takes {
            taken.lock().expect("what was taken").push(Taken {
                id: message.id().to_owned(),
                body: message.json(),
            });
        }
        answer
    }
}
