//! Channels over HTTP.

use super::scene::{Scene, message};
use http::Method;
use intentvision::keys::Environment;
use intentvision::notify::MessageKind::Firing;
use intentvision::notify::signature::{SigningSecret, verify};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tests::on_both;
use tests::product::Backend;
use tests::receiver::{Answer, Receiver};

const CHANNELS: &str = "/v1/notification-channels";

fn body(url: &str) -> Value {
    json!({"name": "ops", "type": "webhook", "config": {"url": url}})
}

/// What a problem says, without the request's id.
fn said(reply: &tests::product::Reply) -> (u16, String, Value) {
    let (status, code) = reply.problem();
    (status, code, reply.json()["detail"].clone())
}

on_both! {
    start = Scene::start;

    a_channel_lives_and_shows_its_secret_once => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(200)).await;
        let created = scene.product.post(CHANNELS, &scene.key, &body(&receiver.url("/a"))).await;
        assert_eq!(created.status, 201);
        let created = created.json();
        let secret = created["secret"].as_str().unwrap().to_owned();
        assert_eq!(secret.len(), "whsec_".len() + 32);
        let id = created["channel_id"].as_str().unwrap().to_owned();
        let path = format!("{CHANNELS}/{id}");
        let got = scene.product.get(&path, &scene.key).await.json();
        assert_eq!(got["secret"], format!("whsec_…{}", &secret[secret.len() - 4..]));
        for name in ["channel_id", "name", "type", "config", "enabled"] {
            assert_eq!(got[name], created[name], "{name}");
        }
        let list = scene.product.get(CHANNELS, &scene.key).await.json();
        assert_eq!(list, json!({"items": [got], "next_cursor": null}));

        let changed = scene.product.call(Method::PATCH, &path, &scene.key, Some(&json!({"name": "night"}))).await.json();
        assert_eq!((&changed["name"], &changed["config"], &changed["secret"]), (&json!("night"), &got["config"], &got["secret"]));
        let moved = json!({"config": {"url": receiver.url("/b")}});
        let moved = scene.product.call(Method::PATCH, &path, &scene.key, Some(&moved)).await.json();
        assert_eq!(moved["config"]["url"], receiver.url("/b"));
        assert_eq!(moved["name"], "night");

        assert_eq!(scene.product.call(Method::DELETE, &path, &scene.key, None).await.status, 204);
        for reply in [
            scene.product.get(&path, &scene.key).await,
            scene.product.call(Method::DELETE, &path, &scene.key, None).await,
            scene.product.call(Method::PATCH, &path, &scene.key, Some(&json!({}))).await,
            scene.product.post(&format!("{path}/test"), &scene.key, &json!({})).await,
        ] {
            assert_eq!(reply.problem(), (404, "NOT_FOUND".into()));
        }
        assert_eq!(scene.product.get(CHANNELS, &scene.key).await.json()["items"], json!([]));
        // all this has sent nothing
        assert_eq!(scene.drain(0).await.attempted, 0);
        assert!(receiver.messages().is_empty());
    };

    a_test_call_tells_what_the_receiver_said => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(200)).await;
        let (channel, secret) = scene.channel(&receiver.url("/")).await;
        let path = format!("{CHANNELS}/{channel}/test");
        let reply = scene.product.send(http::Request::post(&path).header("x-api-key", &scene.key), "").await;
        assert_eq!(reply.status, 200);
        let [sent] = &receiver.messages()[..] else { panic!("one message") };
        Webhook::new(&secret).unwrap().verify(&sent.body, &sent.headers).unwrap();
        let outcome = |outcome: &str, status: u16, error: Value| {
            json!({"message_id": sent.id(), "outcome": outcome, "status": status, "error": error, "note": null})
        };
        assert_eq!(reply.json(), outcome("delivered", 200, Value::Null));
        assert_eq!(sent.json()["type"], "test");
        assert_eq!(sent.json()["data"]["channel"]["name"], "ops");
        assert_eq!(scene.drain(0).await.attempted, 0);
        for (answer, said, state) in [(503, "retry", "pending"), (404, "retry", "pending")] {
            receiver.change(move |_| Answer::Status(answer));
            let reply = scene.product.post(&path, &scene.key, &json!({})).await;
            assert_eq!((&reply.json()["outcome"], &reply.json()["status"]), (&json!(said), &json!(answer)));
            assert!(reply.json()["error"].as_str().unwrap().starts_with(&answer.to_string()));
            let log = format!("/v1/deliveries?message_id={}", reply.json()["message_id"].as_str().unwrap());
            assert_eq!(scene.product.get(&log, &scene.key).await.json()["items"][0]["state"], state);
        }
        receiver.change(|_| Answer::Status(410));
        assert_eq!(scene.product.post(&path, &scene.key, &json!({})).await.json()["outcome"], "dead");
        let off = scene.product.post(&path, &scene.key, &json!({})).await;
        assert_eq!(off.problem(), (409, "CONFLICT".into()));
    };

    /// Requirement 44: both secrets sign until the grace ends, and then the new one alone.
    r44_a_rotated_secret_and_the_one_before_both_sign_for_a_while => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(200)).await;
        let (channel, first) = scene.channel(&receiver.url("/")).await;
        let path = format!("{CHANNELS}/{channel}/rotate-secret");
        let request = || http::Request::post(&path).header("x-api-key", &scene.key).header("idempotency-key", "one");
        let rotated = scene.product.send(request(), "").await;
        assert_eq!(rotated.status, 201, "{}", rotated.json());
        let second = rotated.json()["secret"].as_str().unwrap().to_owned();
        assert_eq!((&rotated.json()["grace_seconds"], second == first), (&json!(86_400), false));
        let again = scene.product.send(request(), "").await.json();
        assert_eq!((&again["secret_shown"], again.get("secret")), (&json!(true), None));

        let alert = scene.alert("a").await;
        let signs = async |seq, offset, secrets: [(&str, bool); 2]| {
            scene.tell(&[message(&channel, &alert, seq, Firing)]).await;
            assert_eq!(scene.drain(offset).await.delivered, 1);
            let sent = receiver.messages().pop().unwrap();
            let timestamp = sent.header("webhook-timestamp").parse().unwrap();
            for (secret, expected) in secrets {
                let secret = SigningSecret::parse(secret).unwrap();
                let good = verify(&secret, sent.id(), timestamp, &sent.body, sent.header("webhook-signature"));
                assert_eq!(good, expected, "message {seq}");
            }
        };
        let day = 24 * 3_600_000;
        signs(1, 0, [(&first, true), (&second, true)]).await;
        signs(2, day - 60_000, [(&first, true), (&second, true)]).await;
        signs(3, day + 1, [(&first, false), (&second, true)]).await;
        // the one before the last signs no longer, however short ago it was replaced
        let third = scene.product.post(&path, &scene.key, &json!({"grace_seconds": 60})).await.json()["secret"].as_str().unwrap().to_owned();
        signs(4, 0, [(&second, true), (&third, true)]).await;
        signs(5, 0, [(&first, false), (&third, true)]).await;
        let shown = scene.product.get(&format!("{CHANNELS}/{channel}"), &scene.key).await.json();
        assert_eq!(shown["secret"], format!("whsec_…{}", &third[third.len() - 4..]));
        for (grace, status) in [(json!(-1), 400), (json!(604_801), 400), (json!("a"), 400), (json!(0), 201)] {
            let reply = scene.product.post(&path, &scene.key, &json!({"grace_seconds": grace})).await;
            assert_eq!(reply.status, status, "{grace}");
        }
        signs(6, 0, [(&third, false), (&second, false)]).await;
    };

    /// Requirement 50: the same request once, and no secret in what is kept for a replay.
    r50_a_repeated_creation_makes_one_channel => async |scene: Scene| {
        let send = async |url: &str| {
            let request = http::Request::post(CHANNELS).header("x-api-key", &scene.key).header("idempotency-key", "one");
            scene.product.send(request, body(url).to_string()).await
        };
        let first = send("http://127.0.0.1:9/").await;
        let second = send("http://127.0.0.1:9/").await;
        assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201));
        let mut expected = first.json();
        expected["secret_shown"] = json!(true);
        expected.as_object_mut().unwrap().remove("secret").unwrap();
        assert_eq!(second.json(), expected);
        assert_eq!(scene.product.get(CHANNELS, &scene.key).await.json()["items"].as_array().unwrap().len(), 1);
        assert_eq!(send("http://127.0.0.1:9/other").await.problem(), (422, "IDEMPOTENCY_KEY_REUSED".into()));

        let path = format!("{CHANNELS}/{}/test", first.json()["channel_id"].as_str().unwrap());
        let test = async || {
            let request = http::Request::post(&path).header("x-api-key", &scene.key).header("idempotency-key", "two");
            scene.product.send(request, "{}").await
        };
        assert_eq!(test().await.json(), test().await.json());
        assert_eq!(scene.row("SELECT count(*), max(attempts) FROM outbox").await, [db::Value::from(1), db::Value::from(1)]);
    };

    /// Requirement 31: another organization's channel is answered like a missing one.
    r31_another_organizations_channel_is_a_missing_one => async |scene: Scene| {
        let (channel, _) = scene.channel("http://127.0.0.1:9/").await;
        let alert = scene.alert("a").await;
        scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
        let other = scene.product.organization("other", Environment::Live).await;
        let stranger = scene.product.key(&other, &["admin"]).await;
        let missing = "chan_00000000000000000000000000000000";
        for (method, path, body) in [
            (Method::GET, "/v1/notification-channels/ID", None),
            (Method::PATCH, "/v1/notification-channels/ID", Some(json!({"name": "mine", "enabled": false}))),
            (Method::DELETE, "/v1/notification-channels/ID", None),
            (Method::POST, "/v1/notification-channels/ID/test", None),
            (Method::POST, "/v1/notification-channels/ID/rotate-secret", None),
        ] {
            let foreign = scene.product.call(method.clone(), &path.replace("ID", channel.as_str()), &stranger, body.as_ref()).await;
            let nothing = scene.product.call(method, &path.replace("ID", missing), &stranger, body.as_ref()).await;
            assert_eq!(said(&foreign), said(&nothing));
            assert_eq!(foreign.status, 404);
        }
        for path in [CHANNELS.to_owned(), "/v1/deliveries".into(), format!("/v1/deliveries?channel_id={channel}")] {
            assert_eq!(scene.product.get(&path, &stranger).await.json()["items"], json!([]));
        }
        assert_eq!(scene.states().await, "pending");
        let mine = scene.product.get(&format!("{CHANNELS}/{channel}"), &scene.key).await.json();
        assert_eq!((&mine["name"], &mine["enabled"]), (&json!("ops"), &json!(true)));
    };

    r07_channels_ask_for_alerts_write_and_deliveries_for_alerts_read => async |scene: Scene| {
        let (channel, _) = scene.channel("http://127.0.0.1:9/").await;
        let writer = scene.product.key(&scene.org, &["alerts:write"]).await;
        let reader = scene.product.key(&scene.org, &["alerts:read"]).await;
        let nobody = scene.product.key(&scene.org, &["metrics:read"]).await;
        let path = format!("{CHANNELS}/{channel}");
        for (method, path, read) in [
            (Method::GET, CHANNELS.to_owned(), 403),
            (Method::POST, CHANNELS.to_owned(), 403),
            (Method::GET, path.clone(), 403),
            (Method::PATCH, path.clone(), 403),
            (Method::POST, format!("{path}/test"), 403),
            (Method::POST, format!("{path}/rotate-secret"), 403),
            (Method::DELETE, path.clone(), 403),
            (Method::GET, "/v1/deliveries".into(), 200),
        ] {
            let sent = match method {
                Method::POST | Method::PATCH if !path.ends_with("test") && !path.ends_with("rotate-secret") => Some(body("http://127.0.0.1:9/")),
                _ => None,
            };
            let sent = sent.map(|mut sent| {
                if method == Method::PATCH {
                    sent.as_object_mut().unwrap().remove("type");
                }
                sent
            });
            let status = async |key: &str| scene.product.call(method.clone(), &path, key, sent.as_ref()).await.status.as_u16();
            assert_eq!(status(&nobody).await, 403, "{method} {path}");
            assert_eq!(status(&reader).await, read, "{method} {path}");
            assert_eq!(status("iv_live_nope").await, 401, "{method} {path}");
            assert!(status(&writer).await < 300, "{method} {path}");
        }
    };
}

