-- What stage 2 looks for in groups that live long: members whose end is not told, and messages that told nobody.
CREATE INDEX group_alerts_unended ON group_alerts (org_id, channel_id, group_id) WHERE flush_to IS NULL;
CREATE INDEX outbox_untold ON outbox (org_id, channel_id, group_id, flush) WHERE attempts = 0 AND state IN ('dead', 'superseded');
