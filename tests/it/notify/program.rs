//! The program itself, `intentvision serve`, with every type of channel: a test call tells the truth at
//! once, what fires is told and what ends is told, and no credential is in its log.

use super::scene::{Scene, message};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use intentvision::id::ChannelId;
use intentvision::notify::MessageKind::{Firing, Resolved};
use serde_json::{Value, json};
use tests::product::Backend;
use tests::receiver::{Answer, Receiver};
use tests::served::{Installation, Serve};
use tests::smtp_sink::SmtpSink;
use tests::standin::{discord, pagerduty, slack, teams};

/// A program that serves the scene's database.
struct Program {
    scene: Scene,
    serve: Serve,
    installation: Installation,
    _folder: tempfile::TempDir,
}

impl Program {
    async fn start(sink: &SmtpSink) -> Self {
        let scene = Scene::start(Backend::Embedded).await;
        let folder = tempfile::tempdir().unwrap();
        let installation = Installation::new(scene.product.database_url(), &folder.path().join("log"))
            .variable("INTENTVISION_LOG", "trace".into())
            .variable("INTENTVISION_SMTP_URL", sink.url().into())
            .variable("INTENTVISION_MAIL_FROM", "iv@example.com".into())
            .variable("INTENTVISION_PUBLIC_URL", "https://iv.example.com".into());
        let serve = installation.serve(0).unwrap();
        Self {
            scene,
            serve,
            installation,
            _folder: folder,
        }
    }

    async fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.serve.address()))
            .header("x-api-key", &self.scene.key)
            .body(Full::new(Bytes::from(body.to_string())));
        let response = client.request(request.unwrap()).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice(&body).unwrap_or_default()
    }

    async fn channel(&self, r#type: &str, config: &Value) -> ChannelId {
        let body = json!({"name": r#type, "type": r#type, "config": config});
        let made = self.call("POST", "/v1/notification-channels", &body).await;
        ChannelId::parse(made["channel_id"].as_str().unwrap_or_default()).unwrap_or_else(|| panic!("{made}"))
    }

    /// Outcome and error of a test call.
    async fn test(&self, channel: &ChannelId) -> (String, String) {
        let said = self
            .call("POST", &format!("/v1/notification-channels/{channel}/test"), &json!({}))
            .await;
        let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
        (text("outcome"), text("error"))
    }
}

#[tokio::test]
async fn every_type_of_channel_is_told_by_the_program() {
    let sink = SmtpSink::start();
    let program = Program::start(&sink).await;
    let webhook = Receiver::start(|_| Answer::Status(200)).await;
    let (slack, pagerduty, discord, teams) = (
        slack::start().await,
        pagerduty::start().await,
        discord::start().await,
        teams::start().await,
    );
    let configs = [
        ("webhook", json!({"url": webhook.url("/hook")})),
        (
            "slack",
            json!({"token": slack::TOKEN, "channel": slack::CHANNEL, "api_url": slack.receiver().url("/api/")}),
        ),
        (
            "slack",
            json!({"url": slack.receiver().url("/services/T1/B1/5up3rs3cr3tpath")}),
        ),
        (
            "pagerduty",
            json!({"routing_key": pagerduty::ROUTING_KEY, "url": pagerduty.receiver().url("/v2/enqueue")}),
        ),
        ("discord", json!({"url": discord.receiver().url(discord::PATH)})),
        ("teams", json!({"url": teams.receiver().url(teams::PATH)})),
    ];
    let mut channels = Vec::new();
    for (r#type, config) in &configs {
        let channel = program.channel(r#type, config).await;
        assert_eq!(
            program.test(&channel).await,
            ("delivered".into(), String::new()),
            "{type}"
        );
        channels.push(channel);
    }
    assert_eq!(slack.state(|workspace| workspace.shown.len()), 2);
    assert_eq!(
        pagerduty.state(|account| account.incidents.values().cloned().collect::<Vec<_>>()),
        ["trigger resolve"]
    );
    let wrong = json!({"token": "xoxb-wrong", "channel": slack::CHANNEL, "api_url": slack.receiver().url("/api/")});
    let wrong = program.channel("slack", &wrong).await;
    assert_eq!(
        program.test(&wrong).await,
        ("dead".into(), "Slack says invalid_auth".into())
    );

    // mail is asked for by the program itself
    let mail = program.channel("email", &json!({"to": ["ann@example.com"]})).await;
    let asked = sink.mails(1)[0]["parts"]["text/plain"].as_str().unwrap().to_owned();
    let token = asked
        .split_once("token=")
        .unwrap()
        .1
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned();
    program
        .call("POST", &format!("/v1/recipients/confirm?token={token}"), &Value::Null)
        .await;
    assert_eq!(program.test(&mail).await, ("delivered".into(), String::new()));

    // an alert fires and ends, and every channel hears of both
    let before = sink.mails(2).len();
    channels.push(mail);
    let alert = program.scene.alert("web-1").await;
    let told = |seq, kind| -> Vec<_> {
        channels
            .iter()
            .map(|channel| message(channel, &alert, seq, kind))
            .collect()
    };
    program.scene.tell(&told(1, Firing)).await;
    webhook.arrived(2).await;
    slack.receiver().arrived(5).await;
    pagerduty.receiver().arrived(3).await;
    discord.receiver().arrived(2).await;
    teams.receiver().arrived(2).await;
    assert!(sink.mails(before + 1).len() > before);
    program.scene.tell(&told(2, Resolved)).await;
    webhook.arrived(3).await;
    slack.receiver().arrived(8).await;
    pagerduty.receiver().arrived(4).await;
    discord.receiver().arrived(3).await;
    teams.receiver().arrived(3).await;
    let mails = sink.mails(before + 2);
    assert_eq!(
        mails[before + 1]["headers"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|header| header[0] == "In-Reply-To")
            .count(),
        1
    );

    let edited: Vec<_> = slack.state(|workspace| workspace.shown.iter().filter(|one| one.edited).cloned().collect());
    assert_eq!(edited.len(), 1);
    assert_eq!(edited[0].text, "✅ Resolved: too slow");
    let shown = discord.state(|channel| channel.shown.clone());
    assert_eq!(shown.last().unwrap().1, "Resolved\\: too slow");
    let mut incidents: Vec<_> = pagerduty.state(|account| account.incidents.values().cloned().collect());
    incidents.dedup();
    assert_eq!(incidents, ["trigger resolve"]);
    for standin in [
        slack.problems(),
        pagerduty.problems(),
        discord.problems(),
        teams.problems(),
    ] {
        assert_eq!(standin, [""; 0]);
    }
    // Requirement 47
    let log = program.installation.whole_log();
    assert!(log.contains("notification-channels"), "{log}");
    for secret in [
        slack::TOKEN,
        "5up3rs3cr3t",
        pagerduty::ROUTING_KEY,
        "t0k3n-",
        &token,
        "whsec_",
    ] {
        assert!(!log.contains(secret), "{secret} in the log");
    }
}
