//! Everything that a session shows, searched for the secrets that went in.
//!
//! What is searched: every input, output and event as `Debug` has it, the whole session as `Debug` has it, again and again,
//! events as pages get them (addresses and tokens that are for the page itself left out), errors as `Display` has them, and
//! the bodies of reports, which the trace is part of. What is searched for: player signatures, tokens, contexts, signatures on addresses,
//! overlay key, overlay IV and the seed of both, content keys as they came and unwrapped; each as it is, in
//! hexadecimal digits, in Base64, percent-encoded, as JSON and as a list of bytes.
//!
//! Recordings are not searched: by what `recording` says they hold everything that the session had.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::rc::Rc;
use std::time::Duration;

use cloud_player::engine::{Config, Grant, Kinds, Request, Source, TokenPlacement};
use cloud_player::secret::{Secret, Url};
use cloud_player::time::{MediaTime, Timestamp};

use crate::access::Door;
use crate::sample;
use crate::service::{PrivateKey, SEED, answer, bytes, file, refusal, wrapped};
use crate::setup::{RTT, config, secs};
use crate::world::{Network, Response, World};

const OLD_PSIGN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJmaWxlSWQiOiIzODc3In0.0ld-p5ign_5ecret";
const NEW_PSIGN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJmaWxlSWQiOiIzODc3In0.n3w-p5ign_5ecret";
const CONTEXT: &str = "c0ntext/of-this-answer==";
const POSTER: &str = "p05ter";

/// Secrets by name.
type Secrets = BTreeMap<String, Vec<u8>>;

fn add(secrets: &Rc<RefCell<Secrets>>, name: impl Into<String>, secret: impl AsRef<[u8]>) {
    secrets.borrow_mut().insert(name.into(), secret.as_ref().to_vec());
}

/// A secret in every dress.
fn dresses(secret: &[u8]) -> Vec<String> {
    let hex = |format: fn(&mut String, u8)| {
        secret.iter().fold(String::new(), |mut text, byte| {
            format(&mut text, *byte);
            text
        })
    };
    let mut all = vec![
        hex(|text, byte| write!(text, "{byte:02x}").unwrap()),
        hex(|text, byte| write!(text, "{byte:02X}").unwrap()),
        hex(|text, byte| write!(text, "%{byte:02x}").unwrap()),
        hex(|text, byte| write!(text, "%{byte:02X}").unwrap()),
        format!("{secret:?}").trim_matches(['[', ']']).to_owned(),
    ];
    if let Ok(text) = std::str::from_utf8(secret) {
        all.push(text.to_owned());
        all.push(format!("{text:?}").trim_matches('"').to_owned());
        // In a query, and in a path.
        for stays in ["-._~", "-._~!$&'()*+,;=:@"] {
            let encode = |c: char| match c.is_ascii_alphanumeric() || stays.contains(c) {
                true => c.to_string(),
                false => c.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect(),
            };
            all.push(text.chars().map(encode).collect());
        }
    }
    // Where it does not begin at a border of three bytes the first and the last digit are shared with what stands around it.
    for alphabet in ["+/", "-_"] {
        for shift in 0..3 {
            let padded = [&vec![0; shift], secret].concat();
            let digits = base64(&padded, alphabet);
            let whole = (padded.len() / 3) * 4;
            all.push(digits[(shift * 8).div_ceil(6)..whole].to_owned());
        }
    }
    // Of what is short there is too little left to tell it from anything else.
    all.retain(|dress| dress.len() >= 6);
    all.sort();
    all.dedup();
    all
}

fn base64(bytes: &[u8], last: &str) -> String {
    let digits: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(last.chars()).collect();
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number = (0..3).fold(0, |n, at| n << 8 | usize::from(*three.get(at).unwrap_or(&0)));
        text.extend((0..4).map(|at| digits[number >> (18 - 6 * at) & 63]));
    }
    text
}

/// The names of the secrets that stand in a text, each with the place.
fn found(text: &str, secrets: &Secrets) -> Vec<String> {
    let mut all = Vec::new();
    for (name, secret) in secrets {
        for dress in dresses(secret) {
            if let Some(at) = text.find(&dress) {
                let from = text[..at].char_indices().rev().nth(120).map_or(0, |(at, _)| at);
                all.push(format!("{name} as {dress}: …{}", &text[from..at]));
            }
        }
    }
    all
}

