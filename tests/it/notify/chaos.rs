//! Receivers that misbehave: what is retried, for how long, and what is given up.

use super::scene::{Scene, message, sender};
use db::{Batch, Step, Value};
use intentvision::clock::HOUR;
use intentvision::notify::MessageKind::{Firing, Resolved};
use intentvision::notify::delivery;
use intentvision::notify::sender::Limits;
use std::collections::HashSet;
use std::time::Duration;
use tests::on_both;
use tests::product::Backend;
use tests::receiver::{Answer, Receiver};

/// Before each attempt after the first, in seconds.
const SCHEDULE: [i64; 7] = [5, 30, 120, 300, 900, 1_800, 3_600];

on_both! {
    start = Scene::start;

    /// Requirement 45: the schedule, then a dead letter.
    r45_an_outage_is_retried_by_the_schedule_and_ends_as_a_dead_letter => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(503)).await;
        let (channel, _) = scene.channel(&receiver.url("/")).await;
        let alert = scene.alert("a").await;
        scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
        let mut offset = 0;
        for wait in SCHEDULE {
            let summary = scene.drain(offset).await;
            assert_eq!((summary.attempted, summary.retried), (1, 1), "before {wait} s");
            let row = scene.row("SELECT o.due_at - d.at FROM outbox AS o JOIN deliveries AS d USING (org_id, message_id) ORDER BY d.attempt DESC LIMIT 1").await;
            assert_eq!(row, [Value::from(wait * 1_000)]);
            if wait > 600 {
                // by the clock of the last attempt nothing is due
                assert_eq!(scene.drain(offset).await.attempted, 0);
            }
            offset += wait * 1_000;
        }
        let last = scene.drain(offset).await;
        assert_eq!((last.dead, last.next_due), (1, None));
        assert_eq!(scene.drain(offset + 24 * HOUR).await.attempted, 0);
        assert_eq!(scene.states().await, "dead");
        let messages = receiver.messages();
        let same: HashSet<_> = messages.iter().map(|m| (m.id().to_owned(), m.body.clone())).collect();
        assert_eq!((messages.len(), same.len()), (8, 1));
        let row = scene.row("SELECT last_status, attempts, (SELECT group_concat(outcome) FROM deliveries) FROM outbox").await;
        assert_eq!(row, [503.into(), 8.into(), "retry,retry,retry,retry,retry,retry,retry,dead".into()]);
    };

    /// What was told as firing is told as resolved, however long the receiver is away.
    a_resolve_outlives_the_schedule => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(200)).await;
        let (channel, _) = scene.channel(&receiver.url("/")).await;
        let alert = scene.alert("a").await;
        scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
        assert_eq!(scene.drain(0).await.delivered, 1);
        receiver.change(|_| Answer::Status(503));
        scene.tell(&[message(&channel, &alert, 2, Resolved)]).await;
        let mut offset = 0;
        for wait in SCHEDULE.into_iter().chain([3_600; 5]) {
            assert_eq!(scene.drain(offset).await.retried, 1, "before {wait} s");
            offset += wait * 1_000;
        }
        receiver.change(|_| Answer::Status(200));
        assert_eq!(scene.drain(offset).await.delivered, 1);
        assert_eq!(scene.states().await, "delivered, delivered");
    };

    /// A resolve that meets the 410 itself waits like any other.
    a_resolve_that_disables_its_channel_is_not_lost => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(200)).await;
        let (channel, _) = scene.channel(&receiver.url("/")).await;
        let alert = scene.alert("a").await;
        scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
        scene.drain(0).await;
        receiver.change(|_| Answer::Status(410));
        scene.tell(&[message(&channel, &alert, 2, Resolved)]).await;
        assert_eq!(scene.drain(0).await.retried, 1);
        assert_eq!(scene.drain(HOUR).await.attempted, 0);
        receiver.change(|_| Answer::Status(200));
        scene.patch(&channel, serde_json::json!({"enabled": true})).await;
        assert_eq!(scene.drain(HOUR).await.delivered, 1);
    };

    /// Requirement 45: 410 disables the channel.
    r45_gone_disables_the_channel => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(200)).await;
        let (channel, _) = scene.channel(&receiver.url("/")).await;
        let (a, b, c) = (scene.alert("a").await, scene.alert("b").await, scene.alert("c").await);
        scene.tell(&[message(&channel, &a, 1, Firing)]).await;
        scene.drain(0).await;
        receiver.change(|_| Answer::Status(410));
        scene.tell(&[message(&channel, &b, 2, Firing), message(&channel, &c, 3, Firing)]).await;
        assert_eq!(deliver_notifications::run(&scene.later(0), 1).await.unwrap().dead, 1);
        assert_eq!(scene.states().await, "delivered, dead, dead");
        let path = format!("/v1/notification-channels/{channel}");
        assert_eq!(scene.product.get(&path, &scene.key).await.json()["enabled"], false);
        // what was told as firing is told as resolved, once somebody has repaired the receiver
        scene.tell(&[message(&channel, &a, 4, Resolved)]).await;
        assert_eq!(scene.drain(HOUR).await.attempted, 0);
        receiver.change(|_| Answer::Status(200));
        scene.patch(&channel, serde_json::json!({"enabled": true})).await;
        assert_eq!(scene.drain(HOUR).await.delivered, 1);
    };

    /// Whether a channel was changed during an attempt is not seen by the clocks of two machines.
    a_channel_made_by_a_clock_that_is_ahead_is_disabled_like_any_other => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(410)).await;
        let (channel, _) = scene.channel(&receiver.url("/")).await;
        let alert = scene.alert("a").await;
        let ahead = Step::global("UPDATE notification_channels SET updated_at = updated_at + 60000", vec![]);
        scene.product.app.operator(None).run(Batch::write_one(ahead)).await.unwrap();
        scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
        assert_eq!(scene.drain(0).await.dead, 1);
        let path = format!("/v1/notification-channels/{channel}");
        assert_eq!(scene.product.get(&path, &scene.key).await.json()["enabled"], false);
    };
}

