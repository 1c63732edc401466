//! Signed URLs: which parameters make a signature, when it expires, and which other URLs it also opens.
//!
//! Everything that is known about a scheme is its row in [`SCHEMES`]; a parameter that no row names (`start`, `end`)
//! belongs to a segment's identity and is never touched. The schemes named so far sign a directory, or are used that
//! way, so what lies there may inherit them.

use crate::secret::Url;

use super::url_parts::{Parameter, Parts, extended};

/// Hands the signature of a playlist URL on to a URL found in it.
///
/// The child gets the parent's signature parameters, as they stand, if it carries no signature of its own and lies
/// where the parent's may hold: same scheme, host and port, in the parent's directory or below. Otherwise it comes
/// back as it is. Both are absolute URLs.
pub fn inherit(parent: &Url, child: &Url) -> Url {
    let (Some(from), Some(to)) = (Parts::of(parent.expose()), Parts::of(child.expose())) else {
        return child.clone();
    };
    if SCHEMES.iter().any(|s| s.signs(&to)) || !to.lies_below(from.directory) || !from.same_origin(&to) {
        return child.clone();
    }
    let mut query = to.query.map(str::to_owned);
    for scheme in SCHEMES.iter().filter(|s| s.signs(&from) && !s.touches(&to)) {
        for parameter in from.parameters().filter(|p| scheme.owns(p)) {
            query = Some(extended(query.as_deref(), parameter.text));
        }
    }
    Url::new(Parts { query: query.as_deref(), ..to }.join())
}

/// When the signature on a URL expires, in seconds since 1970; the earliest, should there be several. `None` if
/// there is none, or none that says so.
pub fn expiry(url: &Url) -> Option<i64> {
    let parts = Parts::of(url.expose())?;
    SCHEMES.iter().filter(|s| s.signs(&parts)).filter_map(|s| s.expiry.read(&parts)).min()
}

/// The URL with the signature of `renewed` in the place of that of `former`, if it carries the latter and the former holds there.
pub(super) fn resigned(url: &Url, former: &Url, renewed: &Url) -> Url {
    let (Some(to), Some(old), Some(new)) =
        (Parts::of(url.expose()), Parts::of(former.expose()), Parts::of(renewed.expose()))
    else {
        return url.clone();
    };
    let signs = |s: &&Scheme| s.signs(&to) && s.signs(&old) && s.signs(&new);
    let Some(scheme) = SCHEMES.iter().find(signs) else { return url.clone() };
    let carries = |p: Parameter<'_>| old.parameters().any(|o| o.text == p.text);
    if !to.parameters().filter(|p| scheme.owns(p)).all(carries) {
        return url.clone();
    }
    let texts = to.query.unwrap_or_default().split('&').map(|text| {
        let name = text.split('=').next().unwrap_or_default();
        let renewed = new.parameters().find(|p| scheme.owns(p) && p.name == name);
        renewed.map_or(text, |p| p.text)
    });
    let query = texts.collect::<Vec<_>>().join("&");
    Url::new(Parts { query: Some(&query), ..to }.join())
}

/// Whether `parameter` is part of a signature that the URL carries.
pub(super) fn is_signature(parts: &Parts<'_>, parameter: &Parameter<'_>) -> bool {
    SCHEMES.iter().any(|s| s.owns(parameter) && s.signs(parts))
}

/// A way to sign URLs in the query.
struct Scheme {
    /// Present in every URL so signed.
    required: &'static [&'static str],
    /// Signed along with them where present.
    optional: &'static [&'static str],
    expiry: Expiry,
}

impl Scheme {
    /// Whether the URL is signed this way.
    fn signs(&self, parts: &Parts<'_>) -> bool {
        self.required.iter().all(|name| parts.parameter(name).is_some())
    }

    /// Whether the URL has anything that this scheme would take for its own.
    fn touches(&self, parts: &Parts<'_>) -> bool {
        parts.parameters().any(|p| self.owns(&p))
    }

    fn owns(&self, parameter: &Parameter<'_>) -> bool {
        self.required.contains(&parameter.name) || self.optional.contains(&parameter.name)
    }
}

