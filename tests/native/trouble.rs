//! What goes wrong besides the network: playlists whose durations lie, sinks without room, viewers who drag the slider
//! to the end, servers that answer something else. Every session here plays to the end or says why not.

use std::time::Duration;

use cloud_player::engine::{
    Chunk, Command, Config, Environment, Event, Input, NetEvent, Request, RequestId, SinkEvent, SinkFailure,
};
use cloud_player::media::TrackKind;
use cloud_player::time::{MediaTime, Timestamp};

use crate::sample::{self, SECONDS};
use crate::setup::{self, edited, faulty, secs, segment_requests, source, world};
use crate::world::{Network, Response, World, shared};

/// One rung, held, so that what is tested is not adaptation.
fn config() -> Config {
    Config { start_rung: Some(0), ..setup::config() }
}

fn goal(ms: i64) -> Config {
    Config { buffer_goal: MediaTime::from_millis(ms), ..config() }
}

fn clear(config: Config) -> World {
    world(config, 5_000_000, Box::new(sample::serve))
}

fn plays(w: &mut World) {
    w.run_until(secs(10), "playing", |w| w.position() > 0.5);
}

fn ends(w: &mut World) {
    w.run_until(secs(120), "the end", |w| w.element.ended);
    assert_eq!(w.fatal(), None);
    assert!((w.position() - SECONDS).abs() < 0.3, "ended at {}", w.position());
}

fn video_samples(w: &World) -> usize {
    w.element.tracks.iter().find(|t| t.kind == TrackKind::Video).unwrap().samples
}

#[test]
fn a_removal_after_the_end_of_the_stream_does_not_cost_the_end() {
    let mut w = clear(Config { back_buffer: MediaTime::from_millis(2000), ..config() });
    ends(&mut w);
    assert_eq!(w.element.stalls, 0);
    w.seek(0.0);
    w.run_until(secs(5), "playing again", |w| w.position() > 0.5 && w.position() < 5.0);
    ends(&mut w);
}

#[test]
fn dragging_to_the_end_loads_the_end_and_does_not_cut_the_video_short() {
    for to in [SECONDS, SECONDS - 0.03, SECONDS + 5.0] {
        let mut w = clear(goal(6000));
        plays(&mut w);
        w.seek(to);
        w.run_for(secs(3));
        assert!(segment_requests(&w).iter().any(|(_, s)| s == "005.ts"), "seek to {to}");
        assert!(w.element.duration.is_some_and(|d| d.as_secs() > SECONDS - 0.3), "{:?}", w.element.duration);
        w.seek(10.0);
        ends(&mut w);
    }
}

#[test]
fn a_seek_into_what_is_just_being_removed_loads_it_again() {
    let mut w = clear(Config { back_buffer: MediaTime::from_millis(2000), ..config() });
    w.run_until(secs(30), "a removal", |w| {
        w.element.buffered().first().is_some_and(|r| r.start.as_secs() > 1.0)
    });
    w.seek(5.0);
    w.run_until(secs(5), "playing at 5 s", |w| w.position() > 5.5 && w.position() < 7.0);
    ends(&mut w);
}

#[test]
fn durations_that_lie_cost_no_segment() {
    for said in ["3.2", "5.0", "4.4"] {
        let edit = move |text: String| text.replace("EXTINF:4.000000", &format!("EXTINF:{said}"));
        let mut w = world(goal(4000), 5_000_000, edited(edit));
        ends(&mut w);
        assert_eq!(segment_requests(&w).len(), 6, "EXTINF {said}: {:?}", segment_requests(&w));
        assert_eq!(w.element.stalls, 0, "EXTINF {said}");
    }
}

#[test]
fn a_seek_by_durations_that_lie_still_finds_its_place() {
    let edit = |text: String| text.replace("EXTINF:4.000000", "EXTINF:3.2");
    let mut w = world(goal(4000), 5_000_000, edited(edit));
    plays(&mut w);
    w.seek(15.0);
    w.run_until(secs(10), "playing at 15 s", |w| w.position() > 15.5 && w.position() < 18.0);
    assert_eq!(w.fatal(), None);
}

#[test]
fn a_seek_into_a_small_hole_plays_on_behind_it() {
    let edit = |text: String| text.replacen("EXTINF:4.000000", "EXTINF:3.6", 1);
    let mut w = world(goal(2000), 5_000_000, edited(edit));
    plays(&mut w);
    w.seek(7.8);
    w.run_until(secs(20), "playing on", |w| w.position() > 9.0);
}

