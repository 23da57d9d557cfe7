use crate::id::{ForecastId, JobId};
use crate::series::SeriesId;
use std::fmt;

/// One result of a job: a forecast of one series by one run.
///
/// As text it is `fc_` like any stored forecast, then the digits of the job, the run in 8 digits and the series in 16, all
/// in hex: the packed row follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultId {
    /// whose
    pub job_id: JobId,
    /// which run
    pub run: u32,
    /// of which series
    pub series_id: SeriesId,
}

impl ResultId {
    /// Reads the text of one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(ForecastId::PREFIX)?;
        let plain = digits.len() == 56 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !plain {
            return None;
        }
        Some(Self {
            job_id: JobId::parse(&format!("{}{}", JobId::PREFIX, &digits[..32]))?,
            run: u32::from_str_radix(&digits[32..40], 16).ok()?,
            series_id: SeriesId::from_raw(i64::from_str_radix(&digits[40..], 16).ok()?)?,
        })
    }
}

impl fmt::Display for ResultId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let job = self.job_id.as_str().strip_prefix(JobId::PREFIX).unwrap_or_default();
        let (run, series) = (self.run, self.series_id.raw());
        write!(f, "{}{job}{run:08x}{series:016x}", ForecastId::PREFIX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_back_and_passes_for_no_other_id() {
        let id = ResultId {
            job_id: JobId::derived(1, &[b"job"]),
            run: 7,
            series_id: SeriesId::from_raw(i64::MAX - 1).unwrap(),
        };
        let text = id.to_string();
        assert_eq!(ResultId::parse(&text), Some(id));
        assert_eq!(ForecastId::parse(&text), None);
        let single = ForecastId::derived(1, &[b"x"]);
        assert_eq!(ResultId::parse(single.as_str()), None);
        for wrong in [
            "",
            "fc_",
            &text[1..],
            &text.replace('7', "g"),
            &format!("fc_{}", "f".repeat(56)),
        ] {
            assert_eq!(ResultId::parse(wrong), None, "{wrong}");
        }
    }
}