/// Bad input gets a problem and changes nothing.
#[tokio::test]
async fn bad_input_changes_nothing() {
    let scene = Scene::start(Backend::Embedded).await;
    let url = "https://example.com/hook";
    for wrong in [
        json!({}),
        json!([]),
        json!({"name": "a", "type": "webhook"}),
        json!({"name": "", "type": "webhook", "config": {"url": url}}),
        json!({"name": "a\u{0}b", "type": "webhook", "config": {"url": url}}),
        json!({"name": "a", "type": "slack", "config": {"url": url, "token": "xoxb-1", "channel": "C1"}}),
        json!({"name": "a", "type": "pigeon", "config": {"url": url}}),
        json!({"name": "a", "type": "webhook", "config": {"url": "ftp://example.com"}}),
        json!({"name": "a", "type": "webhook", "config": {"url": "http://169.254.169.254/"}}),
        json!({"name": "a", "type": "webhook", "config": {"url": url, "secret": "whsec_mine"}}),
        json!({"name": "a", "type": "webhook", "config": {"url": url}, "org_id": "org_1"}),
    ] {
        let reply = scene.product.post(CHANNELS, &scene.key, &wrong).await;
        assert_eq!(reply.problem(), (400, "SCHEMA_VALIDATION_FAILED".into()), "{wrong}");
    }
    assert_eq!(scene.product.get(CHANNELS, &scene.key).await.json()["items"], json!([]));
    let (channel, _) = scene.channel(url).await;
    for wrong in [
        json!({"type": "webhook"}),
        json!({"name": ""}),
        json!({"config": {}}),
        json!({"enabled": "yes"}),
    ] {
        assert_eq!(scene.patch(&channel, wrong.clone()).await.status, 400, "{wrong}");
    }
    for path in [
        "/v1/notification-channels/x",
        "/v1/notification-channels/chan_1",
        "/v1/notification-channels/%00",
    ] {
        assert_eq!(scene.product.get(path, &scene.key).await.status, 404, "{path}");
    }
    assert_eq!(
        scene
            .product
            .get("/v1/notification-channels?page=2", &scene.key)
            .await
            .status,
        400
    );
}

