//! What holds for every scheme, and what tells one from another.

mod cases;

use std::collections::BTreeSet;

use super::expiry::{civil, decoded, matches, stamp};
use super::*;
use crate::access::{cache_key, format_url_with_token};
use cases::{Case, DUE, JWT, JWT_OTHER, JWT_RENEWED, cases};
use proptest::prelude::*;

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

#[test]
fn the_rows_the_cases_and_the_table_in_the_docs_are_one_list() {
    let docs = include_str!("../../../docs/access.md");
    let table = docs.split("| scheme | parameters |").nth(1).unwrap();
    let rows: Vec<Vec<_>> = (table.lines().skip(2).take_while(|line| line.starts_with('|')))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    let mut cases: Vec<_> = cases().into_iter().map(|c| c.scheme).collect();
    cases.dedup();
    assert_eq!(rows.iter().map(|r| r[0]).collect::<Vec<_>>(), cases);
    assert_eq!(rows.len(), SCHEMES.len());
    for (scheme, row) in SCHEMES.iter().zip(&rows) {
        assert_eq!((scheme.name, row.len()), (row[0], 5));
        let names = scheme.needs.iter().flat_map(|(names, _)| names.split('|')).chain(scheme.may.split('|'));
        let names: BTreeSet<_> = names.filter(|name| !["", "*"].contains(name)).collect();
        let code = row[1].split('`').skip(1).step_by(2);
        let code: BTreeSet<_> =
            code.filter(|text| text.contains(char::is_alphanumeric) && !text.contains('/')).collect();
        assert_eq!(code, names, "{}", scheme.name);
        let covers = match scheme.covers {
            Covers::Path => "one path",
            Covers::Directory => "the directory",
            Covers::Paths(_) | Covers::Resource(_) => "what",
            Covers::Unknown => "as the server has it",
        };
        assert!(row[3].starts_with(covers), "{}: {}", scheme.name, row[3]);
        assert_eq!(row[4], if scheme.propagated { "yes" } else { "no" }, "{}", scheme.name);
    }
}

#[test]
fn each_is_known_by_its_scheme_and_says_when_it_expires() {
    for Case { scheme, url, renewed, bare, issued, expires, .. } in cases() {
        let signed = Signed { scheme, issued, expires };
        assert_eq!(signature_of(&Url::new(&url)), Some(signed), "{url}");
        assert_eq!(expiry(&Url::new(&url)), expires, "{url}");
        assert_eq!(signature_of(&Url::new(&renewed)).unwrap().scheme, scheme, "{renewed}");
        assert_eq!(signature_of(&Url::new(bare)), None, "{bare}");
    }
}

#[test]
fn each_goes_on_where_it_holds_and_nowhere_else() {
    for Case { scheme, url, inside, outside, .. } in cases() {
        for child in inside {
            let made = inherit(&Url::new(&url), &Url::new(*child));
            assert_ne!(made.expose(), *child, "{url}");
            assert_eq!(signature_of(&made).map(|s| s.scheme), Some(scheme), "{url}");
            let parts = SignedUrl::of(made.expose()).unwrap();
            let own: Vec<_> = parts.own_parameters().map(|p| p.text).collect();
            let asked: Vec<_> = Parts::of(child).unwrap().parameters().map(|p| p.text).collect();
            assert_eq!(own, asked, "{child}");
            assert_eq!(parts.bare_directory(), Parts::of(child).unwrap().directory, "{child}");
            assert_eq!(inherit(&Url::new(&url), &made), made, "never twice");
        }
        for child in outside {
            assert_eq!(inherited(&url, child), *child, "{url}");
        }
    }
}

#[test]
fn none_counts_for_what_a_resource_is_called() {
    for Case { url, renewed, bare, scheme, .. } in cases() {
        let [signed, renewed, bare] = [&url, &renewed, bare].map(|url| cache_key(&Url::new(url)));
        assert_eq!(signed, renewed, "{url}");
        assert_eq!(signed == bare, scheme != "JSON Web Token", "{url}");
    }
    for url in ["https://h/k?token={}", "https://h/{}/k"] {
        let [seven, eight] = [JWT_RENEWED, JWT_OTHER].map(|t| cache_key(&Url::new(url.replace("{}", t))));
        assert_ne!(seven, eight, "tokens for different keys");
    }
}