#[test]
fn a_segment_without_media_is_an_error_and_not_a_black_picture() {
    // Only the tables at its head.
    let origin = faulty("002.ts", |_, _| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/origin/sample/360p/002.ts");
        Response::ok(sample::encrypt(&std::fs::read(path).unwrap()[..564], 2))
    });
    let mut w = world(config(), 5_000_000, origin);
    w.run_until(secs(60), "a word about it", |w| w.errors().any(|e| e.code == "segment_without_media"));
    w.run_until(secs(60), "an end", |w| w.element.ended || w.fatal().is_some());
}

#[test]
fn video_in_a_codec_that_is_not_supported_is_an_error_and_not_sound_alone() {
    let origin = faulty("000.ts", |_, _| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/origin/sample/360p/000.ts");
        let mut segment = std::fs::read(path).unwrap();
        let is_map = |packet: &&mut [u8]| packet[..3] == [0x47, 0x50, 0x00];
        for packet in segment.chunks_exact_mut(188).filter(is_map) {
            let section = &mut packet[5..];
            let length = usize::from(u16::from_be_bytes([section[1] & 0x0f, section[2]])) + 3;
            let video = section.iter().position(|&byte| byte == 0x1b).unwrap();
            section[video] = 0x02; // MPEG-2
            let crc = section[..length - 4].iter().fold(u32::MAX, |crc, &byte| {
                (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
                    crc << 1 ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 }
                })
            });
            section[length - 4..length].copy_from_slice(&crc.to_be_bytes());
        }
        Response::ok(sample::encrypt(&segment, 0))
    });
    let mut w = world(config(), 5_000_000, origin);
    w.run_until(secs(60), "an end", |w| w.element.ended || w.fatal().is_some());
    assert_eq!(w.fatal().unwrap().code, "unsupported_codec");
    assert_eq!(w.position(), 0.0);
}

#[test]
fn media_ahead_gives_way_to_what_must_play_next() {
    let start = MediaTime::from_millis(12_000);
    let mut w = clear(Config { start_rung: Some(3), start, ..goal(8000) });
    w.run_until(secs(10), "playing", |w| w.position() > 13.5);
    w.element.quota = Some(450_000);
    w.seek(0.0);
    w.run_until(secs(20), "playing from the start", |w| w.position() > 1.0 && w.position() < 8.0);
    assert_eq!(w.fatal(), None);
}

/// Going a little way back, into media that a full sink has let go: what is loaded for there waits for room, and the session sent
/// the viewer on to what was buffered instead.
#[test]
fn a_full_sink_does_not_undo_a_seek() {
    let config = Config { start_rung: Some(3), back_buffer: MediaTime::from_millis(1000), ..goal(30_000) };
    let mut w = clear(config);
    w.element.quota = Some(450_000);
    w.run_until(secs(60), "playing", |w| w.position() > 14.0);
    for back in [3.0, 5.0, 7.0] {
        let to = w.position() - back;
        w.seek(to);
        w.run_until(secs(30), "playing from there", |w| {
            w.position() > to + 0.3 && !w.element.state().seeking
        });
        assert!(w.position() < to + 1.0, "sent from {to} to {}", w.position());
        w.run_for(secs(3));
    }
    assert_eq!(w.fatal(), None);
}

#[test]
fn a_sink_too_small_for_the_stream_is_an_error() {
    let mut w = clear(Config { start_rung: Some(3), ..config() });
    w.element.quota = Some(30_000);
    w.run_until(secs(60), "an error", |w| w.fatal().is_some());
    assert_eq!(w.fatal().unwrap().code, "sink_full");
}

#[test]
fn an_outage_is_waited_out_while_something_is_buffered() {
    // One attempt more than a segment is otherwise given; the buffer lasts longer.
    let refuse = |n, r| if n < 7 { Response { refused: true, ..r } } else { r };
    let mut w = world(goal(20_000), 5_000_000, faulty("005.ts", refuse));
    ends(&mut w);
    assert_eq!(w.errors().filter(|e| e.code == "network" && !e.fatal).count(), 7);
}

