//! Request bodies: bounded before memory is taken, decoded, and hashed for idempotency.

use crate::{App, Error};
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use std::io::Read;

/// Bytes of a body as sent.
pub const MAX_ENCODED: usize = 4 * 1024 * 1024;
/// Bytes of a body once decoded.
pub const MAX_DECODED: usize = 16 * 1024 * 1024;
/// How much larger a body may grow by decoding, once it is past [`RATIO_FREE`].
pub const MAX_RATIO: usize = 64;
/// Decoded bytes for which the ratio is not looked at.
pub const RATIO_FREE: usize = 64 * 1024;
/// zstd frames may ask for a window of 8 MiB, not more.
const ZSTD_WINDOW_LOG: u32 = 23;

/// A whole request with its body decoded.
#[derive(Debug)]
pub struct Body {
    /// method, path and query: an idempotency key is bound to them, because a query changes the effect
    /// (`?metric_key=` names the metric of a CSV file)
    pub route: String,
    /// `Idempotency-Key`, as sent
    pub idempotency_key: Option<String>,
    /// without parameters, in lower case
    pub content_type: String,
    /// the decoded bytes
    pub bytes: Bytes,
}

impl FromRequest<App> for Body {
    type Rejection = Error;

    async fn from_request(request: Request, _: &App) -> Result<Self, Error> {
        let (parts, body) = request.into_parts();
        let text = |name: &http::HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let announced: Option<usize> = text(&CONTENT_LENGTH).and_then(|length| length.parse().ok());
        if announced.is_some_and(|length| length > MAX_ENCODED) {
            return Err(too_large());
        }
        if parts.headers.get_all(CONTENT_ENCODING).iter().count() > 1 {
            return Err(Error::UnsupportedEncoding(
                "one content encoding at a time, please".into(),
            ));
        }
        let encoding = Encoding::parse(text(&CONTENT_ENCODING).unwrap_or("identity"))?;
        let idempotency_key = match parts.headers.get("idempotency-key") {
            None => None,
            Some(value) => Some(
                value
                    .to_str()
                    .map_err(|_| Error::schema("the Idempotency-Key must be ASCII"))?
                    .to_owned(),
            ),
        };
        let content_type = text(&CONTENT_TYPE)
            .unwrap_or("")
            .split(';')
            .next()
            .unwrap_or("")
            .trim()
            .to_ascii_lowercase();
        let encoded = Limited::new(body, MAX_ENCODED).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                too_large()
            } else {
                Error::schema("the body ended too early")
            }
        })?;
        Ok(Self {
            route: format!(
                "{} {}",
                parts.method,
                parts.uri.path_and_query().map_or("/", |target| target.as_str())
            ),
            idempotency_key,
            content_type,
            bytes: encoding.decode(encoded.to_bytes())?,
        })
    }
}

impl Body {
    /// Reads JSON of this shape.
    ///
    /// # Errors
    /// 400 `SCHEMA_VALIDATION_FAILED` with the place and the reason.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.bytes).map_err(|error| Error::schema(error.to_string()))
    }
}

fn too_large() -> Error {
    Error::PayloadTooLarge(format!("the body is larger than {MAX_ENCODED} bytes"))
}

#[derive(Debug, Clone, Copy)]
enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

impl Encoding {
    fn parse(text: &str) -> Result<Self, Error> {
        match text.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            other => Err(Error::UnsupportedEncoding(format!(
                "the content encoding {other:?} is not known: gzip, zstd or none"
            ))),
        }
    }

    fn decode(self, encoded: Bytes) -> Result<Bytes, Error> {
        match self {
            Self::Identity => Ok(encoded),
            Self::Gzip => read_bounded(flate2::read::MultiGzDecoder::new(&encoded[..]), encoded.len()),
            Self::Zstd => {
                let broken = |_| Error::schema("the body is not zstd");
                let mut decoder = zstd::Decoder::with_buffer(&encoded[..]).map_err(broken)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(broken)?;
                read_bounded(decoder, encoded.len())
            }
        }
    }
}

/// Decodes piece by piece, so that a bomb is noticed before it has taken the memory.
fn read_bounded(mut reader: impl Read, encoded: usize) -> Result<Bytes, Error> {
    let limit = MAX_DECODED.min((encoded.saturating_mul(MAX_RATIO)).max(RATIO_FREE));
    let mut decoded = Vec::with_capacity((encoded.saturating_mul(4)).min(limit));
    let mut piece = [0; 16 * 1024];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return Ok(decoded.into()),
            Ok(n) if decoded.len() + n > limit => {
                return Err(Error::PayloadTooLarge(format!(
                    "the decoded body is larger than {MAX_DECODED} bytes, or than {MAX_RATIO} times what was sent"
                )));
            }
            Ok(n) => decoded.extend_from_slice(&piece[..n]),
            Err(_) => return Err(Error::schema("the body does not decode")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;
    use std::io::Write;

    fn gzip(data: &[u8]) -> Bytes {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap().into()
    }

    fn zstd(data: &[u8]) -> Bytes {
        zstd::encode_all(data, 19).unwrap().into()
    }

    #[test]
    fn gzip_and_zstd_decode() {
        let data = b"{\"metrics\":[]}";
        assert_eq!(&Encoding::Gzip.decode(gzip(data)).unwrap()[..], data);
        assert_eq!(&Encoding::Zstd.decode(zstd(data)).unwrap()[..], data);
    }

    /// Requirement 37.
    #[test]
    fn r37_bombs_are_413() {
        let zeros = vec![0; 256 * 1024 * 1024];
        for result in [Encoding::Gzip.decode(gzip(&zeros)), Encoding::Zstd.decode(zstd(&zeros))] {
            assert_eq!(result.unwrap_err().code(), Code::PayloadTooLarge);
        }
    }

    #[test]
    fn small_bodies_may_have_any_ratio() {
        let zeros = vec![0; RATIO_FREE];
        assert_eq!(Encoding::Gzip.decode(gzip(&zeros)).unwrap().len(), RATIO_FREE);
        assert!(Encoding::Gzip.decode(gzip(&vec![0; RATIO_FREE + 1])).is_err());
    }

    #[test]
    fn what_does_not_decode_is_400_and_unknown_encodings_are_415() {
        assert_eq!(
            Encoding::Gzip.decode(Bytes::from_static(b"nope")).unwrap_err().code(),
            Code::SchemaValidationFailed
        );
        assert_eq!(
            Encoding::Zstd.decode(Bytes::from_static(b"nope")).unwrap_err().code(),
            Code::SchemaValidationFailed
        );
        assert_eq!(Encoding::parse("br").unwrap_err().code(), Code::UnsupportedEncoding);
        assert_eq!(
            Encoding::parse("gzip, gzip").unwrap_err().code(),
            Code::UnsupportedEncoding
        );
    }
}
