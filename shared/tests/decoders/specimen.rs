//! Good blobs of every kind, version and form.

use intentvision::series::{Point, SeriesId};
use intentvision::store::Sample;
use intentvision::store::codec::{MAX_POINTS, batch, chunk, segment};
use std::path::Path;

/// A blob, its last column apart where that has a checksum.
pub(crate) struct Specimen {
    head: Vec<u8>,
    payload: Option<Vec<u8>>,
}

impl Specimen {
    /// Finds the column with the checksum: its length, the checksum, and itself end the blob.
    fn of(blob: Vec<u8>) -> Self {
        for at in 0..blob.len() {
            let Some((length, digits)) = varint(&blob[at..]) else {
                continue;
            };
            let payload = at + digits + 4;
            if blob.len() > payload
                && length == (blob.len() - payload) as u64
                && crc32fast::hash(&blob[payload..]).to_le_bytes() == blob[payload - 4..payload]
            {
                return Self {
                    head: blob[..at].to_vec(),
                    payload: Some(blob[payload..].to_vec()),
                };
            }
        }
        Self {
            head: blob,
            payload: None,
        }
    }

    pub(crate) fn blob(&self) -> Vec<u8> {
        self.with(&self.head, self.payload.as_deref())
    }

    /// The blob with other bytes, the checksum as it must be.
    pub(crate) fn with(&self, head: &[u8], payload: Option<&[u8]>) -> Vec<u8> {
        let mut blob = head.to_vec();
        if let Some(payload) = payload {
            let mut length = payload.len();
            while length >= 0x80 {
                blob.push(length as u8 | 0x80);
                length >>= 7;
            }
            blob.push(length as u8);
            blob.extend(crc32fast::hash(payload).to_le_bytes());
            blob.extend(payload);
        }
        blob
    }

    pub(crate) fn parts(&self) -> (&[u8], Option<&[u8]>) {
        (&self.head, self.payload.as_deref())
    }
}

fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let digits = 1 + bytes.iter().take(4).position(|byte| *byte < 0x80)?;
    let value = bytes[..digits]
        .iter()
        .rev()
        .fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f));
    Some((value, digits))
}

/// Those of the golden files, and larger ones as they are written now.
pub(crate) fn all() -> Vec<Specimen> {
    let mut blobs = golden();
    let values: [fn(usize) -> f64; 8] = [
        |_| 0.0,
        |at| at as f64 / 4.0,
        |at| ((at as f64 / 40.0).sin() * 10_000.0).round() / 100.0,
        |at| if at % 61 == 17 { at as f64 * 1_000.0 } else { 0.0 },
        |at| if at % 7 == 3 { at as f64 / 3.0 } else { 1.25 },
        |at| (at as f64).sqrt(),
        |at| f64::from((at as f32).sin()),
        |at| at as f64 * 1.1,
    ];
    for value in values {
        for count in [9, 300, 2_500] {
            blobs.push(chunk::encode(&points(count, 300_000, value)));
            blobs.push(chunk::encode(&points(count, 1, |at| value(at * at))));
        }
        let series = |id| SeriesId::from_raw(id).unwrap();
        let segment = (0..6).map(|id| (series(id), points(12, 60_000 + id / 4, value)));
        blobs.push(segment::encode(&segment.collect()));
        let samples = (0..40).map(|at| Sample {
            series_id: series((at / 9) as i64),
            timestamp: at as i64,
            value: value(at),
        });
        blobs.push(batch::encode(&samples.collect::<Vec<_>>()));
    }
    // next to no bytes for as many points as there may be
    blobs.push(chunk::encode(&points(MAX_POINTS, 1, |_| 0.0)));
    blobs.into_iter().map(Specimen::of).collect()
}

fn points(count: usize, step: i64, value: impl Fn(usize) -> f64) -> Vec<Point> {
    let at = |at: usize| Point {
        timestamp: 1_795_428_000_000 + at as i64 * step,
        value: value(at),
    };
    (0..count).map(at).collect()
}

fn golden() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/codec/golden");
    let mut blobs: Vec<Vec<u8>> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| bytes(std::fs::read_to_string(file.unwrap().path()).unwrap().trim_ascii()))
        .collect();
    // a seed means the same everywhere
    blobs.sort();
    blobs
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}
