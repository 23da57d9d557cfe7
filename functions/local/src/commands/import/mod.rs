//! `intentvision import`: history from a file, past the log of points.

mod meter;
mod source;

use super::organization;
use crate::Failure;
use crate::database::{self, Place};
use crate::output::show;
use clap::{Args, ValueEnum};
use intentvision::auth::Tenant;
use intentvision::config::Config;
use intentvision::ingest::Window;
use intentvision::ingest::file::{Format, LineError, PointFile, Position};
use intentvision::series::MetricKey;
use intentvision::store::import::{Importer, Progress, forget, progress};
use intentvision::{App, Code};
use meter::Meter;
use serde::Serialize;
use source::Input;

/// How many refused lines are shown.
const MAX_SHOWN: usize = 20;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The file, plain or gzip, or - for standard input
    file: String,
    /// The metric of a table that has no column `metric_key`
    #[arg(long)]
    metric_key: Option<String>,
    /// Whose history it is, by id or name; not needed where there is one organization
    #[arg(long)]
    organization: Option<String>,
    /// How it is written; told by its first character if not given
    #[arg(long)]
    format: Option<FileFormat>,
    /// Succeed although lines were refused
    #[arg(long)]
    skip_invalid: bool,
    /// Begin at the start, although an import of this file did not come to its end
    #[arg(long)]
    restart: bool,
}

/// As the command line spells them.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum FileFormat {
    /// A header line, with timestamp, value, perhaps `metric_key`, and dimensions
    Csv,
    /// On each line an object `{"metric_key", "value", "timestamp", "dimensions"}`
    Ndjson,
}

impl From<FileFormat> for Format {
    fn from(format: FileFormat) -> Self {
        match format {
            FileFormat::Csv => Self::Csv,
            FileFormat::Ndjson => Self::Ndjson,
        }
    }
}

/// What was done, over all runs of an import that was interrupted.
#[derive(Debug, Serialize)]
struct Summary {
    file: String,
    organization: String,
    /// the last line that an earlier run had done
    #[serde(skip_serializing_if = "Option::is_none")]
    resumed_after_line: Option<u64>,
    points: u64,
    refused_lines: u64,
    /// the first that this run refused
    errors: Vec<LineError>,
}

pub(crate) async fn run(arguments: &Arguments, json: bool) -> Result<(), Failure> {
    if let Some(key) = &arguments.metric_key
        && !MetricKey::holds(key)
    {
        return Err(Failure::Input(format!("{key:?} is no metric key")));
    }
    let mut input = Input::open(&arguments.file)?;
    let format = match arguments.format {
        Some(format) => format.into(),
        None => input.guess_format()?,
    };
    let config = Config::from_env()?;
    let place = Place::of(&config)?;
    let app = database::open(config, &place)?;
    database::prepare(&app, &place).await?;
    let org = match organization::named(&app, arguments.organization.as_deref()).await? {
        Some(org) => org,
        None => organization::default(&app).await?,
    };
    let mut summary = Summary {
        file: arguments.file.clone(),
        organization: org.as_str().to_owned(),
        resumed_after_line: None,
        points: 0,
        refused_lines: 0,
        errors: Vec::new(),
    };
    let tenant = app.operator(Some(org));
    import(&app, &tenant, input, format, arguments, &mut summary).await?;
    show(json, &summary, text)?;
    match summary.refused_lines {
        0 => Ok(()),
        _ if arguments.skip_invalid => Ok(()),
        refused => Err(Failure::Input(format!(
            "{refused} lines were refused, all others are stored; with --skip-invalid this is a success"
        ))),
    }
}

async fn import(
    app: &App,
    tenant: &Tenant,
    mut input: Input,
    format: Format,
    arguments: &Arguments,
    summary: &mut Summary,
) -> Result<(), Failure> {
    let key = arguments.metric_key.as_deref();
    let import_id = input.identity(format, key)?;
    let done = match &import_id {
        Some(id) if arguments.restart => {
            forget(tenant, id).await?;
            None
        }
        Some(id) => progress(tenant, id).await?,
        None => None,
    };
    let meter = Meter::new(input.size());
    let mut file = match (format, key) {
        (Format::Csv, key) => PointFile::csv(input.read_from(0, &meter)?, key)?,
        (Format::Ndjson, None) => PointFile::ndjson(input.read_from(0, &meter)?),
        (Format::Ndjson, Some(_)) => {
            return Err(Failure::Input(
                "--metric-key is for tables: each line of objects names its own metric".into(),
            ));
        }
    };
    if let Some(done) = &done {
        let position = Position {
            byte: done.byte,
            line: done.line,
        };
        file = file.resume(input.read_from(done.byte, &meter)?, position);
        summary.points = done.points;
        summary.refused_lines = done.refused;
        summary.resumed_after_line = Some(done.line);
        meter.say(&format!(
            "an earlier import stopped after line {}: going on there",
            done.line
        ));
    }
    let mut importer = Importer::new(tenant, &app.entropy, app.config.max_series);
    while let Some(slice) = file.next_slice(Window::of(app))? {
        summary.refused_lines += slice.refused_lines;
        let samples = slice.samples.len() as u64;
        // a point that another one of the same slice replaces counts, too: its line was good
        summary.points += samples;
        let progress = import_id.as_ref().map(|id| Progress {
            import_id: id.clone(),
            byte: slice.end.byte,
            line: slice.end.line,
            points: summary.points,
            refused: summary.refused_lines,
        });
        let mut errors = slice.refused.clone();
        let written = importer
            .write(slice.samples.clone(), slice.series(), progress.as_ref())
            .await?;
        for series in written.refused {
            let lines = slice.samples.iter().filter(|sample| sample.series_id == series).count() as u64;
            summary.points -= lines;
            summary.refused_lines += lines;
            let message = "the organization has as many series as it may";
            errors.extend(slice.series_error(series, Code::SeriesLimitExceeded, message));
        }
        let room = MAX_SHOWN.saturating_sub(summary.errors.len());
        for error in errors.into_iter().take(room) {
            meter.say(&format!("line {}: {}: {}", error.line, code(error.code), error.message));
            summary.errors.push(error);
        }
        meter.slice(summary.points, slice.end.line);
    }
    meter.finish();
    if let Some(id) = &import_id {
        forget(tenant, id).await?;
    }
    Ok(())
}

/// As replies spell it.
fn code(code: Code) -> String {
    let json = serde_json::to_value(code).unwrap_or_default();
    json.as_str().unwrap_or_default().to_owned()
}

fn text(summary: &Summary) -> String {
    let refused = match summary.refused_lines {
        0 => String::new(),
        count => format!(", {count} lines refused"),
    };
    format!("{}: {} points imported{refused}", summary.file, summary.points)
}
