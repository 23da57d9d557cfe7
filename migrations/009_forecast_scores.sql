-- Stored forecasts are held against what came true, and each series keeps a history of its forecasts' errors.
ALTER TABLE forecasts ADD COLUMN shown TEXT;       -- JSON: the levels and quantiles asked for; null: each interval there is
ALTER TABLE forecasts ADD COLUMN naive_error REAL; -- mean absolute error of seasonal naive within the history; null: not known
ALTER TABLE forecasts ADD COLUMN score_at INTEGER; -- when to look whether all actual values are there; null: done
ALTER TABLE forecasts ADD COLUMN score TEXT;       -- JSON: error and coverage, once all actual values were there

-- the pass puts those that have not ended off until they have
UPDATE forecasts SET score_at = created_at;

CREATE INDEX forecasts_to_score ON forecasts (org_id, score_at) WHERE score_at IS NOT NULL;

CREATE TABLE forecast_errors (
    org_id        TEXT    NOT NULL,
    series_id     INTEGER NOT NULL,
    until         INTEGER NOT NULL, -- the end of the last forecast that counts; those that begin before overlap it
    forecasts     INTEGER NOT NULL, -- of which mean and variance are made
    mean          REAL    NOT NULL, -- of the log of each forecast's error over the expected one
    variance      REAL    NOT NULL,
    cusum         REAL    NOT NULL, -- the evidence that errors have grown: shared/prediction/src/drift.rs
    run_since     INTEGER,          -- when the first forecast since it was 0 began; null while it is
    run_forecasts INTEGER NOT NULL,
    run_mean      REAL    NOT NULL,
    drifting      INTEGER NOT NULL,
    PRIMARY KEY (org_id, series_id)
) WITHOUT ROWID, STRICT;
