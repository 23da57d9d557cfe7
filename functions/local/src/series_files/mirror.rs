use super::target;
use crate::Failure;
use crate::parallel::{parallel, threads};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What `work` makes of each of the `files` under `root`, several at a time, to the same place under `output`. Files that
/// fail are named, the others are done.
pub(crate) fn mirror(
    root: &Path,
    files: &[PathBuf],
    output: Option<&Path>,
    work: impl Fn(&Path) -> Result<String, Failure> + Sync,
) -> Result<(), Failure> {
    let output = output.ok_or_else(|| Failure::Input("a folder as --input needs a folder as --output".into()))?;
    let progress = std::io::stderr().is_terminal();
    let done = AtomicUsize::new(0);
    let results = parallel(files, threads(), |relative| {
        target::write(&output.join(relative), &work(&root.join(relative))?)?;
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if progress {
            eprint!("\r{done} of {} files", files.len());
        }
        Ok(())
    });
    if progress {
        eprintln!();
    }
    let failures: Vec<Failure> = results.into_iter().filter_map(Result::err).collect();
    match failures.as_slice() {
        [] => Ok(()),
        [one] => Err(Failure::Input(one.to_string())),
        many => {
            for failure in many {
                eprintln!("intentvision: {failure}");
            }
            Err(Failure::Input(format!(
                "{} of {} files failed",
                many.len(),
                files.len()
            )))
        }
    }
}
