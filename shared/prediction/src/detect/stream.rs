use super::{Change, Cold, Detector, Hot, Mark, Past, Range, Verdict};

/// The whole state of one series, for a replay.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stream {
    /// What changes with each point.
    pub hot: Hot,
    /// What changes once a day.
    pub cold: Cold,
}

impl Stream {
    /// [`Detector::roll`] where it is due, then [`Detector::push`].
    pub fn push(&mut self, detector: &Detector, t: i64, value: Option<f64>, forecast: Option<&Range>) -> Verdict {
        if value.is_some() && detector.roll_is_due(&self.hot, t) {
            detector.roll(&mut self.hot, &mut self.cold, t);
        }
        detector.push_knowing(&mut self.hot, &self.cold, t, value, forecast)
    }

    /// [`Detector::mark`].
    pub fn mark(&mut self, detector: &Detector, t: i64, about: Option<&Past>, mark: Mark) -> Option<Change> {
        detector.mark(&mut self.hot, &mut self.cold, t, about, mark)
    }
}
