//! Mail servers that are slow, busy or away: no other channel waits for them, and nobody is written to twice.

use super::email::{Post, mail_channel, of, with_mail};
use super::scene::{message, sender};
use futures::future::BoxFuture;
use http::Method;
use intentvision::clock::{DAY, HOUR, MINUTE};
use intentvision::notify::MessageKind::{Firing, Resolved};
use intentvision::notify::delivery;
use intentvision::notify::mail::{Mail, Mailer, NoReply, SmtpReply};
use intentvision::notify::sender::Limits;
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tests::on_both;
use tests::product::Backend;
use tests::receiver::{Answer, Receiver};
use tests::smtp_sink::header;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

const ANN: &str = "ann@example.com";
const BUSY: &str = "busy@example.com";
const LATER: &str = "later@example.com";
/// Whose mail the server takes without a word.
const MUTE: &str = "mute@example.com";
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

    /// The longer a server takes no mail for somebody, the seldomer it is asked to; after a month that ends.
    whom_the_server_never_takes_mail_for_is_asked_seldomer_and_no_more => async |post: Post| {
        post.channel(&[BUSY]).await;
        let ask_at = async || {
            let row = post.scene.row("SELECT ask_at - changed_at FROM channel_recipients").await;
            let db::Value::Integer(ask_at) = row[0] else { panic!("{row:?}") };
            ask_at
        };
        let mut waits = Vec::new();
        let mut at = 0;
        while asked(&post).await != "3" {
            assert!(waits.len() < 100, "{waits:?}");
            post.deliver(at).await;
            let next = ask_at().await;
            waits.push(next - at);
            at = next;
        }
        let doubling = [15, 15, 30, 60, 120, 240, 480, 960, 1_440].map(|wait| wait * MINUTE);
        for (n, wait) in waits.iter().enumerate() {
            let expected = doubling[n.min(8)];
            // what the test itself takes is waited, too
            assert!((expected..=expected + expected / 10).contains(wait), "{n}: {waits:?}");
        }
        assert!((30..45).contains(&waits.len()) && at < 34 * DAY, "{waits:?}");
    };

    /// The mail that asks may have arrived: that was once, and the next one is a day later.
    who_may_have_been_asked_counts_as_asked => async |post: Post| {
        post.channel(&[MUTE]).await;
        for (at, times) in [(0, 1), (HOUR, 1), (DAY + MINUTE, 2), (2 * DAY + 2 * MINUTE, 3), (9 * DAY, 3)] {
            post.deliver(at).await;
            assert_eq!((post.sink.mails(times).len(), asked(&post).await), (times, times.to_string()));
        }
    };

    /// The server has the mail and says nothing: it may have arrived, and nobody is written to again and again, by
    /// whatever process.
    who_may_have_a_mail_is_sent_it_three_times_at_most => async |post: Post| {
        let channel = post.confirmed_channel(&[ANN, BUSY, MUTE]).await;
        post.tell(&channel, "web-1", 1).await;
        for attempt in 0..6 {
            assert_eq!(post.deliver(attempt * HOUR).await.retried, 1, "for the busy one");
        }
        let mails = post.sink.mails(4);
        assert_eq!((of(&mails, ANN).len(), of(&mails, MUTE).len()), (1, 3));
        let kept = r#"{"ann@example.com":250,"mute@example.com":3}"#;
        assert_eq!(post.scene.row("SELECT settled FROM outbox").await, [kept.into()]);
        let log = post.scene.product.get("/v1/deliveries", &post.scene.key).await.json();
        let third = log["items"][0]["attempts"][2]["error"].as_str().unwrap();
        assert!(third.starts_with("busy@example.com: 451 "), "{third}");
        assert!(third.contains("mute@example.com: ") && third.ends_with("; the mail may have arrived, and is not sent again"), "{third}");
    };

    /// A resolve lasts for a week at a server that is away, and not at one that may have taken it. That nobody said so is
    /// no delivery; whoever reads that may send it again.
    a_lasting_mail_is_no_exception_and_can_be_replayed => async |post: Post| {
        let channel = post.confirmed_channel(&[ANN, MUTE]).await;
        post.write("UPDATE channel_recipients SET standing = 'unsubscribed' WHERE address LIKE 'mute%'").await;
        post.tell(&channel, "web-1", 1).await;
        assert_eq!(post.deliver(0).await.delivered, 1);
        post.write("UPDATE channel_recipients SET standing = iif(address LIKE 'mute%', 'confirmed', 'unsubscribed')").await;
        let alert = post.scene.alert_id("web-1");
        post.scene.tell(&[message(&channel, &alert, 2, Resolved)]).await;
        assert_eq!(post.deliver(0).await.retried, 1);
        assert_eq!(post.deliver(HOUR).await.retried, 1);
        assert_eq!(post.deliver(2 * HOUR).await.dead, 1);
        assert_eq!(of(&post.sink.mails(4), MUTE).len(), 3);
        let log = post.scene.product.get("/v1/deliveries", &post.scene.key).await.json();
        let error = log["items"][0]["last_error"].as_str().unwrap();
        assert!(error.contains("may have arrived"), "{error}");
        let path = format!("/v1/notification-channels/{channel}/replay");
        let replayed = post.scene.product.call(Method::POST, &path, &post.scene.key, None).await;
        assert_eq!(replayed.json()["replayed"], 1);
        assert_eq!(post.deliver(2 * HOUR).await.retried, 1);
        assert_eq!(of(&post.sink.mails(5), MUTE).len(), 4);
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
        let channel = post.confirmed_channel(&[ANN, BUSY, REFUSED]).await;
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

/// A server that is silent about one recipient is given up, in time for the others; what it has by then is told.
#[tokio::test]
async fn a_mail_that_hangs_holds_up_nobody() {
    for (address, error) in [
        ("hang@example.com", "the mail server did not ask for the mail in time"),
        (
            "deaf@example.com",
            "no answer of the mail server to the mail in time; the mail may have arrived",
        ),
    ] {
        let post = Post::start(Backend::Embedded).await;
        let channel = post.confirmed_channel(&[address, ZOE]).await;
        post.tell(&channel, "web-1", 1).await;
        let app = deliver_notifications::with_mailer(post.scene.later(0)).unwrap();
        let limits = Limits {
            attempt: Duration::from_secs(3),
            ..Limits::default()
        };
        assert_eq!(delivery::drain(&app, &sender(limits), 1).await.unwrap().retried, 1);
        assert_eq!(of(&post.sink.mails(1), ZOE).len(), 1);
        let row = post.scene.row("SELECT last_error FROM outbox").await;
        assert_eq!(row, [format!("{address}: {error}").into()]);
    }
}

/// Says how long it was given for each mail.
#[derive(Debug, Default)]
struct Patience(Mutex<Vec<Duration>>);

impl Mailer for Patience {
    fn send<'a>(&'a self, _: &'a Mail, within: Duration) -> BoxFuture<'a, Result<SmtpReply, NoReply>> {
        self.0.lock().unwrap().push(within);
        let words = "away".into();
        let handed_over = false;
        Box::pin(async move { Err(NoReply { words, handed_over }) })
    }
}

/// A server that looks into each mail takes its time: it has all that an attempt has, for each of ten recipients.
#[tokio::test]
async fn a_slow_mail_server_has_as_long_as_an_attempt() {
    let post = Post::start(Backend::Embedded).await;
    let addresses: Vec<_> = (0..10).map(|n| format!("ann{n}@example.com")).collect();
    let addresses: Vec<_> = addresses.iter().map(String::as_str).collect();
    let channel = post.confirmed_channel(&addresses).await;
    post.tell(&channel, "web-1", 1).await;
    let patience = Arc::new(Patience::default());
    let mut app = post.scene.later(0);
    app.mailer = Some(patience.clone());
    let most = Duration::from_secs(3_600);
    let limits = Limits {
        attempt: most,
        ..Limits::default()
    };
    assert_eq!(delivery::drain(&app, &sender(limits), 1).await.unwrap().retried, 1);
    let given = patience.0.lock().unwrap().clone();
    assert!(
        given.len() == 10 && given.iter().all(|time| *time == given[0]),
        "{given:?}"
    );
    assert!(given[0] <= most && given[0] > most / 2, "{given:?}");
}