/// Private receivers are refused where nothing allows them.
#[tokio::test]
async fn r43_a_private_receiver_needs_the_configuration() {
    let product = tests::product::Product::start(Backend::Embedded).await;
    let (_, key) = product.acme().await;
    for url in [
        "http://127.0.0.1:9/",
        "https://127.0.0.1/",
        "https://10.0.0.1/",
        "http://example.com/",
        "https://[::1]/",
    ] {
        let reply = product.post(CHANNELS, &key, &body(url)).await;
        assert_eq!(reply.problem(), (400, "SCHEMA_VALIDATION_FAILED".into()), "{url}");
    }
    assert_eq!(
        product.post(CHANNELS, &key, &body("https://example.com/")).await.status,
        201
    );
}

/// Requirement 46: no secret is made that could not be sealed.
#[tokio::test]
async fn r46_without_a_key_no_channel_is_made_and_the_reply_says_what_to_set() {
    let scene = Scene::start(Backend::Embedded).await;
    let mut app = scene.later(0);
    app.sealer = None;
    let tenant = app.operator(Some(scene.org.clone()));
    let new = intentvision::notify::channel::NewChannel::new(
        "ops",
        "webhook",
        &json!({"url": "https://example.com"}),
        None,
        intentvision::notify::address::Reach::Public,
    );
    let refused = intentvision::notify::channel::create(&app, &tenant, &new.unwrap(), None)
        .await
        .unwrap_err();
    assert_eq!(refused.status(), 409);
    assert!(refused.to_string().contains("INTENTVISION_SECRET_KEY"), "{refused}");
    assert_eq!(scene.product.get(CHANNELS, &scene.key).await.json()["items"], json!([]));
}

