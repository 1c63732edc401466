//! What a token says of its own end.
//!
//! A token is opaque: nothing depends on this, and one that cannot be read has no known end. Those that can are JSON
//! Web Tokens (RFC 7519), Tencent VOD's DRM tokens, which have `~` for `.`, and tokens made of claims and a tag alone.

use zeroize::Zeroizing;

use crate::access::base64;

use super::fields::{Answer, either, unix_ms};

/// When a token expires, in seconds since 1970.
pub(super) fn expiry(token: &str) -> Option<i64> {
    let mut parts = token.split(['.', '~']);
    (0..MAX_PARTS).find_map(|_| of_claims(parts.next()?))
}

fn of_claims(part: &str) -> Option<i64> {
    // A tag is seldom one.
    let object = base64::decode(part).filter(|bytes| bytes.first() == Some(&b'{'))?;
    let claims = Answer::read(&Zeroizing::new(object)).ok()?;
    let expiry = either(claims.value(), ["exp", "expireTimeStamp"]).filter(|value| value.is_number());
    Some(unix_ms(expiry?)? / 1000)
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
