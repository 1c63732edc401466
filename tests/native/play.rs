//! Whole sessions in virtual time: the sample ladder, encrypted and signed, over a modelled network.

use std::time::Duration;

use cloud_player::engine::{Config, Event};
use cloud_player::error::Phase;
use cloud_player::media::TrackKind;
use cloud_player::time::MediaTime;

use crate::sample::{self, SECONDS, TOKEN};
use crate::setup::{Fault, RTT, config, faulty, sample, segment_requests, source, world};
use crate::world::{Network, Origin, Response, World, shared};

#[test]
fn an_encrypted_ladder_plays_from_the_first_frame_to_the_end() {
    let mut w = sample(5_000_000);
    w.run_until(Duration::from_secs(40), "the end", |w| w.element.ended);
    assert_eq!(w.fatal(), None);
    assert_eq!(w.errors().count(), 0);
    assert_eq!(w.element.stalls, 0);
    assert!((w.position() - SECONDS).abs() < 0.2, "ended at {}", w.position());
    assert!(w.events.iter().any(|(_, e)| matches!(e, Event::Loaded { rungs, .. } if rungs.len() == 4)));
    // Every frame of 24 s at 25 a second, whatever rungs it came from.
    let video = w.element.tracks.iter().find(|t| t.kind == TrackKind::Video).unwrap();
    assert!(video.samples >= 600, "{} samples", video.samples);
    assert_eq!(w.requests_for("/key").len(), 1, "one key, fetched once");
    assert_eq!(segment_requests(&w).len(), 6, "no segment twice: {:?}", segment_requests(&w));
}

#[test]
fn the_first_append_comes_long_before_the_first_segment_is_complete() {
    // At 100 kbit/s the first segment takes seconds.
    let held = Config { start_rung: Some(1), ..config() };
    let mut w = world(held, 100_000, Box::new(sample::serve));
    w.run_until(Duration::from_secs(60), "two segments", |w| segment_requests(w).len() == 2);
    let requests = segment_requests(&w);
    let (asked, complete) = (requests[0].0, requests[1].0);
    let appended = w.first_append.unwrap().as_micros() as f64 / 1e6;
    assert!(complete - asked > 3.0, "the segment took {} s", complete - asked);
    assert!(
        appended - asked < 0.5 * (complete - asked),
        "asked {asked}, appended {appended}, complete {complete}"
    );
}

#[test]
fn key_and_segment_are_asked_for_together_and_bytes_wait_for_the_key() {
    // The key's first answers fail, so that the segment is complete before its key comes.
    let origin = faulty("/key", |n, response| if n < 2 { Response::status(503) } else { response });
    let mut w = world(config(), 20_000_000, origin);
    w.run_until(Duration::from_secs(10), "first append", |w| w.first_append.is_some());
    let key = w.requests_for("/key")[0].0;
    let segment = w.requests_for(".ts")[0].0;
    assert_eq!(key, segment, "asked for at the same moment");
    assert_eq!(w.requests_for("000.ts").len(), 1, "the segment is not fetched twice");
    assert_eq!(
        w.errors().filter(|e| e.code == "server_error" && e.phase == Phase::Key && !e.fatal).count(),
        2
    );
    w.run_until(Duration::from_secs(40), "the end", |w| w.element.ended);
}

#[test]
fn the_rung_follows_the_network_up_and_down() {
    // The sample's rungs are at roughly 100, 150, 250 and 400 kbit/s.
    let config =
        Config { buffer_goal: MediaTime::from_millis(8000), stored_throughput: Some(130_000), ..config() };
    let mut w = world(config, 2_000_000, Box::new(sample::serve));
    w.run_until(Duration::from_secs(20), "the top rung", |w| {
        w.events.iter().any(|(_, e)| matches!(e, Event::RungChanged { rung: 3 }))
    });
    assert!(matches!(
        w.events.iter().find(|(_, e)| matches!(e, Event::RungChanged { .. })),
        Some((_, Event::RungChanged { rung: 0 }))
    ));
    w.network.bits_per_second = 120_000;
    w.run_until(Duration::from_secs(60), "the end", |w| w.element.ended);
    let last = w
        .events
        .iter()
        .rev()
        .find_map(|(_, e)| if let Event::RungChanged { rung } = e { Some(*rung) } else { None });
    assert!(last < Some(3), "still on rung {last:?}");
    assert_eq!(w.fatal(), None);
}

