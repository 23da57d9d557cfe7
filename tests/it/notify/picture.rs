//! Pictures: attached or linked where a channel takes one, and never in the way of the message.

use super::scene::{MINUTE_ONE, Scene, message};
use db::{Batch, Step};
use http::Request;
use intentvision::App;
use intentvision::clock::{HOUR, Millis};
use intentvision::config::Config;
use intentvision::id::{AlertId, ChannelId};
use intentvision::notify::MessageKind::{Firing, Resolved};
use intentvision::notify::address::Reach;
use intentvision::notify::connector::SystemNetwork;
use intentvision::notify::delivery;
use intentvision::notify::sender::{Limits, Sender};
use serde_json::{Value, json};
use std::sync::{Arc, Condvar, Mutex};
use tests::on_both;
use tests::product::Backend;
use tests::receiver::{Answer, Receiver};
use tests::standin::teams;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// An alert about a series that has points, each minute of an hour.
pub(super) async fn alert_with_history(scene: &Scene) -> AlertId {
    let points: Vec<Value> = (0..60)
        .map(|n| {
            let timestamp = intentvision::time::format(MINUTE_ONE - (59 - n) * 60_000);
            json!({"metric_key": "latency", "dimensions": {"host": "web-1"}, "value": 400 + 2 * n, "timestamp": timestamp})
        })
        .collect();
    let reply = scene
        .product
        .post("/v1/ingest", &scene.key, &json!({"metrics": points}))
        .await;
    assert_eq!(reply.status, 200, "{:?}", reply.body);
    let alert = scene.alert("drawn").await;
    let of_series = Step::global(
        "UPDATE alerts SET series_id = (SELECT series_id FROM time_series WHERE dimensions = '{\"host\":\"web-1\"}')",
        vec![],
    );
    scene
        .product
        .app
        .operator(None)
        .run(Batch::write_one(of_series))
        .await
        .unwrap();
    alert
}

