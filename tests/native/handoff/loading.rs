//! What is wished for, and what is said, while the native component loads.

use cloud_player::engine::RequestKind;
use cloud_player::handoff::{Command, Config, ElementCommand, Event, NativeEvent, Source};
use cloud_player::secret::Url;
use cloud_player::time::MediaTime;

use super::phone::Phone;
use super::{config, file_id, hls, ladder};

/// One that plays, and has just been told to load another rung.
fn switching() -> Phone {
    let mut phone = Phone::new(config(), ladder);
    phone.load(vec![hls(None)]);
    phone.run(20.0);
    phone.commands.clear();
    phone.command(Command::SelectRung(Some(0)));
    assert_eq!(phone.sources.len(), 2);
    phone
}

#[test]
fn a_seek_while_a_source_loads_is_asked_of_the_component_however_short_it_is() {
    let mut phone = switching();
    let to = MediaTime::from_secs(phone.place().max(phone.sources[1].1.position.as_secs()) + 8.0);
    phone.command(Command::Seek(to));
    assert_eq!(phone.commands.iter().map(|c| c.1).collect::<Vec<_>>(), [ElementCommand::Seek(to)]);
    phone.run(3.0);
    assert!(phone.place() >= to.as_secs() + 2.0, "{}", phone.place());
    assert_eq!(phone.commands.len(), 1);
}

#[test]
fn a_pause_while_a_source_loads_is_a_pause() {
    let mut phone = switching();
    phone.command(Command::Pause);
    assert_eq!(phone.count(&Event::Pause), 1, "the page is told, whatever the component says");
    let plays = phone.count(&Event::Playing);
    phone.run(5.0);
    assert_eq!((phone.count(&Event::Pause), phone.count(&Event::Playing)), (1, plays));
    let place = phone.place();
    // Where a component stands a little off the place that it was sent to, it does not play.
    let off = MediaTime::from_secs(place + 0.2);
    phone.native(NativeEvent::TimeUpdate { position: off, duration: None });
    assert_eq!((phone.count(&Event::Play), phone.count(&Event::Playing)), (1, plays));
    phone.command(Command::Play);
    phone.run(2.0);
    assert!(phone.place() > place + 1.0);
    assert_eq!((phone.count(&Event::Play), phone.count(&Event::Playing)), (2, plays + 1));
}

#[test]
fn the_viewers_own_start_counts_from_when_they_press() {
    let mut phone = Phone::new(config(), ladder);
    phone.command(Command::Load { sources: vec![hls(None)], start: None, autoplay: Some(false) });
    phone.run(0.1);
    // One that says nothing before it plays.
    assert_eq!(phone.sources.len(), 1);
    phone.component.as_mut().unwrap().silent = true;
    phone.run(5.0);
    phone.native(NativeEvent::Play);
    assert_eq!(phone.count(&Event::Play), 1);
    phone.run(2.0);
    phone.component.as_mut().unwrap().silent = false;
    phone.component.as_mut().unwrap().playing = true;
    phone.run(3.0);
    let startup = phone.stop().startup_ms.unwrap();
    assert!((1900..2900).contains(&startup), "{startup}");
}

/// The place that a switch goes on at after so long, of a component that says this duration with its metadata, and that with
/// its positions.
fn place_of_a_switch(source: Source, metadata: Option<f64>, later: Option<f64>) -> f64 {
    let info = r#"{"code":0,"media":{"basicInfo":{"duration":600},"streamingInfo":{"drmToken":"T",
        "drmOutput":[{"type":"SimpleAES","url":"http://h/d/m.m3u8"}]}}}"#;
    let mut phone = Phone::new(config(), move |now, request| match request.kind {
        RequestKind::PlayInfo => Ok((200, info.to_owned())),
        _ => ladder(now, request),
    });
    phone.duration = metadata.map(MediaTime::from_secs);
    phone.load(vec![source]);
    phone.run(20.0);
    if let Some(later) = later {
        let position = MediaTime::from_secs(phone.place());
        phone.native(NativeEvent::TimeUpdate { position, duration: Some(MediaTime::from_secs(later)) });
    }
    phone.command(Command::SelectRung(Some(0)));
    phone.run(5.0);
    phone.command(Command::SelectRung(Some(1)));
    phone.sources[2].1.position.as_secs() - phone.sources[1].1.position.as_secs().min(5.0)
}

#[test]
fn a_component_that_knows_no_length_when_it_has_loaded_still_goes_on_where_it_is() {
    assert!(place_of_a_switch(hls(None), Some(600.0), None) > 15.0);
    assert!(place_of_a_switch(hls(None), None, Some(600.0)) > 15.0, "it said so later");
    assert!(place_of_a_switch(file_id(), None, None) > 15.0, "play info says so");
    assert!(place_of_a_switch(hls(None), None, None) < 1.0, "nobody does: it is live");
}

#[test]
fn what_fails_for_good_says_nothing_of_the_length_of_the_next_source() {
    let mut phone = Phone::new(Config { rung: Some(0), ..config() }, ladder);
    phone.load(vec![hls(None), Source::File { url: Url::new("http://h/live.flv") }]);
    phone.run(5.0);
    assert!(phone.session.duration().is_some());
    phone.duration = None;
    phone.fails(cloud_player::handoff::NativeFailure::Unsupported);
    phone.run(3.0);
    assert_eq!(phone.session.duration(), None);
    assert!(phone.sources[1].1.position.as_secs() > 3.0);
}