/// Where a scheme's expiry stands, as Unix seconds.
#[derive(Clone, Copy)]
enum Expiry {
    Decimal(&'static str),
    Hex(&'static str),
}

impl Expiry {
    fn read(self, parts: &Parts<'_>) -> Option<i64> {
        let (name, radix) = match self {
            Self::Decimal(name) => (name, 10),
            Self::Hex(name) => (name, 16),
        };
        i64::from_str_radix(parts.parameter(name)?.value, radix).ok().filter(|&seconds| seconds >= 0)
    }
}

const SCHEMES: &[Scheme] = &[
    // An expiry and a keyed hash under the names that nginx, origins of one's own and many CDNs use.
    Scheme { required: &["expires", "signature"], optional: &[], expiry: Expiry::Decimal("expires") },
    // Tencent VOD key anti-leech: sign = md5(KEY + Dir + t + exper + rlimit + us).
    Scheme { required: &["t", "sign"], optional: &["exper", "rlimit", "us"], expiry: Expiry::Hex("t") },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn inherited(parent: &str, child: &str) -> String {
        inherit(&Url::new(parent), &Url::new(child)).expose().to_owned()
    }

    const TENCENT: &str = "http://h/d/v.m3u8?t=5a71afc0&us=72d4cd1101&exper=300&rlimit=3&sign=eb55&start=9";
    const GENERIC: &str = "https://h/d/v.m3u8?x=1&expires=1700000000&signature=f%2Ff";

    #[test]
    fn a_child_in_the_directory_or_below_inherits_what_is_signed_and_nothing_else() {
        let tencent = "t=5a71afc0&us=72d4cd1101&exper=300&rlimit=3&sign=eb55";
        let generic = "expires=1700000000&signature=f%2Ff";
        for (parent, child, wanted) in [
            (TENCENT, "http://h/d/1.ts", format!("http://h/d/1.ts?{tencent}")),
            (
                TENCENT,
                "http://h/d/e/1.ts?start=0&end=99#f",
                format!("http://h/d/e/1.ts?start=0&end=99&{tencent}#f"),
            ),
            (TENCENT, "HTTP://H:80/d/1.ts", format!("HTTP://H:80/d/1.ts?{tencent}")),
            (GENERIC, "https://h/d/1.ts?", format!("https://h/d/1.ts?{generic}")),
            (GENERIC, "https://h/d/1.ts?t=0", format!("https://h/d/1.ts?t=0&{generic}")),
        ] {
            assert_eq!(inherited(parent, child), wanted);
        }
    }

    #[test]
    fn a_child_elsewhere_or_with_a_signature_of_its_own_inherits_nothing() {
        for (parent, child) in [
            (TENCENT, "http://h/1.ts"),
            (TENCENT, "http://h/dd/1.ts"),
            (TENCENT, "http://h/d/../e/1.ts"),
            (TENCENT, "https://h/d/1.ts"),
            (TENCENT, "http://h:8080/d/1.ts"),
            (TENCENT, "http://evil/d/1.ts"),
            (TENCENT, "http://h@evil/d/1.ts"),
            (TENCENT, "http://h/d/1.ts?t=1&sign=2"),
            (TENCENT, "http://h/d/1.ts?t=1"),
            (TENCENT, "http://h/d/1.ts?expires=1&signature=2"),
            (GENERIC, "https://h/d/1.ts?signature=2"),
            (TENCENT, "data:,x"),
            ("http://h/d/v.m3u8?t=1&x=2", "http://h/d/1.ts"),
            ("http://h?expires=1&signature=2", "http://h/1.ts"),
        ] {
            assert_eq!(inherited(parent, child), child);
        }
    }

    #[test]
    fn inheriting_twice_is_inheriting_once() {
        let once = inherited(TENCENT, "http://h/d/1.ts");
        assert_eq!(inherited(TENCENT, &once), once);
    }

    #[test]
    fn the_expiry_is_read_where_the_scheme_puts_it() {
        for (url, wanted) in [
            (TENCENT, Some(0x5a71_afc0)),
            (GENERIC, Some(1_700_000_000)),
            ("http://h/v?t=5A71AFC0&sign=0", Some(0x5a71_afc0)),
            ("http://h/v?t=ff&sign=0&expires=7&signature=0", Some(7)),
            ("http://h/v?t=5a71afc0", None),
            ("http://h/v?expires=soon&signature=0", None),
            ("http://h/v?expires=-5&signature=0", None),
            ("http://h/v?expires=99999999999999999999&signature=0", None),
            ("http://h/v", None),
            ("data:,t=1&sign=2", None),
        ] {
            assert_eq!(expiry(&Url::new(url)), wanted, "{url}");
        }
    }
}
