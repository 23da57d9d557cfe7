-- Who may do what: users and their memberships, API keys, connections; forecast jobs and channels.

CREATE TABLE users (
    user_id        TEXT    NOT NULL PRIMARY KEY,
    email          TEXT    NOT NULL UNIQUE COLLATE NOCASE,
    name           TEXT    NOT NULL,
    password_hash  TEXT,
    auth_provider  TEXT    NOT NULL DEFAULT 'internal',
    external_id    TEXT,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL
) WITHOUT ROWID, STRICT;

CREATE UNIQUE INDEX users_by_identity ON users (auth_provider, external_id) WHERE external_id IS NOT NULL;

CREATE TABLE user_org_memberships (
    org_id     TEXT    NOT NULL REFERENCES organizations (org_id),
    user_id    TEXT    NOT NULL REFERENCES users (user_id),
    role       TEXT    NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, user_id)
) WITHOUT ROWID, STRICT;

CREATE TABLE connections (
    org_id        TEXT    NOT NULL REFERENCES organizations (org_id),
    connection_id TEXT    NOT NULL UNIQUE,
    type          TEXT    NOT NULL CHECK (type IN ('webhook', 'api', 'airbyte')),
    status        TEXT    NOT NULL CHECK (status IN ('pending', 'active', 'error', 'disabled')),
    config        TEXT    NOT NULL DEFAULT '{}',
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (org_id, connection_id)
) WITHOUT ROWID, STRICT;

-- Only the SHA-256 of a key is kept. key_hash is a global look-up: it finds the organization.
CREATE TABLE api_keys (
    org_id        TEXT    NOT NULL REFERENCES organizations (org_id),
    key_id        TEXT    NOT NULL,
    key_hash      BLOB    NOT NULL UNIQUE CHECK (length(key_hash) = 32),
    user_id       TEXT,
    name          TEXT    NOT NULL,
    display       TEXT    NOT NULL, -- first characters, to recognise it by
    scopes        TEXT    NOT NULL, -- JSON array
    created_at    INTEGER NOT NULL,
    created_by    TEXT    NOT NULL,
    expires_at    INTEGER,
    revoked_at    INTEGER,
    revoked_by    TEXT,
    rotated_from  TEXT,
    last_used_at  INTEGER,
    PRIMARY KEY (org_id, key_id)
) WITHOUT ROWID, STRICT;

CREATE TABLE forecast_jobs (
    org_id      TEXT    NOT NULL REFERENCES organizations (org_id),
    job_id      TEXT    NOT NULL,
    metric_key  TEXT    NOT NULL,
    dimensions  TEXT    NOT NULL DEFAULT '{}',
    backend     TEXT    NOT NULL,
    status      TEXT    NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed')),
    horizon     INTEGER NOT NULL,
    frequency   TEXT,
    next_run_at INTEGER,
    last_error  TEXT,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (org_id, job_id)
) WITHOUT ROWID, STRICT;

CREATE TABLE notification_channels (
    org_id     TEXT    NOT NULL REFERENCES organizations (org_id),
    channel_id TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    type       TEXT    NOT NULL CHECK (type IN ('webhook', 'email', 'slack', 'pagerduty', 'teams', 'discord')),
    config     TEXT    NOT NULL, -- JSON object, without secrets
    secret     BLOB,             -- sealed
    enabled    INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    PRIMARY KEY (org_id, channel_id)
) WITHOUT ROWID, STRICT;
