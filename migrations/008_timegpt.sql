-- TimeGPT: the organizations' own keys, and what they used up.

CREATE TABLE timegpt_keys (
    org_id     TEXT    NOT NULL REFERENCES organizations (org_id),
    api_key    BLOB    NOT NULL, -- sealed: shared/src/secrets
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (org_id)
) WITHOUT ROWID, STRICT;

CREATE TABLE timegpt_usage (
    org_id          TEXT    NOT NULL,
    day             INTEGER NOT NULL, -- its first millisecond, UTC
    requests        INTEGER NOT NULL, -- each try counts, even one that found no connection
    failures        INTEGER NOT NULL, -- those of them without an answer of use
    input_tokens    INTEGER NOT NULL,
    output_tokens   INTEGER NOT NULL,
    finetune_tokens INTEGER NOT NULL,
    PRIMARY KEY (org_id, day)
) WITHOUT ROWID, STRICT;
