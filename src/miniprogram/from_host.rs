//! What the component says.

use core::time::Duration;

use serde_json::Value;

use crate::access::play_info::Query;
use crate::access::{Kinds, TokenPlacement, TokenUse};
use crate::engine::{Grant, RenewFailure, RequestId};
use crate::handoff::{
    Command, Config, Input, NativeEvent, NativeFailure, NetFailure, NetworkType, Renewed, Response, Source,
};
use crate::secret::Secret;
use crate::time::MediaTime;

use super::fields::{Fields, flag, index, integer, list, name, number, owned, text, time, url, whole};
use super::headers::{header, http_date, retry_after};

/// Reads a config. `None`: it is none.
pub(super) fn config(value: &Value) -> Option<Config> {
    let config = Fields(value);
    let usual = Config::default();
    let random = config.any("random", list(number)).unwrap_or_default();
    let unsent = match value.get("unsent") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(_)) => config.need("unsent", list(owned))?,
        _ => Vec::new(),
    };
    let interval = config.may("reportInterval", time)?.map(MediaTime::to_duration);
    Some(Config {
        session_id: config.need("sessionId", owned)?,
        seed: random.iter().fold(0, |seed, number| seed.rotate_left(17) ^ number.to_bits()),
        wall_clock: config.any("wallClock", integer),
        server_now: config.any("serverNow", integer),
        report_url: config.may("reportUrl", url)?.filter(|url| !url.expose().is_empty()),
        report_interval: interval.map_or(usual.report_interval, |interval| interval.max(MIN_INTERVAL)),
        memory: config.any("memory", owned),
        unsent,
        network: config.any("networkType", text).map(NetworkType::of_name).unwrap_or_default(),
        play_info_hosts: config.may("playInfoHosts", list(url))?.unwrap_or_default(),
        token_hosts: config.may("tokenHosts", list(owned))?.unwrap_or_default(),
        unsupported_codecs: config.may("unsupportedCodecs", list(owned))?.unwrap_or_default(),
        autoplay: config.may("autoplay", flag)?.unwrap_or(false),
        start: config.may("startTime", time)?.unwrap_or(MediaTime::ZERO).max(MediaTime::ZERO),
        renews: config.may("renews", flag)?.unwrap_or(false),
        rung: config.may("quality", quality)?.flatten(),
    })
}

/// Reads an input. `None`: it is none.
pub(super) fn input(value: &Value) -> Option<Input> {
    let message = Fields(value);
    Some(match message.need("type", text)? {
        "load" => Input::Command(Command::Load {
            sources: message.need("sources", list(source))?,
            start: message.may("startTime", time)?,
            autoplay: message.may("autoplay", flag)?,
        }),
        "sources" => Input::Command(Command::Refresh(message.need("sources", list(source))?)),
        "play" => Input::Command(Command::Play),
        "pause" => Input::Command(Command::Pause),
        "seek" => Input::Command(Command::Seek(message.need("to", time)?)),
        "setRate" => Input::Command(Command::SetRate(message.need("rate", number)?)),
        "setQuality" => Input::Command(Command::SelectRung(message.need("quality", quality)?)),
        "destroy" => Input::Command(Command::Stop),
        "response" => {
            Input::Net { id: RequestId(message.need("id", whole)?), answer: Ok(response(&message)?) }
        }
        "requestFailed" => {
            let reason = message.need("reason", text)?;
            let failure = if reason == "timeout" { NetFailure::Timeout } else { NetFailure::Network };
            Input::Net { id: RequestId(message.need("id", whole)?), answer: Err(failure) }
        }
        "native" => Input::Native(native(message.need("event", text)?, message.inner("detail"))?),
        "network" => Input::Network(NetworkType::of_name(message.need("networkType", text)?)),
        "visibility" => Input::Visible(!message.need("hidden", flag)?),
        "renewed" => {
            let grant = Grant {
                url: message.may("url", url)?,
                token: message.may("token", owned)?.map(Secret::new),
                expires: message.may("expires", integer)?,
                server_time: message.may("serverTime", integer)?,
            };
            let psign = message.may("psign", owned)?.map(Secret::new);
            let of_psign = |psign| Query::V4 { psign: Some(psign), context: None, overlay: None };
            let query = message.any("tokenObj", |token| Some(query(&Fields(token))));
            let answer = Ok(Renewed { grant, query: query.or(psign.map(of_psign)) });
            Input::Command(Command::Renewed { id: message.may("id", whole)?, answer })
        }
        "renewFailed" => {
            let revoked = message.may("revoked", flag)?.unwrap_or(false);
            let failure = if revoked { RenewFailure::Revoked } else { RenewFailure::Unavailable };
            Input::Command(Command::Renewed { id: message.may("id", whole)?, answer: Err(failure) })
        }
        "wake" => Input::Wake,
        _ => return None,
    })
}

