//! Mail through a real server: nobody gets it who has not confirmed, all about the same is one thread, and no
//! label becomes a header.

use super::picture::alert_with_history;
use super::scene::{Scene, message};
use http::Request;
use intentvision::App;
use intentvision::clock::Clock;
use intentvision::config::{Config, MailSettings, Secret};
use intentvision::id::ChannelId;
use intentvision::keys::Environment;
use intentvision::notify::MessageKind::{Firing, Resolved};
use serde_json::{Value, json};
use tests::on_both;
use tests::product::{Backend, Product};
use tests::smtp_sink::{SmtpSink, header};

const CHANNELS: &str = "/v1/notification-channels";

/// A product that sends its mail to a sink.
pub(super) struct Post {
    pub(super) scene: Scene,
    pub(super) sink: SmtpSink,
}

/// A product that sends its mail to this server.
pub(super) async fn with_mail(backend: Backend, server: String) -> Scene {
    let config = Config {
        mail: Some(MailSettings::new("iv@alerts.example.com".into(), "https://iv.example.com".into()).unwrap()),
        smtp_url: Some(Secret::new(server)),
        allow_private_webhooks: true,
        ..Config::default()
    };
    let product = Product::start_with(backend, Clock::system(), config).await;
    let org = product.organization("acme", Environment::Live).await;
    let key = product.key(&org, &["admin"]).await;
    Scene { product, org, key }
}

/// A channel of mail to these, none of whom has confirmed.
pub(super) async fn mail_channel(scene: &Scene, to: &[&str]) -> ChannelId {
    let body = json!({"name": "mail", "type": "email", "config": {"to": to}});
    let reply = scene.product.post(CHANNELS, &scene.key, &body).await;
    assert_eq!(reply.status, 201, "{}", reply.json());
    ChannelId::parse(reply.json()["channel_id"].as_str().unwrap()).unwrap()
}

impl Post {
    pub(super) async fn start(backend: Backend) -> Self {
        let sink = SmtpSink::start();
        let scene = with_mail(backend, sink.url()).await;
        Self { scene, sink }
    }

    pub(super) async fn channel(&self, to: &[&str]) -> ChannelId {
        mail_channel(&self.scene, to).await
    }

    /// A channel whose recipients have confirmed.
    pub(super) async fn confirmed_channel(&self, to: &[&str]) -> ChannelId {
        let channel = self.channel(to).await;
        self.write("UPDATE channel_recipients SET standing = 'confirmed'").await;
        channel
    }

    /// Changes the database.
    pub(super) async fn write(&self, sql: &'static str) {
        let operator = self.scene.product.app.operator(None);
        let batch = db::Batch::write_one(db::Step::global(sql, vec![]));
        operator.run(batch).await.unwrap();
    }

    /// Sends what is due, as the deployed function does.
    pub(super) async fn deliver(&self, offset: i64) -> intentvision::notify::delivery::Summary {
        deliver_notifications::run(&self.later(offset), 100).await.unwrap()
    }

    fn later(&self, offset: i64) -> App {
        self.scene.later(offset)
    }

    async fn open(&self, method: &str, page: &str, token: &str) -> (u16, String) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/v1/recipients{page}?token={token}"));
        let reply = self.scene.product.send(request, "List-Unsubscribe=One-Click").await;
        (reply.status.as_u16(), String::from_utf8(reply.body.to_vec()).unwrap())
    }

    /// Each recipient with its standing.
    async fn standing(&self, channel: &ChannelId) -> Value {
        let shown = self
            .scene
            .product
            .get(&format!("{CHANNELS}/{channel}"), &self.scene.key)
            .await
            .json();
        shown["recipients"].clone()
    }

    pub(super) async fn tell(&self, channel: &ChannelId, name: &str, seq: i64) {
        let alert = self.scene.alert(name).await;
        self.scene.tell(&[message(channel, &alert, seq, Firing)]).await;
    }
}

/// The token in the text of a mail.
fn token(mail: &Value) -> String {
    let text = mail["parts"]["text/plain"].as_str().unwrap();
    let (_, rest) = text.split_once("token=").unwrap();
    rest.split_whitespace().next().unwrap().to_owned()
}

pub(super) fn of(mails: &[Value], to: &str) -> Vec<Value> {
    mails.iter().filter(|mail| mail["to"] == json!([to])).cloned().collect()
}

