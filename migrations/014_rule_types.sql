-- Rules that wait for late points, and are quiet about series that are new.
ALTER TABLE alert_rules ADD COLUMN delay_ms INTEGER NOT NULL DEFAULT 0; -- how old a point must be before the rule sees it
ALTER TABLE alert_rules ADD COLUMN grace_ms INTEGER NOT NULL DEFAULT 0; -- how old a series must be before the rule fires

-- Where composite rules stand: one row each, once it was evaluated.
CREATE TABLE composite_states (
    org_id  TEXT NOT NULL,
    rule_id TEXT NOT NULL,
    blob    BLOB NOT NULL, -- shared/src/alerting/state/codec.rs
    PRIMARY KEY (org_id, rule_id)
) WITHOUT ROWID, STRICT;

ALTER TABLE org_state ADD COLUMN composite_minute INTEGER; -- up to which composite rules are evaluated
ALTER TABLE org_state ADD COLUMN composite_seq INTEGER NOT NULL DEFAULT 0; -- transitions up to this one belong to that minute or one before it
