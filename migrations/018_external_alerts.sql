-- What an external source says of an alert beside its labels, which are its series.
CREATE TABLE external_alerts (
    org_id        TEXT    NOT NULL,
    series_id     INTEGER NOT NULL,
    annotations   TEXT    NOT NULL, -- JSON object of texts
    generator_url TEXT    NOT NULL,
    starts_at     INTEGER NOT NULL,
    PRIMARY KEY (org_id, series_id)
) WITHOUT ROWID, STRICT;
