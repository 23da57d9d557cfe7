//! Delivery: each message, at least once, signed, and by one worker at a time.

use super::scene::{Scene, message, one_hangs, sender};
use db::Value;
use intentvision::clock::Clock;
use intentvision::config::Config;
use intentvision::notify::MessageKind::{Firing, Resolved};
use intentvision::notify::delivery;
use intentvision::notify::sender::Limits;
use intentvision::notify::signature::{SigningSecret, verify};
use serde_json::json;
use standardwebhooks::Webhook;
use std::collections::HashSet;
use tests::on_both;
use tests::product::Backend;
use tests::receiver::{Answer, Receiver};

on_both! {
    start = Scene::start;

    /// Requirement 44: what arrives is signed as Standard Webhooks has it, by the reference crate's word.
    r44_a_message_arrives_signed_with_alert_rule_and_series => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(204)).await;
        let (channel, secret) = scene.channel(&receiver.url("/hook")).await;
        let alert = scene.alert("web-1").await;
        let firing = message(&channel, &alert, 1, Firing);
        scene.tell(std::slice::from_ref(&firing)).await;
        let summary = scene.drain(0).await;
        assert_eq!((summary.attempted, summary.delivered, summary.next_due), (1, 1, None));
        let [sent] = &receiver.messages()[..] else { panic!("one message") };
        Webhook::new(&secret).unwrap().verify(&sent.body, &sent.headers).unwrap();
        assert_eq!(sent.id(), firing.message_id().as_str());
        assert_eq!(sent.header("content-type"), "application/json");
        let body = sent.json();
        assert_eq!(body["type"], "alert.firing");
        assert_eq!(body["timestamp"], "2026-11-23T10:01:00Z");
        assert_eq!(body["data"]["alert"], json!({
            "alert_id": alert, "status": "firing", "severity": "critical", "started_at": "2026-11-23T10:00:00Z",
            "resolved_at": null, "value": 512.5, "summary": "latency is too high", "reason": "512.5 is above 500",
            "acknowledged_by": null,
        }));
        assert_eq!(body["data"]["rule"]["name"], "too slow");
        assert_eq!(body["data"]["rule"]["condition"]["operator"], "gt");
        assert_eq!(body["data"]["series"]["metric_key"], "latency");
        assert_eq!(body["data"]["series"]["dimensions"], json!({"host": "web-1"}));
    };

    four_workers_deliver_200_messages_once_each => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(200)).await;
        let mut messages = Vec::new();
        for n in 0..10 {
            let (channel, _) = scene.channel(&receiver.url(&format!("/{n}"))).await;
            for k in 0..5 {
                for seq in 1..=4 {
                    let alert = scene.alert(&format!("{n}-{k}-{seq}")).await;
                    messages.push(message(&channel, &alert, n * 20 + k * 4 + seq, Firing));
                }
            }
        }
        scene.tell(&messages).await;
        let sender = sender(Limits::default());
        let mut workers = Vec::new();
        for _ in 0..4 {
            workers.push(scene.product.again(Clock::system()).await);
        }
        let drains = workers.iter().map(|app| delivery::drain(app, &sender, 1_000));
        let summaries = futures::future::try_join_all(drains).await.unwrap();
        assert_eq!(summaries.iter().map(|summary| summary.delivered).sum::<usize>(), 200);
        let arrived = receiver.messages();
        let ids: HashSet<_> = arrived.iter().map(|message| message.id().to_owned()).collect();
        assert_eq!((arrived.len(), ids.len()), (200, 200));
        assert!(receiver.peak() <= 2, "{} at the same time", receiver.peak());
        let row = scene.row("SELECT count(*), max(attempts) FROM outbox WHERE state = 'delivered'").await;
        assert_eq!(row, [Value::from(200), Value::from(1)]);
    };

    /// Requirement 44: the id is stable over retries, and so is the body.
    r44_killed_between_sending_and_recording_is_delivered_again_under_the_same_id => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Hang).await;
        let (channel, secret) = scene.channel(&receiver.url("/")).await;
        let alert = scene.alert("a").await;
        scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
        let (app, sending) = (scene.later(0), sender(Limits::default()));
        tokio::select! {
            result = delivery::drain(&app, &sending, 10) => panic!("{result:?}"),
            () = receiver.arrived(1) => {} // and here the worker dies
        }
        receiver.change(|_| Answer::Status(200));
        // its lease still holds
        assert_eq!(scene.drain(0).await.attempted, 0);
        // what the message says is fixed, whatever becomes of the rule
        let rename = db::Step::global("UPDATE alert_rules SET name = 'renamed'", vec![]);
        scene.product.app.operator(None).run(db::Batch::write_one(rename)).await.unwrap();
        assert_eq!(scene.drain(31_000).await.delivered, 1);
        let [first, second] = &receiver.messages()[..] else { panic!("two messages") };
        assert_eq!((first.id(), &first.body), (second.id(), &second.body));
        let time: i64 = second.header("webhook-timestamp").parse().unwrap();
        assert!(time >= first.header("webhook-timestamp").parse::<i64>().unwrap() + 30, "of the attempt");
        let secret = SigningSecret::parse(&secret).unwrap();
        assert!(verify(&secret, second.id(), time, &second.body, second.header("webhook-signature")));
    };

    a_worker_that_comes_back_after_its_lease_changes_nothing => async |scene: Scene| {
        let (release, hold) = tokio::sync::watch::channel(false);
        // the first attempt is answered by a refusal, but only after the second was accepted
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let first = tokio::spawn(answer_when_released(listener, hold, "400 Bad Request"));
        let (channel, _) = scene.channel(&url).await;
        let alert = scene.alert("a").await;
        scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
        let (app, sending) = (scene.later(0), sender(Limits { total: std::time::Duration::from_secs(60), ..Limits::default() }));
        let slow = tokio::spawn(async move { delivery::drain(&app, &sending, 10).await.unwrap() });
        let arrived = first.await.unwrap();
        let receiver = Receiver::start(|_| Answer::Status(200)).await;
        scene.patch(&channel, json!({"config": {"url": receiver.url("/")}})).await;
        assert_eq!(scene.drain(31_000).await.delivered, 1);
        release.send(true).unwrap();
        arrived.await.unwrap();
        let late = slow.await.unwrap();
        assert_eq!((late.attempted, late.delivered, late.dead), (1, 0, 0));
        assert_eq!(scene.states().await, "delivered");
        let row = scene.row("SELECT count(*), max(attempt), max(outcome) FROM deliveries").await;
        assert_eq!(row, [Value::from(1), Value::from(2), Value::from("delivered")]);
    };

    /// What the old receiver says is not said of the new one, which is told what that one did not take.
    a_channel_that_was_moved_meanwhile_is_not_disabled => async |scene: Scene| {
        let (release, hold) = tokio::sync::watch::channel(false);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let first = tokio::spawn(answer_when_released(listener, hold, "410 Gone"));
        let (channel, _) = scene.channel(&url).await;
        scene.tell(&[message(&channel, &scene.alert("a").await, 1, Firing)]).await;
        let app = scene.later(0);
        let slow = tokio::spawn(async move { delivery::drain(&app, &sender(Limits::default()), 1).await.unwrap() });
        let arrived = first.await.unwrap();
        let receiver = Receiver::start(|_| Answer::Status(200)).await;
        scene.patch(&channel, json!({"config": {"url": receiver.url("/")}})).await;
        scene.tell(&[message(&channel, &scene.alert("b").await, 2, Firing)]).await;
        release.send(true).unwrap();
        arrived.await.unwrap();
        slow.await.unwrap();
        let path = format!("/v1/notification-channels/{channel}");
        assert_eq!(scene.product.get(&path, &scene.key).await.json()["enabled"], true);
        assert_eq!(scene.drain(0).await.delivered, 2);
        let log = scene.row("SELECT group_concat(outcome) FROM (SELECT outcome FROM deliveries ORDER BY at)").await;
        assert_eq!(log, ["retry,delivered,delivered".into()]);
    };

    at_most_so_many_attempts_as_asked => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(200)).await;
        let (channel, _) = scene.channel(&receiver.url("/")).await;
        let mut messages = Vec::new();
        for name in ["a", "b", "c", "d", "e"] {
            let alert = scene.alert(name).await;
            messages.push(message(&channel, &alert, 1, Firing));
        }
        scene.tell(&messages).await;
        let app = scene.later(0);
        let summary = deliver_notifications::run(&app, 3).await.unwrap();
        assert_eq!((summary.attempted, summary.delivered), (3, 3));
        assert!(summary.next_due.is_some());
        assert_eq!(deliver_notifications::run(&app, 3).await.unwrap().delivered, 2);
    };
}

