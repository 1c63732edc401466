//! Sessions whose sound is a rendition of its own.
//!
//! The sample's rungs, taken apart by ffmpeg (which must be on the path) into pictures and sound.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use cloud_player::engine::{Config, Event, Request, Source};
use cloud_player::media::TrackKind;
use cloud_player::secret::Url;
use cloud_player::time::MediaTime;

use crate::sample::SECONDS;
use crate::setup::{RTT, config, secs};
use crate::world::{Network, Origin, Response, World};

/// Every segment of the sample by path, as pictures (`360p/v000.ts`) and as sound (`360p/a000.ts`) alone.
pub(crate) fn apart() -> &'static BTreeMap<String, Vec<u8>> {
    static FILES: OnceLock<BTreeMap<String, Vec<u8>>> = OnceLock::new();
    FILES.get_or_init(|| {
        let sample = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("origin/sample");
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("renditions");
        let mut files = BTreeMap::new();
        for rung in ["360p", "480p"] {
            let _ = std::fs::remove_dir_all(out.join(rung));
            std::fs::create_dir_all(out.join(rung)).unwrap();
            for n in 0..6 {
                for (kind, map) in [("v", "0:v"), ("a", "0:a")] {
                    let name = format!("{rung}/{kind}{n:03}.ts");
                    let mut ffmpeg = Command::new("ffmpeg");
                    ffmpeg.args(["-v", "error", "-nostdin", "-y", "-copyts", "-i"]);
                    ffmpeg.arg(sample.join(rung).join(format!("{n:03}.ts")));
                    ffmpeg.args(["-map", map, "-c", "copy", "-muxdelay", "0", "-f", "mpegts"]);
                    let status = ffmpeg.arg(out.join(&name)).status().expect("ffmpeg is needed");
                    assert!(status.success());
                    files.insert(name.clone(), std::fs::read(out.join(&name)).unwrap());
                }
            }
        }
        files
    })
}

const MASTER: &str = "#EXTM3U\n\
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"Other\",LANGUAGE=\"fr\",URI=\"other.m3u8\"\n\
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"Main\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,URI=\"sound.m3u8\"\n\
    #EXT-X-STREAM-INF:BANDWIDTH=200000,RESOLUTION=640x360,AUDIO=\"a\"\nl.m3u8\n\
    #EXT-X-STREAM-INF:BANDWIDTH=400000,RESOLUTION=854x480,AUDIO=\"a\"\nh.m3u8\n";

fn media_playlist(rung: &str, kind: &str) -> String {
    let segments: String = (0..6).map(|n| format!("#EXTINF:4,\n{rung}/{kind}{n:03}.ts\n")).collect();
    format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{segments}#EXT-X-ENDLIST\n")
}

pub(crate) fn serve(request: &Request) -> Response {
    let path = request.url.expose().strip_prefix("http://origin.test/").expect("the origin");
    match path {
        "telemetry" => Response::status(204),
        "master.m3u8" => Response::ok(MASTER),
        "l.m3u8" => Response::ok(media_playlist("360p", "v")),
        "h.m3u8" => Response::ok(media_playlist("480p", "v")),
        "sound.m3u8" | "other.m3u8" => Response::ok(media_playlist("360p", "a")),
        file => apart().get(file).map_or(Response::status(404), |bytes| Response::ok(bytes.clone())),
    }
}

fn world(bits_per_second: u64, origin: Origin) -> World {
    world_with(config(), bits_per_second, origin)
}

fn world_with(config: Config, bits_per_second: u64, origin: Origin) -> World {
    let mut world = World::new(config, Network::new(bits_per_second, RTT), origin);
    world.play(Source::Hls { url: Url::new("http://origin.test/master.m3u8"), token: None });
    world
}

fn faulty(part: &'static str, mut fault: impl FnMut(u32, Response) -> Response + 'static) -> Origin {
    let mut count = 0;
    Box::new(move |request: &Request| {
        let response = serve(request);
        if !request.url.expose().contains(part) {
            return response;
        }
        count += 1;
        fault(count - 1, response)
    })
}

#[test]
fn pictures_and_sound_from_two_playlists_play_in_step_to_the_end() {
    let mut w = world(3_000_000, Box::new(serve));
    w.run_until(secs(40), "the end", |w| w.element.ended);
    assert_eq!((w.fatal(), w.errors().count(), w.element.stalls), (None, 0, 0));
    assert!((w.position() - SECONDS).abs() < 0.3, "ended at {}", w.position());
    let samples = |kind| w.element.tracks.iter().find(|t| t.kind == kind).map(|t| t.samples);
    assert!(samples(TrackKind::Video) >= Some(600), "{:?} pictures", samples(TrackKind::Video));
    // 24 s of AAC at 48 kHz.
    assert!(samples(TrackKind::Audio) >= Some(1120), "{:?} frames", samples(TrackKind::Audio));
    assert_eq!(w.requests_for("/a00").len(), 6, "each segment of the sound once");
    assert_eq!(w.requests_for("/v00").len(), 6, "each segment of the pictures once");
    assert_eq!(w.requests_for("other.m3u8").len(), 0, "the default is what plays");
    // The sound's playlist is asked for with the pictures', not after it.
    assert_eq!(w.requests_for("sound.m3u8")[0].0, w.requests_for("h.m3u8")[0].0);
}

