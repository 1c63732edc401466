//! Media Source Extensions on the page of a real browser, with real fragmented MP4: the host's own sink, and the
//! page's sink that stands in for it where workers have no media sources.
#![cfg(target_arch = "wasm32")]
// Clippy does not know `wasm_bindgen_test` for a test.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[path = "web/inputs.rs"]
mod inputs;

use cloud_player::engine::{Input, NewTrack, Payload, SinkCommand, SinkEvent, SinkFailure};
use cloud_player::media::TrackKind;
use cloud_player::time::{MediaTime, TimeRange};
use cloud_player::web::mse::Mse;
use inputs::{Inputs, pause};
use js_sys::{Array, Function, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const VIDEO: &[u8] = include_bytes!("web/video.mp4");
/// A `moov` box that describes no movie.
const EMPTY_MOVIE: &[u8] = b"\0\0\0\x10moov\0\0\0\x08free";
const TYPE: &str = "video/mp4; codecs=\"avc1.64000d\"";

#[wasm_bindgen_test]
async fn what_is_appended_in_pieces_is_buffered_and_plays() {
    let stage = Stage::open().await;
    let mut buffered = Vec::new();
    for piece in VIDEO.chunks(5000) {
        buffered = stage.append(piece.to_vec()).await;
    }
    // Two B-frames: presentation starts two frames after decoding does.
    assert_eq!(buffered, [range(0.08, 4.08)]);
    stage.perform(SinkCommand::SetDuration(MediaTime::from_secs(4.08)));
    stage.perform(SinkCommand::EndOfStream);
    assert_eq!(stage.number("duration"), 4.08);
    stage.run("video.play()");
    for _ in 0..300 {
        if stage.number("currentTime") > 0.5 {
            return;
        }
        pause(20).await;
    }
    panic!("the picture does not move: {}", stage.number("currentTime"));
}

#[wasm_bindgen_test]
async fn what_is_removed_is_no_longer_buffered() {
    let stage = Stage::open().await;
    stage.append(VIDEO.to_vec()).await;
    // The rest of a group of pictures goes with its first frame: one begins every two seconds.
    stage.perform(SinkCommand::Remove(TrackKind::Video, range(0.0, 2.08)));
    assert_eq!(stage.done().await, [range(2.08, 4.08)]);
}

#[wasm_bindgen_test]
async fn a_duration_below_what_is_buffered_becomes_what_is_buffered() {
    let stage = Stage::open().await;
    stage.append(VIDEO.to_vec()).await;
    stage.perform(SinkCommand::SetDuration(MediaTime::from_secs(1.0)));
    assert_eq!(stage.number("duration"), 4.08);
}

#[wasm_bindgen_test]
async fn bytes_that_are_no_media_fail_once_and_are_not_done() {
    let stage = Stage::open().await;
    stage.perform(SinkCommand::Append(TrackKind::Video, Payload::from(EMPTY_MOVIE.to_vec()), None));
    let failure = stage.inputs.wait_for_failure().await;
    assert_eq!(failure, SinkFailure::Append);
    pause(100).await;
    let later = stage.inputs.take();
    assert!(!later.iter().any(|input| matches!(input, Input::Sink(SinkEvent::Done { .. }))), "{later:?}");
}

#[wasm_bindgen_test]
async fn more_than_fits_comes_back() {
    let stage = Stage::open().await;
    stage.append(VIDEO.to_vec()).await;
    let size = 400 << 20;
    stage.perform(SinkCommand::Append(TrackKind::Video, Payload::from(vec![0; size]), None));
    let input = stage.inputs.next_batch().await.pop().unwrap();
    let Input::Sink(SinkEvent::Full { track: TrackKind::Video, data }) = input else { panic!("{input:?}") };
    assert_eq!(data.bytes().len(), size);
    // It is full for that, but not broken.
    stage.append(VIDEO.to_vec()).await;
}

#[wasm_bindgen_test]
async fn a_type_that_the_browser_does_not_have_is_refused_as_such() {
    let stage = Stage::attach().await;
    let mime = "video/mp4; codecs=\"none.such\"".to_owned();
    stage.perform(SinkCommand::AddTracks(vec![NewTrack { kind: TrackKind::Video, mime, others: &[] }]));
    assert_eq!(stage.inputs.wait_for_failure().await, SinkFailure::UnsupportedType);
}

#[wasm_bindgen_test]
async fn an_element_that_lets_go_closes_the_sink() {
    let stage = Stage::open().await;
    stage.run("video.removeAttribute('src'); video.load()");
    assert_eq!(stage.inputs.wait_for_failure().await, SinkFailure::Closed);
}

#[wasm_bindgen_test]
async fn nothing_is_heard_of_a_sink_that_was_dropped() {
    let Stage { video, inputs, mse } = Stage::open().await;
    drop(mse);
    run(&video, "video.removeAttribute('src'); video.load()");
    pause(100).await;
    assert!(inputs.take().is_empty());
}

#[wasm_bindgen_test]
async fn the_pages_sink_does_the_same_from_messages() {
    let video = new_video();
    let reports = Array::new();
    let report = Function::new_with_args("reports", "return (report) => reports.push(report);");
    let report: Function = report.call1(&JsValue::UNDEFINED, &reports).unwrap().unchecked_into();
    let sink = PageSink::new(&video, &report);

    sink.perform(&json(r#"{"op":"attach"}"#));
    assert_eq!(next(&reports).await, r#"{"type":"sinkOpened"}"#);
    sink.perform(&json(
        r#"{"op":"addTracks","tracks":[{"track":"video","mimes":["video/mp4; codecs=\"avc1.64000d\""],"bare":[]}]}"#,
    ));
    sink.perform(&append(VIDEO));
    assert_eq!(next(&reports).await, r#"{"type":"sinkDone","track":"video","buffered":[[0.08,4.08]]}"#);
    sink.perform(&json(r#"{"op":"remove","track":"video","start":0,"end":2.08}"#));
    assert_eq!(next(&reports).await, r#"{"type":"sinkDone","track":"video","buffered":[[2.08,4.08]]}"#);
    sink.perform(&append(&vec![0; 400 << 20]));
    assert_eq!(next(&reports).await, r#"{"type":"sinkFull","track":"video"}"#);
    sink.perform(&json(r#"{"op":"setDuration","duration":1}"#));
    assert_eq!(Reflect::get(&video, &"duration".into()).unwrap(), 4.08);
    sink.perform(&json(r#"{"op":"endOfStream"}"#));
    sink.perform(&json(r#"{"op":"changeType","track":"audio","mime":"audio/mp4"}"#));
    assert!(
        next(&reports)
            .await
            .starts_with(r#"{"type":"sinkFailed","failure":"unsupported_type","name":"NotFoundError""#)
    );
    sink.perform(&append(EMPTY_MOVIE));
    sink.perform(&json(r#"{"op":"detach"}"#));
    pause(100).await;
    assert_eq!(reports.length(), 0, "{:?}", js_sys::JSON::stringify(&reports));
}

#[wasm_bindgen(module = "/www/page-sink.js")]
extern "C" {
    type PageSink;

    #[wasm_bindgen(constructor)]
    fn new(video: &JsValue, report: &Function) -> PageSink;

    #[wasm_bindgen(method)]
    fn perform(this: &PageSink, command: &JsValue);
}

fn append(bytes: &[u8]) -> JsValue {
    let command = json(r#"{"op":"append","track":"video"}"#);
    Reflect::set(&command, &"data".into(), &Uint8Array::from(bytes).buffer()).unwrap();
    command
}

async fn next(reports: &Array) -> String {
    for _ in 0..500 {
        if reports.length() > 0 {
            return js_sys::JSON::stringify(&reports.shift()).unwrap().into();
        }
        pause(10).await;
    }
    panic!("no report for five seconds");
}

/// A sink and the element that it is attached to.
struct Stage {
    video: JsValue,
    inputs: Inputs,
    mse: std::cell::RefCell<Mse>,
}

impl Stage {
    /// Attached, with a video track.
    async fn open() -> Self {
        let stage = Self::attach().await;
        let new = NewTrack { kind: TrackKind::Video, mime: TYPE.to_owned(), others: &[] };
        stage.perform(SinkCommand::AddTracks(vec![new]));
        stage
    }

    async fn attach() -> Self {
        let inputs = Inputs::default();
        let mse = Mse::new(inputs.inbox()).unwrap();
        let video = new_video();
        let attach = Function::new_with_args("video, source", "video.src = URL.createObjectURL(source)");
        attach.call2(&JsValue::UNDEFINED, &video, mse.source()).unwrap();
        inputs.wait_for(|input| matches!(input, Input::Sink(SinkEvent::Opened))).await;
        Self { video, inputs, mse: mse.into() }
    }

    fn perform(&self, command: SinkCommand) {
        self.mse.borrow_mut().perform(command);
    }

    async fn append(&self, bytes: Vec<u8>) -> Vec<TimeRange> {
        self.perform(SinkCommand::Append(TrackKind::Video, Payload::from(bytes), None));
        self.done().await
    }

    async fn done(&self) -> Vec<TimeRange> {
        let input = self.inputs.wait_for(|input| matches!(input, Input::Sink(SinkEvent::Done { .. }))).await;
        let Input::Sink(SinkEvent::Done { track: TrackKind::Video, buffered }) = input else {
            panic!("{input:?}")
        };
        buffered
    }

    fn number(&self, property: &str) -> f64 {
        Reflect::get(&self.video, &property.into()).unwrap().as_f64().unwrap()
    }

    fn run(&self, script: &str) {
        run(&self.video, script);
    }
}

impl Inputs {
    async fn wait_for_failure(&self) -> SinkFailure {
        for input in self.next_batch().await {
            if let Input::Sink(SinkEvent::Failed { failure, detail }) = input {
                assert!(!detail.is_empty() && !detail.contains("://"), "{detail}");
                return failure;
            }
        }
        panic!("no failure");
    }
}

fn run(video: &JsValue, script: &str) {
    Function::new_with_args("video", script).call1(&JsValue::UNDEFINED, video).unwrap();
}

fn new_video() -> JsValue {
    let script = "const video = document.createElement('video'); video.muted = true; document.body.append(video); video";
    js_sys::eval(script).unwrap()
}

fn json(text: &str) -> JsValue {
    js_sys::JSON::parse(text).unwrap()
}

fn range(start: f64, end: f64) -> TimeRange {
    TimeRange { start: MediaTime::from_secs(start), end: MediaTime::from_secs(end) }
}