async fn story(post: Post) {
    let (ann, bob) = ("ann@example.com", "bob@example.com");
    let channel = post.channel(&[ann, bob]).await;
    post.tell(&channel, "web-1", 1).await;
    let waiting = post.deliver(0).await;
    assert_eq!((waiting.delivered, waiting.retried), (0, 1), "nobody has confirmed");
    let asked = post.sink.mails(2);
    assert_eq!(asked.len(), 2, "nobody is asked twice");
    let (for_ann, for_bob) = (token(&of(&asked, ann)[0]), token(&of(&asked, bob)[0]));

    // looking does nothing
    let (status, page) = post.open("GET", "", &for_ann).await;
    assert!(status == 200 && page.contains("method=\"post\""), "{page}");
    assert_eq!(post.standing(&channel).await[0]["standing"], "pending");
    assert_eq!(post.open("POST", "/confirm", &for_ann).await.0, 200);
    let standing = json!([{"address": ann, "standing": "confirmed"}, {"address": bob, "standing": "pending"}]);
    assert_eq!(post.standing(&channel).await, standing);
    assert_eq!(
        post.open("POST", "/confirm", &for_ann.replace(|_| true, "A")).await.0,
        404
    );
    assert_eq!(post.open("POST", "/confirm", "short").await.0, 400);

    assert_eq!(post.deliver(5_000).await.delivered, 1);
    let alert = post.scene.alert_id("web-1");
    post.scene.tell(&[message(&channel, &alert, 2, Resolved)]).await;
    assert_eq!(post.deliver(5_000).await.delivered, 1);
    let mails = post.sink.mails(4);
    assert_eq!(of(&mails, bob).len(), 1, "who has not confirmed is told nothing");
    let [_, firing, resolved] = &of(&mails, ann)[..] else {
        panic!("{mails:#?}")
    };
    let first = header(firing, "Message-ID").unwrap();
    assert!(
        first.starts_with("<msg_") && first.ends_with("@alerts.example.com>"),
        "{first}"
    );
    assert_eq!(header(firing, "Subject").unwrap(), "Firing: too slow");
    assert_eq!(header(firing, "In-Reply-To"), None);
    assert_eq!(header(resolved, "In-Reply-To").as_ref(), Some(&first));
    assert_eq!(header(resolved, "References").as_ref(), Some(&first));
    assert_eq!(header(firing, "Auto-Submitted").unwrap(), "auto-generated");
    assert_eq!(
        header(firing, "List-Unsubscribe-Post").unwrap(),
        "List-Unsubscribe=One-Click"
    );
    let link = header(firing, "List-Unsubscribe").unwrap();
    assert_eq!(
        link,
        format!("<https://iv.example.com/v1/recipients/unsubscribe?token={for_ann}>")
    );
    assert!(
        firing["parts"]["text/plain"]
            .as_str()
            .unwrap()
            .contains("latency is too high")
    );
    assert!(
        firing["parts"]["text/html"]
            .as_str()
            .unwrap()
            .contains("<h2>Firing: too slow</h2>")
    );

    // the link that people see leads to a button, and does nothing by itself
    let seen = format!("https://iv.example.com/v1/recipients/unsubscribe?token={for_ann}");
    for part in ["text/plain", "text/html"] {
        assert!(firing["parts"][part].as_str().unwrap().contains(&seen), "{part}");
    }
    let (status, page) = post.open("GET", "/unsubscribe", &for_ann).await;
    // relative, for the installation's address may have a path
    let button = format!("<form method=\"post\" action=\"unsubscribe?token={for_ann}\">");
    assert!(status == 200 && page.contains(&button), "{page}");
    let (_, page) = post.open("GET", "", &for_ann).await;
    let button = format!("<form method=\"post\" action=\"recipients/unsubscribe?token={for_ann}\">");
    assert!(page.contains(&button), "{page}");
    assert_eq!(post.standing(&channel).await[0]["standing"], "confirmed");

    // one click ends it, for her alone and for good
    assert_eq!(post.open("POST", "/confirm", &for_bob).await.0, 200);
    assert_eq!(post.open("POST", "/unsubscribe", &for_ann).await.0, 200);
    post.tell(&channel, "web-2", 3).await;
    assert_eq!(post.deliver(5_000).await.delivered, 1);
    assert_eq!(of(&post.sink.mails(5), ann).len(), 3);
    let again = json!({"config": {"to": [ann, bob]}});
    post.scene.patch(&channel, again).await;
    post.deliver(3 * 24 * 3_600_000).await;
    let standing = json!([{"address": ann, "standing": "unsubscribed"}, {"address": bob, "standing": "confirmed"}]);
    assert_eq!(post.standing(&channel).await, standing);
    assert_eq!(post.sink.mails(5).len(), 5);
}

#[tokio::test]
async fn mail_is_confirmed_threaded_and_ended_embedded() {
    story(Post::start(Backend::Embedded).await).await;
}

#[tokio::test]
async fn mail_is_confirmed_threaded_and_ended_remote() {
    story(Post::start(Backend::Remote).await).await;
}

