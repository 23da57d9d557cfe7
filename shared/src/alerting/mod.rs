//! Alerting: rules, the state machine of their instances, the tick that drives it, and what is told.
//!
//! - [`rule`], [`condition`], [`instance`], [`outlook`]: pure; no clock, no database.
//! - [`state`]: what a lane remembers of its series, packed.
//! - [`tick`]: stage 1, which replays minutes and writes state, alerts and transitions.
//! - [`composite`]: rules over other rules, behind stage 1.
//! - [`notices`]: stage 2, which turns transitions into messages.
//! - [`silence`], [`schedule`]: what keeps alerts quiet; pure.
//! - [`rules`], [`alerts`], [`alert_detail`], [`instances`], [`silences`], [`schedules`]: what HTTP reads and writes.
//! - [`dry_run`]: what a rule would have done, with the code of the tick and nothing written.
//! - [`external`]: alerts that other systems found.
//! - [`gaps`]: what had to be skipped, for `/health/ready`.

pub mod alert_detail;
pub mod alerts;
pub mod composite;
pub mod condition;
pub mod dry_run;
mod evidence;
pub mod external;
pub mod gaps;
pub mod instance;
pub mod instances;
pub(crate) mod lanes;
mod name;
pub mod notices;
mod operator;
pub mod outlook;
mod references;
mod routing;
pub mod rule;
pub mod rules;
pub mod schedule;
pub mod schedules;
mod severity;
pub mod silence;
pub mod silences;
mod span;
pub mod state;
mod text;
pub mod tick;

pub use condition::Condition;
pub use operator::{Direction, Operator};
pub use routing::{Escalation, Notify, Routing};
pub use rule::{Definition, Draft, Rule};
pub use severity::Severity;
pub use span::Span;
