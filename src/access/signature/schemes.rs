//! The signature schemes that are known, a row each.
//!
//! What the columns mean is with [`Scheme`]; `docs/access.md` has the same table for readers, and a test that
//! compares the two. Names and shapes are from the vendors' own documentation.

use super::expiry::{self, Times, akamai_field, decoded, md5, number, policy, stamp};
use crate::access::json::Json;
use crate::access::url_parts::Parameter;
use serde_json::Value;

/// A way to sign URLs.
pub(super) struct Scheme {
    pub(super) name: &'static str,
    pub(super) place: Place,
    /// What every URL so signed has: one of these names, separated by `|` and the likeliest first, with a value of
    /// this shape. `*` at the end of a name stands for anything.
    pub(super) needs: &'static [(&'static str, Shape)],
    /// Names of what is signed along where present.
    pub(super) may: &'static str,
    /// What else tells this scheme from others, by all parameters that no row above has taken.
    pub(super) and: fn(&[Parameter<'_>]) -> bool,
    pub(super) times: fn(&[Parameter<'_>]) -> Times,
    pub(super) covers: Covers,
    /// Whether a URL found in a playlist gets the playlist's signature.
    pub(super) propagated: bool,
}

type Shape = fn(&Parameter<'_>) -> bool;

/// Where a signature stands.
#[derive(PartialEq, Eq)]
pub(super) enum Place {
    Query,
    /// In the query, or in a path segment that is written as one.
    QueryOrSegment,
    /// The first two path segments.
    Segments,
}

/// Which URLs a signature opens, all of them on one origin.
pub(super) enum Covers {
    /// The path of the URL that carries it.
    Path,
    /// The directory of that URL and what lies below.
    Directory,
    /// Paths that match one of these patterns; just the URL's own where it names none.
    Paths(fn(&[Parameter<'_>]) -> Option<Vec<String>>),
    /// URLs that match this pattern.
    Resource(fn(&[Parameter<'_>]) -> Option<String>),
    /// Only the server knows.
    Unknown,
}

impl Scheme {
    /// The parameters of this scheme's signature among `all`.
    pub(super) fn find<'a>(&self, all: &[Parameter<'a>]) -> Option<Vec<Parameter<'a>>> {
        let mut needs = Vec::new();
        for (names, shape) in self.needs {
            let takes = |name: &str| all.iter().any(|p| is_named(name, p.name) && shape(p));
            needs.push((names.split('|').find(|name| takes(name))?, shape));
        }
        let owns = |p: &Parameter<'_>| {
            needs.iter().any(|(name, shape)| is_named(name, p.name) && shape(p))
                || self.may.split('|').any(|name| is_named(name, p.name))
        };
        (self.and)(all).then(|| all.iter().copied().filter(owns).collect())
    }

    /// What a JSON Web Token grants is not the URL that it stands on, so beside it there is room for a signature.
    pub(super) fn signs_the_url(&self) -> bool {
        self.propagated || !matches!(self.covers, Covers::Unknown)
    }
}

fn is_named(pattern: &str, name: &str) -> bool {
    !name.is_empty() && pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

/// The value of the first parameter of this name.
#[inline(never)]
fn value<'a>(of: &[Parameter<'a>], name: &str) -> Option<&'a str> {
    of.iter().find(|p| p.name == name).map(|p| p.value)
}

fn seconds(of: &[Parameter<'_>], name: &str) -> Option<i64> {
    number(value(of, name)?, 10)
}

fn always(_: &[Parameter<'_>]) -> bool {
    true
}

fn any(_: &Parameter<'_>) -> bool {
    true
}

/// The one statement of CloudFront's policy.
fn statement(of: &[Parameter<'_>]) -> Option<Value> {
    policy(value(of, "Policy")?)?.value().get("Statement")?.get(0).cloned()
}

/// A JSON Web Token, which in a path stands by itself or behind a name.
fn jwt<'a>(p: &Parameter<'a>) -> &'a str {
    p.text.rsplit('=').next().unwrap_or_default()
}

/// The more there is to know a scheme by, the further up it stands: a row takes its parameters away from those below.
pub(super) const SCHEMES: &[Scheme] = &[
    // https://www.tencentcloud.com/document/product/228/35222: md5(uri-timestamp-rand-uid-key).
    Scheme {
        name: "CDN type A",
        place: Place::Query,
        needs: &[("sign|auth_key", |p| expiry::type_a(p.value).is_some())],
        may: "",
        and: always,
        times: |of| Times::issued(of.first().and_then(|p| expiry::type_a(p.value))),
        covers: Covers::Path,
        propagated: false,
    },
    // https://www.tencentcloud.com/document/product/228/35223: md5(key timestamp path), by the clock of UTC+8.
    Scheme {
        name: "CDN type B",
        place: Place::Segments,
        needs: &[("", |p| expiry::type_b(p.text).is_some()), ("", |p| md5(p.text))],
        may: "",
        and: always,
        times: |of| Times::issued(of.first().and_then(|p| expiry::type_b(p.text))),
        covers: Covers::Path,
        propagated: false,
    },
    // https://www.tencentcloud.com/document/product/228/35224: md5(key path timestamp).
    Scheme {
        name: "CDN type C",
        place: Place::Segments,
        needs: &[("", |p| md5(p.text)), ("", |p| stamp(p.text).is_some())],
        may: "",
        and: always,
        times: |of| Times::issued(of.last().and_then(|p| stamp(p.text))),
        covers: Covers::Path,
        propagated: false,
    },
    // https://www.tencentcloud.com/document/product/266/33986: md5(KEY Dir t exper rlimit us …). What it has in
    // common with type D it has in another order, and its time in hexadecimal.
    Scheme {
        name: "Tencent VOD key anti-leech",
        place: Place::Query,
        needs: &[("t", |p| number(p.value, 16).is_some()), ("sign", any)],
        may: "exper|rlimit|us|uv|whreg|bkreg|whref|bkref|plive",
        and: |all| {
            let at = |name: &str| all.iter().position(|p| p.name == name);
            let short = value(all, "t").is_some_and(|t| t.len() <= 8);
            ["us", "exper", "rlimit"].iter().any(|name| at(name).is_some()) || (short && at("t") < at("sign"))
        },
        times: |of| Times::expires(value(of, "t").and_then(|t| number(t, 16))),
        covers: Covers::Directory,
        propagated: true,
    },
    // https://www.tencentcloud.com/document/product/228/35225: md5(key path timestamp).
    Scheme {
        name: "CDN type D",
        place: Place::Query,
        needs: &[("sign", any), ("t", |p| stamp(p.value).is_some())],
        may: "",
        and: always,
        times: |of| Times::issued(value(of, "t").and_then(stamp)),
        covers: Covers::Path,
        propagated: false,
    },
    // https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-signed-urls.html
    Scheme {
        name: "CloudFront custom policy",
        place: Place::Query,
        needs: &[("Policy", any), ("Signature", any), ("Key-Pair-Id", any)],
        may: "Hash-Algorithm",
        and: always,
        times: |of| {
            let statement = statement(of).unwrap_or_default();
            let at = |bound| statement.get("Condition")?.get(bound)?.get("AWS:EpochTime")?.as_i64();
            Times { issued: at("DateGreaterThan"), expires: at("DateLessThan") }
        },
        covers: Covers::Resource(|of| Some(statement(of)?.get("Resource")?.as_str()?.to_owned())),
        propagated: true,
    },
    Scheme {
        name: "CloudFront canned policy",
        place: Place::Query,
        needs: &[("Expires", any), ("Signature", any), ("Key-Pair-Id", any)],
        may: "Hash-Algorithm",
        and: always,
        times: |of| Times::expires(seconds(of, "Expires")),
        covers: Covers::Path,
        propagated: false,
    },
    // https://techdocs.akamai.com/property-mgr/docs/auth-token-2-0-ver: the parameter's name is the customer's to
    // choose; the fields are not.
    Scheme {
        name: "Akamai edge authorization",
        place: Place::QueryOrSegment,
        needs: &[("hdnts|hdnea|hdntl|*", |p| {
            akamai_field(p, "exp").is_some() && akamai_field(p, "hmac").is_some()
        })],
        may: "",
        and: always,
        times: |of| {
            let at = |name| number(&akamai_field(of.first()?, name)?, 10);
            Times { issued: at("st"), expires: at("exp") }
        },
        covers: Covers::Paths(|of| Some(akamai_field(of.first()?, "acl")?.split('!').map(decoded).collect())),
        propagated: true,
    },
    // https://docs.bunny.net/cdn/security/token-authentication/advanced
    Scheme {
        name: "Bunny token authentication",
        place: Place::QueryOrSegment,
        needs: &[
            ("token|bcdn_token", |p| !p.value.contains('.')),
            ("expires", |p| number(p.value, 10).is_some()),
        ],
        may: "token_path|token_countries|token_countries_blocked|token_ignore_params|limit",
        and: |all| {
            value(all, "token_path").or(value(all, "bcdn_token")).is_some()
                || value(all, "token").is_some_and(|token| token.starts_with("HS256-"))
        },
        times: |of| Times::expires(seconds(of, "expires")),
        covers: Covers::Paths(|of| Some(vec![decoded(value(of, "token_path")?) + "*"])),
        propagated: true,
    },
    // https://developers.cloudflare.com/waf/custom-rules/use-cases/configure-token-authentication/
    Scheme {
        name: "Cloudflare timed HMAC",
        place: Place::Query,
        needs: &[("verify", |p| expiry::timed(p.value).is_some())],
        may: "",
        and: always,
        times: |of| Times::issued(of.first().and_then(|p| expiry::timed(p.value))),
        covers: Covers::Path,
        propagated: false,
    },
    // https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    Scheme {
        name: "S3 signature version 4",
        place: Place::Query,
        needs: &[("X-Amz-Signature", any), ("X-Amz-Date", any), ("X-Amz-Expires", any)],
        may: "X-Amz-*",
        and: always,
        times: |of| {
            let issued = value(of, "X-Amz-Date").and_then(|date| expiry::civil(date, "Z"));
            let life = seconds(of, "X-Amz-Expires");
            Times { issued, expires: issued.zip(life).and_then(|(issued, life)| issued.checked_add(life)) }
        },
        covers: Covers::Path,
        propagated: false,
    },
    // https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html, and other stores by its example.
    Scheme {
        name: "S3 signature version 2",
        place: Place::Query,
        needs: &[("Expires", any), ("Signature", any)],
        may: "AWSAccessKeyId|OSSAccessKeyId|GoogleAccessId|AccessKeyId|x-amz-security-token|security-token",
        and: always,
        times: |of| Times::expires(seconds(of, "Expires")),
        covers: Covers::Path,
        propagated: false,
    },
    // https://www.tencentcloud.com/document/product/436/7778
    Scheme {
        name: "COS request signature",
        place: Place::Query,
        needs: &[("q-signature", any), ("q-sign-time", any)],
        may: "q-*|x-cos-security-token",
        and: always,
        times: |of| {
            let span = decoded(value(of, "q-sign-time").unwrap_or_default());
            let (start, end) = span.split_once(';').unwrap_or_default();
            Times { issued: number(start, 10), expires: number(end, 10) }
        },
        covers: Covers::Path,
        propagated: false,
    },
    // An expiry and a keyed hash under the names that nginx, origins of one's own and many CDNs use. The short names
    // are also those of episodes and experiments, so what they hold must look like a time.
    Scheme {
        name: "Expiry and keyed hash",
        place: Place::Query,
        needs: &[
            ("expires|expire|exp|e", |p| {
                p.name == "expires" || (p.value.len() >= 10 && number(p.value, 10).is_some())
            }),
            ("signature|sig|sign|hmac|token|md5", any),
        ],
        may: "",
        and: always,
        times: |of| {
            let expiry = of.iter().find(|p| p.name.starts_with('e'));
            Times::expires(expiry.and_then(|p| number(p.value, 10)))
        },
        covers: Covers::Unknown,
        propagated: true,
    },
    // RFC 7519.
    Scheme {
        name: "JSON Web Token",
        place: Place::QueryOrSegment,
        needs: &[("*", |p| Json::claims(jwt(p)).is_some())],
        may: "",
        and: always,
        times: |of| {
            let claims = of.first().and_then(|p| Json::claims(jwt(p)));
            let at = |name| claims.as_ref()?.value().get(name)?.as_f64().map(|seconds| seconds as i64);
            Times { issued: at("iat"), expires: at("exp") }
        },
        covers: Covers::Unknown,
        propagated: false,
    },
];

/// What in the parameters of a signature says which resource is meant: two keys may differ in nothing but what their
/// tokens claim. Dates and the token's own name, which differ from one token to the next, are left out.
pub(super) fn subject(scheme: &Scheme, parameter: &Parameter<'_>) -> Option<String> {
    if scheme.signs_the_url() {
        return None;
    }
    let claims = Json::claims(jwt(parameter))?;
    let counts = |name: &str| !["exp", "iat", "nbf", "jti"].contains(&name);
    let kept = claims.value().as_object()?.iter().filter(|(name, _)| counts(name));
    Some(kept.map(|(name, claim)| format!("&{name}={claim}")).collect())
}
