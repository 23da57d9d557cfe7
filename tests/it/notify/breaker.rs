//! The circuit breaker: an endpoint that fails is left in peace, found again, and delays nobody.

use super::scene::{Scene, message, one_hangs, sender};
use intentvision::notify::MessageKind::Firing;
use intentvision::notify::NewMessage;
use intentvision::notify::delivery;
use intentvision::notify::sender::Limits;
use serde_json::{Value, json};
use tests::on_both;
use tests::product::Backend;
use tests::receiver::{Answer, Away, Receiver};

/// Messages to the channel, each about an alert of its own.
async fn firing(scene: &Scene, channel: &intentvision::id::ChannelId, names: std::ops::Range<i64>) -> Vec<NewMessage> {
    let mut messages = Vec::new();
    for n in names {
        messages.push(message(
            channel,
            &scene.alert(&format!("alert-{n}")).await,
            n + 1,
            Firing,
        ));
    }
    messages
}

/// How many channels have a breaker, and how many hosts.
async fn breakers(scene: &Scene) -> (i64, i64) {
    let row = scene
        .row("SELECT count(*) FILTER (WHERE endpoint LIKE 'chan_%'), count(*) FILTER (WHERE endpoint NOT LIKE 'chan_%') FROM breakers")
        .await;
    match row[..] {
        [db::Value::Integer(channels), db::Value::Integer(hosts)] => (channels, hosts),
        _ => panic!("{row:?}"),
    }
}

async fn health(scene: &Scene, channel: &intentvision::id::ChannelId) -> Value {
    let path = format!("/v1/notification-channels/{channel}");
    scene.product.get(&path, &scene.key).await.json()["health"].clone()
}

on_both! {
    start = Scene::start;

    /// Requirement 45.
    r45_five_failures_open_the_breaker_and_a_probe_that_arrives_closes_it => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::Status(503)).await;
        let (channel, _) = scene.channel(&receiver.url("/")).await;
        assert_eq!(health(&scene, &channel).await, json!({"state": "closed", "failures": 0, "since": null, "retry_at": null, "last_error": null}));
        scene.tell(&firing(&scene, &channel, 0..8).await).await;
        assert_eq!(scene.drain(0).await.attempted, 5);
        let open = health(&scene, &channel).await;
        assert_eq!((&open["state"], &open["failures"]), (&json!("open"), &json!(5)));
        assert_eq!(open["last_error"], "503 Service Unavailable");
        assert!(open["since"].is_string() && open["retry_at"].is_string(), "{open}");
        // retries are due, and three messages that nobody has tried, but nothing is sent
        let waiting = scene.drain(25_000).await;
        assert_eq!(waiting.attempted, 0);
        assert!(waiting.next_due.is_some());
        // one probe; it fails, and the pause is twice as long
        assert_eq!(scene.drain(31_000).await.attempted, 1);
        assert_eq!(scene.drain(85_000).await.attempted, 0);
        assert_eq!(receiver.messages().len(), 6);
        receiver.change(|_| Answer::Status(200));
        let recovered = scene.drain(93_000).await;
        assert!(recovered.delivered >= 3, "what waited lost nothing: {recovered:?}");
        assert_eq!(health(&scene, &channel).await["state"], "closed");
        assert_eq!(scene.drain(300_000).await.next_due, None);
        assert_eq!(scene.states().await, ["delivered"; 8].join(", "));
        let tried = scene.row("SELECT max(attempts) <= 3 FROM outbox").await;
        assert_eq!(tried, [db::Value::from(1)]);
    };

    /// Requirement 45: a receiver that asks for time gets it, for all its messages, and has not failed.
    r45_retry_after_holds_the_whole_channel => async |scene: Scene| {
        let receiver = Receiver::start(|_| Answer::With(429, "retry-after", "100")).await;
        let (channel, _) = scene.channel(&receiver.url("/")).await;
        scene.tell(&firing(&scene, &channel, 0..6).await).await;
        assert_eq!(scene.drain(0).await.attempted, 2, "those that were under way");
        let held = health(&scene, &channel).await;
        assert_eq!((&held["state"], &held["failures"]), (&json!("open"), &json!(0)));
        assert_eq!(scene.drain(95_000).await.attempted, 0);
        receiver.change(|_| Answer::Status(200));
        assert_eq!(scene.drain(102_000).await.delivered, 6);
        assert_eq!(health(&scene, &channel).await["state"], "closed");
    };

    /// Whoever answers is there, whatever it says.
    a_host_that_answers_closes_its_breaker => async |scene: Scene| {
        let away = Away::new();
        let (channel, _) = scene.channel(&away.url("/")).await;
        scene.tell(&firing(&scene, &channel, 0..6).await).await;
        scene.drain(0).await;
        assert_eq!(breakers(&scene).await, (1, 1));
        let receiver = away.start(|_| Answer::Status(503));
        assert_eq!(scene.drain(400_000).await.retried, 1);
        assert_eq!(breakers(&scene).await, (1, 0));
        receiver.change(|_| Answer::Status(200));
        scene.drain(800_000).await;
        assert_eq!(breakers(&scene).await, (0, 0));
    };

    /// Enabled, moved or deleted: the last channel of a host takes the host's breaker with it.
    a_host_without_channels_has_no_breaker => async |scene: Scene| {
        let away = Away::new();
        let ((a, _), (b, _)) = (scene.channel(&away.url("/a")).await, scene.channel(&away.url("/b")).await);
        scene.tell(&firing(&scene, &a, 0..2).await).await;
        scene.tell(&firing(&scene, &b, 10..12).await).await;
        scene.drain(0).await;
        assert_eq!(breakers(&scene).await, (2, 1));
        scene.patch(&a, json!({"enabled": true})).await;
        assert_eq!(breakers(&scene).await, (1, 1));
        let path = format!("/v1/notification-channels/{b}");
        scene.product.call(http::Method::DELETE, &path, &scene.key, None).await;
        assert_eq!(breakers(&scene).await, (0, 0));
    };

    a_channel_that_points_elsewhere_is_tried_at_once => async |scene: Scene| {
        let dead = Receiver::start(|_| Answer::Status(500)).await;
        let alive = Receiver::start(|_| Answer::Status(200)).await;
        let (channel, _) = scene.channel(&dead.url("/")).await;
        scene.tell(&firing(&scene, &channel, 0..6).await).await;
        assert_eq!(scene.drain(0).await.attempted, 5);
        scene.patch(&channel, json!({"config": {"url": alive.url("/")}})).await;
        assert_eq!(scene.drain(0).await.delivered, 1);
        assert_eq!(scene.drain(6_000).await.delivered, 5);
    };
}