#[test]
fn a_seek_out_of_the_buffer_loads_there_and_a_seek_into_it_loads_nothing() {
    let config = Config { buffer_goal: MediaTime::from_millis(6000), ..config() };
    let mut w = world(config, 5_000_000, Box::new(sample::serve));
    w.run_until(Duration::from_secs(5), "playing", |w| w.position() > 0.5);
    w.seek(17.0);
    let asked = w.requests.len();
    w.run_until(Duration::from_secs(2), "playing at 17 s", |w| w.position() > 17.2);
    assert!(
        w.requests[asked..].iter().all(|(_, r)| !r.url.expose().contains("001.ts")),
        "nothing in between is loaded"
    );
    w.run_for(Duration::from_secs(1));
    let segments = segment_requests(&w).len();
    w.seek(17.1);
    w.run_until(Duration::from_secs(1), "playing on", |w| w.position() > 17.5);
    assert_eq!(segment_requests(&w).len(), segments, "what is buffered is used");
    // And back to the start, whose media is still there; it plays on over the hole to the end.
    w.seek(0.5);
    w.run_until(Duration::from_secs(60), "the end", |w| w.element.ended);
    assert_eq!(w.element.stalls, 0);
    assert_eq!(w.fatal(), None);
}

#[test]
fn of_many_seeks_only_the_last_counts() {
    let config = Config { buffer_goal: MediaTime::from_millis(6000), ..config() };
    let mut w = world(config, 1_000_000, Box::new(sample::serve));
    w.run_until(Duration::from_secs(5), "playing", |w| w.position() > 0.5);
    for target in [20.0, 8.0, 13.0, 3.0, 22.0, 9.5] {
        w.seek(target);
        w.run_for(Duration::from_millis(30));
    }
    w.run_until(Duration::from_secs(3), "playing at 9.5 s", |w| w.position() > 9.7 && w.position() < 11.0);
    assert_eq!(w.fatal(), None);
}

#[test]
fn a_start_in_the_middle_loads_nothing_before_it() {
    let config = Config { start: MediaTime::from_millis(13_000), ..config() };
    let mut w = world(config, 5_000_000, Box::new(sample::serve));
    w.run_until(Duration::from_secs(3), "playing", |w| w.position() > 13.3);
    assert_eq!(segment_requests(&w)[0].1, "003.ts");
}

#[test]
fn paused_it_loads_to_its_goal_and_no_further() {
    let config = Config { buffer_goal: MediaTime::from_millis(6000), ..config() };
    let mut w = World::new(config, Network::new(50_000_000, RTT), Box::new(sample::serve));
    w.give(cloud_player::engine::Input::Command(cloud_player::engine::Command::Load(vec![source()])));
    w.run_for(Duration::from_secs(20));
    assert_eq!(segment_requests(&w).len(), 2, "8 s of media for a goal of 6 s");
    assert_eq!(w.position(), 0.0);
}

#[test]
fn segment_faults_that_pass_are_survived() {
    let faults: [(&str, Fault); 4] = [
        ("server_error", |n, r| if n < 3 { Response::status(503) } else { r }),
        ("short_body", |n, r| if n < 2 { Response { cut_after: Some(r.body.len() / 2), ..r } } else { r }),
        ("timeout", |n, r| if n < 1 { Response { stall_after: Some(r.body.len() / 3), ..r } } else { r }),
        ("network", |n, r| if n < 3 { Response { refused: true, ..r } } else { r }),
    ];
    for (code, fault) in faults {
        // On a held rung: otherwise a body that stalls is given up for a lower one before it runs out of patience.
        let held = Config { start_rung: Some(1), ..config() };
        let mut w = world(held, 2_000_000, faulty("002.ts", fault));
        w.run_until(Duration::from_secs(60), code, |w| w.element.ended);
        assert!(
            w.errors().count() > 0 && w.errors().all(|e| e.code == code && !e.fatal),
            "{code}: {:?}",
            w.events
        );
        assert_eq!(w.element.stalls, 0, "{code}: what was buffered played on");
    }
}

#[test]
fn a_body_that_stalls_is_given_up_for_a_lower_rung_before_it_runs_out_of_patience() {
    let fault: Fault = |n, r| if n < 1 { Response { stall_after: Some(r.body.len() / 3), ..r } } else { r };
    let mut w = world(config(), 2_000_000, faulty("002.ts", fault));
    w.run_until(Duration::from_secs(60), "the end", |w| w.element.ended);
    assert_eq!((w.errors().count(), w.element.stalls), (0, 0));
    assert_eq!(w.requests_for("002.ts").len(), 2);
}

