use crate::Failure;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs::File;
use std::io::{BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};

/// Where an export goes. A file has its name once it is whole.
pub(super) enum Target {
    Standard(BufWriter<Stdout>),
    Plain(BufWriter<File>, PathBuf),
    Zipped(GzEncoder<BufWriter<File>>, PathBuf),
}

impl Target {
    /// A file, or standard output.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else {
            return Ok(Self::Standard(BufWriter::new(std::io::stdout())));
        };
        let file = File::create(unfinished(path)).map_err(|error| failed(path, &error))?;
        let file = BufWriter::new(file);
        Ok(if path.extension().is_some_and(|extension| extension == "gz") {
            Self::Zipped(GzEncoder::new(file, Compression::default()), path.to_owned())
        } else {
            Self::Plain(file, path.to_owned())
        })
    }

    /// Writes what is left, and tells whether it is a file.
    pub(super) fn finish(self) -> Result<bool, Failure> {
        let (file, path) = match self {
            Self::Standard(mut out) => {
                return match out.flush() {
                    Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                        Err(Failure::Failed(format!("stdout cannot be written: {error}")))
                    }
                    _ => Ok(false),
                };
            }
            Self::Plain(file, path) => (file, path),
            Self::Zipped(encoder, path) => match encoder.finish() {
                Ok(file) => (file, path),
                Err(error) => return Err(failed(&path, &error)),
            },
        };
        let whole = file.into_inner().map_err(std::io::IntoInnerError::into_error);
        whole
            .and_then(|file| file.sync_all())
            .and_then(|()| std::fs::rename(unfinished(&path), &path))
            .map_err(|error| failed(&path, &error))?;
        Ok(true)
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Standard(out) => out.write(bytes),
            Self::Plain(file, _) => file.write(bytes),
            Self::Zipped(encoder, _) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Standard(out) => out.flush(),
            Self::Plain(file, _) => file.flush(),
            Self::Zipped(encoder, _) => encoder.flush(),
        }
    }
}

/// What a file is called until it is whole.
fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("{} cannot be written: {error}", path.display()))
}
