//! What ends in time: a function that is cut off loses its records, and a lease that ends early has a message sent twice.

use super::scene::{Scene, message, sender};
use intentvision::clock::Clock;
use intentvision::notify::MessageKind::{Firing, Resolved};
use intentvision::notify::delivery::{self, DRAIN};
use intentvision::notify::sender::Limits;
use serde_json::json;
use tests::on_both;
use tests::receiver::{Answer, Receiver};

/// The clock of a process, which the receiver of its messages moves.
fn movable(scene: &Scene) -> (intentvision::App, Clock) {
    let app = scene.later(0);
    let clock = app.clock.clone();
    (app, clock)
}

on_both! {
    start = Scene::start;

    /// The first of two requests of a message takes all the time that there is for both.
    the_requests_of_an_attempt_have_a_time_together => async |scene: Scene| {
        let said = r#"{"ok": true, "channel": "C1", "ts": "1.2"}"#;
        let receiver = Receiver::start(move |_| Answer::Said(200, said)).await;
        let config = json!({"token": "xoxb-1", "channel": "C1", "api_url": receiver.url("/api/")});
        let body = json!({"name": "ops", "type": "slack", "config": config});
        let made = scene.product.post("/v1/notification-channels", &scene.key, &body).await.json();
        let channel = intentvision::id::ChannelId::parse(made["channel_id"].as_str().unwrap()).unwrap();
        let alert = scene.alert("a").await;
        scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
        assert_eq!(scene.drain(0).await.delivered, 1);
        scene.tell(&[message(&channel, &alert, 2, Resolved)]).await;
        let (app, clock) = movable(&scene);
        let limits = Limits::default();
        let time = i64::try_from(limits.attempt.as_millis()).unwrap();
        receiver.change(move |_| {
            clock.advance_wall(time);
            Answer::Said(200, said)
        });
        assert_eq!(delivery::drain(&app, &sender(limits), 1).await.unwrap().retried, 1);
        let paths: Vec<_> = receiver.messages().iter().map(|message| message.path.clone()).collect();
        assert_eq!(paths, ["/api/chat.postMessage", "/api/chat.update"], "the post below has no time left");
        let row = scene.row("SELECT last_error FROM outbox WHERE state = 'pending'").await;
        assert_eq!(row, ["no answer in time".into()]);
    };

    /// A message that becomes due while another is on its way is left to the next run, if the time of this one is over.
    a_run_begins_no_attempt_after_its_time => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(200)).await;
        let (channel, _) = scene.channel(&receiver.url("/")).await;
        for (seq, name) in [(1, "a"), (2, "b")] {
            scene.tell(&[message(&channel, &scene.alert(name).await, seq, Firing)]).await;
        }
        let later = db::Step::global("UPDATE outbox SET due_at = due_at + ?1 WHERE flush = 2", db::args![DRAIN]);
        scene.product.app.operator(None).run(db::Batch::write_one(later)).await.unwrap();
        let (app, clock) = movable(&scene);
        receiver.change(move |_| {
            clock.advance_wall(DRAIN);
            Answer::Status(200)
        });
        let summary = delivery::drain(&app, &sender(Limits::default()), 10).await.unwrap();
        assert_eq!((summary.attempted, summary.delivered), (1, 1));
        assert_eq!(scene.drain(DRAIN).await.delivered, 1);
    };
}