#[test]
fn sound_that_comes_before_its_place_is_known_waits_for_it() {
    // The first pictures come late; the sound is there long before.
    let late = faulty("v000.ts", |n, r| if n < 2 { Response::status(503) } else { r });
    let mut w = world(3_000_000, late);
    w.run_until(secs(40), "the end", |w| w.element.ended);
    assert_eq!(w.fatal(), None);
    let both = w.element.tracks.iter().map(|t| t.first_start()).collect::<Vec<_>>();
    assert_eq!(both.len(), 2);
    assert!(both[0].abs_diff(both[1]) < MediaTime::from_millis(100), "out of step: {both:?}");
}

#[test]
fn a_seek_takes_both_along() {
    let mut w = world(1_500_000, Box::new(serve));
    w.run_until(secs(10), "playing", |w| w.position() > 0.5);
    w.seek(18.0);
    w.run_until(secs(5), "playing at 18 s", |w| w.position() > 18.5);
    w.seek(6.0);
    w.run_until(secs(40), "the end", |w| w.element.ended);
    assert_eq!(w.fatal(), None);
}

#[test]
fn another_rendition_takes_the_place_of_one_that_is_gone() {
    let mut w = world(3_000_000, faulty("sound.m3u8", |_, _| Response::status(404)));
    w.run_until(secs(40), "the end", |w| w.element.ended);
    assert_eq!(w.fatal(), None);
    assert_eq!(w.errors().map(|e| e.code).collect::<Vec<_>>(), ["not_found"]);
    assert_eq!(w.requests_for("other.m3u8").len(), 1);
}

#[test]
fn without_any_sound_the_session_ends_with_the_reason() {
    let gone: Origin = Box::new(|request: &Request| match request.url.expose() {
        url if url.ends_with("sound.m3u8") || url.ends_with("other.m3u8") => Response::status(404),
        _ => serve(request),
    });
    let mut w = world(3_000_000, gone);
    w.run_until(secs(20), "the end", |w| w.fatal().is_some());
    assert_eq!(w.fatal().map(|e| e.code), Some("not_found"));
}

#[test]
fn on_a_slow_network_the_sound_does_not_run_ahead() {
    let mut w = world(260_000, Box::new(serve));
    w.run_for(Duration::from_secs(12));
    let ends: Vec<_> = w.element.tracks.iter().map(|t| t.last_end()).collect();
    assert!(ends[1].as_secs() - ends[0].as_secs() < 9.0, "pictures and sound end at {ends:?}");
    assert!(w.position() > 3.0, "at {}", w.position());
}

#[test]
fn a_rung_in_a_codec_that_the_sink_lacks_is_left_out() {
    let rungs = |unsupported: &[&str]| {
        let master = MASTER.replace("640x360", "640x360,CODECS=\"hvc1.1.6.L90.B0,mp4a.40.2\"");
        let master = master.replace("854x480", "854x480,CODECS=\"avc1.64001f,mp4a.40.2\"");
        let origin: Origin = Box::new(move |request: &Request| match request.url.expose() {
            url if url.ends_with("master.m3u8") => Response::ok(master.clone()),
            _ => serve(request),
        });
        let unsupported_codecs = unsupported.iter().map(|&codec| codec.to_owned()).collect();
        let config = Config { unsupported_codecs, ..config() };
        let mut w = World::new(config, Network::new(3_000_000, RTT), origin);
        w.play(Source::Hls { url: Url::new("http://origin.test/master.m3u8"), token: None });
        w.run_for(secs(2));
        let loaded = w
            .events
            .iter()
            .find_map(|(_, e)| if let Event::Loaded { rungs, .. } = e { Some(rungs) } else { None });
        loaded.unwrap().iter().map(|rung| rung.height).collect::<Vec<_>>()
    };
    assert_eq!(rungs(&[]), [360, 480]);
    assert_eq!(rungs(&["ac-3", "hvc1"]), [480]);
    // What nothing can be played of is tried: the browser says best what is wrong.
    assert_eq!(rungs(&["hvc1", "mp4a"]), [360, 480]);
}

#[test]
fn a_start_beyond_the_end_has_sound_too() {
    let config = Config { start: MediaTime::from_millis(200_000), ..config() };
    let mut w = world_with(config, 3_000_000, Box::new(serve));
    w.run_until(secs(20), "the end", |w| w.element.ended);
    assert_eq!((w.fatal(), w.element.tracks.len()), (None, 2));
}
