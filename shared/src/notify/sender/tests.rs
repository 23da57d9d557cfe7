//! A sender against raw sockets: what receivers answer, and what they do instead.

use super::super::target::WebhookUrl;
use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers one request with these bytes and returns what it was sent.
async fn exchange(reply: &'static [u8]) -> (Result<Answer, Silence>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let receiver = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"{\"a\":1}") {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        }
        // the sender may hang up once it has read enough
        let _ = stream.write_all(reply).await;
        String::from_utf8(request).unwrap()
    });
    let sender = Sender::new(Arc::new(SystemNetwork), Reach::Private, Limits::default());
    let url = WebhookUrl::parse(&format!("http://{address}/hook?x=1"), Reach::Private).unwrap();
    let call = Call::post(url, "{\"a\":1}").with_header("webhook-id", "msg_1");
    let answer = sender.send(call.unwrap()).await;
    (answer, receiver.await.unwrap())
}

#[tokio::test]
async fn a_message_is_a_post_of_json_with_its_headers() {
    let (answer, request) = exchange(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(answer.unwrap().status, StatusCode::NO_CONTENT);
    assert!(request.starts_with("POST /hook?x=1 HTTP/1.1\r\n"), "{request}");
    for line in [
        "content-type: application/json\r\n",
        "webhook-id: msg_1\r\n",
        "content-length: 7\r\n",
    ] {
        assert!(request.contains(line), "{line} in {request}");
    }
    assert!(
        !request.contains("cookie") && !request.contains("authorization"),
        "{request}"
    );
}

#[tokio::test]
async fn an_endless_refusal_is_cut_and_its_status_counts() {
    static ENDLESS: [u8; 1024 * 1024] = [b'x'; 1024 * 1024];
    let head = b"HTTP/1.1 500 Oh\r\ncontent-length: 99999999\r\n\r\nno\x07pe ".to_vec();
    let reply: &'static [u8] = Box::leak([head, ENDLESS.to_vec()].concat().into_boxed_slice());
    let (answer, _) = exchange(reply).await;
    let answer = answer.unwrap();
    assert_eq!(answer.status.as_u16(), 500);
    assert!(answer.words().starts_with("no pe xxx"), "{}", answer.words());
    assert_eq!(answer.words().chars().count(), MAX_WORDS);
}

#[tokio::test]
async fn a_success_counts_even_if_its_body_never_ends() {
    let (answer, _) = exchange(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n").await;
    assert_eq!(answer.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_no_http_is_an_error_with_a_reason() {
    let (answer, _) = exchange(b"SSH-2.0-OpenSSH\r\n\r\n").await;
    let silence = answer.unwrap_err();
    assert!(silence.reached && !silence.words.is_empty(), "{silence:?}");
}

#[tokio::test]
async fn who_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let limits = Limits {
        total: Duration::from_millis(50),
        ..Limits::default()
    };
    let sender = Sender::new(Arc::new(SystemNetwork), Reach::Private, limits);
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let url = WebhookUrl::parse(&url, Reach::Private).unwrap();
    let error = sender.send(Call::post(url, "{}")).await.unwrap_err();
    assert_eq!(error, Silence::reached("no answer in time"));
}

/// Sends to a receiver that takes the request and then writes these bytes one by one, for ever.
async fn dripped(reply: &'static [u8]) -> Result<Answer, Silence> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let receiver = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"{}") {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        }
        for byte in reply.iter().chain(std::iter::repeat(&b'x')) {
            if stream.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let limits = Limits {
        total: Duration::from_millis(400),
        ..Limits::default()
    };
    let sender = Sender::new(Arc::new(SystemNetwork), Reach::Private, limits);
    let url = WebhookUrl::parse(&url, Reach::Private).unwrap();
    let answer = sender.send(Call::post(url, "{}")).await;
    receiver.await.unwrap();
    answer
}

/// Requirement 43: who answers byte by byte has no more time than others, for the head and for the words.
#[tokio::test]
async fn r43_a_slow_answer_is_given_up_and_slow_words_are_cut() {
    let head = dripped(b"HTTP/1.1 200 OK\r\nx: ").await;
    assert_eq!(head.unwrap_err(), Silence::reached("no answer in time"));
    let words = dripped(b"HTTP/1.1 410 Gone\r\ncontent-length: 99999999\r\n\r\n").await;
    assert_eq!(words.unwrap().status, StatusCode::GONE);
}

/// Requirement 43: nothing is unpacked, and nobody is asked to pack.
#[tokio::test]
async fn r43_a_packed_answer_stays_packed() {
    let reply = b"HTTP/1.1 500 Oh\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00";
    let (answer, request) = exchange(reply).await;
    assert_eq!(answer.unwrap().body, b"\x1f\x8b\x08\x00");
    assert!(!request.contains("accept-encoding"), "{request}");
}

#[tokio::test]
async fn nobody_there_is_told_apart_from_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let sender = Sender::new(Arc::new(SystemNetwork), Reach::Private, Limits::default());
    let url = WebhookUrl::parse(&url, Reach::Private).unwrap();
    let silence = sender.send(Call::post(url, "{}")).await.unwrap_err();
    assert!(!silence.reached, "{silence:?}");
}