async fn channel(scene: &Scene, r#type: &str, url: &str) -> ChannelId {
    let body = json!({"name": "ops", "type": r#type, "config": {"url": url}});
    let reply = scene.product.post("/v1/notification-channels", &scene.key, &body).await;
    assert_eq!(reply.status, 201, "{}", reply.json());
    ChannelId::parse(reply.json()["channel_id"].as_str().unwrap()).unwrap()
}

/// The app in an installation that others reach, so far ahead.
fn public(scene: &Scene, offset: Millis) -> App {
    let mut app = scene.later(offset);
    app.config = Arc::new(Config {
        public_url: Some("https://metrics.example.com".into()),
        ..Config::clone(&app.config)
    });
    app
}

fn sender(painter: fn(&str) -> Result<Vec<u8>, String>) -> Sender {
    Sender::new(Arc::new(SystemNetwork), Reach::Private, Limits::default()).with_painter(painter)
}

on_both! {
    start = Scene::start;

    discord_is_sent_the_picture_with_the_message => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Said(200, r#"{"id":"77"}"#)).await;
        let channel = channel(&scene, "discord", &receiver.url("/api/webhooks/1/token")).await;
        let alert = alert_with_history(&scene).await;
        scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
        assert_eq!(deliver_notifications::run(&scene.later(0), 10).await.unwrap().delivered, 1);
        let [sent] = &receiver.messages()[..] else { panic!("one message") };
        assert!(sent.header("content-type").starts_with("multipart/form-data; boundary=iv-msg_"));
        let text = String::from_utf8_lossy(&sent.body);
        assert!(text.contains(r#""url":"attachment://chart.png""#), "{text}");
        assert!(text.contains("Chart of latency  host=web-1; too slow: 512.5 is above 500"), "{text}");
        assert!(sent.body.windows(PNG.len()).any(|bytes| bytes == PNG));
        // the end of it needs no picture
        scene.tell(&[message(&channel, &alert, 2, Resolved)]).await;
        assert_eq!(deliver_notifications::run(&scene.later(0), 10).await.unwrap().delivered, 1);
        assert_eq!(receiver.messages()[1].header("content-type"), "application/json");
    };

    teams_is_sent_a_card_with_a_link_to_the_picture => async |scene: Scene| {
        let team = teams::start().await;
        let channel = channel(&scene, "teams", &team.receiver().url(teams::PATH)).await;
        let alert = alert_with_history(&scene).await;
        scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
        assert_eq!(deliver_notifications::run(&public(&scene, 0), 10).await.unwrap().delivered, 1);
        let body = team.receiver().messages()[0].json();
        let card = body["attachments"][0]["content"]["body"].as_array().unwrap();
        let image = card.last().unwrap();
        assert!(image["url"].as_str().unwrap().starts_with("https://metrics.example.com/v1/pictures/"), "{image}");
        assert!(image["altText"].as_str().unwrap().starts_with("Chart of latency  host=web-1; too slow"), "{image}");
        assert!(card[..card.len() - 1].iter().all(|block| block["type"] == "RichTextBlock"));
    };

    slack_is_sent_a_link_that_leads_to_the_picture_for_a_day => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Said(200, "ok")).await;
        let channel = channel(&scene, "slack", &receiver.url("/services/T/B/x")).await;
        let alert = alert_with_history(&scene).await;
        scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
        assert_eq!(deliver_notifications::run(&public(&scene, 0), 10).await.unwrap().delivered, 1);
        let body = receiver.messages()[0].json();
        let image = body["blocks"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(image["type"], "image");
        let path = image["image_url"].as_str().unwrap().strip_prefix("https://metrics.example.com").unwrap().to_owned();
        let fetch = async |path: &str| scene.product.send(Request::get(path), "").await;
        let picture = fetch(&path).await;
        assert_eq!((picture.status.as_u16(), picture.headers["content-type"].to_str().unwrap()), (200, "image/png"));
        assert!(picture.body.as_ref().starts_with(PNG));
        let mut other = path.clone();
        let last = other.pop().unwrap();
        other.push(if last == 'A' { 'B' } else { 'A' });
        for wrong in [&other, "/v1/pictures/", "/v1/pictures/none", &path[..path.len() - 8]] {
            assert_eq!(fetch(wrong).await.status, 404, "{wrong}");
        }
        // a day later the link has run out, and the picture goes
        let later = maintain::run(&scene.later(24 * HOUR + 1_000)).await.unwrap();
        assert_eq!(later.expired_pictures, 1);
        assert_eq!(fetch(&path).await.status, 404);
    };
}

#[tokio::test]
async fn a_receiver_that_refuses_the_picture_is_told_without_it() {
    let receiver = Receiver::start(|message| match &message.body {
        body if String::from_utf8_lossy(body).contains("image_url") => Answer::Status(400),
        _ => Answer::Said(200, "ok"),
    })
    .await;
    let scene = Scene::start(Backend::Embedded).await;
    let channel = channel(&scene, "slack", &receiver.url("/services/T/B/x")).await;
    let alert = alert_with_history(&scene).await;
    scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
    assert_eq!(
        deliver_notifications::run(&public(&scene, 0), 10)
            .await
            .unwrap()
            .delivered,
        1
    );
    assert_eq!(receiver.messages().len(), 2);
}

/// Slack fetches the picture before it answers: what is wrong with that is wrong with the first attempt alone.
#[tokio::test]
async fn a_receiver_that_fails_over_the_picture_is_told_without_it_the_next_time() {
    let receiver = Receiver::start(|message| match &message.body {
        body if String::from_utf8_lossy(body).contains("image_url") => Answer::Status(500),
        _ => Answer::Said(200, "ok"),
    })
    .await;
    let scene = Scene::start(Backend::Embedded).await;
    let channel = channel(&scene, "slack", &receiver.url("/services/T/B/x")).await;
    let alert = alert_with_history(&scene).await;
    scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
    let first = deliver_notifications::run(&public(&scene, 0), 10).await.unwrap();
    assert_eq!(first.retried, 1);
    let second = deliver_notifications::run(&public(&scene, 5_000), 10).await.unwrap();
    assert_eq!(second.delivered, 1);
    assert_eq!(receiver.messages().len(), 2);
}

#[tokio::test]
async fn an_incident_is_opened_without_a_picture_that_is_refused() {
    let receiver = Receiver::start(|message| match message.json().get("images") {
        Some(_) => Answer::Status(400),
        None => Answer::Status(202),
    })
    .await;
    let scene = Scene::start(Backend::Embedded).await;
    let config = json!({"routing_key": tests::standin::pagerduty::ROUTING_KEY, "url": receiver.url("/v2/enqueue")});
    let body = json!({"name": "ops", "type": "pagerduty", "config": config});
    let reply = scene.product.post("/v1/notification-channels", &scene.key, &body).await;
    let channel = ChannelId::parse(reply.json()["channel_id"].as_str().unwrap()).unwrap();
    let alert = alert_with_history(&scene).await;
    scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
    let summary = deliver_notifications::run(&public(&scene, 0), 10).await.unwrap();
    assert_eq!((summary.delivered, receiver.messages().len()), (1, 2));
}

#[tokio::test]
async fn without_a_public_url_nothing_is_linked() {
    let receiver = Receiver::start(|_| Answer::Said(200, "ok")).await;
    let scene = Scene::start(Backend::Embedded).await;
    let channel = channel(&scene, "slack", &receiver.url("/services/T/B/x")).await;
    let alert = alert_with_history(&scene).await;
    scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
    assert_eq!(
        deliver_notifications::run(&scene.later(0), 10).await.unwrap().delivered,
        1
    );
    assert!(!String::from_utf8_lossy(&receiver.messages()[0].body).contains("image_url"));
}

/// Held by a test whose painter must not come to an end before the message has gone.
static HOLD: (Mutex<bool>, Condvar) = (Mutex::new(true), Condvar::new());

#[tokio::test]
async fn a_painter_that_fails_or_hangs_delays_no_message() {
    let receiver = Receiver::start(|_| Answer::Said(200, r#"{"id":"77"}"#)).await;
    let scene = Scene::start(Backend::Embedded).await;
    let channel = channel(&scene, "discord", &receiver.url("/api/webhooks/1/token")).await;
    let alert = alert_with_history(&scene).await;
    let hangs = |_: &str| {
        let held = HOLD.0.lock().unwrap();
        drop(HOLD.1.wait_while(held, |held| *held).unwrap());
        Err("too late".to_owned())
    };
    let fails = |_: &str| Err("no colours".to_owned());
    for (seq, painter) in [(1, sender(fails)), (2, sender(hangs))] {
        scene.tell(&[message(&channel, &alert, seq, Firing)]).await;
        assert_eq!(
            delivery::drain(&scene.later(0), &painter, 10).await.unwrap().delivered,
            1
        );
        let sent = receiver.messages().pop().unwrap();
        assert_eq!(sent.header("content-type"), "application/json");
    }
    *HOLD.0.lock().unwrap() = false;
    HOLD.1.notify_all();
}
