//! `intentvision export`: points to a file that `import` takes.

mod table;
mod target;

use super::import::FileFormat;
use super::organization;
use crate::Failure;
use crate::output::show;
use clap::Args;
use futures::StreamExt;
use intentvision::auth::Tenant;
use intentvision::clock::Millis;
use intentvision::ingest::file::Format;
use intentvision::series::{self, MetricKey, Point, SeriesId, SeriesRef};
use intentvision::{Error, store, time};
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;
use table::Table;
use target::Target;

/// Points of one reply, about,
const POINTS: usize = 50_000;
/// and replies that are on their way at once, which hides the way there and back.
const AHEAD: usize = 8;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The series of this metric alone
    #[arg(long)]
    metric_key: Option<String>,
    /// Whose points, by id or name; not needed where there is one organization
    #[arg(long)]
    organization: Option<String>,
    /// From this time on, RFC 3339 or epoch milliseconds
    #[arg(long, value_parser = moment)]
    from: Option<Millis>,
    /// Before this time
    #[arg(long, value_parser = moment)]
    to: Option<Millis>,
    /// How to write it; by the name of the file if not given, else csv
    #[arg(long)]
    format: Option<FileFormat>,
    /// The file, zipped if its name ends in .gz; standard output if not given
    #[arg(long, short)]
    output: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Summary {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    series: u64,
    points: u64,
}

/// How points are written.
enum Form {
    Table(Table),
    Lines,
}

pub(crate) async fn run(arguments: &Arguments, json: bool) -> Result<(), Failure> {
    let key = match &arguments.metric_key {
        Some(key) => Some(MetricKey::parse(key).ok_or_else(|| Failure::Input(format!("{key:?} is no metric key")))?),
        None => None,
    };
    let tenant = organization::open(arguments.organization.as_deref()).await?;
    let form = match arguments.format.map_or_else(|| by_name(arguments), Format::from) {
        Format::Ndjson => Form::Lines,
        Format::Csv => Form::Table(all_columns(&tenant, key.as_ref()).await?),
    };
    let mut target = Target::open(arguments.output.as_deref())?;
    let mut summary = Summary {
        file: arguments.output.clone(),
        series: 0,
        points: 0,
    };
    match export(&tenant, key.as_ref(), arguments, &form, &mut target, &mut summary).await {
        // whoever read it has gone away
        Err(Stop::ReaderGone) => return Ok(()),
        Err(Stop::Failure(failure)) => return Err(failure),
        Ok(()) => {}
    }
    if target.finish()? {
        show(json, &summary, |summary| {
            format!("{} points of {} series exported", summary.points, summary.series)
        })?;
    }
    Ok(())
}

/// Why an export ends early.
enum Stop {
    ReaderGone,
    Failure(Failure),
}

impl<E: Into<Failure>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

impl Stop {
    fn of(error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::Failure(Failure::Failed(format!("the output cannot be written: {error}"))),
        }
    }
}

fn moment(text: &str) -> Result<Millis, String> {
    time::parse(text).ok_or_else(|| "RFC 3339 with an offset, or epoch milliseconds".into())
}

fn by_name(arguments: &Arguments) -> Format {
    let name = arguments
        .output
        .as_deref()
        .and_then(|path| path.to_str())
        .unwrap_or_default();
    let name = name.strip_suffix(".gz").unwrap_or(name);
    if name.ends_with(".ndjson") || name.ends_with(".jsonl") {
        Format::Ndjson
    } else {
        Format::Csv
    }
}

async fn all_columns(tenant: &Tenant, key: Option<&MetricKey>) -> Result<Table, Failure> {
    let mut table = Table::default();
    let mut after = None;
    loop {
        let names = series::names(tenant, key, after).await?;
        for series in &names.series {
            table.add(series)?;
        }
        after = names.next;
        if after.is_none() {
            return Ok(table);
        }
    }
}

async fn export(
    tenant: &Tenant,
    key: Option<&MetricKey>,
    arguments: &Arguments,
    form: &Form,
    target: &mut Target,
    summary: &mut Summary,
) -> Result<(), Stop> {
    if let Form::Table(table) = form {
        target
            .write_all(table.header()?.as_bytes())
            .map_err(|error| Stop::of(&error))?;
    }
    let mut after = None;
    loop {
        let names = series::names(tenant, key, after).await?;
        let firsts = names
            .series
            .iter()
            .map(|series| page(tenant, series.series_id, arguments.from, arguments.to));
        let mut firsts = futures::stream::iter(firsts).buffered(AHEAD);
        for series in &names.series {
            let mut points = firsts.next().await.transpose()?.flatten().unwrap_or_default();
            let before = summary.points;
            while let Some(last) = points.last() {
                let from = last.timestamp.saturating_add(1);
                write(target, form, series, &points)?;
                summary.points += points.len() as u64;
                if points.len() < POINTS {
                    break;
                }
                points = page(tenant, series.series_id, Some(from), arguments.to)
                    .await?
                    .unwrap_or_default();
            }
            summary.series += u64::from(summary.points > before);
        }
        after = names.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// The first points of a series from here on; `None` if it is gone by now.
async fn page(
    tenant: &Tenant,
    series: SeriesId,
    from: Option<Millis>,
    to: Option<Millis>,
) -> Result<Option<Vec<Point>>, Failure> {
    match store::excerpt(tenant, series, from, to, POINTS).await {
        Ok(found) => Ok(Some(found.points)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

/// A line of `metrics`, as `import` reads it.
#[derive(Serialize)]
struct Line<'a> {
    metric_key: &'a str,
    value: f64,
    timestamp: String,
    #[serde(skip_serializing_if = "intentvision::series::Dimensions::is_empty")]
    dimensions: &'a intentvision::series::Dimensions,
}

fn write(target: &mut Target, form: &Form, series: &SeriesRef, points: &[Point]) -> Result<(), Stop> {
    match form {
        Form::Table(table) => {
            let rest = table.rest(series)?;
            for point in points {
                // {:?} is the shortest text that reads back as the same double, -0.0 included
                writeln!(target, "{},{:?},{rest}", time::format(point.timestamp), point.value)
                    .map_err(|error| Stop::of(&error))?;
            }
        }
        Form::Lines => {
            for point in points {
                let line = Line {
                    metric_key: series.metric_key.as_str(),
                    value: point.value,
                    timestamp: time::format(point.timestamp),
                    dimensions: &series.dimensions,
                };
                let line = serde_json::to_string(&line).map_err(|error| Failure::Failed(error.to_string()))?;
                writeln!(target, "{line}").map_err(|error| Stop::of(&error))?;
            }
        }
    }
    Ok(())
}
