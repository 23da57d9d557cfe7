use bytes::Bytes;
use intentvision::clock::{Clock, DAY};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tempfile::TempDir;

use super::client::{Answer, Client};
use super::history::{Contents, History};
use super::load;
use crate::powerloss::{Disk, shim};
use crate::served::Installation;

/// Series that are written.
const SERIES: usize = 20;
/// Requests after which even the largest room is used up.
const ENOUGH: usize = 100;

/// Fills the disk under a process that serves, again and again with so many bytes left, and makes room.
///
/// Returns what is wrong: an answer other than 503 with `Retry-After` while it is full, a request that is not
/// taken by the same process once there is room again, a point that is lost or made up.
///
/// # Panics
/// If the product cannot be started.
pub async fn full_disk(rooms: &[i64]) -> Vec<String> {
    let folder = TempDir::new().expect("a temporary folder");
    let disk = Disk::new(&folder.path().join("disk"));
    let url = format!("file:{}", folder.path().join("iv.db").display());
    let installation = disk.under(Installation::new(url, &folder.path().join("log")), &shim());
    let client = Client::new(&installation.set_up());
    let serve = installation.serve(0).expect("it serves");
    let base = Clock::system().wall().div_euclid(DAY) * DAY - 5 * DAY;
    let mut rng = StdRng::seed_from_u64(0);
    let mut history = History::default();
    let mut wrong = Vec::new();
    for room in rooms {
        disk.fills_after(*room);
        let mut refused = None;
        for _ in 0..ENOUGH {
            let cells = load::cells(&mut rng, SERIES, base);
            let id = history.call(cells.clone(), true);
            let body = Bytes::from(load::body(id, &cells, "full").to_string());
            match client.ingest(serve.address(), &body, Some(&id.to_string())).await {
                Answer::Done => history.acknowledge(id),
                Answer::Unavailable => {
                    refused = Some((id, body));
                    break;
                }
                other => wrong.push(format!("{room} bytes left, write {id}: {other:?}")),
            }
        }
        wrong.extend(
            compare(&client, &serve, &history)
                .await
                .map(|wrong| format!("{room} bytes left: {wrong}")),
        );
        disk.has_room();
        let Some((id, body)) = refused else {
            wrong.push(format!("{room} bytes left: {ENOUGH} requests were taken"));
            continue;
        };
        match client.ingest(serve.address(), &body, Some(&id.to_string())).await {
            Answer::Done => history.acknowledge(id),
            other => wrong.push(format!("there is room again after {room} bytes, write {id}: {other:?}")),
        }
    }
    wrong.extend(compare(&client, &serve, &history).await);
    wrong
}

/// What is wrong with all points; reads need no room.
async fn compare(client: &Client, serve: &crate::served::Serve, history: &History) -> Option<String> {
    let mut contents = Contents::new();
    for number in 0..SERIES {
        match client.points(serve.address(), number).await {
            Ok(Some(found)) => contents.extend(found),
            other => return Some(format!("series {number} cannot be read: {other:?}")),
        }
    }
    let breaches = history.breaches(&contents);
    (!breaches.is_empty()).then(|| breaches.to_string())
}
