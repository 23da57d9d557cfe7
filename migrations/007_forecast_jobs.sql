-- Forecast jobs: the same forecast again and again, for every series of a selector; and the forecasts of rules.

ALTER TABLE forecast_jobs ADD COLUMN request TEXT NOT NULL DEFAULT '{}'; -- JSON: what POST /v1/forecasts takes, defaults filled in
ALTER TABLE forecast_jobs ADD COLUMN revision INTEGER NOT NULL DEFAULT 1; -- counts changes of the request
ALTER TABLE forecast_jobs ADD COLUMN schedule_ms INTEGER NOT NULL DEFAULT 86400000;
ALTER TABLE forecast_jobs ADD COLUMN enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1));
ALTER TABLE forecast_jobs ADD COLUMN scheduled_at INTEGER; -- the slot that is due or under way; next_run_at is later while a retry waits
ALTER TABLE forecast_jobs ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0; -- since the job last got on
ALTER TABLE forecast_jobs ADD COLUMN last_run_at INTEGER;
ALTER TABLE forecast_jobs ADD COLUMN last_series INTEGER;

CREATE INDEX forecast_jobs_due ON forecast_jobs (next_run_at) WHERE next_run_at IS NOT NULL;

-- The runs of a job: the one under way, the last two with their results, and of those before what became of their forecasts.
CREATE TABLE forecast_runs (
    org_id       TEXT    NOT NULL,
    job_id       TEXT    NOT NULL,
    run          INTEGER NOT NULL, -- 1, 2, ...
    revision     INTEGER NOT NULL, -- of the job
    input_seq    INTEGER NOT NULL, -- the log's newest batch when it began
    input_layout INTEGER NOT NULL, -- org_state.layout_version then: an import leaves no batch
    started_at   INTEGER NOT NULL,
    completed_at INTEGER,          -- NULL: it is under way
    next_series  INTEGER NOT NULL DEFAULT 0, -- where it goes on
    series       INTEGER NOT NULL DEFAULT 0, -- forecast so far
    skipped      INTEGER NOT NULL DEFAULT 0, -- series that could not be forecast
    reason       TEXT,                       -- why, for the first of them
    score        TEXT,                       -- JSON: sums of the errors that showed until its results went
    PRIMARY KEY (org_id, job_id, run)
) WITHOUT ROWID, STRICT;

CREATE UNIQUE INDEX one_run_for_an_input ON forecast_runs (org_id, job_id, revision, input_seq, input_layout);
CREATE UNIQUE INDEX one_run_under_way ON forecast_runs (org_id, job_id) WHERE completed_at IS NULL;

-- Up to 64 series of a run, packed (shared/src/forecasting/jobs/packed.rs); a series is in the row with the highest
-- first_series that is not above it. With rowid: the blobs are of any size.
CREATE TABLE forecast_results (
    org_id       TEXT    NOT NULL,
    job_id       TEXT    NOT NULL,
    run          INTEGER NOT NULL,
    first_series INTEGER NOT NULL,
    blob         BLOB    NOT NULL,
    PRIMARY KEY (org_id, job_id, run, first_series)
) STRICT;

-- What the last tick had no time for: run-forecasts makes up for it.
ALTER TABLE lanes ADD COLUMN forecasts_left INTEGER NOT NULL DEFAULT 0;

CREATE INDEX lanes_behind ON lanes (org_id) WHERE forecasts_left > 0;
