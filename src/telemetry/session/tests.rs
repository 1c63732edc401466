use proptest::prelude::*;

use super::*;
use crate::error::Phase;
use crate::secret::Url;
use crate::telemetry::{Outbox, Trace};

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// A session that started playing: loaded at 1000, wanted at 1000, first frame at 1300, frames move at 1350.
fn playing() -> QoeSession {
    let mut q = QoeSession::new(at(900));
    q.load(at(1000));
    q.play_requested(at(1000));
    q.waiting(at(1001));
    q.first_frame(at(1300));
    q.playing(at(1350));
    q
}

fn error(fatal: bool) -> PlayerError {
    PlayerError {
        code: "access_refused",
        phase: Phase::Key,
        status: Some(403),
        fatal,
        message: "token SECRET-TOKEN refused".to_owned(),
        url: Some(Url::new("https://u:SECRET-USER@h/voddrm.token.SECRET-TOKEN.v.m3u8?sign=SECRET-SIGN")),
    }
}

#[test]
fn startup_runs_from_the_wish_to_the_first_frame() {
    let q = playing().snapshot(at(2350));
    assert_eq!((q.startup_ms, q.join_ms), (Some(300), Some(350)));
    assert_eq!((q.session_ms, q.played_ms, q.stall_count), (1450, 1000, 0));
}

#[test]
fn startup_of_a_preloaded_video_is_what_the_viewer_waits() {
    let mut q = QoeSession::new(at(0));
    q.load(at(0));
    q.first_frame(at(400));
    assert_eq!(q.snapshot(at(9_000)).startup_ms, None);
    q.play_requested(at(10_000));
    q.playing(at(10_020));
    let q = q.snapshot(at(10_020));
    assert_eq!((q.startup_ms, q.join_ms), (Some(20), Some(20)));
}

#[test]
fn a_wish_before_the_source_counts_from_the_source() {
    let mut q = QoeSession::new(at(0));
    q.play_requested(at(10));
    q.load(at(500));
    q.playing(at(800)); // a host that cannot tell the first frame
    q.first_frame(at(810));
    let q = q.snapshot(at(800));
    assert_eq!((q.startup_ms, q.join_ms), (Some(300), Some(300)));
}

#[test]
fn a_wish_taken_back_does_not_count() {
    let mut q = QoeSession::new(at(0));
    q.load(at(0));
    q.play_requested(at(0));
    q.paused(at(50));
    q.play_requested(at(5_000));
    q.first_frame(at(5_100));
    assert_eq!(q.snapshot(at(5_100)).startup_ms, Some(100));
}

#[test]
fn a_stall_lasts_until_frames_move_again_and_counts_while_it_lasts() {
    let mut q = playing();
    q.waiting(at(2350));
    q.waiting(at(2400));
    let open = q.snapshot(at(2600));
    assert_eq!((open.played_ms, open.stall_count, open.stall_ms), (1000, 1, 250));
    assert!((open.rebuffer_ratio - 0.2).abs() < 1e-9);
    q.playing(at(2850));
    let closed = q.snapshot(at(3850));
    assert_eq!((closed.played_ms, closed.stall_count, closed.stall_ms), (2000, 1, 500));
    assert!((closed.rebuffer_ratio - 0.2).abs() < 1e-9);
}

#[test]
fn waiting_before_the_start_in_a_pause_or_after_the_end_is_no_stall() {
    let mut q = QoeSession::new(at(0));
    q.waiting(at(0));
    q.load(at(0));
    q.play_requested(at(0));
    q.waiting(at(1));
    q.first_frame(at(100));
    q.waiting(at(101));
    q.playing(at(200));
    q.paused(at(300));
    q.waiting(at(310));
    q.play_requested(at(400));
    q.playing(at(410));
    q.ended(at(500));
    q.waiting(at(510));
    let q = q.snapshot(at(9_000));
    assert_eq!((q.stall_count, q.stall_ms, q.played_ms), (0, 0, 190));
}

#[test]
fn a_stall_goes_to_the_pause_and_comes_back_with_the_wish() {
    let mut q = playing();
    q.waiting(at(2000));
    q.paused(at(2100));
    q.play_requested(at(7000));
    q.waiting(at(7001));
    q.playing(at(7101));
    let q = q.snapshot(at(7101));
    assert_eq!((q.stall_count, q.stall_ms), (2, 200));
}

#[test]
fn waiting_that_leads_to_the_end_was_no_stall() {
    let mut q = playing();
    q.waiting(at(2350));
    q.ended(at(2360));
    let q = q.snapshot(at(5000));
    assert_eq!((q.stall_count, q.stall_ms, q.played_ms), (0, 0, 1000));
    assert!(q.ended);
    assert_eq!(q.exit, Some(Exit::Completed));
}