#[test]
fn none_shows() {
    for Case { url, secret, .. } in cases() {
        assert!(url.contains(secret));
        let shown = Url::new(&url).redacted();
        assert!(!shown.contains(secret), "{shown}");
        assert!(shown.starts_with("https://h/") && shown.contains("/d/v.m3u8"), "{shown}");
    }
}

#[test]
fn a_renewed_one_takes_the_place_of_the_old() {
    for Case { url, renewed, bare, inside, outside, .. } in cases() {
        let [former, new] = [&url, &renewed].map(Url::new);
        assert_eq!(resigned(&former, &former, &new), new);
        assert_eq!(resigned(&new, &former, &new), new, "it is there");
        assert_eq!(resigned(&Url::new(bare), &former, &new).expose(), bare, "nothing was signed");
        for child in inside {
            let signed = inherit(&former, &Url::new(*child));
            assert_eq!(resigned(&signed, &former, &new), inherit(&new, &Url::new(*child)));
            let foreign = Url::new(signed.expose().replace("5ec2e7", "f0e16"));
            assert_eq!(resigned(&foreign, &former, &new), foreign, "signed by itself");
        }
        // A URL that has the old signature, but stands where the new one does not hold.
        for child in
            outside.iter().filter(|child| !child.starts_with("https://h/") && !child.starts_with("data"))
        {
            let elsewhere = Url::new(url.replace("https://h/", child.rsplit_once("d/").unwrap().0));
            assert_eq!(resigned(&elsewhere, &former, &new), elsewhere);
        }
        let other = Url::new("https://h/d/v.m3u8?verify=1700000000-9JQB8vP1z0yc5DEB");
        if !url.contains("verify") {
            assert_eq!(resigned(&former, &former, &other), former, "of another scheme");
        }
    }
}

#[test]
fn a_renewal_changes_no_byte_that_is_not_signature() {
    let [former, new] = ["t=6553f100&us=1&sign=5ec2e7", "t=6b49d200&exper=9&sign=2"]
        .map(|signature| Url::new(format!("https://h/d/v.m3u8?{signature}")));
    for (url, wanted) in [
        (
            "https://h/d/1.ts?&start=%30&&t=6553f100&end=5&us=1&sign=5ec2e7&&x#y",
            "https://h/d/1.ts?&start=%30&&t=6b49d200&end=5&sign=2&&x&exper=9#y",
        ),
        ("https://h/d/1.ts?sign=5ec2e7&us=1&t=6553f100", "https://h/d/1.ts?sign=2&t=6b49d200&exper=9"),
        ("https://h/d/1.ts?us=%31&t=6553f100&sign=5ec2e7", "https://h/d/1.ts?t=6b49d200&sign=2&exper=9"),
        ("https://h/e/1.ts?t=6553f100&us=1&sign=5ec2e7", "https://h/e/1.ts?t=6553f100&us=1&sign=5ec2e7"),
        ("https://h/d/1.ts?t=6553f100&us=2&sign=5ec2e7", "https://h/d/1.ts?t=6553f100&us=2&sign=5ec2e7"),
        ("https://h/d/1.ts?t=6553f100&sign=5ec2e7", "https://h/d/1.ts?t=6553f100&sign=5ec2e7"),
    ] {
        assert_eq!(resigned(&Url::new(url), &former, &new).expose(), wanted);
    }
    // Only the server knows how far these reach, and it has put them there itself.
    let [former, new] = ["expires=1&signature=2", "expires=3&signature=4"]
        .map(|signature| Url::new(format!("https://h/d/v.m3u8?{signature}")));
    let key = Url::new("https://h/keys/1?expires=1&signature=2&token=a");
    assert_eq!(resigned(&key, &former, &new).expose(), "https://h/keys/1?expires=3&signature=4&token=a");
}

#[test]
fn a_token_in_the_file_name_does_not_hide_the_path_that_was_signed() {
    let [former, new] = ["Expires=1700000000&Signature=5ec2e7", "Expires=1800000000&Signature=1"]
        .map(|signature| Url::new(format!("https://h/d/v.m3u8?{signature}")));
    let with_token = |url: &Url| format_url_with_token(url, "a.b");
    assert_eq!(resigned(&with_token(&former), &former, &new), with_token(&new));
    let other = Url::new(with_token(&former).expose().replace("v.m3u8", "av.m3u8"));
    assert_eq!(resigned(&other, &former, &new), other);
}

