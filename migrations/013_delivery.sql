-- Delivery: endpoints that fail are left in peace for a while, what is above a channel's rate is told in a digest, and
-- dead letters are sent again.

-- Endpoints that did not take the last message, or asked for time. No row: the endpoint is well.
CREATE TABLE breakers (
    org_id     TEXT    NOT NULL,
    endpoint   TEXT    NOT NULL, -- a channel's id, or the `host:port` that channels share
    host       TEXT,             -- of a channel whose last attempt found no host that answers: that host's endpoint
    failures   INTEGER NOT NULL, -- one after the other
    since      INTEGER NOT NULL, -- the first of them; wall time
    retry_at   INTEGER NOT NULL, -- nothing is sent before; wall time
    last_error TEXT    NOT NULL,
    PRIMARY KEY (org_id, endpoint)
) WITHOUT ROWID, STRICT;

CREATE INDEX breakers_by_host ON breakers (org_id, host) WHERE host IS NOT NULL;

-- Messages in five minutes; more become a digest. Null: as usual for the type.
ALTER TABLE notification_channels ADD COLUMN rate_limit INTEGER;

ALTER TABLE outbox ADD COLUMN first_attempt_at INTEGER;           -- wall time
ALTER TABLE outbox ADD COLUMN spent INTEGER NOT NULL DEFAULT 0;   -- attempts before it was last replayed
ALTER TABLE outbox ADD COLUMN digest_of INTEGER NOT NULL DEFAULT 0; -- a digest: of so many messages
ALTER TABLE outbox ADD COLUMN digest_id TEXT;                     -- the digest that tells it, of a superseded one

CREATE INDEX outbox_first_attempt ON outbox (org_id, channel_id, first_attempt_at) WHERE first_attempt_at IS NOT NULL;
CREATE INDEX outbox_dead ON outbox (org_id, channel_id) WHERE state = 'dead';
CREATE INDEX outbox_by_digest ON outbox (org_id, digest_id) WHERE digest_id IS NOT NULL;

-- Pictures that messages link to, for a day.
CREATE TABLE pictures (
    org_id     TEXT    NOT NULL,
    message_id TEXT    NOT NULL,
    png        BLOB    NOT NULL,
    created_at INTEGER NOT NULL, -- wall time
    PRIMARY KEY (org_id, message_id)
) WITHOUT ROWID, STRICT;

CREATE INDEX pictures_by_age ON pictures (created_at);
