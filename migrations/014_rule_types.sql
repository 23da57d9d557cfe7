-- Rules that wait for late points, and are quiet about series that are new.
ALTER TABLE alert_rules ADD COLUMN delay_ms INTEGER NOT NULL DEFAULT 0; -- how old a point must be before the rule sees it
ALTER TABLE alert_rules ADD COLUMN grace_ms INTEGER NOT NULL DEFAULT 0; -- how old a series must be before the rule fires
