//! Where an import reads from.

use super::meter::Meter;
use crate::Failure;
use flate2::read::MultiGzDecoder;
use intentvision::ingest::file::{Format, Source};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

const GZIP: [u8; 2] = [0x1f, 0x8b];
/// So much of each end of a file goes into its identity.
const END: u64 = 1024 * 1024;

/// A file, or standard input.
pub(super) enum Input {
    File {
        path: PathBuf,
        size: u64,
    },
    /// it can be read once; what was read to guess the format stands first
    Standard(Option<Source>),
}

impl Input {
    /// `-` is standard input.
    pub(super) fn open(name: &str) -> Result<Self, Failure> {
        if name == "-" {
            let standard = BufReader::new(std::io::stdin());
            return Ok(Self::Standard(Some(
                unzipped(standard).map_err(|error| cannot(name, &error))?,
            )));
        }
        let path = PathBuf::from(name);
        let size = File::open(&path).and_then(|file| file.metadata());
        let size = size.map_err(|error| cannot(name, &error))?.len();
        Ok(Self::File { path, size })
    }

    /// Bytes of the file as it lies there.
    pub(super) fn size(&self) -> Option<u64> {
        match self {
            Self::File { size, .. } => Some(*size),
            Self::Standard(_) => None,
        }
    }

    /// Objects begin with a brace, which no table does.
    pub(super) fn guess_format(&mut self) -> Result<Format, Failure> {
        let mut source = match self {
            Self::File { path, .. } => read(path, 0, None)?,
            Self::Standard(source) => source.take().unwrap_or_else(|| Box::new(std::io::empty())),
        };
        let mut start = Vec::new();
        (&mut source)
            .take(4_096)
            .read_to_end(&mut start)
            .map_err(|error| cannot("the file", &error))?;
        let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start).trim_ascii_start();
        let format = if text.starts_with(b"{") {
            Format::Ndjson
        } else {
            Format::Csv
        };
        if let Self::Standard(standard) = self {
            *standard = Some(Box::new(Cursor::new(start).chain(source)));
        }
        Ok(format)
    }

    /// What tells the file from others, and from itself read in another way; nothing for standard input,
    /// which cannot be taken up again.
    pub(super) fn identity(&self, format: Format, metric_key: Option<&str>) -> Result<Option<String>, Failure> {
        let Self::File { path, size } = self else {
            return Ok(None);
        };
        let failed = |error| cannot_read(path, &error);
        let mut hash = Sha256::new();
        hash.update(format!("{format:?}\0{}\0{size}\0", metric_key.unwrap_or_default()));
        let mut file = File::open(path).map_err(failed)?;
        let mut end = Vec::new();
        for start in [0, size.saturating_sub(END)] {
            end.clear();
            file.seek(SeekFrom::Start(start)).map_err(failed)?;
            (&mut file).take(END).read_to_end(&mut end).map_err(failed)?;
            hash.update(&end);
        }
        let digest = hash.finalize();
        Ok(Some(digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()))
    }

    /// Its text from this byte on. Standard input is read once, from its start.
    pub(super) fn read_from(&mut self, byte: u64, meter: &Meter) -> Result<Source, Failure> {
        match self {
            Self::File { path, .. } => read(path, byte, Some(meter)),
            Self::Standard(source) => Ok(meter.watch(0, source.take().unwrap_or_else(|| Box::new(std::io::empty())))),
        }
    }
}

fn read(path: &Path, byte: u64, meter: Option<&Meter>) -> Result<Source, Failure> {
    let failed = |error| cannot_read(path, &error);
    let mut file = File::open(path).map_err(failed)?;
    let mut start = Vec::new();
    (&mut file)
        .take(GZIP.len() as u64)
        .read_to_end(&mut start)
        .map_err(failed)?;
    let zipped = start == GZIP;
    // a zipped file must be unzipped from its start
    let seek = if zipped { 0 } else { byte };
    file.seek(SeekFrom::Start(seek)).map_err(failed)?;
    let watched: Source = match meter {
        Some(meter) => meter.watch(seek, file),
        None => Box::new(file),
    };
    if !zipped {
        return Ok(watched);
    }
    let mut text = MultiGzDecoder::new(watched);
    std::io::copy(&mut (&mut text).take(byte), &mut std::io::sink()).map_err(failed)?;
    Ok(Box::new(text))
}

fn unzipped(mut source: impl BufRead + Send + 'static) -> std::io::Result<Source> {
    Ok(if source.fill_buf()?.starts_with(&GZIP) {
        Box::new(MultiGzDecoder::new(source))
    } else {
        Box::new(source)
    })
}

fn cannot(name: &str, error: &std::io::Error) -> Failure {
    Failure::Input(format!("{name} cannot be read: {error}"))
}

fn cannot_read(path: &Path, error: &std::io::Error) -> Failure {
    cannot(&path.display().to_string(), error)
}
