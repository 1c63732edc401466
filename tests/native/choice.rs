//! The choice of the sound: by language, by the viewer, and a change while it plays.
//!
//! The sample's pictures with two renditions of the sound, one of them at another sampling rate, so that what the element
//! holds tells which it is of. Made by ffmpeg, which must be on the path.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command as Program;
use std::sync::OnceLock;
use std::time::Duration;

use cloud_player::engine::{AudioInfo, Command, Config, Event, Input, Request, Source, TextChoice};
use cloud_player::media::TrackKind;
use cloud_player::secret::Url;
use cloud_player::time::{MediaTime, Timestamp};

use crate::renditions::apart;
use crate::sample;
use crate::setup::{RTT, config, secs};
use crate::world::{Network, Origin, Response, World};

/// Samples a second of the sample's own sound, which is `Main`'s, and of `Other`.
const MAIN: u64 = 48_000;
const OTHER: u64 = 44_100;

/// The sample's sound at the other rate, by path (`other/000.ts`).
fn other() -> &'static BTreeMap<String, Vec<u8>> {
    static FILES: OnceLock<BTreeMap<String, Vec<u8>>> = OnceLock::new();
    FILES.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("choice");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        (0..6)
            .map(|n| {
                let (from, to) = (folder.join(format!("a{n}.ts")), folder.join(format!("{n:03}.ts")));
                std::fs::write(&from, &apart()[&format!("360p/a{n:03}.ts")]).unwrap();
                let mut ffmpeg = Program::new("ffmpeg");
                ffmpeg.args(["-v", "error", "-nostdin", "-y", "-copyts", "-i"]).arg(&from);
                ffmpeg.args(["-c:a", "aac", "-ar", "44100", "-muxdelay", "0", "-f", "mpegts"]);
                assert!(ffmpeg.arg(&to).status().expect("ffmpeg is needed").success());
                (format!("other/{n:03}.ts"), std::fs::read(&to).unwrap())
            })
            .collect()
    })
}

/// Two groups of the same two renditions.
const APART: &str = "#EXTM3U\n\
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"lo\",NAME=\"Main\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"main-lo.m3u8\"\n\
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"lo\",NAME=\"Other\",LANGUAGE=\"fr-CA\",AUTOSELECT=YES,CHANNELS=\"2\",URI=\"other-lo.m3u8\"\n\
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"hi\",NAME=\"Main\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"6\",URI=\"main-hi.m3u8\"\n\
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"hi\",NAME=\"Other\",LANGUAGE=\"fr-CA\",AUTOSELECT=YES,CHANNELS=\"6\",URI=\"other-hi.m3u8\"\n\
    #EXT-X-STREAM-INF:BANDWIDTH=200000,RESOLUTION=640x360,AUDIO=\"lo\"\nl.m3u8\n\
    #EXT-X-STREAM-INF:BANDWIDTH=400000,RESOLUTION=854x480,AUDIO=\"hi\"\nh.m3u8\n";

/// The main sound comes with the pictures.
const WITH_RUNGS: &str = "#EXTM3U\n\
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"Main\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES\n\
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"Other\",LANGUAGE=\"fr\",AUTOSELECT=YES,URI=\"other-lo.m3u8\"\n\
    #EXT-X-STREAM-INF:BANDWIDTH=200000,RESOLUTION=640x360,AUDIO=\"a\"\nboth.m3u8\n";

