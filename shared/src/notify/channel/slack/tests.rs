use super::*;
use crate::notify::channel::story::Story;
use crate::notify::channel::story::tests::{any_notice, notice};
use crate::notify::notice::Notice;
use http::{HeaderMap, StatusCode};
use proptest::prelude::*;

fn written(notice: &Notice) -> String {
    write(notice, &Story::of(notice))
}

fn bot() -> Slack {
    Slack::parse(&json!({"token": "xoxb-1-abcd", "channel": "C024BE91L"}), Reach::Public).unwrap()
}

fn incoming() -> Slack {
    let url = "https://hooks.slack.com/services/T1/B1/secretabcd";
    Slack::parse(&json!({"url": url}), Reach::Public).unwrap()
}

fn judged(slack: &Slack, status: u16, body: &str) -> Judgement {
    let answer = Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: body.into(),
    };
    slack.judge(&answer, 0)
}

#[test]
fn a_configuration_is_one_of_the_two_ways() {
    for wrong in [
        json!({}),
        json!({"url": "https://hooks.slack.com/a", "token": "xoxb-1", "channel": "C1"}),
        json!({"token": "xoxb-1"}),
        json!({"channel": "C1"}),
        json!({"token": "xoxp-1", "channel": "C1"}),
        json!({"token": "xoxb-1\r\nx: y", "channel": "C1"}),
        json!({"token": "xoxb-1", "channel": "#ops"}),
        json!({"url": "http://hooks.slack.com/a"}),
        json!({"url": "https://10.0.0.1/a"}),
        json!({"url": "https://hooks.slack.com/…abcd"}),
        json!({"token": "xoxb-…abcd", "channel": "C1"}),
        json!({"token": "xoxb-1", "channel": "C1", "api_url": "https://127.0.0.1/"}),
    ] {
        assert!(Slack::parse(&wrong, Reach::Public).is_err(), "{wrong}");
    }
}

/// Requirement 47.
#[test]
fn r47_what_is_shown_holds_no_credential() {
    for (slack, secret) in [(bot(), "xoxb-1-abcd"), (incoming(), "secretabcd")] {
        assert!(!slack.shown().to_string().contains(secret));
        assert!(!format!("{slack:?}").contains(secret));
        let again = Slack::parse(&slack.credentials(), Reach::Public).unwrap();
        assert_eq!(again.shown(), slack.shown());
        assert!(slack.credentials().to_string().contains(secret));
    }
    assert_eq!(incoming().shown(), json!({"url": "https://hooks.slack.com/…abcd"}));
}

