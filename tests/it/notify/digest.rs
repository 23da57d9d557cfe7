//! More messages than a channel may be sent: one digest tells them, and nothing is lost.

use super::scene::{Scene, message, on_both};
use intentvision::clock::MINUTE;
use intentvision::id::{AlertId, ChannelId};
use intentvision::notify::MessageKind::{self, Firing, Resolved};
use serde_json::{Value, json};
use std::collections::HashSet;
use tests::receiver::{Answer, Message, Receiver};

async fn alerts(scene: &Scene, count: usize) -> Vec<AlertId> {
    let mut alerts = Vec::new();
    for n in 0..count {
        alerts.push(scene.alert(&format!("alert-{n}")).await);
    }
    alerts
}

async fn tell(scene: &Scene, channel: &ChannelId, alerts: &[AlertId], first: i64, kind: MessageKind) {
    let messages: Vec<_> = (first..)
        .zip(alerts)
        .map(|(seq, alert)| message(channel, alert, seq, kind))
        .collect();
    scene.tell(&messages).await;
}

fn digests(messages: &[Message]) -> Vec<Value> {
    let digest = |message: &Message| Some(message.json()).filter(|body| body["type"] == "alert.digest");
    messages.iter().filter_map(digest).collect()
}

on_both! {
    what_is_above_the_rate_becomes_one_digest => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(200)).await;
        let (channel, _) = scene.channel(&receiver.url("/")).await;
        let alerts = alerts(&scene, 60).await;
        tell(&scene, &channel, &alerts, 1, Firing).await;
        assert_eq!(scene.drain(0).await.delivered, 30);
        let arrived = receiver.messages();
        let [digest] = &digests(&arrived)[..] else { panic!("one digest") };
        assert_eq!(digest["data"]["summary"], "31 more alerts: 31 firing");
        assert_eq!(digest["data"]["counts"], json!({"firing": 31, "no_data": 0, "resolved": 0}));
        let listed = digest["data"]["alerts"].as_array().unwrap();
        assert_eq!((listed.len(), &digest["data"]["unlisted"]), (25, &json!(6)));
        assert_eq!(listed[0]["alert"]["status"], "firing");
        assert_eq!(listed[0]["rule"]["name"], "too slow");
        assert_eq!(listed[0]["series"]["metric_key"], "latency");

        // each message that was collapsed points to what told it
        let page = scene.product.get("/v1/deliveries?state=superseded", &scene.key).await.json();
        let told = page["items"].as_array().unwrap();
        let id = arrived.iter().find(|message| message.json()["type"] == "alert.digest").unwrap().id().to_owned();
        assert_eq!(told.len(), 31);
        assert!(told.iter().all(|item| item["digest_id"] == id.as_str()), "{page}");
        let of_digest = scene.product.get(&format!("/v1/deliveries?message_id={id}"), &scene.key).await.json();
        let of_digest = &of_digest["items"][0];
        assert_eq!((&of_digest["type"], &of_digest["digest_of"], &of_digest["state"]), (&json!("alert.digest"), &json!(31), &json!("delivered")));

        // what was told in a digest is told as resolved, a minute later at most
        tell(&scene, &channel, &alerts, 100, Resolved).await;
        assert_eq!(scene.drain(0).await.attempted, 0);
        assert_eq!(scene.drain(MINUTE + 1_000).await.delivered, 1);
        let last = digests(&receiver.messages()).pop().unwrap();
        assert_eq!(last["data"]["summary"], "60 more alerts: 60 resolved");
        assert_eq!(scene.drain(10 * MINUTE).await.next_due, None);
        assert_eq!(receiver.messages().len(), 31);
    };

    a_digest_says_the_newest_of_each_alert_and_none_overtakes_it => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(200)).await;
        let (channel, _) = scene.channel(&receiver.url("/")).await;
        let alerts = alerts(&scene, 40).await;
        tell(&scene, &channel, &alerts[..29], 1, Firing).await;
        assert_eq!(scene.drain(0).await.delivered, 29);
        receiver.change(|_| Answer::Status(503));
        // two are over, and eleven begin
        tell(&scene, &channel, &alerts[..2], 101, Resolved).await;
        tell(&scene, &channel, &alerts[29..], 201, Firing).await;
        assert_eq!(scene.drain(0).await.retried, 1, "the digest, and nothing beside it");
        // one of the eleven ends before the digest arrives: it is told after it
        tell(&scene, &channel, &alerts[39..], 301, Resolved).await;
        receiver.change(|_| Answer::Status(200));
        assert_eq!(scene.drain(6_000).await.delivered, 1);
        let last = digests(&receiver.messages()).pop().unwrap();
        assert_eq!(last["data"]["summary"], "13 more alerts: 11 firing, 2 resolved");
        assert_eq!(scene.drain(2 * MINUTE).await.delivered, 1);
        let last = receiver.messages().pop().unwrap().json();
        assert_eq!((&last["type"], &last["data"]["alert"]["alert_id"]), (&json!("alert.resolved"), &json!(alerts[39])));
    };

    a_channel_has_the_rate_of_its_owner => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(200)).await;
        let (channel, _) = scene.channel(&receiver.url("/")).await;
        for wrong in [json!(0), json!(1_001), json!("5"), json!(1.5)] {
            assert_eq!(scene.patch(&channel, json!({"rate_limit": wrong})).await.status, 400, "{wrong}");
        }
        assert_eq!(scene.patch(&channel, json!({"rate_limit": 1})).await.json()["rate_limit"], 1);
        let alerts = alerts(&scene, 5).await;
        tell(&scene, &channel, &alerts, 1, Firing).await;
        assert_eq!(scene.drain(0).await.delivered, 1, "all of it in a digest");
        assert_eq!(digests(&receiver.messages())[0]["data"]["counts"]["firing"], 5);
        // a test call is answered at once all the same
        let path = format!("/v1/notification-channels/{channel}/test");
        assert_eq!(scene.product.post(&path, &scene.key, &json!({})).await.json()["outcome"], "delivered");
        assert_eq!(receiver.messages()[1].json()["type"], "test");
        let pagerduty = json!({"name": "p", "type": "pagerduty", "rate_limit": 5, "config": {"routing_key": "0123456789abcdef0123456789abcdef"}});
        assert_eq!(scene.product.post("/v1/notification-channels", &scene.key, &pagerduty).await.status, 400);
    };

    workers_side_by_side_make_one_digest_and_keep_the_rate => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(200)).await;
        let (channel, _) = scene.channel(&receiver.url("/")).await;
        let alerts = alerts(&scene, 50).await;
        tell(&scene, &channel, &alerts, 1, Firing).await;
        let drains = (0..4).map(|_| scene.drain(0));
        let summaries = futures::future::join_all(drains).await;
        assert_eq!(summaries.iter().map(|summary| summary.delivered).sum::<usize>(), 30);
        let arrived = receiver.messages();
        let ids: HashSet<_> = arrived.iter().map(|message| message.id().to_owned()).collect();
        assert_eq!((arrived.len(), ids.len(), digests(&arrived).len()), (30, 30, 1));
        assert_eq!(digests(&arrived)[0]["data"]["counts"]["firing"], 21);
    };
}