/// Nothing of what a session showed is secret; and all that is was there.
fn nothing_shown(world: &World, secrets: &Secrets) {
    let mut shown = world.log.clone().unwrap();
    assert!(shown.iter().any(|text| text.starts_with("Session {")), "the session itself");
    shown.extend(world.errors().map(|error| format!("{error} {error:?}")));
    let reports = world.reports();
    assert!(reports.iter().any(|body| body.contains("\"trace\"")), "{reports:?}");
    shown.extend(reports.iter().map(|body| (*body).to_owned()));
    let leaks: Vec<_> = shown.iter().flat_map(|text| found(text, secrets)).collect();
    assert!(leaks.is_empty(), "{} leaks: {:#?}", leaks.len(), &leaks[..leaks.len().min(12)]);
}

/// Those of the secrets that go out are found where they are meant to be: the search can find something.
fn sent(world: &World, secrets: &Secrets, which: impl Fn(&str) -> bool) {
    let wire: String = world
        .requests
        .iter()
        .flat_map(|(_, request)| {
            let header = request.header.as_ref().map(|(_, value)| value.expose().clone());
            [Some(request.url.expose().to_owned()), header]
        })
        .flatten()
        .collect::<Vec<_>>()
        .join("\n");
    for name in secrets.keys().filter(|name| which(name)) {
        let one = BTreeMap::from([(name.clone(), secrets[name].clone())]);
        assert!(!found(&wire, &one).is_empty(), "{name} was never sent");
    }
}

fn grant(secrets: &Rc<RefCell<Secrets>>, now: Timestamp, life: u64) -> Grant {
    let grant = Door::grant(now, life);
    let made = now.as_micros();
    let url = grant.url.as_ref().unwrap().expose();
    add(secrets, format!("signature {made}"), url.split("signature=").nth(1).unwrap());
    add(secrets, format!("token {made}"), grant.token.as_ref().unwrap().expose());
    grant
}

/// Play info by a signature that is refused first, at a service that fails first; keys under an overlay; grants of 4 s; then a
/// server that refuses, one that fails, a segment that is damaged, a key of the wrong length and the end of the right to watch.
#[test]
fn a_session_with_all_there_is_shows_no_secret() {
    let secrets: Rc<RefCell<Secrets>> = Rc::default();
    for (name, secret) in
        [("old psign", OLD_PSIGN), ("new psign", NEW_PSIGN), ("context", CONTEXT), ("poster", POSTER)]
    {
        add(&secrets, name, secret);
    }
    add(&secrets, "content key", sample::KEY);
    add(&secrets, "seed", SEED);
    let key = PrivateKey::new();
    let life = 4;
    let (door_world, door) = crate::access::world(config(), life);
    drop(door_world);
    let (clock, mut inside) = (door.clock.clone(), door.origin());
    let (all, service) = (secrets.clone(), key.clone());
    let mut overlay = (String::new(), String::new());
    let (mut infos, mut keys, mut segments) = (0, 0, 0);
    let origin = move |request: &Request| {
        let url = request.url.expose();
        if url.starts_with("http://info") {
            infos += 1;
            overlay = service.overlay(url).unwrap();
            add(&all, "overlay key", bytes(&overlay.0));
            add(&all, "overlay IV", bytes(&overlay.1));
            return match infos {
                1 => Response::status(503),
                2 => refusal(1004),
                _ => {
                    assert!(url.contains("n3w-p5ign"), "{url}");
                    let Grant { url, token, .. } = grant(&all, *clock.borrow(), life);
                    Response::ok(answer(url.unwrap().expose(), token.unwrap().expose()))
                }
            };
        }
        let mut response = inside(request);
        if url.contains("/key") && !response.body.is_empty() {
            keys += 1;
            response.body = wrapped(&response.body, &overlay.0, &overlay.1);
            add(&all, "wrapped key", &response.body);
            if keys == 1 {
                response.body.push(7);
            }
        }
        if url.contains(".ts") {
            segments += 1;
            match segments {
                2 => return Response::status(403),
                3 => response.body.reverse(),
                4 => response = Response::status(500),
                5 => response.cut_after = Some(5000),
                _ => {}
            }
        }
        response
    };
    let config = Config { renews: true, buffer_goal: MediaTime::from_millis(6000), ..config() };
    let mut world = World::new(config, Network::new(5_000_000, RTT), Box::new(origin));
    world.log = Some(Vec::new());
    world.clock = Some(door.clock.clone());
    let (all, mut renewals) = (secrets.clone(), 0);
    world.renewer = Some(Box::new(move |now: Timestamp| {
        renewals += 1;
        let psign = Some(Secret::new(NEW_PSIGN.to_owned()));
        let answer = match renewals {
            1 => Ok(Grant { token: psign, ..Grant::default() }),
            6.. => Err(cloud_player::engine::RenewFailure::Revoked),
            _ => Ok(grant(&all, now, life)),
        };
        (Duration::from_millis(150), answer)
    }));
    world.play(file(&["info-a", "info-b"], Some(OLD_PSIGN), Some(key.seed())));
    world.run_until(secs(60), "the end", |w| w.fatal().is_some());
    world.run_for(secs(5));
    assert_eq!(world.fatal().map(|e| e.code), Some("access_revoked"));
    let told: Vec<_> = world.errors().map(|e| e.code).collect();
    for code in ["server_error", "wrapped_key_length", "segment_corrupt", "short_body"] {
        assert!(told.contains(&code), "{code} in {told:?}");
    }
    let secrets = secrets.borrow();
    assert!(secrets.keys().filter(|name| name.starts_with("token")).count() >= 4, "{:?}", secrets.keys());
    nothing_shown(&world, &secrets);
    // What only comes in, or stays inside, is not sent.
    sent(&world, &secrets, |name| name.contains("psign") || name == "signature 0" || name == "token 0");
}

