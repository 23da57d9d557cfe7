//! Requirement 44: the published libraries of other languages take what we sign, also during a rotation.

use super::scene::{Scene, message};
use http::Method;
use intentvision::notify::MessageKind::Firing;
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};
use tests::product::Backend;
use tests::receiver::{Answer, Receiver};
use tests::{install, python};

/// What a verifier says of each line.
fn verified(mut verifier: Command, lines: &[Value]) -> Vec<String> {
    let mut child = verifier
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the verifier starts");
    let mut input = child.stdin.take().unwrap();
    for line in lines {
        writeln!(input, "{line}").unwrap();
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn r44_the_libraries_of_python_and_of_javascript_take_our_signatures() {
    let scene = Scene::start(Backend::Embedded).await;
    let receiver = Receiver::start(|_| Answer::Status(200)).await;
    let (channel, old) = scene.channel(&receiver.url("/")).await;
    let path = format!("/v1/notification-channels/{channel}/rotate-secret");
    let rotated = scene.product.call(Method::POST, &path, &scene.key, None).await.json();
    let new = rotated["secret"].as_str().unwrap();
    let alert = scene.alert("wörld 🌍 <&>").await;
    scene.tell(&[message(&channel, &alert, 1, Firing)]).await;
    assert_eq!(scene.drain(0).await.delivered, 1);
    let [sent] = &receiver.messages()[..] else {
        panic!("one message")
    };
    let body = String::from_utf8(sent.body.to_vec()).unwrap();
    let headers = json!({
        "webhook-id": sent.id(),
        "webhook-timestamp": sent.header("webhook-timestamp"),
        "webhook-signature": sent.header("webhook-signature"),
    });
    let stranger = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let lines = [
        json!({"secret": old, "headers": headers, "body": body}),
        json!({"secret": new, "headers": headers, "body": body}),
        json!({"secret": stranger, "headers": headers, "body": body}),
        json!({"secret": new, "headers": headers, "body": format!("{body} ")}),
    ];
    for verifier in [
        python::script("verify_webhook.py"),
        install::script("verify_webhook.mjs"),
    ] {
        let said = verified(verifier, &lines);
        assert_eq!(said[..2], ["good", "good"], "{said:?}");
        assert!(
            said[2..]
                .iter()
                .all(|words| words.starts_with("WebhookVerificationError")),
            "{said:?}"
        );
    }
}
