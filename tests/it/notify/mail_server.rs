//! Mail servers that are slow, busy or away: no other channel waits for them, and nobody is written to twice.

use super::email::{Post, mail_channel, of, with_mail};
use super::scene::message;
use http::Method;
use intentvision::clock::{HOUR, MINUTE};
use intentvision::notify::MessageKind::Firing;
use serde_json::json;
use tests::on_both;
use tests::product::Backend;
use tests::receiver::{Answer, Receiver};
use tests::smtp_sink::header;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

const ANN: &str = "ann@example.com";
const LATER: &str = "later@example.com";
const REFUSED: &str = "refused@example.com";
const ZOE: &str = "zoe@example.com";

/// How often each recipient counts as asked, by address.
async fn asked(post: &Post) -> String {
    let row = post
        .scene
        .row("SELECT group_concat(asked) FROM (SELECT asked FROM channel_recipients ORDER BY address)")
        .await;
    match &row[0] {
        db::Value::Text(text) => text.clone(),
        other => panic!("{other:?}"),
    }
}

on_both! {
    start = Post::start;

    /// Whom the server puts off was not asked, and is a quarter of an hour later; who is refused for good counts as asked.
    whom_the_server_took_no_mail_for_is_asked_again_soon => async |post: Post| {
        post.channel(&[LATER, REFUSED]).await;
        post.deliver(0).await;
        assert_eq!(asked(&post).await, "0,1");
        post.deliver(14 * MINUTE).await;
        assert_eq!(asked(&post).await, "0,1");
        post.deliver(15 * MINUTE + 1_000).await;
        assert_eq!(asked(&post).await, "1,1");
        assert_eq!(of(&post.sink.mails(1), LATER).len(), 1);
    };

    a_token_that_does_not_open_keeps_nobody_else_from_being_asked => async |post: Post| {
        post.channel(&[ANN, ZOE]).await;
        post.write("UPDATE channel_recipients SET token = x'00' WHERE address LIKE 'ann%'").await;
        post.deliver(0).await;
        assert_eq!(of(&post.sink.mails(1), ZOE).len(), 1);
    };

    /// One is put off and one refused: the others have their mail at once, and one alone is written to again.
    each_recipient_is_written_to_once => async |post: Post| {
        let channel = post.confirmed_channel(&[ANN, LATER, REFUSED, ZOE]).await;
        post.tell(&channel, "web-1", 1).await;
        assert_eq!(post.deliver(0).await.retried, 1);
        assert_eq!(post.sink.mails(2).len(), 2);
        assert_eq!(post.deliver(5_000).await.delivered, 1);
        let mails = post.sink.mails(3);
        for to in [ANN, LATER, ZOE] {
            assert_eq!(of(&mails, to).len(), 1, "{to}: {mails:#?}");
        }
        let ids: Vec<_> = mails.iter().map(|mail| header(mail, "Message-ID")).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert!(mails.iter().all(|mail| header(mail, "In-Reply-To").is_none()), "the first of a thread answers nothing");
        let log = post.scene.product.get("/v1/deliveries", &post.scene.key).await.json();
        let attempts = &log["items"][0]["attempts"];
        assert_eq!((&attempts[0]["outcome"], &attempts[0]["status"]), (&json!("retry"), &json!(451)));
        let error = attempts[0]["error"].as_str().unwrap();
        assert!(error.starts_with("later@example.com: 451 ") && error.contains("refused@example.com: 550 "), "{error}");
        assert_eq!((&attempts[1]["outcome"], &attempts[1]["status"]), (&json!("delivered"), &json!(250)));
    };

    /// A dead letter is sent again to those who do not have it.
    a_replay_is_no_second_mail => async |post: Post| {
        let channel = post.confirmed_channel(&[ANN, "busy@example.com", REFUSED]).await;
        post.tell(&channel, "web-1", 1).await;
        let mut offset = 0;
        for _ in 0..7 {
            assert_eq!(post.deliver(offset).await.retried, 1);
            offset += HOUR;
        }
        assert_eq!(post.deliver(offset).await.dead, 1);
        let path = format!("/v1/notification-channels/{channel}");
        let shown = post.scene.product.get(&path, &post.scene.key).await.json();
        assert_eq!(shown["health"]["failures"], 0, "the server is well");
        let path = format!("/v1/notification-channels/{channel}/replay");
        let replayed = post.scene.product.call(Method::POST, &path, &post.scene.key, None).await;
        assert_eq!(replayed.json()["replayed"], 1);
        assert_eq!(post.scene.row("SELECT settled FROM outbox").await, [r#"{"ann@example.com":250}"#.into()]);
        assert_eq!(post.deliver(offset).await.retried, 1);
        assert_eq!(post.sink.mails(1).len(), 1);
    };
}

/// A server that takes connections and never says a word: messages go out before it is given up.
#[tokio::test]
async fn no_message_waits_for_a_mail_server() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let scene = with_mail(Backend::Embedded, format!("smtp://{}", silent.local_addr().unwrap())).await;
    mail_channel(&scene, &[ANN]).await;
    let receiver = Receiver::start(|_| Answer::Status(200)).await;
    let (channel, _) = scene.channel(&receiver.url("/")).await;
    let alert = scene.alert("a").await;
    scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
    let given_up = async {
        let (mut connection, _) = silent.accept().await.unwrap();
        connection.read(&mut [0]).await
    };
    let app = scene.later(0);
    tokio::select! {
        result = deliver_notifications::run(&app, 10) => panic!("the mail server was waited for: {result:?}"),
        result = given_up => panic!("the mail server was waited for: {result:?}"),
        () = receiver.arrived(1) => {}
    }
}

/// A server that is silent about one recipient is given up, in time for the others.
#[tokio::test]
async fn a_mail_that_hangs_holds_up_nobody() {
    let post = Post::start(Backend::Embedded).await;
    let channel = post.confirmed_channel(&["hang@example.com", ZOE]).await;
    post.tell(&channel, "web-1", 1).await;
    assert_eq!(post.deliver(0).await.retried, 1);
    assert_eq!(of(&post.sink.mails(1), ZOE).len(), 1);
    let row = post.scene.row("SELECT last_error FROM outbox").await;
    assert_eq!(row, ["hang@example.com: no answer of the mail server in time".into()]);
}
