use crate::alerting::Span;
use crate::alerting::instance::Status;
use crate::alerting::tick::Change;
use crate::clock::Millis;
use crate::time;
use serde::Serialize;

/// An alert that would have been.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Episode {
    /// when it would have been raised
    #[serde(serialize_with = "time::rfc3339")]
    pub started_at: Millis,
    /// when it would have been resolved; none if it would be open at the end
    #[serde(serialize_with = "time::rfc3339_option")]
    pub ended_at: Option<Millis>,
    /// how long it would have been open, until the end at most
    pub lasted: Span,
    /// `firing`, or `no_data` if it never fired
    pub status: Status,
    /// the value at the start
    pub value: Option<f64>,
    /// why it would have been raised
    pub reason: String,
    /// why it would have been resolved
    pub ended_because: Option<String>,
}

/// The alerts that these changes make, in order.
pub(super) fn episodes(changes: &[Change], until: Millis) -> Vec<Episode> {
    let mut episodes: Vec<Episode> = Vec::new();
    let mut open = None;
    for change in changes {
        match episodes.last_mut().filter(|_| open == Some(&change.alert_id)) {
            Some(episode) if change.to == Status::Resolved => {
                episode.ended_at = Some(change.minute);
                episode.lasted = Span::from_millis(change.minute.saturating_sub(episode.started_at));
                episode.ended_because = Some(change.reason.clone());
                open = None;
            }
            Some(episode) if change.to == Status::Firing => episode.status = Status::Firing,
            Some(_) => {}
            None => {
                open = Some(&change.alert_id);
                episodes.push(Episode {
                    started_at: change.minute,
                    ended_at: None,
                    lasted: Span::from_millis(until.saturating_sub(change.minute)),
                    status: change.to,
                    value: change.value,
                    reason: change.reason.clone(),
                    ended_because: None,
                });
            }
        }
    }
    episodes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MINUTE;
    use crate::id::AlertId;

    fn change(minute: Millis, alert: u8, to: Status) -> Change {
        Change {
            minute: minute * MINUTE,
            alert_id: AlertId::derived(0, &[&[alert]]),
            to,
            value: Some(1.0),
            reason: format!("{minute}"),
        }
    }

    #[test]
    fn changes_of_one_alert_are_one_episode() {
        let changes = [
            change(1, 1, Status::NoData),
            change(2, 1, Status::Firing),
            change(5, 1, Status::Resolved),
            change(7, 2, Status::NoData),
            change(8, 2, Status::Resolved),
            change(9, 3, Status::Firing),
        ];
        let found = episodes(&changes, 19 * MINUTE);
        let told: Vec<_> = found
            .iter()
            .map(|episode| {
                (
                    episode.lasted.to_string(),
                    episode.status,
                    episode.ended_because.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("4m".to_owned(), Status::Firing, Some("5")),
                ("1m".to_owned(), Status::NoData, Some("8")),
                ("10m".to_owned(), Status::Firing, None),
            ]
        );
    }
}
