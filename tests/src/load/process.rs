//! A process under load, and what Linux says that it used.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Ticks of a second in `/proc`, on every Linux that Rust knows.
const TICKS: u64 = 100;
/// How long a process may take to end once it is told.
const FAREWELL: Duration = Duration::from_secs(60);

/// A process that was started; dropped, it is killed.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts it, with this file as its standard error.
    ///
    /// # Errors
    /// If it cannot be started, as when the program is not there.
    pub fn start(command: &mut Command, log: &Path) -> std::io::Result<Self> {
        let log = std::fs::File::create(log)?;
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map(Self)
    }

    /// The process.
    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// User and system time of all its threads, those that have ended included.
    ///
    /// # Panics
    /// If it has ended, or this is no Linux.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        cpu_of(self.0.id())
    }

    /// The most memory that it has had, in bytes.
    ///
    /// # Panics
    /// If it has ended, or this is no Linux.
    #[must_use]
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).expect("a running process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        1024 * kilobytes.expect("its peak")
    }

    /// Waits until it has used next to no CPU for a second, for at most this long.
    pub fn wait_until_idle(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let mut before = self.cpu();
        let mut quiet = 0;
        while quiet < 4 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(500));
            let now = self.cpu();
            quiet = if now - before <= Duration::from_millis(10) {
                quiet + 1
            } else {
                0
            };
            before = now;
        }
    }

    /// Tells it to end, and waits for that.
    ///
    /// # Panics
    /// If it does not end.
    pub fn end(mut self) {
        let told = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        assert!(told.is_ok_and(|status| status.success()), "the process is told to end");
        let deadline = Instant::now() + FAREWELL;
        while self.0.try_wait().expect("its state").is_none() {
            assert!(Instant::now() < deadline, "the process does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The CPU time of the children of this process that have been waited for.
///
/// # Panics
/// On anything but Linux.
#[must_use]
pub fn cpu_of_ended_children() -> Duration {
    let [_, _, user, system] = times(std::process::id());
    ticks(user + system)
}

/// The CPU time of this process, all of its threads.
///
/// # Panics
/// On anything but Linux.
#[must_use]
pub fn cpu_of_this_process() -> Duration {
    cpu_of(std::process::id())
}

/// The CPU time of a process, all of its threads.
///
/// # Panics
/// If it has ended, or this is no Linux.
#[must_use]
pub fn cpu_of(pid: u32) -> Duration {
    let [user, system, ..] = times(pid);
    ticks(user + system)
}

/// `utime`, `stime`, `cutime` and `cstime` of a process.
fn times(pid: u32) -> [u64; 4] {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a running process");
    // the name, which may hold anything, ends at the last parenthesis; the state is the third field
    let (_, rest) = stat.rsplit_once(')').expect("its name");
    let fields: Vec<&str> = rest.split_whitespace().collect();
    [11, 12, 13, 14].map(|at| fields[at].parse().expect("a number of ticks"))
}

fn ticks(count: u64) -> Duration {
    Duration::from_millis(count * 1_000 / TICKS)
}

/// The bytes that all files in a folder and below take of the disk: some products make files longer than
/// what they have written.
///
/// # Panics
/// If a folder cannot be read.
#[must_use]
pub fn folder_size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| {
            let entry = entry.expect("an entry");
            let data = entry.metadata().expect("its size");
            if data.is_dir() {
                folder_size(&entry.path())
            } else {
                data.blocks() * 512
            }
        })
        .sum()
}