/// Requirement 45: channels whose host is not there find out together, and probe it one at a time.
#[tokio::test]
async fn r45_channels_of_one_host_share_its_breaker() {
    let receiver = Receiver::start(|_| Answer::Status(200)).await;
    let (a, b) = (receiver.url("/a"), receiver.url("/b"));
    drop(receiver);
    let scene = Scene::start(Backend::Embedded).await;
    let ((a, _), (b, _)) = (scene.channel(&a).await, scene.channel(&b).await);
    scene.tell(&firing(&scene, &a, 0..6).await).await;
    scene.tell(&firing(&scene, &b, 10..14).await).await;
    let first = scene.drain(0).await;
    assert!(
        (5..=7).contains(&first.attempted),
        "5 + 4 if each were alone: {first:?}"
    );
    for channel in [&a, &b] {
        assert_eq!(health(&scene, channel).await["state"], "open");
    }
    assert_eq!(scene.drain(25_000).await.attempted, 0);
    let mut offset = 0;
    // whoever's pause is over, there is one probe
    for _ in 0..3 {
        offset += 300_000;
        assert_eq!(scene.drain(offset).await.attempted, 1);
    }
}

/// Requirement 45: what comes up while a receiver hangs is sent at once, by the same run.
#[tokio::test]
async fn r45_new_messages_wait_for_no_receiver_that_hangs() {
    let (scene, receiver, dead, alive) = one_hangs().await;
    scene.tell(&[message(&dead, &scene.alert("a").await, 1, Firing)]).await;
    let (app, sending) = (scene.later(0), sender(Limits::default()));
    let told = async {
        receiver.arrived(1).await;
        scene.tell(&[message(&alive, &scene.alert("b").await, 2, Firing)]).await;
        receiver.arrived(2).await;
    };
    tokio::select! {
        result = delivery::drain(&app, &sending, 1_000) => panic!("the dead one was given up first: {result:?}"),
        () = told => {}
    }
    assert_eq!(receiver.messages()[1].path, "/alive");
}

