use super::codec::{BadState, Header, decode_header, decode_page, encode_header, encode_page};
use super::{Recents, Tracked};
use crate::alerting::rule::Revision;
use crate::series::SeriesId;
use prediction::detect::Hot;
use std::collections::{BTreeMap, BTreeSet};

/// The page number under which a lane keeps which rules it has met.
pub const HEADER: i64 = -1;
/// The weight of a full page.
const FULL: usize = 64;
/// The packed size of what is kept of a detection, at most, but for the abnormal points of its watch.
const DETECTION_BYTES: usize = Hot::MAX_BYTES + 192;

/// Neighbouring series, packed into one row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    series: Vec<Tracked>,
}

/// The series of a lane in pages.
///
/// A page is named by the lowest series that may be in it; which series share a page depends only on the order in which they
/// came, so that a replay writes the same rows. A page holds 64 series, or half as many of those that are watched for anomalies,
/// so that a row has about 10 KB at most.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lane {
    pages: BTreeMap<i64, Page>,
    met: BTreeSet<Revision>,
    cold_bits: u32,
    changed: BTreeSet<i64>,
    changed_bytes: usize,
}

impl Lane {
    /// Reads rows of `lane_state`.
    ///
    /// # Errors
    /// [`BadState`] if one of them cannot be read.
    pub fn decode<'a>(rows: impl IntoIterator<Item = (i64, &'a [u8])>) -> Result<Self, BadState> {
        let mut lane = Self::default();
        for (number, blob) in rows {
            if number == HEADER {
                let header = decode_header(blob)?;
                lane.met = header.met.into_iter().collect();
                lane.cold_bits = header.cold_bits;
            } else {
                let series = decode_page(blob)?;
                lane.pages.insert(number, Page { series });
            }
        }
        Ok(lane)
    }

    /// The rows that were written to since they were read, packed; `None` for those that are to go.
    #[must_use]
    pub fn changes(&self) -> Vec<(i64, Option<Vec<u8>>)> {
        let packed = |number: &i64| {
            if *number == HEADER {
                let header = Header {
                    met: self.met.iter().copied().collect(),
                    cold_bits: self.cold_bits,
                };
                return (header != Header::default()).then(|| encode_header(&header));
            }
            self.pages.get(number).map(|page| encode_page(&page.series))
        };
        self.changed.iter().map(|number| (*number, packed(number))).collect()
    }

    /// How many rows were written to.
    #[must_use]
    pub fn changed(&self) -> usize {
        self.changed.len()
    }

    /// About how many bytes they take, packed.
    #[must_use]
    pub fn changed_bytes(&self) -> usize {
        self.changed_bytes
    }

    fn mark(&mut self, number: i64) {
        if self.changed.insert(number) {
            let series = self.pages.get(&number).map_or(&[][..], |page| &page.series);
            let instances: usize = series.iter().map(|tracked| tracked.instances.len()).sum();
            let detections = series.iter().filter(|tracked| tracked.detection.is_some()).count();
            let recents: usize = series.iter().map(|tracked| tracked.recents.bytes()).sum();
            // all estimates are on the high side: see the test of the codec
            self.changed_bytes += 64 + 48 * series.len() + 40 * instances + DETECTION_BYTES * detections + recents;
        }
    }

    /// What was written to is in the database now.
    pub fn saved(&mut self) {
        self.changed.clear();
        self.changed_bytes = 0;
    }

    /// Every series, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Tracked> {
        self.pages.values().flat_map(|page| &page.series)
    }

    /// The series with this id.
    #[must_use]
    pub fn get(&self, series_id: SeriesId) -> Option<&Tracked> {
        let (_, page) = self.pages.range(..=series_id.raw()).next_back()?;
        let at = page.find(series_id).ok()?;
        page.series.get(at)
    }

    /// Keeps a series; marks its page only if something is new.
    pub fn put(&mut self, tracked: Tracked) {
        let raw = tracked.series_id.raw();
        let number = self.pages.range(..=raw).next_back().map_or(0, |(number, _)| *number);
        let page = self.pages.entry(number).or_default();
        match page.find(tracked.series_id) {
            Ok(at) => {
                let Some(place) = page.series.get_mut(at).filter(|place| **place != tracked) else {
                    return;
                };
                *place = tracked;
            }
            // in ascending order pages get full, in any other order they are halved
            Err(at) if page.weight() + weight(&tracked) > FULL && at == page.series.len() && at > 0 => {
                self.pages.insert(raw, Page { series: vec![tracked] });
                self.mark(raw);
                return;
            }
            Err(at) => page.series.insert(at, tracked),
        }
        if page.weight() > FULL {
            let upper = page.series.split_off(page.series.len() / 2);
            if let Some(first) = upper.first().map(|tracked| tracked.series_id.raw()) {
                self.pages.insert(first, Page { series: upper });
                self.mark(first);
            }
        }
        self.mark(number);
    }

    /// Forgets what rules remember of last points, of all series.
    pub fn forget_recents(&mut self) {
        let known: Vec<Tracked> = self
            .iter()
            .filter(|tracked| !tracked.recents.is_empty())
            .cloned()
            .collect();
        for tracked in known {
            self.put(Tracked {
                recents: Recents::default(),
                ..tracked
            });
        }
    }

    /// Forgets a series.
    pub fn remove(&mut self, series_id: SeriesId) {
        let Some((number, page)) = self.pages.range_mut(..=series_id.raw()).next_back() else {
            return;
        };
        let number = *number;
        if let Ok(at) = page.find(series_id) {
            page.series.remove(at);
            if page.series.is_empty() {
                self.pages.remove(&number);
            }
            self.mark(number);
        }
    }

    /// The rules whose series were looked for once.
    #[must_use]
    pub fn met(&self) -> &BTreeSet<Revision> {
        &self.met
    }

    /// Sets which rules were met.
    pub fn meet(&mut self, met: BTreeSet<Revision>) {
        if self.met != met {
            self.met = met;
            self.mark(HEADER);
        }
    }

    /// The size of the newest buckets of `detector_cold`, in bits; 0 also while there are none.
    #[must_use]
    pub fn cold_bits(&self) -> u32 {
        self.cold_bits
    }

    /// Sets the size of the newest buckets.
    pub fn set_cold_bits(&mut self, bits: u32) {
        if self.cold_bits != bits {
            self.cold_bits = bits;
            self.mark(HEADER);
        }
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty() && self.met.is_empty()
    }
}

