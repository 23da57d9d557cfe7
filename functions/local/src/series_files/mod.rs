//! Series in files, for the commands that need no database.

mod input;
pub(crate) mod tree;

pub(crate) use input::Series;

use crate::Failure;
use clap::{Args, ValueEnum};
use prediction::{Grid, Step};
use std::path::{Path, PathBuf};

/// Where series are, and what they are like.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// A file, plain or .gz, or a folder, of which each file is processed
    #[arg(long)]
    pub(crate) input: PathBuf,
    /// wide: one series a line, `id,value,...`, oldest first, an empty cell is a gap; long: `series_id,timestamp,value`
    #[arg(long, value_enum, default_value = "wide")]
    format: Format,
    /// Seasons in steps (7 for a week of days); without it those that the frequency suggests are tried; 1 means none
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=2_520))]
    season: Vec<u16>,
    /// Distance of neighbours: 5m, 1h, 1d, 1M; the long format tells it by its timestamps
    #[arg(long)]
    frequency: Option<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Wide,
    Long,
}

/// Suggests no season: days and weeks hold too many of it.
const UNKNOWN: Step = Step::Millis(1);

impl Source {
    /// The series of one file.
    pub(crate) fn read(&self, path: &Path) -> Result<Vec<Series>, Failure> {
        match self.format {
            Format::Wide => input::wide(path),
            Format::Long => input::long(path, self.frequency),
        }
    }

    /// The seasons as options of the engine; `None` if none is given.
    pub(crate) fn seasons(&self) -> Option<Vec<usize>> {
        let given = self.season.iter().map(|season| usize::from(*season));
        (!self.season.is_empty()).then(|| given.filter(|season| *season > 1).collect())
    }

    pub(crate) fn grid<'a>(&self, series: &'a Series) -> Grid<'a> {
        let (start, step) = series.grid.unwrap_or((0, self.frequency.unwrap_or(UNKNOWN)));
        Grid {
            start,
            step,
            values: &series.values,
        }
    }
}
