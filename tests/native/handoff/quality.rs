//! Which rung is handed over, by whom it is chosen, and how often that changes.

use std::time::Duration;

use cloud_player::handoff::{Command, Config, NativeEvent, NetworkType, Why};
use cloud_player::time::{MediaTime, Timestamp};
use proptest::prelude::*;

use super::phone::Phone;
use super::{config, hls, ladder};

fn playing(config: Config) -> Phone {
    let mut phone = Phone::new(config, ladder);
    phone.load(vec![hls(None)]);
    phone.run(10.0);
    phone
}

fn first(config: Config) -> usize {
    playing(config).ready().rung.unwrap()
}

#[test]
fn the_first_rung_is_by_the_network_and_by_what_earlier_sessions_saw() {
    for (network, rung) in
        [(NetworkType::G2, 0), (NetworkType::G3, 0), (NetworkType::G4, 1), (NetworkType::G5, 2)]
    {
        assert_eq!(first(Config { network, ..config() }), rung, "{network:?}");
    }
    let mut earlier = Phone::new(Config { rung: Some(2), ..config() }, ladder);
    earlier.load(vec![hls(None)]);
    earlier.run(30.0);
    let memory = earlier.memory.clone();
    assert_eq!(first(Config { memory: memory.clone(), ..config() }), 2, "it carried the highest");
    let other = Config { memory: memory.clone(), network: NetworkType::G3, ..config() };
    assert_eq!(first(other), 0, "which says nothing of another network");
    earlier.starves = Box::new(|_, url| url.contains("high"));
    earlier.run(3.0);
    earlier.stop();
    assert_eq!(first(Config { memory: earlier.memory.clone(), ..config() }), 1, "and then it did not");
}

#[test]
fn the_page_chooses_and_place_rate_and_pause_stay() {
    let mut phone = playing(config());
    phone.command(Command::SetRate(1.25));
    phone.run(5.0);
    let place = phone.place();
    phone.command(Command::SelectRung(Some(2)));
    let (_, source) = phone.sources.last().unwrap();
    assert_eq!(source.url.expose(), "http://h/d/high.m3u8");
    assert!(
        (source.position.as_secs() - place).abs() < 0.5 && source.play && source.rate == 1.25,
        "{source:?}"
    );
    phone.run(5.0);
    phone.command(Command::Pause);
    phone.command(Command::SelectRung(Some(0)));
    phone.command(Command::SelectRung(Some(0)));
    let (_, source) = phone.sources.last().unwrap();
    assert_eq!((source.url.expose(), source.play), ("http://h/d/low.m3u8", false));
    assert_eq!(phone.sources.len(), 3, "once is enough");
    let qoe = phone.stop();
    assert_eq!((qoe.stall_count, qoe.seek_count), (0, 0), "{qoe:?}");
    assert_eq!(qoe.switches_up, 1);
    let why: Vec<_> = phone.changes().iter().map(|change| (change.1, change.2)).collect();
    assert_eq!(why, [(2, Why::Manual), (0, Why::Manual), (0, Why::Manual)]);
}

#[test]
fn a_stall_that_does_not_end_steps_down_and_calm_steps_up() {
    let mut phone = playing(config());
    phone.starves = Box::new(|_, url| url.contains("middle"));
    phone.run(4.0);
    assert_eq!(phone.changes().iter().map(|c| (c.1, c.2)).collect::<Vec<_>>(), [(0, Why::Down)]);
    phone.starves = Box::new(|_, _| false);
    phone.run(70.0);
    let qoe = phone.session_qoe();
    assert_eq!(qoe, (1, 1), "one stall, and one step down");
    let changes: Vec<_> = phone.changes().iter().map(|c| (c.1, c.2)).collect();
    assert_eq!(changes, [(0, Why::Down), (1, Why::Up)]);
}

impl Phone {
    /// Stalls, and steps down, by the record of a session that is over.
    fn session_qoe(&mut self) -> (u64, u64) {
        let qoe = self.events.iter().rev().find_map(|(_, event)| match event {
            cloud_player::handoff::Event::Qoe(qoe) => Some((qoe.stall_count, qoe.switches_down)),
            _ => None,
        });
        qoe.unwrap()
    }
}

#[test]
fn a_held_rung_is_held_whatever_stalls() {
    let mut phone = playing(Config { rung: Some(2), ..config() });
    phone.starves = Box::new(|now, _| now.as_micros() / 1_000_000 % 10 < 4);
    phone.run(100.0);
    assert!(phone.changes().is_empty());
    assert_eq!(phone.sources.len(), 1);
}

#[test]
fn waiting_for_another_source_is_no_stall_and_no_reason_for_another() {
    let mut phone = playing(config());
    phone.command(Command::SelectRung(Some(2)));
    phone.command(Command::SelectRung(None));
    phone.native(NativeEvent::Pause);
    phone.native(NativeEvent::Waiting);
    phone.run(20.0);
    assert_eq!(phone.sources.len(), 2);
    let qoe = phone.stop();
    assert_eq!(qoe.stall_count, 0, "{qoe:?}");
    assert!(qoe.played_ms > 27_000, "{qoe:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the network does, the session's own changes are apart by the bound, and the place is never lost.
    #[test]
    fn changes_are_apart_and_lose_nothing(
        outages in prop::collection::vec((0_u64..300, 1_u64..40), 0..12),
        seeks in prop::collection::vec((0_u64..300, 0_u32..200), 0..4),
    ) {
        let mut phone = playing(Config { network: NetworkType::Wifi, ..config() });
        let begin = phone.now;
        let of = outages.clone();
        phone.starves = Box::new(move |now: Timestamp, url| {
            let at = now.since(begin).as_secs();
            !url.contains("low") && of.iter().any(|(from, long)| (*from..from + long).contains(&at))
        });
        for second in 0..300 {
            for (_, to) in seeks.iter().filter(|(at, _)| *at == second) {
                phone.command(Command::Seek(MediaTime::from_secs(f64::from(*to))));
            }
            phone.run(1.0);
        }
        let own: Vec<_> = phone.changes().iter().map(|c| c.0).collect();
        for pair in own.windows(2) {
            prop_assert!(pair[1].since(pair[0]) >= Duration::from_secs(30), "{own:?}");
        }
        prop_assert!(phone.errors().iter().all(|error| !error.fatal && error.code == "element_stalled"));
        // A source that was handed over just now knows its place before the component is there.
        let place = |phone: &Phone| phone.session.position().as_secs().max(phone.place());
        let last = place(&phone);
        phone.run(40.0);
        prop_assert!(place(&phone) > last || phone.place() >= super::phone::LENGTH);
    }
}
