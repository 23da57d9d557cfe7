//! Who is told what: the steps that stage 2 adds to its batch.

use super::scene::{message, on_both};
use intentvision::keys::Environment;
use intentvision::notify::MessageKind::{Firing, NoData, Resolved};
use tests::receiver::{Answer, Receiver};

on_both! {
    /// A resolve is always sent for what was told as firing.
    what_was_told_as_firing_is_told_as_resolved => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(200)).await;
        let (channel, _) = scene.channel(&receiver.url("/")).await;
        let alert = scene.alert("a").await;
        scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
        scene.drain(0).await;
        scene.tell(&[message(&channel, &alert, 2, Resolved)]).await;
        assert_eq!(scene.drain(0).await.delivered, 1);
        let types: Vec<_> = receiver.messages().iter().map(|m| m.json()["type"].clone()).collect();
        assert_eq!(types, ["alert.firing", "alert.resolved"]);
    };

    /// ... and of what nobody was told, nobody is told that it is over.
    nobody_is_told_the_end_of_what_he_never_heard_of => async |scene: Scene| {
        let (told, _) = scene.channel("http://127.0.0.1:9/told").await;
        let (other, _) = scene.channel("http://127.0.0.1:9/other").await;
        let (a, b) = (scene.alert("a").await, scene.alert("b").await);
        scene.tell(&[message(&told, &a, 1, Firing)]).await;
        scene.tell(&[message(&other, &a, 2, Resolved), message(&told, &b, 2, Resolved)]).await;
        assert_eq!(scene.states().await, "pending");
    };

    firing_and_resolved_that_nobody_tried_to_send_become_one => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(200)).await;
        let (channel, _) = scene.channel(&receiver.url("/")).await;
        let (a, b) = (scene.alert("a").await, scene.alert("b").await);
        // within one batch, and over two
        scene.tell(&[message(&channel, &a, 1, Firing), message(&channel, &a, 2, NoData), message(&channel, &a, 3, Resolved)]).await;
        scene.tell(&[message(&channel, &b, 4, Firing)]).await;
        scene.tell(&[message(&channel, &b, 5, Resolved)]).await;
        assert_eq!(scene.states().await, "superseded, superseded, pending, superseded, pending");
        assert_eq!(scene.drain(0).await.delivered, 2);
        for sent in receiver.messages() {
            let body = sent.json();
            assert_eq!(body["type"], "alert.resolved");
            assert_eq!(body["data"]["alert"]["started_at"], "2026-11-23T10:00:00Z");
        }
    };

    a_firing_that_was_tried_is_not_superseded => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(500)).await;
        let (channel, _) = scene.channel(&receiver.url("/")).await;
        let alert = scene.alert("a").await;
        scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
        assert_eq!(scene.drain(0).await.retried, 1);
        scene.tell(&[message(&channel, &alert, 2, Resolved)]).await;
        assert_eq!(scene.states().await, "pending, pending");
        // the resolve does not overtake it
        assert_eq!(scene.drain(0).await.attempted, 0);
        receiver.change(|_| Answer::Status(200));
        assert_eq!(scene.drain(5_000).await.delivered, 2);
        let types: Vec<_> = receiver.messages().iter().map(|m| m.json()["type"].clone()).collect();
        assert_eq!(types, ["alert.firing", "alert.firing", "alert.resolved"]);
    };

    whoever_decides_twice_writes_once => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(200)).await;
        let (channel, _) = scene.channel(&receiver.url("/")).await;
        let alert = scene.alert("a").await;
        let firing = [message(&channel, &alert, 1, Firing)];
        scene.tell(&firing).await;
        scene.tell(&firing).await;
        scene.drain(0).await;
        scene.tell(&firing).await;
        assert_eq!(scene.states().await, "delivered");
        let resolved = [message(&channel, &alert, 2, Resolved)];
        scene.tell(&resolved).await;
        scene.tell(&resolved).await;
        scene.drain(0).await;
        assert_eq!(receiver.messages().len(), 2);
    };

    a_deleted_channel_is_told_nothing_and_a_disabled_one_only_the_end => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(200)).await;
        let (channel, _) = scene.channel(&receiver.url("/")).await;
        let (a, b) = (scene.alert("a").await, scene.alert("b").await);
        scene.tell(&[message(&channel, &a, 1, Firing)]).await;
        scene.drain(0).await;
        scene.tell(&[message(&channel, &b, 2, Firing)]).await;
        let off = scene.patch(&channel, serde_json::json!({"enabled": false})).await;
        assert_eq!((off.status.as_u16(), off.json()["enabled"].as_bool()), (200, Some(false)));
        scene.tell(&[message(&channel, &b, 3, NoData), message(&channel, &a, 4, Resolved)]).await;
        assert_eq!(scene.states().await, "delivered, dead, dead, pending");
        assert_eq!(scene.drain(0).await.attempted, 0);
        scene.patch(&channel, serde_json::json!({"enabled": true})).await;
        assert_eq!(scene.drain(0).await.delivered, 1);
        assert_eq!(receiver.messages()[1].json()["type"], "alert.resolved");

        scene.tell(&[message(&channel, &b, 5, Firing)]).await;
        let path = format!("/v1/notification-channels/{channel}");
        assert_eq!(scene.product.call(http::Method::DELETE, &path, &scene.key, None).await.status, 204);
        scene.tell(&[message(&channel, &b, 6, NoData)]).await;
        assert_eq!(scene.states().await, "delivered, dead, dead, delivered, dead");
        let row = scene.row("SELECT last_error FROM outbox WHERE flush = 5").await;
        assert_eq!(row, [db::Value::from("the channel was deleted")]);
    };
}