#[test]
fn offline_is_waited_out_and_ends_with_the_network() {
    let mut w = world(
        goal(4000),
        5_000_000,
        faulty("003.ts", |n, r| if n < 12 { Response { refused: true, ..r } } else { r }),
    );
    w.run_until(secs(20), "the outage", |w| w.errors().count() > 0);
    w.give(Input::Environment(Environment::Online(false)));
    w.run_for(secs(60));
    assert_eq!(w.fatal(), None, "nobody is thrown out of a tunnel");
    for _ in 0..12 {
        w.give(Input::Environment(Environment::Online(true)));
        w.run_for(secs(1));
    }
    ends(&mut w);
}

/// A world in which connections are refused from the tenth second on, for so long, with a few seconds buffered.
fn cut_off_for(seconds: u64) -> World {
    let clock = shared(Timestamp::ZERO);
    let time = clock.clone();
    let origin = Box::new(move |request: &Request| {
        let now = time.borrow().since(Timestamp::ZERO);
        let refused = (secs(10)..secs(10 + seconds)).contains(&now);
        Response { refused, ..sample::serve(request) }
    });
    let network = Network::new(5_000_000, Duration::from_millis(50));
    let mut w = World::new(goal(4000), network, origin);
    w.clock = Some(clock);
    w.play(source());
    w
}

#[test]
fn an_outage_that_empties_the_buffer_is_waited_out_for_a_minute() {
    let mut w = cut_off_for(45);
    w.run_until(secs(120), "the end", |w| w.element.ended || w.fatal().is_some());
    assert_eq!(w.fatal(), None, "half a minute of closed connections ended the session");
    assert_eq!(w.element.stalls, 1);

    let mut w = cut_off_for(600);
    w.run_until(secs(300), "an error", |w| w.fatal().is_some());
    assert_eq!(w.fatal().unwrap().code, "network");
    let told = w.now.since(Timestamp::ZERO);
    assert!((secs(70)..secs(85)).contains(&told), "told after {told:?}");
}

#[test]
fn after_the_end_there_is_no_second_error_and_no_further_report() {
    let fail = || Input::Sink(SinkEvent::Failed { failure: SinkFailure::Closed, detail: "x".into() });
    let mut w = clear(config());
    plays(&mut w);
    w.give(fail());
    w.give(fail());
    assert_eq!(w.errors().filter(|e| e.fatal).count(), 1);

    let mut w = clear(config());
    plays(&mut w);
    w.give(Input::Command(Command::Stop));
    w.give(fail());
    w.run_for(secs(1));
    let reports = w.reports().len();
    w.give(Input::Environment(Environment::Visible(false)));
    w.run_for(secs(30));
    assert_eq!((w.errors().count(), w.reports().len()), (0, reports));
}

#[test]
fn a_seek_before_anything_is_known_is_where_playback_starts() {
    let mut w = clear(Config { start: MediaTime::from_millis(8000), ..goal(4000) });
    w.seek(20.0);
    w.run_until(secs(5), "playing at 20 s", |w| w.position() > 20.3);
    assert_eq!(segment_requests(&w).first().map(|(_, s)| s.as_str()), Some("005.ts"));
}

#[test]
fn a_retry_costs_no_frame() {
    let whole = {
        let mut w = clear(config());
        ends(&mut w);
        video_samples(&w)
    };
    let faults: [setup::Fault; 2] = [
        |n, r| if n == 0 { Response::status(503) } else { r },
        |n, r| if n == 0 { Response { refused: true, ..r } } else { r },
    ];
    for fault in faults {
        let mut w = world(config(), 5_000_000, faulty("002.ts", fault));
        ends(&mut w);
        assert_eq!(video_samples(&w), whole);
    }
}

#[test]
fn a_seek_into_the_buffer_costs_no_frame() {
    let whole = {
        let mut w = clear(config());
        ends(&mut w);
        video_samples(&w)
    };
    // All is loaded, and the last frame is still held back: it is asked for when the buffer is below its goal again.
    let mut w = clear(goal(20_000));
    w.run_until(secs(20), "the last segment", |w| {
        w.element.buffered().last().is_some_and(|range| range.end.as_secs() > SECONDS - 0.1)
    });
    w.seek(w.position() + 1.0);
    ends(&mut w);
    assert_eq!((video_samples(&w), segment_requests(&w).len()), (whole, 6));
}

