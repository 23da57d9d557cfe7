//! What a status other than 200 means, and the little that is passed on of the words beside it.
//!
//! Those words are a stranger's: they may be anything, and may even repeat what was sent. Kept are a short code,
//! and of a 422 the first complaint unless it holds the key.

use super::failure::Failure;
use super::key::TimeGptKey;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

/// Characters of a code at most: those that are known have three, and no key is as short.
const MAX_CODE: usize = 7;
/// Characters of a complaint.
const MAX_DETAIL: usize = 200;

/// `{"data":null,"message":..,"details":..,"code":"A12",..}`.
#[derive(Deserialize)]
struct Coded {
    code: String,
}

/// `{"detail":[{"loc":["body","h"],"msg":..,"type":..}]}`.
#[derive(Deserialize)]
struct Invalid {
    detail: Vec<Complaint>,
}

#[derive(Deserialize)]
struct Complaint {
    #[serde(default)]
    loc: Vec<Value>,
    msg: String,
}

/// The failure that a status and its body stand for.
pub(super) fn read(status: StatusCode, body: &[u8], key: &TimeGptKey) -> Failure {
    match status.as_u16() {
        401 | 403 => Failure::KeyRefused {
            status,
            code: code(body),
        },
        402 | 429 => Failure::LimitReached {
            status,
            code: code(body),
        },
        408 | 409 => Failure::Failed { status },
        400..=499 => Failure::Refused {
            status,
            detail: complaint(body)
                .filter(|text| !text.contains(key.reveal()))
                .map(|text| text.chars().take(MAX_DETAIL).collect()),
        },
        _ => Failure::Failed { status },
    }
}

fn code(body: &[u8]) -> Option<String> {
    let coded: Coded = serde_json::from_slice(body).ok()?;
    let fits = (1..=MAX_CODE).contains(&coded.code.len());
    (fits && coded.code.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(coded.code)
}

fn complaint(body: &[u8]) -> Option<String> {
    let invalid: Invalid = serde_json::from_slice(body).ok()?;
    let first = invalid.detail.into_iter().next()?;
    let place: Vec<String> = first.loc.iter().map(|part| part.to_string().replace('"', "")).collect();
    let text = if place.is_empty() {
        first.msg
    } else {
        format!("{}: {}", place.join("."), first.msg)
    };
    // cut last, so that no part of a key stays behind the cut unseen
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    Some(text.chars().map(printable).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn failure(status: u16, body: &Value) -> Failure {
        let key = TimeGptKey::parse("nixak-0123456789abcdef").unwrap();
        read(StatusCode::from_u16(status).unwrap(), body.to_string().as_bytes(), &key)
    }

    #[test]
    fn each_status_has_its_meaning() {
        for (status, code) in [
            (401, "KEY_REFUSED"),
            (403, "KEY_REFUSED"),
            (402, "LIMIT_REACHED"),
            (429, "LIMIT_REACHED"),
            (400, "REQUEST_REFUSED"),
            (404, "REQUEST_REFUSED"),
            (413, "REQUEST_REFUSED"),
            (422, "REQUEST_REFUSED"),
            (408, "SERVICE_FAILED"),
            (409, "SERVICE_FAILED"),
            (500, "SERVICE_FAILED"),
            (503, "SERVICE_FAILED"),
            (302, "SERVICE_FAILED"),
            (204, "SERVICE_FAILED"),
        ] {
            assert_eq!(failure(status, &json!(null)).code(), code, "{status}");
        }
    }

    #[test]
    fn a_short_code_is_passed_on_and_nothing_else() {
        let words = |code: &str| {
            let body = json!({"data": null, "message": "Invalid API key nixak-0123456789abcdef", "code": code});
            failure(401, &body).to_string()
        };
        assert_eq!(words("A12"), "TimeGPT refused the API key (401, A12)");
        for code in ["", "nixak-0123456789abcdef", "A 12", "A12\n"] {
            assert_eq!(words(code), "TimeGPT refused the API key (401)", "{code:?}");
        }
    }

    #[test]
    fn the_first_complaint_is_passed_on_unless_it_holds_the_key() {
        let words = |msg: &str| {
            let detail = json!([{"loc": ["body", "series", 0], "msg": msg, "type": "x"}, {"msg": "second"}]);
            failure(422, &json!({"detail": detail})).to_string()
        };
        assert_eq!(
            words("too\nshort"),
            "TimeGPT refused the request (422): body.series.0: too short"
        );
        assert_eq!(words("for nixak-0123456789abcdef"), "TimeGPT refused the request (422)");
        let long = format!("{}nixak-0123456789abcdef", "x".repeat(190));
        assert_eq!(words(&long), "TimeGPT refused the request (422)");
        assert!(words(&"é".repeat(900)).chars().count() < 300);
        assert_eq!(
            failure(422, &json!({"detail": "no list"})).to_string(),
            "TimeGPT refused the request (422)"
        );
    }
}
