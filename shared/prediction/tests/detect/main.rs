//! What is true of the detector, seen from outside, on series whose nature is known: how seldom it cries wolf, what it finds,
//! and what it promises whatever it is shown.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod acts;
mod aftermath;
#[path = "../bytes/mod.rs"]
mod bytes;
mod complaints;
mod corpus;
mod evidence;
mod false_alarms;
mod fuzz;
mod golden;
mod incidents;
mod injected;
mod learning;
mod level_shifts;
mod marks;
mod options;
mod original;
mod promises;
mod recall;
mod silence;
mod state;
mod watch;
