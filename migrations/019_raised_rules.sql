-- The rule as it raised alerts is kept once, not with each alert: a rule over ten thousand series raises as many in a minute.
CREATE TABLE raised_rules (
    org_id     TEXT NOT NULL,
    rule_id    TEXT NOT NULL,
    print      TEXT NOT NULL, -- hash of the definition; an alert's id where it is from before this table
    definition TEXT NOT NULL, -- JSON
    PRIMARY KEY (org_id, rule_id, print)
) WITHOUT ROWID, STRICT;

ALTER TABLE alerts ADD COLUMN rule_print TEXT; -- null for alerts that are older than the rule is kept

INSERT INTO raised_rules (org_id, rule_id, print, definition)
SELECT org_id, rule_id, min(alert_id), rule FROM alerts WHERE rule IS NOT NULL GROUP BY org_id, rule_id, rule;

UPDATE alerts SET rule_print = (
    SELECT r.print FROM raised_rules AS r
    WHERE r.org_id = alerts.org_id AND r.rule_id = alerts.rule_id AND r.definition = alerts.rule)
WHERE rule IS NOT NULL;

ALTER TABLE alerts DROP COLUMN rule;