#[test]
fn a_seek_is_neither_a_stall_nor_playing_time() {
    // Out of the buffer: the element waits, the seek ends, data comes later.
    let mut q = playing();
    q.seeking(at(2350));
    q.waiting(at(2351));
    q.seeking(at(2400));
    q.seeked(at(2700));
    q.waiting(at(2701));
    q.playing(at(2900));
    let out = q.snapshot(at(3900));
    assert_eq!((out.seek_count, out.stall_count, out.played_ms), (1, 0, 2000));
    // Into it: nothing but seeking and seeked.
    q.seeking(at(3900));
    q.seeked(at(3950));
    let into = q.snapshot(at(4950));
    assert_eq!((into.seek_count, into.stall_count, into.played_ms), (2, 0, 3000));
    // Paused: it stays paused.
    q.paused(at(4950));
    q.seeking(at(5000));
    q.seeked(at(5050));
    assert_eq!(q.snapshot(at(9000)).played_ms, 3000);
    // A stall ends where a seek begins.
    q.play_requested(at(9000));
    q.playing(at(9000));
    q.waiting(at(9100));
    q.seeking(at(9200));
    q.seeked(at(9300));
    let stalled = q.snapshot(at(9900));
    assert_eq!((stalled.stall_count, stalled.stall_ms, stalled.played_ms), (1, 100, 3100));
}

#[test]
fn going_to_the_place_to_start_at_is_no_seek() {
    let mut q = QoeSession::new(at(0));
    q.load(at(0));
    q.play_requested(at(0));
    q.seeking(at(10));
    q.seeked(at(200));
    q.first_frame(at(210));
    q.playing(at(220));
    let q = q.snapshot(at(220));
    assert_eq!((q.seek_count, q.startup_ms), (0, Some(210)));
}

#[test]
fn a_stall_goes_on_through_the_players_own_seek() {
    let mut q = playing();
    q.waiting(at(2000));
    q.own_seek();
    q.seeking(at(2200));
    q.seeked(at(2210));
    q.playing(at(2300));
    q.seeking(at(3300));
    let q = q.snapshot(at(3300));
    assert_eq!((q.stall_count, q.stall_ms, q.seek_count), (1, 300, 1));
}

/// The viewer seeks into a hole and the player goes on from there: one `seeked` ends both, and what comes counts again.
#[test]
fn the_players_own_seek_within_one_of_the_viewer_ends_with_it() {
    let mut q = playing();
    q.seeking(at(2350));
    q.waiting(at(2360));
    q.own_seek();
    q.seeking(at(2500));
    q.seeked(at(2600));
    q.playing(at(2700));
    q.waiting(at(3700));
    let q = q.snapshot(at(3900));
    assert_eq!((q.seek_count, q.stall_count, q.played_ms), (1, 1, 2000));
}

/// The player moves on while its first seek is still under way: the `seeked` of that one comes after it has asked for the next.
#[test]
fn a_second_seek_of_the_players_own_is_not_the_viewers() {
    let mut q = playing();
    q.own_seek();
    q.seeking(at(2000));
    q.own_seek();
    q.seeked(at(2100));
    q.seeking(at(2110));
    q.seeked(at(2200));
    assert_eq!(q.snapshot(at(2200)).seek_count, 0);
    q.seeking(at(2300));
    assert_eq!(q.snapshot(at(2300)).seek_count, 1);
}

#[test]
fn bitrate_is_weighted_by_playing_time_and_switches_have_a_direction() {
    let mut q = playing();
    q.rung_playing(at(1350), 0, 1_000_000);
    q.rung_playing(at(2350), 2, 4_000_000);
    q.waiting(at(3350));
    q.rung_playing(at(3400), 1, 2_000_000);
    q.rung_playing(at(3400), 1, 2_000_000);
    q.playing(at(8350));
    let q = q.snapshot(at(10_350));
    // 1 s at 1, 1 s at 4, 2 s at 2 Mbit/s; the stall weighs nothing.
    assert_eq!(q.average_bitrate_bps, Some(2_250_000));
    assert_eq!((q.switches_up, q.switches_down), (1, 1));
    assert_eq!((q.stall_count, q.stall_ms), (1, 5000), "a switch does not cut a stall in two");
}

#[test]
fn an_unknown_bandwidth_weighs_nothing() {
    let mut q = playing();
    q.rung_playing(at(1350), 0, 0);
    assert_eq!(q.snapshot(at(2350)).average_bitrate_bps, None);
    q.rung_playing(at(2350), 1, 500);
    assert_eq!(q.snapshot(at(2360)).average_bitrate_bps, Some(500));
}

