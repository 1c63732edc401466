//! The request for play info: whose, of which file, and by what right.

use zeroize::Zeroizing;

use crate::access::overlay::WrappedOverlay;
use crate::access::url_parts::{Parts, encode_query_value};
use crate::secret::{Secret, Url};

/// What a request says beside the file. Parameters that are not set are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// As Tencent VOD's `getplayinfo/v4` is asked.
    V4 {
        /// The player signature: a JSON Web Token.
        psign: Option<Secret<String>>,
        /// What the last answer wanted to see again (`PlayInfo::context`).
        context: Option<Secret<String>>,
        /// What keys are to be wrapped with.
        overlay: Option<WrappedOverlay>,
    },
    /// As `getplayinfo/v2` is asked: key anti-leech parameters, as the page's server made them.
    V2 {
        /// When the signature expires: Unix seconds in hexadecimal digits.
        t: Option<String>,
        /// Names the request, or the viewer.
        us: Option<String>,
        /// How many seconds may be watched.
        exper: Option<String>,
        /// The signature over all of these.
        sign: Option<Secret<String>>,
    },
}

impl Query {
    /// Where the service lives on a host that is given alone.
    fn path(&self) -> &'static str {
        match self {
            Self::V4 { .. } => "/getplayinfo/v4",
            Self::V2 { .. } => "/getplayinfo/v2",
        }
    }

    fn parameters(&self) -> [(&'static str, Option<&str>); 5] {
        match self {
            Self::V4 { psign, context, overlay } => [
                ("psign", exposed(psign)),
                ("context", exposed(context)),
                ("cipheredOverlayKey", overlay.as_ref().map(|o| o.key.as_str())),
                ("cipheredOverlayIv", overlay.as_ref().map(|o| o.iv.as_str())),
                ("keyId", overlay.as_ref().map(|o| o.key_id.as_str())),
            ],
            Self::V2 { t, us, exper, sign } => [
                ("t", t.as_deref()),
                ("us", us.as_deref()),
                ("exper", exper.as_deref()),
                ("sign", exposed(sign)),
                ("", None),
            ],
        }
    }
}

/// The address that answers with the play info of a file: the endpoint with `/{app_id}/{file_id}` and the query's
/// parameters added to it.
///
/// The endpoint may have a path and a query of its own; both stay, and a parameter that it has is not added. One
/// that is a host alone (`https://play.example`, with or without a slash) gets the path of the service's version.
pub fn request(endpoint: &Url, app_id: &str, file_id: &str, query: &Query) -> Url {
    let Some(parts) = Parts::of(endpoint.expose()) else { return endpoint.clone() };
    let path = [parts.directory, parts.file_name].concat();
    let is_bare = !parts.origin.is_empty() && matches!(path.as_str(), "" | "/");
    let path = if is_bare { query.path() } else { path.trim_end_matches('/') };
    let mut path = path.to_owned();
    for part in [app_id, file_id] {
        path.push('/');
        path.push_str(&encode_query_value(part));
    }
    let mut whole = Zeroizing::new(parts.query.unwrap_or_default().to_owned());
    for (name, value) in query.parameters() {
        let Some(value) = value.filter(|_| parts.parameter(name).is_none()) else { continue };
        if !whole.is_empty() && !whole.ends_with('&') {
            whole.push('&');
        }
        whole.push_str(name);
        whole.push('=');
        whole.push_str(&Zeroizing::new(encode_query_value(value)));
    }
    let query = if whole.is_empty() { parts.query } else { Some(whole.as_str()) };
    let url = Zeroizing::new(Parts { directory: &path, file_name: "", query, ..parts }.join());
    Url::new(url.as_str())
}

/// [`request`] of version 4 with no more than a player signature.
pub fn request_url(endpoint: &Url, app_id: &str, file_id: &str, psign: Option<&str>) -> Url {
    let psign = psign.map(|psign| Secret::new(psign.to_owned()));
    request(endpoint, app_id, file_id, &Query::V4 { psign, context: None, overlay: None })
}

