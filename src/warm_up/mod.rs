//! A session that plays a stream of its own for nobody, before there is anything to play.
//!
//! Browsers compile a WebAssembly function when it is called first, and what leads to the first frame calls some hundreds
//! of them, one after another. A host that has nothing to do (its player was preloaded, or it waits for the network) has
//! that done here, in the milliseconds that nobody waits for.
//!
//! The stream is half a second of an encrypted transport stream with pictures (H.264 with reordered frames) and sound
//! (AAC), `segment.bin`. To make it anew:
//!
//! ```text
//! ffmpeg -f lavfi -i testsrc2=s=16x16:r=10 -f lavfi -i anullsrc=r=48000:cl=stereo -t 0.4 \
//!   -c:v libx264 -profile:v high -pix_fmt yuv420p -bf 2 -g 4 -x264-params scenecut=0:b-adapt=0:aud=1 \
//!   -bsf:v filter_units=remove_types=6 -c:a aac -b:a 32k -fflags +bitexact -flags:a +bitexact \
//!   -f mpegts -pat_period 10 -sdt_period 10 clear.ts        # the packets of PID 17 were taken out
//! openssl enc -aes-128-cbc -K 00112233445566778899aabbccddeeff -iv 00000000000000000000000000000000 \
//!   -in clear.ts -out segment.bin
//! ```

use core::time::Duration;
use std::collections::VecDeque;

use crate::crypto::{ContentKey, Decryptor, Iv, SegmentMethod};
use crate::engine::{
    Chunk, Command, Config, ElementEvent, ElementState, Input, NetEvent, Output, Request, RequestKind,
    ResponseHead, SinkCommand, SinkEvent, Source,
};
use crate::media::TrackKind;
use crate::secret::Url;
use crate::session::Session;
use crate::time::{MediaTime, TimeRange, Timestamp};

/// The session, and what it is to be told.
#[derive(Debug)]
pub(crate) struct WarmUp {
    session: Session,
    now: Timestamp,
    inputs: VecDeque<Input>,
    /// Inputs that may still be given: nothing here goes on for long.
    left: usize,
    /// Bytes that are still to be decrypted.
    undecrypted: usize,
    /// Fragments that came out.
    #[cfg(test)]
    appended: Vec<TrackKind>,
}

impl WarmUp {
    /// Nothing is done yet.
    pub(crate) fn new() -> Self {
        let config =
            Config { report_url: Some(Url::new("https://warm.invalid/report")), ..Config::default() };
        let url = Url::new("https://warm.invalid/master.m3u8");
        let load = Input::Command(Command::Load(vec![Source::Hls { url, token: None }]));
        Self {
            session: Session::new(config, Timestamp::ZERO),
            now: Timestamp::ZERO,
            inputs: VecDeque::from([load]),
            left: MAX_INPUTS,
            undecrypted: DECRYPTED,
            #[cfg(test)]
            appended: Vec::new(),
        }
    }

    /// A part of it, small enough not to keep a real session waiting. The result is whether there is more.
    pub(crate) fn step(&mut self) -> bool {
        for _ in 0..STEP_INPUTS.min(self.left) {
            self.left -= 1;
            let Some(input) = self.inputs.pop_front() else {
                self.left = 0;
                break;
            };
            self.now = self.now + STEP_TIME;
            self.session.handle(self.now, input);
            while let Some(output) = self.session.poll() {
                self.answer(output);
            }
        }
        self.left > 0 || self.decrypt()
    }

    /// What decrypts takes the most time, and browsers compile it well only when they have seen that.
    fn decrypt(&mut self) -> bool {
        let mut bytes = vec![0; STEP_BYTES.min(self.undecrypted)];
        self.undecrypted -= bytes.len();
        let key = ContentKey::from_bytes(KEY);
        let made = key.and_then(|key| Decryptor::new(SegmentMethod::Aes128, &key, &Iv::from_sequence(0)));
        // What comes out does not matter.
        let _ = made.and_then(|mut decryptor| decryptor.push(&mut bytes, |_| Ok(())));
        self.undecrypted > 0
    }