/// Requirement 45: however many receivers hang, there is room for those that answer.
#[tokio::test]
async fn r45_receivers_known_to_hang_take_a_part_of_the_room() {
    let receiver = Receiver::start(|message| match message.path.as_str() {
        "/alive" => Answer::Status(200),
        _ => Answer::Status(500),
    })
    .await;
    let scene = Scene::start(Backend::Embedded).await;
    let mut messages = Vec::new();
    for n in 0..80 {
        let (channel, _) = scene.channel(&receiver.url(&format!("/dead/{n}"))).await;
        messages.extend(firing(&scene, &channel, n..n + 1).await);
    }
    scene.tell(&messages).await;
    assert_eq!(scene.drain(0).await.retried, 80);
    receiver.change(|message| match message.path.as_str() {
        "/alive" => Answer::Status(200),
        _ => Answer::Hang,
    });
    let (alive, _) = scene.channel(&receiver.url("/alive")).await;
    scene.tell(&firing(&scene, &alive, 100..120).await).await;
    let (app, sending) = (scene.later(6_000), sender(Limits::default()));
    tokio::select! {
        result = delivery::drain(&app, &sending, 1_000) => panic!("a dead one was given up first: {result:?}"),
        () = receiver.arrived(80 + 16 + 20) => {}
    }
    let alive = receiver
        .messages()
        .iter()
        .filter(|message| message.path == "/alive")
        .count();
    assert_eq!(alive, 20);
}

/// What a receiver does during a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Well,
    Fails,
    /// 429, and so many seconds
    Busy,
}

/// The breaker as its documentation tells it: what it allows, and what it learns.
#[derive(Debug, Default)]
struct Model {
    failures: u32,
    open_until: i64,
}

impl Model {
    /// How many attempts a run may make while there is enough to send: at least, and at most.
    fn allows(&self, now: i64, doing: Doing) -> (usize, usize) {
        match (now < self.open_until, self.failures, doing) {
            (true, _, _) => (0, 0),
            (false, _, Doing::Well) => (1, usize::MAX),
            // two are under way when the first answer comes, unless there was trouble before
            (false, 0, Doing::Busy) => (1, 2),
            (false, _, Doing::Busy) | (false, 5.., Doing::Fails) => (1, 1),
            (false, failures, Doing::Fails) => (5 - failures as usize, 5 - failures as usize),
        }
    }

    fn learns(&mut self, now: i64, doing: Doing, attempts: usize) {
        match doing {
            _ if attempts == 0 => {}
            Doing::Well => *self = Self::default(),
            Doing::Busy => self.open_until = self.open_until.max(now + 60),
            Doing::Fails => {
                self.failures += u32::try_from(attempts).unwrap();
                if self.failures >= 5 {
                    self.open_until = now + (30_i64 << (self.failures - 5).min(8)).min(300);
                }
            }
        }
    }
}

mod model {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]
        /// Requirement 45.
        #[test]
        fn r45_the_breaker_is_its_model(steps in prop::collection::vec(
            (prop::sample::select(vec![0_i64, 10, 40, 100, 400]), prop::sample::select(vec![Doing::Well, Doing::Fails, Doing::Fails, Doing::Busy])),
            1..16,
        )) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(follows(steps))?;
        }
    }

    async fn follows(steps: Vec<(i64, Doing)>) -> Result<(), TestCaseError> {
        let receiver = Receiver::start(|_| Answer::Status(200)).await;
        let scene = Scene::start(Backend::Embedded).await;
        let (channel, _) = scene.channel(&receiver.url("/")).await;
        scene.patch(&channel, json!({"rate_limit": 1_000})).await;
        let mut model = Model::default();
        let (mut now, mut told) = (0, 0);
        for (after, doing) in steps {
            now += after;
            // enough that nobody has tried yet, so that something is always due
            scene.tell(&firing(&scene, &channel, told..told + 6).await).await;
            told += 6;
            receiver.change(move |_| match doing {
                Doing::Well => Answer::Status(200),
                Doing::Fails => Answer::Status(500),
                Doing::Busy => Answer::With(429, "retry-after", "60"),
            });
            let attempted = scene.drain(now * 1_000).await.attempted;
            let (least, most) = model.allows(now, doing);
            prop_assert!(
                (least..=most).contains(&attempted),
                "{model:?}, {doing:?} at {now}: {attempted} attempts"
            );
            model.learns(now, doing, attempted);
            let failures = scene.row("SELECT coalesce(max(failures), 0) FROM breakers").await;
            prop_assert_eq!(&failures[0], &db::Value::from(i64::from(model.failures)), "at {}", now);
        }
        Ok(())
    }
}
