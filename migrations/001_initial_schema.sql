-- The core: organizations, their series and points, forecasts, anomalies, alert rules and alerts.
-- Times are epoch milliseconds UTC. org_id leads the primary key of every tenant table. Tables are
-- WITHOUT ROWID, because a hosted libSQL bills each further b-tree as a row written.

CREATE TABLE organizations (
    org_id      TEXT    NOT NULL PRIMARY KEY,
    name        TEXT    NOT NULL UNIQUE,
    environment TEXT    NOT NULL CHECK (environment IN ('live', 'test')),
    time_zone   TEXT    NOT NULL DEFAULT 'UTC',
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) WITHOUT ROWID, STRICT;

-- One row a series: what it is called, and what maintenance last knew of it.
CREATE TABLE time_series (
    org_id      TEXT    NOT NULL,
    series_id   INTEGER NOT NULL CHECK (series_id >= 0),
    metric_key  TEXT    NOT NULL,
    dimensions  TEXT    NOT NULL, -- JSON object, keys in byte order
    resolution  INTEGER,          -- median step in ms, as of the last maintenance
    start_time  INTEGER,
    point_count INTEGER,          -- as of the last maintenance
    maintained_at INTEGER,        -- when that was
    deleted_seq INTEGER,          -- the tombstone that the next fold must pass
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (org_id, series_id)
) WITHOUT ROWID, STRICT;

CREATE INDEX time_series_by_key ON time_series (org_id, metric_key, series_id);

-- The canonical spine of points: packed chunks of one series, not overlapping.
CREATE TABLE metrics (
    org_id    TEXT    NOT NULL,
    series_id INTEGER NOT NULL,
    start_ts  INTEGER NOT NULL,
    end_ts    INTEGER NOT NULL,
    points    INTEGER NOT NULL, -- how many
    blob      BLOB    NOT NULL,
    PRIMARY KEY (org_id, series_id, start_ts)
) WITHOUT ROWID, STRICT;

-- Forecasts that somebody asked for.
CREATE TABLE forecasts (
    org_id      TEXT    NOT NULL,
    forecast_id TEXT    NOT NULL,
    series_id   INTEGER NOT NULL,
    backend     TEXT    NOT NULL,
    frequency   TEXT    NOT NULL,
    horizon     INTEGER NOT NULL, -- steps
    origin      INTEGER NOT NULL, -- the last observation that it knew
    model_info  TEXT    NOT NULL, -- JSON object
    predictions BLOB    NOT NULL, -- packed: shared/src/forecasting/packed.rs
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (org_id, forecast_id)
) WITHOUT ROWID, STRICT;

CREATE INDEX forecasts_by_series ON forecasts (org_id, series_id, forecast_id);

CREATE TABLE anomalies (
    org_id      TEXT    NOT NULL,
    anomaly_id  TEXT    NOT NULL,
    series_id   INTEGER NOT NULL,
    timestamp   INTEGER NOT NULL,
    observed    REAL,
    expected    REAL,
    lower       REAL,
    upper       REAL,
    score       REAL    NOT NULL,
    severity    TEXT    NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    kind        TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    detected_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, anomaly_id)
) WITHOUT ROWID, STRICT;

CREATE TABLE alert_rules (
    org_id          TEXT    NOT NULL,
    rule_id         TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    metric_key      TEXT    NOT NULL,
    dimensions      TEXT    NOT NULL, -- JSON object; matches by subset
    severity        TEXT    NOT NULL CHECK (severity IN ('info', 'warning', 'error', 'critical')),
    condition       TEXT    NOT NULL, -- JSON object
    channels        TEXT    NOT NULL, -- JSON array of channel ids
    for_ms          INTEGER NOT NULL DEFAULT 0,
    keep_firing_ms  INTEGER NOT NULL DEFAULT 0,
    no_data_ms      INTEGER,
    enabled         INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    deleted_at      INTEGER, -- a tombstone until the closing messages are out
    PRIMARY KEY (org_id, rule_id)
) WITHOUT ROWID, STRICT;

-- An alert is born at firing or no_data. HTTP writes requested_* and acknowledged_*, the tick all else.
CREATE TABLE alerts (
    org_id               TEXT    NOT NULL,
    alert_id             TEXT    NOT NULL,
    rule_id              TEXT    NOT NULL,
    series_id            INTEGER NOT NULL, -- -1 for composite rules
    status               TEXT    NOT NULL CHECK (status IN ('firing', 'no_data', 'resolved')),
    severity             TEXT    NOT NULL,
    started_at           INTEGER NOT NULL,
    resolved_at          INTEGER,
    value                REAL,
    summary              TEXT    NOT NULL,
    reason               TEXT    NOT NULL,
    acknowledged_at      INTEGER,
    acknowledged_by      TEXT,
    requested_resolve_at INTEGER,
    requested_resolve_by TEXT,
    PRIMARY KEY (org_id, alert_id)
) WITHOUT ROWID, STRICT;

CREATE UNIQUE INDEX one_open_alert ON alerts (org_id, rule_id, series_id) WHERE status <> 'resolved';

-- What the next tick has to resolve because somebody asked for it: almost always empty.
CREATE INDEX alerts_to_resolve ON alerts (org_id, alert_id) WHERE requested_resolve_at IS NOT NULL AND status <> 'resolved';

CREATE TABLE ingestion_sources (
    org_id     TEXT    NOT NULL,
    source_id  TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    type       TEXT    NOT NULL,
    config     TEXT    NOT NULL DEFAULT '{}',
    enabled    INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, source_id)
) WITHOUT ROWID, STRICT;
