//! More alerts at once than one reply of the database holds.

use super::stage::Stage;
use serde_json::json;
use tests::product::Backend;

/// The alerts of one minute, of which the server would need more than its 10 MB to tell in one reply.
const ALERTS: usize = 22_000;
/// Series of one request.
const REQUEST: usize = 1_000;

#[tokio::test]
async fn a_storm_is_told_in_one_message_and_so_is_its_end() {
    let stage = Stage::new(Backend::Remote).await;
    let channel = stage.channel("/a").await;
    stage.rule(&[&channel], json!({})).await;
    let hosts: Vec<String> = (0..ALERTS).map(|host| format!("host-{host:06}")).collect();
    for (minute, value, told) in [(1, 150.0, "1 firing first"), (7, 50.0, "7 resolved resolved")] {
        for hosts in hosts.chunks(REQUEST) {
            let values: Vec<(&str, f64)> = hosts.iter().map(|host| (host.as_str(), value)).collect();
            stage.send(minute, &values).await;
        }
        stage.tick(minute).await;
        stage.deliver().await;
        assert_eq!(stage.told("/a").last().map(String::as_str), Some(told));
    }
    for message in stage.receiver.messages() {
        let data = &message.json()["data"];
        let listed = data["alerts"].as_array().unwrap().len();
        assert_eq!(data["unlisted"], json!(ALERTS - listed));
    }
    assert_eq!(stage.receiver.messages().len(), 2);
}