async fn one(answer: Answer) -> (Scene, Receiver) {
    let receiver = Receiver::start(move |_| answer).await;
    let scene = Scene::start(Backend::Embedded).await;
    let (channel, _) = scene.channel(&receiver.url("/")).await;
    let alert = scene.alert("a").await;
    scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
    (scene, receiver)
}

/// Requirement 45: what may pass is retried, and drains once the receiver is well again.
#[tokio::test]
async fn r45_what_may_pass_is_retried() {
    for answer in [
        Answer::Status(500),
        Answer::Status(408),
        Answer::Status(425),
        Answer::Status(429),
        Answer::Reset,
        Answer::Hang,
    ] {
        let (scene, receiver) = one(answer).await;
        let impatient = sender(Limits {
            total: Duration::from_millis(100),
            ..Limits::default()
        });
        let summary = delivery::drain(&scene.later(0), &impatient, 10).await.unwrap();
        assert_eq!(summary.retried, 1, "{answer:?}");
        receiver.change(|_| Answer::Status(200));
        assert_eq!(scene.drain(5_000).await.delivered, 1, "{answer:?}");
        let messages = receiver.messages();
        assert_eq!(messages[0].id(), messages[1].id());
    }
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_retried() {
    let (scene, receiver) = one(Answer::Status(200)).await;
    let gone = receiver.url("/");
    drop(receiver);
    let summary = scene.drain(0).await;
    assert_eq!(summary.retried, 1, "{gone}");
    let row = scene
        .row("SELECT last_status, last_error IS NOT NULL FROM outbox")
        .await;
    assert_eq!(row, [Value::Null, Value::from(1)]);
}

/// Requirement 45: whatever a proxy answers while the receiver is deployed anew, nothing is lost; a redirect is not followed.
#[tokio::test]
async fn r45_what_a_webhook_refuses_is_retried() {
    let elsewhere = Receiver::start(|_| Answer::Status(200)).await;
    let location: &'static str = Box::leak(elsewhere.url("/").into_boxed_str());
    for answer in [
        Answer::Status(400),
        Answer::Status(401),
        Answer::Status(404),
        Answer::With(302, "location", location),
    ] {
        let (scene, receiver) = one(answer).await;
        assert_eq!(scene.drain(0).await.retried, 1, "{answer:?}");
        receiver.change(|_| Answer::Status(200));
        assert_eq!(scene.drain(5_000).await.delivered, 1, "{answer:?}");
    }
    assert!(elsewhere.messages().is_empty());
}

/// Requirement 45.
#[tokio::test]
async fn r45_retry_after_is_honoured_and_capped() {
    for (asked, wait) in [("100", 100_000), ("1", 5_000), ("999999", HOUR)] {
        let (scene, _receiver) = one(Answer::With(429, "retry-after", asked)).await;
        assert_eq!(scene.drain(0).await.retried, 1);
        let row = scene
            .row("SELECT o.due_at - d.at FROM outbox AS o JOIN deliveries AS d USING (org_id, message_id)")
            .await;
        assert_eq!(row, [Value::from(wait)], "{asked}");
    }
}

/// A message whose attempts all ended with their process is given up some day.
#[tokio::test]
async fn a_message_that_kills_its_workers_is_given_up() {
    let (scene, receiver) = one(Answer::Hang).await;
    let sending = sender(Limits::default());
    for n in 0..8_usize {
        let app = scene.later(i64::try_from(n).unwrap() * 31_000);
        tokio::select! {
            result = delivery::drain(&app, &sending, 10) => panic!("{result:?}"),
            () = receiver.arrived(n + 1) => {}
        }
    }
    assert_eq!(scene.drain(8 * 31_000).await.dead, 1);
    assert_eq!(receiver.messages().len(), 8);
    assert_eq!(scene.states().await, "dead");
}

/// The wrong key is an operator's mistake, which can be undone: nothing is lost by it.
#[tokio::test]
async fn a_secret_that_does_not_open_is_retried() {
    let (scene, receiver) = one(Answer::Status(200)).await;
    let mut without = scene.later(0);
    without.sealer = None;
    assert_eq!(deliver_notifications::run(&without, 10).await.unwrap().retried, 1);
    assert!(receiver.messages().is_empty());
    assert_eq!(scene.drain(5_000).await.delivered, 1);
}