#[test]
fn what_the_network_broke_does_not_count_against_a_body_that_is_bad() {
    let origin = faulty("360p/002.ts", |n, r| match n {
        0 => Response::status(503),
        1 => Response::ok(vec![0; 4096]),
        _ => r,
    });
    let mut w = world(config(), 5_000_000, origin);
    ends(&mut w);
    assert_eq!(w.requests_for("360p/002.ts").len(), 3, "the rung goes on");
}

#[test]
fn one_page_of_a_hotel_portal_in_place_of_a_segment_is_survived() {
    let html = format!("<!DOCTYPE html><html>{}</html>", "please log in to this network ".repeat(400));
    for length in [8192, 8190] {
        let page = html[..length].to_owned();
        let mut w = world(
            config(),
            5_000_000,
            faulty("003.ts", move |n, r| if n == 0 { Response::ok(page.clone()) } else { r }),
        );
        ends(&mut w);
        assert!(
            w.errors().all(|e| e.code != "wrong_key" && !e.fatal),
            "{:?}",
            w.errors().collect::<Vec<_>>()
        );
    }
}

#[test]
fn a_rung_that_is_broken_gives_way_and_is_not_asked_for_again() {
    for broken in ["360p", "480p", "1080p"] {
        let config = Config { start_rung: None, stored_throughput: Some(170_000), ..goal(4000) };
        let origin = Box::new(move |r: &Request| {
            let gone = r.url.expose().contains(broken) && r.url.expose().contains("index.m3u8");
            if gone { Response::status(404) } else { sample::serve(r) }
        });
        let mut w = world(config, 5_000_000, origin);
        ends(&mut w);
        assert!(w.requests_for(broken).len() <= 1, "{broken}: {:?}", w.requests_for(broken));
    }
}

#[test]
fn a_segment_missing_from_one_rung_is_taken_from_another() {
    let origin = faulty("480p/002.ts", |_, _| Response::status(404));
    let config = Config { start_rung: Some(1), ..goal(4000) };
    let mut w = world(config, 5_000_000, origin);
    ends(&mut w);
    assert!(w.errors().any(|e| e.code == "not_found" && !e.fatal));
}

#[test]
fn a_key_of_a_place_that_was_left_does_no_harm() {
    let lock_last = |text: String| {
        let key = "#EXT-X-KEY:METHOD=AES-128,URI=\"/else\"\n";
        let at = text.rfind("#EXTINF").unwrap();
        format!("{}{key}{}", &text[..at], &text[at..])
    };
    let mut w = world(goal(4000), 5_000_000, edited(lock_last));
    plays(&mut w);
    w.seek(22.0);
    w.run_for(Duration::from_millis(20));
    w.seek(1.5);
    w.run_for(secs(3));
    assert_eq!(w.fatal(), None);
    assert!(w.position() > 3.0);
    // Where it is needed, it is fatal.
    w.seek(22.0);
    w.run_until(secs(5), "refused", |w| w.fatal().is_some_and(|e| e.code == "access_refused"));
}

#[test]
fn a_gap_is_stepped_over_without_being_asked_for() {
    let edit = |text: String| text.replace("003.ts", "#EXT-X-GAP\n003.ts");
    let mut w = world(config(), 5_000_000, edited(edit));
    ends(&mut w);
    assert!(w.requests_for("003.ts").is_empty());
}

#[test]
fn paused_at_its_goal_the_session_sleeps() {
    let mut w = World::new(goal(3900), Network::new(5_000_000, setup::RTT), Box::new(sample::serve));
    w.give(Input::Command(Command::Load(vec![source()])));
    w.run_for(secs(10));
    assert_eq!(segment_requests(&w).len(), 1);
}

#[test]
fn bytes_that_may_be_a_key_are_not_shown() {
    let input = Input::Net { id: RequestId(1), event: NetEvent::Chunk(Chunk(sample::KEY.to_vec())) };
    let shown = format!("{input:?}");
    assert!(shown.contains("16 bytes") && !shown.contains("115"), "{shown}");
}

#[test]
fn the_rung_under_the_playhead_is_told_as_soon_as_it_plays() {
    // At this rate the first segment takes seconds.
    let mut w = world(config(), 200_000, Box::new(sample::serve));
    w.run_until(secs(20), "the rung", |w| {
        w.events.iter().any(|(_, e)| matches!(e, Event::RungChanged { rung: 0 }))
    });
    assert!(segment_requests(&w).len() == 1 && w.position() < 0.6, "told at {}", w.position());
}
