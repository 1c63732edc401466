//! Origins made of a closure that says what their playlists are, and media to go with them.

use std::cell::RefCell;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::sync::OnceLock;
use std::time::Duration;

use cloud_player::engine::{Config, Request, Source};
use cloud_player::secret::Url;
use cloud_player::time::Timestamp;

use crate::live;
use crate::world::{Network, Origin, Response, World, shared};

/// A live origin: `answer` gets the path, the query and the seconds that have passed.
pub(crate) fn live_world(
    name: &str,
    config: Config,
    round_trip: Duration,
    mut answer: impl FnMut(&str, &str, u64) -> Option<String> + 'static,
) -> World {
    live_world_of(name, config, round_trip, move |path, query, now| {
        answer(path, query, now).map(Response::ok)
    })
}

/// The same, for answers that are no playlists.
pub(crate) fn live_world_of(
    name: &str,
    config: Config,
    round_trip: Duration,
    mut answer: impl FnMut(&str, &str, u64) -> Option<Response> + 'static,
) -> World {
    let clock: Rc<RefCell<Timestamp>> = shared(Timestamp::ZERO);
    let time = clock.clone();
    let origin: Origin = Box::new(move |request: &Request| {
        let path = request.url.expose().strip_prefix("http://origin.test/").expect("the origin");
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let now = time.borrow().as_micros() / 1_000_000;
        if path == "telemetry" {
            return Response::status(204);
        }
        if let Some(response) = answer(path, query, now) {
            return response;
        }
        let stem = path.trim_end_matches(".ts");
        let (list, number) = match stem.split_at(1) {
            ("v", n) => (&tracks().0, n),
            ("a", n) => (&tracks().1, n),
            _ => return Response::ok(live::segments()[stem.parse::<usize>().expect("a segment")].clone()),
        };
        Response::ok(list[number.parse::<usize>().expect("a segment")].clone())
    });
    let mut world = World::new(config, Network::new(3_000_000, round_trip), origin);
    world.clock = Some(clock);
    world.play(Source::Hls { url: Url::new(format!("http://origin.test/{name}.m3u8")), token: None });
    world
}

/// Pictures and sound of three minutes, in segments of two seconds.
pub(crate) type Tracks = (Vec<Vec<u8>>, Vec<Vec<u8>>);

pub(crate) fn tracks() -> &'static Tracks {
    static FILES: OnceLock<Tracks> = OnceLock::new();
    FILES.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("adverse");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        for (kind, source, codec) in [
            ("v", "testsrc2=s=64x36:r=25", "-c:v libx264 -preset ultrafast -g 50 -sc_threshold 0"),
            ("a", "sine=r=48000", "-c:a aac -b:a 32k"),
        ] {
            let mut ffmpeg = Command::new("ffmpeg");
            ffmpeg.args(["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", source, "-t", "180"]);
            ffmpeg.args(codec.split(' '));
            ffmpeg.args("-f hls -hls_time 2 -hls_list_size 0 -hls_segment_filename".split(' '));
            let name = folder.join(format!("{kind}%d.ts"));
            assert!(ffmpeg.arg(name).arg(folder.join(format!("{kind}.m3u8"))).status().unwrap().success());
        }
        let read = |kind: &str| {
            (0..89).map(|n| std::fs::read(folder.join(format!("{kind}{n}.ts"))).unwrap()).collect()
        };
        (read("v"), read("a"))
    })
}

pub(crate) fn window(first: usize, newest: usize, header: &str, segment: impl Fn(usize) -> String) -> String {
    let mut out = format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:{first}\n{header}");
    (first..=newest).for_each(|n| out += &segment(n));
    out
}

pub(crate) const MASTER: &str =
    "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=300000\nlow.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=600000\nhigh.m3u8\n";

pub(crate) const APART: &str = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"m\",DEFAULT=YES,URI=\"sound.m3u8\"\n\
     #EXT-X-STREAM-INF:BANDWIDTH=300000,AUDIO=\"a\"\nlow.m3u8\n";

pub(crate) fn plain(n: usize) -> String {
    format!("#EXTINF:2,\n{n}.ts\n")
}
