-- Why somebody was paged, as it was in that minute: rules are edited, and detectors learn.
ALTER TABLE alerts ADD COLUMN rule TEXT;          -- JSON: the rule as it raised the alert; null for alerts from before
ALTER TABLE transitions ADD COLUMN evidence TEXT; -- JSON: shared/src/alerting/evidence.rs; null where the value says it all
