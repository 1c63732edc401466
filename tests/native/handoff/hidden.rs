//! A page that nobody sees: nothing stalls there, and nothing begins to play.

use cloud_player::engine::Grant;
use cloud_player::handoff::{Command, Config, Event, Input, NativeEvent, NativeFailure, Renewed};
use cloud_player::secret::Secret;
use cloud_player::time::MediaTime;

use super::phone::Phone;
use super::{config, hls, ladder};

fn playing() -> Phone {
    let mut phone = Phone::new(Config { renews: true, ..config() }, ladder);
    phone.load(vec![hls(Some("T"))]);
    phone.run(20.0);
    phone
}

/// Hides the page while the component waits, for so many seconds.
fn waits_hidden(phone: &mut Phone, secs: f64) {
    phone.starves = Box::new(|_, _| true);
    phone.run(1.0);
    phone.give(Input::Visible(false));
    phone.run(secs);
    // Programs are told of it more than once.
    phone.give(Input::Visible(false));
    phone.give(Input::Visible(true));
}

#[test]
fn a_stall_ends_when_the_page_is_hidden_and_goes_on_when_it_is_shown() {
    let mut phone = playing();
    waits_hidden(&mut phone, 600.0);
    phone.starves = Box::new(|_, _| false);
    phone.run(3.0);
    assert_eq!(phone.sources.len(), 1, "no rung is the wrong one for a page that nobody sees");
    assert!(phone.errors().is_empty());
    let qoe = phone.stop();
    assert_eq!(qoe.stall_count, 1);
    assert!((700..1200).contains(&qoe.stall_ms), "{qoe:?}");

    let mut goes_on = playing();
    waits_hidden(&mut goes_on, 600.0);
    goes_on.run(1.5);
    goes_on.starves = Box::new(|_, _| false);
    goes_on.run(3.0);
    let qoe = goes_on.stop();
    assert!((2000..2900).contains(&qoe.stall_ms), "{qoe:?}");
    assert!(qoe.played_ms < 25_000, "{qoe:?}");

    // It begins to wait when nobody sees it.
    let mut begins = playing();
    begins.give(Input::Visible(false));
    begins.starves = Box::new(|_, _| true);
    begins.run(300.0);
    begins.starves = Box::new(|_, _| false);
    begins.give(Input::Visible(true));
    begins.run(3.0);
    let qoe = begins.stop();
    assert_eq!((qoe.stall_count, begins.sources.len()), (0, 1), "{qoe:?}");
}

#[test]
fn what_would_play_is_handed_over_when_the_page_is_shown() {
    let mut phone = playing();
    phone.give(Input::Visible(false));
    phone.fails(NativeFailure::Decode);
    phone.run(60.0);
    assert_eq!(phone.sources.len(), 1);
    phone.fails(NativeFailure::Decode);
    phone.give(Input::Visible(true));
    assert_eq!((phone.sources.len(), phone.sources[1].1.play), (2, true));
    phone.run(2.0);

    phone.give(Input::Visible(false));
    let grant = Grant { token: Some(Secret::new("NEW".into())), ..Grant::default() };
    phone.command(Command::Renewed { id: None, answer: Ok(Renewed { grant, query: None }) });
    phone.run(10.0);
    assert_eq!(phone.sources.len(), 2);
    phone.give(Input::Visible(true));
    assert!(phone.sources.len() == 3 && phone.urls()[2].contains("token.NEW"));
    phone.run(2.0);

    // What stays paused may be handed over at any time.
    phone.command(Command::Pause);
    phone.give(Input::Visible(false));
    phone.command(Command::SelectRung(Some(0)));
    assert_eq!((phone.sources.len(), phone.sources[3].1.play), (4, false));
}

#[test]
fn a_page_that_is_hidden_before_its_playlist_is_there_begins_when_it_is_shown() {
    let mut phone = Phone::new(config(), ladder);
    phone.load(vec![hls(None)]);
    phone.give(Input::Visible(false));
    phone.run(40.0);
    assert!(phone.sources.is_empty());
    phone.give(Input::Visible(true));
    phone.run(3.0);
    assert_eq!((phone.sources.len(), phone.count(&Event::Playing)), (1, 1));
    assert!(phone.errors().is_empty());
}

#[test]
fn a_seek_that_the_viewer_made_is_no_stall_once_the_component_says_so() {
    let mut phone = playing();
    phone.native(NativeEvent::Waiting);
    phone.component.as_mut().unwrap().playing = false;
    phone.run(1.0);
    phone.native(NativeEvent::SeekComplete);
    phone.run(4.0);
    assert_eq!(phone.sources.len(), 1, "no step down for it");
    phone.component.as_mut().unwrap().playing = true;
    phone.component.as_mut().unwrap().place = 90.0;
    phone.native(NativeEvent::TimeUpdate { position: MediaTime::from_secs(90.0), duration: None });
    phone.run(3.0);
    let qoe = phone.stop();
    assert_eq!((qoe.stall_count, qoe.seek_count), (0, 1), "{qoe:?}");
}
