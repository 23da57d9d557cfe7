//! `intentvision inspect`: for people who look into the store; docs/storage.md explains what they see.

use super::organization;
use crate::Failure;
use crate::output::{show, table};
use clap::{ArgGroup, Args};
use intentvision::series::{Point, SeriesId};
use intentvision::store::codec::describe::{Column, Description, describe};
use intentvision::store::inspect::{self, Found};
use intentvision::time;
use serde::Serialize;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("subject").required(true).args(["series", "row", "blob"])))]
pub(crate) struct Arguments {
    /// List the rows that hold points of this series: chunks, segments, and the log
    #[arg(long, value_name = "SERIES_ID")]
    series: Option<String>,
    /// Take the blob of a row apart, as --series names it: `log/SEQ`, `segment/BUCKET/START`, `chunk/SERIES_ID/START`
    #[arg(long)]
    row: Option<String>,
    /// Take a blob apart that is given in hex; no database is needed
    #[arg(long, value_name = "HEX")]
    blob: Option<String>,
    /// Whose row, by id or name; not needed where there is one organization
    #[arg(long)]
    organization: Option<String>,
}

#[derive(Debug, Serialize)]
struct Rows {
    series_id: SeriesId,
    rows: Vec<Found>,
}

#[derive(Debug, Serialize)]
struct Blob {
    #[serde(flatten)]
    description: Description,
    points: Vec<Value>,
}

#[derive(Debug, Serialize)]
struct Value {
    #[serde(skip_serializing_if = "Option::is_none")]
    series_id: Option<SeriesId>,
    #[serde(serialize_with = "time::rfc3339")]
    timestamp: i64,
    value: f64,
}

pub(crate) async fn run(arguments: &Arguments, json: bool) -> Result<(), Failure> {
    if let Some(hex) = &arguments.blob {
        let bytes = bytes(hex).ok_or_else(|| Failure::Input("the blob is not in hex, two digits a byte".into()))?;
        return show_blob(&bytes, json);
    }
    let row = arguments.row.as_deref().map(str::parse).transpose()?;
    let series = match &arguments.series {
        Some(id) => {
            Some(SeriesId::parse(id).ok_or_else(|| Failure::Input(format!("{id:?} is no series id: ser_...")))?)
        }
        None => None,
    };
    let tenant = organization::open(arguments.organization.as_deref()).await?;
    if let Some(row) = row {
        return show_blob(&inspect::blob(&tenant, row).await?, json);
    }
    let Some(series_id) = series else {
        return Err(Failure::Input("name a series, a row or a blob".into()));
    };
    let rows = inspect::locate(&tenant, series_id).await?;
    show(json, &Rows { series_id, rows }, rows_text)
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes().chunks(2);
    digits
        .map(|pair| {
            let pair = std::str::from_utf8(pair)
                .ok()
                .filter(|pair| pair.len() == 2 && !pair.starts_with('+'))?;
            u8::from_str_radix(pair, 16).ok()
        })
        .collect()
}

fn show_blob(bytes: &[u8], json: bool) -> Result<(), Failure> {
    let mut description = describe(bytes).map_err(|error| Failure::Input(error.to_string()))?;
    let value = |(series_id, Point { timestamp, value })| Value {
        series_id,
        timestamp,
        value,
    };
    let points = std::mem::take(&mut description.points).into_iter().map(value).collect();
    show(json, &Blob { description, points }, blob_text)
}

fn rows_text(rows: &Rows) -> String {
    if rows.rows.is_empty() {
        return format!("no row holds points of {}", rows.series_id);
    }
    let header = ["row", "start", "end", "points", "bytes", "forms"].map(str::to_owned);
    let line = |found: &Found| {
        let at = |at: Option<i64>| at.map_or_else(|| "-".into(), time::format);
        let mut forms = found.columns.iter().map(form).collect::<Vec<_>>().join("; ");
        if found.folded {
            forms.push_str("; folded already");
        }
        [
            found.row.to_string(),
            at(found.start),
            at(found.end),
            found.points.to_string(),
            found.bytes.to_string(),
            forms,
        ]
    };
    table(
        &std::iter::once(header)
            .chain(rows.rows.iter().map(line))
            .collect::<Vec<_>>(),
    )
}

fn form(column: &Column) -> String {
    format!("{} {}: {}", column.name, column.bytes, column.form)
}

fn blob_text(blob: &Blob) -> String {
    let Description {
        kind,
        version,
        bytes,
        columns,
        series,
        ..
    } = &blob.description;
    let mut text = format!(
        "{kind}, version {version}, {bytes} bytes, {} points of {} series\n\n",
        blob.points.len(),
        series.len().max(1)
    );
    let header = ["column", "of", "bytes", "form"].map(str::to_owned);
    let line = |column: &Column| {
        let of = column.of.clone().unwrap_or_default();
        [
            column.name.to_owned(),
            of,
            column.bytes.to_string(),
            column.form.clone(),
        ]
    };
    text.push_str(&table(
        &std::iter::once(header)
            .chain(columns.iter().map(line))
            .collect::<Vec<_>>(),
    ));
    text.push('\n');
    if kind == &"tombstone" {
        text.extend(series.iter().map(|series| format!("{series}\n")));
    }
    let point = |point: &Value| {
        let value = format!("{:?}", point.value);
        match point.series_id {
            Some(series) => [series.to_string(), time::format(point.timestamp), value],
            None => [time::format(point.timestamp), value, String::new()],
        }
    };
    text.push_str(&table(&blob.points.iter().map(point).collect::<Vec<_>>()));
    text
}
