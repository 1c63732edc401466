//! JSON that has secrets in it: answers of services, the claims of tokens, policies of signatures.

use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

use super::base64;

/// Its texts are overwritten when it is dropped: tokens and signed addresses are among them.
pub(super) struct Json(Value);

impl Json {
    /// What these bytes say.
    pub(super) fn read(bytes: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(bytes).map(Self)
    }

    /// An object in Base64.
    pub(super) fn object(base64: &str) -> Option<Self> {
        let bytes = Zeroizing::new(base64::decode(base64)?);
        // What is none is seldom one by its first byte.
        let object = bytes.first().filter(|first| **first == b'{').and_then(|_| Self::read(&bytes).ok());
        object.filter(|json| json.0.is_object())
    }

    /// The claims of a JSON Web Token in its compact form (RFC 7519 §3).
    pub(super) fn claims(token: &str) -> Option<Self> {
        let mut parts = token.strip_prefix("eyJ")?.split('.');
        let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
        parts.next().is_none().then(|| Self::object(payload))?
    }

    pub(super) fn value(&self) -> &Value {
        &self.0
    }
}

impl Drop for Json {
    fn drop(&mut self) {
        overwrite(&mut self.0);
    }
}

/// As deep as the parser lets values nest: 128.
fn overwrite(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(overwrite),
        Value::Object(fields) => fields.values_mut().for_each(overwrite),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// When a token expires, in seconds since 1970.
///
/// A token is opaque: nothing depends on this, and one that cannot be read has no known end. Those that can are JSON Web Tokens,
/// Tencent VOD's DRM tokens, which have `~` for `.`, and tokens made of claims and a tag alone.
pub(super) fn token_expiry(token: &str) -> Option<i64> {
    token.split(['.', '~']).take(MAX_PARTS).find_map(|part| {
        let claims = Json::object(part)?;
        let expiry = ["exp", "expireTimeStamp"].iter().find_map(|name| claims.value().get(name))?;
        unix_ms(expiry.as_f64()?).map(|ms| ms / 1000)
    })
}

/// Unix seconds or milliseconds, in milliseconds.
pub(super) fn unix_ms(number: f64) -> Option<i64> {
    // Seconds of the year 5138, milliseconds of 1973.
    let millis = if number < 1e11 { number * 1e3 } else { number };
    (number > 0.0 && number.is_finite()).then_some(millis.round() as i64)
}

/// Header, claims, tag.
const MAX_PARTS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_that_say_when_they_end() {
        // {"alg":"HS256","typ":"JWT"} {"exp":1700000000}
        let jwt = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3MDAwMDAwMDB9.c2ln";
        assert_eq!(token_expiry(jwt), Some(1_700_000_000));
        // {"type":"DrmToken","appId":1,"expireTimeStamp":2147483647}
        let claims = "eyJ0eXBlIjoiRHJtVG9rZW4iLCJhcHBJZCI6MSwiZXhwaXJlVGltZVN0YW1wIjoyMTQ3NDgzNjQ3fQ";
        let tencent = format!("eyJhbGciOiJIUzI1NiJ9~{claims}~c2ln");
        assert_eq!(token_expiry(&tencent), Some(2_147_483_647));
        // {"file":"a","exp":5} and a tag
        assert_eq!(token_expiry("eyJmaWxlIjoiYSIsImV4cCI6NX0.tag"), Some(5));
    }

    #[test]
    fn tokens_that_do_not() {
        for token in
            ["", "T", "a.b.c", "....", "eyJleHAiOiI1In0", "bnVsbA", "e30.e30.e30.eyJleHAiOjV9", "é.~"]
        {
            assert_eq!(token_expiry(token), None, "{token}");
        }
    }
}