#[test]
fn the_message_is_readable() {
    insta::assert_snapshot!(written(&notice(Some(MessageKind::Firing), "a < b")), @r#"{"blocks":[{"text":{"emoji":false,"text":"🔴 Firing: a &lt; b","type":"plain_text"},"type":"header"},{"text":{"emoji":false,"text":"a &lt; b\na &lt; b","type":"plain_text"},"type":"section"},{"fields":[{"emoji":false,"text":"Severity\ncritical","type":"plain_text"},{"emoji":false,"text":"Series\nlatency{host=a &lt; b}","type":"plain_text"},{"emoji":false,"text":"Value\n512.5","type":"plain_text"},{"emoji":false,"text":"Since\n2026-11-23T10:00:00Z","type":"plain_text"},{"emoji":false,"text":"Acknowledged by\na &lt; b","type":"plain_text"}],"type":"section"}],"mrkdwn":false,"text":"🔴 Firing: a &lt; b","unfurl_links":false}"#);
}

#[test]
fn a_resolve_edits_the_first_message_and_answers_below_it() {
    let letter = |kind, thread| Letter {
        message_id: "msg_1",
        kind,
        body: "{\"text\":\"x\"}",
        thread,
        picture: None,
        now: 0,
    };
    let asked = |kind, thread| -> Vec<(String, Value)> {
        let calls = bot().calls(&letter(kind, thread)).unwrap();
        let asked = calls.iter().map(|call| {
            assert_eq!(call.headers["authorization"], "Bearer xoxb-1-abcd");
            (
                call.url.as_str().to_owned(),
                serde_json::from_slice(&call.body).unwrap(),
            )
        });
        asked.collect()
    };
    let post = "https://slack.com/api/chat.postMessage".to_owned();
    let first = asked(Some(MessageKind::Firing), None);
    assert_eq!(first, [(post.clone(), json!({"text": "x", "channel": "C024BE91L"}))]);
    let again = asked(Some(MessageKind::Firing), Some("C9 1.2"));
    let below = |broadcast| json!({"text": "x", "channel": "C9", "thread_ts": "1.2", "reply_broadcast": broadcast});
    let alone = (post.clone(), json!({"text": "x", "channel": "C024BE91L"}));
    assert_eq!(again, [(post.clone(), below(true)), alone.clone()]);
    let resolve = asked(Some(MessageKind::Resolved), Some("C9 1.2"));
    let update = (
        "https://slack.com/api/chat.update".to_owned(),
        json!({"text": "x", "channel": "C9", "ts": "1.2"}),
    );
    assert_eq!(resolve, [update, (post, below(false)), alone]);
}

#[test]
fn answers_are_judged_as_slack_documents_them() {
    for body in ["ok", "ok\n", r#"{"ok":true}"#, r#"{"success":true}"#] {
        assert_eq!(judged(&incoming(), 200, body).verdict, Verdict::Delivered, "{body}");
    }
    for (status, body) in [(200, "<html>"), (200, ""), (204, ""), (202, "ok")] {
        assert_eq!(
            judged(&incoming(), status, body).verdict,
            Verdict::Retry(None),
            "{status} {body}"
        );
    }
    for (status, body, verdict) in [
        (400, "invalid_payload", Verdict::Refused),
        (403, "action_prohibited", Verdict::Refused),
        (404, "channel_not_found", Verdict::Gone),
        (410, "channel_is_archived", Verdict::Gone),
        (429, "rate_limited", Verdict::Retry(None)),
        (500, "rollup_error", Verdict::Retry(None)),
        (200, r#"{"ok":false}"#, Verdict::Refused),
    ] {
        let judgement = judged(&incoming(), status, body);
        assert_eq!(judgement.verdict, verdict, "{status} {body}");
        assert!(judgement.error.unwrap().contains(body));
    }
    let accepted = judged(&bot(), 200, r#"{"ok":true,"channel":"C9","ts":"1503435956.000247"}"#);
    assert_eq!(
        (accepted.verdict, accepted.thread.as_deref()),
        (Verdict::Delivered, Some("C9 1503435956.000247"))
    );
    for (body, verdict) in [
        (r#"{"ok":false,"error":"ratelimited"}"#, Verdict::Retry(None)),
        (r#"{"ok":false,"error":"token_revoked"}"#, Verdict::Gone),
        (r#"{"ok":false,"error":"not_in_channel"}"#, Verdict::Refused),
        (r#"{"ok":false,"error":"msg_blocks_too_long"}"#, Verdict::Refused),
        ("{}", Verdict::Retry(None)),
        ("<html>", Verdict::Retry(None)),
    ] {
        assert_eq!(judged(&bot(), 200, body).verdict, verdict, "{body}");
    }
    let endless = json!({"ok": false, "error": "x".repeat(60_000)}).to_string();
    assert!(judged(&bot(), 200, &endless).error.unwrap().len() < 300);
    let endless = json!({"ok": true, "channel": "C9", "ts": "1".repeat(60_000)}).to_string();
    assert_eq!(judged(&bot(), 200, &endless).thread, None);
}

proptest! {
    #[test]
    fn any_message_keeps_the_limits_and_mentions_nobody(notice in any_notice()) {
        let body: Value = serde_json::from_str(&written(&notice)).unwrap();
        let length = |text: &Value| text.as_str().unwrap().encode_utf16().count();
        let blocks = body["blocks"].as_array().unwrap();
        prop_assert!(blocks.len() <= 50);
        prop_assert!((1..=150).contains(&length(&blocks[0]["text"]["text"])));
        let mut total = length(&body["text"]);
        for block in blocks {
            let fields = block["fields"].as_array().cloned().unwrap_or_default();
            prop_assert!(fields.len() <= 10);
            for text in fields.iter().chain(block.get("text")) {
                prop_assert_eq!(&text["type"], "plain_text");
                prop_assert!((1..=3_000).contains(&length(&text["text"])));
                total += length(&text["text"]);
            }
        }
        prop_assert!(total <= 13_200, "{}", total);
        let whole = body.to_string();
        prop_assert!(!whole.contains(['<', '>']));
        prop_assert!(!whole.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "").contains('&'));
    }
}
