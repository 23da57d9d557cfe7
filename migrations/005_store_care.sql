-- The daily tidy. From here on a segment may hold a point that a chunk holds, too, and wins: programs
-- that do not know this must not read.

ALTER TABLE org_state ADD COLUMN layout_version INTEGER NOT NULL DEFAULT 0; -- counts each change of metrics and metric_segments
ALTER TABLE org_state ADD COLUMN tidy_next INTEGER; -- the series with which the pass under way goes on; NULL: none is
ALTER TABLE org_state ADD COLUMN tidied_at INTEGER NOT NULL DEFAULT 0; -- when the newest pass began
