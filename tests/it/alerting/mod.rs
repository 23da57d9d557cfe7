//! Alerting end to end: the tick on a real database, and its rules and alerts over HTTP.

mod alert_detail;
mod anomalies;
mod dry_run;
mod external;
mod fault;
mod forecasts;
mod http;
mod lane;
mod quiet;
mod replay;
mod rig;
mod rules;
mod story;
mod telling;
