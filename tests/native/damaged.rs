//! Media that come damaged once and whole when they are asked for again: the sink gets nothing that a browser could not take, and
//! the session plays to the end.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use cloud_player::engine::{Request, Source};
use cloud_player::secret::Url;

use crate::setup::{RTT, config, secs};
use crate::world::{Network, Response, World};
use crate::{live, sample};

/// Twelve seconds of fragmented MP4 in segments of two: an init section, segments and their playlist.
fn fragmented(name: &str) -> Option<Vec<u8>> {
    static FOLDER: OnceLock<std::path::PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("damaged");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(
            "-v error -nostdin -y -f lavfi -i testsrc2=s=64x36:r=10 -f lavfi -i sine=r=48000".split(' '),
        );
        ffmpeg
            .args("-t 12 -c:v libx264 -preset ultrafast -g 20 -sc_threshold 0 -c:a aac -b:a 16k".split(' '));
        ffmpeg.args("-f hls -hls_time 2 -hls_list_size 0 -hls_playlist_type vod".split(' '));
        ffmpeg
            .args("-hls_segment_type fmp4 -hls_fmp4_init_filename init.mp4 -hls_segment_filename".split(' '));
        let status = ffmpeg.current_dir(&folder).args(["%d.m4s", "p.m3u8"]).status();
        assert!(status.expect("ffmpeg is needed").success());
        folder
    });
    std::fs::read(folder.join(name)).ok()
}

/// Plays it to the end; the first copy of `name` is damaged. Returns the codes of the errors that the page was told.
fn plays(name: &'static str, damage: fn(&mut Vec<u8>)) -> Vec<&'static str> {
    let mut first = true;
    let origin = move |request: &Request| {
        let path = request.url.expose().strip_prefix("http://origin.test/").expect("the origin");
        if path == "telemetry" {
            return Response::status(204);
        }
        let mut bytes = fragmented(path).expect(path);
        if path == name && std::mem::replace(&mut first, false) {
            damage(&mut bytes);
        }
        Response::ok(bytes)
    };
    let mut w = World::new(config(), Network::new(3_000_000, RTT), Box::new(origin));
    w.play(Source::Hls { url: Url::new("http://origin.test/p.m3u8"), token: None });
    w.run_until(secs(40), "the end", |w| w.element.ended);
    assert!(w.position() > 11.8, "ended at {}", w.position());
    assert_eq!(w.requests_for(name).len(), 2, "{name}");
    w.errors().map(|error| error.code).collect()
}

fn spoil(bytes: &mut [u8], from: usize) {
    bytes.iter_mut().skip(from).take(4000).for_each(|byte| *byte ^= 0x5a);
}

fn find(bytes: &[u8], kind: &[u8; 4]) -> usize {
    bytes.windows(4).position(|four| four == kind).unwrap()
}

/// All that was needed of the init section was read, and its last box went to the browser with a size that cannot be.
#[test]
fn an_init_section_with_a_damaged_end_is_asked_for_again() {
    let udta = |init: &mut Vec<u8>| {
        let at = find(init, b"udta") - 4;
        spoil(init, at);
    };
    assert_eq!(plays("init.mp4", udta), ["box_damaged"]);
}

/// The damage begins with the name of an `mdat`: what went to the browser was a `moof` without one.
#[test]
fn a_fragment_without_mdat_is_asked_for_again() {
    let mdat = |segment: &mut Vec<u8>| {
        let at = find(segment, b"mdat");
        spoil(segment, at);
    };
    assert_eq!(plays("2.m4s", mdat), ["box_damaged"]);
}

/// The last block of a segment is damaged, and all before it was good; when it comes again, its first key frame is damaged. The
/// second copy went on from the end of the first, and so with pictures that no key frame came before.
#[test]
fn a_segment_that_failed_at_its_end_is_not_gone_on_from() {
    let mut asked = 0;
    let origin = move |request: &Request| {
        let name = request.url.expose().strip_prefix("http://origin.test/").expect("the origin");
        let number = match name {
            "telemetry" => return Response::status(204),
            "key" => return Response::ok(sample::KEY),
            "p.m3u8" => {
                let segments: String = (0..6).map(|n| format!("#EXTINF:2,\n{n}.ts\n")).collect();
                let key = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=AES-128,URI=\"key\"\n";
                return Response::ok(format!("{key}{segments}#EXT-X-ENDLIST\n"));
            }
            segment => segment.trim_end_matches(".ts").parse::<usize>().expect("a segment"),
        };
        let mut body = sample::encrypt(&live::segments()[number], number as u64);
        if number == 2 {
            asked += 1;
            let length = body.len();
            match asked {
                1 => body[length - 17] ^= 0x5a,
                2 => spoil(&mut body, 560),
                _ => {}
            }
        }
        Response::ok(body)
    };
    let mut w = World::new(config(), Network::new(3_000_000, RTT), Box::new(origin));
    w.play(Source::Hls { url: Url::new("http://origin.test/p.m3u8"), token: None });
    w.run_until(secs(40), "the end", |w| w.element.ended);
    assert_eq!(w.errors().map(|error| error.code).collect::<Vec<_>>(), ["bad_padding"]);
    assert!(w.position() > 11.8, "ended at {}", w.position());
    assert_eq!(w.requests_for("/2.ts").len(), 2);
}
