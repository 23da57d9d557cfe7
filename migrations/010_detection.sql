-- Detection of anomalies in the tick.
ALTER TABLE org_state ADD COLUMN detection TEXT; -- JSON: shared/src/detection/settings.rs; null: off
ALTER TABLE org_state ADD COLUMN detection_at INTEGER; -- when that was set last: it counts from the next minute on

-- An anomaly is an incident: the tick writes it when it opens, gets worse and ends; HTTP writes label_* alone.
ALTER TABLE anomalies ADD COLUMN at INTEGER;        -- the point that tells it: the worst so far; `timestamp` is where it began
ALTER TABLE anomalies ADD COLUMN ended_at INTEGER;  -- null: open
ALTER TABLE anomalies ADD COLUMN ending TEXT CHECK (ending IN ('recovered', 'new_normal', 'marked')); -- null and ended: nobody watches any longer
ALTER TABLE anomalies ADD COLUMN direction TEXT NOT NULL DEFAULT 'both' CHECK (direction IN ('both', 'up', 'down'));
ALTER TABLE anomalies ADD COLUMN member TEXT NOT NULL DEFAULT 'residual';
ALTER TABLE anomalies ADD COLUMN evidence REAL NOT NULL DEFAULT 0; -- -log10 of the tail probability
ALTER TABLE anomalies ADD COLUMN ordinal INTEGER NOT NULL DEFAULT 1; -- which in its direction, of the series and month
ALTER TABLE anomalies ADD COLUMN group_id TEXT;
ALTER TABLE anomalies ADD COLUMN label TEXT CHECK (label IN ('expected', 'bad_data', 'real'));
ALTER TABLE anomalies ADD COLUMN labelled_at INTEGER;
ALTER TABLE anomalies ADD COLUMN labelled_by TEXT;

CREATE INDEX anomalies_by_time ON anomalies (org_id, timestamp, anomaly_id);
CREATE INDEX anomalies_by_series ON anomalies (org_id, series_id, timestamp, anomaly_id);
CREATE INDEX anomalies_by_group ON anomalies (org_id, group_id) WHERE group_id IS NOT NULL;
-- one of a series is open at most, as its detector has one incident
CREATE UNIQUE INDEX one_open_anomaly ON anomalies (org_id, series_id) WHERE ended_at IS NULL;

-- Incidents of several series at the same time.
CREATE TABLE anomaly_groups (
    org_id       TEXT    NOT NULL,
    group_id     TEXT    NOT NULL,
    started_at   INTEGER NOT NULL, -- the minute in which its first incident opened
    joined_at    INTEGER NOT NULL, -- the minute in which its last incident opened
    ended_at     INTEGER,          -- null while one of them is open
    series       INTEGER NOT NULL, -- how many incidents
    severity     TEXT    NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')), -- the worst of them
    contributors TEXT    NOT NULL, -- JSON array: shared/src/detection/contribution.rs
    PRIMARY KEY (org_id, group_id)
) WITHOUT ROWID, STRICT;

CREATE INDEX anomaly_groups_open ON anomaly_groups (org_id, joined_at) WHERE ended_at IS NULL;
CREATE INDEX anomaly_groups_of_several ON anomaly_groups (org_id, group_id) WHERE series > 1;

-- What users say of series and their incidents: written by HTTP, applied by the tick, in order.
CREATE TABLE detection_marks (
    org_id     TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    series_id  INTEGER NOT NULL,
    mark       TEXT    NOT NULL CHECK (mark IN ('expected', 'bad_data', 'real', 'new_normal')),
    at         INTEGER NOT NULL, -- the time in the series that it is about
    anomaly_id TEXT,             -- the incident, if it is about one
    created_at INTEGER NOT NULL,
    created_by TEXT    NOT NULL,
    applied_at INTEGER,          -- the minute of the tick; null: not yet
    PRIMARY KEY (org_id, seq)
) WITHOUT ROWID, STRICT;

CREATE INDEX detection_marks_to_apply ON detection_marks (org_id, seq) WHERE applied_at IS NULL;
CREATE INDEX detection_marks_by_series ON detection_marks (org_id, series_id, seq);

-- What detectors keep beyond the day: a row for about 64 neighbouring series.
CREATE TABLE detector_cold (
    org_id TEXT    NOT NULL,
    bucket INTEGER NOT NULL, -- (1 << bits) | prefix of the series_id
    blob   BLOB    NOT NULL,
    PRIMARY KEY (org_id, bucket)
) WITHOUT ROWID, STRICT;