    fn answer(&mut self, output: Output) {
        match output {
            Output::Fetch(request) => self.respond(&request),
            Output::Sink(SinkCommand::Attach) => self.inputs.push_back(Input::Sink(SinkEvent::Opened)),
            Output::Sink(SinkCommand::Append(track, _, start)) => self.append(track, start),
            _ => {}
        }
    }

    /// The whole of a response, but for segments behind the first: those never come.
    fn respond(&mut self, request: &Request) {
        let path = request.url.expose();
        let body = match request.kind {
            RequestKind::Playlist if path.ends_with("master.m3u8") => MASTER.as_bytes(),
            RequestKind::Playlist => PLAYLIST.as_bytes(),
            RequestKind::Key => KEY,
            RequestKind::Segment if path.ends_with("/0.ts") => SEGMENT,
            _ => return,
        };
        let content_length = u64::try_from(body.len()).ok();
        let head = ResponseHead { status: 200, content_length, ..ResponseHead::default() };
        let chunks = body.chunks(body.len().div_ceil(2)).map(|chunk| NetEvent::Chunk(Chunk(chunk.to_vec())));
        let events = [NetEvent::Head(head)].into_iter().chain(chunks).chain([NetEvent::End]);
        self.inputs.extend(events.map(|event| Input::Net { id: request.id, event }));
    }

    fn append(&mut self, track: TrackKind, start: Option<MediaTime>) {
        let buffered = start.map(|start| TimeRange { start: MediaTime::ZERO, end: start + FRAGMENT });
        self.inputs
            .push_back(Input::Sink(SinkEvent::Done { track, buffered: buffered.into_iter().collect() }));
        if start.is_some() {
            #[cfg(test)]
            self.appended.push(track);
            let state = ElementState { rate: 1.0, ready_state: 4, ..ElementState::default() };
            let events = [ElementEvent::FirstFrame, ElementEvent::Playing];
            self.inputs.extend(events.map(|event| Input::Element { event, state }));
        }
    }
}

/// Inputs in all, and in a step.
const MAX_INPUTS: usize = 64;
const STEP_INPUTS: usize = 4;
/// Bytes that are decrypted in all, and in a step.
const DECRYPTED: usize = 128 << 10;
const STEP_BYTES: usize = 16 << 10;
/// Between two inputs.
const STEP_TIME: Duration = Duration::from_millis(5);
/// How long a fragment is, about.
const FRAGMENT: MediaTime = MediaTime::from_millis(200);
const MASTER: &str = "#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=400000,RESOLUTION=640x360,CODECS=\"avc1.64000a,mp4a.40.2\"
low.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=854x480,CODECS=\"avc1.64000a,mp4a.40.2\"
high.m3u8
";
const PLAYLIST: &str = "#EXTM3U
#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:1
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-KEY:METHOD=AES-128,URI=\"key\",IV=0x00000000000000000000000000000000
#EXTINF:0.4,
0.ts
#EXTINF:0.4,
1.ts
#EXT-X-ENDLIST
";
const KEY: &[u8] = b"\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff";
const SEGMENT: &[u8] = include_bytes!("segment.bin");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_and_sound_come_out_and_it_ends() {
        let mut warm_up = WarmUp::new();
        let steps = (0..=MAX_INPUTS).take_while(|_| warm_up.step()).count();
        assert!(steps < MAX_INPUTS / STEP_INPUTS + DECRYPTED / STEP_BYTES, "{steps} steps");
        let of = |kind| warm_up.appended.iter().filter(|track| **track == kind).count();
        assert!(of(TrackKind::Video) > 1 && of(TrackKind::Audio) > 0, "{:?}", warm_up.appended);
    }
}