#[test]
fn type_d_is_not_key_anti_leech() {
    for (query, scheme, times) in [
        ("t=6553f100&us=1&sign=5ec2e7", "Tencent VOD key anti-leech", (None, DUE)),
        ("sign=5ec2e7&rlimit=3&t=6553f100", "Tencent VOD key anti-leech", (None, DUE)),
        ("t=6553F100&sign=5ec2e7", "Tencent VOD key anti-leech", (None, DUE)),
        ("t=1700000000&sign=5ec2e7", "CDN type D", (DUE, None)),
        ("sign=5ec2e7&t=1700000000", "CDN type D", (DUE, None)),
        ("sign=5ec2e7&t=6553f100", "CDN type D", (DUE, None)),
    ] {
        let url = format!("https://h/d/v.m3u8?{query}");
        let (issued, expires) = times;
        assert_eq!(signature_of(&Url::new(&url)), Some(Signed { scheme, issued, expires }), "{query}");
        let goes_on = inherited(&url, "https://h/d/1.ts") != "https://h/d/1.ts";
        assert_eq!(goes_on, scheme != "CDN type D", "{query}");
    }
    // Neither: a place to start at.
    assert_eq!(signature_of(&Url::new("https://h/d/v.m3u8?sign=5ec2e7&t=30")), None);
}

#[test]
fn what_only_looks_like_a_signature_is_none() {
    for url in [
        "https://h/d/v.m3u8?e=5&sign=1",
        "https://h/d/v.m3u8?exp=variant-b&token=1",
        "https://h/d/v.m3u8?Policy=a&Key-Pair-Id=b",
        "https://h/d/v.m3u8?verify=1",
        "https://h/d/v.m3u8?verify=12345-9JQB8vP1z0yc5DEB%3D",
        "https://h/d/v.m3u8?id=aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        "https://h/d/v.m3u8?auth_key=1700000000-0-0-5ec2e7",
        "https://h/d/v.m3u8?token=eyJub3QuanNvbg.eyJ.x",
        "https://h/d/v.m3u8?token=a.b.c",
        "https://h/d/v.m3u8?acl=/*~exp=1",
        "https://h/d/v.m3u8?=1",
        "https://h/5ec2e75ec2e75ec2e75ec2e75ec2e75e/20240101/d/v.m3u8",
        "https://h/5ec2e75ec2e75ec2e75ec2e75ec2e75e/6553f100",
        "https://h/d/5ec2e75ec2e75ec2e75ec2e75ec2e75e/6553f100/v.m3u8",
        "https://h/202311150613/d/v.m3u8",
        "data:,expires=1&signature=2",
    ] {
        assert_eq!(signature_of(&Url::new(url)), None, "{url}");
    }
}

#[test]
fn a_token_of_ones_own_leaves_room_for_the_playlists_signature() {
    let key = format!("https://h/d/k?token={JWT}");
    assert_eq!(inherited(GENERIC, &key), format!("{key}&expires=1700000000&signature=f%2Ff"));
    // As a parameter that the parent's signature has, it does not.
    let bunny = "https://h/d/v.m3u8?token=1&expires=1700000000&token_path=/d/";
    assert_eq!(inherited(bunny, &key), key);
    // Nor is a parameter without a name one of a signature.
    let nameless = format!("https://h/d/k?=1&token={JWT}");
    assert_eq!(SignedUrl::of(&nameless).unwrap().own_parameters().count(), 1);
    // Nor is a parameter that the session knows taken for a part of a signature that is complete without it.
    assert_eq!(
        inherited(&format!("{GENERIC}&token=a"), "https://h/d/k"),
        inherited(GENERIC, "https://h/d/k")
    );
}

