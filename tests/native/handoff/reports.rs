//! Reports: none lost, none twice.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use cloud_player::engine::RequestKind;
use cloud_player::handoff::{Config, Input, NetFailure, Request};
use cloud_player::secret::Url;
use cloud_player::time::Timestamp;

use super::phone::{Archive, Phone, Reply};
use super::{config, hls, ladder};

#[derive(Clone, Default)]
struct Origin {
    archive: Rc<RefCell<Archive>>,
    /// How many reports arrive and are not acknowledged, are not received, or are.
    mood: Rc<Cell<Mood>>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Mood {
    #[default]
    Well,
    /// It stores, and the answer is lost.
    Mute,
    Gone,
}

impl Origin {
    fn serve(&self) -> impl FnMut(Timestamp, &Request) -> Reply + 'static {
        let Self { archive, mood } = self.clone();
        move |now, request| {
            if request.kind != RequestKind::Telemetry {
                return ladder(now, request);
            }
            if mood.get() != Mood::Gone {
                archive.borrow_mut().take(request.body.as_ref().unwrap());
            }
            if mood.get() == Mood::Well { Ok((204, String::new())) } else { Err(NetFailure::Network) }
        }
    }

    fn phone(&self, session: &str, unsent: Option<String>) -> Phone {
        let unsent = unsent.into_iter().collect();
        let report_url = Some(Url::new("http://h/report"));
        let config = Config { session_id: session.into(), report_url, unsent, ..config() };
        Phone::new(config, self.serve())
    }

    /// The last record of a session that arrived, and how often each batch did.
    fn of(&self, session: &str) -> (Option<serde_json::Value>, Vec<usize>) {
        let archive = self.archive.borrow();
        let batches: Vec<_> = archive.batches.iter().filter(|((of, _), _)| of == session).collect();
        let records =
            |body: &str| serde_json::from_str::<serde_json::Value>(body).unwrap()["records"].clone();
        let qoe = batches.iter().rev().find_map(|(_, (body, _))| {
            records(body).as_array().unwrap().iter().find(|record| record["kind"] == "qoe").cloned()
        });
        (qoe, batches.iter().map(|(_, (_, times))| *times).collect())
    }
}

#[test]
fn what_arrives_is_reported_as_it_goes_and_nothing_is_kept() {
    let origin = Origin::default();
    let mut phone = origin.phone("a", None);
    phone.load(vec![hls(None)]);
    phone.run(65.0);
    assert_eq!(origin.of("a").1, [1, 1, 1], "the first frame, and each half a minute");
    phone.stop();
    phone.run(1.0);
    let (qoe, times) = origin.of("a");
    assert_eq!(qoe.unwrap()["exit"], "stopped");
    assert_eq!((times, phone.unsent), (vec![1; 4], None));
}

#[test]
fn what_does_not_arrive_is_kept_and_sent_by_the_next_session_once() {
    let origin = Origin::default();
    let mut phone = origin.phone("a", None);
    phone.load(vec![hls(None)]);
    phone.run(10.0);
    origin.mood.set(Mood::Gone);
    phone.run(50.0);
    assert!(phone.unsent.is_some(), "a report failed");
    phone.give(Input::Visible(false));
    // The mini-program is ended here, without another word.
    let kept = phone.unsent.take();
    let mut next = origin.phone("b", kept.clone());
    assert_eq!(next.unsent, kept, "it is the next session's to keep now");
    next.run(20.0);
    assert!(next.unsent.is_some());
    origin.mood.set(Mood::Well);
    next.load(vec![hls(None)]);
    next.run(30.0);
    assert_eq!(next.unsent, None);
    let (qoe, times) = origin.of("a");
    assert!(times.iter().all(|times| *times == 1), "{times:?}");
    let seqs: Vec<_> = origin.archive.borrow().batches.keys().filter(|k| k.0 == "a").map(|k| k.1).collect();
    assert_eq!(seqs, (0..seqs.len() as u64).collect::<Vec<_>>(), "none is missing");
    assert!(qoe.unwrap()["playedMs"].as_u64().unwrap() > 57_000, "up to the moment when it was hidden");
    assert!(!origin.of("b").1.is_empty());
}

#[test]
fn a_batch_whose_answer_was_lost_comes_again_as_it_was() {
    let origin = Origin::default();
    let mut phone = origin.phone("a", None);
    origin.mood.set(Mood::Mute);
    phone.load(vec![hls(None)]);
    phone.run(40.0);
    phone.stop();
    phone.run(1.0);
    origin.mood.set(Mood::Well);
    // The archive refuses a number that comes with another batch.
    let mut next = origin.phone("b", phone.unsent.take());
    next.run(5.0);
    assert_eq!(next.unsent, None);
    assert_eq!(origin.of("a").0.unwrap()["exit"], "stopped");
}

#[test]
fn what_is_kept_is_bounded_and_what_is_spoiled_is_left_out() {
    let origin = Origin::default();
    origin.mood.set(Mood::Gone);
    let mut phone = origin.phone("a", Some("[\"no batch\",\"{}\"]".into()));
    assert_eq!(phone.unsent, None);
    phone.load(vec![hls(None)]);
    for _ in 0..2000 {
        phone.run(0.5);
        phone.give(Input::Visible(false));
    }
    assert!(phone.unsent.as_ref().unwrap().len() < 400 * 1024, "{}", phone.unsent.unwrap().len());
    for spoiled in ["", "{", "[1]", "null"] {
        assert_eq!(origin.phone("b", Some(spoiled.into())).unsent, None);
    }
}