/// How much room a series takes in a page.
fn weight(tracked: &Tracked) -> usize {
    if tracked.detection.is_some() || !tracked.recents.is_empty() {
        2
    } else {
        1
    }
}

impl Page {
    fn weight(&self) -> usize {
        self.series.iter().map(weight).sum()
    }

    fn find(&self, series_id: SeriesId) -> Result<usize, usize> {
        self.series
            .binary_search_by_key(&series_id, |tracked| tracked.series_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::condition::Recents;
    use crate::alerting::state::{Detection, Observed};
    use proptest::prelude::*;

    fn tracked(raw: i64, interval: i64) -> Tracked {
        Tracked {
            series_id: SeriesId::from_raw(raw).unwrap(),
            observed: Observed {
                interval,
                ..Observed::default()
            },
            recents: Recents::default(),
            instances: Vec::new(),
            // those of an odd interval are watched for anomalies
            detection: (interval % 2 == 1).then(Box::<Detection>::default),
        }
    }

    #[test]
    fn ascending_series_fill_their_pages() {
        for (interval, pages) in [(2, 10), (1, 20)] {
            let mut lane = Lane::default();
            for raw in 0..640 {
                lane.put(tracked(raw, interval));
            }
            assert_eq!(lane.pages.len(), pages);
        }
    }

    /// Pages that were full are halved when their series are watched for anomalies.
    #[test]
    fn series_that_grow_make_room() {
        let mut lane = Lane::default();
        for interval in [2, 1] {
            for raw in 0..640 {
                lane.put(tracked(raw, interval));
            }
        }
        assert_eq!(lane.pages.len(), 20);
        assert_eq!(lane.changed(), 20);
    }

    proptest! {
        /// Against a map, with everything that changed written to rows and read back.
        #[test]
        fn it_is_a_map_in_rows(operations in proptest::collection::vec((0..400_i64, 0..4_i64, any::<bool>()), 0..600)) {
            let mut lane = Lane::default();
            let mut model = BTreeMap::new();
            let mut rows: BTreeMap<i64, Vec<u8>> = BTreeMap::new();
            for (step, (raw, interval, save)) in operations.into_iter().enumerate() {
                if interval == 0 {
                    lane.remove(SeriesId::from_raw(raw).unwrap());
                    model.remove(&raw);
                } else {
                    lane.put(tracked(raw, interval));
                    model.insert(raw, interval);
                }
                if save && step % 7 == 0 {
                    for (number, blob) in lane.changes() {
                        match blob {
                            Some(blob) => rows.insert(number, blob),
                            None => rows.remove(&number),
                        };
                    }
                    lane.saved();
                    prop_assert_eq!(&Lane::decode(rows.iter().map(|(number, blob)| (*number, blob.as_slice()))).unwrap(), &lane);
                }
            }
            let found: Vec<(i64, i64)> = lane.iter().map(|tracked| (tracked.series_id.raw(), tracked.observed.interval)).collect();
            prop_assert_eq!(found, model.iter().map(|(raw, interval)| (*raw, *interval)).collect::<Vec<_>>());
            for (number, page) in &lane.pages {
                prop_assert!(!page.series.is_empty() && page.weight() <= FULL);
                prop_assert!(page.series[0].series_id.raw() >= *number);
            }
        }
    }
}