/// A label with line ends and all that mail could mistake for its own.
#[tokio::test]
async fn no_label_becomes_a_header_or_markup() {
    let post = Post::start(Backend::Embedded).await;
    let channel = post.channel(&["ann@example.com"]).await;
    let hostile = "x\r\nBcc: victim@example.com\r\n\r\n.\r\n<script>alert(1)</script>";
    let rename = db::Step::global("UPDATE alert_rules SET name = ?1", db::args![hostile]);
    post.deliver(0).await;
    let asked = token(&post.sink.mails(1)[0]);
    post.open("POST", "/confirm", &asked).await;
    post.tell(&channel, "web-1", 1).await;
    post.scene
        .product
        .app
        .operator(None)
        .run(db::Batch::write_one(rename))
        .await
        .unwrap();
    assert_eq!(post.deliver(0).await.delivered, 1);
    let mail = &post.sink.mails(2)[1];
    assert_eq!((header(mail, "Bcc"), &mail["to"]), (None, &json!(["ann@example.com"])));
    let subject = header(mail, "Subject").unwrap();
    assert!(
        subject.contains("Bcc: victim@example.com") && !subject.contains(['\r', '\n']),
        "{subject:?}"
    );
    assert!(
        !mail["parts"]["text/html"].as_str().unwrap().contains("<script"),
        "{mail}"
    );
}

/// The picture is within the mail, and the HTML shows it.
#[tokio::test]
async fn a_mail_shows_the_series_that_it_is_about() {
    let post = Post::start(Backend::Embedded).await;
    let channel = post.confirmed_channel(&["ann@example.com"]).await;
    let alert = alert_with_history(&post.scene).await;
    post.scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
    assert_eq!(post.deliver(0).await.delivered, 1);
    let mails = post.sink.mails(1);
    let parts = &mails.last().unwrap()["parts"];
    let html = parts["text/html"].as_str().unwrap();
    assert!(html.contains("<img src=\"cid:chart\" alt=\"Chart of latency"), "{html}");
    assert!(parts["image/png"].as_str().unwrap().starts_with("\u{89}PNG"), "{parts}");
}

/// What a server refuses is a dead letter, what it postpones is tried again, and neither is called delivered.
#[tokio::test]
async fn what_the_server_says_counts() {
    for (address, outcome, code) in [("refused@example.com", "dead", 550), ("busy@example.com", "retry", 451)] {
        let post = Post::start(Backend::Embedded).await;
        let channel = post.confirmed_channel(&[address]).await;
        post.tell(&channel, "web-1", 1).await;
        let summary = post.deliver(0).await;
        assert_eq!((summary.delivered, summary.dead + summary.retried), (0, 1), "{address}");
        let items = post.scene.product.get("/v1/deliveries", &post.scene.key).await.json();
        let attempt = &items["items"][0]["attempts"][0];
        assert_eq!(
            (&attempt["outcome"], &attempt["status"]),
            (&json!(outcome), &json!(code)),
            "{attempt}"
        );
    }
}

/// An address can be entered by anybody, as often as they like: its owner is asked three times a day, and three
/// times by one channel.
#[tokio::test]
async fn nobody_is_asked_more_than_three_times_a_day() {
    let post = Post::start(Backend::Embedded).await;
    let victim = "victim@example.com";
    let mut channels = Vec::new();
    for _ in 0..10 {
        channels.push(post.channel(&[victim]).await);
    }
    for _ in 0..10 {
        post.deliver(0).await;
    }
    assert_eq!(post.sink.mails(3).len(), 3);
    // leaving the list and coming back is no reason to ask again, nor is a channel that is made anew
    for channel in &channels {
        post.scene
            .patch(channel, json!({"config": {"to": ["other@example.com"]}}))
            .await;
        post.scene.patch(channel, json!({"config": {"to": [victim]}})).await;
    }
    let path = format!("{CHANNELS}/{}", channels[0]);
    post.scene
        .product
        .call(http::Method::DELETE, &path, &post.scene.key, None)
        .await;
    post.channel(&[victim]).await;
    for _ in 0..10 {
        post.deliver(60_000).await;
    }
    assert_eq!(of(&post.sink.mails(3), victim).len(), 3);
}

on_both! {
    start = Scene::start;

    without_a_mail_server_there_is_no_channel_of_mail => async |scene: Scene| {
        let body = json!({"name": "mail", "type": "email", "config": {"to": ["ann@example.com"]}});
        let reply = scene.product.post(CHANNELS, &scene.key, &body).await;
        assert_eq!(reply.problem(), (409, "CONFLICT".into()));
        assert!(reply.json()["detail"].as_str().unwrap().contains("INTENTVISION_SMTP_URL"));
        assert_eq!(scene.product.get(CHANNELS, &scene.key).await.json()["items"], json!([]));
    };
}
