use super::embed::escaped;
use super::*;
use crate::notify::channel::story::Story;
use crate::notify::channel::story::tests::{any_notice, notice};
use crate::notify::notice::Notice;
use http::{HeaderMap, StatusCode};
use proptest::prelude::*;

fn written(notice: &Notice) -> String {
    write(notice, &Story::of(notice))
}

const URL: &str = "https://discord.com/api/webhooks/1234/token-abcd";

fn discord(url: &str) -> Result<Discord, String> {
    Discord::parse(&json!({"url": url}), Reach::Public)
}

#[test]
fn a_webhook_is_known_by_its_path_and_masked() {
    for wrong in [
        "https://discord.com/",
        "https://discord.com/api/webhooks/1234",
        "https://discord.com/api/webhooks/x/token",
        "https://discord.com/api/webhooks/1234/token/messages",
        "https://discord.com/…abcd",
        "https://10.0.0.1/api/webhooks/1234/token",
    ] {
        assert!(discord(wrong).is_err(), "{wrong}");
    }
    assert!(discord("https://discord.com/api/v10/webhooks/1234/token").is_ok());
    let one = discord(URL).unwrap();
    assert_eq!(one.shown(), json!({"url": "https://discord.com/…abcd"}));
    assert!(!format!("{one:?}").contains("token"));
    assert_eq!(one.credentials(), json!({"url": URL}));
}

#[test]
fn a_resolve_edits_the_first_message_or_is_a_message_of_its_own() {
    let asked = |url: &str, kind, thread| -> Vec<String> {
        let letter = Letter {
            message_id: "msg_1",
            kind,
            body: "{}",
            thread,
            picture: None,
            now: 0,
        };
        let calls = discord(url).unwrap().calls(&letter).unwrap();
        calls
            .iter()
            .map(|call| format!("{} {}", call.method, call.url.as_str()))
            .collect()
    };
    let post = format!("POST {URL}?wait=true");
    assert_eq!(asked(URL, Some(MessageKind::Firing), None), std::slice::from_ref(&post));
    assert_eq!(
        asked(URL, Some(MessageKind::Firing), Some("77")),
        std::slice::from_ref(&post)
    );
    assert_eq!(
        asked(URL, Some(MessageKind::Resolved), None),
        std::slice::from_ref(&post)
    );
    assert_eq!(
        asked(URL, Some(MessageKind::Resolved), Some("77")),
        [format!("PATCH {URL}/messages/77"), post]
    );
    let forum = format!("{URL}?thread_id=9");
    assert_eq!(
        asked(&forum, Some(MessageKind::Resolved), Some("77")),
        [
            format!("PATCH {URL}/messages/77?thread_id=9"),
            format!("POST {URL}?thread_id=9&wait=true")
        ]
    );
}

#[test]
fn answers_are_judged_as_discord_documents_them() {
    let judged = |status, body: &str| {
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.into(),
        };
        Discord::judge(&answer, 0)
    };
    let accepted = judged(200, r#"{"id":"77","content":""}"#);
    assert_eq!(
        (accepted.verdict, accepted.thread.as_deref()),
        (Verdict::Delivered, Some("77"))
    );
    for (status, body, verdict) in [
        (
            429,
            r#"{"message":"You are being rate limited.","retry_after":0.65,"global":false}"#,
            Verdict::Retry(Some(650)),
        ),
        (429, r#"{"retry_after":1e300}"#, Verdict::Retry(Some(3_600_000))),
        (429, r#"{"retry_after":-1}"#, Verdict::Retry(Some(0))),
        (429, "", Verdict::Retry(None)),
        (404, r#"{"message":"Unknown Message","code":10008}"#, Verdict::Refused),
        (404, r#"{"message":"Unknown Webhook","code":10015}"#, Verdict::Gone),
        (
            401,
            r#"{"message":"Invalid Webhook Token","code":50027}"#,
            Verdict::Gone,
        ),
        (400, r#"{"code":50035}"#, Verdict::Refused),
        (200, "<html>", Verdict::Retry(None)),
        (204, "", Verdict::Retry(None)),
        (200, r#"{"id":77}"#, Verdict::Retry(None)),
        (502, "", Verdict::Retry(None)),
    ] {
        assert_eq!(judged(status, body).verdict, verdict, "{status} {body}");
    }
}

#[test]
fn the_message_is_readable() {
    insta::assert_snapshot!(written(&notice(Some(MessageKind::Firing), "a <b>")), @r#"{"allowed_mentions":{"parse":[]},"embeds":[{"color":14233637,"description":"a \\<b\\>\na \\<b\\>","fields":[{"inline":true,"name":"Severity","value":"critical"},{"inline":true,"name":"Series","value":"latency{host=a \\<b\\>}"},{"inline":true,"name":"Value","value":"512.5"},{"inline":true,"name":"Since","value":"2026\\-11\\-23T10\\:00\\:00Z"},{"inline":true,"name":"Acknowledged by","value":"a \\<b\\>"}],"timestamp":"2026-11-23T10:00:00Z","title":"Firing\\: a \\<b\\>"}]}"#);
}

proptest! {
    #[test]
    fn any_message_keeps_the_limits_and_mentions_nobody(notice in any_notice()) {
        let body: Value = serde_json::from_str(&written(&notice)).unwrap();
        prop_assert_eq!(&body["allowed_mentions"], &json!({"parse": []}));
        prop_assert!(body.get("content").is_none());
        let embed = &body["embeds"][0];
        let mut total = 0;
        let mut within = |text: &Value, limits: std::ops::RangeInclusive<usize>| {
            let length = text.as_str().unwrap().encode_utf16().count();
            total += length;
            limits.contains(&length)
        };
        prop_assert!(within(&embed["title"], 1..=256));
        prop_assert!(within(&embed["description"], 0..=4_096));
        let fields = embed["fields"].as_array().unwrap();
        prop_assert!(fields.len() <= 25);
        for field in fields {
            prop_assert!(within(&field["name"], 1..=256) && within(&field["value"], 1..=1_024));
        }
        prop_assert!(total <= 6_000, "{}", total);
    }

    #[test]
    fn no_sign_of_markup_is_left_bare(text in "[a*_~`|<>@#()\\[\\]\\\\-]{0,60}") {
        let escaped = escaped(&text, 200);
        let mut letters = escaped.chars();
        let mut read = String::new();
        while let Some(letter) = letters.next() {
            if letter == '\\' {
                read.extend(letters.next());
            } else {
                prop_assert_eq!(letter, 'a');
                read.push(letter);
            }
        }
        prop_assert_eq!(read, text);
    }
}
