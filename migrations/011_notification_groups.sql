-- Who is told what: the alerts of one rule go to a channel as a group, from its first message to the end of all of them.
ALTER TABLE alert_rules ADD COLUMN routing TEXT NOT NULL DEFAULT '{}'; -- JSON: shared/src/alerting/routing.rs

-- Stage 2 of the tick: how far it is, and whether something beside transitions asks for its attention.
ALTER TABLE org_state ADD COLUMN notices_version INTEGER NOT NULL DEFAULT 0; -- compared and set by each of its writes
ALTER TABLE org_state ADD COLUMN notices_minute INTEGER NOT NULL DEFAULT 0;  -- the last minute that it has decided
ALTER TABLE org_state ADD COLUMN notices_asked INTEGER NOT NULL DEFAULT 0;   -- grows with each change of what is told to whom
ALTER TABLE org_state ADD COLUMN notices_seen INTEGER NOT NULL DEFAULT 0;    -- as it was in the last decision

-- What stage 2 knows of an alert: it may be behind stage 1. Null: nothing yet, or all is told.
ALTER TABLE alerts ADD COLUMN noticed TEXT CHECK (noticed IN ('firing', 'no_data', 'over'));
ALTER TABLE alerts ADD COLUMN noticed_seq INTEGER; -- the last transition that it has read
CREATE INDEX alerts_noticed ON alerts (org_id, rule_id) WHERE noticed IS NOT NULL;

-- The rules with alerts that are not all told, and when to look at them if nothing changes before.
CREATE TABLE notice_rules (
    org_id  TEXT NOT NULL,
    rule_id TEXT NOT NULL,
    due     INTEGER, -- a minute of product time; null: only when something changes
    PRIMARY KEY (org_id, rule_id)
) WITHOUT ROWID, STRICT;

-- One group at one channel. It is closed when all its alerts are over and that is told.
CREATE TABLE notification_groups (
    org_id     TEXT    NOT NULL,
    channel_id TEXT    NOT NULL,
    group_id   TEXT    NOT NULL,
    rule_id    TEXT    NOT NULL,
    labels     TEXT    NOT NULL, -- JSON object: the dimensions that split the rule's alerts, with the values of this group
    flush      INTEGER NOT NULL, -- the number of its last message
    last_at    INTEGER NOT NULL, -- the minute of that, product time
    closed     INTEGER NOT NULL CHECK (closed IN (0, 1)),
    PRIMARY KEY (org_id, channel_id, group_id)
) WITHOUT ROWID, STRICT;

CREATE INDEX notification_groups_open ON notification_groups (org_id, rule_id) WHERE closed = 0;

-- What a channel was told of an alert.
CREATE TABLE group_alerts (
    org_id     TEXT    NOT NULL,
    alert_id   TEXT    NOT NULL,
    channel_id TEXT    NOT NULL,
    group_id   TEXT    NOT NULL,
    told       INTEGER NOT NULL, -- bits: 1 that it fires, 2 that its series is silent, 4 that it is acknowledged
    told_at    INTEGER NOT NULL, -- the minute of the first of these
    flush_from INTEGER,          -- the message that told of it first; null: it was over before there was one
    flush_to   INTEGER,          -- the message that told its end
    PRIMARY KEY (org_id, alert_id, channel_id)
) WITHOUT ROWID, STRICT;

CREATE INDEX group_alerts_by_group ON group_alerts (org_id, channel_id, group_id);

CREATE TABLE silences (
    org_id     TEXT    NOT NULL,
    silence_id TEXT    NOT NULL,
    matchers   TEXT    NOT NULL, -- JSON object: shared/src/alerting/silence.rs
    reason     TEXT    NOT NULL,
    created_at INTEGER NOT NULL, -- product time
    created_by TEXT    NOT NULL,
    ends_at    INTEGER,          -- product time; null: when all that it mutes is over
    ended_by   TEXT,             -- who ended it before its time
    PRIMARY KEY (org_id, silence_id)
) WITHOUT ROWID, STRICT;

CREATE INDEX silences_by_end ON silences (org_id, ends_at);

CREATE TABLE mute_schedules (
    org_id      TEXT    NOT NULL,
    schedule_id TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    time_zone   TEXT,             -- an IANA name; null: that of the organization
    times       TEXT    NOT NULL, -- JSON: shared/src/alerting/schedule.rs
    channels    TEXT    NOT NULL, -- JSON array of ids: those that it keeps quiet whatever the rule
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (org_id, schedule_id)
) WITHOUT ROWID, STRICT;

