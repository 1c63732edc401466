//! Text: which is shown, when it is loaded, where its cues lie, and what its failures do.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command as Program;
use std::time::Duration;

use cloud_player::engine::{Command, Config, CueInfo, Event, Input, Request, Source, TextChoice, TextKind};
use cloud_player::secret::Url;
use cloud_player::time::{MediaTime, Timestamp};

use crate::live;
use crate::media::captions;
use crate::sample::{self, KEY};
use crate::setup::{RTT, config, secs};
use crate::world::{Network, Origin, Response, World, shared};

/// The first time stamp of the sample, by ffprobe.
const FIRST: u64 = 133_200;

fn world(bits_per_second: u64, config: Config, origin: impl FnMut(&Request) -> Response + 'static) -> World {
    let origin: Origin = Box::new(origin);
    let mut world = World::new(config, Network::new(bits_per_second, RTT), origin);
    world.play(Source::Hls { url: Url::new("http://origin.test/master.m3u8"), token: None });
    world
}

fn path(request: &Request) -> &str {
    request.url.expose().strip_prefix("http://origin.test/").expect("the origin")
}

fn master(renditions: &str) -> String {
    let variant = "#EXT-X-STREAM-INF:BANDWIDTH=200000,RESOLUTION=640x360,SUBTITLES=\"s\"\nv.m3u8\n";
    format!("#EXTM3U\n{renditions}\n{variant}")
}

const ENGLISH: &str = "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"s\",NAME=\"English\",LANGUAGE=\"en\",AUTOSELECT=YES,URI=\"en.m3u8\"";

