//! VictoriaMetrics, single node, by InfluxDB's line protocol.

use super::client::Target;
use super::points::Form;
use super::process::{Process, folder_size};
use super::{Figures, Load, Missing, call, free_address, is_installed, wait_for};
use http::HeaderMap;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

const PROGRAM: &str = "victoria-metrics";
/// How long merges may take that follow a load.
const MERGES: Duration = Duration::from_secs(120);

pub(super) async fn measure(load: &Load) -> Result<Figures, Missing> {
    if !is_installed(PROGRAM) {
        return Err(Missing);
    }
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let address = free_address();
    let mut command = Command::new(PROGRAM);
    command
        .arg(format!("-storageDataPath={}", data.display()))
        .arg(format!("-httpListenAddr={address}"))
        .args(["-retentionPeriod=100y", "-loggerLevel=ERROR"]);
    let process = Process::start(&mut command, &folder.path().join("log")).expect("it starts");
    wait_for(address, "/health");
    let target = Target {
        address,
        path: "/write".into(),
        headers: HeaderMap::new(),
        keyed: false,
    };
    let before = process.cpu();
    let mut figures = load.send(Form::Lines, &target, &process, || {}).await;
    call(address, "GET", "/internal/force_flush").expect("a reply");
    call(address, "GET", "/internal/force_merge").expect("a reply");
    process.wait_until_idle(MERGES);
    figures.cpu_of_all = process.cpu() - before;
    figures.memory = process.peak_memory();
    process.end();
    // without what it keeps to start faster
    figures.bytes = folder_size(&data) - folder_size(&data.join("cache"));
    figures.bytes_of_points = Some(folder_size(&data.join("data")));
    Ok(figures)
}
