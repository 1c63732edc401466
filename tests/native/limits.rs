//! What limits the choice of rungs beside the network, what pauses loading, and what is loaded twice because it pays.

use cloud_player::engine::{Command, Config, Environment, Input};
use cloud_player::time::MediaTime;

use crate::sample;
use crate::setup::{self, config, secs, segment_requests, source};
use crate::world::{Network, World};

const FAST: u64 = 20_000_000;

/// The rungs of all segments asked for so far, in order.
fn rungs(w: &World) -> Vec<usize> {
    let rung = |url: &str| ["360p", "480p", "720p", "1080p"].iter().position(|name| url.contains(name));
    let segments = w.requests.iter().filter(|(_, r)| r.url.expose().contains(".ts"));
    segments.map(|(_, r)| rung(r.url.expose()).unwrap()).collect()
}

fn highest(config: Config, inputs: impl IntoIterator<Item = Input>) -> usize {
    let mut w = World::new(config, Network::new(FAST, setup::RTT), Box::new(sample::serve));
    for input in inputs {
        w.give(input);
    }
    w.play(source());
    w.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!(w.fatal(), None);
    rungs(&w).into_iter().max().unwrap()
}

fn viewport(width: u32, height: u32) -> Input {
    Input::Environment(Environment::Viewport { width, height })
}

#[test]
fn an_element_gets_no_more_pixels_than_it_shows() {
    assert_eq!(highest(config(), []), 3);
    assert_eq!(highest(config(), [viewport(640, 360)]), 0);
    assert_eq!(highest(config(), [viewport(700, 394)]), 1);
    assert_eq!(highest(config(), [viewport(1280, 720)]), 2);
    // Upright, the width decides.
    assert_eq!(highest(config(), [viewport(390, 844)]), 0);
    assert_eq!(highest(config(), [viewport(3840, 2160)]), 3);
    // Not laid out yet, or not to be limited.
    assert_eq!(highest(config(), [viewport(0, 0)]), 3);
    let config = Config { cap_to_viewport: false, ..config() };
    assert_eq!(highest(config, [viewport(640, 360)]), 3);
}

#[test]
fn the_page_sets_a_floor_and_a_cap_and_a_held_rung_is_above_both() {
    let limit = |floor, cap| Input::Command(Command::LimitRungs { floor, cap });
    assert_eq!(highest(config(), [limit(None, Some(1))]), 1);
    assert_eq!(highest(config(), [limit(Some(9), Some(9))]), 3);
    let little = Config { buffer_goal: MediaTime::from_millis(6000), ..config() };
    let mut w = World::new(little, Network::new(300_000, setup::RTT), Box::new(sample::serve));
    w.give(limit(Some(2), None));
    // The page's wish goes before what is automatic.
    w.give(viewport(640, 360));
    w.play(source());
    w.run_for(secs(10));
    assert!(rungs(&w).iter().all(|rung| *rung == 2), "{:?}", rungs(&w));
    w.give(Input::Command(Command::SelectRung(Some(0))));
    w.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!(rungs(&w).last(), Some(&0));
}

/// A segment that comes too slowly is not given up for one of a rung that the page does not want.
#[test]
fn no_second_thought_goes_below_the_floor() {
    let mut w = World::new(config(), Network::new(100_000, setup::RTT), Box::new(sample::serve));
    w.give(Input::Command(Command::LimitRungs { floor: Some(2), cap: None }));
    w.play(source());
    w.run_for(secs(60));
    assert!(rungs(&w).iter().all(|rung| *rung >= 2), "{:?}", rungs(&w));
}

#[test]
fn a_data_budget_and_the_data_saver_limit_the_rate() {
    // The sample's averages are below the peaks that it declares as BANDWIDTH: 127, 193, 296 and 420 kbit/s.
    let budget = |bits: u64| Config { data_budget: Some(bits * 3600 / 8), ..config() };
    assert_eq!(highest(budget(500_000), []), 3);
    assert_eq!(highest(budget(200_000), []), 1);
    assert_eq!(highest(budget(1), []), 0);
    let mut w = World::new(config(), Network::new(FAST, setup::RTT), Box::new(sample::serve));
    w.give(Input::Environment(Environment::SavesData(true)));
    w.play(source());
    w.run_until(secs(5), "playing", |w| w.position() > 0.5);
    w.pause();
    w.run_for(secs(30));
    assert!(segment_requests(&w).len() <= 4, "{:?}", segment_requests(&w));
    w.seek(20.0);
    w.resume();
    w.run_until(secs(30), "the end", |w| w.element.ended);
}