/// A test organization's messages are recorded and never sent.
#[tokio::test]
async fn a_test_organization_sends_nothing() {
    let receiver = Receiver::start(|_| Answer::Status(200)).await;
    let scene = super::scene::Scene::start_in(tests::product::Backend::Embedded, Environment::Test).await;
    let (channel, _) = scene.channel(&receiver.url("/")).await;
    let alert = scene.alert("a").await;
    scene
        .tell(&[
            message(&channel, &alert, 1, Firing),
            message(&channel, &alert, 2, Resolved),
        ])
        .await;
    let path = format!("/v1/notification-channels/{channel}/test");
    let test = scene.product.post(&path, &scene.key, &serde_json::json!({})).await;
    assert_eq!(test.json()["outcome"], "recorded");
    assert_eq!(scene.states().await, "recorded, recorded, recorded");
    assert_eq!(scene.drain(0).await.attempted, 0);
    assert!(receiver.messages().is_empty());
}

/// What was ever told does not make telling dearer.
#[tokio::test]
async fn a_long_history_costs_no_rows() {
    let scene = super::scene::Scene::start(tests::product::Backend::Remote).await;
    let (channel, _) = scene.channel("http://127.0.0.1:9/").await;
    let alert = scene.alert("a").await;
    let history = db::Step::global(
        "WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 2000)
         INSERT INTO outbox (org_id, message_id, channel_id, group_id, flush, type, occurred_at, state, due_at, created_at)
         SELECT ?1, 'msg_' || n.value, ?2, 'grp_' || n.value, n.value, 'alert.firing', 0, 'delivered', 0, 0 FROM n",
        db::args![&scene.org, &channel],
    );
    let mut batch = db::Batch::write();
    batch.push(history);
    scene.product.app.operator(None).run(batch).await.unwrap();
    scene.tell(&[message(&channel, &alert, 3_001, Firing)]).await;
    let read = scene.tell(&[message(&channel, &alert, 3_002, Resolved)]).await;
    assert!(read < 100, "{read} rows read");
    let path = format!("/v1/notification-channels/{channel}");
    scene.product.call(http::Method::DELETE, &path, &scene.key, None).await;
    let read = scene
        .product
        .proxy()
        .take()
        .last()
        .map_or(0, |exchange| exchange.rows_read);
    assert!((1..100).contains(&read), "{read} rows read");
}
