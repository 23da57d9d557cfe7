//! Columns of series' ids.

use crate::{Columns, kinds, others};
use intentvision::series::SeriesId;
use intentvision::store::Sample;
use intentvision::store::codec::batch::{self, Entry};
use pco::{DeltaSpec, ModeSpec};

fn bits(ids: &[SeriesId]) -> Vec<u64> {
    ids.iter().map(|id| id.raw().cast_unsigned()).collect()
}

fn integers(ids: &[SeriesId]) -> Vec<i64> {
    ids.iter().map(|id| id.raw()).collect()
}

/// Prints the lines of so many ids.
pub(crate) fn print(length: usize) {
    let columns = Columns::new("ids", length, |seed| kinds::ids(seed, length));
    // all other columns of this batch are constant
    let rest = batch::encode(&one_each(&kinds::ids(0, length))).len() - 4 - 8 * length;
    columns.print(
        "ours",
        rest,
        |ids| Some(batch::encode(&one_each(ids))),
        |blob| match batch::decode(blob).ok()? {
            Entry::Points(samples) => Some(bits(&samples.iter().map(|sample| sample.series_id).collect::<Vec<_>>())),
            Entry::Tombstone(_) => None,
        },
        |ids| bits(ids),
    );
    let unsigned = |ids: Vec<i64>| ids.into_iter().map(i64::cast_unsigned).collect();
    columns.print(
        "pco, differences",
        0,
        |ids| others::pco_encode(&integers(ids), 8, ModeSpec::Classic, DeltaSpec::TryConsecutive(1)),
        |blob| Some(unsigned(others::pco_decode(blob, length)?)),
        |ids| bits(ids),
    );
    columns.print(
        "zstd of differences",
        0,
        |ids| others::zstd_encode(&others::varint_encode(&integers(ids))),
        |blob| {
            Some(unsigned(others::varint_decode(&others::zstd_decode(
                blob,
                length * 10,
            )?)))
        },
        |ids| bits(ids),
    );
}

fn one_each(ids: &[SeriesId]) -> Vec<Sample> {
    ids.iter()
        .map(|id| Sample {
            series_id: *id,
            timestamp: 0,
            value: 0.0,
        })
        .collect()
}
