//! The services that channels speak to: fire, resolve, edit and thread, failure and credentials, against
//! stand-ins that check the published schemas.

use super::scene::{Scene, message};
use intentvision::id::ChannelId;
use intentvision::notify::MessageKind::{Firing, Resolved};
use serde_json::{Value, json};
use tests::on_both;
use tests::product::Backend;
use tests::receiver::Answer;
use tests::standin::{discord, pagerduty, said, slack, teams};

impl Scene {
    /// A channel of this type.
    async fn made(&self, r#type: &str, config: Value) -> ChannelId {
        let body = json!({"name": r#type, "type": r#type, "config": config});
        let reply = self.product.post("/v1/notification-channels", &self.key, &body).await;
        assert_eq!(reply.status, 201, "{}", reply.json());
        assert!(reply.json().get("secret").is_none(), "there is nothing to show");
        ChannelId::parse(reply.json()["channel_id"].as_str().unwrap()).unwrap()
    }

    /// Fires and resolves an alert with this name, each delivered.
    async fn fire_and_resolve(&self, channel: &ChannelId, name: &str) {
        let alert = self.alert(name).await;
        self.tell(&[message(channel, &alert, 1, Firing)]).await;
        assert_eq!(self.drain(0).await.delivered, 1);
        self.tell(&[message(channel, &alert, 2, Resolved)]).await;
        assert_eq!(self.drain(0).await.delivered, 1);
    }

    /// State and last error of the only message.
    async fn only(&self) -> (String, String) {
        let items = self.product.get("/v1/deliveries", &self.key).await.json()["items"].clone();
        let [item] = &items.as_array().unwrap()[..] else {
            panic!("{items}")
        };
        let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        (text("state"), text("last_error"))
    }
}

fn bot(receiver: &tests::receiver::Receiver) -> Value {
    json!({"token": slack::TOKEN, "channel": slack::CHANNEL, "api_url": receiver.url("/api/")})
}

on_both! {
    start = Scene::start;

    slack_by_a_bot_edits_the_first_message_and_answers_below_it => async |scene: Scene| {
        let standin = slack::start().await;
        let channel = scene.made("slack", bot(standin.receiver())).await;
        scene.fire_and_resolve(&channel, "<!channel> & *web*").await;
        let shown = standin.state(|workspace| workspace.shown.clone());
        let [first, below] = &shown[..] else { panic!("{shown:?}") };
        assert_eq!((first.text.as_str(), first.edited), ("✅ Resolved: too slow", true));
        assert_eq!((below.thread.as_ref(), below.edited), (Some(&first.ts), false));
        // the next incident has a message of its own
        scene.fire_and_resolve(&channel, "web-2").await;
        assert_eq!(standin.state(|workspace| workspace.shown[2].thread.clone()), None);
        assert_eq!(standin.problems(), [""; 0]);
    };

    /// Somebody deleted the message: the resolve is told all the same.
    slack_by_a_bot_survives_a_deleted_message => async |scene: Scene| {
        let standin = slack::start().await;
        let channel = scene.made("slack", bot(standin.receiver())).await;
        let alert = scene.alert("a").await;
        scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
        scene.drain(0).await;
        standin.state(|workspace| workspace.shown.clear());
        scene.tell(&[message(&channel, &alert, 2, Resolved)]).await;
        assert_eq!(scene.drain(0).await.delivered, 1);
        assert_eq!(standin.state(|workspace| workspace.shown.len()), 1);
    };

    /// Somebody locked the thread: the resolve stands beside it.
    slack_by_a_bot_survives_a_locked_thread => async |scene: Scene| {
        let standin = slack::start().await;
        let channel = scene.made("slack", bot(standin.receiver())).await;
        let alert = scene.alert("a").await;
        scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
        scene.drain(0).await;
        standin.state(|workspace| workspace.locked = true);
        scene.tell(&[message(&channel, &alert, 2, Resolved)]).await;
        assert_eq!(scene.drain(0).await.delivered, 1);
        assert_eq!(standin.state(|workspace| workspace.shown[1].thread.clone()), None);
    };

    /// What the old place showed is of no use in the new one.
    slack_by_a_bot_that_moved_is_told_where_it_is_now => async |scene: Scene| {
        let (old, new) = (slack::start().await, slack::start().await);
        let channel = scene.made("slack", bot(old.receiver())).await;
        let alert = scene.alert("a").await;
        scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
        scene.drain(0).await;
        scene.patch(&channel, json!({"config": bot(new.receiver())})).await;
        scene.tell(&[message(&channel, &alert, 2, Resolved)]).await;
        assert_eq!(scene.drain(0).await.delivered, 1);
        assert_eq!(new.receiver().messages().len(), 1, "nothing to edit, and no thread");
        assert_eq!(new.state(|workspace| workspace.shown[0].thread.clone()), None);
        assert_eq!(old.state(|workspace| workspace.shown.len()), 1);
    };

    slack_by_a_bot_that_says_no_with_200_has_not_accepted => async |scene: Scene| {
        let standin = slack::start().await;
        let channel = scene.made("slack", bot(standin.receiver())).await;
        let alert = scene.alert("a").await;
        standin.state(|workspace| workspace.error = Some("ratelimited"));
        scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
        assert_eq!(scene.drain(0).await.retried, 1);
        standin.state(|workspace| workspace.error = Some("token_revoked"));
        assert_eq!(scene.drain(5_000).await.dead, 1);
        assert_eq!(scene.only().await, ("dead".into(), "Slack says token_revoked".into()));
        let path = format!("/v1/notification-channels/{channel}");
        let gone = scene.product.get(&path, &scene.key).await.json();
        assert_eq!((&gone["enabled"], &gone["disabled_because"]), (&json!(false), &json!("Slack says token_revoked")));
        let again = scene.patch(&channel, json!({"enabled": true})).await.json();
        assert_eq!((&again["enabled"], &again["disabled_because"]), (&json!(true), &Value::Null));
    };

    slack_by_an_incoming_webhook_is_told_and_disabled_when_it_is_gone => async |scene: Scene| {
        let standin = slack::start().await;
        let channel = scene.made("slack", json!({"url": standin.receiver().url("/services/T1/B1/5up3rs3cr3t")})).await;
        scene.fire_and_resolve(&channel, "a").await;
        let shown = standin.state(|workspace| workspace.shown.clone());
        assert_eq!(shown.iter().map(|one| one.text.as_str()).collect::<Vec<_>>(), ["🔴 Firing: too slow", "✅ Resolved: too slow"]);
        standin.receiver().change(|_| said(410, &json!("channel_is_archived")));
        let alert = scene.alert("b").await;
        scene.tell(&[message(&channel, &alert, 3, Firing)]).await;
        assert_eq!(scene.drain(0).await.dead, 1);
        let gone = scene.product.get(&format!("/v1/notification-channels/{channel}"), &scene.key).await.json();
        assert_eq!(gone["disabled_because"], "410 Gone: channel_is_archived");
        assert_eq!(standin.problems(), [""; 0]);
    };

    pagerduty_opens_and_closes_one_incident => async |scene: Scene| {
        let standin = pagerduty::start().await;
        let config = json!({"routing_key": pagerduty::ROUTING_KEY, "url": standin.receiver().url("/v2/enqueue")});
        let channel = scene.made("pagerduty", config).await;
        scene.fire_and_resolve(&channel, "a").await;
        scene.fire_and_resolve(&channel, "b").await;
        let incidents: Vec<String> = standin.state(|account| account.incidents.values().cloned().collect());
        assert_eq!(incidents, ["trigger resolve", "trigger resolve"]);
        assert_eq!(standin.problems(), [""; 0]);
    };

    pagerduty_that_refuses_is_not_asked_again_and_that_is_busy_is => async |scene: Scene| {
        let standin = pagerduty::start().await;
        let config = json!({"routing_key": "0123456789abcdef0123456789abcdef", "url": standin.receiver().url("/v2/enqueue")});
        let channel = scene.made("pagerduty", config).await;
        let alert = scene.alert("a").await;
        scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
        assert_eq!(scene.drain(0).await.dead, 1);
        let (state, error) = scene.only().await;
        assert!(state == "dead" && error.contains("'routing_key' is invalid"), "{state} {error}");
        standin.receiver().change(|_| Answer::With(429, "retry-after", "77"));
        scene.tell(&[message(&channel, &alert, 2, Firing)]).await;
        assert_eq!(scene.drain(0).await.retried, 1);
    };

    discord_edits_its_message => async |scene: Scene| {
        let standin = discord::start().await;
        let channel = scene.made("discord", json!({"url": standin.receiver().url(discord::PATH)})).await;
        scene.fire_and_resolve(&channel, "@everyone").await;
        let shown = standin.state(|channel| channel.shown.clone());
        assert_eq!(shown, [("770".to_owned(), "Resolved\\: too slow".to_owned())]);
        standin.state(|channel| channel.shown.clear());
        scene.fire_and_resolve(&channel, "b").await;
        assert_eq!(standin.problems(), [""; 0]);
    };

    discord_says_how_long_to_wait_in_its_body => async |scene: Scene| {
        let standin = discord::start().await;
        let channel = scene.made("discord", json!({"url": standin.receiver().url(discord::PATH)})).await;
        standin.receiver().change(|_| said(429, &json!({"message": "You are being rate limited.", "retry_after": 64.57, "global": false})));
        let alert = scene.alert("a").await;
        scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
        assert_eq!(scene.drain(0).await.retried, 1);
        let row = scene.row("SELECT o.due_at - d.at FROM outbox AS o JOIN deliveries AS d USING (org_id, message_id)").await;
        assert_eq!(row, [db::Value::from(64_570)]);
        // an unknown webhook is asked once and never again
        standin.receiver().change(|_| said(404, &json!({"code": 10_015, "message": "Unknown Webhook"})));
        assert_eq!(scene.drain(70_000).await.dead, 1);
        let gone = scene.product.get(&format!("/v1/notification-channels/{channel}"), &scene.key).await.json();
        assert_eq!(gone["enabled"], false);
    };

    templates_write_the_words_and_give_way_when_they_fail => async |scene: Scene| {
        let standin = slack::start().await;
        let channel = scene.made("slack", json!({"url": standin.receiver().url("/services/T1/B1/x")})).await;
        let path = format!("/v1/notification-channels/{channel}");
        for (templates, status) in [
            (json!({"title": "{{ rule.nmae }}"}), 400),
            (json!({"title": "{{ rule.name"}), 400),
            (json!({"text": "{% include 'a' %}"}), 400),
            (json!({"title": "{{ rule.name }} on {{ series.dimensions.host }} <!channel>", "text": "{{ text }}{{ text }}"}), 200),
        ] {
            let reply = scene.patch(&channel, json!({"templates": templates})).await;
            assert_eq!(reply.status, status, "{templates}");
        }
        let kept = scene.product.get(&path, &scene.key).await.json();
        assert_eq!(kept["templates"]["text"], "{{ text }}{{ text }}");
        scene.fire_and_resolve(&channel, "web-1").await;
        let shown = standin.state(|workspace| workspace.shown[0].text.clone());
        assert_eq!(shown, "🔴 too slow on web-1 &lt;!channel&gt;");
        // what was no mistake when it was saved may be too long later: it is told in the default words, and the log says so
        let long = db::Step::global("UPDATE alerts SET summary = ?1", db::args!["a".repeat(10_000)]);
        let alert = scene.alert("web-2").await;
        scene.product.app.operator(None).run(db::Batch::write_one(long)).await.unwrap();
        scene.tell(&[message(&channel, &alert, 3, Firing)]).await;
        assert_eq!(scene.drain(0).await.delivered, 1);
        let items = scene.product.get("/v1/deliveries", &scene.key).await.json();
        let attempt = &items["items"][0]["attempts"][0];
        assert_eq!(attempt["outcome"], "delivered");
        assert!(attempt["note"].as_str().unwrap().starts_with("the default words were sent"), "{attempt}");
        assert_eq!(scene.patch(&channel, json!({"templates": null})).await.json()["templates"], Value::Null);
        assert_eq!(standin.problems(), [""; 0]);
    };

    teams_queues_a_card => async |scene: Scene| {
        let standin = teams::start().await;
        let channel = scene.made("teams", json!({"url": standin.receiver().url(teams::PATH)})).await;
        scene.fire_and_resolve(&channel, "<at>everybody</at> [a](https://evil.example)").await;
        assert_eq!(standin.state(|team| team.queued.clone()), ["Firing: too slow", "Resolved: too slow"]);
        let items = scene.product.get("/v1/deliveries", &scene.key).await.json();
        let note = items["items"][0]["attempts"][0]["note"].as_str().unwrap().to_owned();
        assert!(note.starts_with("queued"), "{note}");
        assert_eq!(standin.problems(), [""; 0]);
    };
}

/// Requirements 46 and 47: a credential is in no file of the database, in no reply, and in no frozen body.
#[tokio::test]
async fn r46_r47_no_credential_is_kept_or_shown() {
    let scene = Scene::start(Backend::Embedded).await;
    let (slack, pagerduty, discord, teams) = (
        slack::start().await,
        pagerduty::start().await,
        discord::start().await,
        teams::start().await,
    );
    let incoming = json!({"url": slack.receiver().url("/services/T1/B1/5up3rs3cr3tpath")});
    let configs = [
        ("slack", incoming, "5up3rs3cr3tpath"),
        ("slack", bot(slack.receiver()), slack::TOKEN),
        (
            "pagerduty",
            json!({"routing_key": pagerduty::ROUTING_KEY, "url": pagerduty.receiver().url("/v2/enqueue")}),
            pagerduty::ROUTING_KEY,
        ),
        (
            "discord",
            json!({"url": discord.receiver().url(discord::PATH)}),
            "t0k3n-5up3rs3cr3t",
        ),
        (
            "teams",
            json!({"url": teams.receiver().url(teams::PATH)}),
            "5up3rs3cr3tsig",
        ),
    ];
    let mut replies = Vec::new();
    for (n, (r#type, config, _)) in configs.iter().enumerate() {
        let channel = scene.made(r#type, config.clone()).await;
        scene.fire_and_resolve(&channel, &format!("host-{n}")).await;
        // what is shown is no configuration
        let path = format!("/v1/notification-channels/{channel}");
        let shown = scene.product.get(&path, &scene.key).await;
        let back = scene.patch(&channel, json!({"config": shown.json()["config"]})).await;
        assert_eq!(
            back.problem(),
            (400, "SCHEMA_VALIDATION_FAILED".into()),
            "{}",
            shown.json()
        );
        replies.extend([shown, back, scene.patch(&channel, json!({"config": config})).await]);
    }
    replies.push(scene.product.get("/v1/notification-channels", &scene.key).await);
    replies.push(scene.product.get("/v1/deliveries", &scene.key).await);
    for (_, _, secret) in &configs {
        for reply in &replies {
            assert!(!String::from_utf8_lossy(&reply.body).contains(secret), "{secret}");
        }
        for file in std::fs::read_dir(scene.product.folder()).unwrap() {
            let path = file.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} in {}", path.display());
        }
    }
}
