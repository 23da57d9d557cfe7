use crate::Failure;
use intentvision::series::{Dimensions, SeriesRef};
use std::collections::BTreeSet;

/// Columns that a table may have for dimensions, so that `import` takes it.
const MAX_DIMENSIONS: usize = 125;

/// The columns of a table beside timestamp and value: `metric_key`, then all keys of dimensions.
#[derive(Debug, Default)]
pub(super) struct Table(BTreeSet<String>);

impl Table {
    /// Makes room for a series.
    pub(super) fn add(&mut self, series: &SeriesRef) -> Result<(), Failure> {
        for (key, value) in series.dimensions.iter() {
            // a table is read with the space around its cells cut off
            let fits =
                key.trim() == key && value.trim() == value && !matches!(key, "timestamp" | "value" | "metric_key");
            if !fits {
                return Err(Failure::Input(format!(
                    "no table can hold the dimension {key:?} of {}: take --format ndjson",
                    series.series_id
                )));
            }
            if !self.0.contains(key) {
                self.0.insert(key.to_owned());
            }
        }
        if self.0.len() > MAX_DIMENSIONS {
            return Err(Failure::Input(format!(
                "a table has at most {MAX_DIMENSIONS} dimensions: take --format ndjson, or one --metric-key"
            )));
        }
        Ok(())
    }

    pub(super) fn header(&self) -> Result<String, Failure> {
        let fixed = ["timestamp", "value", "metric_key"];
        row(fixed.into_iter().chain(self.0.iter().map(String::as_str))).map(|row| row + "\n")
    }

    /// What each row of a series has behind its timestamp and value.
    pub(super) fn rest(&self, series: &SeriesRef) -> Result<String, Failure> {
        if series.dimensions.iter().any(|(key, _)| !self.0.contains(key)) {
            return Err(Failure::Failed(format!(
                "the series {} came while the export was under way, with a dimension that no column has: run it again",
                series.series_id
            )));
        }
        let cells = self.0.iter().map(|key| value(&series.dimensions, key));
        row(std::iter::once(series.metric_key.as_str()).chain(cells))
    }
}

fn value<'a>(dimensions: &'a Dimensions, key: &str) -> &'a str {
    let found = dimensions.iter().find(|(name, _)| *name == key);
    found.map_or("", |(_, value)| value)
}

/// Cells, quoted where need be, without the end of the line.
fn row<'a>(cells: impl Iterator<Item = &'a str>) -> Result<String, Failure> {
    let failed = |error: String| Failure::Failed(error);
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(cells).map_err(|error| failed(error.to_string()))?;
    let bytes = writer.into_inner().map_err(|error| failed(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|error| failed(error.to_string()))?;
    Ok(text.trim_end_matches('\n').to_owned())
}
