//! Series in files, for the commands that need no database.

mod input;
mod mirror;
mod points;
pub(crate) mod target;
pub(crate) mod tree;

pub(crate) use input::Series;
pub(crate) use mirror::mirror;
pub(crate) use points::{Point, points};

use crate::Failure;
use clap::{Args, ValueEnum};
use prediction::{Backend, Grid, LocalTime, Options, Step};
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
    /// Seasons in steps; `auto` also tries those that are usual for the frequency. Without --frequency they tell it: 12 are
    /// months, 4 quarters, 7 days, 24 hours, 52 weeks; 1 is none, as of years, or of weeks in a series of more than 60 values
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

    /// `options` with the seasons given, and with the calendar where the file tells the time.
    ///
    /// A single model takes the seasons as they are; `auto` tests them, and those that are usual.
    pub(crate) fn options(&self, series: &Series, options: &Options) -> Options {
        let given = self.season.iter().map(|season| usize::from(*season));
        let given: Vec<usize> = given.filter(|season| *season > 1).collect();
        let exact = options.backend != Backend::Auto && !self.season.is_empty();
        Options {
            seasons: exact.then(|| given.clone()),
            further_seasons: given,
            calendar: series.grid.map(|_| LocalTime::default()),
            ..options.clone()
        }
    }

    pub(crate) fn grid<'a>(&self, series: &'a Series) -> Grid<'a> {
        let suggested = || {
            let shortest = self.season.iter().min().map(|season| usize::from(*season));
            shortest.map(|season| Step::usual(season, series.values.len()))
        };
        let (start, step) = series
            .grid
            .unwrap_or_else(|| (0, self.frequency.or_else(suggested).unwrap_or(UNKNOWN)));
        Grid {
            start,
            step,
            values: &series.values,
        }
    }
}