#[test]
fn faults_that_do_not_pass_end_with_one_fatal_error_that_names_them() {
    let faults: [(&str, Fault, &str, Phase, Option<u16>); 9] = [
        ("master.m3u8", |_, _| Response::status(404), "not_found", Phase::Playlist, Some(404)),
        ("master.m3u8", |_, _| Response::ok("<html>no</html>"), "not_a_playlist", Phase::Playlist, None),
        ("index.m3u8", |_, _| Response::status(403), "access_refused", Phase::Playlist, Some(403)),
        ("/key", |_, _| Response::status(403), "access_refused", Phase::Key, Some(403)),
        ("/key", |_, _| Response::ok("short"), "key_length", Phase::Key, None),
        ("/key", |_, _| Response::ok(*b"another key, 16b"), "wrong_key", Phase::Decrypt, None),
        (".ts", |_, _| Response::status(500), "server_error", Phase::Segment, Some(500)),
        (".ts", |_, r| Response { refused: true, ..r }, "network", Phase::Segment, None),
        (".ts", |_, r| Response { stall_after: Some(1000), ..r }, "timeout", Phase::Segment, None),
    ];
    for (part, fault, code, phase, status) in faults {
        let mut w = world(config(), 2_000_000, faulty(part, fault));
        w.run_until(Duration::from_secs(200), code, |w| w.fatal().is_some());
        let error = w.fatal().unwrap();
        assert_eq!((error.code, error.phase, error.status), (code, phase, status), "{part}");
        let requests = w.requests.len();
        w.run_for(Duration::from_secs(60));
        assert_eq!(w.errors().filter(|e| e.fatal).count(), 1, "{part}: fatal once");
        assert!(w.requests.len() <= requests + 1, "{part}: nothing but the last report after the end");
    }
}

#[test]
fn a_sink_without_room_makes_room_and_plays_on() {
    let mut w = sample(10_000_000);
    w.element.quota = Some(350_000);
    w.run_until(Duration::from_secs(90), "the end", |w| w.element.ended);
    assert_eq!(w.fatal(), None);
}

#[test]
fn the_report_says_what_happened_and_no_secret() {
    // An outage in the middle, long enough to stall.
    let down = shared(false);
    let switch = down.clone();
    let origin: Origin = Box::new(move |r| {
        let down = *switch.borrow() && !r.url.expose().contains("telemetry");
        if down { Response { refused: true, ..Response::default() } } else { sample::serve(r) }
    });
    let config = Config { buffer_goal: MediaTime::from_millis(5000), ..config() };
    let mut w = world(config, 2_000_000, origin);
    w.run_until(Duration::from_secs(10), "playing", |w| w.position() > 2.0);
    *down.borrow_mut() = true;
    w.run_until(Duration::from_secs(20), "a stall", |w| w.element.stalls == 1);
    *down.borrow_mut() = false;
    w.run_until(Duration::from_secs(60), "the end", |w| w.element.ended);
    w.run_for(Duration::from_secs(15));

    let qoe = w.stats.as_ref().unwrap().qoe.clone();
    assert_eq!(qoe.stall_count, 1);
    assert!(qoe.stall_ms > 0 && qoe.rebuffer_ratio > 0.0);
    assert!(qoe.startup_ms.is_some_and(|ms| ms < 2000), "{:?}", qoe.startup_ms);
    let all: u64 = w.requests.len() as u64;
    assert!(qoe.bytes_total > 100_000 && all > 6);
    assert!(qoe.failures.iter().any(|f| f.code == "network"));

    let reports = w.reports();
    assert!(!reports.is_empty());
    let last: serde_json::Value = serde_json::from_str(reports[reports.len() - 1]).unwrap();
    assert_eq!(last["session_id"], "a-session");
    let record = last["records"].as_array().unwrap().iter().find(|r| r["kind"] == "qoe").unwrap();
    assert_eq!(record["stallCount"], 1);

    let shown = format!("{:?} {:?} {}", w.events, w.stats, reports.join(" "));
    for secret in [TOKEN, "5ec2e7", "sixteen byte key"] {
        assert!(!shown.contains(secret), "{secret} leaked");
    }
}

#[test]
fn the_same_inputs_give_the_same_session() {
    let run = || {
        let mut w = world(
            config(),
            1_500_000,
            faulty(".ts", |n, r| if n % 3 == 1 { Response::status(500) } else { r }),
        );
        w.run_for(Duration::from_secs(30));
        format!("{:?} {:?}", w.events, w.requests)
    };
    assert_eq!(run(), run());
}