/// Six segments of four seconds.
fn playlist(name: impl Fn(usize) -> String) -> Response {
    let segments: String = (0..6).map(|n| format!("#EXTINF:4,\n{}\n", name(n))).collect();
    Response::ok(format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{segments}#EXT-X-ENDLIST\n"))
}

fn vtt(cues: &str) -> Vec<u8> {
    format!("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:{FIRST},LOCAL:00:00:00.000\n\n{cues}").into_bytes()
}

/// A segment of text with one cue, in the middle two of its four seconds.
fn one_cue(n: usize) -> Vec<u8> {
    vtt(&format!("00:{:02}.000 --> 00:{:02}.000 line:10% align:start\nsegment {n}\n", 4 * n + 1, 4 * n + 3))
}

/// The sample with this multivariant playlist and text in English.
fn serve(master: &str, request: &Request) -> Response {
    match path(request) {
        "telemetry" => Response::status(204),
        "master.m3u8" => Response::ok(master),
        "v.m3u8" => playlist(|n| format!("{n:03}.ts")),
        name if name.ends_with(".m3u8") => playlist(|n| format!("{n}.vtt")),
        name => match name.strip_suffix(".vtt") {
            Some(n) => Response::ok(one_cue(n.parse().unwrap())),
            None => sample::file("360p", name).map_or(Response::status(404), Response::ok),
        },
    }
}

fn select(w: &mut World, choice: TextChoice) {
    w.give(Input::Command(Command::SelectText(choice)));
}

/// Which text was shown, one after the other.
fn changes(w: &World) -> Vec<Option<usize>> {
    w.events
        .iter()
        .filter_map(|(_, e)| if let Event::TextChanged { text } = e { Some(*text) } else { None })
        .collect()
}

/// What a page that does what it is told has in its text track: start and end, settings, text.
fn at_hand(w: &World) -> Vec<(f64, f64, String, String)> {
    let mut cues: BTreeMap<u32, CueInfo> = BTreeMap::new();
    let mut now = None;
    for (_, event) in &w.events {
        match event {
            Event::TextChanged { text } => {
                cues.clear();
                now = *text;
            }
            Event::Cues { text, added, removed } => {
                assert_eq!(Some(*text), now, "cues of what is not shown");
                removed.iter().for_each(|number| drop(cues.remove(number).expect("a known cue")));
                cues.extend(added.iter().map(|cue| (cue.number, cue.clone())));
            }
            _ => {}
        }
    }
    let mut cues: Vec<_> = cues.into_values().map(|c| (c.start, c.end, c.settings, c.text)).collect();
    cues.sort_by(|a, b| a.partial_cmp(b).unwrap());
    cues
}

fn times(w: &World) -> Vec<(f64, f64, String)> {
    at_hand(w).into_iter().map(|(from, to, _, text)| (from, to, text)).collect()
}

#[test]
fn text_is_off_unless_it_is_the_authors_default_and_loaded_from_where_it_is_asked_for() {
    let mut w = world(3_000_000, config(), |r| serve(&master(ENGLISH), r));
    w.run_until(secs(20), "playing", |w| w.position() > 9.0);
    assert_eq!((changes(&w).len(), w.requests_for("en.m3u8").len()), (0, 0));
    let text = w
        .events
        .iter()
        .find_map(|(_, e)| if let Event::Loaded { text, .. } = e { Some(text.clone()) } else { None });
    let text = text.unwrap();
    assert_eq!(
        (text.len(), text[0].kind, text[0].name.as_str(), text[0].language.as_str()),
        (1, TextKind::Subtitles, "English", "en")
    );
    select(&mut w, TextChoice::Track(0));
    w.run_until(secs(1), "the cue of the place", |w| !at_hand(w).is_empty());
    w.run_until(secs(30), "the end", |w| w.element.ended);
    assert_eq!((w.fatal(), w.errors().count(), changes(&w)), (None, 0, vec![Some(0)]));
    let segments = w.requests_for(".vtt").into_iter().map(|(_, r)| path(r)).collect::<Vec<_>>();
    assert_eq!(segments, ["2.vtt", "3.vtt", "4.vtt", "5.vtt"], "each once, in order");
    let cue = at_hand(&w).remove(0);
    assert_eq!(cue, (9.0, 11.0, "line:10% align:start".into(), "segment 2".into()));
    select(&mut w, TextChoice::Off);
    assert_eq!((at_hand(&w).len(), changes(&w).last()), (0, Some(&None)));
}

#[test]
fn cues_lie_where_the_media_of_their_discontinuity_sequence_does() {
    // The same media again after a discontinuity: its time stamps go back.
    let media = |name: &str, ext: &str| {
        Response::ok(format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{name}0.{ext}\n#EXTINF:4,\n{name}1.{ext}\n\
             #EXT-X-DISCONTINUITY\n#EXTINF:4,\n{name}2.{ext}\n#EXTINF:4,\n{name}3.{ext}\n#EXT-X-ENDLIST\n"
        ))
    };
    let origin = move |request: &Request| match path(request) {
        "master.m3u8" => Response::ok(master(&ENGLISH.replace("AUTOSELECT", "DEFAULT=YES,AUTOSELECT"))),
        "v.m3u8" => media("v", "ts"),
        "en.m3u8" => media("s", "vtt"),
        // One cue is shown over the border of two segments, and each of them has it, by a map of its own.
        "s0.vtt" => Response::ok(vtt("00:01.000 --> 00:02.000\none\n\n00:03.500 --> 00:04.500\nboth\n")),
        "s1.vtt" => Response::ok(format!(
            "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:01:00:00.000,MPEGTS:{}\n\n\
             00:59:59.500 --> 01:00:00.500\nboth\n\n01:00:02.000 --> 01:00:03.000\ntwo\n",
            FIRST + 4 * 90_000
        )),
        "s2.vtt" => Response::ok(vtt("00:01.000 --> 00:02.000\nthree\n")),
        "s3.vtt" => Response::ok(vtt("00:05.000 --> 00:06.000\nfour\n")),
        name => match name.strip_prefix('v').and_then(|n| n.strip_suffix(".ts")) {
            Some(n) => {
                Response::ok(sample::file("360p", &format!("00{}.ts", n.parse::<u8>().unwrap() % 2)).unwrap())
            }
            None => Response::status(204),
        },
    };
    let mut w = world(3_000_000, config(), origin);
    w.run_until(secs(30), "the end", |w| w.element.ended);
    assert_eq!((w.fatal(), w.errors().count(), changes(&w)), (None, 0, vec![Some(0)]));
    let cues = times(&w);
    let expected = [
        (1.0, 2.0, "one"),
        (3.5, 4.5, "both"),
        (6.0, 7.0, "two"),
        (9.0, 10.0, "three"),
        (13.0, 14.0, "four"),
    ];
    assert_eq!(cues.len(), expected.len(), "{cues:?}");
    for (cue, (from, to, text)) in cues.iter().zip(expected) {
        // The second sequence begins where the media of the first ends, which is not at 8 s to the tick.
        let near = |a: f64, b: f64| (a - b).abs() < if from < 8.0 { 0.001 } else { 0.1 };
        assert!(near(cue.0, from) && near(cue.1, to) && cue.2 == text, "{cue:?} at {from}");
    }
}

