//! Dead letters are sent again, as far as they still tell something.

use super::scene::{Scene, message};
use db::{Batch, Step};
use http::Method;
use intentvision::clock::MINUTE;
use intentvision::notify::MessageKind::{Firing, Resolved};
use intentvision::notify::NewMessage;
use serde_json::{Value, json};
use tests::on_both;
use tests::product::Reply;
use tests::receiver::{Answer, Receiver};

async fn replay(scene: &Scene, message: &NewMessage) -> Reply {
    let path = format!("/v1/deliveries/{}/replay", message.message_id());
    scene.product.call(Method::POST, &path, &scene.key, None).await
}

async fn replay_all(scene: &Scene, channel: &intentvision::id::ChannelId) -> Reply {
    let path = format!("/v1/notification-channels/{channel}/replay");
    scene.product.call(Method::POST, &path, &scene.key, None).await
}

fn detail(reply: &Reply) -> String {
    reply.json()["detail"].as_str().unwrap_or_default().to_owned()
}

on_both! {
    start = Scene::start;

    /// Requirement 51.
    r51_a_dead_letter_is_sent_again_under_its_id_with_its_log => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(400)).await;
        let (channel, _) = scene.channel(&receiver.url("/")).await;
        let firing = message(&channel, &scene.alert("a").await, 1, Firing);
        scene.tell(std::slice::from_ref(&firing)).await;
        let pending = replay(&scene, &firing).await;
        assert_eq!(pending.status, 409);
        assert!(detail(&pending).contains("pending, not dead"), "{}", detail(&pending));
        scene.exhaust().await;
        assert_eq!(scene.drain(0).await.dead, 1);
        let replayed = replay(&scene, &firing).await;
        assert_eq!((replayed.status.as_u16(), &replayed.json()["state"]), (202, &json!("pending")));
        assert_eq!(replay(&scene, &firing).await.status, 409, "once");
        // the attempts begin anew
        receiver.change(|_| Answer::Status(503));
        assert_eq!(scene.drain(0).await.retried, 1);
        let due = scene.row("SELECT o.due_at - d.at FROM outbox AS o JOIN deliveries AS d USING (org_id, message_id) ORDER BY d.attempt DESC LIMIT 1").await;
        assert_eq!(due, [db::Value::from(5_000)]);
        receiver.change(|_| Answer::Status(200));
        assert_eq!(scene.drain(6_000).await.delivered, 1);
        let arrived = receiver.messages();
        assert!(arrived.iter().all(|m| m.id() == firing.message_id().as_str() && m.body == arrived[0].body));
        let log = scene.product.get(&format!("/v1/deliveries?message_id={}", firing.message_id()), &scene.key).await.json();
        let outcomes: Vec<Value> = log["items"][0]["attempts"].as_array().unwrap().iter().map(|one| one["outcome"].clone()).collect();
        assert_eq!(outcomes, ["dead", "retry", "delivered"]);
        assert_eq!(replay(&scene, &firing).await.status, 409, "it was delivered");
    };

    a_message_that_was_overtaken_is_not_sent_again => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(400)).await;
        let (channel, _) = scene.channel(&receiver.url("/")).await;
        let alert = scene.alert("a").await;
        let (firing, resolved) = (message(&channel, &alert, 1, Firing), message(&channel, &alert, 2, Resolved));
        for message in [&firing, &resolved] {
            scene.tell(std::slice::from_ref(message)).await;
            scene.exhaust().await;
            scene.drain(0).await;
        }
        assert_eq!(scene.states().await, "dead, dead");
        let refused = replay(&scene, &firing).await;
        assert_eq!(refused.status, 409);
        assert!(detail(&refused).contains(resolved.message_id().as_str()), "{}", detail(&refused));
        receiver.change(|_| Answer::Status(200));
        let all = replay_all(&scene, &channel).await;
        assert_eq!((all.status.as_u16(), all.json()), (202, json!({"replayed": 1, "superseded": 1})));
        assert_eq!(scene.drain(0).await.delivered, 1);
        assert_eq!(receiver.messages().pop().unwrap().json()["type"], "alert.resolved");
        assert_eq!(scene.states().await, "superseded, delivered");
    };

    what_is_over_and_was_never_told_is_not_told_as_firing => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(200)).await;
        let (channel, _) = scene.channel(&receiver.url("/")).await;
        scene.patch(&channel, json!({"enabled": false})).await;
        let (ended, lasts) = (scene.alert("ended").await, scene.alert("lasts").await);
        let (over, open) = (message(&channel, &ended, 1, Firing), message(&channel, &lasts, 2, Firing));
        scene.tell(&[over.clone(), open.clone()]).await;
        let disabled = replay(&scene, &open).await;
        assert_eq!((disabled.status.as_u16(), detail(&disabled).contains("disabled")), (409, true));
        assert_eq!(replay_all(&scene, &channel).await.status, 409);
        scene.patch(&channel, json!({"enabled": true})).await;
        let end = Step::global("UPDATE alerts SET status = 'resolved', resolved_at = started_at WHERE alert_id = ?1", db::args![&ended]);
        scene.product.app.operator(None).run(Batch::write_one(end)).await.unwrap();
        let refused = replay(&scene, &over).await;
        assert_eq!((refused.status.as_u16(), detail(&refused).contains("is over")), (409, true));
        assert_eq!(replay_all(&scene, &channel).await.json(), json!({"replayed": 1, "superseded": 1}));
        assert_eq!(scene.drain(0).await.delivered, 1);
        assert_eq!(receiver.messages()[0].id(), open.message_id().as_str());
        // told now, so its end is told too
        scene.tell(&[message(&channel, &lasts, 3, Resolved)]).await;
        assert_eq!(scene.drain(0).await.delivered, 1);
    };

    a_dead_digest_is_sent_again_as_what_it_told => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(200)).await;
        let (channel, _) = scene.channel(&receiver.url("/")).await;
        let mut messages = Vec::new();
        for n in 0..33 {
            messages.push(message(&channel, &scene.alert(&n.to_string()).await, n + 1, Firing));
        }
        scene.tell(&messages[..29]).await;
        assert_eq!(scene.drain(0).await.delivered, 29);
        receiver.change(|_| Answer::Status(400));
        scene.tell(&messages[29..]).await;
        assert_eq!(scene.drain(0).await.retried, 1);
        scene.exhaust().await;
        assert_eq!(scene.drain(6_000).await.dead, 1);
        receiver.change(|_| Answer::Status(200));
        assert_eq!(replay_all(&scene, &channel).await.json(), json!({"replayed": 4, "superseded": 0}));
        assert_eq!(scene.drain(10 * MINUTE).await.delivered, 4);
        let dead = scene.product.get("/v1/deliveries?state=dead", &scene.key).await.json();
        assert_eq!(dead["items"], json!([]));
    };
}
