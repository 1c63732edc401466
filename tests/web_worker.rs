//! The web host in a real browser, where it lives: in a dedicated worker. Files come from the test runner's own
//! server, which serves the crate's folder.
#![cfg(target_arch = "wasm32")]
// Clippy does not know `wasm_bindgen_test` for a test.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[path = "web/inputs.rs"]
mod inputs;

use cloud_player::engine::{Input, NetEvent, NetFailure, Request, RequestId, RequestKind, ResponseHead};
use cloud_player::secret::{Secret, Url};
use cloud_player::web::fetch::Fetches;
use cloud_player::web::{Host, mse};
use inputs::{Inputs, pause};
use js_sys::{Array, Function, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

const VIDEO: &[u8] = include_bytes!("web/video.mp4");

#[wasm_bindgen_test]
async fn a_body_arrives_whole_between_its_head_and_its_end() {
    let fetched = fetch(request(&served("/tests/web/video.mp4"))).await;
    assert_eq!(fetched.head.as_ref().unwrap().status, 200);
    assert_eq!(fetched.head.as_ref().unwrap().content_length, Some(VIDEO.len() as u64));
    assert_eq!(fetched.head.as_ref().unwrap().url, None, "not redirected");
    assert!(fetched.body == VIDEO, "{} bytes of {}", fetched.body.len(), VIDEO.len());
    assert_eq!(fetched.end, Ok(()));
}

#[wasm_bindgen_test]
async fn a_refusal_is_a_head_with_its_status() {
    let fetched = fetch(request(&served("/no/such/file"))).await;
    assert_eq!(fetched.head.unwrap().status, 404);
    assert_eq!(fetched.end, Ok(()));
}

#[wasm_bindgen_test]
async fn a_server_that_is_not_there_is_a_network_failure() {
    let fetched = fetch(request("http://127.0.0.1:9/segment.ts")).await;
    assert!(fetched.head.is_none());
    assert_eq!(fetched.end, Err(NetFailure::Network));
}

#[wasm_bindgen_test]
async fn an_address_that_is_none_is_a_network_failure() {
    let fetched = fetch(request("http://[")).await;
    assert_eq!(fetched.end, Err(NetFailure::Network));
}

#[wasm_bindgen_test]
async fn a_data_url_is_a_response_like_others() {
    let fetched = fetch(request("data:application/octet-stream;base64,AAECAw==")).await;
    assert_eq!(fetched.head.unwrap().status, 200);
    assert_eq!(fetched.body, [0, 1, 2, 3]);
}

#[wasm_bindgen_test]
async fn a_report_is_posted_as_plain_text() {
    let server = StandIn::new("new Response('ok')");
    let body = Some(r#"{"records":[]}"#.to_owned());
    let sent = fetch(Request { kind: RequestKind::Telemetry, body, ..request(&served("/telemetry")) }).await;
    assert_eq!(sent.end, Ok(()));
    let request = server.requests.get(0);
    assert_eq!(text(&request, "method"), "POST");
    assert_eq!(Reflect::get(&request, &"keepalive".into()).unwrap(), JsValue::TRUE);
    let headers = Reflect::get(&request, &"headers".into()).unwrap();
    let headers: &web_sys::Headers = headers.unchecked_ref();
    assert_eq!(headers.get("content-type").unwrap().unwrap(), "text/plain;charset=UTF-8");
}

#[wasm_bindgen_test]
async fn a_range_is_first_byte_to_last_byte() {
    let server = StandIn::new("new Response('ok')");
    fetch(Request { range: Some((100, 50)), ..request(&served("/segment.mp4")) }).await;
    let headers = Reflect::get(&server.requests.get(0), &"headers".into()).unwrap();
    let headers: &web_sys::Headers = headers.unchecked_ref();
    assert_eq!(headers.get("range").unwrap().unwrap(), "bytes=100-149");
}

/// A browser would take it along to any host.
#[wasm_bindgen_test]
async fn a_token_in_a_header_follows_no_redirect() {
    let server = StandIn::new("new Response('ok')");
    let header = Some(("x-play-token".to_owned(), Secret::new("t0ken".to_owned())));
    fetch(Request { header, ..request(&served("/segment.mp4")) }).await;
    fetch(request(&served("/segment.mp4"))).await;
    let redirects = [0, 1].map(|i| text(&server.requests.get(i), "redirect"));
    assert_eq!(redirects, ["error", "follow"]);
    let headers = Reflect::get(&server.requests.get(0), &"headers".into()).unwrap();
    let headers: &web_sys::Headers = headers.unchecked_ref();
    assert_eq!(headers.get("x-play-token").unwrap().unwrap(), "t0ken");
}

#[wasm_bindgen_test]
async fn nothing_is_heard_of_an_aborted_request() {
    let inputs = Inputs::default();
    let fetches = Fetches::new(inputs.inbox());
    fetches.start(request(&served("/tests/web/video.mp4")));
    assert!(!fetches.is_idle());
    fetches.abort(RequestId(1));
    assert!(fetches.is_idle());
    pause(300).await;
    assert!(inputs.take().is_empty());
}

#[wasm_bindgen_test]
async fn a_request_aborted_between_two_chunks_ends_there() {
    let _server = StandIn::new(
        "new Response(new ReadableStream({
             start(c) { c.enqueue(new Uint8Array(10)); setTimeout(() => { try { c.enqueue(new Uint8Array(5)); } catch {} }, 50); }
         }))",
    );
    let inputs = Inputs::default();
    let fetches = Fetches::new(inputs.inbox());
    fetches.start(request("http://host/endless"));
    inputs
        .wait_for(
            |input| matches!(input, Input::Net { event: NetEvent::Chunk(bytes), .. } if bytes.0.len() == 10),
        )
        .await;
    fetches.abort(RequestId(1));
    pause(150).await;
    assert!(inputs.take().is_empty());
}

