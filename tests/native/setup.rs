//! Sessions over the sample ladder, ready to play, with whatever is to go wrong.

use std::time::Duration;

use cloud_player::engine::{Config, Request, Source, TokenPlacement};
use cloud_player::secret::{Secret, Url};

use crate::sample::{self, MASTER, TOKEN};
use crate::world::{Network, Origin, Response, World};

pub(crate) type Fault = fn(u32, Response) -> Response;

pub(crate) const RTT: Duration = Duration::from_millis(50);

pub(crate) fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(crate) fn config() -> Config {
    Config {
        session_id: "a-session".into(),
        seed: 7,
        report_url: Some(Url::new("http://origin.test/telemetry")),
        ..Config::default()
    }
}

pub(crate) fn source() -> Source {
    Source::Hls {
        url: Url::new(MASTER),
        token: Some((Secret::new(TOKEN.to_owned()), TokenPlacement::FileNamePrefix)),
    }
}

pub(crate) fn world(config: Config, bits_per_second: u64, origin: Origin) -> World {
    let mut world = World::new(config, Network::new(bits_per_second, RTT), origin);
    world.play(source());
    world
}

pub(crate) fn sample(bits_per_second: u64) -> World {
    world(config(), bits_per_second, Box::new(sample::serve))
}

/// The sample, but for requests to `part`, which `fault` answers: it gets the count of such requests before.
pub(crate) fn faulty(
    part: &'static str,
    mut fault: impl FnMut(u32, Response) -> Response + 'static,
) -> Origin {
    let mut count = 0;
    Box::new(move |request: &Request| {
        let response = sample::serve(request);
        if !request.url.expose().contains(part) {
            return response;
        }
        count += 1;
        fault(count - 1, response)
    })
}

/// The sample with its media playlists changed, and `/else` refused.
pub(crate) fn edited(edit: impl Fn(String) -> String + 'static) -> Origin {
    Box::new(move |request: &Request| {
        if request.url.expose().contains("/else") {
            return Response::status(403);
        }
        let response = sample::serve(request);
        if request.url.expose().contains("index.m3u8") {
            return Response::ok(edit(String::from_utf8(response.body).unwrap()));
        }
        response
    })
}

/// When each segment was asked for, and which.
pub(crate) fn segment_requests(world: &World) -> Vec<(f64, String)> {
    let of =
        |r: &Request| r.url.expose().split(['/', '?']).rev().find(|s| s.ends_with(".ts")).map(str::to_owned);
    world.requests.iter().filter_map(|(t, r)| Some((t.as_micros() as f64 / 1e6, of(r)?))).collect()
}
