//! What a token says of its own end.
//!
//! A token is opaque: nothing depends on this, and one that cannot be read has no known end. Those that can are JSON
//! Web Tokens (RFC 7519), Tencent VOD's DRM tokens, which have `~` for `.`, and tokens made of claims and a tag alone.

use serde_json::Value;
use zeroize::Zeroizing;

use crate::access::base64;

use super::fields::{Answer, unix_ms};

/// When a token expires, in seconds since 1970.
pub(super) fn expiry(token: &str) -> Option<i64> {
    let parts = token.split(['.', '~']).take(MAX_PARTS);
    parts.filter(|part| part.len() <= MAX_CLAIMS).find_map(|part| {
        let claims = Zeroizing::new(base64::decode(part)?);
        let claims = Answer::read(&claims).ok()?;
        let of = |name| claims.value().get(name).filter(|v: &&Value| v.is_number());
        of("exp").or_else(|| of("expireTimeStamp")).and_then(unix_ms).map(|ms| ms / 1000)
    })
}

/// Header, claims, tag.
const MAX_PARTS: usize = 3;
const MAX_CLAIMS: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_that_say_when_they_end() {
        // {"alg":"HS256","typ":"JWT"} {"exp":1700000000}
        let jwt = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3MDAwMDAwMDB9.c2ln";
        assert_eq!(expiry(jwt), Some(1_700_000_000));
        // {"type":"DrmToken","appId":1,"expireTimeStamp":2147483647}
        let claims = "eyJ0eXBlIjoiRHJtVG9rZW4iLCJhcHBJZCI6MSwiZXhwaXJlVGltZVN0YW1wIjoyMTQ3NDgzNjQ3fQ";
        let tencent = format!("eyJhbGciOiJIUzI1NiJ9~{claims}~c2ln");
        assert_eq!(expiry(&tencent), Some(2_147_483_647));
        // {"file":"a","exp":5} and a tag
        assert_eq!(expiry("eyJmaWxlIjoiYSIsImV4cCI6NX0.tag"), Some(5));
    }

    #[test]
    fn tokens_that_do_not() {
        for token in
            ["", "T", "a.b.c", "....", "eyJleHAiOiI1In0", "bnVsbA", "e30.e30.e30.eyJleHAiOjV9", "é.~"]
        {
            assert_eq!(expiry(token), None, "{token}");
        }
    }
}