#[wasm_bindgen_test]
async fn a_body_that_breaks_off_is_short_when_its_length_was_announced() {
    for (ending, expected) in [
        ("c.close()", Err(NetFailure::Short)),
        ("c.error(new TypeError('network error'))", Err(NetFailure::Short)),
        ("c.enqueue(new Uint8Array(6)); c.close()", Ok(())),
    ] {
        let _server = StandIn::new(&format!(
            "new Response(new ReadableStream({{
                 start(c) {{ c.enqueue(new Uint8Array(4)); setTimeout(() => {{ {ending} }}, 5); }}
             }}), {{ headers: {{ 'content-length': '10' }} }})"
        ));
        let fetched = fetch(Request { kind: RequestKind::Segment, ..request("http://host/segment") }).await;
        assert_eq!(fetched.end, expected, "{ending}");
    }
}

#[wasm_bindgen_test]
async fn the_head_tells_the_servers_time_and_how_long_to_wait() {
    for (retry_after, seconds, time) in [
        ("7", Some(7), None),
        ("Wed, 21 Oct 2015 07:28:05 GMT", None, Some(1_445_412_485_000)),
        ("yesterday", None, None),
    ] {
        let _server = StandIn::new(&format!(
            "new Response('', {{ status: 503, headers: {{
                 date: 'Wed, 21 Oct 2015 07:28:00 GMT', 'retry-after': '{retry_after}' }} }})"
        ));
        let head = fetch(request("http://host/busy")).await.head.unwrap();
        assert_eq!(head.status, 503);
        assert_eq!(head.date, Some(1_445_412_480_000));
        assert_eq!(head.retry_after.map(|wait| wait.as_secs()), seconds, "{retry_after}");
        // Date.parse takes a bare number for a year: one is not asked for a date where there are seconds.
        assert_eq!(head.retry_at, time, "{retry_after}");
    }
}

#[wasm_bindgen_test]
fn chromium_makes_media_sources_in_workers() {
    let agent = js_sys::eval("navigator.userAgent").unwrap().as_string().unwrap();
    assert_eq!(mse::works_in_worker(), agent.contains("Chrome"), "{agent}");
}