#[test]
fn loading_pauses_when_the_page_says_so() {
    let mut w = setup::sample(FAST);
    w.give(Input::Command(Command::PauseLoading(true)));
    w.run_for(secs(5));
    assert_eq!(segment_requests(&w).len(), 0);
    assert_eq!(w.stats.as_ref().and_then(|s| s.waiting_for), Some("page"));
    w.give(Input::Command(Command::PauseLoading(false)));
    w.run_until(secs(40), "the end", |w| w.element.ended);
}

#[test]
fn a_decoder_that_drops_frames_gets_a_lower_rung_for_a_while() {
    let little = Config { buffer_goal: MediaTime::from_millis(3000), ..config() };
    let mut w = World::new(little, Network::new(FAST, setup::RTT), Box::new(sample::serve));
    w.play(source());
    for second in 0..14 {
        w.element.set_frames(second * 30, second * 10);
        w.run_for(secs(1));
    }
    w.run_until(secs(60), "the end", |w| w.element.ended);
    let (mut before, after) = (rungs(&w), [2, 2]);
    assert!(before.ends_with(&after), "{before:?}");
    before.truncate(before.iter().position(|rung| *rung == 2).unwrap());
    assert!(before.len() >= 3 && before.iter().all(|rung| *rung == 3), "{before:?}");
    assert!(w.reports().concat().contains("decoder_overburdened"));
}

#[test]
fn what_was_buffered_while_the_network_was_slow_is_replaced_once_it_is_fast() {
    let long = Config { buffer_goal: MediaTime::from_millis(22_000), ..config() };
    let play = |config| {
        let mut w = World::new(config, Network::new(180_000, setup::RTT), Box::new(sample::serve));
        w.play(source());
        w.run_until(secs(60), "playing", |w| w.position() > 1.0);
        w.pause();
        w.run_until(secs(60), "all of it", |w| segment_requests(w).len() >= 5);
        let slow = rungs(&w);
        w.network.bits_per_second = 40_000_000;
        w.give(Input::Command(Command::PauseLoading(true)));
        let before = w.requests.len();
        w.run_for(secs(5));
        let asked = w.requests[before..].iter().filter(|(_, r)| r.body.is_none()).count();
        assert_eq!(asked, 0, "nothing is replaced while the page wants nothing loaded");
        w.give(Input::Command(Command::PauseLoading(false)));
        let stalls = w.element.stalls;
        w.run_for(secs(20));
        w.resume();
        w.run_until(secs(60), "the end", |w| w.element.ended);
        assert_eq!((w.fatal(), w.element.stalls), (None, stalls));
        (slow.len(), rungs(&w), w.stats.unwrap().qoe)
    };
    let (slow, all, qoe) = play(long.clone());
    let again = &all[slow..];
    assert!(again.len() > 6 - slow && again.contains(&3), "{all:?}, {slow} of them slowly");
    assert!(qoe.bytes_wasted > 50_000, "{} {all:?} {slow}", qoe.bytes_wasted);
    let (_, once, without) = play(Config { replace_buffered: false, ..long });
    assert!(once.len() < all.len() && without.bytes_wasted < qoe.bytes_wasted, "{once:?} {all:?}");
}

#[test]
fn a_segment_that_plays_as_it_comes_in_is_not_given_up_for_its_end() {
    // The highest rung takes four fifths of the network, and nothing is buffered yet.
    let mut w = World::new(config(), Network::new(400_000, setup::RTT), Box::new(sample::serve));
    w.play(source());
    w.run_until(secs(60), "the end", |w| w.element.ended);
    assert_eq!(w.requests_for("000.ts").len(), 1, "{:?}", segment_requests(&w));
    let qoe = &w.stats.as_ref().unwrap().qoe;
    assert!(qoe.bytes_wasted == 0 && qoe.stall_ms < 100, "{qoe:?}");
}