fn exposed(secret: &Option<Secret<String>>) -> Option<&str> {
    secret.as_ref().map(|secret| secret.expose().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(endpoint: &str, query: &Query) -> String {
        request(&Url::new(endpoint), "1500", "387702299667618135", query).expose().to_owned()
    }

    #[test]
    fn the_request_names_the_file_and_keeps_the_endpoint() {
        for (endpoint, psign, wanted) in [
            ("https://h/getplayinfo/v4", None, "https://h/getplayinfo/v4/1500/f%2F1"),
            (
                "https://h/getplayinfo/v4/",
                Some("a.b-_+/="),
                "https://h/getplayinfo/v4/1500/f%2F1?psign=a.b-_%2B%2F%3D",
            ),
            ("https://h/api?region=eu&x=%20", Some("s"), "https://h/api/1500/f%2F1?region=eu&x=%20&psign=s"),
            ("https://h/api?psign=own&", Some("s"), "https://h/api/1500/f%2F1?psign=own&"),
            ("https://h", Some("s"), "https://h/getplayinfo/v4/1500/f%2F1?psign=s"),
            ("https://h/", None, "https://h/getplayinfo/v4/1500/f%2F1"),
            ("https://h?a=1", Some("s"), "https://h/getplayinfo/v4/1500/f%2F1?a=1&psign=s"),
            ("/s/1/getplayinfo/v4", None, "/s/1/getplayinfo/v4/1500/f%2F1"),
            ("data:,x", Some("s"), "data:,x"),
        ] {
            assert_eq!(request_url(&Url::new(endpoint), "1500", "f/1", psign).expose(), wanted);
        }
    }

    /// Both numbers are larger than a double holds exactly.
    #[test]
    fn an_id_of_nineteen_digits_stays_as_it_is() {
        for id in ["3877022996676181357", "9007199254740993123"] {
            let url = request_url(&Url::new("https://h"), id, id, None);
            assert_eq!(url.expose(), format!("https://h/getplayinfo/v4/{id}/{id}"));
        }
    }

    #[test]
    fn version_4_sends_context_and_overlay_along() {
        let overlay = WrappedOverlay { key: "0a0b".into(), iv: "0c0d".into(), key_id: "1".into() };
        let secret = |text: &str| Some(Secret::new(text.to_owned()));
        let query = Query::V4 { psign: secret("p.s"), context: secret("c/x"), overlay: Some(overlay) };
        assert_eq!(
            asked("https://h/getplayinfo/v4", &query),
            "https://h/getplayinfo/v4/1500/387702299667618135?psign=p.s&context=c%2Fx\
             &cipheredOverlayKey=0a0b&cipheredOverlayIv=0c0d&keyId=1"
        );
        assert!(!format!("{query:?}").contains("p.s") && !format!("{query:?}").contains("c/x"));
    }

    #[test]
    fn version_2_sends_what_the_anti_leech_key_signed() {
        let query = Query::V2 {
            t: Some("5a71afc0".into()),
            us: Some("72d4cd1101".into()),
            exper: Some("300".into()),
            sign: Some(Secret::new("547d98c4b91e81b5ea55c95cef63223f".to_owned())),
        };
        for (endpoint, start) in [
            ("https://h", "https://h/getplayinfo/v2/1500/387702299667618135?"),
            ("https://h/x/v2", "https://h/x/v2/1500/387702299667618135?"),
        ] {
            let signed = "t=5a71afc0&us=72d4cd1101&exper=300&sign=547d98c4b91e81b5ea55c95cef63223f";
            assert_eq!(asked(endpoint, &query), [start, signed].concat());
        }
        let none = Query::V2 { t: None, us: None, exper: None, sign: None };
        assert_eq!(asked("https://h", &none), "https://h/getplayinfo/v2/1500/387702299667618135");
        assert!(!format!("{query:?}").contains("547d"));
    }
}
