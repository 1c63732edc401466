//! Requests: `fetch` with a body that is read as it arrives.
//!
//! Invariants: a request gives `Head` once, then chunks, then `End`, or at any point `Failed`, and nothing after
//! it was aborted. A body's bytes are copied once, into wasm memory.

use core::time::Duration;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    AbortController, Headers, ReadableStreamDefaultReader, RequestInit, RequestRedirect, Response,
};

use super::inbox::Inbox;
use super::js;
use crate::engine::{Chunk, Input, NetEvent, NetFailure, Request, RequestId, RequestKind, ResponseHead};
use crate::secret::Url;

/// The requests in flight.
#[derive(Debug)]
pub struct Fetches {
    inbox: Inbox,
    flying: Flying,
}

impl Fetches {
    /// No request yet; events will go to `inbox`.
    pub fn new(inbox: Inbox) -> Self {
        Self { inbox, flying: Flying::default() }
    }

    /// Sends a request. Its events come later, never from inside this call.
    pub fn start(&self, request: Request) {
        // Without a controller (no browser of today) the request cannot be cut short, only ignored.
        let controller = AbortController::new().ok();
        let promise = js::fetch(request.url.expose(), &request_init(&request, controller.as_ref()));
        self.flying.borrow_mut().insert(request.id, controller);
        let transfer = Transfer {
            id: request.id,
            kind: request.kind,
            inbox: self.inbox.clone(),
            flying: self.flying.clone(),
        };
        spawn_local(transfer.run(JsFuture::from(promise)));
    }

    /// Gives a request up. Unknown ids do no harm.
    pub fn abort(&self, id: RequestId) {
        let controller = self.flying.borrow_mut().remove(&id);
        if let Some(controller) = controller.flatten() {
            controller.abort();
        }
    }

    /// Whether nothing is in flight.
    pub fn is_idle(&self) -> bool {
        self.flying.borrow().is_empty()
    }
}

type Flying = Rc<RefCell<HashMap<RequestId, Option<AbortController>>>>;

struct Transfer {
    id: RequestId,
    kind: RequestKind,
    inbox: Inbox,
    flying: Flying,
}

impl Transfer {
    async fn run(self, response: JsFuture) {
        let end = match self.receive(response).await {
            Ok(()) => NetEvent::End,
            Err(failure) => NetEvent::Failed(failure),
        };
        if self.flying.borrow_mut().remove(&self.id).is_some() {
            self.inbox.give(Input::Net { id: self.id, event: end });
        }
    }

    async fn receive(&self, response: JsFuture) -> Result<(), NetFailure> {
        let response: Response = response.await.map_err(|_| no_connection())?.unchecked_into();
        let head = response_head(&response, self.kind);
        let announced = head.content_length;
        let Some(body) = response.body() else {
            self.give(NetEvent::Head(head));
            return Ok(());
        };
        let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
        // Each read is asked for before the session works on what the last one brought.
        let mut next = JsFuture::from(reader.read());
        self.give(NetEvent::Head(head));
        let mut received = 0u64;
        loop {
            let read = next.await.map_err(|_| cut_off(announced, received))?;
            let read: ReadResult = read.unchecked_into();
            let Some(value) = read.value() else { break };
            next = JsFuture::from(reader.read());
            let chunk = value.to_vec();
            received = received.saturating_add(chunk.len() as u64);
            self.give(NetEvent::Chunk(Chunk(chunk)));
        }
        match announced {
            Some(announced) if received < announced => Err(NetFailure::Short),
            _ => Ok(()),
        }
    }

    fn give(&self, event: NetEvent) {
        if self.flying.borrow().contains_key(&self.id) {
            self.inbox.give(Input::Net { id: self.id, event });
        }
    }
}

fn request_init(request: &Request, controller: Option<&AbortController>) -> RequestInit {
    let init = RequestInit::new();
    init.set_signal(controller.map(AbortController::signal).as_ref());
    if (request.range.is_some() || request.header.is_some())
        && let Ok(headers) = Headers::new()
    {
        // Refused only for header names and values that are malformed: without its token a request is refused by the server.
        if let Some((first, length)) = request.range {
            let last = first.saturating_add(length.saturating_sub(1));
            let _ = headers.set("range", &format!("bytes={first}-{last}"));
        }
        if let Some((name, value)) = &request.header {
            let _ = headers.set(name, value.expose());
            // A browser takes a header of ours along to wherever it is sent, and says where that was when it is too late.
            init.set_redirect(RequestRedirect::Error);
        }
        init.set_headers_headers(&headers);
    }
    if let Some(body) = &request.body {
        init.set_method("POST");
        // A string body goes out as text/plain. Over the browser's limit `keepalive` would refuse the request.
        init.set_body_opt_str(Some(body));
        let _ = Reflect::set(&init, &"keepalive".into(), &(body.len() <= MAX_KEEPALIVE_BYTES).into());
    }
    init
}

fn response_head(response: &Response, kind: RequestKind) -> ResponseHead {
    let headers = response.headers();
    let header = |name: &str| headers.get(name).ok().flatten();
    let date = header("date").and_then(|text| http_date(&text));
    let retry_after = header("retry-after");
    let seconds = retry_after.as_deref().and_then(|text| text.trim().parse().ok());
    ResponseHead {
        status: response.status(),
        url: response.redirected().then(|| Url::new(response.url())),
        content_length: announced_length(response, kind, &header),
        date,
        // Seconds or a date (RFC 9110 §10.2.3). The date is by the server's clock, which the session knows and we do not.
        retry_after: seconds.map(Duration::from_secs),
        retry_at: retry_after.filter(|_| seconds.is_none()).and_then(|text| http_date(&text)),
    }
}

/// The length of the body as it will be read. A browser undoes a content-encoding but leaves the encoded length in
/// the head, and across origins it hides the encoding (the header is not CORS-safelisted): there, only segments
/// are taken at their word, because nobody compresses media again.
fn announced_length(
    response: &Response,
    kind: RequestKind,
    header: &impl Fn(&str) -> Option<String>,
) -> Option<u64> {
    let same_origin = response.type_() == web_sys::ResponseType::Basic;
    if header("content-encoding").is_some() || !(same_origin || kind == RequestKind::Segment) {
        return None;
    }
    header("content-length")?.trim().parse().ok()
}

fn http_date(text: &str) -> Option<i64> {
    let millis = js_sys::Date::parse(text);
    #[allow(clippy::cast_possible_truncation)]
    millis.is_finite().then_some(millis as i64)
}

fn no_connection() -> NetFailure {
    if js::online() { NetFailure::Network } else { NetFailure::Offline }
}

/// Why a body stopped. A connection that closes early is an error of the stream in today's browsers, a quiet end in
/// older ones; both are `Short` when the length was announced.
fn cut_off(announced: Option<u64>, received: u64) -> NetFailure {
    match announced {
        Some(announced) if js::online() && received < announced => NetFailure::Short,
        _ => no_connection(),
    }
}

#[wasm_bindgen]
extern "C" {
    /// What `ReadableStreamDefaultReader.read()` resolves to; without a value it is the end.
    type ReadResult;

    #[wasm_bindgen(method, getter)]
    fn value(this: &ReadResult) -> Option<Uint8Array>;
}

/// Browsers keep at most 64 KiB of `keepalive` bodies in flight; some room is left for another report.
const MAX_KEEPALIVE_BYTES: usize = 48 * 1024;
