//! What was sent, over HTTP.

use super::scene::{Scene, message};
use intentvision::notify::MessageKind::{Firing, Resolved};
use serde_json::{Value, json};
use tests::on_both;
use tests::receiver::{Answer, Receiver};

on_both! {
    start = Scene::start;

    every_message_shows_its_attempts_newest_first => async |scene: Scene| {
        let receiver = Receiver::start(|message| match message.path.as_str() {
            "/good" => Answer::Status(200),
            "/bad" => Answer::Status(410),
            _ => Answer::Status(503),
        }).await;
        let (good, _) = scene.channel(&receiver.url("/good")).await;
        let (bad, _) = scene.channel(&receiver.url("/bad")).await;
        let (weak, _) = scene.channel(&receiver.url("/weak")).await;
        let (a, b) = (scene.alert("a").await, scene.alert("b").await);
        let told = [message(&good, &a, 1, Firing), message(&bad, &b, 2, Firing), message(&weak, &b, 3, Firing), message(&good, &a, 4, Resolved)];
        scene.tell(&told[..3]).await;
        scene.drain(0).await;
        scene.tell(&told[3..]).await;
        scene.drain(5_000).await;

        let get = async |query: &str| scene.product.get(&format!("/v1/deliveries{query}"), &scene.key).await.json();
        let ids = |page: &Value| -> Vec<String> {
            page["items"].as_array().unwrap().iter().map(|item| item["message_id"].as_str().unwrap().to_owned()).collect()
        };
        let all = get("").await;
        let expected: Vec<String> = told.iter().rev().map(|message| message.message_id().to_string()).collect();
        assert_eq!(ids(&all), expected);
        let (weak_item, dead, delivered) = (&all["items"][1], &all["items"][2], &all["items"][3]);
        assert_eq!(delivered["state"], "delivered");
        assert_eq!(delivered["type"], "alert.firing");
        assert_eq!(delivered["alert_id"], json!(a));
        assert_eq!(delivered["attempts"].as_array().unwrap().len(), 1);
        assert_eq!(delivered["next_attempt_at"], Value::Null);
        // a dead letter, and why
        assert_eq!((&dead["state"], &dead["last_status"]), (&json!("dead"), &json!(410)));
        assert_eq!(dead["last_error"], "410 Gone");
        // tried twice, to be tried again
        assert_eq!((&weak_item["state"], &weak_item["last_status"]), (&json!("pending"), &json!(503)));
        assert!(weak_item["next_attempt_at"].is_string());
        let attempts = weak_item["attempts"].as_array().unwrap();
        let seen: Vec<_> = attempts.iter().map(|attempt| (attempt["attempt"].clone(), attempt["outcome"].clone(), attempt["status"].clone())).collect();
        assert_eq!(seen, [(json!(1), json!("retry"), json!(503)), (json!(2), json!("retry"), json!(503))]);
        assert!(attempts.iter().all(|attempt| attempt["at"].as_str().unwrap().ends_with('Z') && attempt["duration_ms"].is_i64()));

        assert_eq!(ids(&get("?state=dead").await), expected[2..3]);
        assert_eq!(ids(&get(&format!("?alert_id={a}")).await), [expected[0].clone(), expected[3].clone()]);
        assert_eq!(ids(&get(&format!("?channel_id={weak}")).await), expected[1..2]);
        assert_eq!(ids(&get(&format!("?message_id={}", expected[3])).await), expected[3..]);
        let mut paged = Vec::new();
        let mut query = "?limit=1".to_owned();
        loop {
            let page = get(&query).await;
            paged.extend(ids(&page));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            query = format!("?limit=1&cursor={cursor}");
        }
        assert_eq!(paged, expected);
        for wrong in ["?state=sent", "?channel_id=x", "?message=1", "?limit=0"] {
            assert_eq!(get(wrong).await["code"], "SCHEMA_VALIDATION_FAILED", "{wrong}");
        }
    };

    /// Requirement 47: what a receiver repeats of its URL does not stand in the log.
    r47_no_log_repeats_a_credential => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Said(404, "no /services/s3cr3t-t0k3n-of-a-h00k here")).await;
        let (channel, _) = scene.channel(&receiver.url("/services/s3cr3t-t0k3n-of-a-h00k")).await;
        scene.tell(&[message(&channel, &scene.alert("a").await, 1, Firing)]).await;
        assert_eq!(scene.drain(0).await.retried, 1);
        let log = scene.product.get("/v1/deliveries", &scene.key).await.json();
        let attempt = &log["items"][0]["attempts"][0];
        assert_eq!(attempt["error"], "404 Not Found: no /[redacted]/[redacted] here");
        assert!(!log.to_string().contains("s3cr3t"), "{log}");
    };
}
