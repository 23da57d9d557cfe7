//! How many messages a channel would have got.

use crate::alerting::instance::Status;
use crate::alerting::tick::Change;

/// One when an alert fires, one when its series goes silent, one when it is over.
pub(super) fn count(changes: &[Change]) -> usize {
    let mut messages = 0;
    let (mut alert, mut fired, mut last) = (None, false, None);
    for change in changes {
        if alert != Some(&change.alert_id) {
            (alert, fired, last) = (Some(&change.alert_id), false, None);
        }
        let told = match change.to {
            Status::Firing => !fired,
            Status::NoData => last != Some(Status::NoData),
            Status::Resolved => last.is_some(),
        };
        if told {
            messages += 1;
            fired |= change.to == Status::Firing;
            last = Some(change.to);
        }
    }
    messages
}