fn response(message: &Fields<'_>) -> Option<Response> {
    let status = u16::try_from(message.need("status", whole)?).ok()?;
    let headers = message.inner("headers").0;
    let date = header(headers, "date").and_then(http_date);
    Some(Response {
        status,
        date,
        retry_after: header(headers, "retry-after").and_then(|text| retry_after(text, date)),
        body: Secret::new(message.need("body", text)?.as_bytes().to_vec()),
        throughput: throughput(message.inner("profile")),
    })
}

/// What a profile of `wx.request` takes the throughput to be: the stack's own estimate, else what a body of some size did.
fn throughput(profile: Fields<'_>) -> Option<u64> {
    let kbps = |name| profile.any(name, whole).filter(|&kbps| kbps > 0);
    // The name is misspelt in the platform.
    let received = profile.any("receivedBytedCount", whole).unwrap_or(0);
    let measured = kbps("throughputKbps").filter(|_| received >= MIN_BODY);
    kbps("downstreamThroughputKbpsEstimate").or(measured).map(|kbps| kbps.saturating_mul(1000))
}

fn source(value: &Value) -> Option<Source> {
    let source = Fields(value);
    match source.need("kind", text)? {
        "playInfo" => Some(Source::PlayInfo {
            hosts: source.may("hosts", list(url))?.unwrap_or_default(),
            app_id: source.need("appId", name)?,
            file_id: source.need("fileId", name)?,
            query: query(&source.inner("token")),
        }),
        "hls" => {
            let placement =
                source.may("tokenPlacement", placement)?.unwrap_or(TokenPlacement::FileNamePrefix);
            let token = source.may("drmToken", owned)?.filter(|token| !token.is_empty());
            let token = token.map(|token| TokenUse { token: Secret::new(token), placement });
            Some(Source::Hls { url: source.need("url", url)?, token })
        }
        "file" => Some(Source::File { url: source.need("url", url)? }),
        _ => None,
    }
}

/// By what right play info is asked for.
fn query(token: &Fields<'_>) -> Query {
    let secret = |name| token.any(name, owned).map(Secret::new);
    if token.0.get("sign").is_some_and(|sign| !sign.is_null()) {
        let [t, us, exper] = ["t", "us", "exper"].map(|part| token.any(part, name));
        Query::V2 { t, us, exper, sign: secret("sign") }
    } else {
        Query::V4 { psign: secret("psign"), context: None, overlay: None }
    }
}

fn placement(value: &Value) -> Option<TokenPlacement> {
    let placement = Fields(value);
    match placement.need("kind", text)? {
        "fileNamePrefix" => Some(TokenPlacement::FileNamePrefix),
        "query" => Some(TokenPlacement::Query(placement.need("name", owned)?, Kinds::ALL)),
        "pathPrefix" => Some(TokenPlacement::PathPrefix(placement.need("name", owned)?, Kinds::ALL)),
        _ => None,
    }
}

/// `"auto"`, or an index.
fn quality(value: &Value) -> Option<Option<usize>> {
    match value.as_str() {
        Some(name) => (name == "auto").then_some(None),
        None => index(value).map(Some),
    }
}

fn native(event: &str, detail: Fields<'_>) -> Option<NativeEvent> {
    // Not known and without end are both said as zero by one platform or another.
    let duration = detail.any("duration", time).filter(|d| *d > MediaTime::ZERO && *d < NO_END);
    Some(match event {
        "loadedmetadata" => NativeEvent::LoadedMetadata { duration },
        "timeupdate" => NativeEvent::TimeUpdate { position: detail.need("currentTime", time)?, duration },
        "progress" => NativeEvent::Progress,
        "play" => NativeEvent::Play,
        "pause" => NativeEvent::Pause,
        "waiting" => NativeEvent::Waiting,
        "ended" => NativeEvent::Ended,
        "seekcomplete" => NativeEvent::SeekComplete,
        "ratechange" => NativeEvent::RateChange(detail.any("rate", number)),
        "error" => NativeEvent::Error(failure(detail.any("message", text).unwrap_or_default())),
        _ => return None,
    })
}

/// Components speak of their errors in the words of `MediaError`, more or less.
fn failure(message: &str) -> NativeFailure {
    let message = message.to_ascii_uppercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["NOT_SUPPORTED", "UNSUPPORTED"]) {
        NativeFailure::Unsupported
    } else if says(&["DECODE"]) {
        NativeFailure::Decode
    } else if says(&["NETWORK", "ERR_CONNECTION", "TIMED_OUT", "HTTP"]) {
        NativeFailure::Network
    } else {
        NativeFailure::Unknown
    }
}

const MIN_INTERVAL: Duration = Duration::from_secs(1);
/// A body that says something of the throughput.
const MIN_BODY: u64 = 32 * 1024;
/// What is said to be longer has no end.
const NO_END: MediaTime = MediaTime::from_millis(1_000_000_000);
