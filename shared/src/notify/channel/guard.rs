//! What must hold of a channel when something is written about it: steps that raise, so that the rest rolls back.

use crate::id::ChannelId;
use db::{Step, args, raise};

/// The organization has this channel.
pub(in crate::notify) fn exists(id: &ChannelId) -> Step {
    Step::tenant(
        concat!(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM notification_channels
                WHERE org_id = (SELECT org_id FROM authority) AND channel_id = ?2 AND deleted_at IS NULL) THEN 1 ELSE ",
            raise!(),
            " END"
        ),
        args![id],
    )
}

/// It is enabled.
pub(in crate::notify) fn is_enabled(id: &ChannelId) -> Step {
    Step::tenant(
        concat!(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM notification_channels
                WHERE org_id = (SELECT org_id FROM authority) AND channel_id = ?2 AND enabled = 1) THEN 1 ELSE ",
            raise!(),
            " END"
        ),
        args![id],
    )
}