#[test]
fn a_file_of_text_in_one_segment_is_loaded_once() {
    let whole: String =
        (0..23).map(|n| format!("00:{n:02}.000 --> 00:{:02}.500\nsecond {n}\n\n", n)).collect();
    let origin = move |request: &Request| match path(request) {
        "en.m3u8" => {
            Response::ok("#EXTM3U\n#EXT-X-TARGETDURATION:24\n#EXTINF:24,\nall.vtt\n#EXT-X-ENDLIST\n")
        }
        "all.vtt" => Response::ok(vtt(&whole)),
        _ => serve(&master(ENGLISH), request),
    };
    let mut w = world(3_000_000, Config { text_languages: vec!["en-GB".into()], ..config() }, origin);
    w.run_until(secs(10), "playing", |w| w.position() > 3.0);
    assert_eq!(times(&w).len(), 23);
    w.seek(15.0);
    w.run_until(secs(5), "playing", |w| w.position() > 16.0);
    w.seek(1.0);
    w.run_until(secs(40), "the end", |w| w.element.ended);
    assert_eq!((w.fatal(), times(&w).len(), w.requests_for("all.vtt").len()), (None, 23, 1));
}

#[test]
fn text_waits_until_the_media_has_enough() {
    let mut w = world(250_000, Config { text_languages: vec!["en".into()], ..config() }, |r| {
        serve(&master(ENGLISH), r)
    });
    let mut buffers = Vec::new();
    let mut seen = 0;
    while w.position() < 18.0 {
        w.run_for(Duration::from_millis(10));
        let buffer = w.element.buffered().last().map_or(0.0, |r| r.end.as_secs() - w.position());
        let texts =
            w.requests.iter().filter(|(_, r)| path(r).contains("vtt") || path(r) == "en.m3u8").count();
        if texts > seen {
            buffers.push(buffer);
            seen = texts;
        }
    }
    assert!(buffers.len() > 2 && buffers.iter().all(|buffer| *buffer > 1.7), "{buffers:?}");
    assert!(!times(&w).is_empty());
}

#[test]
fn text_that_fails_ends_nothing() {
    type Fails = fn(&Request) -> Option<Response>;
    let fails: [(&str, Fails); 5] = [
        ("server_error", |r| path(r).ends_with(".vtt").then(|| Response::status(503))),
        ("not_found", |r| (path(r) == "en.m3u8").then(|| Response::status(404))),
        ("access_refused", |r| path(r).ends_with(".vtt").then(|| Response::status(403))),
        ("network", |r| path(r).ends_with(".vtt").then(|| Response { refused: true, ..Response::default() })),
        ("not_media", |r| {
            path(r).ends_with(".vtt").then(|| Response::ok("<html>not here</html>".repeat(50)))
        }),
    ];
    for (code, fault) in fails {
        let renditions = ENGLISH.replace("AUTOSELECT", "DEFAULT=YES,AUTOSELECT");
        let mut w =
            world(3_000_000, config(), move |r| fault(r).unwrap_or_else(|| serve(&master(&renditions), r)));
        w.run_until(secs(60), "the end", |w| w.element.ended);
        assert_eq!((w.fatal(), w.element.stalls), (None, 0), "{code}");
        assert!(
            w.errors().count() > 0 && w.errors().all(|e| e.code == code && !e.fatal),
            "{code}: {:?}",
            w.events
        );
        if !matches!(code, "server_error" | "network") {
            assert_eq!(changes(&w), [Some(0), None], "{code}");
            // The viewer may ask again.
            let before = w.requests_for("en.m3u8").len() + w.requests_for(".vtt").len();
            w.seek(2.0);
            select(&mut w, TextChoice::Track(0));
            w.run_for(secs(3));
            assert!(w.requests_for("en.m3u8").len() + w.requests_for(".vtt").len() > before, "{code}");
        }
    }
}