/// Requirement 46: the file and its log hold no secret in plain text.
#[tokio::test]
async fn r46_no_secret_is_in_the_database_file() {
    let receiver = Receiver::start(|_| Answer::Status(500)).await;
    let scene = Scene::start(Backend::Embedded).await;
    let request = http::Request::post(CHANNELS)
        .header("x-api-key", &scene.key)
        .header("idempotency-key", "one");
    let reply = scene
        .product
        .send(request, body(&receiver.url("/hook-of-the-canary")).to_string())
        .await;
    let secret = reply.json()["secret"].as_str().unwrap().to_owned();
    let path = format!("{CHANNELS}/{}/test", reply.json()["channel_id"].as_str().unwrap());
    scene.product.post(&path, &scene.key, &json!({})).await;
    assert_eq!(scene.drain(5_000).await.retried, 1);
    let bare = secret.strip_prefix("whsec_").unwrap();
    let raw = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, bare).unwrap();
    let mut found_url = false;
    for entry in std::fs::read_dir(scene.product.folder()).unwrap() {
        let file = std::fs::read(entry.unwrap().path()).unwrap();
        let holds = |needle: &[u8]| file.windows(needle.len()).any(|window| window == needle);
        assert!(!holds(bare.as_bytes()) && !holds(&raw));
        found_url |= holds(b"hook-of-the-canary");
    }
    assert!(found_url, "the search would find what is there");
}