#[wasm_bindgen_test]
async fn a_host_asks_for_a_media_source_to_be_attached_and_stops_when_told() {
    let page = Page::new();
    let host = Host::new(page.post());
    host.receive(start_message());
    let attach = page.wait_for(|message| text(message, "type") == "sink").await;
    let command = Reflect::get(&attach, &"command".into()).unwrap();
    assert_eq!(text(&command, "op"), "attach");
    if mse::works_in_worker() {
        let handle = Reflect::get(&command, &"handle".into()).unwrap();
        assert_eq!(class_of(&handle), "MediaSourceHandle");
    }
    host.receive(json(r#"{"type":"stop"}"#));
    page.wait_for(|message| text(message, "type") == "stopped").await;
}

#[wasm_bindgen_test]
async fn a_source_that_is_not_there_is_one_fatal_error_event() {
    let page = Page::new();
    let host = Host::new(page.post());
    host.receive(start_message());
    let error = page.wait_for(|message| text(&event_of(message), "type") == "error").await;
    let error = event_of(&error);
    assert_eq!(Reflect::get(&error, &"status".into()).unwrap(), 404.0);
    assert_eq!(Reflect::get(&error, &"fatal".into()).unwrap(), JsValue::TRUE);
    assert!(!text(&error, "code").is_empty());
}

#[wasm_bindgen_test]
fn a_message_that_makes_no_sense_is_an_error_event_without_its_content() {
    let page = Page::new();
    let host = Host::new(page.post());
    for message in [
        JsValue::UNDEFINED,
        JsValue::from_str("hunter2"),
        json(r#"{"type":"hunter2"}"#),
        json(r#"{"type":"seek","to":"hunter2"}"#),
        json(r#"{"type":"start","sources":[{"kind":"hls","url":5,"token":"hunter2"}]}"#),
        json(r#"{"type":"seek","to":1}"#),
        json(r#"{"type":"sinkFull","track":"video"}"#),
        json(r#"{"type":"sinkFull","track":"hunter2"}"#),
        json(r#"{"type":"sinkDone","track":"video","buffered":[[1]]}"#),
        json(r#"{"type":"sinkDone","track":"video","buffered":"hunter2"}"#),
        json(r#"{"type":"selectRung","rung":1.5}"#),
        json(r#"{"type":"selectRung","rung":-1}"#),
        json(r#"{"type":"sinkFailed","failure":"hunter2","name":"","message":""}"#),
        json(r#"{"type":"visible"}"#),
    ] {
        host.receive(message);
        let answer = page.messages.pop();
        assert_eq!(text(&answer, "type"), "hostError");
        assert_eq!(text(&answer, "code"), "bad_message");
        assert_eq!(Reflect::get(&answer, &"fatal".into()).unwrap(), JsValue::FALSE);
        assert!(!js_sys::JSON::stringify(&answer).unwrap().as_string().unwrap().contains("hunter2"));
    }
    host.receive(start_message());
    host.receive(start_message());
    let complaints = page.messages.iter().filter(|message| text(message, "code") == "bad_message").count();
    assert_eq!(complaints, 1, "a second start is refused");
}

#[wasm_bindgen_test]
async fn whatever_a_page_says_in_a_session_is_understood() {
    let page = Page::new();
    let host = Host::new(page.post());
    let start = start_message();
    Reflect::set(&start, &"sink".into(), &"page".into()).unwrap();
    host.receive(start);
    for message in [
        r#"{"type":"sinkOpened"}"#,
        r#"{"type":"seek","to":1.5}"#,
        r#"{"type":"selectRung","rung":1}"#,
        r#"{"type":"selectRung","rung":null}"#,
        r#"{"type":"element","event":"timeupdate","position":0.5,"paused":false,"seeking":false,"rate":1,
            "readyState":4,"decodedFrames":12,"droppedFrames":0}"#,
        r#"{"type":"online","online":false}"#,
        r#"{"type":"online","online":true}"#,
        r#"{"type":"visible","visible":false}"#,
        r#"{"type":"viewport","width":1280,"height":720}"#,
        r#"{"type":"sinkDone","track":"audio","buffered":[[0,4.5],[6,8]]}"#,
        r#"{"type":"sinkFailed","failure":"unsupported_type","name":"NotSupportedError","message":"no"}"#,
    ] {
        host.receive(json(message));
        let complaint = page.messages.iter().find(|answer| text(answer, "type") == "hostError");
        assert!(complaint.is_none(), "{message}");
    }
    let error = page.wait_for(|message| text(&event_of(message), "type") == "error").await;
    assert_eq!(text(&event_of(&error), "code"), "codec_unsupported");
    host.receive(json(r#"{"type":"stop"}"#));
    page.wait_for(|message| text(message, "type") == "stopped").await;
}

#[wasm_bindgen_test]
fn a_token_is_put_on_an_address_for_those_who_have_a_player_of_their_own() {
    let url = cloud_player::web::format_url_with_token("http://h/x/v.m3u8?t=1".to_owned(), "TOK");
    assert_eq!(url, "http://h/x/voddrm.token.TOK.v.m3u8?t=1");
}

fn start_message() -> JsValue {
    let url = served("/no/such/master.m3u8");
    json(&format!(
        r#"{{"type":"start","sessionId":"test","seed":1,"sources":[{{"kind":"hls","url":"{url}","token":null,"tokenPlacement":null}}],
            "reportUrl":null,"reportInterval":null,"bufferGoal":null,"backBuffer":null,"storedThroughput":null,
            "startTime":null,"startRung":null,"sink":null,"viewport":{{"width":640,"height":360}}}}"#
    ))
}

/// Takes the place of the browser's `fetch`, for what the runner's server cannot do, and notes what is asked.
struct StandIn {
    requests: Array,
    restore: Function,
}

impl StandIn {
    /// `response` is the JavaScript expression of each answer.
    fn new(response: &str) -> Self {
        let script = format!(
            "const real = self.fetch;
             self.fetch = async (url, init) => {{ requests.push(new Request(url, init)); return {response}; }};
             return () => {{ self.fetch = real; }};"
        );
        let requests = Array::new();
        let install = Function::new_with_args("requests", &script);
        let restore = install.call1(&JsValue::UNDEFINED, &requests).unwrap().unchecked_into();
        Self { requests, restore }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.restore.call0(&JsValue::UNDEFINED).unwrap();
    }
}

/// What a page would have got.
struct Page {
    messages: Array,
}

impl Page {
    fn new() -> Self {
        Self { messages: Array::new() }
    }

    fn post(&self) -> Function {
        let keep = Function::new_with_args("messages", "return (message) => messages.push(message);");
        keep.call1(&JsValue::UNDEFINED, &self.messages).unwrap().unchecked_into()
    }

    async fn wait_for(&self, wanted: impl Fn(&JsValue) -> bool) -> JsValue {
        for _ in 0..500 {
            if let Some(message) = self.messages.iter().find(|message| wanted(message)) {
                return message;
            }
            pause(10).await;
        }
        panic!("not among the messages: {:?}", js_sys::JSON::stringify(&self.messages));
    }
}

fn event_of(message: &JsValue) -> JsValue {
    Reflect::get(message, &"event".into()).unwrap_or_default()
}

fn json(text: &str) -> JsValue {
    js_sys::JSON::parse(text).unwrap()
}

fn text(of: &JsValue, name: &str) -> String {
    Reflect::get(of, &name.into()).ok().and_then(|value| value.as_string()).unwrap_or_default()
}

fn class_of(value: &JsValue) -> String {
    let constructor = Reflect::get(value, &"constructor".into()).unwrap_or_default();
    text(&constructor, "name")
}

struct Fetched {
    head: Option<ResponseHead>,
    body: Vec<u8>,
    end: Result<(), NetFailure>,
}

/// Makes the one request and hears it out.
async fn fetch(request: Request) -> Fetched {
    let inputs = Inputs::default();
    let fetches = Fetches::new(inputs.inbox());
    fetches.start(request);
    let mut fetched = Fetched { head: None, body: Vec::new(), end: Ok(()) };
    loop {
        for input in inputs.next_batch().await {
            let Input::Net { id: RequestId(1), event } = input else { panic!("{input:?}") };
            match event {
                NetEvent::Head(head) => {
                    assert!(fetched.head.is_none() && fetched.body.is_empty());
                    fetched.head = Some(head);
                }
                NetEvent::Chunk(bytes) => {
                    assert!(fetched.head.is_some());
                    fetched.body.extend(bytes.0);
                }
                NetEvent::End => {
                    assert!(fetches.is_idle());
                    return fetched;
                }
                NetEvent::Failed(failure) => return Fetched { end: Err(failure), ..fetched },
            }
        }
    }
}

fn request(url: &str) -> Request {
    Request {
        id: RequestId(1),
        kind: RequestKind::Segment,
        url: Url::new(url),
        range: None,
        header: None,
        body: None,
    }
}

/// An address on the test runner's server. The worker's own address may be a blob's.
fn served(path: &str) -> String {
    let origin = js_sys::eval("self.origin").unwrap().as_string().unwrap();
    format!("{origin}{path}")
}
