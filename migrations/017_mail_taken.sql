-- Mail to several recipients is one message: each is written to once, whatever the server says of the others.

-- JSON: of a mail, each recipient whom the server has taken it for, or refused for good, with the code that it answered.
ALTER TABLE outbox ADD COLUMN settled TEXT NOT NULL DEFAULT '{}';
