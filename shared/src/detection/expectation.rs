//! What the detector expected of points of a stored series, for who shows them: found by a replay.
//!
//! A replay finds much of what the tick finds, not exactly the same (see [`super::adhoc`]): what was told has to be held
//! against it.

use super::replay::Replay;
use super::{cold_rows, configuration, standard_time};
use crate::Error;
use crate::auth::Tenant;
use crate::budget::Budget;
use crate::series::{Point, SeriesId};
use prediction::detect::{Detector, Verdict};

/// Points that are replayed between two looks at the time.
const STRETCH: usize = 256;

/// The detector of a series before its first point, as the organization has it now.
#[derive(Debug)]
pub(crate) struct Expectation(Detector);

impl Expectation {
    /// Of a detector that has seen nothing.
    pub(crate) fn of(detector: Detector) -> Self {
        Self(detector)
    }

    /// Reads how the series is watched.
    pub(crate) async fn read(tenant: &Tenant, series: SeriesId) -> Result<Self, Error> {
        let organization = configuration::of_organization(tenant).await?;
        let local = standard_time(&organization.time_zone, tenant.clock().now());
        let day_offset = cold_rows::day_offset(series, organization.cold_bits);
        Ok(Self::of(
            organization.configuration.settings.detector(local, day_offset),
        ))
    }

    /// What it says of each of these points, ascending; `None` if that takes longer than there is time.
    pub(crate) fn replay(self, points: &[Point], time: &mut dyn Budget) -> Option<Vec<Verdict>> {
        let mut replay = Replay::new(self.0);
        let mut verdicts = Vec::with_capacity(points.len());
        for stretch in points.chunks(STRETCH) {
            if !time.another() {
                return None;
            }
            verdicts.extend(
                stretch
                    .iter()
                    .map(|point| replay.push(point.timestamp, Some(point.value))),
            );
        }
        Some(verdicts)
    }
}