/// Takes one request, and answers it with this status once it is released.
async fn answer_when_released(
    listener: tokio::net::TcpListener,
    mut hold: tokio::sync::watch::Receiver<bool>,
    status: &'static str,
) -> tokio::task::JoinHandle<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = vec![0; 65_536];
    assert_ne!(stream.read(&mut request).await.unwrap(), 0);
    tokio::spawn(async move {
        hold.wait_for(|released| *released).await.unwrap();
        stream
            .write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes())
            .await
            .unwrap();
    })
}

/// Requirement 43: refused when the connection is made, unless the configuration allows it.
#[tokio::test]
async fn r43_private_addresses_are_refused_at_connect_time_unless_configured() {
    let receiver = Receiver::start(|_| Answer::Status(200)).await;
    let scene = Scene::start(Backend::Embedded).await;
    // a name: what the URL says is public, where it leads is not
    let (channel, _) = scene.channel("https://localhost:8443/").await;
    let alert = scene.alert("a").await;
    scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
    let mut strict = scene.later(0);
    strict.config = Config::default().into();
    assert_eq!(deliver_notifications::run(&strict, 10).await.unwrap().retried, 1);
    let row = scene.row("SELECT last_error FROM outbox").await;
    let Value::Text(error) = &row[0] else { panic!("{row:?}") };
    assert!(error.contains("webhooks are not sent to localhost"), "{error}");

    // plain HTTP to a private address, made while that was allowed
    scene
        .patch(&channel, json!({"config": {"url": receiver.url("/")}}))
        .await;
    strict.clock = Clock::system().with_wall_offset(5_000);
    assert_eq!(deliver_notifications::run(&strict, 10).await.unwrap().retried, 1);
    assert!(receiver.messages().is_empty());
    let allowed = scene.later(40_000);
    assert_eq!(deliver_notifications::run(&allowed, 10).await.unwrap().delivered, 1);
}

