-- How far the import of a file has come; the row goes when it is done.
CREATE TABLE imports (
    org_id     TEXT    NOT NULL,
    import_id  TEXT    NOT NULL, -- what tells the file: a hash of its size, its ends and how it is read
    byte       INTEGER NOT NULL, -- how many bytes are done, decompressed
    line       INTEGER NOT NULL, -- how many lines
    points     INTEGER NOT NULL, -- stored so far
    refused    INTEGER NOT NULL, -- lines refused so far
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, import_id)
) WITHOUT ROWID, STRICT;
