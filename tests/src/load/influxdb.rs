//! InfluxDB 1.x, durable when it acknowledges, as it is by default.

use super::client::Target;
use super::points::Form;
use super::process::{Process, folder_size};
use super::{Figures, Load, Missing, call, free_address, is_installed, wait_for};
use http::HeaderMap;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

const PROGRAM: &str = "influxd";
/// How long compactions may take that follow a load.
const COMPACTIONS: Duration = Duration::from_secs(240);

pub(super) async fn measure(load: &Load) -> Result<Figures, Missing> {
    if !is_installed(PROGRAM) {
        return Err(Missing);
    }
    let folder = TempDir::new().expect("a folder");
    let place = folder.path().display();
    let (address, backup) = (free_address(), free_address());
    // as it comes but for: no usage reports, no log of requests, no measurement of itself, and compactions
    // that begin seconds and not hours after the last write
    let configuration = format!(
        r#"reporting-disabled = true
bind-address = "{backup}"
[meta]
dir = "{place}/meta"
[data]
dir = "{place}/data"
wal-dir = "{place}/wal"
query-log-enabled = false
cache-snapshot-write-cold-duration = "2s"
compact-full-write-cold-duration = "4s"
[monitor]
store-enabled = false
[http]
bind-address = "{address}"
log-enabled = false
"#
    );
    let file = folder.path().join("influxdb.conf");
    std::fs::write(&file, configuration).expect("the configuration");
    let mut command = Command::new(PROGRAM);
    command.arg("-config").arg(&file);
    let process = Process::start(&mut command, &folder.path().join("log")).expect("it starts");
    wait_for(address, "/ping");
    let created = call(address, "POST", "/query?q=CREATE%20DATABASE%20load");
    assert_eq!(created, Some(200), "a database is made");
    let target = Target {
        address,
        path: "/write?db=load&precision=ns".into(),
        headers: HeaderMap::new(),
        keyed: false,
    };
    let before = process.cpu();
    let mut figures = load.send(Form::Lines, &target, &process, || {}).await;
    std::thread::sleep(Duration::from_secs(6));
    process.wait_until_idle(COMPACTIONS);
    figures.cpu_of_all = process.cpu() - before;
    figures.memory = process.peak_memory();
    process.end();
    figures.bytes = folder_size(&folder.path().join("data")) + folder_size(&folder.path().join("wal"));
    Ok(figures)
}