/// Requirement 45: one dead endpoint delays nobody else.
#[tokio::test]
async fn r45_a_receiver_that_hangs_delays_no_other() {
    let (scene, receiver, dead, alive) = one_hangs().await;
    let alert = scene.alert("a").await;
    let mut messages: Vec<_> = (1..=50).map(|seq| message(&dead, &alert, seq, Firing)).collect();
    // separate alerts, so that none waits for another of its own
    for seq in 51..=80 {
        messages.push(message(&alive, &scene.alert(&seq.to_string()).await, seq, Firing));
    }
    messages.push(message(&dead, &scene.alert("z").await, 81, Firing));
    scene.tell(&messages).await;
    let (app, sending) = (scene.later(0), sender(Limits::default()));
    tokio::select! {
        result = delivery::drain(&app, &sending, 1_000) => panic!("the dead one was given up first: {result:?}"),
        () = receiver.arrived(32) => {}
    }
    let alive = receiver
        .messages()
        .iter()
        .filter(|message| message.path == "/alive")
        .count();
    assert_eq!((alive, receiver.messages().len()), (30, 32));
    assert!(receiver.peak() <= 2);
}

/// A resolve to a receiver that refused the firing is sent all the same.
#[tokio::test]
async fn a_resolve_follows_a_firing_that_died() {
    let receiver = Receiver::start(|_| Answer::Status(400)).await;
    let scene = Scene::start(Backend::Embedded).await;
    let (channel, _) = scene.channel(&receiver.url("/")).await;
    let alert = scene.alert("a").await;
    scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
    scene.exhaust().await;
    assert_eq!(scene.drain(0).await.dead, 1);
    receiver.change(|_| Answer::Status(200));
    scene.tell(&[message(&channel, &alert, 2, Resolved)]).await;
    assert_eq!(scene.drain(0).await.delivered, 1);
}
