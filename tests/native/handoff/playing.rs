//! What is handed over, what is done when that fails, and what the record says of it.

use cloud_player::access::{Kinds, TokenPlacement, TokenUse};
use cloud_player::engine::RequestKind;
use cloud_player::handoff::{
    Command, Config, ElementCommand, Event, Fixed, Input, NativeEvent, NativeFailure, NetFailure,
    NetworkType, Source,
};
use cloud_player::secret::{Secret, Url};
use cloud_player::telemetry::Exit;
use cloud_player::time::MediaTime;

use super::phone::Phone;
use super::{LADDER, config, file_id, hls, ladder};

const INFO: &str = r#"{"code":0,"media":{"basicInfo":{"name":"lesson","duration":600},
    "streamingInfo":{"drmToken":"TOKEN","drmOutput":[{"type":"SimpleAES","url":"http://h/d/m.m3u8"}]}}}"#;

#[test]
fn a_file_id_becomes_a_token_url_of_the_rung_that_suits_the_network() {
    let mut phone = Phone::new(config(), |now, request| match request.kind {
        RequestKind::PlayInfo => Ok((200, INFO.to_owned())),
        _ => ladder(now, request),
    });
    phone.load(vec![file_id()]);
    phone.run(5.0);
    let asked: Vec<_> = phone.requests.iter().map(|(_, r)| r.url.expose()).collect();
    assert_eq!(asked, ["http://p1/getplayinfo/v4/1/2?psign=SIGNED", "http://h/d/voddrm.token.TOKEN.m.m3u8"]);
    assert_eq!(phone.urls(), ["http://h/d/voddrm.token.TOKEN.middle.m3u8"]);
    let ready = phone.ready();
    let bandwidths: Vec<_> = ready.rungs.iter().map(|rung| rung.bandwidth).collect();
    assert_eq!((bandwidths, ready.rung, ready.fixed), (vec![500_000, 1_500_000, 4_000_000], Some(1), None));
    assert!(ready.renewal, "play info can be asked again");
    assert!(
        phone
            .events
            .iter()
            .any(|(_, e)| matches!(e, Event::PlayInfo(info, _) if info.name.as_deref() == Some("lesson")))
    );
    assert_eq!((phone.count(&Event::Play), phone.count(&Event::Playing)), (1, 1));
    let qoe = phone.stop();
    // Two requests, the component's own start, and what it takes to see that it moves.
    assert!((400..900).contains(&qoe.startup_ms.unwrap()), "{qoe:?}");
    assert!((3500..4700).contains(&qoe.played_ms), "{qoe:?}");
    assert_eq!(
        (qoe.average_bitrate_bps, qoe.stall_count, qoe.exit),
        (Some(1_500_000), 0, Some(Exit::Stopped))
    );
}

#[test]
fn another_host_answers_for_play_info_and_is_asked_first_from_then_on() {
    let mut phone = Phone::new(config(), |now, request| match request.kind {
        RequestKind::PlayInfo if request.url.expose().contains("p1") => Err(NetFailure::Network),
        RequestKind::PlayInfo => Ok((200, INFO.to_owned())),
        _ => ladder(now, request),
    });
    phone.load(vec![file_id()]);
    phone.run(2.0);
    assert_eq!(phone.codes(), [("network", false)]);
    assert_eq!(phone.sources.len(), 1);

    let mut none = Phone::new(config(), |_, _| Ok((503, String::new())));
    none.load(vec![file_id()]);
    none.run(20.0);
    assert_eq!(none.codes().last(), Some(&("server_error", true)));
    assert_eq!(none.requests.len(), 6, "three rounds of two hosts");
    assert_eq!(none.stop().exit, Some(Exit::StartFailure));
}

#[test]
fn a_source_without_a_choice_is_handed_over_as_it_is() {
    let media = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n1.ts\n";
    let apart = LADDER.replace("000,", "000,AUDIO=\"a\",")
        + "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x\",URI=\"x.m3u8\"\n";
    let one = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9\nb.m3u8\n".to_owned();
    for (body, fixed) in
        [(media.to_owned(), Fixed::MediaPlaylist), (apart, Fixed::Renditions), (one, Fixed::Single)]
    {
        let mut phone = Phone::new(config(), move |_, _| Ok((200, body.clone())));
        phone.load(vec![hls(Some("T"))]);
        phone.run(3.0);
        assert_eq!(phone.urls(), ["http://h/d/voddrm.token.T.m.m3u8"]);
        assert_eq!(
            (phone.ready().fixed, phone.ready().rungs.len(), phone.ready().rung),
            (Some(fixed), 0, None)
        );
        phone.command(Command::SelectRung(Some(0)));
        assert_eq!(phone.sources.len(), 1);
    }
}

