-- Channels of every type: what their receivers remember of us, and what they are told.

-- What the receiver of a channel calls the first message of a group: later ones edit it, or answer to it.
CREATE TABLE channel_threads (
    org_id     TEXT    NOT NULL,
    channel_id TEXT    NOT NULL,
    group_key  TEXT    NOT NULL, -- what the messages have in common, from the first to the resolve
    thread     TEXT    NOT NULL,
    at         INTEGER NOT NULL, -- wall time
    PRIMARY KEY (org_id, channel_id, group_key)
) WITHOUT ROWID, STRICT;

ALTER TABLE notification_channels ADD COLUMN previous_until INTEGER; -- wall time: until then a webhook is signed with the secret before, too
ALTER TABLE notification_channels ADD COLUMN disabled_because TEXT;  -- null: enabled, or disabled by its owner
