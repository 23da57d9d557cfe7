//! A tick in parts, each for one worker.

use intentvision::alerting::tick::Due;
use intentvision::clock::Millis;
use intentvision::id::OrgId;
use intentvision::time;
use serde::{Deserialize, Serialize};

/// Series of a part: what one worker evaluates within a few seconds, even if all of them fire.
const SERIES: u64 = 20_000;
/// What an organization counts for beside its series: its requests take as long as so many of them.
const ORGANIZATION: u64 = 500;

/// Organizations that one worker is to evaluate, up to a minute: a message of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// the minute, RFC 3339
    time: String,
    organizations: Vec<OrgId>,
}

impl Part {
    pub(crate) fn new(due: &[Due], scheduled: Millis) -> Self {
        Self {
            time: time::format(scheduled),
            organizations: due.iter().map(|one| one.org_id.clone()).collect(),
        }
    }

    /// The minute; `None` if it is not written as one.
    pub(crate) fn scheduled(&self) -> Option<Millis> {
        time::parse_rfc3339(&self.time)
    }

    pub(crate) fn organizations(&self) -> &[OrgId] {
        &self.organizations
    }

    pub(crate) fn message(&self) -> String {
        serde_json::json!(self).to_string()
    }
}

/// Parts of about 20,000 series, of neighbours in the list. An organization is in one of them, however large it is.
pub(crate) fn split(due: Vec<Due>) -> Vec<Vec<Due>> {
    let mut parts: Vec<Vec<Due>> = Vec::new();
    let mut weight = 0_u64;
    for one in due {
        let own = ORGANIZATION.saturating_add(one.series);
        weight = weight.saturating_add(own);
        match parts.last_mut().filter(|_| weight <= SERIES) {
            Some(part) => part.push(one),
            None => {
                weight = own;
                parts.push(vec![one]);
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn due(series: &[u64]) -> Vec<Due> {
        let one = |(at, series): (usize, &u64)| Due {
            org_id: OrgId::derived(0, &[&at.to_be_bytes()]),
            tombstones: false,
            composites: false,
            series: *series,
        };
        series.iter().enumerate().map(one).collect()
    }

    #[test]
    fn small_organizations_share_a_worker_and_a_large_one_has_its_own() {
        let sizes = |series: &[u64]| split(due(series)).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(&[100, 100, 100_000, 100, 19_000, 600]), [2, 1, 1, 1, 1]);
        assert_eq!(sizes(&[0; 40]), [40]);
        assert_eq!(sizes(&[0; 41]), [40, 1]);
        assert!(sizes(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn everyone_is_in_one_part_in_order(series in proptest::collection::vec(0..60_000_u64, 0..200), minute in 0..1_000_i64) {
            let due = due(&series);
            let parts = split(due.clone());
            prop_assert_eq!(parts.concat(), due);
            for part in &parts {
                let message = Part::new(part, minute * 60_000);
                prop_assert_eq!(message.scheduled(), Some(minute * 60_000));
                prop_assert_eq!(message.organizations().len(), part.len());
                prop_assert!(!part.is_empty() && part.len() <= 40);
                let read: Part = serde_json::from_str(&message.message()).unwrap();
                prop_assert_eq!(read, message);
            }
        }
    }
}
