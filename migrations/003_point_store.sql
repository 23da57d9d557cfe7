-- The log-structured store of points in front of `metrics`: a log, then segments, then chunks.

-- One row an organization; ordinary ingest reads it and does not write it.
CREATE TABLE org_state (
    org_id           TEXT    NOT NULL PRIMARY KEY,
    compacted_seq    INTEGER NOT NULL DEFAULT 0, -- folded up to and including this one
    last_received_at INTEGER NOT NULL DEFAULT 0, -- of the newest batch that a trim deleted
    series_count     INTEGER NOT NULL DEFAULT 0,
    bucket_bits      INTEGER NOT NULL DEFAULT 0, -- of the newest buckets of metric_segments; never shrinks
    series_epoch     INTEGER NOT NULL DEFAULT 0, -- bumped by each deletion of a series
    config_version   INTEGER NOT NULL DEFAULT 0, -- bumped by each change of a rule
    due_at           INTEGER,                    -- something waits for the next tick since then
    notified_seq     INTEGER NOT NULL DEFAULT 0  -- stage 2 has consumed transitions up to this one
) WITHOUT ROWID, STRICT;

-- The log: one accepted request, one row.
CREATE TABLE metric_batches (
    org_id      TEXT    NOT NULL,
    seq         INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    backfill    INTEGER NOT NULL CHECK (backfill IN (0, 1)),
    provenance  TEXT,
    blob        BLOB    NOT NULL,
    PRIMARY KEY (org_id, seq)
) WITHOUT ROWID, STRICT;

-- Folded points of a bucket of neighbouring series, not yet enough for chunks of their own.
CREATE TABLE metric_segments (
    org_id   TEXT    NOT NULL,
    bucket   INTEGER NOT NULL, -- (1 << bits) | prefix of the series_id
    start_ts INTEGER NOT NULL,
    end_ts   INTEGER NOT NULL,
    blob     BLOB    NOT NULL,
    PRIMARY KEY (org_id, bucket, start_ts)
) WITHOUT ROWID, STRICT;

-- A request that was accepted under an Idempotency-Key, with its reply.
CREATE TABLE idempotency_keys (
    org_id       TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    request_hash BLOB    NOT NULL, -- SHA-256 of route and decoded body
    status       INTEGER NOT NULL,
    reply        TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (org_id, key)
) WITHOUT ROWID, STRICT;

-- Who works on what; a token only grows, so that a late writer can be fenced off.
CREATE TABLE leases (
    org_id TEXT    NOT NULL,
    name   TEXT    NOT NULL,
    owner  TEXT    NOT NULL,
    until  INTEGER NOT NULL,
    token  INTEGER NOT NULL,
    PRIMARY KEY (org_id, name)
) WITHOUT ROWID, STRICT;
