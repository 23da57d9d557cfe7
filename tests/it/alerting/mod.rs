//! Alerting end to end: the tick on a real database, and its rules and alerts over HTTP.

mod alert_detail;
mod anomalies;
mod composite;
mod crossings;
mod dry_run;
mod external;
mod external_clients;
mod fault;
mod forecasts;
mod histories;
mod http;
mod lane;
mod late;
mod quiet;
mod replay;
mod rig;
mod rule_types;
mod rules;
mod stage;
mod storm;
mod story;
mod telling;