#[test]
fn a_policy_covers_what_its_resource_matches_with_the_query() {
    // `{ "Id":">","Statement":[{"Resource":"https://h/d/?.ts?start=*"}]}`
    let policy = "eyAiSWQiOiI-IiwiU3RhdGVtZW50IjpbeyJSZXNvdXJjZSI6Imh0dHBzOi8vaC9kLz8udHM~c3RhcnQ9KiJ9XX0_";
    let parent = format!("https://h/d/v.m3u8?Policy={policy}&Signature=5ec2e7&Key-Pair-Id=K");
    for (child, covered) in [
        ("https://h/d/1.ts?start=0", true),
        ("https://h/d/11.ts?start=0", false),
        ("https://h/d/1.ts", false),
        ("https://h/d/1.ts?start=0#f", true),
    ] {
        assert_eq!(inherited(&parent, child) != child, covered, "{child}");
    }
}

#[test]
fn patterns_match_as_wildcards_do() {
    for (pattern, text, wanted) in [
        ("", "", true),
        ("", "a", false),
        ("*", "", true),
        ("*", "a*b", true),
        ("/a/*", "/a/b/c", true),
        ("/a/*", "/a", false),
        ("*b*c", "abbcbc", true),
        ("*b?c", "abbc", true),
        ("*b?c", "abc", false),
        ("a?", "a", false),
        ("é?", "éa", true),
    ] {
        assert_eq!(matches(pattern, text), wanted, "{pattern} {text}");
    }
}

#[test]
fn times_and_escapes_are_read_as_written() {
    assert_eq!(civil("20231114T221320Z", "Z"), DUE);
    assert_eq!(civil("202311150613", "+08"), Some(1_699_999_980));
    assert_eq!(civil("20231315", "Z"), None);
    assert_eq!(civil("202313150613", "Z"), None);
    assert_eq!((stamp("6553f100"), stamp("1700000000"), stamp("20240101")), (DUE, DUE, None));
    assert_eq!(decoded("%2F%2a%7e%zz%4%"), "/*~%zz%4%");
    assert_eq!(decoded("%C3%A9+"), "é+");
}

proptest! {
    /// Whatever a playlist makes of them.
    #[test]
    fn no_url_panics(
        pieces in proptest::collection::vec("[a-z=&~/\\\\.?%é*!;-]{0,4}|eyJ|hmac=|exp=|acl=|6553f100|1700000000", 0..12),
        which in 0..100_usize,
        at in 0..300_usize,
    ) {
        let cases = cases();
        let case = &cases[which % cases.len()];
        let [mut url, renewed] = [case.url.clone(), case.renewed.clone()];
        let at = at.min(url.len());
        if url.is_char_boundary(at) {
            url.insert_str(at, &pieces.concat());
        }
        let [damaged, former, renewed] = [url, case.url.clone(), renewed].map(Url::new);
        for (a, b) in [(&damaged, &former), (&former, &damaged), (&damaged, &renewed)] {
            inherit(a, b);
            resigned(a, b, &renewed);
            resigned(&former, a, b);
        }
        cache_key(&damaged);
        expiry(&damaged);
        damaged.redacted();
    }

    /// Bytes and places of a segment are its identity, whatever the signature.
    #[test]
    fn what_is_not_signature_is_never_touched(
        own in proptest::collection::vec("(start|end|range|id)=[0-9a-z%-]{0,9}|&?", 0..5),
        which in 0..100_usize,
    ) {
        let cases = cases();
        let case = &cases[which % cases.len()];
        let [former, renewed] = [&case.url, &case.renewed].map(Url::new);
        let query = own.join("&");
        let child = format!("https://h/d/1.ts?{query}");
        let made = inherit(&former, &Url::new(&child));
        let kept = |url: &Url| {
            let url = SignedUrl::of(url.expose()).unwrap();
            url.own_parameters().map(|p| p.text.to_owned()).collect::<Vec<_>>()
        };
        let asked: Vec<_> = query.split('&').filter(|p| !p.is_empty()).map(str::to_owned).collect();
        prop_assert_eq!(kept(&made), asked.clone());
        let child_in_place = format!("/d/1.ts?{query}");
        prop_assert!(made.expose().contains(&child_in_place));
        let again = resigned(&made, &former, &renewed);
        prop_assert_eq!(kept(&again), asked);
        prop_assert_eq!(again, inherit(&renewed, &Url::new(&child)));
        let plain = cache_key(&Url::new(&child));
        prop_assert_eq!(cache_key(&made), plain);
    }
}