-- What was told until now: each alert is a group of its own.
INSERT INTO notification_groups (org_id, channel_id, group_id, rule_id, labels, flush, last_at, closed)
SELECT o.org_id, o.channel_id, 'grp_' || substr(o.alert_id, 7), a.rule_id, '{}', max(o.transition_seq), max(o.occurred_at),
       max(o.type = 'alert.resolved')
FROM outbox AS o JOIN alerts AS a ON a.org_id = o.org_id AND a.alert_id = o.alert_id
WHERE o.type <> 'test' AND (o.attempts > 0 OR o.state IN ('pending', 'recorded', 'delivered'))
GROUP BY o.org_id, o.channel_id, o.alert_id;

INSERT INTO group_alerts (org_id, alert_id, channel_id, group_id, told, told_at, flush_from, flush_to)
SELECT o.org_id, o.alert_id, o.channel_id, 'grp_' || substr(o.alert_id, 7),
       max(o.type = 'alert.firing') + 2 * max(o.type = 'alert.no_data'), min(o.occurred_at), min(o.transition_seq),
       max(CASE WHEN o.type = 'alert.resolved' THEN o.transition_seq END)
FROM outbox AS o
WHERE o.type <> 'test' AND (o.attempts > 0 OR o.state IN ('pending', 'recorded', 'delivered'))
GROUP BY o.org_id, o.alert_id, o.channel_id;

UPDATE alerts SET noticed_seq = (
    SELECT max(t.seq) FROM transitions AS t JOIN org_state AS s ON s.org_id = t.org_id
    WHERE t.org_id = alerts.org_id AND t.alert_id = alerts.alert_id AND t.seq <= s.notified_seq);

UPDATE alerts SET noticed = (
    SELECT t.to_state FROM transitions AS t WHERE t.org_id = alerts.org_id AND t.seq = alerts.noticed_seq AND t.to_state <> 'resolved');

INSERT INTO notice_rules (org_id, rule_id, due)
SELECT DISTINCT org_id, rule_id, 0 FROM alerts WHERE noticed IS NOT NULL;

-- Messages to channels. The id is a hash of (group, number, channel): the same on each attempt.
CREATE TABLE outbox_by_groups (
    org_id      TEXT    NOT NULL,
    message_id  TEXT    NOT NULL,
    channel_id  TEXT    NOT NULL,
    group_id    TEXT    NOT NULL, -- '' for a test call
    flush       INTEGER NOT NULL, -- which message of its group, counted up; 0 for a test call
    type        TEXT    NOT NULL CHECK (type IN ('alert.firing', 'alert.no_data', 'alert.acknowledged', 'alert.resolved', 'test')),
    why         TEXT,             -- shared/src/notify/notice.rs; null for a test call
    occurred_at INTEGER NOT NULL, -- the minute that decided it, product time
    state       TEXT    NOT NULL CHECK (state IN ('pending', 'delivered', 'superseded', 'recorded', 'dead')),
    body        TEXT,             -- frozen by the first attempt
    attempts    INTEGER NOT NULL DEFAULT 0,
    due_at      INTEGER NOT NULL, -- wall time, as all that follow
    lease_until INTEGER NOT NULL DEFAULT 0,
    lease_token INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,
    last_status INTEGER,
    last_error  TEXT,
    PRIMARY KEY (org_id, message_id)
) WITHOUT ROWID, STRICT;

INSERT INTO outbox_by_groups
SELECT org_id, message_id, channel_id, iif(type = 'test', '', 'grp_' || substr(alert_id, 7)), transition_seq, type,
       CASE type WHEN 'test' THEN NULL WHEN 'alert.resolved' THEN 'resolved' ELSE 'first' END,
       occurred_at, state, body, attempts, due_at, lease_until, lease_token, created_at, last_status, last_error
FROM outbox;

DROP TABLE outbox;
ALTER TABLE outbox_by_groups RENAME TO outbox;
CREATE INDEX outbox_due ON outbox (due_at) WHERE state = 'pending';
CREATE INDEX outbox_in_flight ON outbox (org_id, channel_id, lease_until) WHERE state = 'pending';
CREATE INDEX outbox_by_group ON outbox (org_id, channel_id, group_id, flush);