/// The token in each of the places where it may stand.
#[test]
fn wherever_the_token_stands_it_does_not_show() {
    for placement in [
        TokenPlacement::FileNamePrefix,
        TokenPlacement::KeyQuery("token".into()),
        TokenPlacement::Query("t0ken".into(), Kinds::ALL),
        TokenPlacement::PathPrefix("t0ken".into(), Kinds::ALL),
        TokenPlacement::Header("x-token".into(), Kinds::ALL),
    ] {
        let name = format!("{placement:?}");
        let token = "op4que/token+of=the.page";
        let secrets: Rc<RefCell<Secrets>> = Rc::default();
        add(&secrets, "token", token);
        add(&secrets, "signature", "5ec2e7");
        add(&secrets, "user part", "us3r:pa55");
        let origin = move |request: &Request| {
            let url = request.url.expose();
            // Not the token of the sample: what is asked of it has none, but for keys.
            let encoded = "op4que%2Ftoken+of=the.page";
            let mut plain = url.replace(&format!("/t0ken={}", encoded.replace("the.page", "the.page/")), "/");
            plain = plain.replace(&format!("voddrm.token.{encoded}."), "").replace("us3r:pa55@", "");
            for encoded in ["token=op4que%2Ftoken%2Bof%3Dthe.page", "t0ken=op4que%2Ftoken%2Bof%3Dthe.page"] {
                plain = plain.replace(encoded, "");
            }
            if plain.contains("/key") {
                plain = format!("http://origin.test/key?token={}", sample::TOKEN);
            }
            if plain.contains("/003.ts") {
                return Response::status(403);
            }
            sample::serve(&Request { url: Url::new(plain), ..request.clone() })
        };
        let mut world = World::new(config(), Network::new(5_000_000, RTT), Box::new(origin));
        world.log = Some(Vec::new());
        world.play(Source::Hls {
            url: Url::new("http://us3r:pa55@origin.test/sample/master.m3u8?expires=99&signature=5ec2e7"),
            token: Some((Secret::new(token.to_owned()), placement)),
        });
        world.run_until(secs(60), "the error", |w| w.fatal().is_some());
        world.run_for(secs(5));
        assert_eq!(world.fatal().map(|e| e.code), Some("access_refused"), "{name}");
        nothing_shown(&world, &secrets.borrow());
        sent(&world, &secrets.borrow(), |_| true);
    }
}

#[test]
fn the_search_finds_a_secret_in_every_dress() {
    let secrets = Secrets::from([("key".to_owned(), sample::KEY.to_vec())]);
    for text in [
        "Key([115, 105, 120, 116, 101, 101, 110, 32, 98, 121, 116, 101, 32, 107, 101, 121])",
        "key=7369787465656E2062797465206B6579",
        "c2l4dGVlbiBieXRlIGtleQ==",
        "data:a,AHNpeHRlZW4gYnl0ZSBrZXkA",
        "sixteen%20byte%20key",
        "a sixteen byte key",
    ] {
        assert!(!found(text, &secrets).is_empty(), "{text}");
    }
    assert_eq!(found("another text altogether, of sixteen words or a byte less", &secrets), [""; 0]);
}
