//! What a lane remembers: its series in pages of up to 64, half as many where more is kept of them, and which rules it has met.

pub(super) mod bytes;
mod codec;
mod detection;
mod lane;
mod observation;

pub use codec::{
    BadState, Header, decode_composite, decode_header, decode_page, encode_composite, encode_header, encode_page,
};
pub use detection::{Detection, Told};
pub use lane::{HEADER, Lane, Page};
pub use observation::{Arrival, Observed, fresh_for};

use super::condition::Recents;
use super::instance::Instance;
use super::rule::Revision;
use crate::series::SeriesId;

/// A series that some rule, or the detector, watches.
#[derive(Debug, Clone, PartialEq)]
pub struct Tracked {
    /// which
    pub series_id: SeriesId,
    /// what is known of its points
    pub observed: Observed,
    /// what rules need of its last points
    pub recents: Recents,
    /// one for each rule that watches it
    pub instances: Vec<(Revision, Instance)>,
    /// of the detector, if the series is watched for anomalies
    pub detection: Option<Box<Detection>>,
}