#[test]
fn a_segment_of_text_is_asked_for_again_and_a_group_stands_in_for_another() {
    let mut count = 0;
    let backup = ENGLISH.replace("\"s\"", "\"b\"").replace("en.m3u8", "other.m3u8");
    let text = format!("{}\n{backup}", ENGLISH);
    let master = format!("{}#EXT-X-STREAM-INF:BANDWIDTH=900000,SUBTITLES=\"b\"\nv.m3u8\n", master(&text));
    let origin = move |request: &Request| match path(request) {
        "en.m3u8" => Response::status(404),
        "0.vtt" => {
            count += 1;
            if count == 1 { Response::status(503) } else { Response::ok(one_cue(0)) }
        }
        _ => serve(&master, request),
    };
    let config = Config { text_languages: vec!["en".into()], start_rung: Some(0), ..config() };
    let mut w = world(3_000_000, config, origin);
    w.run_until(secs(40), "the end", |w| w.element.ended);
    assert_eq!(w.errors().map(|e| e.code).collect::<Vec<_>>(), ["not_found", "server_error"]);
    assert_eq!((times(&w).len(), changes(&w)), (6, vec![Some(0)]));
}

#[test]
fn encrypted_text_is_read() {
    let origin = |request: &Request| match path(request) {
        "key" => Response::ok(KEY),
        "en.m3u8" => {
            let segments: String = (0..6).map(|n| format!("#EXTINF:4,\n{n}.vtt\n")).collect();
            let key = "#EXT-X-KEY:METHOD=AES-128,URI=\"key\"";
            Response::ok(format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{key}\n{segments}#EXT-X-ENDLIST\n"))
        }
        name => match name.strip_suffix(".vtt").and_then(|n| n.parse::<usize>().ok()) {
            Some(n) => Response::ok(sample::encrypt(&one_cue(n), n as u64)),
            None => serve(&master(ENGLISH), request),
        },
    };
    let mut w = world(3_000_000, Config { text_languages: vec!["en".into()], ..config() }, origin);
    w.run_until(secs(40), "the end", |w| w.element.ended);
    assert_eq!((w.errors().count(), times(&w).len(), w.requests_for("key").len()), (0, 6, 1));
}

#[test]
fn a_missing_key_of_text_ends_nothing() {
    let origin = |request: &Request| match path(request) {
        "key" => Response::status(403),
        "en.m3u8" => Response::ok(
            "#EXTM3U\n#EXT-X-TARGETDURATION:24\n#EXT-X-KEY:METHOD=AES-128,URI=\"key\"\n#EXTINF:24,\n0.vtt\n#EXT-X-ENDLIST\n",
        ),
        _ => serve(&master(ENGLISH), request),
    };
    let mut w = world(3_000_000, Config { text_languages: vec!["en".into()], ..config() }, origin);
    w.run_until(secs(40), "the end", |w| w.element.ended);
    assert_eq!((w.fatal(), times(&w).len()), (None, 0));
    assert!(w.errors().all(|e| e.code == "access_refused") && w.errors().count() == 1);
}

#[test]
fn live_text_follows_the_window() {
    let clock = shared(Timestamp::ZERO);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("live");
    assert!(!live::segments().is_empty());
    let mut ffprobe = Program::new("ffprobe");
    ffprobe.args(["-v", "error", "-select_streams", "v", "-show_entries", "packet=pts", "-of", "csv=p=0"]);
    let stamps = ffprobe.arg(folder.join("0.ts")).output().expect("ffprobe is needed").stdout;
    let stamps = String::from_utf8(stamps).unwrap();
    let first =
        stamps.lines().filter_map(|line| line.trim_end_matches(',').parse::<u64>().ok()).min().unwrap();
    let seen = clock.clone();
    let origin = move |request: &Request| {
        let newest = 5 + (seen.borrow().as_micros() / 2_000_000) as usize;
        let window = |ext: &str| {
            let from = newest - 5;
            let segments: String = (from..=newest).map(|n| format!("#EXTINF:2,\n{n}.{ext}\n")).collect();
            Response::ok(format!(
                "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:{from}\n{segments}"
            ))
        };
        let name = path(request);
        match (name, name.strip_suffix(".vtt"), name.strip_suffix(".ts")) {
            ("master.m3u8", ..) => Response::ok(master(ENGLISH)),
            ("v.m3u8", ..) => window("ts"),
            ("en.m3u8", ..) => window("vtt"),
            (_, Some(n), _) => {
                let n: u64 = n.parse().unwrap();
                let map =
                    format!("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:{},LOCAL:00:00:00.000\n", first + n * 180_000);
                Response::ok(format!("{map}\n00:00.500 --> 00:01.500\n{n}\n"))
            }
            (_, _, Some(n)) => Response::ok(live::segments()[n.parse::<usize>().unwrap()].clone()),
            _ => Response::status(204),
        }
    };
    let origin: Origin = Box::new(origin);
    let config = Config { text_languages: vec!["en".into()], ..config() };
    let mut w = World::new(config, Network::new(3_000_000, RTT), origin);
    w.clock = Some(clock);
    w.play(Source::Hls { url: Url::new("http://origin.test/master.m3u8"), token: None });
    w.run_for(secs(60));
    assert_eq!((w.fatal(), w.errors().count(), w.element.stalls), (None, 0, 0));
    let cues = times(&w);
    assert!(cues.len() > 25, "{} cues in a minute", cues.len());
    for (from, to, text) in &cues {
        let n: f64 = text.parse().unwrap();
        assert!((from - 2.0 * n - 0.5).abs() < 0.05 && (to - 2.0 * n - 1.5).abs() < 0.05, "{text} at {from}");
    }
    let position = w.position();
    assert!(cues.iter().any(|cue| cue.0 > position), "cues ahead of {position}");
}

/// The stream of pictures with captions that the tests of the media path have.
fn captioned(variant: &'static str, renditions: &'static str) -> impl FnMut(&Request) -> Response {
    let segments = captions::for_sessions();
    move |request| match path(request) {
        "master.m3u8" => Response::ok(format!(
            "#EXTM3U\n{renditions}\n#EXT-X-STREAM-INF:BANDWIDTH=200000{variant}\nv.m3u8\n"
        )),
        "v.m3u8" => {
            let list: String = (0..segments.len()).map(|n| format!("#EXTINF:2,\n{n}.ts\n")).collect();
            Response::ok(format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n{list}#EXT-X-ENDLIST\n"))
        }
        name => match name.strip_suffix(".ts").and_then(|n| n.parse::<usize>().ok()) {
            Some(n) => Response::ok(segments[n].clone()),
            None => Response::status(204),
        },
    }
}

#[test]
fn captions_that_nobody_announced_are_found_and_shown() {
    let mut w = world(3_000_000, config(), captioned("", ""));
    w.run_until(secs(10), "playing", |w| w.position() > 2.0);
    let found = |e: &Event| if let Event::TextTracks { text } = e { Some(text.clone()) } else { None };
    let found = w.events.iter().find_map(|(_, e)| found(e)).or_else(|| {
        w.events
            .iter()
            .find_map(|(_, e)| if let Event::Loaded { text, .. } = e { Some(text.clone()) } else { None })
    });
    let found = found.unwrap();
    assert_eq!((found.len(), found[0].kind, found[0].name.as_str()), (1, TextKind::Captions, "CC1"));
    assert!(changes(&w).is_empty());
    select(&mut w, TextChoice::Track(0));
    // All of it is buffered already: captions are not read again, and are there at once.
    let cues = times(&w);
    let first = cues.iter().find(|cue| cue.2.starts_with("Welcome")).expect("the caption of now");
    assert!(first.0 < 1.0 && first.1 > 2.3, "one cue over the end of a segment: {cues:?}");
    assert_eq!(cues.len(), 5);
    w.run_until(secs(30), "the end", |w| w.element.ended);
    assert_eq!((w.fatal(), w.errors().count()), (None, 0));
}

#[test]
fn captions_go_by_what_the_playlist_says_of_them() {
    let loaded = |w: &World| {
        let of = |e: &Event| match e {
            Event::Loaded { text, .. } | Event::TextTracks { text } => Some(text.clone()),
            _ => None,
        };
        w.events.iter().filter_map(|(_, e)| of(e)).next_back().unwrap()
    };
    let mut w = world(3_000_000, config(), captioned(",CLOSED-CAPTIONS=NONE", ""));
    w.run_until(secs(20), "the end", |w| w.element.ended);
    assert_eq!((loaded(&w), changes(&w)), (vec![], vec![]));
    let media = "#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"c\",NAME=\"Deutsch\",LANGUAGE=\"de\",INSTREAM-ID=\"CC1\",DEFAULT=YES,AUTOSELECT=YES";
    let mut w = world(3_000_000, config(), captioned(",CLOSED-CAPTIONS=\"c\"", media));
    w.run_until(secs(20), "the end", |w| w.element.ended);
    let text = loaded(&w);
    assert_eq!((text.len(), text[0].name.as_str(), text[0].language.as_str()), (1, "Deutsch", "de"));
    assert_eq!(changes(&w), [Some(0)], "the author's default");
    assert!(times(&w).len() >= 3);
}

#[test]
fn what_is_shown_without_a_choice() {
    let track = |name: &str, language: &str, more: &str| {
        format!(
            "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"s\",NAME=\"{name}\",LANGUAGE=\"{language}\",URI=\"{name}.m3u8\"{more}\n"
        )
    };
    let audio = "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"Main\",LANGUAGE=\"de\",DEFAULT=YES\n";
    let shown = |tracks: &str, languages: &[&str]| {
        let master = master(&format!("{audio}{tracks}"))
            .replace("SUBTITLES=\"s\"\nv", "SUBTITLES=\"s\",AUDIO=\"a\"\nv");
        let text_languages = languages.iter().map(|&l| l.to_owned()).collect();
        let mut w = world(3_000_000, Config { text_languages, ..config() }, move |r| serve(&master, r));
        w.run_until(secs(5), "playing", |w| w.position() > 0.2);
        changes(&w)
    };
    let plain = track("en", "en", ",AUTOSELECT=YES") + &track("fr", "fr", ",AUTOSELECT=YES");
    let default = plain.clone() + &track("es", "es", ",DEFAULT=YES,AUTOSELECT=YES");
    let forced =
        plain.clone() + &track("fr-forced", "fr", ",FORCED=YES") + &track("de-forced", "de", ",FORCED=YES");
    assert_eq!(shown(&plain, &[]), []);
    assert_eq!(shown(&plain, &["fr"]), [Some(1)]);
    assert_eq!(shown(&default, &[]), [Some(2)]);
    assert_eq!(shown(&default, &["en-US"]), [Some(0)], "the viewer's language before the author's default");
    assert_eq!(shown(&forced, &[]), [Some(3)], "what is needed, in the language that is heard");
    assert_eq!(shown(&forced, &["fr"]), [Some(1)], "forced text is not the translation");
}

#[test]
fn a_seek_loads_the_text_of_the_place() {
    let config =
        Config { text_languages: vec!["en".into()], buffer_goal: MediaTime::from_millis(6000), ..config() };
    let mut w = world(3_000_000, config, |r| serve(&master(ENGLISH), r));
    w.run_until(secs(5), "playing", |w| w.position() > 0.5);
    w.seek(20.0);
    w.run_until(secs(5), "the cue of the place", |w| times(w).iter().any(|cue| cue.2 == "segment 5"));
    let segments = w.requests_for(".vtt").into_iter().map(|(_, r)| path(r)).collect::<Vec<_>>();
    assert!(!segments.contains(&"3.vtt"), "{segments:?}");
}