#[test]
fn where_requests_are_not_let_through_the_component_still_plays() {
    let mut phone = Phone::new(config(), |_, _| Err(NetFailure::Network));
    phone.load(vec![hls(Some("T"))]);
    phone.run(6.0);
    assert_eq!(phone.urls(), ["http://h/d/voddrm.token.T.m.m3u8"]);
    assert_eq!(phone.ready().fixed, Some(Fixed::Unreachable));
    assert!(phone.codes().iter().all(|(code, fatal)| *code == "network" && !fatal));
}

#[test]
fn a_token_that_the_component_cannot_send_is_an_error_of_its_own() {
    let header = TokenPlacement::Header("Authorization".into(), Kinds::ALL);
    let token = Some(TokenUse { token: Secret::new("T".into()), placement: header });
    let mut phone = Phone::new(config(), ladder);
    phone.load(vec![Source::Hls { url: Url::new("http://h/d/m.m3u8"), token }]);
    assert_eq!(phone.codes(), [("token_placement_unsupported", true)]);
    assert!(phone.requests.is_empty());
}

#[test]
fn the_next_source_goes_on_at_the_same_place() {
    let mut phone = Phone::new(config(), |now, request| {
        if request.url.expose().contains("gone") { Ok((404, String::new())) } else { ladder(now, request) }
    });
    let gone = Source::Hls { url: Url::new("http://h/gone.m3u8"), token: None };
    let file = Source::File { url: Url::new("http://h/v.mp4") };
    phone.load(vec![gone, hls(None), file]);
    phone.run(20.0);
    assert_eq!(phone.codes(), [("not_found", false)]);
    assert_eq!(phone.ready().source, 1);
    let place = phone.place();
    phone.fails(NativeFailure::Unsupported);
    phone.run(3.0);
    let (_, last) = phone.sources.last().unwrap();
    assert_eq!((last.url.expose(), last.is_file, last.play), ("http://h/v.mp4", true, true));
    assert!((last.position.as_secs() - place).abs() < 0.6, "{last:?} {place}");
    let qoe = phone.stop();
    let used: Vec<_> = qoe.sources.iter().map(|s| (s.source, s.shown, s.failure)).collect();
    assert_eq!(used, [(0, false, Some("not_found")), (1, true, Some("codec_unsupported")), (2, true, None)]);
    assert_eq!(qoe.stall_count, 1, "what failed under the viewer is a stall");
    assert!(qoe.switches_down + qoe.switches_up == 0);
}

#[test]
fn a_component_that_gives_up_begins_anew_then_lower_then_elsewhere() {
    let mut phone = Phone::new(config(), ladder);
    phone.load(vec![hls(None), Source::File { url: Url::new("http://h/v.mp4") }]);
    phone.run(10.0);
    for _ in 0..3 {
        phone.fails(NativeFailure::Decode);
        phone.fails(NativeFailure::Decode);
        phone.run(5.0);
    }
    let urls = phone.urls();
    assert_eq!(
        urls,
        ["http://h/d/middle.m3u8", "http://h/d/middle.m3u8", "http://h/d/low.m3u8", "http://h/v.mp4"]
    );
    assert!(phone.codes().iter().all(|(code, fatal)| *code == "decode_failed" && !fatal));
    assert_eq!(phone.errors().len(), 3, "one for each time, however often it is said");
    let positions: Vec<_> = phone.sources.iter().map(|(_, s)| s.position.as_secs()).collect();
    assert!(positions.is_sorted() && positions[1] > 8.0, "{positions:?}");
}

#[test]
fn without_a_network_nothing_is_given_up() {
    let mut phone = Phone::new(config(), ladder);
    phone.load(vec![hls(None), Source::File { url: Url::new("http://h/v.mp4") }]);
    phone.run(10.0);
    phone.give(Input::Network(NetworkType::None));
    for _ in 0..4 {
        phone.fails(NativeFailure::Network);
        phone.run(9.0);
    }
    assert!(phone.codes().iter().all(|code| *code == ("offline", false)));
    phone.give(Input::Network(NetworkType::Wifi));
    phone.run(3.0);
    assert!(phone.urls().iter().all(|url| *url == "http://h/d/middle.m3u8"));
    assert!(phone.component.as_ref().unwrap().playing && phone.place() > 10.0);
}

#[test]
fn a_component_that_says_nothing_any_more_is_begun_anew() {
    let mut phone = Phone::new(config(), ladder);
    phone.load(vec![Source::File { url: Url::new("http://h/v.mp4") }]);
    phone.run(5.0);
    let from = phone.now;
    phone.starves = Box::new(move |now, _| now > from && now.since(from).as_secs() < 32);
    phone.run(40.0);
    assert_eq!(phone.codes(), [("element_stalled", false)]);
    assert_eq!(phone.sources.len(), 2);
    let qoe = phone.stop();
    assert_eq!(qoe.stall_count, 1);
    assert!((30_000..34_000).contains(&qoe.stall_ms), "{qoe:?}");
}

