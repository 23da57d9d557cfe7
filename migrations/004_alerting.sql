-- The tick: lanes and their state, transitions, and what leaves for the channels.

-- A range of an organization's series that is evaluated together, with its own watermark.
CREATE TABLE lanes (
    org_id       TEXT    NOT NULL,
    lane_id      INTEGER NOT NULL,
    first_series INTEGER NOT NULL,
    last_series  INTEGER NOT NULL,
    version      INTEGER NOT NULL DEFAULT 0, -- compared and set by each write of a tick
    active       INTEGER NOT NULL CHECK (active IN (0, 1)),
    watermark    INTEGER NOT NULL,           -- batches up to this seq are evaluated
    minute       INTEGER NOT NULL,           -- the last minute that is complete, epoch ms
    open_minute  INTEGER,                    -- the minute after it, if that is begun and not complete
    next_series  INTEGER NOT NULL DEFAULT 0, -- where the open minute goes on
    skipped      TEXT,                       -- JSON: the last gap that was skipped, for /health/ready
    PRIMARY KEY (org_id, lane_id)
) WITHOUT ROWID, STRICT;

CREATE INDEX lanes_skipped ON lanes (org_id) WHERE skipped IS NOT NULL;

-- What a lane remembers of its series and of each rule's instances: packed, up to 64 neighbouring series a row. A page
-- is named by the lowest series that may be in it; page -1 holds which rules the lane has met.
CREATE TABLE lane_state (
    org_id  TEXT    NOT NULL,
    lane_id INTEGER NOT NULL,
    page    INTEGER NOT NULL,
    blob    BLOB    NOT NULL,
    PRIMARY KEY (org_id, lane_id, page)
) WITHOUT ROWID, STRICT;

-- What forecast rules of one horizon look at: the newest with valid_from <= the minute counts; the last two are kept.
CREATE TABLE rule_forecasts (
    org_id     TEXT    NOT NULL,
    series_id  INTEGER NOT NULL,
    horizon    INTEGER NOT NULL, -- ms
    valid_from INTEGER NOT NULL,
    blob       BLOB    NOT NULL,
    PRIMARY KEY (org_id, series_id, horizon, valid_from)
) WITHOUT ROWID, STRICT;

CREATE TABLE transitions (
    org_id     TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    minute     INTEGER NOT NULL,
    alert_id   TEXT    NOT NULL,
    rule_id    TEXT    NOT NULL,
    series_id  INTEGER NOT NULL,
    from_state TEXT    NOT NULL,
    to_state   TEXT    NOT NULL,
    value      REAL,
    reason     TEXT    NOT NULL,
    PRIMARY KEY (org_id, seq)
) WITHOUT ROWID, STRICT;

CREATE INDEX transitions_by_alert ON transitions (org_id, alert_id, seq);

-- Messages to channels. The id is a hash of (alert, transition, channel): the same on each attempt.
CREATE TABLE outbox (
    org_id         TEXT    NOT NULL,
    message_id     TEXT    NOT NULL,
    channel_id     TEXT    NOT NULL,
    alert_id       TEXT    NOT NULL, -- '' for a test call
    transition_seq INTEGER NOT NULL, -- 0 for a test call
    type           TEXT    NOT NULL CHECK (type IN ('alert.firing', 'alert.no_data', 'alert.resolved', 'test')),
    occurred_at    INTEGER NOT NULL, -- the transition's minute, product time
    state          TEXT    NOT NULL CHECK (state IN ('pending', 'delivered', 'superseded', 'recorded', 'dead')),
    body           TEXT,             -- frozen by the first attempt
    attempts       INTEGER NOT NULL DEFAULT 0,
    due_at         INTEGER NOT NULL, -- wall time, as all that follow
    lease_until    INTEGER NOT NULL DEFAULT 0,
    lease_token    INTEGER NOT NULL DEFAULT 0,
    created_at     INTEGER NOT NULL,
    last_status    INTEGER,
    last_error     TEXT,
    PRIMARY KEY (org_id, message_id)
) WITHOUT ROWID, STRICT;

CREATE INDEX outbox_due ON outbox (due_at) WHERE state = 'pending';
CREATE INDEX outbox_in_flight ON outbox (org_id, channel_id, lease_until) WHERE state = 'pending';
CREATE INDEX outbox_by_alert ON outbox (org_id, alert_id, channel_id, transition_seq);

-- One row an attempt.
CREATE TABLE deliveries (
    org_id      TEXT    NOT NULL,
    message_id  TEXT    NOT NULL,
    attempt     INTEGER NOT NULL,
    channel_id  TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    outcome     TEXT    NOT NULL CHECK (outcome IN ('delivered', 'retry', 'dead')),
    status      INTEGER,
    error       TEXT,
    duration_ms INTEGER NOT NULL,
    PRIMARY KEY (org_id, message_id, attempt)
) WITHOUT ROWID, STRICT;
