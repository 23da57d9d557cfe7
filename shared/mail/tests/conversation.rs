//! What is known of a mail when the server falls silent, by when it does.

#![expect(clippy::unwrap_used, reason = "a test")]

use intentvision::config::Secret;
use intentvision::notify::mail::{Mail, Mailer, NoReply, SmtpReply};
use mail::Smtp;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// What a server says: the greeting, and the answers to EHLO, MAIL, RCPT, DATA, the mail and QUIT.
const WORDS: [&str; 7] = [
    "220 hi",
    "250 hello",
    "250 ok",
    "250 ok",
    "354 go on",
    "250 queued",
    "221 bye",
];

/// What comes of a mail to a server that says so many of its words, and then hangs up or waits for ever.
async fn sent(words: usize, hangs_up: bool) -> Result<SmtpReply, NoReply> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        for (n, words) in WORDS.iter().enumerate().take(words) {
            let mut line = String::new();
            // the mail ends with a dot
            while n == 5 && line != ".\r\n" || n > 0 && line.is_empty() {
                line.clear();
                stream.read_line(&mut line).await.unwrap();
            }
            stream.write_all(format!("{words}\r\n").as_bytes()).await.unwrap();
        }
        if !hangs_up {
            std::future::pending::<()>().await;
        }
    });
    let smtp = Smtp::new(&Secret::new(url)).unwrap();
    let mail = Mail {
        from: "iv@example.com".into(),
        to: "ann@example.com".into(),
        subject: "Ä".into(),
        text: "ü".into(),
        html: "<p>ü</p>".into(),
        picture: None,
        message_id: "<1@example.com>".into(),
        answers: None,
        unsubscribe: None,
        at: 0,
    };
    // long enough for what is answered
    let within = match words {
        0..5 if !hangs_up => Duration::from_millis(300),
        5 if !hangs_up => Duration::from_secs(3),
        _ => Duration::from_secs(60),
    };
    let answer = smtp.send(&mail, within).await;
    server.abort();
    answer
}

#[tokio::test]
async fn before_the_mail_is_given_it_cannot_arrive() {
    for words in 0..5 {
        for hangs_up in [true, false] {
            let silence = sent(words, hangs_up).await.unwrap_err();
            assert!(
                !silence.handed_over && !silence.words.is_empty(),
                "{words}: {silence:?}"
            );
        }
    }
}

#[tokio::test]
async fn once_the_mail_is_given_it_may_arrive() {
    for hangs_up in [true, false] {
        let silence = sent(5, hangs_up).await.unwrap_err();
        assert!(silence.handed_over && !silence.words.is_empty(), "{silence:?}");
    }
}

/// The mail is taken, whether or not the server says goodbye.
#[tokio::test]
async fn what_was_answered_holds() {
    for (words, hangs_up) in [(6, true), (6, false), (7, true)] {
        assert_eq!(sent(words, hangs_up).await.unwrap().code, 250);
    }
}

/// Who looks whether a server is well does not wait for ever.
#[tokio::test]
async fn a_server_that_does_not_greet_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let smtp = Smtp::new(&Secret::new(url)).unwrap();
    let words = smtp.greet(Duration::from_millis(300)).await.unwrap_err();
    assert_eq!(words, "no answer of the mail server in time");
}