fn playlist(segment: impl Fn(usize) -> String) -> Response {
    let segments: String = (0..6).map(|n| format!("#EXTINF:4,\n{}\n", segment(n))).collect();
    Response::ok(format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{segments}#EXT-X-ENDLIST\n"))
}

fn serve(master: &str, request: &Request) -> Response {
    let path = request.url.expose().strip_prefix("http://origin.test/").expect("the origin");
    match path {
        "telemetry" => Response::status(204),
        "master.m3u8" => Response::ok(master),
        "l.m3u8" => playlist(|n| format!("360p/v{n:03}.ts")),
        "h.m3u8" => playlist(|n| format!("480p/v{n:03}.ts")),
        "both.m3u8" => playlist(|n| format!("both/{n:03}.ts")),
        "main-lo.m3u8" => playlist(|n| format!("360p/a{n:03}.ts")),
        "main-hi.m3u8" => playlist(|n| format!("480p/a{n:03}.ts")),
        "other-lo.m3u8" | "other-hi.m3u8" => playlist(|n| format!("other/{n:03}.ts")),
        file => {
            let both = || file.strip_prefix("both/").and_then(|name| sample::file("360p", name));
            let file = apart().get(file).or_else(|| other().get(file)).cloned().or_else(both);
            file.map_or(Response::status(404), Response::ok)
        }
    }
}

fn world(config: Config, master: &'static str, fault: fn(&Request) -> Option<Response>) -> World {
    let origin: Origin = Box::new(move |request| fault(request).unwrap_or_else(|| serve(master, request)));
    let mut world = World::new(config, Network::new(3_000_000, RTT), origin);
    world.play(source("master"));
    world
}

fn source(name: &str) -> Source {
    Source::Hls { url: Url::new(format!("http://origin.test/{name}.m3u8")), token: None }
}

fn select(w: &mut World, audio: Option<usize>) {
    w.give(Input::Command(Command::SelectAudio(audio)));
}

/// When the page was told that this is what plays, and which it was.
fn changes(w: &World) -> Vec<(Timestamp, usize)> {
    let audio = |e: &Event| if let Event::AudioChanged { audio } = e { Some(*audio) } else { None };
    w.events.iter().filter_map(|(at, e)| Some((*at, audio(e)?))).collect()
}

fn told(w: &World) -> Vec<AudioInfo> {
    let audio = |e: &Event| if let Event::Loaded { audio, .. } = e { Some(audio.clone()) } else { None };
    w.events.iter().find_map(|(_, e)| audio(e)).expect("loaded")
}

/// The sampling rate of what the element holds of the sound at a place.
fn rate_at(w: &World, seconds: f64) -> Option<u64> {
    let audio = w.element.tracks.iter().find(|t| t.kind == TrackKind::Audio).expect("sound");
    audio.clock_at(MediaTime::from_secs(seconds))
}

/// Requests for pictures, and whether any was made twice.
fn pictures(w: &World) -> (usize, bool) {
    let mut urls: Vec<_> =
        w.requests.iter().map(|(_, r)| r.url.expose().to_owned()).filter(|url| url.contains("/v0")).collect();
    let count = urls.len();
    urls.sort();
    urls.dedup();
    (count, urls.len() < count)
}

fn low() -> Config {
    Config { start_rung: Some(0), ..config() }
}

#[test]
fn the_page_is_told_what_there_is_and_what_plays() {
    let mut w = world(low(), APART, |_| None);
    w.run_until(secs(5), "playing", |w| w.position() > 0.5);
    let list: Vec<_> = told(&w).into_iter().map(|a| (a.name, a.language, a.channels, a.default)).collect();
    let info = |name: &str, language: &str, default| (name.into(), language.into(), "2".into(), default);
    assert_eq!(list, [info("Main", "en", true), info("Other", "fr-CA", false)]);
    assert_eq!(changes(&w).iter().map(|(_, audio)| *audio).collect::<Vec<_>>(), [0]);
    assert_eq!(w.requests_for("other").len(), 0);
}

#[test]
fn other_sound_takes_over_at_the_playhead_and_the_pictures_go_on() {
    let mut w = world(low(), APART, |_| None);
    w.run_until(secs(20), "everything is loaded and plays", |w| w.position() > 5.0);
    assert_eq!(pictures(&w), (6, false), "all pictures are loaded");
    assert_eq!(rate_at(&w, 12.0), Some(MAIN));
    let appends =
        |w: &World| w.element.tracks.iter().find(|t| t.kind == TrackKind::Video).map(|video| video.appends);
    let (from, before) = (w.position(), appends(&w));
    select(&mut w, Some(1));
    w.run_until(secs(3), "other sound at the playhead", |w| changes(w).len() == 2);
    let heard = (from * 100.0) as usize..2400;
    let first = heard.map(|c| c as f64 / 100.0).find(|t| rate_at(&w, *t) == Some(OTHER)).unwrap();
    assert!(first - from < 1.0, "asked for at {from}, heard from {first} on");
    assert!(w.position() - from < 1.5, "told at {}", w.position());
    w.run_until(secs(30), "the end", |w| w.element.ended);
    assert_eq!((w.fatal(), w.errors().count(), w.element.stalls), (None, 0, 0));
    assert_eq!((pictures(&w), appends(&w)), ((6, false), before), "no picture is touched");
    assert_eq!(rate_at(&w, 12.0), Some(OTHER));
    assert_eq!(rate_at(&w, 23.0), Some(OTHER));
    assert_eq!(w.requests_for("other/000.ts").len(), 0, "what was played is not loaded");
}

#[test]
fn a_seek_back_after_a_change_hears_the_new_sound() {
    let mut w = world(low(), APART, |_| None);
    w.run_until(secs(20), "playing", |w| w.position() > 8.0);
    select(&mut w, Some(1));
    w.run_until(secs(3), "other sound", |w| changes(w).len() == 2);
    w.seek(2.0);
    w.run_until(secs(5), "playing again", |w| w.position() > 3.0 && w.position() < 8.0);
    assert_eq!(rate_at(&w, w.position()), Some(OTHER));
    assert_eq!(pictures(&w), (6, false));
}

#[test]
fn a_change_of_mind_costs_nothing_that_is_there() {
    let mut w = world(low(), APART, |_| None);
    w.run_until(secs(20), "playing", |w| w.position() > 5.0);
    let sounds = w.requests_for("360p/a").len();
    select(&mut w, Some(1));
    w.run_for(Duration::from_millis(20));
    select(&mut w, Some(0));
    w.run_until(secs(30), "the end", |w| w.element.ended);
    assert_eq!((w.fatal(), w.element.stalls), (None, 0));
    assert_eq!(rate_at(&w, 12.0), Some(MAIN));
    assert_eq!(w.requests_for("360p/a").len(), sounds, "the sound at hand goes on");
    assert_eq!(w.requests_for("other/").len(), 0);
    assert_eq!(changes(&w).len(), 1);
}

#[test]
fn sound_on_its_way_is_given_up_for_the_other() {
    let mut w = world(low(), APART, |request| {
        // The fourth segment of the sound never comes.
        let stalls = request.url.expose().ends_with("360p/a003.ts");
        stalls.then(|| Response { stall_after: Some(2000), ..Response::ok(vec![0; 9000]) })
    });
    w.run_until(secs(12), "it is on its way", |w| w.requests_for("360p/a003.ts").len() == 1);
    w.run_for(Duration::from_millis(300));
    select(&mut w, Some(1));
    w.run_until(secs(40), "the end", |w| w.element.ended);
    assert_eq!((w.fatal(), w.errors().count()), (None, 0), "nothing waits for it any more");
    assert_eq!(w.requests_for("360p/a003.ts").len(), 1);
}

#[test]
fn a_language_is_preferred() {
    let with = |languages: &[&str]| {
        let audio_languages = languages.iter().map(|&l| l.to_owned()).collect();
        let mut w = world(Config { audio_languages, ..low() }, APART, |_| None);
        w.run_until(secs(5), "playing", |w| w.position() > 0.5);
        changes(&w).iter().map(|(_, audio)| *audio).collect::<Vec<_>>()
    };
    assert_eq!(with(&["fr"]), [1]);
    assert_eq!(with(&["de", "fr-CA", "en"]), [1]);
    assert_eq!(with(&["fr-FR"]), [0], "another region's French is not asked for");
    assert_eq!(with(&["de"]), [0]);
}

#[test]
fn a_choice_survives_a_change_of_the_group() {
    let mut w = world(Config { buffer_goal: MediaTime::from_millis(6000), ..low() }, APART, |_| None);
    select(&mut w, Some(1));
    w.run_until(secs(5), "playing", |w| w.position() > 0.5);
    assert!(w.requests_for("main-lo.m3u8").is_empty(), "chosen before there was anything to choose from");
    w.give(Input::Command(Command::SelectRung(Some(1))));
    w.run_until(secs(30), "the end", |w| w.element.ended);
    assert_eq!((w.fatal(), w.errors().count()), (None, 0));
    assert!(!w.requests_for("480p/v").is_empty() && !w.requests_for("other-hi.m3u8").is_empty());
    assert_eq!(w.requests_for("main-").len(), 0);
    assert_eq!(changes(&w).iter().map(|(_, audio)| *audio).collect::<Vec<_>>(), [1]);
}

#[test]
fn another_of_the_group_takes_over_from_a_choice_that_fails() {
    let gone = |request: &Request| request.url.expose().contains("other/").then(|| Response::status(404));
    let mut w = world(low(), APART, gone);
    w.run_until(secs(20), "playing", |w| w.position() > 5.0);
    select(&mut w, Some(1));
    w.run_until(secs(30), "the end", |w| w.element.ended);
    assert_eq!((w.fatal(), w.element.stalls), (None, 0));
    assert_eq!(w.errors().map(|e| e.code).collect::<Vec<_>>(), ["not_found"]);
    assert_eq!((rate_at(&w, 12.0), changes(&w).len()), (Some(MAIN), 1), "what played goes on");
    assert_eq!(pictures(&w), (6, false));
}

#[test]
fn sound_that_comes_with_the_pictures_plays_by_default_and_can_be_left_and_had_again() {
    let mut w = world(config(), WITH_RUNGS, |_| None);
    w.run_until(secs(20), "playing", |w| w.position() > 5.0);
    assert_eq!((told(&w).len(), w.requests_for("other").len()), (2, 0));
    assert_eq!((rate_at(&w, 12.0), w.requests_for("both/0").len()), (Some(MAIN), 6));
    select(&mut w, Some(1));
    w.run_until(secs(3), "other sound", |w| changes(w).len() == 2);
    w.run_for(secs(1));
    assert_eq!((rate_at(&w, 12.0), w.requests_for("both/0").len()), (Some(OTHER), 6));
    // Back: it is had with its pictures alone.
    select(&mut w, Some(0));
    w.run_until(secs(3), "the first sound", |w| changes(w).len() == 3);
    w.run_until(secs(30), "the end", |w| w.element.ended);
    assert_eq!((w.fatal(), w.errors().count(), w.element.stalls), (None, 0, 0));
    assert_eq!(rate_at(&w, 15.0), Some(MAIN));
    assert_eq!(w.requests_for("both/000.ts").len(), 1, "what was played is not loaded again");
    assert_eq!(w.requests_for("both/003.ts").len(), 2);
}

#[test]
fn a_source_that_takes_over_keeps_the_choice() {
    // The other source has its renditions in another order, and text.
    let lines: Vec<&str> = APART.lines().collect();
    let text = "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"t\",NAME=\"Text\",LANGUAGE=\"en\",URI=\"t.m3u8\"";
    let first = format!("{}\n{text}\n{}\n", lines[..5].join("\n"), lines[5..].join("\n"));
    let first = first.replace("AUDIO=", "SUBTITLES=\"t\",AUDIO=");
    let second =
        [&[lines[0]], &[lines[2], lines[1], lines[4], lines[3]][..], &lines[5..]].concat().join("\n");
    let origin: Origin = Box::new(move |request| match request.url.expose() {
        url if url.ends_with("/first.m3u8") => Response::ok(first.clone()),
        url if url.ends_with("/second.m3u8") => Response::ok(second.replace("l.m3u8", "both-l.m3u8")),
        url if url.ends_with("both-l.m3u8") => playlist(|n| format!("480p/v{n:03}.ts")),
        url if url.contains("360p/v002") => Response::status(403),
        url if url.ends_with("t.m3u8") => playlist(|n| format!("{n}.vtt")),
        url if url.ends_with(".vtt") => Response::ok("WEBVTT\n\n00:00.000 --> 00:20.000\ntext\n"),
        _ => serve(APART, request),
    });
    let mut w = World::new(low(), Network::new(3_000_000, RTT), origin);
    w.play_any(vec![source("first"), source("second")]);
    select(&mut w, Some(1));
    w.give(Input::Command(Command::SelectText(TextChoice::Track(0))));
    w.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!(w.fatal(), None);
    let lists = w.events.iter().filter(|(_, e)| matches!(e, Event::Loaded { .. })).count();
    assert_eq!(lists, 2, "another source took over");
    assert_eq!(
        changes(&w).iter().map(|(_, audio)| *audio).collect::<Vec<_>>(),
        [1, 0],
        "the same by its name"
    );
    assert_eq!(rate_at(&w, 20.0), Some(OTHER));
    let text = |e: &Event| if let Event::TextChanged { text } = e { Some(*text) } else { None };
    let text: Vec<_> = w.events.iter().filter_map(|(_, e)| text(e)).collect();
    assert_eq!(text, [Some(0), None], "what it does not have is not shown");
}