#[test]
fn waiting_is_a_stall_when_it_is_long_and_nobody_asked_for_it() {
    let waits = |millis: u64| {
        let mut phone = Phone::new(config(), ladder);
        phone.load(vec![Source::File { url: Url::new("http://h/v.mp4") }]);
        phone.run(5.0);
        let from = phone.now;
        phone.starves =
            Box::new(move |now, _| now > from && now.since(from).as_millis() < u128::from(millis));
        phone
    };
    let mut short = waits(400);
    short.run(5.0);
    assert_eq!(short.stop().stall_count, 0);
    let mut long = waits(1500);
    long.run(5.0);
    assert_eq!((long.count(&Event::Waiting), long.count(&Event::Playing)), (1, 2));
    let qoe = long.stop();
    assert_eq!(qoe.stall_count, 1);
    assert!((1300..1800).contains(&qoe.stall_ms), "{qoe:?}");
    // Still open at the exit.
    let mut open = waits(60_000);
    open.run(4.0);
    let qoe = open.stop();
    assert_eq!(qoe.stall_count, 1);
    assert!((3800..4050).contains(&qoe.stall_ms), "{qoe:?}");
    // Ended by a pause.
    let mut paused = waits(60_000);
    paused.run(2.0);
    paused.command(Command::Pause);
    paused.run(20.0);
    let qoe = paused.stop();
    assert_eq!(qoe.stall_count, 1);
    assert!((1800..2100).contains(&qoe.stall_ms), "{qoe:?}");
    // The viewer's own seek, by the component's own controls.
    let mut sought = waits(1500);
    sought.run(0.1);
    sought.component.as_mut().unwrap().playing = true;
    sought.run(1.3);
    sought.native(NativeEvent::TimeUpdate { position: MediaTime::from_secs(90.0), duration: None });
    let qoe = sought.stop();
    assert_eq!((qoe.stall_count, qoe.seek_count), (0, 1));
    // A seek that the page asked for.
    let mut asked = waits(3000);
    asked.command(Command::Seek(MediaTime::from_secs(50.0)));
    asked.native(NativeEvent::SeekComplete);
    asked.run(5.0);
    let qoe = asked.stop();
    assert_eq!((qoe.stall_count, qoe.seek_count), (0, 1));
    assert!((5_500..6_900).contains(&qoe.played_ms), "not what came before the picture: {qoe:?}");
}

#[test]
fn a_pause_a_seek_and_a_rate_reach_the_component_and_come_back() {
    let mut phone = Phone::new(config(), ladder);
    phone.load(vec![Source::File { url: Url::new("http://h/v.mp4") }]);
    phone.run(3.0);
    phone.command(Command::SetRate(1.5));
    phone.command(Command::Pause);
    phone.run(3.0);
    let place = phone.place();
    phone.command(Command::Seek(MediaTime::from_secs(100.0)));
    phone.command(Command::Play);
    phone.run(2.0);
    assert!(place < 3.0 && (102.0..104.0).contains(&phone.place()), "{}", phone.place());
    assert_eq!((phone.count(&Event::Play), phone.count(&Event::Pause)), (2, 1));
    assert_eq!(phone.count(&Event::RateChanged(1.5)), 1);
    assert_eq!(phone.commands.len(), 4);
    let qoe = phone.stop();
    assert!((3000..4800).contains(&qoe.played_ms), "{qoe:?}");
}

#[test]
fn a_component_that_begins_at_zero_is_sent_to_its_place() {
    let mut phone = Phone::new(Config { start: MediaTime::from_secs(200.0), ..config() }, ladder);
    phone.begins_at_zero = true;
    phone.load(vec![hls(None)]);
    phone.run(5.0);
    assert_eq!(phone.commands.len(), 1);
    assert!(matches!(phone.commands[0].1, ElementCommand::Seek(to) if to.as_secs() == 200.0));
    assert!(phone.place() > 202.0);
    let places: Vec<_> = phone.events.iter().filter(|(_, e)| *e == Event::TimeUpdate).collect();
    assert!(!places.is_empty());
    assert_eq!(phone.stop().seek_count, 0, "the viewer did not");
}

#[test]
fn the_end_is_the_end() {
    let mut phone = Phone::new(Config { start: MediaTime::from_secs(590.0), ..config() }, ladder);
    phone.load(vec![hls(None)]);
    phone.run(20.0);
    assert_eq!(phone.count(&Event::Ended), 1);
    let qoe = phone.stop();
    assert_eq!((qoe.ended, qoe.exit, qoe.stall_count), (true, Some(Exit::Completed), 0));
}
