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
ALTER TABLE notification_channels ADD COLUMN templates TEXT;         -- JSON: shared/src/notify/channel/template.rs; null: the default words

ALTER TABLE deliveries ADD COLUMN note TEXT; -- what is to be said about a message that was sent all the same

-- Who gets the mail of a channel: only who has confirmed it.
CREATE TABLE channel_recipients (
    org_id     TEXT    NOT NULL,
    channel_id TEXT    NOT NULL,
    address    TEXT    NOT NULL,
    standing   TEXT    NOT NULL CHECK (standing IN ('pending', 'confirmed', 'unsubscribed')),
    token_hash BLOB    NOT NULL, -- of the token in the links of its mails
    token      BLOB    NOT NULL, -- sealed
    ask_at     INTEGER NOT NULL, -- when it is asked next, wall time
    asked      INTEGER NOT NULL, -- how often it was asked, a day apart
    listed     INTEGER NOT NULL DEFAULT 1 CHECK (listed IN (0, 1)), -- 0: the channel names it no longer; kept so that nobody is asked anew
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, channel_id, address)
) WITHOUT ROWID, STRICT;

CREATE UNIQUE INDEX channel_recipients_by_token ON channel_recipients (token_hash);
CREATE INDEX channel_recipients_to_ask ON channel_recipients (ask_at) WHERE standing = 'pending' AND listed = 1;
CREATE INDEX channel_recipients_asked ON channel_recipients (address, ask_at) WHERE asked > 0;