#[test]
fn bytes_are_counted_by_rung_and_in_all() {
    let mut q = playing();
    q.bytes(Some(2), 10);
    q.bytes(Some(0), 5);
    q.bytes(Some(2), 1);
    q.bytes(None, 100);
    q.bytes(Some(usize::MAX), 1000);
    q.wasted(7);
    q.frames(30, 2);
    q.frames(0, 0);
    let q = q.snapshot(at(2000));
    assert_eq!(q.bytes_by_rung, [5, 0, 11]);
    assert_eq!((q.bytes_total, q.bytes_wasted), (1116, 7));
    assert_eq!((q.decoded_frames, q.dropped_frames), (30, 2));
}

#[test]
fn failures_are_bounded_and_the_last_is_always_there() {
    let mut q = playing();
    for i in 0..100 {
        q.failure(at(2000 + i), &error(false));
    }
    q.failure(at(3000), &error(true));
    let q = q.snapshot(at(4000));
    assert_eq!((q.failure_count, q.failures.len()), (101, MAX_FAILURES));
    assert_eq!((q.failures[0].at_ms, q.failures[14].at_ms), (2000, 2014));
    let last = q.failures.last().unwrap();
    assert_eq!(
        (last.code, last.phase, last.status, last.fatal),
        ("access_refused", Phase::Key, Some(403), true)
    );
    assert_eq!(last.at_ms, 3000);
    assert_eq!(q.played_ms, 1650, "nothing plays after a fatal failure");
}

#[test]
fn the_way_out_has_a_name() {
    let exit = |q: &QoeSession| q.snapshot(at(5000)).exit;
    let mut alive = playing();
    assert_eq!(exit(&alive), None);
    alive.stopped(at(2000));
    assert_eq!(exit(&alive), Some(Exit::Stopped));
    let mut never = QoeSession::new(at(0));
    never.load(at(0));
    let mut failed = never.clone();
    never.stopped(at(9));
    assert_eq!(exit(&never), Some(Exit::BeforeStart));
    failed.failure(at(9), &error(true));
    failed.stopped(at(10));
    assert_eq!(exit(&failed), Some(Exit::StartFailure));
    let mut broken = playing();
    broken.failure(at(2000), &error(true));
    assert_eq!(exit(&broken), Some(Exit::PlaybackFailure));
    let mut done = playing();
    done.ended(at(2000));
    done.stopped(at(2001));
    assert_eq!(exit(&done), Some(Exit::Completed));
}

#[test]
fn no_secret_gets_into_any_record() {
    let mut q = playing();
    let mut trace = Trace::default();
    let mut outbox = Outbox::new("s-1");
    let failure = q.failure(at(2000), &error(true));
    trace.note(at(2000), failure.code, &[("status", 403)]);
    outbox.put_failure(&failure);
    outbox.put_qoe(q.snapshot(at(2001)));
    let shown = format!("{q:?} {trace:?} {failure:?}");
    outbox.put_trace(trace.drain());
    let (_, body) = outbox.next_batch().unwrap();
    let all = format!("{shown} {outbox:?} {body}");
    assert!(all.contains("access_refused") && all.contains("403"));
    assert!(!all.contains("SECRET"), "{all}");
    assert!(!all.contains("https://"), "{all}");
}

/// Anything that can happen to a session, in any order.
fn happen(q: &mut QoeSession, what: u8, now: Timestamp) {
    match what {
        0 => q.load(now),
        1 => q.play_requested(now),
        2 => q.first_frame(now),
        3 => q.playing(now),
        4 => q.waiting(now),
        5 => q.seeking(now),
        6 => q.seeked(now),
        7 => q.paused(now),
        8 => q.ended(now),
        9 => q.own_seek(),
        10 => q.rung_playing(now, 1, 3_000),
        11 => q.rung_playing(now, 2, 5_000),
        _ => q.stopped(now),
    }
}

proptest! {
    /// Whatever happens, the times of a record fit into the session, never go back, and an early look changes nothing.
    #[test]
    fn records_add_up(events in prop::collection::vec((0_u8..14, 0_u64..2_000), 0..60)) {
        let mut q = QoeSession::new(at(0));
        let mut now = 0;
        let mut before = Qoe::default();
        for (what, wait) in events {
            now += wait;
            let retracted = what == 8; // waiting that leads to the end is taken back
            happen(&mut q, if what == 13 { 4 } else { what }, at(now));
            let record = q.snapshot(at(now));
            prop_assert_eq!(&record, &q.snapshot(at(now)));
            prop_assert!(record.played_ms + record.stall_ms <= record.session_ms);
            prop_assert!((0.0..=1.0).contains(&record.rebuffer_ratio));
            prop_assert!(record.played_ms >= before.played_ms);
            prop_assert!(retracted || record.stall_ms >= before.stall_ms);
            prop_assert!(record.seek_count >= before.seek_count);
            if let Some(bps) = record.average_bitrate_bps {
                prop_assert!((3_000..=5_000).contains(&bps));
            }
            before = record;
        }
    }
}
